package observe

import (
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Engine holds the observations of one client and knows which of them are due.
// T is the type of CoAP tokens. The zero Engine is empty and ready.
//
// An Observation that comes from Add or Due is busy: it is not due again until
// Evaluate found nothing to send, or until Sent or SentStored, and if that was
// confirmable until Acknowledged or Unacknowledged.
type Engine[T comparable] struct {
	// Crossing is how gt and lt are read. It is to be set before the Engine is used.
	Crossing Crossing
	// MaxBacklog is how many notifications an observation keeps for a Server that is
	// out of reach; 0 means [DefaultBacklog]. See [Backlog].
	MaxBacklog int
	// Attributes are those that Servers attached. They are to be changed only by
	// WriteAttributes, RemoveAttributes and RemoveServer; restored before the Engine is used.
	Attributes AttributeStore

	servers []server
	all     map[key[T]]*Observation[T]
	index   index[T]
	queue   queue[T] // those that will be due without another change, the first on top
	serial  uint64   // of the last observation
	scratch []byte   // for digests
}

// server is what the Engine knows of a Server; one that is not listed is zero.
type server struct {
	id          uint16
	unreachable bool
	asleep      bool
	defaults    Defaults
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
// The Backlog of the latter passes on.
//
// The result is busy with the response to the request, which is its first
// notification: read the paths after Add, then call Evaluate, which says [Send], and
// Sent; or Cancel if they cannot be read.
func (e *Engine[T]) Add(now time.Time, r Request[T]) *Observation[T] {
	e.serial++
	o := &Observation[T]{Request: r, sequence: r.Sequence, serial: e.serial, index: -1, phase: reading, confirmBy: now.Add(ConfirmInterval)}
	o.components = make([]component, len(r.Paths))
	e.assign(o)
	if old := e.Find(r.Server, r.Token); old != nil {
		o.sequence = old.sequence
		e.remove(old)
	}
	if old := e.index.same(r); old != nil {
		o.Backlog = old.Backlog
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
// them, the oldest first. Their Backlogs are then the owner's.
func (e *Engine[T]) CancelServer(server uint16) []*Observation[T] {
	ended := e.Observations(server)
	for _, o := range ended {
		e.remove(o)
	}
	return ended
}

// Changed tells that what is at the paths, or below them, changed.
func (e *Engine[T]) Changed(now time.Time, paths []model.Path) {
	for _, p := range paths {
		for x := range e.index.affected(p) {
			e.mark(now, x.observation, x.component)
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
		for x := range e.index.affected(p) {
			if o := x.observation; !o.Composite && p.Contains(o.Paths[0]) {
				gone = append(gone, o)
			} else {
				e.mark(now, o, x.component)
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

// SetDefaults tells what a Server's account says. Observations that run follow.
func (e *Engine[T]) SetDefaults(server uint16, d Defaults) {
	s := e.server(server)
	if s.defaults == d {
		return
	}
	s.defaults = d
	for _, o := range e.Observations(server) {
		e.reassign(o)
	}
}

// SetReachable tells whether a Server can be reached; each can, until this says
// otherwise. As long as it cannot, its observations are due only if there is room in
// their Backlogs; Evaluate then puts there what would have been sent. When it can again,
// the Backlogs are due, and so is what was [Engine.Unacknowledged] before: call
// this whenever the Server gave a sign of life after that.
func (e *Engine[T]) SetReachable(server uint16, reachable bool) {
	if s := e.known(server); s.unreachable == reachable {
		e.server(server).unreachable = !reachable
	}
	for _, o := range e.Observations(server) {
		o.stalled = o.stalled && !reachable
		e.schedule(o)
	}
}

// SetAsleep tells, of a Server that cannot be reached, whether that is because the
// client sleeps and may wake. Then its observations are due as if it could be
// reached; when one of them has something to say, [Observation.IsWaiting] tells so, and
// it is said after SetReachable.
func (e *Engine[T]) SetAsleep(server uint16, asleep bool) {
	if e.known(server).asleep == asleep {
		return
	}
	e.server(server).asleep = asleep
	for _, o := range e.Observations(server) {
		e.schedule(o)
	}
}

// WriteAttributes is [AttributeStore.Write]. Observations that run follow.
func (e *Engine[T]) WriteAttributes(server uint16, p model.Path, u model.AttributesUpdate) error {
	if err := e.Attributes.Write(server, p, u); err != nil {
		return err
	}
	for x := range e.index.below(p) {
		if x.observation.Server == server {
			e.reassign(x.observation)
		}
	}
	return nil
}

// RemoveAttributes is [AttributeStore.Remove]. Observations that run follow.
func (e *Engine[T]) RemoveAttributes(p model.Path) {
	e.Attributes.Remove(p)
	for x := range e.index.below(p) {
		e.reassign(x.observation)
	}
}

// RemoveServer forgets all about a Server, as its account is gone: its observations,
// which are returned, its attributes and its defaults.
func (e *Engine[T]) RemoveServer(server uint16) []*Observation[T] {
	e.Attributes.RemoveServer(server)
	for i := range e.servers {
		if e.servers[i].id == server {
			e.servers = append(e.servers[:i], e.servers[i+1:]...)
			break
		}
	}
	return e.CancelServer(server)
}

// known returns what is known of a Server.
func (e *Engine[T]) known(id uint16) server {
	for _, s := range e.servers {
		if s.id == id {
			return s
		}
	}
	return server{id: id}
}

// server returns the entry of a Server, for changing it.
func (e *Engine[T]) server(id uint16) *server {
	for i := range e.servers {
		if e.servers[i].id == id {
			return &e.servers[i]
		}
	}
	e.servers = append(e.servers, server{id: id})
	return &e.servers[len(e.servers)-1]
}

// assign finds the attributes in force; it reports whether they changed.
func (e *Engine[T]) assign(o *Observation[T]) (changed bool) {
	defaults := e.known(o.Server).defaults
	for i, p := range o.Paths {
		var a model.Attributes
		if o.HasOwn {
			a = o.Attributes.Inherit(defaults.attributes())
		} else {
			a = e.Attributes.Effective(o.Server, p, defaults)
		}
		c := &o.components[i]
		if a == c.attributes {
			continue
		}
		c.attributes, changed = a, true
		// What was not enough before may be now.
		c.pending, c.held = c.pending || c.held, false
	}
	return changed
}

// reassign is assign for an observation that runs.
func (e *Engine[T]) reassign(o *Observation[T]) {
	if e.assign(o) || e.known(o.Server).unreachable {
		e.schedule(o)
	}
}

func (e *Engine[T]) remove(o *Observation[T]) {
	if o.removed {
		return
	}
	o.removed = true
	delete(e.all, key[T]{o.Server, o.Token})
	e.index.remove(o)
	e.queue.set(o, time.Time{})
}
