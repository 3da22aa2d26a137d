package lwm2m

import (
	"fmt"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/observe"
)

// storedBacklog is what was stored for an observation that a new Register has ended, until
// the server observes the same again.
type storedBacklog struct {
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
	s.reg.Trigger(now)
}

// heard takes note of a sign of life.
func (s *session) heard() { s.doubted = false }

// updateReachable tells the observations whether notifications can be sent: over a link, in a
// registration, and unless the server seems to be away.
func (s *session) updateReachable(now time.Time) {
	reachable := s.conn != nil && s.reg.Location() != nil && !s.doubted
	if reachable == s.reachable {
		return
	}
	s.reachable = reachable
	c := s.client
	c.mu.Lock()
	c.observed.SetReachable(s.ssid, reachable)
	if c.observed.Len() > 0 {
		c.wake()
	}
	c.mu.Unlock()
	if !reachable {
		return
	}
	for _, n := range s.farewells {
		s.sayFarewell(now, n)
	}
	s.farewells = nil
}

// suspend prepares for a Register or De-register. A De-register ends the observations and what is stored. With
// a Register they go on as if the server were out of reach, if notifications are stored, until it
// is accepted: only that voids them (Core 1.1.1 §6.2.1).
func (s *session) suspend(now time.Time, deregister bool) {
	c := s.client
	s.farewells = nil
	c.mu.Lock()
	end := deregister || !s.isStoring()
	c.mu.Unlock()
	if end {
		s.dropObservations(now)
		return
	}
	if s.conn == nil {
		return
	}
	c.mu.Lock()
	observations := c.observed.Observations(s.ssid)
	c.mu.Unlock()
	for _, o := range observations {
		s.conn.EndObservation(now, o.Token)
	}
}

// registered ends the observations of the former registration. What is stored waits for the
// server to observe the same again.
func (s *session) registered(now time.Time) {
	s.heard()
	c := s.client
	c.mu.Lock()
	ended := c.observed.CancelServer(s.ssid)
	for _, o := range ended {
		if o.Backlog.Len() > 0 {
			s.stored = append(s.stored, storedBacklog{o.Paths, o.Composite, o.Backlog})
		}
	}
	var dropped []storedBacklog
	if over := len(s.stored) - c.maxObservations; over > 0 {
		dropped = slices.Clone(s.stored[:over])
		s.stored = slices.Delete(s.stored, 0, over)
	}
	c.mu.Unlock()
	for _, o := range ended {
		o.Backlog = observe.Backlog{}
		c.emitEnd(now, o, ErrNotRegistered)
	}
	s.emitDroppedBacklogs(now, dropped)
}

// resumeBacklog gives an observation what was stored for it. It is called with the client's mu held.
func (s *session) resumeBacklog(o *observation) {
	i := slices.IndexFunc(s.stored, func(b storedBacklog) bool {
		return b.composite == o.Composite && slices.Equal(b.paths, o.Paths)
	})
	if i >= 0 && o.Backlog.Len() == 0 {
		o.Backlog = s.stored[i].backlog
		s.stored = slices.Delete(s.stored, i, i+1)
	}
}

// dropObservations forgets what the server observes, and what is stored for it.
func (s *session) dropObservations(now time.Time) {
	c := s.client
	c.mu.Lock()
	ended := c.observed.CancelServer(s.ssid)
	dropped := s.stored
	s.stored = nil
	c.mu.Unlock()
	for _, o := range ended {
		c.emitEnd(now, o, ErrNotRegistered)
	}
	s.emitDroppedBacklogs(now, dropped)
}

func (s *session) emitDroppedBacklogs(now time.Time, dropped []storedBacklog) {
	for i := range dropped {
		b := &dropped[i]
		s.client.emitDropCount(now, s.ssid, b.paths[0], b.backlog.Len()+int(b.backlog.Dropped()))
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

// recordNodes are the values of stored notifications with their times, if the format can carry
// them. The wall clock may have been set meanwhile, so the times are told by age.
func recordNodes(now time.Time, records []observe.Record, f format.ContentFormat) []format.Node {
	var nodes []format.Node
	for _, r := range records {
		at := now.Add(r.Time.Sub(now))
		for _, n := range r.Nodes {
			if n.Time.IsZero() && carriesTime(f) {
				n.Time = at
			}
			nodes = append(nodes, n)
		}
	}
	return nodes
}

