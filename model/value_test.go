package model_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/model"
)

func anyValue() *rapid.Generator[model.Value] {
	return rapid.OneOf(
		rapid.Just(model.Value{}),
		rapid.Map(rapid.String(), model.StringValue),
		rapid.Map(rapid.Int64(), model.IntegerValue),
		rapid.Map(rapid.Uint64(), model.UnsignedValue),
		rapid.Map(rapid.Float64(), model.FloatValue),
		rapid.Map(rapid.Bool(), model.BooleanValue),
		rapid.Map(rapid.SliceOf(rapid.Byte()), model.OpaqueValue),
		rapid.Map(rapid.Int64(), model.UnixValue),
		rapid.Map(anyID(), func(id uint16) model.Value { return model.LinkValue(model.ObjectLink{Object: id, Instance: 1}) }),
		rapid.Map(rapid.String(), func(s string) model.Value { return model.CoreLinkValue(model.CoreLink(s)) }),
	)
}

func TestValueText(t *testing.T) {
	for _, c := range []struct {
		value          model.Value
		kind           model.Kind
		text, readable string
	}{
		{model.Value{}, model.None, "", ""},
		{model.StringValue("ä"), model.String, "ä", "ä"},
		{model.IntegerValue(math.MinInt64), model.Integer, "-9223372036854775808", "-9223372036854775808"},
		{model.UnsignedValue(math.MaxUint64), model.Unsigned, "18446744073709551615", "18446744073709551615"},
		{model.FloatValue(-0.5), model.Float, "-0.5", "-0.5"},
		{model.FloatValue(1e21), model.Float, "1000000000000000000000", "1000000000000000000000"},
		{model.BooleanValue(true), model.Boolean, "1", "true"},
		{model.BooleanValue(false), model.Boolean, "0", "false"},
		{model.OpaqueValue([]byte{1, 0xff}), model.Opaque, "Af8=", "01ff"},
		{model.UnixValue(1367491215), model.Time, "1367491215", "2013-05-02T10:40:15Z"},
		{model.LinkValue(model.ObjectLink{Object: 66, Instance: 0}), model.Objlnk, "66:0", "66:0"},
		{model.LinkValue(model.NullLink), model.Objlnk, "65535:65535", "65535:65535"},
		{model.CoreLinkValue("</3/0>"), model.Corelnk, "</3/0>", "</3/0>"},
	} {
		text, err := c.value.AppendText([]byte("x"))
		if err != nil || string(text) != "x"+c.text || c.value.String() != c.readable || c.value.Kind() != c.kind {
			t.Errorf("%v: text %q, %v; readable %q; want %q, %q", c.kind, text, err, c.value, c.text, c.readable)
		}
	}
}

func TestValueAccessorsGiveZeroForOtherTypes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue().Draw(t, "value")
		isText := v.Kind() == model.String || v.Kind() == model.Corelnk
		for what, bad := range map[string]bool{
			"Text":  !isText && v.Text() != "",
			"Int":   v.Kind() != model.Integer && v.Kind() != model.Time && v.Int() != 0,
			"Uint":  v.Kind() != model.Unsigned && v.Uint() != 0,
			"Float": v.Kind() != model.Float && v.Float() != 0,
			"Bool":  v.Kind() != model.Boolean && v.Bool(),
			"Bytes": v.Kind() != model.Opaque && v.Bytes() != nil,
			"Time":  v.Kind() != model.Time && !v.Time().IsZero(),
			"Link":  v.Kind() != model.Objlnk && v.Link() != model.NullLink,
			"Len":   !isText && v.Kind() != model.Opaque && v.Len() != 0,
		} {
			if bad {
				t.Fatalf("%s of %v %v is not zero", what, v.Kind(), v)
			}
		}
		if _, ok := v.Number(); ok != v.Kind().IsNumeric() {
			t.Fatalf("Number of %v: %t", v.Kind(), ok)
		}
		if v.IsZero() != (v.Kind() == model.None) {
			t.Fatalf("IsZero of %v", v.Kind())
		}
	})
}

func TestValueRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i, u, f := rapid.Int64().Draw(t, "i"), rapid.Uint64().Draw(t, "u"), rapid.Float64().Draw(t, "f")
		s, b := rapid.String().Draw(t, "s"), rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		if model.IntegerValue(i).Int() != i || model.UnsignedValue(u).Uint() != u || model.FloatValue(f).Float() != f ||
			model.StringValue(s).Text() != s || !bytes.Equal(model.OpaqueValue(b).Bytes(), b) {
			t.Fatal("a value changed")
		}
		if got := model.OpaqueValue(b).AppendBytes([]byte("x")); string(got) != "x"+string(b) || model.OpaqueValue(b).Len() != len(b) {
			t.Fatalf("bytes %x, want %x", got, b)
		}
		at := time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "at"), 999).UTC()
		if got := model.TimeValue(at).Time(); !got.Equal(at.Truncate(time.Second)) && !got.Equal(at.Add(-999)) {
			t.Fatalf("time %v, want %v", got, at)
		}
	})
}

func TestOpaqueValueIsACopy(t *testing.T) {
	b := []byte("secret")
	v := model.OpaqueValue(b)
	b[0] = 'X'
	v.Bytes()[1] = 'X'
	if string(v.Bytes()) != "secret" {
		t.Errorf("the value changed to %q", v.Bytes())
	}
}

func TestValueCompare(t *testing.T) {
	nan := model.FloatValue(math.NaN())
	ordered := []model.Value{
		{},
		model.StringValue(""), model.StringValue("a"), model.StringValue("b"),
		model.IntegerValue(-1), model.IntegerValue(0), model.IntegerValue(1<<53 + 0), model.IntegerValue(1<<53 + 1),
		model.UnsignedValue(0), model.UnsignedValue(math.MaxUint64 - 1), model.UnsignedValue(math.MaxUint64),
		nan, model.FloatValue(math.Inf(-1)), model.FloatValue(-1), model.FloatValue(0), model.FloatValue(1),
		model.BooleanValue(false), model.BooleanValue(true),
		model.OpaqueValue(nil), model.OpaqueValue([]byte{0}),
		model.UnixValue(-5), model.UnixValue(5),
		model.LinkValue(model.ObjectLink{Object: 1, Instance: 2}), model.LinkValue(model.ObjectLink{Object: 2, Instance: 1}),
		model.CoreLinkValue("</1>"),
	}
	for i, v := range ordered {
		for j, w := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := v.Compare(w); got != want || v.Equal(w) != (i == j) {
				t.Errorf("Compare(%v %v, %v %v) = %d, Equal %t", v.Kind(), v, w.Kind(), w, got, v.Equal(w))
			}
		}
	}
	zero, negative := model.FloatValue(0), model.FloatValue(math.Copysign(0, -1))
	if zero == negative || !zero.Equal(negative) || !nan.Equal(model.FloatValue(math.Float64frombits(0x7ff8dead00000000))) {
		t.Error("floats compare by their bits")
	}
}

func TestKind(t *testing.T) {
	if got := (model.ObjectLink{Object: 66, Instance: 1}).String(); got != "66:1" {
		t.Errorf("link %s", got)
	}
	if model.Unsigned.String() != "Unsigned Integer" || model.Kind(200).String() != "Kind(200)" {
		t.Errorf("names %v, %v", model.Unsigned, model.Kind(200))
	}
}
