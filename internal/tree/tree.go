package tree

import (
	"iter"

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

// AddObject makes an Object known, with or without instances. Creatable says
// whether servers may create instances. A known Object gets the new setting, and
// the new definition if it has no instance; a different version beside existing
// instances is an error.
func (t *Tree) AddObject(def *model.Object, creatable bool) error { return nil }

// RemoveObject removes an Object with all its instances and reports whether it
// was there.
func (t *Tree) RemoveObject(id uint16) bool { return false }

// Objects are the definitions of all Objects, in order of their IDs.
func (t *Tree) Objects() iter.Seq[*model.Object] { return nil }

// Insert adds an instance, and its Object if that is not known. It fails with
// 4.00 if the ID is taken, and if the Object takes one instance only.
func (t *Tree) Insert(in *Instance) error { return nil }

// Remove takes out the Object Instance at p, two levels, and returns it.
func (t *Tree) Remove(p model.Path) (*Instance, bool) { return nil, false }

// Instance finds the Object Instance at p or, if p is deeper, the one above p.
func (t *Tree) Instance(p model.Path) (*Instance, bool) { return nil, false }

// Instances are the instances of an Object, in order of their IDs. The tree must
// not be changed meanwhile.
func (t *Tree) Instances(object uint16) iter.Seq[*Instance] { return nil }

// Resource tells data type and multiplicity of a Resource by the definition of
// its Object; ok is false if it has none. It implements format.Types.
func (t *Tree) Resource(object, resource uint16) (kind model.Kind, multiple, ok bool) {
	return 0, false, false
}

// Links is the inventory for the registration (Core 1.1.1 §6.2): all Objects but
// those with credentials, in order.
func (t *Tree) Links() []ObjectLinks { return nil }

// ObjectLinks is an Object as it is registered.
type ObjectLinks struct {
	Object    uint16
	Version   model.Version
	Instances []uint16 // sorted; empty if the Object has none
}

func (t *Tree) open(c Caller, p model.Path) (*object, error) { return nil, nil }
