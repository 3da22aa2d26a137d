package format

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

// device is the Device Object of the golden vectors: 16 values of 12 Resources,
// and three more to make it 15.
func device(tb testing.TB) []Node {
	nodes := append([]Node(nil), readVectors(tb)[0].nodes...)
	for id, v := range []model.Value{
		model.StringValue("Demo"), model.StringValue("1.2"), model.IntegerValue(-7),
	} {
		nodes = append(nodes, Node{Path: model.PathOf(3, 0, 17+uint16(id)), Value: v})
	}
	return nodes
}

var deviceFormats = []ContentFormat{TLV, LwM2MCBOR, SenMLCBOR, SenMLJSON, JSON}

// The budget: encoding into the caller's buffer allocates nothing.
func TestAppendAllocatesNothing(t *testing.T) {
	nodes, buf := device(t), make([]byte, 0, 1024)
	check := func(f ContentFormat, base model.Path, nodes []Node) {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := Append(buf, f, base, nodes); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v of %v: %v allocations", f, base, n)
		}
	}
	for _, f := range deviceFormats {
		check(f, model.PathOf(3, 0), nodes)
		check(f, model.PathOf(3), nodes)
	}
	for _, f := range []ContentFormat{SenMLJSON, SenMLCBOR, LwM2MCBOR} {
		check(f, model.Path{}, nodes)
	}
	for _, kind := range allKinds {
		p := model.PathOf(3, 0, 9)
		n := []Node{{Path: p, Value: sample(kind)}}
		for _, f := range append(deviceFormats, Text, CBOR) {
			check(f, p, n)
		}
	}
}

// Decoding allocates the nodes and one string for each text.
func TestDecodeAllocatesLittle(t *testing.T) {
	nodes := device(t)
	types, base := Types(typesOf(nodes)), model.PathOf(3, 0)
	texts := 0
	for _, n := range nodes {
		if n.Value.Kind() == model.String {
			texts++
		}
	}
	for _, f := range deviceFormats {
		payload, err := Append(nil, f, base, nodes)
		if err != nil {
			t.Fatal(err)
		}
		got := testing.AllocsPerRun(100, func() {
			if _, err := Decode(f, base, payload, types); err != nil {
				t.Fatal(err)
			}
		})
		if limit := float64(texts + 6); got > limit {
			t.Errorf("%v: %v allocations, want at most %v", f, got, limit)
		}
	}
}

func sample(kind model.Kind) model.Value {
	switch kind {
	case model.String:
		return model.StringValue("Open Mobile Alliance")
	case model.Integer:
		return model.IntegerValue(-129)
	case model.Unsigned:
		return model.UnsignedValue(1 << 63)
	case model.Float:
		return model.FloatValue(43.61092)
	case model.Boolean:
		return model.BooleanValue(true)
	case model.Opaque:
		return model.OpaqueValue([]byte{1, 2, 3, 4, 5})
	case model.Time:
		return model.UnixValue(1367491215)
	case model.Corelnk:
		return model.CoreLinkValue("</3/0>")
	}
	return model.LinkValue(model.NullLink)
}

func BenchmarkAppend(b *testing.B) {
	nodes, buf := device(b), make([]byte, 0, 1024)
	for _, f := range deviceFormats {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Append(buf, f, model.PathOf(3, 0), nodes); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("text", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i := range nodes {
				if _, err := Append(buf, Text, nodes[i].Path, nodes[i:i+1]); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("encoding/json baseline", func(b *testing.B) {
		b.ReportAllocs()
		records := jsonRecords(b, nodes)
		for b.Loop() {
			if _, err := json.Marshal(records); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	nodes := device(b)
	types := Types(typesOf(nodes))
	base := model.PathOf(3, 0)
	for _, f := range deviceFormats {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			payload, err := Append(nil, f, base, nodes)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				if _, err := Decode(f, base, payload, types); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("encoding/json baseline", func(b *testing.B) {
		b.ReportAllocs()
		payload, err := json.Marshal(jsonRecords(b, nodes))
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			var records []jsonRecord
			if err := json.Unmarshal(payload, &records); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// jsonRecord is SenML for encoding/json, without the mapping to paths and types.
type jsonRecord struct {
	BaseName string   `json:"bn,omitempty"`
	Name     string   `json:"n"`
	Number   *float64 `json:"v,omitempty"`
	String   *string  `json:"vs,omitempty"`
}

func jsonRecords(tb testing.TB, nodes []Node) []jsonRecord {
	payload, err := Append(nil, SenMLJSON, model.PathOf(3, 0), nodes)
	if err != nil {
		tb.Fatal(err)
	}
	var records []jsonRecord
	if err := json.Unmarshal(payload, &records); err != nil || len(records) != len(nodes) {
		tb.Fatal(fmt.Errorf("%d records: %w", len(records), err))
	}
	return records
}
