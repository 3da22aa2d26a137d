package lwm2m

import (
	"fmt"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/observe"
)

// storedBacklog is what was stored for an observation that a new Register has ended, until
// the server observes the same again.
type storedBacklog struct {
	server    uint16
	paths     []Path
	composite bool
	backlog   observe.Backlog
}

// defaults are what the Server Object says about observations. It is called with
// the client's mu held.
func (s *session) defaults() observe.Defaults {
	c := s.client
	return observe.Defaults{
		MinPeriod:   duration(c.value(s.server.Child(serverMinPeriod))),
		MaxPeriod:   duration(c.value(s.server.Child(serverMaxPeriod))),
		Confirmable: c.value(s.server.Child(serverNotificationMode)).Int() == 1,
		Storing:     s.isStoring(),
	}
}

// isStoring reports whether notifications are kept while the server is out of reach (Resource 1/x/6). It is
// called with the client's mu held.
func (s *session) isStoring() bool { return s.client.value(s.server.Child(serverStoring)).Bool() }

// doubt takes note of a sign that the server is out of reach, and asks by an Update.
func (s *session) doubt(now time.Time) {
	if s.conn == nil || s.reg.Location() == nil {
		return
	}
	s.doubted = true
	s.updateReachable(now)
	s.reg.Trigger(now)
}

// heard takes note of a sign of life.
func (s *session) heard() { s.doubted = false }

// updateReachable tells the observations whether notifications can be sent: over a link, in a
// registration, and unless the server seems to be away; or that the client sleeps and can be woken.
func (s *session) updateReachable(now time.Time) {
	reachable := s.conn != nil && s.reg.Location() != nil && !s.doubted
	asleep := s.isAsleep()
	if reachable == s.reachable && asleep == s.asleep {
		return
	}
	s.reachable, s.asleep = reachable, asleep
	c := s.client
	c.mu.Lock()
	if c.observed != nil {
		c.observed.SetReachable(s.ssid, reachable)
		c.observed.SetAsleep(s.ssid, asleep)
		c.wake()
	}
	c.mu.Unlock()
	if reachable {
		for _, n := range s.takeFarewells() {
			s.sayFarewell(now, n)
		}
		s.notifyResumed(now)
	}
}

// takeFarewells empties the list of those for the server.
func (s *session) takeFarewells() (messages []*coap.Notification) {
	r := s.client.observed
	if r == nil {
		return nil
	}
	r.farewells = slices.DeleteFunc(r.farewells, func(f farewell) bool {
		if f.server == s.ssid {
			messages = append(messages, f.message)
		}
		return f.server == s.ssid
	})
	return messages
}

// suspend prepares for a Register or De-register. A De-register ends the observations and what is stored. With
// a Register they go on as if the server were out of reach, if notifications are stored, until it
// is accepted: only that voids them (Core 1.1.1 §6.2.1).
func (s *session) suspend(now time.Time, deregister bool) {
	c := s.client
	if c.observed == nil {
		return
	}
	s.takeFarewells() // nobody waits for them any more
	c.mu.Lock()
	end := deregister || !s.isStoring()
	observations := c.observed.Observations(s.ssid)
	c.mu.Unlock()
	switch {
	case end:
		s.dropObservations(now)
	case s.conn != nil:
		for _, o := range observations {
			s.conn.EndObservation(now, o.Token)
		}
	}
}

// registered ends the observations of the former registration. What is stored waits for the
// server to observe the same again.
func (s *session) registered(now time.Time) {
	s.known = true
	s.heard()
	c, r := s.client, s.client.observed
	if r == nil {
		return
	}
	c.mu.Lock()
	ended := r.CancelServer(s.ssid)
	for _, o := range ended {
		if o.Backlog.Len() > 0 {
			r.stored = append(r.stored, storedBacklog{o.Server, o.Paths, o.Composite, o.Backlog})
			o.Backlog = observe.Backlog{}
		}
	}
	var dropped []storedBacklog
	if over := len(r.stored) - c.maxObservations; over > 0 {
		dropped = slices.Clone(r.stored[:over])
		r.stored = slices.Delete(r.stored, 0, over)
	}
	c.mu.Unlock()
	for _, o := range ended {
		c.emitEnd(now, o, ErrNotRegistered)
	}
	c.emitDroppedBacklogs(now, dropped)
}

// resumeBacklog gives an observation what was stored for it. It is called with c.mu held.
func (r *reporting) resumeBacklog(o *observation) {
	i := slices.IndexFunc(r.stored, func(b storedBacklog) bool {
		return b.server == o.Server && b.composite == o.Composite && slices.Equal(b.paths, o.Paths)
	})
	if i >= 0 && o.Backlog.Len() == 0 {
		o.Backlog = r.stored[i].backlog
		r.stored = slices.Delete(r.stored, i, i+1)
	}
}

// dropObservations forgets what the server observes, and what is stored for it.
func (s *session) dropObservations(now time.Time) {
	c, r := s.client, s.client.observed
	if r == nil {
		return
	}
	c.mu.Lock()
	ended := r.CancelServer(s.ssid)
	var dropped []storedBacklog
	r.stored = slices.DeleteFunc(r.stored, func(b storedBacklog) bool {
		if b.server == s.ssid {
			dropped = append(dropped, b)
		}
		return b.server == s.ssid
	})
	c.mu.Unlock()
	for _, o := range ended {
		c.emitEnd(now, o, ErrNotRegistered)
	}
	c.emitDroppedBacklogs(now, dropped)
}

func (c *Client) emitDroppedBacklogs(now time.Time, dropped []storedBacklog) {
	for i := range dropped {
		b := &dropped[i]
		c.emitDropCount(now, b.server, b.paths[0], b.backlog.Len()+int(b.backlog.Dropped()))
	}
}

// emitDropped tells what was stored for an observation that has ended.
func (c *Client) emitDropped(now time.Time, o *observation) { c.emitDrops(now, o, o.Backlog.Len()) }

// emitDrops tells that stored notifications of an observation were dropped: n now, and others as the
// store was full.
func (c *Client) emitDrops(now time.Time, o *observation, n int) {
	c.mu.Lock()
	n += int(o.Backlog.Dropped())
	c.mu.Unlock()
	c.emitDropCount(now, o.Server, o.Paths[0], n)
}

func (c *Client) emitDropCount(now time.Time, server uint16, p Path, n int) {
	if n > 0 {
		c.emit(Event{
			Kind: NotificationsDropped, Time: now, Server: server, Path: p, Count: n,
			Err: fmt.Errorf("lwm2m: %d stored notifications were dropped", n),
		})
	}
}

// recordNodes are the values of stored notifications with their times. The wall clock may have been set meanwhile, so the times are told by age.
func recordNodes(now time.Time, records []observe.Record) []format.Node {
	var nodes []format.Node
	for _, r := range records {
		at := now.Add(r.Time.Sub(now))
		for _, n := range r.Nodes {
			if n.Time.IsZero() {
				n.Time = at
			}
			nodes = append(nodes, n)
		}
	}
	return nodes
}
