package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// Transaction is a planned change of Resources by a server. First the owner runs
// all of its [WriteCall]s, then commits it. Not to commit it is to forget it.
type Transaction struct {
	changes []change // sorted by path
	calls   []WriteCall
}

// effect is how a change turns old Content into new.
type effect uint8

const (
	replace effect = iota // by what is given
	merge                 // given items go among the old ones; those without value remove them
)

// change is what an operation does to one Resource. The new Content is made at
// the commit, out of what is there then: the application may have changed other
// Resource Instances meanwhile.
type change struct {
	in     *Instance
	def    *model.Resource
	given  Content // zero with replace: the Resource is removed
	effect effect
}

func (g *change) path() model.Path { return g.in.Path().Child(g.def.ID) }

func (g *change) apply(old Content) Content {
	if g.effect == replace || !g.def.Multiple {
		return g.given
	}
	var set, removed []Item
	for _, item := range g.given.items {
		if item.Value.IsZero() {
			removed = append(removed, item)
		} else {
			set = append(set, item)
		}
	}
	if len(set) > 0 || len(removed) == 0 {
		old = old.With(set...)
	}
	for _, item := range removed {
		old = old.Without(item.ID)
	}
	return old
}

// commit stores the change and appends what it changed.
func (g *change) commit(changed []model.Path) []model.Path {
	if !g.in.HooksOf(g.def.ID).stores(g.def) {
		return Changes(changed, g.path(), Content{}, g.given)
	}
	old, _ := g.in.Get(g.def.ID)
	c := g.apply(old)
	g.in.put(g.def, c)
	return Changes(changed, g.path(), old, c)
}

// call is the WriteCall of the change; ok is false if the Resource has no hooks
// that care.
func (g *change) call() (w WriteCall, ok bool) {
	h := g.in.HooksOf(g.def.ID)
	if h == nil || h.Validate == nil && h.Write == nil {
		return WriteCall{}, false
	}
	w = WriteCall{Path: g.path(), Hooks: h}
	if h.stores(g.def) {
		w.Old, _ = g.in.Get(g.def.ID)
		w.OldKnown = true
	}
	w.New, w.given = g.apply(w.Old), g.given
	return w, true
}

// WriteCall is a Resource with hooks that a Transaction will change. The owner
// runs [WriteCall.Validate] of all calls, then Hooks.Write, of those that have
// it, with New. If one fails, it runs Hooks.Write of the earlier ones again with
// Old, where OldKnown, and drops the Transaction.
type WriteCall struct {
	Path  model.Path // the Resource
	Hooks *Hooks
	New   Content // zero: the server removes the Resource
	Old   Content // zero: it was not instantiated
	// OldKnown is false if the values are not in the tree, because the Resource
	// has a Read hook or is write-only. New is then what the server gave, even if
	// it gave some Resource Instances only.
	OldKnown bool

	given Content
}

// Validate runs Hooks.Validate, if there is one, for each value that the server
// gave. Errors are refusals, with 4.00 unless the callback names another code.
func (w *WriteCall) Validate() error {
	validate := w.Hooks.Validate
	switch {
	case validate == nil || w.given.IsZero():
		return nil
	case !w.given.IsMultiple():
		return Refusal(w.Path, validate(w.Path, w.given.value), model.BadRequest)
	}
	for _, item := range w.given.items {
		if item.Value.IsZero() {
			continue // goes
		}
		p := w.Path.Child(item.ID)
		if err := validate(p, item.Value); err != nil {
			return Refusal(p, err, model.BadRequest)
		}
	}
	return nil
}

// Calls are the hooks to run before the commit, sorted by path.
func (x *Transaction) Calls() []WriteCall { return x.calls }

// Commit makes the changes visible, all of them or, if an Object Instance has
// gone since, none (4.04). It returns the places whose values changed, sorted:
// Resources and Resource Instances. What is not stored because of hooks counts
// as changed.
func (x *Transaction) Commit(t *Tree) (changed []model.Path, err error) {
	for i := range x.changes {
		if in := x.changes[i].in; !t.Holds(in) {
			return nil, fail(model.NotFound, in.Path(), "the Object Instance has gone")
		}
	}
	for i := range x.changes {
		changed = x.changes[i].commit(changed)
	}
	return changed, nil
}

// add plans one more change.
func (x *Transaction) add(g change) {
	x.changes = append(x.changes, g)
	if w, ok := g.call(); ok {
		x.calls = append(x.calls, w)
	}
}

// removeAbsent plans the removal of all writable Resources that parts lack. Where
// the values are the application's, there is nothing to remove.
func (x *Transaction) removeAbsent(in *Instance, parts []part) {
	for i := range in.slots {
		s := &in.slots[i]
		if !s.def.Operations.Has(model.Writable) || s.content().IsZero() || !s.hooks().stores(s.def) || contains(parts, s.def) {
			continue
		}
		x.add(change{in: in, def: s.def})
	}
	x.sort()
}

func (x *Transaction) sort() {
	slices.SortFunc(x.changes, func(a, b change) int { return a.path().Compare(b.path()) })
	slices.SortFunc(x.calls, func(a, b WriteCall) int { return a.Path.Compare(b.Path) })
}

// plan makes a Transaction of the values of a payload, once they are checked.
func (t *Tree) plan(parts []part, e effect) (*Transaction, error) {
	x := &Transaction{changes: make([]change, 0, len(parts))}
	for i := range parts {
		given, err := t.given(&parts[i])
		if err != nil {
			return nil, err
		}
		x.add(change{in: parts[i].in, def: parts[i].def, given: given, effect: e})
	}
	return x, nil
}

// given is the Content that the payload gives a Resource.
func (t *Tree) given(part *part) (Content, error) {
	if part.def.Multiple {
		return t.givenItems(part)
	}
	node := part.nodes[0]
	switch {
	case node.Path.Depth() != 3:
		return Content{}, fail(model.BadRequest, node.Path, wrongShape(part.def))
	case len(part.nodes) > 1 && part.nodes[1].Path == node.Path:
		return Content{}, fail(model.BadRequest, node.Path, "given twice")
	case len(part.nodes) > 1:
		return Content{}, fail(model.BadRequest, part.nodes[1].Path, wrongShape(part.def))
	}
	return Single(node.Value), t.checkGiven(part, node.Path, node.Value)
}

func (t *Tree) givenItems(part *part) (Content, error) {
	items := make([]Item, 0, len(part.nodes))
	for i, node := range part.nodes {
		removal := part.removals && node.Path.Depth() == 4 && node.Value.IsZero()
		switch {
		case i > 0 && part.nodes[i-1].Path == node.Path:
			return Content{}, fail(model.BadRequest, node.Path, "given twice")
		case node.Path.Depth() == 3 && node.Value.IsZero():
			continue // an empty Resource
		case node.Path.Depth() == 3:
			return Content{}, fail(model.BadRequest, node.Path, wrongShape(part.def))
		case removal && !part.in.HooksOf(part.def.ID).stores(part.def):
			return Content{}, fail(model.MethodNotAllowed, node.Path, "the values are the application's")
		}
		if err := t.checkGiven(part, node.Path, node.Value); err != nil && !removal {
			return Content{}, err
		}
		items = append(items, Item{ID: node.Path.ResourceInstance(), Value: node.Value})
	}
	return Content{items: items}, nil
}

// checkGiven checks a value from a server, including that links lead somewhere.
func (t *Tree) checkGiven(part *part, p model.Path, v model.Value) error {
	if err := checkValue(part.def, p, v); err != nil {
		return err
	}
	link := v.Link()
	if v.Kind() != model.Objlnk || link == model.NullLink || part.unlinked {
		return nil
	}
	if _, ok := t.Instance(model.PathOf(link.Object, link.Instance)); !ok {
		return fail(model.BadRequest, p, "link to "+link.String()+", which does not exist")
	}
	return nil
}
