package tree

import (
	"iter"
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// Mode is the kind of a Write (Core 1.1.1 §6.3.3).
type Mode uint8

// The kinds of Write.
const (
	// Replace (PUT) replaces the writable Resources of an Object Instance, the
	// whole of a Resource, or a Resource Instance.
	Replace Mode = iota
	// Partial (POST) adds and updates what is in the payload. Its target is an
	// Object Instance or, since LwM2M 1.2, a Multiple-Instance Resource.
	Partial
)

// CheckWrite makes the checks of a Write that need no payload, so that a server
// hears of them before a body is transferred or decoded.
func (t *Tree) CheckWrite(c Caller, p model.Path, mode Mode) error {
	_, _, err := t.writeTarget(c, p, mode)
	return err
}

// writeTarget finds what a Write goes to; def is nil if that is a whole Object
// Instance.
func (t *Tree) writeTarget(c Caller, p model.Path, mode Mode) (in *Instance, def *model.Resource, err error) {
	switch {
	case mode == Replace:
		_, in, err = t.reach(c, p, model.RightWrite, 2, 3, 4)
	case c.speaks(model.Version12):
		_, in, err = t.reach(c, p, model.RightWrite, 2, 3)
	default:
		_, in, err = t.reach(c, p, model.RightWrite, 2)
	}
	if err != nil || p.Depth() == 2 {
		return in, nil, err
	}
	def, err = in.defined(p, model.Writable)
	if err != nil {
		return nil, nil, err
	}
	if mode == Partial && !def.Multiple {
		return nil, nil, fail(model.MethodNotAllowed, p, "the Resource has no Resource Instances")
	}
	if p.Depth() == 4 && in.HooksOf(def.ID).stores(def) {
		if _, ok := in.GetItem(def.ID, p.ResourceInstance()); !ok {
			return nil, nil, fail(model.NotFound, p, "no such Resource Instance")
		}
	}
	return in, def, nil
}

// Write plans a Write of nodes to p. The nodes' paths are absolute and lie at or
// below p, else 4.00. Resources that the Object does not define are skipped in a
// Write to an Object Instance; a Resource that is defined as not writable refuses
// the whole (4.05). Times are ignored.
func (t *Tree) Write(c Caller, p model.Path, nodes []format.Node, mode Mode) (*Transaction, error) {
	in, def, err := t.writeTarget(c, p, mode)
	if err != nil {
		return nil, err
	}
	nodes = sortNodes(nodes)
	for _, node := range nodes {
		if !p.Contains(node.Path) {
			return nil, fail(model.BadRequest, node.Path, "the payload goes beyond the path "+p.String())
		}
	}
	if def == nil {
		return t.writeInstance(c, in, nodes, mode)
	}
	effect := replace
	if mode == Partial || p.Depth() == 4 {
		effect = merge
	}
	if len(nodes) == 0 && (!def.Multiple || p.Depth() == 4) {
		return nil, fail(model.BadRequest, p, "no value")
	}
	parts := []part{{in: in, def: def, nodes: nodes}}
	if err := t.checkGrants(c, parts); err != nil {
		return nil, err
	}
	return t.plan(parts, effect)
}

func (t *Tree) writeInstance(c Caller, in *Instance, nodes []format.Node, mode Mode) (*Transaction, error) {
	parts, err := in.parts(nodes, false)
	if err == nil {
		err = t.checkGrants(c, parts)
	}
	if err != nil {
		return nil, err
	}
	if mode == Partial {
		return t.plan(parts, merge)
	}
	if err := checkMandatory(in.def, in.Path(), parts); err != nil {
		return nil, err
	}
	x, err := t.plan(parts, replace)
	if err != nil {
		return nil, err
	}
	x.removeAbsent(in, parts)
	return x, nil
}

// part is the payload for one Resource.
type part struct {
	in    *Instance
	def   *model.Resource
	nodes []format.Node // sorted; empty if the payload has the Resource but no value
	// removals says that a Resource Instance without value is to be removed.
	removals bool
	// unlinked says that links need not lead anywhere yet.
	unlinked bool
}

// parts takes the payload for an Object Instance apart. What is not defined is
// skipped; what is not writable is skipped too or, if not lenient, refused.
func (in *Instance) parts(nodes []format.Node, lenient bool) ([]part, error) {
	parts := make([]part, 0, len(nodes))
	for group := range byResource(nodes) {
		p := group[0].Path.Prefix(3)
		if p.Depth() < 3 {
			if !group[0].Value.IsZero() || len(group) > 1 {
				return nil, fail(model.BadRequest, p, "a value without a Resource")
			}
			continue
		}
		def, ok := in.def.Resource(p.Resource())
		switch {
		case !ok || lenient && !def.Operations.Has(model.Writable):
			continue
		case !def.Operations.Has(model.Writable):
			return nil, fail(model.MethodNotAllowed, p, cannot(def, model.Writable))
		}
		parts = append(parts, part{in: in, def: def, nodes: group})
	}
	return parts, nil
}

// checkMandatory makes sure that the payload has all Resources that a new or
// replaced Object Instance must have from the server.
func checkMandatory(def *model.Object, p model.Path, parts []part) error {
	for i := range def.Resources {
		r := &def.Resources[i]
		if r.Mandatory && r.Operations.Has(model.Writable) && !contains(parts, r) {
			return fail(model.BadRequest, p.Child(r.ID), "mandatory Resource missing")
		}
	}
	return nil
}

func contains(parts []part, def *model.Resource) bool {
	return slices.ContainsFunc(parts, func(p part) bool { return p.def.ID == def.ID })
}

// sortNodes returns the nodes by path, in a copy unless they are sorted already.
func sortNodes(nodes []format.Node) []format.Node {
	byPath := func(a, b format.Node) int { return a.Path.Compare(b.Path) }
	if slices.IsSortedFunc(nodes, byPath) {
		return nodes
	}
	return slices.SortedStableFunc(slices.Values(nodes), byPath)
}

// byResource yields runs of sorted nodes that belong to the same Resource.
func byResource(nodes []format.Node) iter.Seq[[]format.Node] {
	return func(yield func([]format.Node) bool) {
		for len(nodes) > 0 {
			p := nodes[0].Path.Prefix(3)
			n := 1
			for n < len(nodes) && nodes[n].Path.Prefix(3) == p {
				n++
			}
			if !yield(nodes[:n]) {
				return
			}
			nodes = nodes[n:]
		}
	}
}
