package tree

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

const (
	rw = model.Readable | model.Writable
	ro = model.Readable
	wo = model.Writable
)

// gadget has a Resource of every sort.
func gadget() *model.Object {
	return &model.Object{
		ID: 100, Name: "Gadget", Version: model.Version11, Multiple: true,
		Resources: []model.Resource{
			{ID: 0, Name: "Name", Operations: rw, Mandatory: true, Kind: model.String},
			{ID: 1, Name: "Minute", Operations: rw, Kind: model.Integer, Range: model.ParseRange("0..59", model.Integer)},
			{ID: 2, Name: "Count", Operations: ro, Mandatory: true, Kind: model.Integer},
			{ID: 3, Name: "Package", Operations: wo, Kind: model.Opaque},
			{ID: 4, Name: "Reset", Operations: model.Executable},
			{ID: 5, Name: "Limits", Operations: rw, Multiple: true, Kind: model.Integer},
			{ID: 6, Name: "Peer", Operations: rw, Kind: model.Objlnk},
			{ID: 7, Name: "Errors", Operations: ro, Multiple: true, Kind: model.Integer},
			{ID: 8, Name: "Secret", Kind: model.String},
		},
	}
}

// only may have one instance, must have it, and has no mandatory Resource.
func only() *model.Object {
	return &model.Object{
		ID: 3, Name: "Only", Version: model.Version11, Mandatory: true,
		Resources: []model.Resource{{ID: 0, Name: "Maker", Operations: ro, Kind: model.String}},
	}
}

func keys() *model.Object {
	return &model.Object{
		ID: 0, Name: "Keys", Version: model.Version11, Multiple: true, Mandatory: true,
		Resources: []model.Resource{{ID: 0, Name: "URI", Kind: model.String}},
	}
}

func str(s string) model.Value { return model.StringValue(s) }
func num(n int64) model.Value  { return model.IntegerValue(n) }

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// workshop is a tree with /0/0, /3/0, /100/0 (all Resources with values), /100/4
// (only a name), and /200 without instances.
func workshop(t testing.TB) *Tree {
	t.Helper()
	tree := New()
	check(t, tree.AddObject(gadget(), true))
	check(t, tree.AddObject(&model.Object{ID: 200, Name: "Empty", Version: model.Version10}, false))
	for _, in := range []*Instance{
		fill(t, NewInstance(keys(), 0), map[uint16]Content{0: Single(str("coap://x"))}),
		fill(t, NewInstance(only(), 0), map[uint16]Content{0: Single(str("Acme"))}),
		fill(t, NewInstance(gadget(), 4), map[uint16]Content{0: Single(str("four"))}),
		fill(t, NewInstance(gadget(), 0), map[uint16]Content{
			0: Single(str("zero")), 1: Single(num(7)), 2: Single(num(42)), 3: Single(model.OpaqueValue([]byte{1})),
			5: Multiple(Item{2, num(20)}, Item{1, num(10)}), 6: Single(model.LinkValue(model.ObjectLink{Object: 3})),
			7: Multiple(), 8: Single(str("hidden")),
		}),
	} {
		check(t, tree.Insert(in))
	}
	return tree
}

func fill(t testing.TB, in *Instance, contents map[uint16]Content) *Instance {
	t.Helper()
	for id, c := range contents {
		if _, err := in.SetContent(id, c); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

func path(s string) model.Path {
	p, err := model.ParsePath(s)
	if err != nil {
		panic(err)
	}
	return p
}

func instanceAt(t testing.TB, tree *Tree, p string) *Instance {
	t.Helper()
	in, ok := tree.Instance(path(p))
	if !ok {
		t.Fatalf("no instance %s", p)
	}
	return in
}

// nodes reads "/100/0/1=5 /100/0/0=x /100/0": numbers are Integers, o:i Objlnks,
// 0x… Opaques, the rest Strings; without = there is no value.
func nodes(s string) []format.Node {
	var list []format.Node
	for _, word := range strings.Fields(s) {
		p, text, ok := strings.Cut(word, "=")
		node := format.Node{Path: path(p)}
		if ok {
			node.Value = parseValue(text)
		}
		list = append(list, node)
	}
	return list
}

func parseValue(text string) model.Value {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return num(n)
	}
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		if b, err := hex.DecodeString(digits); err == nil {
			return model.OpaqueValue(b)
		}
	}
	o, i, _ := strings.Cut(text, ":")
	object, err1 := strconv.ParseUint(o, 10, 16)
	instance, err2 := strconv.ParseUint(i, 10, 16)
	if err1 == nil && err2 == nil {
		return model.LinkValue(model.ObjectLink{Object: uint16(object), Instance: uint16(instance)})
	}
	return str(text)
}

// show is the reverse of nodes.
func show(list []format.Node) string {
	words := make([]string, 0, len(list))
	for _, node := range list {
		word := node.Path.String()
		switch node.Value.Kind() {
		case model.None:
		case model.Opaque:
			word += "=0x" + node.Value.String()
		default:
			word += "=" + node.Value.String()
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// dump is everything in the tree, seen or not.
func dump(tree *Tree) string {
	var b strings.Builder
	for _, o := range tree.objects {
		fmt.Fprintf(&b, "/%d creatable=%v reserved=%v\n", o.def.ID, o.creatable, o.reserved)
		for _, in := range o.instances {
			fmt.Fprintf(&b, "%v %p\n", in.Path(), in)
			for _, s := range in.slots {
				fmt.Fprintf(&b, "  %d %p %#v\n", s.def.ID, s.hooks(), s.content())
			}
		}
	}
	return b.String()
}

// wantRefusal checks code and reason, and that the tree is as it was.
func wantRefusal(t *testing.T, tree *Tree, before string, err error, code model.Code, reason string) {
	t.Helper()
	var refusal *model.Error
	switch {
	case !errors.As(err, &refusal):
		t.Errorf("error is %v, want %v", err, code)
	case refusal.Code != code || !strings.Contains(refusal.Diagnostic(), reason) || reason == "":
		t.Errorf("refused with %q, want %v and %q", err, code, reason)
	}
	if after := dump(tree); after != before {
		t.Errorf("the refused operation changed the tree:\n%s\nwas\n%s", after, before)
	}
}

func TestAddObject(t *testing.T) {
	tree := workshop(t)
	newer := gadget()
	newer.Version = model.Version12
	before := dump(tree)
	wantRefusal(t, tree, before, tree.AddObject(newer, true), model.BadRequest, "the Object has version 1.1, not 1.2")
	wantRefusal(t, tree, before, tree.Insert(NewInstance(newer, 9)), model.BadRequest, "the Object has version 1.1")
	wantRefusal(t, tree, before, tree.AddObject(&model.Object{ID: model.MaxID}, true), model.BadRequest, "65535")
	check(t, tree.AddObject(&model.Object{ID: 200, Version: model.Version12}, true)) // no instances: replaced
	for def := range tree.Objects() {
		if def.ID == 200 && def.Version != model.Version12 {
			t.Error("definition not replaced")
		}
	}
	if !tree.RemoveObject(100) || tree.RemoveObject(100) {
		t.Error("RemoveObject must report whether the Object was there")
	}
	if _, ok := tree.Instance(path("/100/0")); ok {
		t.Error("instance outlived its Object")
	}
}

func TestInsertRemove(t *testing.T) {
	tree := workshop(t)
	before := dump(tree)
	wantRefusal(t, tree, before, tree.Insert(NewInstance(gadget(), 4)), model.BadRequest, "exists already")
	wantRefusal(t, tree, before, tree.Insert(NewInstance(gadget(), model.MaxID)), model.BadRequest, "65535")
	wantRefusal(t, tree, before, tree.Insert(NewInstance(only(), 0)), model.BadRequest, "exists already")
	wantRefusal(t, tree, before, tree.Insert(NewInstance(only(), 1)), model.BadRequest, "one instance only")
	check(t, tree.Insert(NewInstance(gadget(), 2)))
	var ids []uint16
	for in := range tree.Instances(100) {
		ids = append(ids, in.ID())
	}
	if !slices.Equal(ids, []uint16{0, 2, 4}) {
		t.Errorf("instances %v", ids)
	}
	if in, ok := tree.Remove(path("/100/2")); !ok || in.Path() != path("/100/2") {
		t.Error("Remove did not return the instance")
	}
	for _, p := range []string{"/100/2", "/100", "/100/0/1", "/7/0", "/"} {
		if _, ok := tree.Remove(path(p)); ok {
			t.Errorf("removed %s", p)
		}
	}
	if dump(tree) != before {
		t.Error("tree differs after Insert and Remove")
	}
	if in, ok := tree.Instance(path("/100/4/0")); !ok || in.ID() != 4 {
		t.Error("Instance must find the one above a Resource")
	}
	for range tree.Instances(999) {
		t.Error("instance of an unknown Object")
	}
}

func TestLinks(t *testing.T) {
	got := fmt.Sprint(workshop(t).Links())
	want := "[{3 1.1 [0]} {100 1.1 [0 4]} {200 1.0 []}]"
	if got != want {
		t.Errorf("links %s, want %s", got, want)
	}
}

func TestTypes(t *testing.T) {
	tree := workshop(t)
	var types format.Types = tree
	if kind, multiple, ok := types.Resource(100, 5); kind != model.Integer || !multiple || !ok {
		t.Errorf("/100/x/5 is %v %v %v", kind, multiple, ok)
	}
	for _, id := range [][2]uint16{{100, 9}, {101, 0}} {
		if _, _, ok := types.Resource(id[0], id[1]); ok {
			t.Errorf("Resource %v is known", id)
		}
	}
}

func TestVersionOfSilentDefinition(t *testing.T) {
	tree := New()
	silent := &model.Object{ID: 9, Multiple: true}
	in := NewInstance(silent, 0)
	check(t, tree.Insert(in))
	check(t, tree.AddObject(&model.Object{ID: 9, Version: model.Version10, Multiple: true}, true)) // the same
	if got := tree.Links()[0].Version; got != model.Version10 || in.Definition() != silent {
		t.Errorf("version %v", got)
	}
}

// The iterators stop when the loop does.
func TestIteratorsStop(t *testing.T) {
	tree := workshop(t)
	for def := range tree.Objects() {
		if def.ID != 0 {
			t.Errorf("first Object is %d", def.ID)
		}
		break
	}
	for in := range tree.Instances(100) {
		if in.ID() != 0 {
			t.Errorf("first instance is %d", in.ID())
		}
		break
	}
}
