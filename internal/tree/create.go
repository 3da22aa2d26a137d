package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// Creation is a planned Object Instance. Its ID is reserved until Commit or
// Cancel, one of which must be called.
type Creation struct {
	caller  Caller
	def     *model.Object
	in      *Instance // after Fill
	entry   *Instance // after Commit: of the Access Control Object; nil if there is no new one
	changes []change  // their instance is set by Fill
	id      uint16
	done    bool
}

// CheckCreate makes the checks of a Create that need no payload.
func (t *Tree) CheckCreate(c Caller, p model.Path) error {
	_, err := t.createTarget(c, p)
	return err
}

func (t *Tree) createTarget(c Caller, p model.Path) (*object, error) {
	o, _, err := t.reach(c, p, model.RightCreate, 1)
	switch {
	case err != nil:
		return nil, err
	case !t.allowed(c, p, model.RightCreate):
		return nil, t.unauthorized(c, p, model.RightCreate)
	case !o.creatable:
		return nil, fail(model.MethodNotAllowed, p, "instances cannot be created")
	case !o.def.Multiple && len(o.instances)+len(o.reserved) > 0:
		return nil, fail(model.MethodNotAllowed, p, "the Object has its only instance")
	}
	return o, nil
}

// Create plans an Object Instance with the values of nodes (Core 1.1.1 §6.3.6).
// If hasID is false, the lowest free ID is taken and the Object Instance ID in the
// nodes' paths does not count. An Object that may have one instance gives it
// the ID 0 always. Resources that are not defined or not writable are ignored.
func (t *Tree) Create(c Caller, object, id uint16, hasID bool, nodes []format.Node) (*Creation, error) {
	o, err := t.createTarget(c, model.PathOf(object))
	if err != nil {
		return nil, err
	}
	id, err = o.choose(id, hasID)
	if err != nil {
		return nil, err
	}
	p := model.PathOf(object, id)
	if nodes, err = rebase(nodes, p, hasID && o.def.Multiple); err != nil {
		return nil, err
	}
	parts, err := NewInstance(o.def, id).parts(nodes, true)
	if err != nil {
		return nil, err
	}
	if err := checkMandatory(o.def, p, parts); err != nil {
		return nil, err
	}
	x, err := t.plan(parts, replace)
	if err != nil {
		return nil, err
	}
	o.reserved = append(o.reserved, id)
	return &Creation{caller: c, def: o.def, id: id, changes: x.changes}, nil
}

// choose finds the ID of a new instance.
func (o *object) choose(id uint16, hasID bool) (uint16, error) {
	switch p := model.PathOf(o.def.ID, id); {
	case !o.def.Multiple:
		return 0, nil
	case hasID && id == model.MaxID:
		return 0, fail(model.BadRequest, p, "65535 is no Object Instance ID")
	case hasID && o.isTaken(id):
		return 0, fail(model.BadRequest, p, "exists already")
	case hasID:
		return id, nil
	}
	if id, ok := o.free(); ok {
		return id, nil
	}
	return 0, fail(model.BadRequest, model.PathOf(o.def.ID), "no Object Instance ID is free")
}

func (o *object) isTaken(id uint16) bool {
	return o.instance(id) != nil || slices.Contains(o.reserved, id)
}

// free is the lowest Object Instance ID that is not taken.
func (o *object) free() (id uint16, ok bool) {
	for id = range uint16(model.MaxID) {
		if !o.isTaken(id) {
			return id, true
		}
	}
	return 0, false
}

// rebase returns the nodes, sorted, with paths below p. The payload may have one
// Object Instance only and, if that is to be exact, it must be p.
func rebase(nodes []format.Node, p model.Path, exact bool) ([]format.Node, error) {
	rebased := make([]format.Node, 0, len(nodes))
	var first model.Path
	for _, node := range nodes {
		q := node.Path
		switch {
		case q == p.Parent() && node.Value.IsZero():
			continue // an empty payload
		case q.Depth() < 2 || q.Object() != p.Object():
			return nil, fail(model.BadRequest, q, "the payload is not an instance of "+p.Parent().String())
		case first.IsRoot():
			first = q.Prefix(2)
		case !first.Contains(q):
			return nil, fail(model.BadRequest, q, "more than one Object Instance")
		}
		if exact && !p.Contains(q) {
			return nil, fail(model.BadRequest, q, "the payload goes beyond the path "+p.String())
		}
		node.Path = below(p, q)
		rebased = append(rebased, node)
	}
	return sortNodes(rebased), nil
}

// below is q with its first two levels replaced by p.
func below(p, q model.Path) model.Path {
	if q.Depth() >= 3 {
		p = p.Child(q.Resource())
	}
	if q.Depth() == 4 {
		p = p.Child(q.ResourceInstance())
	}
	return p
}

// Path is the path of the new Object Instance.
func (k *Creation) Path() model.Path { return model.PathOf(k.def.ID, k.id) }

// Definition is the definition of the Object.
func (k *Creation) Definition() *model.Object { return k.def }

// Fill puts the server's values into in, the instance that the application made
// for it, or into a new one if in is nil, and returns the hooks that the owner
// has to run as those of a [Transaction]. It fails with 5.00 if in is not what was
// asked for.
func (k *Creation) Fill(in *Instance) ([]WriteCall, error) {
	if in == nil {
		in = NewInstance(k.def, k.id)
	}
	if in.Path() != k.Path() || objectVersion(in.def) != objectVersion(k.def) {
		return nil, fail(model.InternalServerError, k.Path(), "the application made another instance, "+in.Path().String())
	}
	k.in = in
	var calls []WriteCall
	for _, g := range k.changes {
		g.in = in
		if w, ok := g.call(); ok {
			calls = append(calls, w)
		}
		g.commit(nil)
	}
	return calls, nil
}

// Instance is the filled instance; nil before Fill.
func (k *Creation) Instance() *Instance { return k.in }

// Entry is the instance of the Access Control Object that Commit has made for the new instance; nil if it had none to
// make.
func (k *Creation) Entry() *Instance { return k.entry }

// Commit inserts the instance; without Fill before, a plain one. If access is controlled, the server becomes its
// owner. It fails if the Object or the ID was taken away meanwhile. Either way the reservation ends.
func (k *Creation) Commit(t *Tree) error {
	if k.in == nil {
		if _, err := k.Fill(nil); err != nil {
			return err
		}
	}
	k.Cancel(t)
	if t.object(k.def.ID) == nil {
		return fail(model.NotFound, k.Path(), "the Object has gone")
	}
	if err := t.Insert(k.in); err != nil {
		return err
	}
	entry, err := t.own(k.caller, k.Path())
	if err != nil {
		t.Remove(k.Path())
		return err
	}
	k.entry = entry
	return nil
}

// Cancel gives the reserved ID back. After Commit it does nothing.
func (k *Creation) Cancel(t *Tree) {
	o := t.object(k.def.ID)
	if k.done || o == nil {
		return
	}
	k.done = true
	if i := slices.Index(o.reserved, k.id); i >= 0 {
		o.reserved = slices.Delete(o.reserved, i, i+1)
	}
}
