package tlv

import "testing"

func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	value := []byte("Open Mobile Alliance")
	buf := make([]byte, 0, 512)
	for b.Loop() {
		dst := buf[:0]
		for id := range uint16(15) {
			dst, _ = Append(dst, Resource, id, value)
		}
		if _, err := Wrap(dst, 0, ObjectInstance, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	var payload []byte
	for id := range uint16(15) {
		payload, _ = Append(payload, Resource, id, []byte("Open Mobile Alliance"))
	}
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		for d := NewDecoder(payload); d.More(); {
			if _, err := d.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
