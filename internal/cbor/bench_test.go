package cbor

import "testing"

func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 64)
	for b.Loop() {
		dst := AppendMap(buf[:0], 2)
		dst = AppendText(AppendUint(dst, 0), "3/0/13")
		dst = AppendInt(AppendUint(dst, 2), 1367491215)
		dst = AppendFloat(dst, 22.4)
		if len(dst) != 24 {
			b.Fatal(len(dst))
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	payload := AppendFloat(AppendInt(AppendText(nil, "3/0/13"), 1367491215), 22.4)
	for b.Loop() {
		d := NewDecoder(payload)
		if _, err := d.Text(); err != nil {
			b.Fatal(err)
		}
		if _, err := d.Number(); err != nil {
			b.Fatal(err)
		}
		if _, err := d.Number(); err != nil {
			b.Fatal(err)
		}
	}
}
