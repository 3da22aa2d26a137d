package lwm2m

import (
	"time"

	"github.com/lwm2m-go/lwm2m/internal/tree"
)

// Change is a new value for one Resource or Resource Instance. Handles make
// changes by their method To; programs that know paths only fill in the fields.
type Change struct {
	// Path names a single-instance Resource, or an instance of a multiple one.
	Path Path
	// Value is the new value. The zero Value removes what is at Path.
	Value Value
	// Time is when the value was taken, for a Resource that keeps a history; zero is now. A value older
	// than the last one just joins the history.
	Time time.Time

	in *Instance // where the change comes from; nil if the path alone says
}

// Apply makes all changes at once, or none: servers never see half of them, and
// they make one notification. The error is a [*Error]: something is not
// there, or the type or range of a value is wrong.
func (c *Client) Apply(changes ...Change) error {
	samples := c.sampleChanges(changes)
	dropped, err := c.apply(changes, samples)
	c.emitNow(dropped...)
	return err
}

func (c *Client) apply(changes []Change, samples []sampling) (dropped []Event, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range changes {
		if err := c.checkChange(&changes[i]); err != nil {
			return nil, err
		}
	}
	for i, change := range changes {
		var s sampling
		if samples != nil {
			s = samples[i]
		}
		if e := c.applyChange(change, s); e.Kind != 0 {
			dropped = append(dropped, e)
		}
	}
	return dropped, nil
}

// checkChange reports why a change cannot be made. It is called with c.mu held.
func (c *Client) checkChange(change *Change) error {
	p := change.Path
	if p.Depth() < 3 {
		return &Error{Code: BadRequest, Path: p, Reason: "a change needs the path of a Resource or Resource Instance"}
	}
	node, ok := c.tree.Instance(p)
	if !ok || change.in != nil && change.in.node != node {
		return &Error{Code: NotFound, Path: p, Reason: "the client has no such Object Instance"}
	}
	def, ok := node.Definition().Resource(p.Resource())
	switch {
	case !ok:
		return &Error{Code: NotFound, Path: p, Reason: "no such Resource"}
	case change.Value.IsZero() && p.Depth() == 3 && def.Mandatory:
		return &Error{Code: MethodNotAllowed, Path: p, Reason: "a mandatory Resource stays"}
	case change.Value.IsZero():
		return nil
	case p.Depth() == 4:
		return node.Check(p.Resource(), tree.Multiple(tree.Item{ID: p.ResourceInstance(), Value: change.Value}))
	}
	return node.Check(p.Resource(), tree.Single(change.Value))
}

// applyChange makes a checked change. The event is to be emitted without c.mu, which is held.
func (c *Client) applyChange(change Change, s sampling) (e Event) {
	p, changed := change.Path, false
	in := c.instance(p)
	switch {
	case !change.Value.IsZero():
		e, _ = in.put(c, p, change.Value, s) // checked
	case p.Depth() == 4:
		changed = in.node.RemoveItem(p.Resource(), p.ResourceInstance())
	default:
		changed = in.node.Remove(p.Resource())
	}
	if changed {
		c.noteChange(p)
	}
	return e
}

// instance finds the Object Instance at p or above; nil if there is none. It is called with c.mu held.
func (c *Client) instance(p Path) *Instance {
	if p.Depth() < 2 {
		return nil
	}
	if i, ok := c.find(p.Prefix(2)); ok {
		return c.instances[i]
	}
	return nil
}

// Get returns the value at the path of a single-instance Resource or of a Resource Instance. The error
// is a [*Error]. OnRead callbacks are not asked.
func (c *Client) Get(p Path) (Value, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var v Value
	if node, ok := c.tree.Instance(p); ok && p.Depth() == 4 {
		v, _ = node.GetItem(p.Resource(), p.ResourceInstance())
	} else if ok && p.Depth() == 3 {
		content, _ := node.Get(p.Resource())
		v = content.Value()
	}
	if v.IsZero() {
		return v, &Error{Code: NotFound, Path: p, Reason: "no value here"}
	}
	return v, nil
}
