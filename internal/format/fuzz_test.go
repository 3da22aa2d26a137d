package format

import (
	"errors"
	"slices"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

// fuzz decodes a payload for a path of the given depth below /3, with Resources
// whose type follows from their identifier. What is accepted lies below the path,
// and writing it gives a payload that reads the same, if its order allows that.
func fuzz(t *testing.T, f ContentFormat, depth uint8, payload []byte) {
	bases := [...]model.Path{{}, model.PathOf(3), model.PathOf(3, 0), model.PathOf(3, 0, 9), model.PathOf(3, 0, 11, 0)}
	base := bases[int(depth)%len(bases)]
	nodes, err := Decode(f, base, payload, byID{})
	if err != nil {
		var e *Error
		if !errors.As(err, &e) || e.Err == nil || e.Reason == "" {
			t.Fatalf("%v is no complete *Error", err)
		}
		return
	}
	for _, n := range nodes {
		if !base.Contains(n.Path) || !n.Value.IsZero() && n.Path.Depth() < 3 {
			t.Fatalf("%v for %v", n, base)
		}
	}
	once, err := Append(nil, f, base, nodes)
	if f == TLV && errors.Is(err, ErrUnsupported) || (f == TLV || f == LwM2MCBOR) && errors.Is(err, ErrPath) {
		return // a path twice, or out of order
	}
	if err != nil {
		t.Fatalf("%v decoded, but: %v", nodes, err)
	}
	again, err := Decode(f, base, once, byID{})
	if err != nil {
		t.Fatalf("%q became %q: %v", payload, once, err)
	}
	if !slices.EqualFunc(values(nodes), values(again), func(a, b Node) bool {
		return a.Path == b.Path && a.Value.Equal(b.Value) && near(a.Time, b.Time)
	}) {
		t.Fatalf("%q became %q: %v, was %v", payload, once, again, nodes)
	}
}

// values leaves out the empty places, which are not written everywhere.
func values(nodes []Node) []Node {
	return slices.DeleteFunc(slices.Clone(nodes), func(n Node) bool { return n.Value.IsZero() })
}

func fuzzFormat(f *testing.F, format ContentFormat) {
	for _, v := range readVectors(f) {
		if v.format.Canonical() == format && v.paths == nil {
			f.Add(uint8(v.base.Depth()), v.payload)
		}
	}
	f.Fuzz(func(t *testing.T, depth uint8, payload []byte) { fuzz(t, format, depth, payload) })
}

func FuzzOpaque(f *testing.F)        { fuzzFormat(f, Opaque) }
func FuzzCBOR(f *testing.F)          { fuzzFormat(f, CBOR) }
func FuzzTLV(f *testing.F)           { fuzzFormat(f, TLV) }
func FuzzJSON(f *testing.F)          { fuzzFormat(f, JSON) }
func FuzzSenMLJSON(f *testing.F)     { fuzzFormat(f, SenMLJSON) }
func FuzzSenMLCBOR(f *testing.F)     { fuzzFormat(f, SenMLCBOR) }
func FuzzSenMLETCHJSON(f *testing.F) { fuzzFormat(f, SenMLETCHJSON) }
func FuzzSenMLETCHCBOR(f *testing.F) { fuzzFormat(f, SenMLETCHCBOR) }
func FuzzLwM2MCBOR(f *testing.F)     { fuzzFormat(f, LwM2MCBOR) }

// FuzzText takes the type as an argument, too: it decides the grammar.
func FuzzText(f *testing.F) {
	for _, kind := range allKinds {
		text, _ := sample(kind).AppendText(nil)
		f.Add(uint8(kind), text)
	}
	f.Fuzz(func(t *testing.T, n uint8, payload []byte) {
		kind := allKinds[int(n)%len(allKinds)]
		p, types := model.PathOf(3, 0, 9), oneType{kind: kind}
		nodes, err := Decode(Text, p, payload, types)
		if err != nil {
			return
		}
		once, err := Append(nil, Text, p, nodes)
		if err != nil {
			t.Fatalf("%q is %v, but: %v", payload, nodes, err)
		}
		again, err := Decode(Text, p, once, types)
		if err != nil || nodes[0].Value.Kind() != kind || !again[0].Value.Equal(nodes[0].Value) {
			t.Fatalf("%q became %q: %v, %v", payload, once, again, err)
		}
	})
}

func FuzzDecodePaths(f *testing.F) {
	for _, v := range readVectors(f) {
		if v.paths != nil {
			f.Add(v.format == SenMLCBOR, v.payload)
		}
	}
	f.Fuzz(func(t *testing.T, binary bool, payload []byte) {
		format := SenMLJSON
		if binary {
			format = SenMLCBOR
		}
		paths, err := DecodePaths(format, payload)
		if err != nil {
			return
		}
		once, err := AppendPaths(nil, format, paths)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := DecodePaths(format, once); err != nil || !slices.Equal(again, paths) {
			t.Fatalf("%q became %q: %v %v", payload, once, again, err)
		}
	})
}

// FuzzDecodeCreate checks that what is accepted is one Object Instance.
func FuzzDecodeCreate(f *testing.F) {
	f.Add(uint16(TLV), []byte("\x03\x05\xc1\x00\x55"))
	f.Add(uint16(TLV), []byte("\xc1\x00\x55"))
	f.Add(uint16(SenMLJSON), []byte(`[{"bn":"/3/5/","n":"0","vs":"U"}]`))
	f.Add(uint16(JSON), []byte(`{"e":[{"n":"5/0","sv":"U"}]}`))
	f.Add(uint16(LwM2MCBOR), []byte("\xa1\x05\xa1\x00\x61U"))
	f.Fuzz(func(t *testing.T, format uint16, payload []byte) {
		id, known, nodes, err := DecodeCreate(ContentFormat(format), model.PathOf(3), payload, byID{})
		if err != nil {
			return
		}
		if !known && id != 0 {
			t.Fatalf("unknown identifier is %d", id)
		}
		for _, n := range nodes {
			if n.Path.Prefix(2) != model.PathOf(3, id) {
				t.Fatalf("%v in instance %d", n, id)
			}
		}
	})
}
