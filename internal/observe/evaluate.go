package observe

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// Decision is what is to be done with values that were read for an observation.
type Decision uint8

// The decisions.
const (
	Nothing      Decision = iota // nothing new, or not enough for the thresholds
	NotYet                       // something new, but pmin has not passed: it is due then
	Stored                       // put into the Backlog, as the Server is out of reach
	Send                         // to be sent
	SendPeriodic                 // to be sent as pmax has passed, though nothing is new
)

// MustSend reports whether a notification is to be sent now.
func (d Decision) MustSend() bool { return d >= Send }

// String describes the decision.
func (d Decision) String() string {
	return [...]string{"nothing", "not yet", "stored", "send", "send periodic"}[min(d, SendPeriodic)]
}

// Evaluate decides about the values of an observation that came from Add or Due:
// nodes are all values at its paths, in any order that is always the same. If it
// must send, the values count as those that the Server has; the owner sends them and
// calls Sent, or ends the observation by Cancel if it cannot encode them. Otherwise
// the observation is no longer busy.
//
// If the values cannot be read at all, the owner sends the error and calls Cancel.
func (e *Engine[T]) Evaluate(now time.Time, o *Observation[T], nodes []format.Node) Decision {
	if o.removed || o.phase != reading {
		return Nothing
	}
	s := e.known(o.Server)
	first, room := o.sentAt.IsZero(), e.capacity(o, s)
	d := e.decide(now, o, nodes)
	if d.MustSend() && !first && s.unreachable && room == 0 {
		d = NotYet // the Server went while the values were read
		o.lost = true
	}
	switch {
	case !d.MustSend():
		o.leave()
	case !first && room > 0 && (s.unreachable || o.Backlog.Len() > 0):
		e.commit(now, o, nodes)
		o.Backlog.add(Record{Time: now, Nodes: slices.Clone(nodes)}, room)
		d = Stored
	default:
		e.commit(now, o, nodes)
		o.phase = sending
		return d
	}
	o.phase = idle
	e.schedule(o)
	return d
}

// decide compares the values with what was sent last.
func (e *Engine[T]) decide(now time.Time, o *Observation[T], nodes []format.Node) Decision {
	if o.sentAt.IsZero() || (o.lost || o.more) && !now.Before(o.sentAt.Add(o.minPeriod())) {
		return Send
	}
	d := Nothing
	for i := range o.components {
		c := &o.components[i]
		told := o.sentAt.Add(c.period(model.MinPeriod)) // from when on it may be told
		if !c.evaluates(now, told) {
			continue
		}
		seen := c.seen
		c.evaluated, c.pending = now, false
		if !c.evaluate(e.Crossing, e.content(o.Paths[i], nodes)) {
			continue
		}
		if !now.Before(told) {
			return Send
		}
		c.pending, c.seen, d = true, seen, NotYet // to be found again
	}
	if due := o.overdue(); !due.IsZero() && !now.Before(due) {
		return SendPeriodic
	}
	return d
}

// evaluates reports whether it is time to evaluate a path: a change that may be told,
// or a sample.
func (c *component) evaluates(now, told time.Time) bool {
	if now.Before(c.evaluated.Add(c.period(model.MinEvalPeriod))) {
		return false
	}
	d := c.maxEvaluation()
	return c.pending && !now.Before(told) || d > 0 && !now.Before(c.evaluated.Add(d))
}

// commit takes note that the values are the newest that the Server has, or will have.
func (e *Engine[T]) commit(now time.Time, o *Observation[T], nodes []format.Node) {
	for i := range o.components {
		c := &o.components[i]
		x := e.content(o.Paths[i], nodes)
		c.digest, c.last, c.seen, c.evaluated = x.digest, x.value, x.value, now
		c.pending, c.again, c.held = c.again, false, false
	}
	o.sentAt, o.lost, o.more = now, false, false
}

// leave ends a reading after which nothing is sent.
func (o *Observation[T]) leave() {
	for i := range o.components {
		c := &o.components[i]
		c.pending, c.again = c.pending || c.again, false
	}
}

// Sent tells that the notification of a busy observation was sent, or the
// response to its request; a response is not confirmable in this sense. A
// confirmable notification is to be followed by Acknowledged or Unacknowledged.
func (e *Engine[T]) Sent(_ time.Time, o *Observation[T], confirmable bool) {
	if o.phase == sending {
		e.sent(o, confirmable)
	}
}

// SentStored is Sent for a notification with the n oldest records of the Backlog.
// They leave the Backlog when they are acknowledged, or at once if the notification
// is not confirmable.
func (e *Engine[T]) SentStored(_ time.Time, o *Observation[T], n int, confirmable bool) {
	if o.phase != replaying {
		return
	}
	if confirmable {
		o.Backlog.inFlight = min(n, o.Backlog.Len())
	} else {
		o.Backlog.remove(n)
	}
	e.sent(o, confirmable)
}

// Supersede drops the Backlog of a busy observation whose format cannot tell the times
// of records: the newest state takes their place, at once, as none of them was sent.
func (e *Engine[T]) Supersede(now time.Time, o *Observation[T]) {
	if o.phase != replaying || o.removed {
		return
	}
	o.Backlog.remove(o.Backlog.Len())
	o.more, o.sentAt = true, now.Add(-o.minPeriod())
	e.free(o)
}

// SentKept is Sent for a confirmable notification with these nodes that is not to be
// lost: it is in the Backlog, if there is room, until it is acknowledged.
func (e *Engine[T]) SentKept(now time.Time, o *Observation[T], nodes []format.Node) {
	if o.phase != sending || o.removed {
		return
	}
	if room := e.capacity(o, e.known(o.Server)); room > 0 && o.Backlog.Len() == 0 {
		o.Backlog.add(Record{Time: now, Nodes: slices.Clone(nodes)}, room)
		o.Backlog.inFlight = 1
	}
	e.sent(o, true)
}

// Repeat tells that the last notification did not have all there is to tell, as there
// was no room: another is due when pmin has passed, whatever the values are then.
func (e *Engine[T]) Repeat(o *Observation[T]) {
	o.more = true
	if o.phase == idle {
		e.schedule(o)
	}
}

func (e *Engine[T]) sent(o *Observation[T], confirmable bool) {
	if o.removed {
		return
	}
	o.sequence = (o.sequence + 1) & maxSequence
	o.phase = awaiting
	if !confirmable {
		e.free(o)
	}
}

// Acknowledged tells that the Server has the confirmable notification.
func (e *Engine[T]) Acknowledged(now time.Time, o *Observation[T]) {
	if o.phase != awaiting || o.removed {
		return
	}
	o.confirmBy = now.Add(ConfirmInterval)
	o.Backlog.remove(o.Backlog.inFlight)
	o.Backlog.inFlight, o.stalled = 0, false
	e.free(o)
}

// Unacknowledged tells that nobody acknowledged the confirmable notification, or that
// a notification could not be sent. Other than in RFC 7641 §4.5 the observation goes
// on: the Server gets the newest state, confirmable, with the next change or pmax, or
// when [Engine.SetReachable] tells that it is there. Records stay in the Backlog until
// that.
func (e *Engine[T]) Unacknowledged(now time.Time, o *Observation[T]) {
	if o.removed {
		return
	}
	o.confirmBy, o.stalled = now, true
	o.lost = o.lost || o.Backlog.inFlight == 0
	o.Backlog.inFlight = 0
	if o.phase == awaiting {
		e.free(o)
	}
}

// free ends the time in which an observation is busy.
func (e *Engine[T]) free(o *Observation[T]) {
	o.phase = idle
	e.schedule(o)
}
