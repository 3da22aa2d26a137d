package model_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/model"
)

func TestOperations(t *testing.T) {
	for set, text := range map[model.Operations]string{
		0:                               "",
		model.Readable:                  "R",
		model.Writable:                  "W",
		model.Readable | model.Writable: "RW",
		model.Executable:                "E",
	} {
		if set.String() != text {
			t.Errorf("%d is %q, want %q", set, set, text)
		}
	}
	rw := model.Readable | model.Writable
	if !rw.Has(model.Writable) || model.Readable.Has(rw) || !rw.Has(0) {
		t.Error("Has is not the subset relation")
	}
}

func TestObjectResource(t *testing.T) {
	o, _ := model.Embedded().Latest(3303)
	for i := range o.Resources {
		if r, ok := o.Resource(o.Resources[i].ID); !ok || r != &o.Resources[i] {
			t.Errorf("Resource(%d) = %+v", o.Resources[i].ID, r)
		}
	}
	for _, id := range []uint16{0, 5702, 65534} {
		if r, ok := o.Resource(id); ok || r != nil {
			t.Errorf("Resource(%d) = %+v", id, r)
		}
	}
}

func TestResourceCheck(t *testing.T) {
	device, _ := model.Core(model.Version11).Latest(3)
	for _, c := range []struct {
		id    uint16
		value model.Value
		want  error
		says  string
	}{
		{9, model.IntegerValue(100), nil, ""},
		{9, model.IntegerValue(101), model.ErrRange, "Battery Level (9): value out of range: 101 is not in 0..100"},
		{9, model.UnsignedValue(100), model.ErrType, "Battery Level (9) is Integer, not Unsigned Integer"},
		{9, model.Value{}, model.ErrType, "not none"},
		{0, model.StringValue("Acme"), nil, ""},
		{13, model.UnixValue(-1), nil, ""},
		{4, model.IntegerValue(1), model.ErrType, "Reboot (4) is executable"},
		{4, model.Value{}, model.ErrType, "Reboot (4) is executable"},
	} {
		r, ok := device.Resource(c.id)
		if !ok {
			t.Fatalf("no Resource %d", c.id)
		}
		err := r.Check(c.value)
		if !errors.Is(err, c.want) || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("Check(%v %v) of %s: %v; want %v %q", c.value.Kind(), c.value, r.Name, err, c.want, c.says)
		}
	}
}

func numbers(kind model.Kind, list ...float64) []model.Value {
	var values []model.Value
	for _, n := range list {
		switch kind {
		case model.Integer:
			values = append(values, model.IntegerValue(int64(n)))
		case model.Unsigned:
			values = append(values, model.UnsignedValue(uint64(n)))
		case model.Float:
			values = append(values, model.FloatValue(n))
		case model.String:
			values = append(values, model.StringValue(strings.Repeat("x", int(n))))
		case model.Opaque:
			values = append(values, model.OpaqueValue(make([]byte, int(n))))
		}
	}
	return values
}

func TestRangeEnforced(t *testing.T) {
	for _, c := range []struct {
		text    string
		kind    model.Kind
		in, out []float64
	}{
		{"0..4", model.Integer, []float64{0, 4}, []float64{-1, 5}},
		{"0-255", model.Unsigned, []float64{0, 255}, []float64{256, math.MaxUint32}},
		{" 1 .. 65534 ", model.Integer, []float64{1, 65534}, []float64{0, 65535}},
		{"1 - 8", model.Integer, []float64{1, 8}, []float64{0, 9}},
		{"-10-20", model.Integer, []float64{-10, 20}, []float64{-11, 21}},
		{"-20--10", model.Integer, []float64{-20, -10}, []float64{-21, -9, 15}},
		{"-273.15..", model.Float, []float64{-273.15, 1e30}, []float64{-273.2, math.Inf(-1), math.NaN()}},
		{"..0.5", model.Float, []float64{-1e30, 0.5}, []float64{0.6, math.NaN()}},
		{"0,1", model.Integer, []float64{0, 1}, []float64{-1, 2}},
		{"0, 2, 4..6", model.Integer, []float64{0, 2, 5}, []float64{1, 3, 7}},
		{"0..18446744073709551615", model.Unsigned, []float64{0, 1 << 63}, nil},
		{"0..255", model.String, []float64{0, 255}, []float64{256}},
		{"0..255 bytes", model.String, []float64{255}, []float64{256}},
		{"32 bytes", model.String, []float64{0, 32}, []float64{33}},
		{"1..3 Characters", model.String, []float64{1, 3}, []float64{0, 4}},
		{"6", model.Opaque, []float64{0, 6}, []float64{7}},
		{"16,32,48", model.Opaque, []float64{16, 32, 48}, []float64{0, 17, 49}},
		{"16,32,48 bytes", model.Opaque, []float64{16, 32, 48}, []float64{0, 17, 49}},
	} {
		r := model.ParseRange(c.text, c.kind)
		if !r.Enforced() || r.String() != strings.TrimSpace(c.text) {
			t.Errorf("%q of %v is not enforced", c.text, c.kind)
		}
		for _, v := range numbers(c.kind, c.in...) {
			if err := r.Check(v); err != nil {
				t.Errorf("%q: %v", c.text, err)
			}
		}
		for _, v := range numbers(c.kind, c.out...) {
			if err := r.Check(v); !errors.Is(err, model.ErrRange) || !strings.Contains(err.Error(), r.String()) {
				t.Errorf("%q: %v (length %d) is accepted: %v", c.text, v, v.Len(), err)
			}
		}
		// A range says nothing about other types.
		for _, v := range []model.Value{{}, model.BooleanValue(true), model.LinkValue(model.NullLink)} {
			if err := r.Check(v); err != nil {
				t.Errorf("%q: %v", c.text, err)
			}
		}
	}
}

func TestRangeNotEnforced(t *testing.T) {
	for text, kind := range map[string]model.Kind{
		"":               model.Integer,
		"255":            model.Integer,
		"2 bytes":        model.Integer,
		"16-bit":         model.Integer,
		"8-Bits":         model.Integer,
		"5..1":           model.Integer,
		"0..":            model.Time,
		"0..1":           model.Boolean,
		"1..2":           model.Objlnk,
		"..":             model.Float,
		"-":              model.Float,
		"-5-":            model.Float,
		"0...4":          model.Integer,
		"0..4..8":        model.Integer,
		"0x00..0xFF":     model.Integer,
		"0..100 %":       model.Integer,
		"1,":             model.Integer,
		"1e3..":          model.Float,
		"NaN..Inf":       model.Float,
		"0,1 ":           model.String,
		"U, UQ, S":       model.String,
		"bytes":          model.Opaque,
		"16-32-48 bytes": model.Opaque,
		"The possible values of Resource are listed in 5.3.1.1": model.String,
	} {
		r := model.ParseRange(text, kind)
		if r.Enforced() || r.String() != strings.TrimSpace(text) {
			t.Errorf("%q of %v is enforced", text, kind)
		}
		for _, v := range append(numbers(kind, 1, 5000), model.Value{}) {
			if err := r.Check(v); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}

func TestRangeCharacters(t *testing.T) {
	value := model.StringValue("äöü")
	if err := model.ParseRange("0..3 chars", model.String).Check(value); err != nil {
		t.Error(err)
	}
	if err := model.ParseRange("0..3", model.String).Check(value); !errors.Is(err, model.ErrRange) {
		t.Errorf("six bytes are accepted as three: %v", err)
	}
}

func TestParseRangeNeverPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[-+.,0-9 bytes]{0,20}`).Draw(t, "text")
		kind := model.Kind(rapid.Uint8Max(10).Draw(t, "kind"))
		r := model.ParseRange(text, kind)
		err := r.Check(anyValue().Draw(t, "value"))
		if err != nil && (!r.Enforced() || !errors.Is(err, model.ErrRange)) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
