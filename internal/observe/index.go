package observe

import (
	"iter"
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// index finds observations by what they observe. It is sorted by path, which
// puts all that lies below a path right behind it: a look-up costs the same few
// comparisons however many other observations there are, and no memory.
type index[T comparable] []entry[T]

// entry is one path of one observation.
type entry[T comparable] struct {
	path        model.Path
	observation *Observation[T]
	component   int
}

// search returns the position of the first entry that is not before p.
func (x index[T]) search(p model.Path) int {
	at, _ := slices.BinarySearchFunc(x, p, func(e entry[T], p model.Path) int { return e.path.Compare(p) })
	return at
}

// insert adds each path of an observation behind those of the same path.
func (x *index[T]) insert(o *Observation[T]) {
	for i, p := range o.Paths {
		at := x.search(p)
		for at < len(*x) && (*x)[at].path == p {
			at++
		}
		*x = slices.Insert(*x, at, entry[T]{p, o, i})
	}
}

// remove takes out all paths of an observation.
func (x *index[T]) remove(o *Observation[T]) {
	for _, p := range o.Paths {
		for at := x.search(p); at < len(*x) && (*x)[at].path == p; at++ {
			if (*x)[at].observation == o {
				*x = slices.Delete(*x, at, at+1)
				break
			}
		}
	}
}

// affected are the entries of p, of what lies above it, and of what lies below
// it. An observation that lists several such paths comes with each. The index
// must not change meanwhile.
func (x index[T]) affected(p model.Path) iter.Seq[entry[T]] {
	return func(yield func(entry[T]) bool) {
		for depth := range p.Depth() {
			above := p.Prefix(depth)
			for at := x.search(above); at < len(x) && x[at].path == above; at++ {
				if !yield(x[at]) {
					return
				}
			}
		}
		x.below(p)(yield)
	}
}

// below are the entries of p and of what lies below it.
func (x index[T]) below(p model.Path) iter.Seq[entry[T]] {
	return func(yield func(entry[T]) bool) {
		for at := x.search(p); at < len(x) && p.Contains(x[at].path); at++ {
			if !yield(x[at]) {
				return
			}
		}
	}
}

// overlaps reports whether there is any affected observation.
func (x index[T]) overlaps(p model.Path) bool {
	if len(x) == 0 {
		return false
	}
	for depth := range p.Depth() {
		above := p.Prefix(depth)
		if at := x.search(above); at < len(x) && x[at].path == above {
			return true
		}
	}
	at := x.search(p)
	return at < len(x) && p.Contains(x[at].path)
}

// same returns the observation of the same paths by the same Server, or nil.
func (x index[T]) same(r Request[T]) *Observation[T] {
	if len(r.Paths) == 0 {
		return nil
	}
	p := r.Paths[0]
	for at := x.search(p); at < len(x) && x[at].path == p; at++ {
		o := x[at].observation
		if o.Server == r.Server && o.Composite == r.Composite && slices.Equal(o.Paths, r.Paths) {
			return o
		}
	}
	return nil
}
