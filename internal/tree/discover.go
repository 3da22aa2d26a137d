package tree

import "github.com/lwm2m-go/lwm2m/model"

// Entry is one link of the answer to a Discover; attributes are attached by the
// owner.
type Entry struct {
	Path    model.Path
	Version model.Version // of an Object whose version must be told; else zero
	Dim     int           // Resource Instances of a Multiple-Instance Resource; else -1
}

// Discover appends what is at p and below (Core 1.1.1 §6.3.2): an Object with
// its Object Instances and their Resources, an Object Instance with its
// Resources, or a Resource, since LwM2M 1.1 with its Resource Instances. All
// instantiated Resources are listed, whether they can be read or not. No access
// right is needed. The number of Resource Instances that a Read hook would give
// is not known: Dim is then what was set, or -1.
func (t *Tree) Discover(dst []Entry, c Caller, p model.Path) ([]Entry, error) {
	o, err := t.open(c, p)
	if err != nil {
		return dst, err
	}
	if err := checkLevel(c, p, []int{1, 2, 3}); err != nil {
		return dst, err
	}
	if p.Depth() == 1 {
		return o.discover(dst, c), nil
	}
	in := o.instance(p.Instance())
	if in == nil {
		return dst, fail(model.NotFound, p, "no such Object Instance")
	}
	if p.Depth() == 2 {
		return in.discover(dst), nil
	}
	if _, err := in.defined(p, 0); err != nil {
		return dst, err
	}
	s := in.slot(p.Resource())
	if s == nil || !s.instantiated() {
		return dst, fail(model.NotFound, p, "the Resource has no value")
	}
	dst = append(dst, s.entry(p))
	if c.speaks(model.Version11) {
		for _, item := range s.content().items {
			dst = append(dst, Entry{Path: p.Child(item.ID), Dim: -1})
		}
	}
	return dst, nil
}

func (o *object) discover(dst []Entry, c Caller) []Entry {
	entry := Entry{Path: model.PathOf(o.def.ID), Dim: -1}
	if v := objectVersion(o.def); tellsVersion(o.def.ID, v, c.version()) {
		entry.Version = v
	}
	dst = append(dst, entry)
	for _, in := range o.instances {
		dst = in.discover(dst)
	}
	return dst
}

func (in *Instance) discover(dst []Entry) []Entry {
	dst = append(dst, Entry{Path: in.Path(), Dim: -1})
	for i := range in.slots {
		if s := &in.slots[i]; s.instantiated() {
			dst = append(dst, s.entry(in.Path().Child(s.def.ID)))
		}
	}
	return dst
}

func (s *slot) entry(p model.Path) Entry {
	dim := -1
	if c := s.content(); c.IsMultiple() {
		dim = len(c.items)
	}
	return Entry{Path: p, Dim: dim}
}

// tellsVersion reports whether a link to an Object of version v must tell it,
// because a server might assume another. For LwM2M 1.2 the specification leaves
// open which version of a core Object it means, so that is told always.
func tellsVersion(object uint16, v, enabler model.Version) bool {
	assumed, core := model.DefaultVersion(object, enabler)
	return v != assumed || core && enabler.Compare(model.Version12) >= 0
}
