package model

import (
	"cmp"
	"slices"
)

// Inventory is what a Client tells about its data when it registers: its Objects
// and Object Instances and the formats that it speaks (Core 1.1.1 §6.2.1).
type Inventory struct {
	// Root is the path below which the Objects are, such as "/lwm2m". Empty means
	// that they are at the root, as they almost always are.
	Root string
	// Formats are the Content-Formats that the Client supports beyond those that
	// the enabler version implies.
	Formats []uint16
	// Objects are sorted by ID.
	Objects []ObjectInventory
}

// ObjectInventory is an Object in an [Inventory].
type ObjectInventory struct {
	ID        uint16
	Version   Version  // zero means the default of [DefaultVersion]
	Instances []uint16 // sorted; empty if the Object has no Instance
}

// Object finds an Object by its ID.
func (inv *Inventory) Object(id uint16) (*ObjectInventory, bool) {
	i, ok := inv.find(id)
	if !ok {
		return nil, false
	}
	return &inv.Objects[i], true
}

func (inv *Inventory) find(id uint16) (int, bool) {
	return slices.BinarySearchFunc(inv.Objects, id, func(o ObjectInventory, id uint16) int {
		return cmp.Compare(o.ID, id)
	})
}

// Contains reports whether the Object of a path, and the Object Instance if the
// path names one, are in the inventory. The root always is.
func (inv *Inventory) Contains(p Path) bool {
	if p.IsRoot() {
		return true
	}
	o, ok := inv.Object(p.Object())
	if !ok || p.Depth() == 1 {
		return ok
	}
	_, ok = slices.BinarySearch(o.Instances, p.Instance())
	return ok
}

// Add adds an Object with its Instances, in any order, to the inventory. An
// Object that is there already gets the version, unless that is zero, and the
// Instances in addition to its own.
func (inv *Inventory) Add(object uint16, v Version, instances ...uint16) {
	i, ok := inv.find(object)
	if !ok {
		inv.Objects = slices.Insert(inv.Objects, i, ObjectInventory{ID: object})
	}
	o := &inv.Objects[i]
	if !v.IsZero() {
		o.Version = v
	}
	o.Instances = append(o.Instances, instances...)
	slices.Sort(o.Instances)
	o.Instances = slices.Compact(o.Instances)
}

// Equal reports whether two inventories say the same. The order of formats does
// not count.
func (inv *Inventory) Equal(other *Inventory) bool {
	return inv.Root == other.Root &&
		slices.Equal(sorted(inv.Formats), sorted(other.Formats)) &&
		slices.EqualFunc(inv.Objects, other.Objects, func(a, b ObjectInventory) bool {
			return a.ID == b.ID && a.Version == b.Version && slices.Equal(a.Instances, b.Instances)
		})
}

func sorted(ids []uint16) []uint16 { return slices.Sorted(slices.Values(ids)) }

// Clone returns a copy that shares nothing with inv.
func (inv *Inventory) Clone() *Inventory {
	c := *inv
	c.Formats = slices.Clone(inv.Formats)
	c.Objects = slices.Clone(inv.Objects)
	for i := range c.Objects {
		c.Objects[i].Instances = slices.Clone(c.Objects[i].Instances)
	}
	return &c
}
