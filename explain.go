package lwm2m

import (
	"fmt"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// Explanation tells of one observation why nothing is being sent at this moment, and when
// something may be or must be; or of a server which rights it has.
type Explanation struct {
	Server uint16 // Short Server ID of who observes
	Paths  []Path // what it observes; several of an Observe-Composite
	// Composite tells an Observe-Composite from an Observe.
	Composite bool
	// LastSent is when the last notification, or the first answer, was sent; zero before that.
	LastSent time.Time
	// Earliest is when a change may be told, which pmin and epmin decide. It may have passed.
	Earliest time.Time
	// Latest is when something is told even without a change, which pmax decides; zero if never.
	Latest time.Time
	// Stored is how many notifications are kept until the server is back, or has acknowledged them. What the server no
	// longer observes is explained too, as long as something is kept for it.
	Stored int
	// Rights are what the server may do at the first of Paths; see [Client.ExplainAccess].
	Rights model.Rights

	text string
}

// String tells the same in words, with each attribute in force and where it comes from, the last value and the
// current one. It has several lines and may change between versions.
func (e Explanation) String() string { return e.text }

// Explain explains the observations that a change at p concerns: those of p, of what is above it, and of what is
// below. The root path stands for all.
func (c *Client) Explain(p Path) []Explanation {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.observed == nil {
		return nil
	}
	var all []Explanation
	for _, x := range c.observed.ExplainPath(c.now(), p, c.current) {
		e := Explanation{
			Server: x.Server, Composite: x.Composite, LastSent: x.LastSent, Earliest: x.Earliest, Latest: x.Latest, Stored: x.Backlog, text: x.String(),
		}
		for _, observed := range x.Paths {
			e.Paths = append(e.Paths, observed.Path)
		}
		text, rights := c.withheld(x.Server, e.Paths)
		e.Rights = rights
		e.text += text
		all = append(all, e)
	}
	return append(all, c.observed.waiting(p)...)
}

// waiting explains what is stored for observations that a Register has ended. It is called with c.mu held.
func (r *reporting) waiting(p Path) (all []Explanation) {
	for _, b := range r.stored {
		if slices.ContainsFunc(b.paths, p.Overlaps) {
			all = append(all, Explanation{
				Server: b.server, Composite: b.composite, Paths: b.paths, Stored: b.backlog.Len(),
				text: fmt.Sprintf("server %d has registered the client anew, and observes no longer %v\n  kept until it does: %d", b.server, b.paths, b.backlog.Len()),
			})
		}
	}
	return all
}

// current gives the values that an observation would be told now; nil if that takes callbacks. It is
// called with c.mu held.
func (c *Client) current(o *observation) []format.Node {
	nodes, calls, err := c.readObserved(nil, o)
	if err != nil || len(calls) > 0 {
		return nil
	}
	return nodes
}

// readObserved reads what is observed. It is called with c.mu held.
func (c *Client) readObserved(dst []format.Node, o *observation) ([]format.Node, []tree.ReadCall, error) {
	if o.Composite {
		return c.tree.ReadComposite(dst, c.caller(o.Server), o.Paths)
	}
	return c.tree.Read(dst, c.caller(o.Server), o.Paths[0])
}
