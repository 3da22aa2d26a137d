package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// Revision is what a bootstrap session changes in the Tree, checked. The owner makes the
// instances of Created, asks the hooks of Changed, and commits it, or calls Cancel.
type Revision struct {
	// Removed are the instances that go. The owner may take some out: they stay.
	Removed []*Instance
	// Accounts are new instances of the Objects with credentials. One that has the path
	// of an old instance takes its place.
	Accounts []*Instance
	// Created are other new instances.
	Created []*Creation
	// Changed is what becomes other in the instances that stay.
	Changed *Transaction
}

// Terms are what the accounts have to come up to.
type Terms struct {
	// Account judges URI, mode and keys of an account, an instance of the Security Object.
	Account func(security *Instance) error
	// NoServer says that there need not be an account of an LwM2M Server, as in factory data.
	NoServer bool
}

// Finish checks whether the client can work with what the session has written, and makes a
// Revision of it (Core 1.1.1 §6.1.7.6). The Draft stays as it is, so that the
// Bootstrap-Server can go on with it if the answer is 4.06. t is the Tree that NewDraft was called of.
func (d *Draft) Finish(t *Tree, terms Terms) (*Revision, error) {
	final := d.copy()
	final.restore()
	final.supersede()
	final.unbootstrap()
	if err := final.check(terms); err != nil {
		return nil, err
	}
	return final.revise(t), nil
}

// restore puts back the instances with credentials that are what they were: the sessions with their servers go on.
func (d *Draft) restore() {
	for p, was := range d.origins {
		in, ok := d.tree.Instance(p)
		if ok && IsProtected(p.Object()) && was.live != nil && in.equal(was.before) {
			d.put(was.live)
			d.size -= was.live.sizeOf()
			delete(d.origins, p)
		}
	}
}

// supersede removes the account of the Bootstrap-Server that another one, written in the session, replaces.
func (d *Draft) supersede() {
	var old, written []*Instance
	for in := range d.tree.Instances(objectSecurity) {
		switch {
		case !in.isBootstrapAccount():
		case d.written(in.Path()):
			written = append(written, in)
		default:
			old = append(old, in)
		}
	}
	if len(written) == 1 {
		for _, in := range old {
			d.remove(in.Path())
		}
	}
}

// revise finds out what is different.
func (d *Draft) revise(t *Tree) *Revision {
	r := &Revision{Changed: new(Transaction)}
	for _, p := range d.changedPaths() {
		was := d.origins[p]
		in, ok := d.tree.Instance(p)
		live, _ := t.Instance(p)
		switch {
		case !ok:
			if live == was.live { // else the application has removed it
				r.Removed = append(r.Removed, live)
			}
		case IsProtected(p.Object()):
			r.Accounts = append(r.Accounts, in)
		case was.live == nil:
			r.Created = append(r.Created, creationOf(t, in))
		case live == was.live:
			r.Changed.turn(live, was.before, in)
		}
	}
	return r
}

// changedPaths are the places of the instances that the session has touched, sorted.
func (d *Draft) changedPaths() []model.Path {
	paths := make([]model.Path, 0, len(d.origins))
	for p := range d.origins {
		paths = append(paths, p)
	}
	slices.SortFunc(paths, model.Path.Compare)
	return paths
}

// turn plans the changes that turn before into after. Read-only Resources that the Bootstrap-Server has not
// written stay in the application's instances.
func (x *Transaction) turn(live, before, after *Instance) {
	for i := range before.slots {
		s := &before.slots[i]
		if after.slot(s.def.ID) == nil && (isAccountObject(live.def.ID) || s.def.Operations.Has(model.Writable)) {
			x.add(change{in: live, def: s.def})
		}
	}
	for i := range after.slots {
		s := &after.slots[i]
		if old, _ := before.Get(s.def.ID); !old.Equal(s.content()) {
			x.add(change{in: live, def: s.def, given: s.content()})
		}
	}
	x.sort()
}

// creationOf plans the instance in, and reserves its ID in a Tree that has the Object.
func creationOf(t *Tree, in *Instance) *Creation {
	k := &Creation{caller: Caller{Bootstrap: true}, def: in.def, id: in.id}
	for i := range in.slots {
		s := &in.slots[i]
		k.changes = append(k.changes, change{def: s.def, given: s.content()})
	}
	if o := t.object(in.def.ID); o != nil {
		o.reserved = append(o.reserved, in.id)
	}
	return k
}

// Cancel gives back what the Revision has reserved, if it is not to be committed.
func (r *Revision) Cancel(t *Tree) {
	for _, k := range r.Created {
		k.Cancel(t)
	}
}

// Commit makes the changes visible, all of them or none, and returns the Resources and Resource Instances whose values changed in
// instances that stay. What the application has removed meanwhile stays removed. It
// fails with 4.06 if the application has added what the session creates too.
func (r *Revision) Commit(t *Tree) (changed []model.Path, err error) {
	for _, k := range r.Created {
		if _, taken := t.Instance(k.Path()); taken {
			return nil, fail(model.NotAcceptable, k.Path(), "the application has added it meanwhile")
		}
		if k.in == nil {
			if _, err := k.Fill(nil); err != nil {
				return nil, err
			}
		}
	}
	for _, in := range r.Removed {
		if t.Holds(in) {
			t.Remove(in.Path())
		}
	}
	for _, in := range r.Accounts {
		t.Remove(in.Path())
		if err := t.Insert(in); err != nil {
			return nil, err
		}
	}
	for _, k := range r.Created {
		if _, err := t.define(k.def); err != nil {
			return nil, err
		}
		if err := k.Commit(t); err != nil {
			return nil, err
		}
	}
	r.Changed.changes = slices.DeleteFunc(r.Changed.changes, func(g change) bool { return !t.Holds(g.in) })
	return r.Changed.Commit(t)
}
