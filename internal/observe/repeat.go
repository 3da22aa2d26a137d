package observe

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
)

// Observations returns the observations of a Server, the oldest first.
func (e *Engine[T]) Observations(server uint16) []*Observation[T] { return e.of(server) }

// Repeat tells that the last notification did not have all there is to tell, as there
// was no room: another is due when pmin has passed, whatever the values are then.
func (e *Engine[T]) Repeat(o *Observation[T]) {
	o.lost = true
	if o.phase == idle {
		e.schedule(o)
	}
}

// SentKept is Sent for a confirmable notification with these nodes that is not to be
// lost: it is in the Backlog, if there is room, until it is acknowledged.
func (e *Engine[T]) SentKept(now time.Time, o *Observation[T], nodes []format.Node) {
	if o.phase != sending {
		return
	}
	if room := e.capacity(o, e.known(o.Server)); room > 0 {
		o.Backlog.add(Record{Time: now, Nodes: slices.Clone(nodes)}, room)
		o.Backlog.inFlight = 1
	}
	e.sent(o, true)
}

// Postpone ends the reading of an observation that was not possible just now. It is due
// again at the given time.
func (e *Engine[T]) Postpone(o *Observation[T], at time.Time) {
	if o.removed || o.phase != reading {
		return
	}
	o.leave()
	o.phase = idle
	e.queue.set(o, at)
}
