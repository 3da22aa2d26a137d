package leshan

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var types = []Type{String, Integer, UnsignedInteger, Float, Boolean, Opaque, Time, Objlnk, Corelnk}

func drawValue(t *rapid.T, kind Type) any {
	switch kind {
	case Integer:
		return rapid.Int64().Draw(t, "integer")
	case UnsignedInteger:
		return rapid.Uint64().Draw(t, "unsigned")
	case Float:
		return rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(t, "float")
	case Boolean:
		return rapid.Bool().Draw(t, "boolean")
	case Opaque:
		return rapid.SliceOf(rapid.Byte()).Draw(t, "opaque")
	case Time:
		return time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "time")).UTC()
	case Objlnk:
		id := rapid.IntRange(0, 65535)
		return ObjectLink{id.Draw(t, "object"), id.Draw(t, "instance")}
	default:
		return rapid.String().Draw(t, "string")
	}
}

func drawResource(t *rapid.T, id int) *Node {
	kind := rapid.SampledFrom(types).Draw(t, "type")
	if rapid.Bool().Draw(t, "multiple") {
		values := map[int]any{}
		for _, i := range rapid.SliceOfDistinct(rapid.IntRange(0, 65534), rapid.ID).Draw(t, "ids") {
			values[i] = drawValue(t, kind)
		}
		return Multi(id, kind, values)
	}
	return Single(id, kind, drawValue(t, kind))
}

func TestNodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var resources []*Node
		for id := range rapid.IntRange(0, 4).Draw(t, "resources") {
			resources = append(resources, drawResource(t, id))
		}
		want := &Node{Kind: RootNode, ID: NoID, Children: []*Node{Object(3, Instance(0, resources...), Instance(1))}}
		encoded, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Node
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(&got, want) {
			t.Fatalf("got %+v from %s", got, encoded)
		}
	})
}

func TestNodeAsLeshanWritesIt(t *testing.T) {
	for _, test := range []struct {
		node *Node
		want string
	}{
		{Single(1, Integer, 60), `{"kind":"singleResource","id":1,"type":"INTEGER","value":"60"}`},
		{Single(1, Float, 22.5), `{"kind":"singleResource","id":1,"type":"FLOAT","value":"22.5"}`},
		{Single(1, Boolean, true), `{"kind":"singleResource","id":1,"type":"BOOLEAN","value":true}`},
		{Single(1, Opaque, []byte{0xca, 0xfe}), `{"kind":"singleResource","id":1,"type":"OPAQUE","value":"cafe"}`},
		{Single(1, Time, time.Unix(1, 0)), `{"kind":"singleResource","id":1,"type":"TIME","value":1000}`},
		{Single(1, Objlnk, ObjectLink{3, 0}), `{"kind":"singleResource","id":1,"type":"OBJLNK","value":{"objectId":3,"objectInstanceId":0}}`},
		{Multi(6, Integer, map[int]any{0: 1}), `{"kind":"multiResource","id":6,"type":"INTEGER","values":{"0":"1"}}`},
		{ResourceInstance(2, String, "a"), `{"kind":"resourceInstance","id":2,"type":"STRING","value":"a"}`},
		{Instance(NoID, Single(1, UnsignedInteger, uint64(math.MaxUint64))), `{"kind":"instance","resources":[{"kind":"singleResource","id":1,"type":"UNSIGNED_INTEGER","value":"18446744073709551615"}]}`},
	} {
		if got, err := json.Marshal(test.node); err != nil || string(got) != test.want {
			t.Errorf("got %s, %v, want %s", got, err, test.want)
		}
	}
}

func TestNodeRefusesWrongValues(t *testing.T) {
	for _, node := range []*Node{
		Single(1, Integer, "60"), Single(1, Boolean, 1), Single(1, Time, 5), Single(1, "SOMETHING", "x"), Single(1, String, nil),
		Multi(1, Opaque, map[int]any{0: "x"}), {Kind: "leaf"},
	} {
		if got, err := json.Marshal(node); err == nil {
			t.Errorf("%+v was encoded as %s", node, got)
		}
	}
	for _, text := range []string{
		`{"kind":"singleResource","id":1,"type":"INTEGER","value":60}`,
		`{"kind":"singleResource","id":1,"type":"OPAQUE","value":"xy"}`,
		`{"kind":"singleResource","id":1,"type":"NONE","value":"a"}`,
		`{"kind":"multiResource","id":1,"type":"BOOLEAN","values":{"a":true}}`,
		`{"kind":"multiResource","id":1,"type":"BOOLEAN","values":{"0":"yes"}}`,
		`{"kind":"multiResource","id":1,"type":"BOOLEAN","values":{"0":"yes","1":true}}`,
	} {
		if err := json.Unmarshal([]byte(text), new(Node)); err == nil {
			t.Errorf("%s was decoded", text)
		}
	}
}

func TestNodeAt(t *testing.T) {
	object := Object(3, Instance(0, Single(0, String, "Acme"), Multi(6, Integer, map[int]any{0: int64(1), 5: int64(2)})))
	for _, test := range []struct {
		ids  []int
		want any
	}{
		{[]int{0, 0}, "Acme"},
		{[]int{0, 6, 5}, int64(2)},
		{[]int{0, 6, 1}, nil},
		{[]int{0, 9}, nil},
		{[]int{1, 0, 0}, nil},
	} {
		var got any
		if node := object.At(test.ids...); node != nil {
			got = node.Value
		}
		if got != test.want {
			t.Errorf("At(%v) = %v, want %v", test.ids, got, test.want)
		}
	}
	if ids := object.At(0, 6).IDs(); !reflect.DeepEqual(ids, []int{0, 5}) {
		t.Errorf("IDs() = %v", ids)
	}
	if ids := object.At(0).IDs(); !reflect.DeepEqual(ids, []int{0, 6}) {
		t.Errorf("IDs() = %v", ids)
	}
}

func TestCodeOf(t *testing.T) {
	if got, err := codeOf("CONTENT(205)"); got != "2.05" || err != nil {
		t.Errorf("codeOf = %q, %v", got, err)
	}
	for _, status := range []string{"", "CONTENT", "CONTENT(2)", "CONTENT(205"} {
		if got, err := codeOf(status); err == nil {
			t.Errorf("codeOf(%q) = %q, want an error", status, got)
		}
	}
}

func TestFirstAndLastLines(t *testing.T) {
	text := []byte("a\nb\nc\n")
	if got := string(firstLines(text, 2)); got != "a\nb" {
		t.Errorf("firstLines = %q", got)
	}
	if got := string(lastLines(text, 2)); got != "b\nc" {
		t.Errorf("lastLines = %q", got)
	}
	if got := string(firstLines(text, 9)) + "|" + string(lastLines(nil, 9)); !strings.HasPrefix(got, "a\nb\nc|") {
		t.Errorf("short texts: %q", got)
	}
}
