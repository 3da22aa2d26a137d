package senml

import (
	"encoding/json"
	"testing"
)

const devicePack = `[{"bn":"/3/0/","n":"0","vs":"Open Mobile Alliance"},{"n":"1","vs":"Lightweight M2M Client"},` +
	`{"n":"2","vs":"345000123"},{"n":"3","vs":"1.0"},{"n":"6/0","v":1},{"n":"6/1","v":5},{"n":"7/0","v":3800},` +
	`{"n":"7/1","v":5000},{"n":"8/0","v":125},{"n":"8/1","v":900},{"n":"9","v":100},{"n":"10","v":15},` +
	`{"n":"11/0","v":0},{"n":"13","v":1367491215},{"n":"14","vs":"+02:00"},{"n":"16","vs":"U"}]`

func deviceRecords(b *testing.B) []Record {
	records, err := Decode(nil, JSON, []byte(devicePack))
	if err != nil {
		b.Fatal(err)
	}
	return records
}

func benchmarkWrite(b *testing.B, s Syntax) {
	b.ReportAllocs()
	records, buf := deviceRecords(b), make([]byte, 0, 1024)
	for b.Loop() {
		w := NewWriter(buf, s, len(records))
		for i := range records {
			w.Write(&records[i])
		}
		if _, err := w.Finish(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkDecode(b *testing.B, s Syntax) {
	b.ReportAllocs()
	records := deviceRecords(b)
	payload := write(b, s, records)
	for b.Loop() {
		if _, err := Decode(records[:0], s, payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteJSON(b *testing.B)   { benchmarkWrite(b, JSON) }
func BenchmarkWriteCBOR(b *testing.B)   { benchmarkWrite(b, CBOR) }
func BenchmarkDecodeJSON(b *testing.B)  { benchmarkDecode(b, JSON) }
func BenchmarkDecodeCBOR(b *testing.B)  { benchmarkDecode(b, CBOR) }
func BenchmarkDecodeOMA10(b *testing.B) { benchmarkDecode(b, OMA10) }

// stdRecord is what encoding/json needs for the same pack: the baseline.
type stdRecord struct {
	BaseName string   `json:"bn,omitempty"`
	Name     string   `json:"n"`
	Number   *float64 `json:"v,omitempty"`
	String   *string  `json:"vs,omitempty"`
}

func BenchmarkStdlibMarshal(b *testing.B) {
	b.ReportAllocs()
	var records []stdRecord
	if err := json.Unmarshal([]byte(devicePack), &records); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := json.Marshal(records); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStdlibUnmarshal(b *testing.B) {
	b.ReportAllocs()
	payload := []byte(devicePack)
	var records []stdRecord
	for b.Loop() {
		if err := json.Unmarshal(payload, &records); err != nil {
			b.Fatal(err)
		}
	}
}
