package observe

import (
	"iter"
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// index finds observations by what they observe. It is sorted by path, which
// puts all that lies below a path right behind it: a look-up takes a few binary searches
// and no memory, however many other observations there are.
type index[T comparable] struct {
	entries []entry[T]
	depths  [5]int // how many entries there are of each depth
}

// entry is one path of one observation.
type entry[T comparable] struct {
	path        model.Path
	observation *Observation[T]
	component   int
}

// search returns the position of the first entry that is not before p.
func (x *index[T]) search(p model.Path) int {
	at, _ := slices.BinarySearchFunc(x.entries, p, func(e entry[T], p model.Path) int { return e.path.Compare(p) })
	return at
}

// insert adds each path of an observation behind those of the same path.
func (x *index[T]) insert(o *Observation[T]) {
	for i, p := range o.Paths {
		at := x.search(p)
		for at < len(x.entries) && x.entries[at].path == p {
			at++
		}
		x.entries = slices.Insert(x.entries, at, entry[T]{p, o, i})
		x.depths[p.Depth()]++
	}
}

// remove takes out all paths of an observation.
func (x *index[T]) remove(o *Observation[T]) {
	for _, p := range o.Paths {
		for at := x.search(p); at < len(x.entries) && x.entries[at].path == p; at++ {
			if x.entries[at].observation == o {
				x.entries = slices.Delete(x.entries, at, at+1)
				x.depths[p.Depth()]--
				break
			}
		}
	}
}

// affected are the entries of p, of what lies above it, and of what lies below
// it. An observation that lists several such paths comes with each. The index
// must not change meanwhile.
func (x *index[T]) affected(p model.Path) iter.Seq[entry[T]] {
	return func(yield func(entry[T]) bool) {
		for depth := range p.Depth() {
			if x.depths[depth] == 0 {
				continue
			}
			above := p.Prefix(depth)
			for at := x.search(above); at < len(x.entries) && x.entries[at].path == above; at++ {
				if !yield(x.entries[at]) {
					return
				}
			}
		}
		x.below(p)(yield)
	}
}

// below are the entries of p and of what lies below it.
func (x *index[T]) below(p model.Path) iter.Seq[entry[T]] {
	return func(yield func(entry[T]) bool) {
		for at := x.search(p); at < len(x.entries) && p.Contains(x.entries[at].path); at++ {
			if !yield(x.entries[at]) {
				return
			}
		}
	}
}

// overlaps reports whether there is any affected observation.
func (x *index[T]) overlaps(p model.Path) bool {
	for range x.affected(p) {
		return true
	}
	return false
}

// same returns the observation of the same paths by the same Server, or nil.
func (x *index[T]) same(r Request[T]) *Observation[T] {
	if len(r.Paths) == 0 {
		return nil
	}
	p := r.Paths[0]
	for at := x.search(p); at < len(x.entries) && x.entries[at].path == p; at++ {
		o := x.entries[at].observation
		if o.Server == r.Server && o.Composite == r.Composite && slices.Equal(o.Paths, r.Paths) {
			return o
		}
	}
	return nil
}
