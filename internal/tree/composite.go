package tree

import (
	"errors"
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// ReadComposite appends what is at the paths to dst, sorted, each value once
// (Core 1.1.1 §6.3.8). The root stands for all Objects but those with
// credentials. Paths where nothing is or nothing can be read are omitted; if for
// want of rights nothing is left, the answer is 4.01. See [Tree.Read].
func (t *Tree) ReadComposite(dst []format.Node, c Caller, paths []model.Path) (nodes []format.Node, calls []ReadCall, err error) {
	if !c.speaks(model.Version11) {
		return dst, nil, fail(model.MethodNotAllowed, model.Path{}, "Read-Composite needs LwM2M 1.1")
	}
	r := reader{nodes: dst, composite: true}
	refused := false
	for _, p := range uncovered(paths) {
		if t.readPart(&r, c, p) {
			refused = true
		}
	}
	if refused && len(r.nodes) == len(dst) && len(r.calls) == 0 {
		return dst, nil, fail(model.Unauthorized, model.Path{}, "the right R is missing at all of the paths")
	}
	return r.nodes, r.calls, nil
}

// readPart reads what is at one path of a Read-Composite and reports whether a
// right was missing.
func (t *Tree) readPart(r *reader, c Caller, p model.Path) (refused bool) {
	if p.IsRoot() {
		for _, o := range t.objects {
			if !IsProtected(o.def.ID) && r.object(t, c, o) {
				refused = true
			}
		}
		return refused
	}
	o, in, err := t.reach(c, p, model.RightRead, 1, 2, 3, 4)
	switch {
	case err != nil:
		return errors.Is(err, model.Unauthorized)
	case p.Depth() == 1:
		return r.object(t, c, o)
	case p.Depth() == 2:
		r.instance(in)
	default:
		_ = r.addressed(in, p) // what cannot be read is left out
	}
	return false
}

// uncovered returns the paths sorted, without those that lie within another.
func uncovered(paths []model.Path) []model.Path {
	sorted := slices.SortedFunc(slices.Values(paths), model.Path.Compare)
	kept := sorted[:0]
	for _, p := range sorted {
		if n := len(kept); n == 0 || !kept[n-1].Contains(p) {
			kept = append(kept, p)
		}
	}
	return kept
}

// WriteComposite plans a Write-Composite (Core 1.1.1 §6.3.9): values for
// Resources and Resource Instances anywhere, all or nothing. It may create
// Resource Instances, but never Object Instances (4.04). Since LwM2M 1.2 a Resource
// Instance without value is removed, if it is there.
func (t *Tree) WriteComposite(c Caller, nodes []format.Node) (*Transaction, error) {
	if !c.speaks(model.Version11) {
		return nil, fail(model.MethodNotAllowed, model.Path{}, "Write-Composite needs LwM2M 1.1")
	}
	nodes = sortNodes(nodes)
	parts := make([]part, 0, len(nodes))
	for group := range byResource(nodes) {
		p := group[0].Path
		if p.Depth() < 3 {
			return nil, fail(model.BadRequest, p, "a Write-Composite takes Resources and Resource Instances")
		}
		_, in, err := t.reach(c, p, model.RightWrite, 3, 4)
		if err != nil {
			return nil, err
		}
		def, err := in.defined(p.Prefix(3), model.Writable)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{in: in, def: def, nodes: group, removals: c.speaks(model.Version12)})
	}
	if err := t.checkGrants(c, parts); err != nil {
		return nil, err
	}
	return t.plan(parts, merge)
}
