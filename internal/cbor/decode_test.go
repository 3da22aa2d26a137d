package cbor

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	fx "github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

func decoder(t *testing.T, s string) Decoder {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return NewDecoder(b)
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		payload string
		want    Number
	}{
		{"00", IntNumber(0)},
		{"1864", IntNumber(100)},
		{"190064", IntNumber(100)}, // not the shortest, but well-formed
		{"3830", IntNumber(-49)},
		{"1b7fffffffffffffff", IntNumber(math.MaxInt64)},
		{"1b8000000000000000", UintNumber(1 << 63)},
		{"3b7fffffffffffffff", IntNumber(math.MinInt64)},
		{"f94da0", FloatNumber(22.5)},
		{"fa41b40000", FloatNumber(22.5)},
		{"fb4036800000000000", FloatNumber(22.5)},
		{"f9fc00", FloatNumber(math.Inf(-1))},
		{"c48221196ab3", FloatNumber(273.15)},
		{"c482001864", IntNumber(100)},
		{"c49f0101ff", FloatNumber(10)},
	} {
		d := decoder(t, c.payload)
		got, err := d.Number()
		if err != nil || got != c.want || d.Finish() != nil {
			t.Errorf("%s: %+v %v, want %+v", c.payload, got, err, c.want)
		}
	}
}

func TestNumberRanges(t *testing.T) {
	for _, c := range []struct {
		n        Number
		int, unt bool
	}{
		{IntNumber(-1), true, false},
		{IntNumber(1 << 62), true, true},
		{UintNumber(math.MaxUint64), false, true},
		{FloatNumber(1), true, true},
		{FloatNumber(1.5), false, false},
		{FloatNumber(-1 << 63), true, false},
		{FloatNumber(1 << 63), false, true},
		{FloatNumber(1 << 64), false, false},
		{FloatNumber(math.Inf(1)), false, false},
		{FloatNumber(math.NaN()), false, false},
	} {
		i, isInt := c.n.Int()
		u, isUint := c.n.Uint()
		if isInt != c.int || isUint != c.unt {
			t.Errorf("%g: int %t, uint %t", c.n.Float(), isInt, isUint)
		}
		if isInt && float64(i) != c.n.Float() || isUint && float64(u) != c.n.Float() {
			t.Errorf("%g became %d, %d", c.n.Float(), i, u)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, c := range []struct{ payload, want string }{
		{"60", ""}, {"6361626c", "abl"}, {"7f6161626263ff", "abc"}, {"7fff", ""}, {"780161", "a"},
	} {
		d := decoder(t, c.payload)
		got, err := d.Text()
		if err != nil || string(got) != c.want || d.Finish() != nil {
			t.Errorf("%s: %q %v, want %q", c.payload, got, err, c.want)
		}
	}
	d := decoder(t, "5f4101420203ff")
	if got, err := d.Bytes(); err != nil || hex.EncodeToString(got) != "010203" {
		t.Errorf("chunks: %x %v", got, err)
	}
}

func TestContainers(t *testing.T) {
	for _, payload := range []string{"a2010203820405", "bf01020382" + "0405ff", "bf01029f" + "ff" + "f6ff"} {
		d := decoder(t, payload)
		items, err := d.Map()
		if err != nil {
			t.Fatal(err)
		}
		pairs := 0
		for ; d.More(&items); pairs++ {
			if err := d.Skip(); err != nil {
				t.Fatal(err)
			}
			if err := d.Skip(); err != nil {
				t.Fatal(err)
			}
		}
		if pairs != 2 || d.Finish() != nil {
			t.Errorf("%s: %d pairs, %v", payload, pairs, d.Finish())
		}
	}
}

func TestScalars(t *testing.T) {
	d := decoder(t, "f5f4f6f7c1")
	for _, want := range []bool{true, false} {
		if got, err := d.Bool(); got != want || err != nil {
			t.Errorf("%t %v", got, err)
		}
	}
	if err := d.Null(); err != nil {
		t.Error(err)
	}
	if err := d.Null(); err != nil { // undefined
		t.Error(err)
	}
	if tag, err := d.Tag(); tag != TagEpochTime || err != nil {
		t.Errorf("%d %v", tag, err)
	}
	if d.Peek() != End || d.Offset() != 5 {
		t.Errorf("%v at %d", d.Peek(), d.Offset())
	}
}

func TestMalformed(t *testing.T) {
	for _, c := range []struct {
		payload, reason string
		read            func(*Decoder) error
	}{
		{"", "unexpected end", (*Decoder).Skip},
		{"18", "head cut short", (*Decoder).Skip},
		{"1c", "reserved initial byte 0x1c", (*Decoder).Skip},
		{"1f", "indefinite length of unsigned integer", (*Decoder).Skip},
		{"fe", "reserved initial byte 0xfe", (*Decoder).Skip},
		{"f814", "simple value 20 in two bytes", (*Decoder).Skip},
		{"ff", "break outside", (*Decoder).Skip},
		{"6261", "length 2, but 1 bytes left", (*Decoder).Skip},
		{"7bffffffffffffffff", "length 18446744073709551615", (*Decoder).Skip},
		{"61ff", "not UTF-8", (*Decoder).Skip},
		{"7f4100ff", "byte string, want text string", (*Decoder).Skip},
		{"7f7f60ffff", "inside a chunked string", (*Decoder).Skip},
		{"7f6161", "end of payload, want text string", (*Decoder).Skip},
		{"9bffffffffffffffff", "array of 18446744073709551615, but 0 bytes left", (*Decoder).Skip},
		{"a201", "map of 2, but 1 bytes left", (*Decoder).Skip},
		{"9f01", "unexpected end", (*Decoder).Skip},
		{"bf01ff", "break outside", (*Decoder).Skip},
		{strings.Repeat("81", 17) + "00", "nested deeper than 16", (*Decoder).Skip},
		{strings.Repeat("c1", 17) + "00", "nested deeper than 16", (*Decoder).Skip},
		{"c101", "tag 1, want a number", readNumber},
		{"6161", "text string, want number", readNumber},
		{"3b8000000000000000", "out of range", readNumber},
		{"c48101", "decimal fraction of 1 items", readNumber},
		{"c483010101", "more than 2 items", readNumber},
		{"c4821a7fffffff01", "exponent of a decimal fraction is out of range", readNumber},
		{"c482190190f5", "boolean, want integer", readNumber},
		{"c482190190190190", "decimal fraction is out of range", readNumber},
		{"00", "unsigned integer, want text string", func(d *Decoder) error { _, err := d.Text(); return err }},
		{"00", "unsigned integer, want boolean", func(d *Decoder) error { _, err := d.Bool(); return err }},
		{"00", "unsigned integer, want map", func(d *Decoder) error { _, err := d.Map(); return err }},
		{"00", "1 bytes after the end", (*Decoder).Finish},
	} {
		d := decoder(t, c.payload)
		err := c.read(&d)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), c.reason) {
			t.Errorf("%s: %v, want %s", c.payload, err, c.reason)
		}
	}
}

func readNumber(d *Decoder) error {
	_, err := d.Number()
	return err
}

func TestDecodeAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Draw(t, "float")
		b, err := fx.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		d := NewDecoder(b)
		if n, err := d.Number(); err != nil || n != FloatNumber(f) {
			t.Fatalf("%g: %+v %v", f, n, err)
		}
		i := rapid.Int64().Draw(t, "int")
		if b, err = fx.Marshal(i); err != nil {
			t.Fatal(err)
		}
		d = NewDecoder(b)
		if n, err := d.Number(); err != nil || n != IntNumber(i) {
			t.Fatalf("%d: %+v %v", i, n, err)
		}
	})
}

func TestKindString(t *testing.T) {
	if Map.String() != "map" || End.String() != "end of payload" || Kind(99).String() != "Kind(99)" {
		t.Errorf("%v %v %v", Map, End, Kind(99))
	}
}
