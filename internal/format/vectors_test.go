package format

import (
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// vector is one entry of testdata/vectors.txt.
type vector struct {
	name, notCanonical string
	format             ContentFormat
	base               model.Path
	payload            []byte
	nodes              []Node
	paths              []model.Path
}

// readVectors reads testdata/vectors.txt, whose head describes it.
func readVectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	for block := range strings.SplitSeq(string(data), "\n\n") {
		if strings.HasPrefix(block, "#") {
			continue
		}
		v, err := readVector(strings.Split(strings.TrimSuffix(block, "\n"), "\n"))
		if err != nil {
			t.Fatalf("%v in\n%s", err, block)
		}
		vectors = append(vectors, v)
	}
	if len(vectors) < 60 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	return vectors
}

func readVector(lines []string) (v vector, err error) {
	var section string
	for _, line := range lines {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case section == "nodes":
			var n Node
			n, err = readNode(line)
			v.nodes = append(v.nodes, n)
		case section == "paths":
			var p model.Path
			p, err = model.ParsePath(line)
			v.paths = append(v.paths, p)
		case key == "name":
			v.name = value
		case key == "format":
			var n uint64
			n, err = strconv.ParseUint(value, 10, 16)
			v.format = ContentFormat(n)
		case key == "base":
			v.base, err = model.ParsePath(value)
		case key == "hex":
			v.payload, err = hex.DecodeString(value)
		case key == "text":
			v.payload = []byte(value)
		case key == "not canonical":
			v.notCanonical = value
		case key == "nodes" || key == "paths":
			section = key
		default:
			err = fmt.Errorf("unknown line %q", line)
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

var kinds = map[string]model.Kind{
	"none": model.None, "String": model.String, "Integer": model.Integer, "Unsigned": model.Unsigned,
	"Float": model.Float, "Boolean": model.Boolean, "Opaque": model.Opaque, "Time": model.Time,
	"Objlnk": model.Objlnk, "Corelnk": model.Corelnk,
}

// readNode reads "path[@seconds] type value".
func readNode(line string) (n Node, err error) {
	fields := append(strings.SplitN(line, " ", 3), "")
	path, at, timed := strings.Cut(fields[0], "@")
	if n.Path, err = model.ParsePath(path); err != nil {
		return n, err
	}
	if timed {
		seconds, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return n, err
		}
		n.Time = time.Unix(seconds, 0).UTC()
	}
	kind, ok := kinds[fields[1]]
	switch {
	case !ok:
		err = fmt.Errorf("no type %q", fields[1])
	case kind == model.Opaque:
		var b []byte
		b, err = hex.DecodeString(fields[2])
		n.Value = model.OpaqueValue(b)
	case kind != model.None:
		n.Value, err = parseText(kind, []byte(fields[2]))
	}
	return n, err
}

// typeMap is a Types made of nodes.
type typeMap map[[2]uint16]resourceType

type resourceType struct {
	kind     model.Kind
	multiple bool
}

func (m typeMap) Resource(object, resource uint16) (model.Kind, bool, bool) {
	r, ok := m[[2]uint16{object, resource}]
	return r.kind, r.multiple, ok
}

func typesOf(nodes []Node) typeMap {
	m := typeMap{}
	for _, n := range nodes {
		if p := n.Path; p.Depth() >= 3 {
			m[[2]uint16{p.Object(), p.Resource()}] = resourceType{n.Value.Kind(), p.Depth() == 4}
		}
	}
	return m
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(fmt.Sprintf("%d %s", v.format, v.name), func(t *testing.T) {
			if v.paths != nil {
				v.checkPaths(t)
				return
			}
			got, err := Decode(v.format, v.base, v.payload, typesOf(v.nodes))
			if err != nil || !slices.Equal(got, v.nodes) {
				t.Fatalf("decoded %v %v, want %v", got, err, v.nodes)
			}
			payload, err := Append([]byte("before"), v.format, v.base, v.nodes)
			v.checkPayload(t, payload, err)
		})
	}
}

func (v *vector) checkPaths(t *testing.T) {
	got, err := DecodePaths(v.format, v.payload)
	if err != nil || !slices.Equal(got, v.paths) {
		t.Fatalf("decoded %v %v, want %v", got, err, v.paths)
	}
	payload, err := AppendPaths([]byte("before"), v.format, v.paths)
	v.checkPayload(t, payload, err)
}

func (v *vector) checkPayload(t *testing.T, got []byte, err error) {
	if err != nil || !strings.HasPrefix(string(got), "before") {
		t.Fatalf("encoded %q %v", got, err)
	}
	got = got[len("before"):]
	if same := slices.Equal(got, v.payload); same != (v.notCanonical == "") {
		t.Errorf("encoded\n%x %q, want\n%x %q; not canonical: %q", got, got, v.payload, v.payload, v.notCanonical)
	}
	if v.paths != nil {
		return
	}
	again, err := Decode(v.format, v.base, got, typesOf(v.nodes))
	if err != nil || !slices.Equal(again, v.nodes) {
		t.Errorf("%x decodes to %v %v, want %v", got, again, err, v.nodes)
	}
}
