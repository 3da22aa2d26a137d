package cbor

import (
	"bytes"
	"encoding/hex"
	"math"
	"testing"

	fx "github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		got  []byte
		want string
	}{
		{AppendUint(nil, 23), "17"},
		{AppendUint(nil, 24), "1818"},
		{AppendUint(nil, 256), "190100"},
		{AppendUint(nil, 86400), "1a00015180"},
		{AppendUint(nil, math.MaxUint64), "1bffffffffffffffff"},
		{AppendInt(nil, -1), "20"},
		{AppendInt(nil, -49), "3830"},
		{AppendInt(nil, math.MinInt64), "3b7fffffffffffffff"},
		{AppendBytes(nil, []byte{1, 2, 3, 4, 5}), "450102030405"},
		{AppendBytesHead(nil, 300), "59012c"},
		{AppendText(nil, "66:0"), "6436363a30"},
		{AppendText(nil, []byte("65535:65535")), "6b36353533353a3635353335"},
		{AppendTextHead(nil, 24), "7818"},
		{AppendInt(AppendTag(nil, TagEpochTime), 1367491215), "c11a5182428f"},
		{AppendArray(nil, 16), "90"},
		{AppendMap(nil, 2), "a2"},
		{AppendBool(nil, true), "f5"},
		{AppendBool(nil, false), "f4"},
		{AppendNull(nil), "f6"},
		{AppendFloat(nil, 22.5), "f94da0"},
		{AppendFloat(nil, 43.61092), "fb4045ce32a0663c75"},
		{AppendFloat(nil, 100000), "fa47c35000"},
		{AppendFloat(nil, math.NaN()), "f97e00"},
		{AppendFloat(nil, math.Inf(-1)), "f9fc00"},
		{AppendFloat(nil, math.Copysign(0, -1)), "f98000"},
		{AppendFloat(nil, 5.960464477539063e-8), "f90001"},       // smallest half
		{AppendFloat(nil, 6.103515625e-5), "f90400"},             // smallest normal half
		{AppendFloat(nil, 65504), "f97bff"},                      // largest half
		{AppendFloat(nil, 65536), "fa47800000"},                  // above it
		{AppendFloat(nil, math.MaxFloat32), "fa7f7fffff"},        // largest single
		{AppendFloat(nil, 1e300), "fb7e37e43c8800759c"},          //
		{AppendFloat(nil, 2.98023223876953125e-8), "fa33000000"}, // half of the smallest half
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// The oracle encodes with the same rules: shortest float, definite lengths.
func TestAppendAgreesWithOracle(t *testing.T) {
	mode, err := fx.EncOptions{ShortestFloat: fx.ShortestFloat16}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	check := func(t *rapid.T, v any, got []byte) {
		want, err := mode.Marshal(v)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v: %x, want %x (%v)", v, got, want, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		i, u := rapid.Int64().Draw(t, "int"), rapid.Uint64().Draw(t, "uint")
		check(t, i, AppendInt(nil, i))
		check(t, u, AppendUint(nil, u))
		check(t, u, AppendNumber(nil, UintNumber(u)))
		f := rapid.Float64().Draw(t, "float")
		check(t, f, AppendFloat(nil, f))
		single := rapid.Float32().Draw(t, "single")
		check(t, single, AppendNumber(nil, FloatNumber(float64(single))))
		s := rapid.String().Draw(t, "text")
		check(t, s, AppendText(nil, s))
		b := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "bytes")
		check(t, b, AppendBytes(nil, b))
		a := rapid.SliceOfN(rapid.Int64(), 1, 40).Draw(t, "array")
		got := AppendArray(nil, len(a))
		for _, v := range a {
			got = AppendInt(got, v)
		}
		check(t, a, got)
	})
}

// Every half precision number survives both conversions.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		v := fromHalf(uint16(h))
		if v != v {
			continue
		}
		if got, ok := toHalf(float32(v)); !ok || got != uint16(h) {
			t.Fatalf("%04x is %g, back %04x %t", h, v, got, ok)
		}
	}
}
