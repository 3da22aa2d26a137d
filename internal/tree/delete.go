package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// Deletion is a planned Delete.
type Deletion struct {
	// Path is what goes: an Object Instance or a Resource Instance.
	Path model.Path
	// Instance is the Object Instance that goes or loses the Resource Instance.
	Instance *Instance

	x *Transaction // removes the Resource Instance; nil if the Object Instance goes
}

// Delete plans the removal of an Object Instance (Core 1.1.1 §6.3.7) or, since
// LwM2M 1.2, of a Resource Instance. Those of mandatory Objects stay, /1/x as well as
// /3/0: 4.05.
func (t *Tree) Delete(c Caller, p model.Path) (*Deletion, error) {
	levels := []int{2}
	if c.speaks(model.Version12) {
		levels = append(levels, 4)
	}
	o, in, err := t.reach(c, p, model.RightDelete, levels...)
	if err != nil {
		return nil, err
	}
	d := &Deletion{Path: p, Instance: in}
	switch {
	case p.Depth() == 4:
		d.x, err = in.withdraw(p)
	case o.def.ID == objectAccessControl && !c.Bootstrap && t.IsRestricted():
		err = fail(model.MethodNotAllowed, p, "it stays as long as the Object Instance that it is for")
	case o.def.Mandatory && o.def.Multiple:
		err = fail(model.MethodNotAllowed, p, "mandatory Object: a bootstrap decides which accounts there are")
	case o.def.Mandatory && !o.def.Multiple:
		err = fail(model.MethodNotAllowed, p, "mandatory Object")
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// withdraw plans the removal of a Resource Instance.
func (in *Instance) withdraw(p model.Path) (*Transaction, error) {
	def, err := in.defined(p, model.Writable)
	if err != nil {
		return nil, err
	}
	if !in.HooksOf(def.ID).stores(def) {
		return nil, fail(model.MethodNotAllowed, p, "the values are the application's")
	}
	if _, ok := in.GetItem(def.ID, p.ResourceInstance()); !ok {
		return nil, fail(model.NotFound, p, "no such Resource Instance")
	}
	x := new(Transaction)
	x.add(change{in: in, def: def, given: Multiple(Item{ID: p.ResourceInstance()}), effect: merge})
	return x, nil
}

// Calls are the hooks to run first, if a Resource Instance goes.
func (d *Deletion) Calls() []WriteCall {
	if d.x == nil {
		return nil
	}
	return d.x.Calls()
}

// Commit removes it and returns what changed, sorted: the Object Instance, with it those of the Access Control Object
// that are for it, or the Resource Instance. If it has gone since, the error is 4.04.
func (d *Deletion) Commit(t *Tree) (changed []model.Path, err error) {
	switch {
	case d.x != nil:
		return d.x.Commit(t)
	case !t.Holds(d.Instance):
		return nil, fail(model.NotFound, d.Path, "the Object Instance has gone")
	}
	t.Remove(d.Path)
	changed = append(t.RemoveEntries(d.Path), d.Path)
	slices.SortFunc(changed, model.Path.Compare)
	return changed, nil
}
