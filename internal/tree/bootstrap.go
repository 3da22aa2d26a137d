package tree

import (
	"maps"
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// Draft is a Tree as a Bootstrap-Server is rewriting it (Core 1.1.1 §6.1). It begins
// as a copy; what the session does is seen in the Draft alone until
// [Draft.Finish] makes a [Revision] of it and that is committed. To drop a session is to
// forget its Draft.
//
// A Draft shares the instances that are not written with the Tree, so it has to be
// used under the same lock. It never changes an instance: it replaces it by another.
type Draft struct {
	tree    Tree
	unused  []uint16              // Objects that the client has only if they are written
	origins map[model.Path]origin // of what was written or removed
	servers []uint16              // Short Server IDs of the accounts at the beginning
	size    int                   // of the instances that are written, by sizeOf
}

// origin is what there was before the session wrote or removed an instance.
type origin struct {
	live   *Instance // nil: nothing
	before *Instance // a copy of its contents, which the application may change meanwhile
}

// MaxDraft bounds the memory that the values written in a session take, about, in bytes. A
// Bootstrap-Server that writes more is answered 4.13.
const MaxDraft = 1 << 20

// NewDraft returns a copy of the Tree. The definitions are of Objects that the
// Bootstrap-Server may write even if the Tree does not know them.
func (t *Tree) NewDraft(definitions ...*model.Object) *Draft {
	d := &Draft{tree: t.copy(), origins: make(map[model.Path]origin)}
	for _, def := range definitions {
		if def != nil && d.tree.object(def.ID) == nil {
			_, _ = d.tree.define(def)
			if !def.Mandatory {
				d.unused = append(d.unused, def.ID)
			}
		}
	}
	d.servers = d.accounts()
	return d
}

// copy returns a Tree with the same instances.
func (t *Tree) copy() Tree {
	objects := make([]*object, len(t.objects))
	for i, o := range t.objects {
		objects[i] = &object{def: o.def, creatable: o.creatable, instances: slices.Clone(o.instances)}
	}
	return Tree{objects: objects}
}

func (d *Draft) copy() *Draft {
	return &Draft{tree: d.tree.copy(), unused: d.unused, origins: maps.Clone(d.origins), servers: d.servers, size: d.size}
}

// Resource tells data type and multiplicity of a Resource. It implements
// format.Types.
func (d *Draft) Resource(object, resource uint16) (kind model.Kind, multiple, ok bool) {
	return d.tree.Resource(object, resource)
}

// object finds the Object that p is in.
func (d *Draft) object(p model.Path) (*object, error) {
	o := d.tree.object(p.Object())
	if o == nil {
		return nil, fail(model.NotFound, p, "no such Object")
	}
	return o, nil
}

// note remembers what there was at p before the session, once.
func (d *Draft) note(p model.Path) {
	if _, ok := d.origins[p]; ok {
		return
	}
	var was origin
	if in, ok := d.tree.Instance(p); ok {
		was = origin{live: in, before: in.contents()}
	}
	d.origins[p] = was
}

// written reports whether the session has written the instance at p.
func (d *Draft) written(p model.Path) bool {
	_, ok := d.origins[p]
	return ok
}

// put adds an instance, or replaces the one that has its path.
func (d *Draft) put(in *Instance) {
	d.remove(in.Path())
	d.note(in.Path())
	d.size += in.sizeOf()
	o := d.tree.object(in.def.ID)
	i, _ := o.search(in.id)
	o.instances = slices.Insert(o.instances, i, in)
}

// remove takes out the instance at p, if there is one.
func (d *Draft) remove(p model.Path) {
	in, ok := d.tree.Instance(p)
	if !ok {
		return
	}
	if d.written(p) {
		d.size -= in.sizeOf()
	}
	d.note(p)
	d.tree.Remove(p)
	if d.origins[p].live == nil {
		delete(d.origins, p) // it came and went
	}
}

// contents returns a copy of the instance without hooks.
func (in *Instance) contents() *Instance {
	c := NewInstance(in.def, in.id)
	c.Grow(len(in.slots))
	for i := range in.slots {
		if s := &in.slots[i]; !s.content().IsZero() {
			c.put(s.def, s.content())
		}
	}
	return c
}

// sizeOf is about the memory that the instance takes.
func (in *Instance) sizeOf() int {
	const perInstance, perResource, perItem = 128, 64, 48
	size := perInstance
	for i := range in.slots {
		c := in.slots[i].content()
		size += perResource + c.value.Len() + perItem*len(c.items)
		for _, item := range c.items {
			size += item.Value.Len()
		}
	}
	return size
}

// equal reports whether both hold the same.
func (in *Instance) equal(other *Instance) bool {
	return slices.EqualFunc(in.slots, other.slots, func(a, b slot) bool {
		return a.def.ID == b.def.ID && a.content().Equal(b.content())
	})
}

// The Objects of accounts, and the Resources of them that matter here (Core 1.1.1 Appendix E).
const (
	objectSecurity      = 0
	objectServer        = 1
	objectAccessControl = 2
	objectDevice        = 3

	securityURI       = 0
	securityBootstrap = 1
	securityMode      = 2
	securitySSID      = 10
	securityOSCORE    = 17

	serverSSID    = 0
	serverBinding = 7
)

// value is that of a single-instance Resource; the zero Value if it has none.
func (in *Instance) value(resource uint16) model.Value {
	c, _ := in.Get(resource)
	return c.value
}

// isBootstrapAccount reports whether an instance of the Security Object is the account of a Bootstrap-Server.
func (in *Instance) isBootstrapAccount() bool {
	return in.def.ID == objectSecurity && in.value(securityBootstrap).Bool()
}

// shortServerID is that of an instance of the Security Object; 0 if it has none that counts.
func (in *Instance) shortServerID() uint16 {
	ssid := in.value(securitySSID).Int()
	if in.isBootstrapAccount() || ssid < 0 || ssid >= model.MaxID {
		return 0
	}
	return uint16(ssid)
}

// accounts are the Short Server IDs of all accounts of LwM2M Servers.
func (d *Draft) accounts() (ssids []uint16) {
	for in := range d.tree.Instances(objectSecurity) {
		if ssid := in.shortServerID(); ssid != 0 {
			ssids = append(ssids, ssid)
		}
	}
	return ssids
}
