package tlv

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		kind   Kind
		id     uint16
		length int
		want   string
	}{
		{MultipleResource, 6, 0, "8006"},
		{Resource, 0, 0, "c000"},
		{Resource, 0, 7, "c700"},
		{Resource, 0, 8, "c80008"},
		{Resource, 0, 255, "c800ff"},
		{Resource, 0, 256, "d0000100"},
		{Resource, 0, 65535, "d000ffff"},
		{Resource, 0, 65536, "d800010000"},
		{Resource, 0, MaxLength, "d800ffffff"},
		{Resource, 255, 0, "c0ff"},
		{Resource, 5700, 8, "e8164408"},
		{ResourceInstance, 256, 1, "610100"},
		{ObjectInstance, 0, 121, "080079"},
	} {
		got, err := AppendHeader(nil, c.kind, c.id, c.length)
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%v %d, %d bytes: %x %v, want %s", c.kind, c.id, c.length, got, err, c.want)
		}
	}
}

func TestTooLong(t *testing.T) {
	if _, err := AppendHeader(nil, Resource, 0, MaxLength+1); !errors.Is(err, ErrTooLong) {
		t.Errorf("header: %v", err)
	}
	long := make([]byte, MaxLength+1)
	if _, err := Append(nil, Resource, 0, long); !errors.Is(err, ErrTooLong) {
		t.Errorf("entry: %v", err)
	}
	if got, err := Wrap(long, 0, Resource, 0); !errors.Is(err, ErrTooLong) || len(got) != len(long) {
		t.Errorf("wrap: %v, %d bytes", err, len(got))
	}
}

func TestNested(t *testing.T) {
	payload := unhex(t, "080008"+"8606410001410105"+"c0ff")
	d := NewDecoder(payload)
	oi, err := d.Next()
	if err != nil || oi.Kind != ObjectInstance || oi.ID != 0 || oi.Offset != 0 {
		t.Fatalf("%+v %v", oi, err)
	}
	in := oi.Contents()
	multi, err := in.Next()
	if err != nil || multi.Kind != MultipleResource || multi.ID != 6 || multi.Offset != 3 {
		t.Fatalf("%+v %v", multi, err)
	}
	var offsets []int
	for in = multi.Contents(); in.More(); {
		e, err := in.Next()
		if err != nil || e.Kind != ResourceInstance {
			t.Fatalf("%+v %v", e, err)
		}
		offsets = append(offsets, e.Offset)
	}
	if len(offsets) != 2 || offsets[0] != 5 || offsets[1] != 8 {
		t.Errorf("offsets %v", offsets)
	}
	last, err := d.Next()
	if err != nil || last.Kind != Resource || last.ID != 255 || len(last.Value) != 0 || last.Offset != 11 {
		t.Errorf("%+v %v", last, err)
	}
	if _, err := d.Next(); err == nil {
		t.Error("an entry after the last one")
	}
}

// Bits 2-0 of the type byte carry no meaning beside a length field.
func TestIgnoredLengthBits(t *testing.T) {
	d := NewDecoder(unhex(t, "cf0001ff"))
	e, err := d.Next()
	if err != nil || !bytes.Equal(e.Value, []byte{0xff}) || d.More() {
		t.Errorf("%+v %v", e, err)
	}
}

func TestMalformed(t *testing.T) {
	for _, c := range []struct {
		payload string
		offset  int
		reason  string
	}{
		{"c0", 0, "header cut short"},
		{"e001", 0, "header cut short"},
		{"c800", 0, "header cut short"},
		{"d80001", 0, "header cut short"},
		{"c200ff", 0, "length 2, but 1 bytes left"},
		{"c001d800ffffff00", 2, "length 16777215, but 1 bytes left"},
	} {
		d := NewDecoder(unhex(t, c.payload))
		var err error
		for err == nil {
			_, err = d.Next()
		}
		var e *Error
		if !errors.As(err, &e) || e.Offset != c.offset || e.Reason != c.reason {
			t.Errorf("%s: %v", c.payload, err)
		}
		if d.More() {
			t.Errorf("%s: more after an error", c.payload)
		}
	}
}

// An offset inside a nested entry with a longer header than needed counts from
// the start of the payload all the same.
func TestNestedOffset(t *testing.T) {
	d := NewDecoder(unhex(t, "380000000002"+"c500"))
	e, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	in := e.Contents()
	_, err = in.Next()
	var te *Error
	if !errors.As(err, &te) || te.Offset != 6 {
		t.Errorf("%v", err)
	}
}

func TestIntegers(t *testing.T) {
	for _, c := range []struct {
		v    int64
		want string
	}{
		{0, "00"}, {-1, "ff"}, {-49, "cf"}, {127, "7f"}, {128, "0080"}, {-128, "80"}, {-129, "ff7f"},
		{40000, "00009c40"}, {1<<31 - 1, "7fffffff"}, {1 << 31, "0000000080000000"}, {1 << 32, "0000000100000000"},
		{math.MaxInt64, "7fffffffffffffff"}, {math.MinInt64, "8000000000000000"},
	} {
		got := AppendInt(nil, c.v)
		back, err := ParseInt(got)
		if hex.EncodeToString(got) != c.want || err != nil || back != c.v {
			t.Errorf("%d: %x, back %d %v, want %s", c.v, got, back, err, c.want)
		}
	}
}

func TestValueErrors(t *testing.T) {
	for n := range 10 {
		b := bytes.Repeat([]byte{2}, n)
		_, errInt := ParseInt(b)
		_, errUint := ParseUint(b)
		_, errFloat := ParseFloat(b)
		_, errBool := ParseBool(b) // 2 is not a boolean either
		_, _, errLink := ParseObjlnk(b)
		for _, c := range []struct {
			name string
			err  error
			ok   bool
		}{
			{"int", errInt, n == 1 || n == 2 || n == 4 || n == 8},
			{"uint", errUint, n == 1 || n == 2 || n == 4 || n == 8},
			{"float", errFloat, n == 4 || n == 8},
			{"bool", errBool, false},
			{"objlnk", errLink, n == 4},
		} {
			if c.ok != (c.err == nil) || !c.ok && !errors.Is(c.err, ErrValue) {
				t.Errorf("%s of %d bytes: %v", c.name, n, c.err)
			}
		}
	}
}

// Unsigned integers keep their top bit clear while there is room.
func TestAppendUint(t *testing.T) {
	for v, want := range map[uint64]string{
		0: "00", 127: "7f", 128: "0080", 255: "00ff", 256: "0100", 32768: "00008000", 65535: "0000ffff",
		1 << 31: "0000000080000000", 1<<63 - 1: "7fffffffffffffff", 1 << 63: "8000000000000000", 1<<64 - 1: "ffffffffffffffff",
	} {
		if got := hex.EncodeToString(AppendUint(nil, v)); got != want {
			t.Errorf("%d: %s, want %s", v, got, want)
		}
	}
}

func TestRoundTripValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.Int64().Draw(t, "int")
		if got, err := ParseInt(AppendInt(nil, i)); got != i || err != nil {
			t.Fatalf("int %d: %d %v", i, got, err)
		}
		u := rapid.Uint64().Draw(t, "uint")
		if got, err := ParseUint(AppendUint(nil, u)); got != u || err != nil {
			t.Fatalf("uint %d: %d %v", u, got, err)
		}
		f := rapid.Float64().Draw(t, "float")
		if got, err := ParseFloat(AppendFloat(nil, f)); got != f || err != nil {
			t.Fatalf("float %g: %g %v", f, got, err)
		}
		single := rapid.Float32().Draw(t, "single")
		b := binary.BigEndian.AppendUint32(make([]byte, 0, 4), math.Float32bits(single)|1<<31)
		if got, err := ParseFloat(b); err != nil || math.Abs(got) != math.Abs(float64(single)) {
			t.Fatalf("single %g: %g %v", single, got, err)
		}
		v := rapid.Bool().Draw(t, "bool")
		if got, err := ParseBool(AppendBool(nil, v)); got != v || err != nil {
			t.Fatalf("bool %t: %t %v", v, got, err)
		}
		o, oi := rapid.Uint16().Draw(t, "object"), rapid.Uint16().Draw(t, "instance")
		if o2, oi2, err := ParseObjlnk(AppendObjlnk(nil, o, oi)); o2 != o || oi2 != oi || err != nil {
			t.Fatalf("link %d:%d: %d:%d %v", o, oi, o2, oi2, err)
		}
	})
}

func TestRoundTripEntries(t *testing.T) {
	kinds := rapid.SampledFrom([]Kind{ObjectInstance, ResourceInstance, MultipleResource, Resource})
	rapid.Check(t, func(t *rapid.T) {
		kind, id := kinds.Draw(t, "kind"), rapid.Uint16().Draw(t, "id")
		inner := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "value")
		dst := []byte("before")
		dst, err := Append(dst, Resource, id, inner)
		if err != nil {
			t.Fatal(err)
		}
		dst, err = Wrap(dst, len("before"), kind, id)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(dst, []byte("before")) {
			t.Fatalf("wrap touched what came before: %x", dst)
		}
		d := NewDecoder(dst[len("before"):])
		outer, err := d.Next()
		if err != nil || d.More() || outer.Kind != kind || outer.ID != id {
			t.Fatalf("outer %+v %v", outer, err)
		}
		in := outer.Contents()
		e, err := in.Next()
		if err != nil || in.More() || e.Kind != Resource || e.ID != id || !bytes.Equal(e.Value, inner) {
			t.Fatalf("inner %+v %v", e, err)
		}
	})
}

func TestKindString(t *testing.T) {
	for k, want := range map[Kind]string{
		ObjectInstance: "Object Instance", ResourceInstance: "Resource Instance",
		MultipleResource: "Multiple Resource", Resource: "Resource", 1: "Kind(0x01)",
	} {
		if k.String() != want {
			t.Errorf("%q, want %q", k.String(), want)
		}
	}
}
