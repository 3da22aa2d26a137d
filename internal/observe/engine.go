package observe

import (
	"container/heap"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Engine holds the observations of one client and knows which of them are due.
// T is the type of CoAP tokens. The zero Engine is empty and ready.
//
// An Observation that comes from Add or Due is busy: it is not due again until
// Sent, and if that was confirmable until Acknowledged or Unacknowledged.
type Engine[T comparable] struct {
	all   map[key[T]]*Observation[T]
	index index[T]
	queue queue[T] // those with something to tell, the first due on top
}

// key identifies an observation: the token is the client's only within a Server
// (RFC 7641 §4.1).
type key[T comparable] struct {
	server uint16
	token  T
}

// Len is the number of observations.
func (e *Engine[T]) Len() int { return len(e.all) }

// Find returns the observation of a Server with a token, or nil.
func (e *Engine[T]) Find(server uint16, token T) *Observation[T] {
	return e.all[key[T]{server, token}]
}

// Add takes up an observation. It takes the place of one with the same token
// (RFC 7641 §4.1), which goes on counting its sequence, and of one of the same
// Server on the same paths under another token, whatever its format: a Server
// that lost its observations and observes again wants one notification, not two.
//
// The result is busy with the response to the request, which is its first
// notification: read the paths after Add, then call Sent, or Cancel if they
// cannot be read.
func (e *Engine[T]) Add(now time.Time, r Request[T]) *Observation[T] {
	o := &Observation[T]{Request: r, index: -1, busy: true, confirmBy: now.Add(ConfirmInterval)}
	if old := e.Find(r.Server, r.Token); old != nil {
		o.sequence = old.sequence
		e.remove(old)
	}
	if old := e.index.same(r); old != nil {
		e.remove(old)
	}
	if e.all == nil {
		e.all = make(map[key[T]]*Observation[T])
	}
	e.all[key[T]{r.Server, r.Token}] = o
	e.index.insert(o)
	return o
}

// Cancel ends the observation of a Server with a token, as Observe=1 and Reset
// do. It reports whether there was one.
func (e *Engine[T]) Cancel(server uint16, token T) bool {
	o := e.Find(server, token)
	if o != nil {
		e.remove(o)
	}
	return o != nil
}

// CancelServer ends all observations of a Server, as a Register does, and returns
// them.
func (e *Engine[T]) CancelServer(server uint16) []*Observation[T] {
	var ended []*Observation[T]
	for k, o := range e.all {
		if k.server == server {
			e.remove(o)
			ended = append(ended, o)
		}
	}
	return ended
}

// Changed tells that what is at the paths, or below them, changed.
func (e *Engine[T]) Changed(now time.Time, paths []model.Path) {
	for _, p := range paths {
		for o := range e.index.affected(p) {
			e.mark(now, o)
		}
	}
}

// Removed tells that the paths, and all below them, are gone. It ends the
// observations of something that is gone and returns them: their Servers are to
// get an error as last notification (RFC 7641 §4.2). What is observed above, or
// together with other paths, has changed.
func (e *Engine[T]) Removed(now time.Time, paths []model.Path) []*Observation[T] {
	var gone []*Observation[T]
	for _, p := range paths {
		for o := range e.index.affected(p) {
			if !o.Composite && p.Contains(o.Paths[0]) {
				gone = append(gone, o)
			} else {
				e.mark(now, o)
			}
		}
		for _, o := range gone {
			e.remove(o)
		}
	}
	return gone
}

// IsObserved reports whether a change at a path concerns any observation.
func (e *Engine[T]) IsObserved(p model.Path) bool { return e.index.overlaps(p) }

// Due appends the observations to notify now to dst. The owner notifies each,
// and says so by Sent, or ends it by Cancel.
func (e *Engine[T]) Due(now time.Time, dst []*Observation[T]) []*Observation[T] {
	for len(e.queue) > 0 && !now.Before(e.queue[0].due) {
		o := heap.Pop(&e.queue).(*Observation[T])
		o.busy, o.changed = true, false
		dst = append(dst, o)
	}
	return dst
}

// Deadline is when Due will return something; the zero time means not before
// another call. It may have passed.
func (e *Engine[T]) Deadline() time.Time {
	if len(e.queue) == 0 {
		return time.Time{}
	}
	return e.queue[0].due
}

// Sent tells that the notification of a busy observation was sent, or the
// response to its request; a response is not confirmable in this sense. A
// confirmable notification is to be followed by Acknowledged or Unacknowledged.
func (e *Engine[T]) Sent(now time.Time, o *Observation[T], confirmable bool) {
	if o.removed || !o.busy {
		return
	}
	o.sequence = (o.sequence + 1) & maxSequence
	o.confirmable = confirmable
	if !confirmable {
		e.free(now, o)
	}
}

// Acknowledged tells that the Server has the confirmable notification.
func (e *Engine[T]) Acknowledged(now time.Time, o *Observation[T]) {
	if o.awaited() {
		o.confirmBy = now.Add(ConfirmInterval)
		e.free(now, o)
	}
}

// Unacknowledged tells that nobody acknowledged the confirmable notification.
// Other than in RFC 7641 §4.5 the observation goes on: what the Server missed it
// gets with the next notification, which has to be confirmable again.
func (e *Engine[T]) Unacknowledged(now time.Time, o *Observation[T]) {
	if o.awaited() {
		o.confirmBy = now
		e.free(now, o)
	}
}

// mark remembers a change, and notifies when the observation is free.
func (e *Engine[T]) mark(now time.Time, o *Observation[T]) {
	o.changed = true
	if !o.busy {
		e.schedule(now, o)
	}
}

// free ends the time in which an observation is busy.
func (e *Engine[T]) free(now time.Time, o *Observation[T]) {
	o.busy, o.confirmable = false, false
	if o.changed {
		e.schedule(now, o)
	}
}

// schedule queues an observation with something to tell for when it may be told.
func (e *Engine[T]) schedule(now time.Time, o *Observation[T]) {
	if o.index < 0 {
		o.due = now
		heap.Push(&e.queue, o)
	}
}

func (e *Engine[T]) remove(o *Observation[T]) {
	if o.removed {
		return
	}
	o.removed = true
	delete(e.all, key[T]{o.Server, o.Token})
	e.index.remove(o)
	if o.index >= 0 {
		heap.Remove(&e.queue, o.index)
	}
}

func (o *Observation[T]) awaited() bool { return o.busy && o.confirmable && !o.removed }

// queue is a heap of observations by due time; see container/heap.
type queue[T comparable] []*Observation[T]

func (q queue[T]) Len() int           { return len(q) }
func (q queue[T]) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

func (q queue[T]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push adds an observation at the end.
func (q *queue[T]) Push(x any) {
	o := x.(*Observation[T])
	o.index = len(*q)
	*q = append(*q, o)
}

// Pop removes the observation at the end.
func (q *queue[T]) Pop() any {
	last := len(*q) - 1
	o := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	o.index = -1
	return o
}
