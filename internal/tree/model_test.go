package tree

import (
	"errors"
	"slices"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
	"pgregory.net/rapid"
)

// Small numbers make paths meet.
func drawPath(t *rapid.T) model.Path {
	object := rapid.SampledFrom([]uint16{100, 100, 100, 100, 100, 100, 100, 100, 100, 3, 0, 7}).Draw(t, "object")
	p := model.PathOf(object, rapid.SampledFrom([]uint16{0, 0, 0, 1, 1, 2}).Draw(t, "instance"),
		uint16(rapid.IntRange(0, 9).Draw(t, "resource")), uint16(rapid.IntRange(0, 2).Draw(t, "ri")))
	return p.Prefix(rapid.SampledFrom([]int{2, 2, 2, 3, 3, 3, 4, 4, 1, 0}).Draw(t, "depth"))
}

func drawValue(t *rapid.T, def *model.Resource) model.Value {
	kind := rapid.SampledFrom([]model.Kind{model.None, model.String, model.Integer, model.Opaque, model.Objlnk}).Draw(t, "kind")
	if def != nil && rapid.IntRange(0, 19).Draw(t, "right kind") > 0 {
		kind = def.Kind
	}
	switch kind {
	case model.String:
		return str(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "string"))
	case model.Integer:
		return num(rapid.SampledFrom([]int64{1, 2, 3, 4, 5, 6, 7, 58, 59, 60}).Draw(t, "integer"))
	case model.Opaque:
		return model.OpaqueValue(rapid.SliceOfN(rapid.Byte(), 0, 2).Draw(t, "opaque"))
	case model.Objlnk:
		return model.LinkValue(rapid.SampledFrom([]model.ObjectLink{
			{Object: 3}, {Object: 3}, {Object: 100, Instance: 1}, model.NullLink, model.NullLink, {Object: 7},
		}).Draw(t, "link"))
	}
	return model.Value{}
}

// drawPayload draws nodes for p, most of them sensible.
func drawPayload(t *rapid.T, p model.Path) []format.Node {
	var list []format.Node
	targets := []model.Path{p}
	if p.Depth() == 2 {
		targets = targets[:0]
		for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom([]uint16{0, 0, 0, 1, 3, 5, 5, 6, 9, 2}), 0, 4, rapid.ID[uint16]).Draw(t, "resources") {
			targets = append(targets, p.Child(id))
		}
	}
	for _, q := range targets {
		list = append(list, drawNodes(t, q)...)
	}
	switch rapid.IntRange(0, 30).Draw(t, "mistake") {
	case 0:
		if q := drawPath(t); q.Depth() >= 3 {
			list = append(list, format.Node{Path: q, Value: drawValue(t, defined(q))})
		}
	case 1:
		list = append(list, list...)
	}
	return rapid.Permutation(list).Draw(t, "payload")
}

// drawNodes draws the nodes for one Resource or Resource Instance.
func drawNodes(t *rapid.T, p model.Path) []format.Node {
	def := defined(p)
	wrong := rapid.IntRange(0, 30).Draw(t, "wrong depth") == 0
	if p.Depth() != 3 || def == nil || def.Multiple == wrong {
		return []format.Node{{Path: p, Value: drawValue(t, def)}}
	}
	var list []format.Node
	for _, id := range rapid.SliceOfNDistinct(rapid.Uint16Range(0, 2), 0, 2, rapid.ID[uint16]).Draw(t, "items") {
		list = append(list, format.Node{Path: p.Child(id), Value: drawValue(t, def)})
	}
	if len(list) == 0 && def.Multiple {
		list = append(list, format.Node{Path: p})
	}
	return list
}

// machine runs a Tree and an oracle side by side.
type machine struct {
	tree   *Tree
	oracle oracle
}

// verify compares the outcome of an operation with that of the oracle.
func (m *machine) verify(t *rapid.T, before string, changed []model.Path, err error, next oracle, code model.Code) {
	if code != 0 {
		if !errors.Is(err, code) {
			t.Fatalf("got %v, want %v", err, code)
		}
		if dump(m.tree) != before {
			t.Fatalf("the refused operation changed the tree")
		}
		return
	}
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if got := observed(m.tree); !got.equal(next) {
		t.Fatalf("the tree is\n%v\nwant\n%v", got, next)
	}
	if !slices.IsSortedFunc(changed, func(a, b model.Path) int {
		if a == b {
			return 1
		}
		return a.Compare(b)
	}) {
		t.Fatalf("changed paths are not in strict order: %v", changed)
	}
	want := differences(m.oracle, next)
	for p := range want {
		if !slices.ContainsFunc(changed, func(q model.Path) bool { return q.Contains(p) }) {
			t.Fatalf("%v changed, but Commit said %v", p, changed)
		}
	}
	for _, p := range changed {
		came := m.oracle.multiple[p] != next.multiple[p] || m.oracle.instances[p] != next.instances[p]
		if !came && !want[p] {
			t.Fatalf("%v did not change", p)
		}
	}
	m.oracle = next
}

func (m *machine) commit(t *rapid.T, x *Transaction, err error, next oracle, code model.Code) {
	before := dump(m.tree)
	var changed []model.Path
	if err == nil {
		changed, err = x.Commit(m.tree)
	}
	m.verify(t, before, changed, err, next, code)
}

func (m *machine) read(t *rapid.T) {
	p := drawPath(t)
	want, code := m.oracle.read(p)
	got, calls, err := m.tree.Read(nil, server, p)
	if code != 0 {
		if !errors.Is(err, code) {
			t.Fatalf("Read(%v): %v, want %v", p, err, code)
		}
		return
	}
	if err != nil || len(calls) != 0 || show(got) != show(want) {
		t.Fatalf("Read(%v) = %s, %v\nwant %s", p, show(got), err, show(want))
	}
}

func (m *machine) write(t *rapid.T) {
	p, mode := drawPath(t), rapid.SampledFrom([]Mode{Replace, Partial}).Draw(t, "mode")
	payload := drawPayload(t, p)
	next, code := m.oracle.write(p, payload, mode)
	x, err := m.tree.Write(server, p, payload, mode)
	m.commit(t, x, err, next, code)
}

func (m *machine) writeComposite(t *rapid.T) {
	var payload []format.Node
	for range rapid.IntRange(1, 3).Draw(t, "parts") {
		p := drawPath(t)
		if p.Depth() >= 2 {
			payload = append(payload, drawPayload(t, p)...)
		}
	}
	next, code := m.oracle.writeComposite(payload)
	x, err := m.tree.WriteComposite(server, payload)
	m.commit(t, x, err, next, code)
}

func (m *machine) create(t *rapid.T) {
	p := drawPath(t).Prefix(2)
	if p.Depth() < 2 {
		p = model.PathOf(100, 1)
	}
	payload := drawPayload(t, p)
	next, code := m.oracle.create(p, payload)
	before := dump(m.tree)
	k, err := m.tree.Create(server, p.Object(), p.Instance(), true, payload)
	if err == nil {
		err = k.Commit(m.tree)
	}
	m.verify(t, before, []model.Path{p}, err, next, code)
}

func (m *machine) delete(t *rapid.T) {
	p := drawPath(t)
	next, code := m.oracle.delete(p)
	before := dump(m.tree)
	d, err := m.tree.Delete(server, p)
	var changed []model.Path
	if err == nil {
		changed, err = d.Commit(m.tree)
	}
	m.verify(t, before, changed, err, next, code)
}

// local changes something from the application's side.
func (m *machine) local(t *rapid.T) {
	in, ok := m.tree.Instance(drawPath(t))
	if !ok {
		t.Skip("no such instance")
	}
	p := in.Path().Child(uint16(rapid.IntRange(0, 9).Draw(t, "resource")))
	def := defined(p)
	q := p.Child(uint16(rapid.IntRange(0, 2).Draw(t, "ri")))
	v := drawValue(t, def)
	if v.Kind() == model.Objlnk || def == nil || def.Check(v) != nil {
		t.Skip("not a value to set")
	}
	next := m.oracle.clone()
	var changed bool
	var err error
	switch remove := rapid.Bool().Draw(t, "remove"); {
	case remove && def.Multiple && rapid.Bool().Draw(t, "one"):
		changed = in.RemoveItem(def.ID, q.ResourceInstance())
		next.remove(q)
	case remove:
		changed = in.Remove(def.ID)
		next.remove(p)
	case def.Multiple:
		changed, err = in.SetItem(def.ID, q.ResourceInstance(), v)
		next.multiple[p], next.values[q] = true, v
	default:
		changed, err = in.Set(def.ID, v)
		next.values[p] = v
	}
	if err != nil || changed == next.equal(m.oracle) || !observed(m.tree).equal(next) {
		t.Fatalf("%v: changed %v, %v\n%v\nwant\n%v", p, changed, err, observed(m.tree), next)
	}
	m.oracle = next
}

// Random operations have the outcome that the oracle foretells: the same code,
// nothing changed if refused, the same data and the right list of changes if not.
func TestOperationsAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{tree: New(), oracle: newOracle()}
		if err := errors.Join(m.tree.AddObject(gadget(), true), m.tree.AddObject(keys(), true),
			m.tree.Insert(NewInstance(only(), 0)), m.tree.Insert(NewInstance(gadget(), 0))); err != nil {
			t.Fatal(err)
		}
		m.oracle = observed(m.tree)
		for range 4 { // longer lives than rapid's default
			t.Repeat(map[string]func(*rapid.T){
				"read": m.read, "write": m.write, "write again": m.write, "composite": m.writeComposite,
				"create": m.create, "delete": m.delete, "local": m.local, "local again": m.local,
			})
		}
	})
}
