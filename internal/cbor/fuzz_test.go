package cbor

import (
	"encoding/hex"
	"testing"

	fx "github.com/fxamacker/cbor/v2"
)

// FuzzSkip holds the decoder against the oracle: what one calls a well-formed
// item, the other does too. The limits of nesting differ, so that payloads near
// them are left out.
func FuzzSkip(f *testing.F) {
	for _, s := range []string{
		"c11a5182428f", "6436363a30", "f5", "3830", "f94da0", "fb4045ce32a0663c75", "450102030405",
		"bf830d181a01182aff", "81a200692f33342f302f312f3002f6", "5f4101420203ff", "c48221196ab3", "9f01", "f814",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	mode, err := fx.DecOptions{MaxNestedLevels: 64, UTF8: fx.UTF8RejectInvalid}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		d := NewDecoder(payload)
		err := d.Skip()
		if err == nil {
			err = d.Finish()
		}
		oracle := mode.Wellformed(payload)
		if err == nil && oracle != nil {
			t.Fatalf("%x accepted, but: %v", payload, oracle)
		}
		if err != nil && oracle == nil && !stricter(payload) {
			t.Fatalf("%x is well-formed, but: %v", payload, err)
		}
		n := NewDecoder(payload)
		if num, err := n.Number(); err == nil {
			again := NewDecoder(AppendNumber(nil, num))
			back, err := again.Number()
			if err != nil || back != num && num.Float() == num.Float() {
				t.Fatalf("%+v became %+v, %v", num, back, err)
			}
		}
	})
}

// stricter tells payloads that the decoder refuses although they are
// well-formed: text that is not UTF-8, and deep nesting.
func stricter(payload []byte) bool {
	d := NewDecoder(payload)
	err := d.Skip()
	e, ok := err.(*Error)
	return ok && (e.Reason == "text is not UTF-8" || e.Reason == "nested deeper than 16")
}
