package tree

import (
	"maps"
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// oracle is the data of a client as flat maps, with the rules of the operations
// told a second time, in the plainest way.
type oracle struct {
	instances map[model.Path]bool        // two levels
	multiple  map[model.Path]bool        // instantiated Multiple-Instance Resources, three levels
	values    map[model.Path]model.Value // three or four levels
}

func newOracle() oracle {
	return oracle{map[model.Path]bool{}, map[model.Path]bool{}, map[model.Path]model.Value{}}
}

func (m oracle) clone() oracle {
	return oracle{maps.Clone(m.instances), maps.Clone(m.multiple), maps.Clone(m.values)}
}

func (m oracle) equal(n oracle) bool {
	return maps.Equal(m.instances, n.instances) && maps.Equal(m.multiple, n.multiple) && maps.Equal(m.values, n.values)
}

// observed is the oracle that a tree should have.
func observed(tree *Tree) oracle {
	m := newOracle()
	for _, o := range tree.objects {
		for _, in := range o.instances {
			m.instances[in.Path()] = true
			for i := range in.slots {
				p, c := in.Path().Child(in.slots[i].def.ID), in.slots[i].content()
				if !c.IsMultiple() {
					m.values[p] = c.Value()
					continue
				}
				m.multiple[p] = true
				for _, item := range c.Items() {
					m.values[p.Child(item.ID)] = item.Value
				}
			}
		}
	}
	return m
}

var definitions = map[uint16]*model.Object{0: keys(), 3: only(), 100: gadget()}

func defined(p model.Path) *model.Resource {
	o := definitions[p.Object()]
	if o == nil {
		return nil
	}
	def, _ := o.Resource(p.Resource())
	return def
}

// remove removes all that lies at or below p.
func (m oracle) remove(p model.Path) {
	for _, paths := range []map[model.Path]bool{m.instances, m.multiple} {
		maps.DeleteFunc(paths, func(q model.Path, _ bool) bool { return p.Contains(q) })
	}
	maps.DeleteFunc(m.values, func(q model.Path, _ model.Value) bool { return p.Contains(q) })
}

// target judges a path without regard to Resources.
func (m oracle) target(p model.Path, levels ...int) model.Code {
	switch {
	case p.IsRoot():
		return model.BadRequest
	case definitions[p.Object()] == nil:
		return model.NotFound
	case p.Object() == 0:
		return model.Unauthorized
	case !slices.Contains(levels, p.Depth()):
		return model.MethodNotAllowed
	case p.Depth() > 1 && !m.instances[p.Prefix(2)]:
		return model.NotFound
	}
	return 0
}

func (m oracle) resource(p model.Path, op model.Operations) model.Code {
	switch def := defined(p); {
	case def == nil:
		return model.NotFound
	case !def.Operations.Has(op), p.Depth() == 4 && !def.Multiple:
		return model.MethodNotAllowed
	}
	return 0
}

func (m oracle) read(p model.Path) ([]format.Node, model.Code) {
	if code := m.target(p, 1, 2, 3, 4); code != 0 {
		return nil, code
	}
	if p.Depth() >= 3 {
		if code := m.resource(p, model.Readable); code != 0 {
			return nil, code
		}
	}
	var list []format.Node
	below := func(q model.Path) bool {
		return p.Contains(q) && (q.Depth() < 3 || defined(q).Operations.Has(model.Readable))
	}
	for q, v := range m.values {
		if below(q) {
			list = append(list, format.Node{Path: q, Value: v})
		}
	}
	holds := func(q model.Path) bool {
		return slices.ContainsFunc(list, func(n format.Node) bool { return q.Contains(n.Path) })
	}
	for q := range m.multiple {
		if below(q) && !holds(q) {
			list = append(list, format.Node{Path: q})
		}
	}
	for q := range m.instances {
		if below(q) && !holds(q) {
			list = append(list, format.Node{Path: q})
		}
	}
	switch {
	case len(list) == 0 && p.Depth() == 1:
		list = append(list, format.Node{Path: p})
	case len(list) == 0:
		return nil, model.NotFound
	}
	return sortNodes(list), 0
}

// store puts a value that a server gave; false if it may not.
func (m oracle) store(p model.Path, v model.Value) bool {
	def := defined(p)
	if def.Multiple && p.Depth() == 3 && v.IsZero() {
		m.multiple[p] = true
		return true
	}
	if def.Multiple != (p.Depth() == 4) || v.Kind() != def.Kind || def.Check(v) != nil {
		return false
	}
	if link := v.Link(); link != model.NullLink && !m.instances[model.PathOf(link.Object, link.Instance)] {
		return false
	}
	m.values[p] = v
	if def.Multiple {
		m.multiple[p.Prefix(3)] = true
	}
	return true
}

func duplicates(list []format.Node) bool {
	seen := map[model.Path]bool{}
	for _, n := range list {
		if seen[n.Path] {
			return true
		}
		seen[n.Path] = true
	}
	return false
}

// storeAll stores all nodes or answers 4.00.
func (m oracle) storeAll(list []format.Node) model.Code {
	for _, n := range list {
		if !m.store(n.Path, n.Value) {
			return model.BadRequest
		}
	}
	if duplicates(list) {
		return model.BadRequest
	}
	return 0
}

// payload judges the nodes for an instance at p and returns those that count.
func (m oracle) payload(p model.Path, list []format.Node, lenient bool) (kept []format.Node, code model.Code) {
	for _, n := range list {
		def := defined(n.Path)
		switch {
		case !p.Contains(n.Path):
			return nil, model.BadRequest
		case def == nil, lenient && !def.Operations.Has(model.Writable):
		case !def.Operations.Has(model.Writable):
			code = model.MethodNotAllowed
		default:
			kept = append(kept, n)
		}
	}
	return kept, code
}

func lacksName(p model.Path, list []format.Node) bool {
	return p.Object() == 100 && !slices.ContainsFunc(list, func(n format.Node) bool { return n.Path.Resource() == 0 })
}

// write performs a Write on a copy.
func (m oracle) write(p model.Path, list []format.Node, mode Mode) (oracle, model.Code) {
	levels := []int{2}
	if mode == Replace {
		levels = []int{2, 3, 4}
	}
	if code := m.target(p, levels...); code != 0 {
		return m, code
	}
	next := m.clone()
	if p.Depth() == 2 {
		kept, code := m.payload(p, list, false)
		switch {
		case code != 0:
			return m, code
		case mode == Replace && lacksName(p, kept):
			return m, model.BadRequest
		}
		for _, def := range definitions[p.Object()].Resources {
			if mode == Replace && def.Operations.Has(model.Writable) {
				next.remove(p.Child(def.ID))
			}
		}
		return next, next.storeAll(kept)
	}
	if code := m.resource(p, model.Writable); code != 0 {
		return m, code
	}
	_, there := m.values[p]
	outside := slices.ContainsFunc(list, func(n format.Node) bool { return !p.Contains(n.Path) })
	switch {
	case p.Depth() == 4 && !there:
		return m, model.NotFound
	case outside, len(list) == 0 && !(defined(p).Multiple && p.Depth() == 3):
		return m, model.BadRequest
	case p.Depth() == 3:
		next.remove(p)
	}
	if defined(p).Multiple {
		next.multiple[p.Prefix(3)] = true
	}
	return next, next.storeAll(list)
}

func (m oracle) writeComposite(list []format.Node) (oracle, model.Code) {
	for _, n := range sortNodes(list) {
		if code := m.target(n.Path, 3, 4); code != 0 {
			return m, code
		}
		if code := m.resource(n.Path.Prefix(3), model.Writable); code != 0 {
			return m, code
		}
	}
	next := m.clone()
	return next, next.storeAll(list)
}

func (m oracle) create(p model.Path, list []format.Node) (oracle, model.Code) {
	switch code := m.target(p.Prefix(1), 1); {
	case code != 0:
		return m, code
	case p.Object() != 100: // the only creatable one
		return m, model.MethodNotAllowed
	case m.instances[p]:
		return m, model.BadRequest
	}
	kept, code := m.payload(p, list, true)
	if code != 0 || lacksName(p, kept) {
		return m, model.BadRequest
	}
	next := m.clone()
	if code := next.storeAll(kept); code != 0 {
		return m, code
	}
	next.instances[p] = true
	return next, 0
}

func (m oracle) delete(p model.Path) (oracle, model.Code) {
	if code := m.target(p, 2); code != 0 {
		return m, code
	}
	if p.Object() == 3 {
		return m, model.MethodNotAllowed
	}
	next := m.clone()
	next.remove(p)
	return next, 0
}

// differences are the places below which values differ: those of Resources and
// Resource Instances.
func differences(m, n oracle) map[model.Path]bool {
	paths := map[model.Path]bool{}
	for _, values := range []map[model.Path]model.Value{m.values, n.values} {
		for p := range values {
			if m.values[p] != n.values[p] {
				paths[p] = true
			}
		}
	}
	return paths
}
