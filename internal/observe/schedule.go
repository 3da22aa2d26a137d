package observe

import (
	"cmp"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Due appends the observations to look at now to dst, those that are due first
// before the others. The owner handles each as the package comment shows, or ends
// it by Cancel.
func (e *Engine[T]) Due(now time.Time, dst []*Observation[T]) []*Observation[T] {
	for len(e.queue) > 0 && !now.Before(e.queue[0].due) {
		o := e.queue[0]
		e.queue.set(o, time.Time{})
		o.phase = reading
		if e.replays(o) {
			o.phase = replaying
		}
		dst = append(dst, o)
	}
	return dst
}

// Postpone ends the reading of an observation that was not possible just now. It is due
// again at the given time, or when a change or its attributes say so.
func (e *Engine[T]) Postpone(o *Observation[T], at time.Time) {
	if o.removed || o.phase != reading {
		return
	}
	o.leave()
	o.phase = idle
	e.queue.set(o, at)
}

// Withhold ends the work on an observation whose values the Server may not read: nothing is due before
// [Engine.RightsChanged], and what is in its Backlog stays there.
func (e *Engine[T]) Withhold(o *Observation[T]) {
	if o.removed || o.phase != reading && o.phase != replaying {
		return
	}
	o.leave()
	o.phase, o.withheld = idle, true
	e.queue.set(o, time.Time{})
}

// RightsChanged tells that Servers may read more or less than before: what they observe is to be read again. It is told
// if it differs from what they have, as attributes say.
func (e *Engine[T]) RightsChanged(now time.Time) {
	for _, o := range e.all {
		o.withheld = false
		e.schedule(o)
		for i := range o.components {
			e.mark(now, o, i)
		}
	}
}

// Deadline is when Due will return something; the zero time means not before
// another call. It may have passed.
func (e *Engine[T]) Deadline() time.Time {
	if len(e.queue) == 0 {
		return time.Time{}
	}
	return e.queue[0].due
}

// mark remembers a change of one path. It is what a change costs inside pmin, so it
// looks at that path only.
func (e *Engine[T]) mark(now time.Time, o *Observation[T], i int) {
	c := &o.components[i]
	if o.phase == reading {
		c.again = true
		return
	}
	if c.pending {
		return
	}
	c.pending = true
	if o.phase != idle || e.isPaused(o) {
		return
	}
	if ready := latest(now, o.ready(c)); o.index < 0 || ready.Before(o.due) {
		e.queue.set(o, ready)
	}
}

// schedule queues an observation for when it has to be looked at, as far as that is
// known without another change.
func (e *Engine[T]) schedule(o *Observation[T]) {
	if !o.removed {
		e.queue.set(o, e.next(o))
	}
}

// next is when an observation has to be looked at; zero: not before a change.
func (e *Engine[T]) next(o *Observation[T]) time.Time {
	if o.phase != idle || e.isPaused(o) {
		return time.Time{}
	}
	if e.replays(o) {
		return o.sentAt
	}
	due := o.overdue()
	if o.more || o.lost && !o.stalled {
		due = earliest(due, o.sentAt.Add(o.minPeriod()))
	}
	for i := range o.components {
		c := &o.components[i]
		if c.pending {
			due = earliest(due, o.ready(c))
		}
		if d := c.maxEvaluation(); d > 0 {
			due = earliest(due, c.evaluated.Add(d))
		}
	}
	return due
}

// ready is from when on a changed path may be evaluated to be sent.
func (o *Observation[T]) ready(c *component) time.Time {
	return latest(o.sentAt.Add(c.period(model.MinPeriod)), c.evaluated.Add(c.period(model.MinEvalPeriod)))
}

// overdue is when pmax has passed; zero if there is none.
func (o *Observation[T]) overdue() (due time.Time) {
	for i := range o.components {
		if d := o.components[i].maxPeriod(); d > 0 {
			due = earliest(due, o.sentAt.Add(d))
		}
	}
	return due
}

// minPeriod is the smallest pmin in force.
func (o *Observation[T]) minPeriod() time.Duration {
	var smallest time.Duration
	for i := range o.components {
		if d := o.components[i].period(model.MinPeriod); i == 0 || d < smallest {
			smallest = d
		}
	}
	return smallest
}

// replays reports whether what is in the Backlog is to be sent.
func (e *Engine[T]) replays(o *Observation[T]) bool {
	return o.Backlog.Len() > 0 && !o.stalled && !o.sentAt.IsZero() && !e.known(o.Server).unreachable
}

// isPaused reports whether the Server may not have notifications, or there is neither it nor a Backlog for them. A
// sleeper wakes for the first.
func (e *Engine[T]) isPaused(o *Observation[T]) bool {
	s := e.known(o.Server)
	return o.withheld || s.unreachable && e.capacity(o, s) == 0 && (o.lost || !s.asleep)
}

// capacity is the size of the Backlog.
func (e *Engine[T]) capacity(o *Observation[T], s server) int {
	if !s.defaults.Storing {
		return 0
	}
	limit := cmp.Or(e.MaxBacklog, DefaultBacklog)
	wanted := -1.0
	for i := range o.components {
		if v, ok := o.components[i].attributes.Get(model.MaxHistory); ok {
			wanted = max(wanted, v)
		}
	}
	if wanted < 0 || wanted > float64(limit) {
		return limit
	}
	return int(wanted)
}

// Observations returns the observations of a Server, the oldest first.
func (e *Engine[T]) Observations(server uint16) []*Observation[T] {
	var found []*Observation[T]
	for k, o := range e.all {
		if k.server == server {
			found = append(found, o)
		}
	}
	bySerial(found)
	return found
}

func bySerial[T comparable](list []*Observation[T]) {
	slices.SortFunc(list, func(a, b *Observation[T]) int { return cmp.Compare(a.serial, b.serial) })
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// earliest takes the zero time for none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
