package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// Item is one Resource Instance: its ID and its value.
type Item struct {
	ID    uint16
	Value model.Value
}

// Content is what a Resource holds: one value, or Resource Instances. The zero
// Content is none: the Resource is not instantiated. Contents are immutable;
// they share their items.
type Content struct {
	value model.Value
	items []Item // nil if not multiple; sorted by ID, without duplicates
}

// Single is the Content of a single-instance Resource. The zero Value makes the
// zero Content.
func Single(v model.Value) Content { return Content{value: v} }

// Multiple is the Content of a Multiple-Instance Resource. It takes over items
// and sorts them; of two with the same ID the later one stays. No items make an
// instantiated Resource without Resource Instances.
func Multiple(items ...Item) Content {
	if items == nil {
		return Content{items: []Item{}}
	}
	if !slices.IsSortedFunc(items, ascending) {
		slices.SortStableFunc(items, compareItems)
	}
	return Content{items: keepLast(items)}
}

func compareItems(a, b Item) int { return int(a.ID) - int(b.ID) }

// ascending is compareItems for the test of strict order: equal counts as wrong.
func ascending(a, b Item) int {
	if a.ID <= b.ID {
		return compareItems(a, b)
	}
	return 1
}

// keepLast removes, from sorted items, those that a later one replaces.
func keepLast(items []Item) []Item {
	kept := items[:0]
	for i, item := range items {
		if i+1 == len(items) || items[i+1].ID != item.ID {
			kept = append(kept, item)
		}
	}
	return kept
}

// IsZero reports whether c is none: not instantiated.
func (c Content) IsZero() bool { return c.value.IsZero() && c.items == nil }

// IsMultiple reports whether c holds Resource Instances, possibly none of them.
func (c Content) IsMultiple() bool { return c.items != nil }

// Value is the value of a single-instance Resource; the zero Value otherwise.
func (c Content) Value() model.Value { return c.value }

// Items are the Resource Instances, sorted by ID. They must not be changed.
func (c Content) Items() []Item { return c.items }

// Item finds a Resource Instance.
func (c Content) Item(id uint16) (model.Value, bool) {
	i, ok := c.find(id)
	if !ok {
		return model.Value{}, false
	}
	return c.items[i].Value, true
}

func (c Content) find(id uint16) (int, bool) {
	return slices.BinarySearchFunc(c.items, id, func(item Item, id uint16) int { return int(item.ID) - int(id) })
}

// Equal reports whether both hold the same values, by [model.Value.Equal].
func (c Content) Equal(d Content) bool {
	return c.IsMultiple() == d.IsMultiple() && c.value.Equal(d.value) &&
		slices.EqualFunc(c.items, d.items, func(a, b Item) bool { return a.ID == b.ID && a.Value.Equal(b.Value) })
}

// With returns c with the items added or replaced.
func (c Content) With(items ...Item) Content {
	return Multiple(append(slices.Clone(c.items), items...)...)
}

// Without returns c less one Resource Instance.
func (c Content) Without(id uint16) Content {
	i, ok := c.find(id)
	if !ok {
		return c
	}
	return Content{items: slices.Delete(slices.Clone(c.items), i, i+1)}
}

// Changes appends the places below the Resource at p where old and current
// differ, sorted: the Resource itself when it came, went or holds one value;
// else the Resource Instances that came, went or changed.
func Changes(dst []model.Path, p model.Path, old, current Content) []model.Path {
	if old.Equal(current) {
		return dst
	}
	a, b := old.items, current.items
	if len(a) == 0 && len(b) == 0 || old.IsMultiple() && current.IsZero() {
		return append(dst, p)
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].ID < b[0].ID:
			dst = append(dst, p.Child(a[0].ID))
			a = a[1:]
		case len(a) == 0 || b[0].ID < a[0].ID:
			dst = append(dst, p.Child(b[0].ID))
			b = b[1:]
		default:
			if !a[0].Value.Equal(b[0].Value) {
				dst = append(dst, p.Child(a[0].ID))
			}
			a, b = a[1:], b[1:]
		}
	}
	return dst
}
