package format

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
	"pgregory.net/rapid"
)

var (
	allKinds = []model.Kind{
		model.String, model.Integer, model.Unsigned, model.Float, model.Boolean,
		model.Opaque, model.Time, model.Objlnk, model.Corelnk,
	}
	singleFormats = []ContentFormat{Text, CBOR}
	multiFormats  = []ContentFormat{TLV, JSON, SenMLJSON, SenMLCBOR, SenMLETCHJSON, SenMLETCHCBOR, LwM2MCBOR}
)

func drawValue(t *rapid.T, kind model.Kind) model.Value {
	switch kind {
	case model.String:
		return model.StringValue(rapid.String().Draw(t, "string"))
	case model.Corelnk:
		return model.CoreLinkValue(model.CoreLink(rapid.String().Draw(t, "link text")))
	case model.Integer:
		return model.IntegerValue(rapid.Int64().Draw(t, "int"))
	case model.Unsigned:
		return model.UnsignedValue(rapid.Uint64().Draw(t, "uint"))
	case model.Float:
		return model.FloatValue(rapid.Float64().Draw(t, "float"))
	case model.Boolean:
		return model.BooleanValue(rapid.Bool().Draw(t, "bool"))
	case model.Opaque:
		return model.OpaqueValue(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes"))
	case model.Time:
		return model.UnixValue(rapid.Int64().Draw(t, "time"))
	default:
		return model.LinkValue(model.ObjectLink{
			Object: rapid.Uint16().Draw(t, "object"), Instance: rapid.Uint16().Draw(t, "instance"),
		})
	}
}

// oneType is a Types in which every Resource has the same type.
type oneType resourceType

func (o oneType) Resource(uint16, uint16) (model.Kind, bool, bool) { return o.kind, o.multiple, true }

// Each type in each format, alone at every level of path that may hold it.
func TestRoundTripTypes(t *testing.T) {
	for _, kind := range allKinds {
		for _, f := range append(singleFormats, multiFormats...) {
			t.Run(fmt.Sprintf("%v in %v", kind, f), func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) { roundTripValue(t, f, kind) })
			})
		}
	}
	t.Run("Opaque in opaque", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { roundTripValue(t, Opaque, model.Opaque) })
	})
}

func roundTripValue(t *rapid.T, f ContentFormat, kind model.Kind) {
	id := rapid.Uint16Range(0, 65534)
	p := model.PathOf(id.Draw(t, "o"), id.Draw(t, "oi"), id.Draw(t, "r"))
	multiple := rapid.Bool().Draw(t, "multiple")
	if multiple {
		p = p.Child(id.Draw(t, "ri"))
	}
	nodes := []Node{{Path: p, Value: drawValue(t, kind)}}
	base := p
	if !f.SingleValue() {
		lowest := 1
		if f.Composite() {
			lowest = 0
		}
		base = p.Prefix(rapid.IntRange(lowest, p.Depth()).Draw(t, "base"))
	}
	payload, err := Append(nil, f, base, nodes)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(f, base, payload, oneType{kind, multiple})
	if err != nil || len(got) != 1 || got[0].Path != p || !got[0].Value.Equal(nodes[0].Value) {
		t.Fatalf("%q at %v: %v %v, want %v", payload, base, got, err, nodes)
	}
	clear(payload) // nodes share no memory with it
	if !got[0].Value.Equal(nodes[0].Value) {
		t.Fatalf("%v shares memory with the payload", got[0].Value)
	}
}

// drawNodes draws values in some instances of an Object, each Resource of a type
// that follows from its identifier.
func drawNodes(t *rapid.T, f ContentFormat) []Node {
	var nodes []Node
	ids := func(name string) []uint16 {
		s := rapid.SliceOfNDistinct(rapid.Uint16Range(0, 300), 1, 4, rapid.ID[uint16]).Draw(t, name)
		slices.Sort(s)
		return s
	}
	for _, oi := range ids("instances") {
		for _, r := range ids("resources") {
			kind, multiple, _ := byID{}.Resource(3303, r)
			p := model.PathOf(3303, oi, r)
			if !multiple {
				nodes = append(nodes, Node{Path: p, Value: drawValue(t, kind)})
				continue
			}
			if f == TLV && rapid.Bool().Draw(t, "empty") {
				nodes = append(nodes, Node{Path: p})
				continue
			}
			for _, ri := range ids("resource instances") {
				nodes = append(nodes, Node{Path: p.Child(ri), Value: drawValue(t, kind)})
			}
		}
	}
	return nodes
}

// byID is a Types that derives the type of a Resource from its identifier.
type byID struct{}

func (byID) Resource(_, r uint16) (model.Kind, bool, bool) {
	return allKinds[int(r)%len(allKinds)], r%2 == 1, true
}

// A whole Object at once, with times where the format has them.
func TestRoundTripObject(t *testing.T) {
	for _, f := range multiFormats {
		t.Run(f.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				nodes := drawNodes(t, f)
				if f != TLV && f != LwM2MCBOR && rapid.Bool().Draw(t, "timed") {
					for i := range nodes {
						us := rapid.Int64Range(-1e6, 4e15).Draw(t, "microseconds")
						nodes[i].Time = time.UnixMicro(us).UTC()
						if us == 0 || us%7 == 0 {
							nodes[i].Time = time.Time{}
						}
					}
				}
				roundTripNodes(t, f, nodes)
			})
		})
	}
}

func roundTripNodes(t *rapid.T, f ContentFormat, nodes []Node) {
	base := nodes[0].Path.Prefix(1)
	payload, err := Append(nil, f, base, nodes)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(f, base, payload, byID{})
	if err != nil || len(got) != len(nodes) {
		t.Fatalf("%q: %d nodes %v, want %d", payload, len(got), err, len(nodes))
	}
	for i := range got {
		if got[i].Path != nodes[i].Path || !got[i].Value.Equal(nodes[i].Value) || !near(got[i].Time, nodes[i].Time) {
			t.Fatalf("%q: %v, want %v", payload, got[i], nodes[i])
		}
	}
}

// near allows for what is lost when a base time and a difference are added.
func near(a, b time.Time) bool {
	return a.IsZero() == b.IsZero() && a.Sub(b).Abs() <= 2*time.Microsecond
}

func TestPathsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var paths []model.Path
		for range rapid.IntRange(0, 20).Draw(t, "paths") {
			var ids []uint16
			for range rapid.IntRange(0, 4).Draw(t, "depth") {
				ids = append(ids, rapid.Uint16Range(0, 65534).Draw(t, "id"))
			}
			paths = append(paths, model.PathOf(ids...))
		}
		for _, f := range []ContentFormat{SenMLJSON, SenMLCBOR, SenMLETCHJSON, SenMLETCHCBOR} {
			payload, err := AppendPaths(nil, f, paths)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := DecodePaths(f, payload); err != nil || !slices.Equal(got, paths) {
				t.Fatalf("%q: %v %v, want %v", payload, got, err, paths)
			}
		}
	})
}

// NaN and the infinities exist in the binary formats only.
func TestNotFinite(t *testing.T) {
	p := model.PathOf(3303, 0, 5700)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		nodes := []Node{{Path: p, Value: model.FloatValue(v)}}
		for _, f := range []ContentFormat{TLV, CBOR, SenMLCBOR, LwM2MCBOR} {
			payload, err := Append(nil, f, p, nodes)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(f, p, payload, oneType{kind: model.Float})
			if err != nil || !got[0].Value.Equal(nodes[0].Value) && v == v {
				t.Errorf("%v in %v: %v %v", v, f, got, err)
			}
		}
		for _, f := range []ContentFormat{Text, SenMLJSON, JSON} {
			if payload, err := Append(nil, f, p, nodes); err == nil {
				t.Errorf("%v in %v: %q", v, f, payload)
			}
		}
	}
}
