package model_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/model"
)

func TestInventory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paths := rapid.SliceOf(anyPath()).Draw(t, "paths")
		var inv model.Inventory
		for _, p := range paths {
			switch {
			case p.Depth() == 1:
				inv.Add(p.Object(), model.Version{})
			case p.Depth() > 1:
				inv.Add(p.Object(), model.Version11, p.Instance())
			}
		}
		for _, p := range append(paths, anyPath().Draw(t, "another")) {
			want := slices.ContainsFunc(paths, func(q model.Path) bool { return p.Prefix(2).Contains(q.Prefix(2)) })
			if got := inv.Contains(p); got != want && !p.IsRoot() {
				t.Fatalf("Contains(%v) = %t after %v", p, got, paths)
			}
		}
		if !slices.IsSortedFunc(inv.Objects, func(a, b model.ObjectInventory) int { return int(a.ID) - int(b.ID) }) {
			t.Fatalf("not sorted: %v", inv.Objects)
		}
		c := inv.Clone()
		if !inv.Equal(c) || !c.Equal(&inv) {
			t.Fatalf("%v and its clone %v differ", inv, c)
		}
		c.Add(9, model.Version{}, 9)
		if inv.Contains(model.PathOf(9, 9)) == !inv.Equal(c) {
			t.Fatalf("%v and the extended %v", inv, c)
		}
	})
}

func TestInventoryAddKeepsVersionAndSorts(t *testing.T) {
	var inv model.Inventory
	inv.Add(3303, model.Version11, 2, 0, 2)
	inv.Add(3303, model.Version{}, 1)
	inv.Add(5, model.Version{})
	o, ok := inv.Object(3303)
	if !ok || o.Version != model.Version11 || !slices.Equal(o.Instances, []uint16{0, 1, 2}) {
		t.Errorf("Object 3303 is %+v", o)
	}
	if _, ok := inv.Object(4); ok || !inv.Contains(model.PathOf()) || !inv.Contains(model.PathOf(5)) || inv.Contains(model.PathOf(5, 0)) {
		t.Errorf("inventory %+v", inv)
	}
}

func TestInventoryEqual(t *testing.T) {
	base := func() *model.Inventory {
		inv := &model.Inventory{Formats: []uint16{112, 110}}
		inv.Add(3, model.Version11, 0)
		return inv
	}
	same := base()
	slices.Reverse(same.Formats)
	if !same.Equal(base()) {
		t.Error("the order of formats counts")
	}
	for what, change := range map[string]func(*model.Inventory){
		"root":     func(inv *model.Inventory) { inv.Root = "/lwm2m" },
		"formats":  func(inv *model.Inventory) { inv.Formats = inv.Formats[1:] },
		"version":  func(inv *model.Inventory) { inv.Add(3, model.Version12) },
		"instance": func(inv *model.Inventory) { inv.Add(3, model.Version{}, 1) },
		"object":   func(inv *model.Inventory) { inv.Add(4, model.Version{}) },
	} {
		inv := base()
		change(inv)
		if inv.Equal(base()) {
			t.Errorf("another %s is equal", what)
		}
	}
}
