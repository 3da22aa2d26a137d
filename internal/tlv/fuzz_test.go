package tlv

import (
	"bytes"
	"testing"
)

// FuzzDecoder walks a payload and all entries nested in it. Entries never lie
// outside the payload, and writing an entry again gives one that reads the same.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\x08\x00\x08\x86\x06\x41\x00\x01\x41\x01\x05\xc0\xff"))
	f.Add([]byte("\xe8\x16\x44\x08\x40\x36\x80\x00\x00\x00\x00\x00"))
	f.Add([]byte("\xd8\x00\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		walk(t, payload, NewDecoder(payload), 0)
	})
}

func walk(t *testing.T, payload []byte, d Decoder, depth int) {
	for d.More() {
		e, err := d.Next()
		if err != nil {
			if d.More() {
				t.Fatal("more after an error")
			}
			return
		}
		start := e.Offset + e.header
		if !bytes.Equal(payload[start:start+len(e.Value)], e.Value) {
			t.Fatalf("%+v does not lie at its offset", e)
		}
		again, err := Append(nil, e.Kind, e.ID, e.Value)
		if err != nil {
			t.Fatal(err)
		}
		ad := NewDecoder(again)
		if b, err := ad.Next(); err != nil || b.Kind != e.Kind || b.ID != e.ID || !bytes.Equal(b.Value, e.Value) {
			t.Fatalf("%+v became %+v, %v", e, b, err)
		}
		if (e.Kind == ObjectInstance || e.Kind == MultipleResource) && depth < 8 {
			walk(t, payload, e.Contents(), depth+1)
		}
	}
}
