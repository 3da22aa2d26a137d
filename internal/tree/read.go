package tree

import (
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// ReadCall is a Resource whose values a Read hook gives. The owner runs
// Hooks.Read, sets Content and Err from its results, and hands all calls to
// [Resolve].
type ReadCall struct {
	Path    model.Path // the Resource, or the Resource Instance that was asked for
	Hooks   *Hooks     // Hooks.Read is not nil
	Content Content
	Err     error

	def        *model.Resource
	target     model.Path // of the whole Read
	index      int        // where the nodes go
	bestEffort bool       // composite: an error leaves the Resource out
}

// Read appends what is at p to dst, sorted by path: one node for each value of an
// Object, an Object Instance, a Resource or, since LwM2M 1.1, a Resource Instance
// (Core 1.1.1 §6.3.1). A target without values is one node without a value.
// Resources that cannot be read are left out unless p names one: 4.05. If calls
// are returned, [Resolve] completes the nodes. Times are not set. Read does not
// allocate if dst has room and there are no hooks.
func (t *Tree) Read(dst []format.Node, c Caller, p model.Path) (nodes []format.Node, calls []ReadCall, err error) {
	o, in, err := t.reach(c, p, model.RightRead, 1, 2, 3, 4)
	if err != nil {
		return dst, nil, err
	}
	r := reader{nodes: dst, target: p}
	switch p.Depth() {
	case 1:
		r.object(t, c, o)
		r.fillEmpty(p, len(dst), 0)
	case 2:
		r.instance(in)
	default:
		err = r.addressed(in, p)
	}
	if err != nil {
		return dst, nil, err
	}
	return r.nodes, r.calls, nil
}

// reader collects the nodes of one Read.
type reader struct {
	nodes     []format.Node
	calls     []ReadCall
	target    model.Path
	composite bool // leaves out what is empty or fails
}

// fillEmpty stands a node without a value for p if nothing came since.
func (r *reader) fillEmpty(p model.Path, nodes, calls int) {
	if len(r.nodes) == nodes && len(r.calls) == calls && !r.composite {
		r.nodes = append(r.nodes, format.Node{Path: p})
	}
}

// object reads the instances that the caller may read; it reports whether some
// were left out.
func (r *reader) object(t *Tree, c Caller, o *object) (refused bool) {
	readable := t.readable(c, o)
	for _, in := range o.instances {
		if !readable(in) {
			refused = true
			continue
		}
		r.instance(in)
	}
	return refused
}

func (r *reader) instance(in *Instance) {
	nodes, calls := len(r.nodes), len(r.calls)
	for i := range in.slots {
		if s := &in.slots[i]; s.def.Operations.Has(model.Readable) {
			r.resource(s, in.Path().Child(s.def.ID))
		}
	}
	r.fillEmpty(in.Path(), nodes, calls)
}

func (r *reader) resource(s *slot, p model.Path) {
	if h := s.hooks(); h != nil && h.Read != nil {
		r.call(s, h, p)
		return
	}
	r.nodes = appendContent(r.nodes, p, s.content(), r.composite)
}

func (r *reader) call(s *slot, h *Hooks, p model.Path) {
	r.calls = append(r.calls, ReadCall{
		Path: p, Hooks: h,
		def: s.def, target: r.target, index: len(r.nodes), bestEffort: r.composite,
	})
}

// addressed reads the Resource or Resource Instance that p names.
func (r *reader) addressed(in *Instance, p model.Path) error {
	def, err := in.defined(p, model.Readable)
	if err != nil {
		return err
	}
	s := in.slot(def.ID)
	if s == nil || !s.instantiated() {
		return fail(model.NotFound, p, "the Resource has no value")
	}
	if h := s.hooks(); h != nil && h.Read != nil {
		r.call(s, h, p)
		return nil
	}
	if p.Depth() == 3 {
		r.resource(s, p)
		return nil
	}
	v, ok := s.content().Item(p.ResourceInstance())
	if !ok {
		return fail(model.NotFound, p, "no such Resource Instance")
	}
	r.nodes = append(r.nodes, format.Node{Path: p, Value: v})
	return nil
}

// appendContent appends the nodes of the Resource at p.
func appendContent(nodes []format.Node, p model.Path, c Content, skipEmpty bool) []format.Node {
	switch {
	case c.IsZero():
		return nodes
	case !c.IsMultiple():
		return append(nodes, format.Node{Path: p, Value: c.value})
	case len(c.items) == 0 && !skipEmpty:
		return append(nodes, format.Node{Path: p})
	}
	for _, item := range c.items {
		nodes = append(nodes, format.Node{Path: p.Child(item.ID), Value: item.Value})
	}
	return nodes
}

// Resolve puts the results of the calls among the nodes of a Read. Contents are
// checked against the definitions' data types. The first failed call is the
// answer to the whole Read; a Read-Composite just omits it.
func Resolve(nodes []format.Node, calls []ReadCall) ([]format.Node, error) {
	if len(calls) == 0 {
		return nodes, nil
	}
	resolved := make([]format.Node, 0, len(nodes)+len(calls))
	done := 0
	for i := range calls {
		call := &calls[i]
		resolved = append(resolved, nodes[done:call.index]...)
		done = call.index
		c, err := call.result()
		switch {
		case err == nil:
			resolved = call.append(resolved, c)
		case !call.bestEffort:
			return nodes, err
		}
	}
	resolved = append(resolved, nodes[done:]...)
	if len(resolved) == 0 && !calls[0].bestEffort {
		resolved = append(resolved, format.Node{Path: calls[0].target})
	}
	return resolved, nil
}

// result is what the hook gave, checked.
func (call *ReadCall) result() (Content, error) {
	if call.Err != nil {
		return Content{}, Refusal(call.Path, call.Err, model.InternalServerError)
	}
	c := call.Content
	if c.IsZero() {
		if call.Path == call.target {
			return c, fail(model.NotFound, call.Path, "the Resource has no value")
		}
		return c, nil
	}
	if err := call.checkKinds(); err != nil {
		return c, &model.Error{
			Code: model.InternalServerError, Path: call.Path, Reason: "wrong value from the application", Err: err,
		}
	}
	if call.Path.Depth() == 4 {
		if _, ok := c.Item(call.Path.ResourceInstance()); !ok {
			return c, fail(model.NotFound, call.Path, "no such Resource Instance")
		}
	}
	return c, nil
}

// checkKinds checks shape and data types, not the range: a measured value is
// reported as it is.
func (call *ReadCall) checkKinds() error {
	if call.def.Multiple != call.Content.IsMultiple() {
		return fail(model.BadRequest, call.Path, wrongShape(call.def))
	}
	if v := call.Content.value; !call.def.Multiple && v.Kind() != call.def.Kind {
		return call.def.Check(v)
	}
	for _, item := range call.Content.items {
		if item.Value.Kind() != call.def.Kind {
			return call.def.Check(item.Value)
		}
	}
	return nil
}

func (call *ReadCall) append(nodes []format.Node, c Content) []format.Node {
	if call.Path.Depth() == 4 {
		v, _ := c.Item(call.Path.ResourceInstance())
		return append(nodes, format.Node{Path: call.Path, Value: v})
	}
	return appendContent(nodes, call.Path, c, call.bestEffort)
}
