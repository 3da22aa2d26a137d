package tree

import (
	"iter"
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// Tree holds the Objects of one client. The zero Tree is empty and ready to use.
// It is not safe for concurrent use.
type Tree struct {
	objects []*object // sorted by ID
}

type object struct {
	def       *model.Object
	instances []*Instance // sorted by ID
	reserved  []uint16    // Object Instance IDs of pending Creations
	creatable bool
}

// New returns an empty Tree.
func New() *Tree { return new(Tree) }

func (t *Tree) search(id uint16) (int, bool) {
	return slices.BinarySearchFunc(t.objects, id, func(o *object, id uint16) int { return int(o.def.ID) - int(id) })
}

func (t *Tree) object(id uint16) *object {
	if i, ok := t.search(id); ok {
		return t.objects[i]
	}
	return nil
}

func (o *object) search(id uint16) (int, bool) {
	return slices.BinarySearchFunc(o.instances, id, func(in *Instance, id uint16) int { return int(in.id) - int(id) })
}

func (o *object) instance(id uint16) *Instance {
	if i, ok := o.search(id); ok {
		return o.instances[i]
	}
	return nil
}

// AddObject makes an Object known, with or without instances. Creatable says
// whether servers may create instances. A known Object gets the new setting, and
// the new definition if it has no instance; a different version beside existing
// instances is an error, and so is the reserved ID 65535.
func (t *Tree) AddObject(def *model.Object, creatable bool) error {
	o, err := t.define(def)
	if err != nil {
		return err
	}
	o.creatable = creatable
	return nil
}

// define finds the Object of a definition, or makes it.
func (t *Tree) define(def *model.Object) (*object, error) {
	p := model.PathOf(def.ID)
	if def.ID == model.MaxID {
		return nil, fail(model.BadRequest, p, "65535 is no Object ID")
	}
	i, ok := t.search(def.ID)
	if !ok {
		o := &object{def: def}
		t.objects = slices.Insert(t.objects, i, o)
		return o, nil
	}
	o := t.objects[i]
	switch {
	case len(o.instances) == 0 && len(o.reserved) == 0:
		o.def = def
	case objectVersion(o.def) != objectVersion(def):
		return nil, fail(model.BadRequest, p, "the Object has version "+objectVersion(o.def).String()+
			", not "+objectVersion(def).String())
	}
	return o, nil
}

// objectVersion is the version of an Object, also if its definition is silent.
func objectVersion(def *model.Object) model.Version {
	if def.Version.IsZero() {
		return model.Version10
	}
	return def.Version
}

// RemoveObject removes an Object with all its instances and reports whether it
// was there.
func (t *Tree) RemoveObject(id uint16) bool {
	i, ok := t.search(id)
	if ok {
		t.objects = slices.Delete(t.objects, i, i+1)
	}
	return ok
}

// Objects are the definitions of all Objects, in order of their IDs. The tree
// must not be changed meanwhile.
func (t *Tree) Objects() iter.Seq[*model.Object] {
	return func(yield func(*model.Object) bool) {
		for _, o := range t.objects {
			if !yield(o.def) {
				return
			}
		}
	}
}

// Insert adds an instance, and its Object if that is not known. It fails with
// 4.00 if the ID is taken or is 65535, and if the Object takes one instance only
// and the instance is a second one or has an ID other than 0.
func (t *Tree) Insert(in *Instance) error {
	if err := checkID(in.def, in.id); err != nil {
		return err
	}
	if o := t.object(in.def.ID); o != nil && o.instance(in.id) != nil {
		return fail(model.BadRequest, in.Path(), "exists already")
	}
	o, err := t.define(in.def)
	if err != nil {
		return err
	}
	i, _ := o.search(in.id)
	o.instances = slices.Insert(o.instances, i, in)
	return nil
}

func checkID(def *model.Object, id uint16) error {
	p := model.PathOf(def.ID, id)
	switch {
	case id == model.MaxID:
		return fail(model.BadRequest, p, "65535 is no Object Instance ID")
	case id != 0 && !def.Multiple:
		return fail(model.BadRequest, p, "the Object has one instance only, with ID 0")
	}
	return nil
}

// Remove takes out the Object Instance at p, two levels, and returns it.
func (t *Tree) Remove(p model.Path) (*Instance, bool) {
	o := t.object(p.Object())
	if o == nil || p.Depth() != 2 {
		return nil, false
	}
	i, ok := o.search(p.Instance())
	if !ok {
		return nil, false
	}
	in := o.instances[i]
	o.instances = slices.Delete(o.instances, i, i+1)
	return in, true
}

// Instance finds the Object Instance at p or, if p is deeper, the one above p.
func (t *Tree) Instance(p model.Path) (*Instance, bool) {
	if o := t.object(p.Object()); o != nil && p.Depth() >= 2 {
		in := o.instance(p.Instance())
		return in, in != nil
	}
	return nil, false
}

// Holds reports whether in itself is in the tree, not one that took its place.
func (t *Tree) Holds(in *Instance) bool {
	found, ok := t.Instance(in.Path())
	return ok && found == in
}

// Instances are the instances of an Object, in order of their IDs. The tree must
// not be changed meanwhile.
func (t *Tree) Instances(object uint16) iter.Seq[*Instance] {
	return func(yield func(*Instance) bool) {
		o := t.object(object)
		if o == nil {
			return
		}
		for _, in := range o.instances {
			if !yield(in) {
				return
			}
		}
	}
}

// Resource tells data type and multiplicity of a Resource by the definition of
// its Object; ok is false if it has none. It implements format.Types.
func (t *Tree) Resource(object, resource uint16) (kind model.Kind, multiple, ok bool) {
	o := t.object(object)
	if o == nil {
		return model.None, false, false
	}
	def, ok := o.def.Resource(resource)
	if !ok {
		return model.None, false, false
	}
	return def.Kind, def.Multiple, true
}

// Links is what the registration tells (Core 1.1.1 §6.2): all Objects but those
// with credentials, in order, with their versions and Object Instances.
func (t *Tree) Links() []model.ObjectInventory {
	links := make([]model.ObjectInventory, 0, len(t.objects))
	for _, o := range t.objects {
		if IsProtected(o.def.ID) {
			continue
		}
		link := model.ObjectInventory{ID: o.def.ID, Version: objectVersion(o.def)}
		for _, in := range o.instances {
			link.Instances = append(link.Instances, in.id)
		}
		links = append(links, link)
	}
	return links
}
