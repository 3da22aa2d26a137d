package tree

import "github.com/lwm2m-go/lwm2m/model"

// Entry is one link of the answer to a Discover; attributes are attached by the
// owner.
type Entry struct {
	Path    model.Path
	Version model.Version // of an Object whose version must be told; else zero
	Dim     int           // Resource Instances of a Multiple-Instance Resource; else -1
}

// DefaultDepth is the depth of a Discover that asks for none: an Object is listed with
// its Object Instances and their Resources, an Object Instance with its Resources, a
// Resource, since LwM2M 1.1, with its Resource Instances.
const DefaultDepth = -1

// Discover appends what is at p and down to depth levels below it, or DefaultDepth
// (Core 1.2 §6.3.2). Resource Instances are listed since LwM2M 1.1. All
// instantiated Resources are listed, whether they can be read or not. No access
// right is needed. The number of Resource Instances that a Read hook would give
// is not known: Dim is then what was set, or -1.
func (t *Tree) Discover(dst []Entry, c Caller, p model.Path, depth int) ([]Entry, error) {
	o, err := t.open(c, p)
	if err != nil {
		return dst, err
	}
	if err := checkLevel(c, p, []int{1, 2, 3}); err != nil {
		return dst, err
	}
	d := discovery{dst, c, p.Depth() + depth}
	if depth == DefaultDepth {
		d.lowest = max(p.Depth()+1, 3)
	}
	if p.Depth() == 1 {
		d.object(o)
		return d.entries, nil
	}
	in := o.instance(p.Instance())
	if in == nil {
		return dst, fail(model.NotFound, p, "no such Object Instance")
	}
	if p.Depth() == 2 {
		d.instance(in)
		return d.entries, nil
	}
	if _, err := in.defined(p, 0); err != nil {
		return dst, err
	}
	s := in.slot(p.Resource())
	if s == nil || !s.instantiated() {
		return dst, fail(model.NotFound, p, "the Resource has no value")
	}
	d.resource(s, p)
	return d.entries, nil
}

// discovery collects the entries of one Discover.
type discovery struct {
	entries []Entry
	caller  Caller
	lowest  int // level down to which things are listed
}

func (d *discovery) object(o *object) {
	entry := Entry{Path: model.PathOf(o.def.ID), Dim: -1}
	if v := objectVersion(o.def); tellsVersion(o.def.ID, v, d.caller.version()) {
		entry.Version = v
	}
	d.entries = append(d.entries, entry)
	for _, in := range o.instances {
		if d.lowest >= 2 {
			d.instance(in)
		}
	}
}

func (d *discovery) instance(in *Instance) {
	d.entries = append(d.entries, Entry{Path: in.Path(), Dim: -1})
	for i := range in.slots {
		if s := &in.slots[i]; d.lowest >= 3 && s.instantiated() {
			d.resource(s, in.Path().Child(s.def.ID))
		}
	}
}

func (d *discovery) resource(s *slot, p model.Path) {
	d.entries = append(d.entries, s.entry(p))
	if d.lowest < 4 || !d.caller.speaks(model.Version11) {
		return
	}
	for _, item := range s.content().items {
		d.entries = append(d.entries, Entry{Path: p.Child(item.ID), Dim: -1})
	}
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
