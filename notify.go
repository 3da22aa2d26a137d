package lwm2m

import (
	"errors"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/internal/observe"
	"github.com/lwm2m-go/lwm2m/internal/tree"
)

// reporting is what a client has once a server observes something or attaches
// attributes: of many clients most are idle.
type reporting struct {
	observe.Engine[coap.Token]
	client *Client
	stored []storedBacklog

	// Owned by the loop.
	timer     loop.Timer // for what is due
	farewells []farewell
}

// Expire has the observations looked at that are due. The loop calls it.
func (r *reporting) Expire(now time.Time) { r.client.notify(now) }

// reporting returns the reporting of a client, beginning it if need be. The loop calls it, with c.mu held.
func (c *Client) reporting() *reporting {
	if c.observed != nil {
		return c.observed
	}
	r := &reporting{client: c}
	r.timer.Owner = r
	r.MaxBacklog = c.maxBacklog
	if c.oneWay {
		r.Crossing = observe.OneDirectional
	}
	for _, s := range c.sessions {
		r.SetReachable(s.ssid, s.reachable)
		r.SetAsleep(s.ssid, s.isAsleep())
	}
	c.observed = r
	return r
}

// notify looks at the observations that are due (Core 1.1.1 §6.4.3), and sees to it that it is
// called again in time. The loop calls it.
func (c *Client) notify(now time.Time) {
	due := c.shard.due[:0]
	c.shard.due = nil
	c.mu.Lock()
	if c.observed != nil {
		due = c.observed.Due(now, due)
	}
	c.mu.Unlock()
	for _, o := range due {
		if s := c.session(o.Server); s != nil {
			s.notify(now, o)
		}
	}
	clear(due)
	if cap(due) <= maxKept/8 {
		c.shard.due = due
	}
	c.scheduleNotify()
}

func (c *Client) scheduleNotify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r := c.observed; {
	case r == nil:
	case r.Deadline().IsZero() || c.finished:
		c.shard.loop.Unschedule(&r.timer)
	default:
		c.shard.loop.Schedule(&r.timer, r.Deadline())
	}
}

// baseOf is the path that all values of an observation are below.
func baseOf(o *observation) Path {
	if o.Composite {
		return Path{}
	}
	return o.Paths[0]
}

func (c *Client) session(server uint16) *session {
	for _, s := range c.sessions {
		if s.ssid == server {
			return s
		}
	}
	return nil
}

// notify reads what is observed, and sends it if it is worth it.
func (s *session) notify(now time.Time, o *observation) {
	c := s.client
	c.mu.Lock()
	replaying := o.IsReplaying()
	c.mu.Unlock()
	if replaying {
		s.replay(now, o)
		return
	}
	c.mu.Lock()
	nodes, calls, err := c.readObserved(c.shard.nodes[:0], o)
	isWithheld := errors.Is(err, Unauthorized)
	if isWithheld { // until it has the right to read again
		c.observed.Withhold(o)
	}
	c.mu.Unlock()
	if isWithheld {
		c.log.Debug("notification withheld", "server", s.ssid, "err", err)
		return
	}
	if err == nil && len(calls) > 0 {
		op := &operation{session: s, path: baseOf(o)}
		op.complete(now, nodes, calls, func(now time.Time, nodes []format.Node, err error) {
			s.evaluateLate(now, o, nodes, err)
			c.scheduleNotify()
			s.settle(now)
		})
		return
	}
	s.evaluate(now, o, nodes, err)
	c.shard.keep(nodes)
	s.settle(now)
}

// busyDelay is when values are read again after there were too many callbacks at once.
const busyDelay = time.Second

// evaluateLate is evaluate after callbacks: if the server has lost a right meanwhile, everything is read again.
func (s *session) evaluateLate(now time.Time, o *observation, nodes []format.Node, err error) {
	c := s.client
	c.mu.Lock()
	stale := err == nil && c.checkRead(s.ssid, nodes) != nil
	if stale {
		c.observed.Postpone(o, now)
	}
	c.mu.Unlock()
	if !stale {
		s.evaluate(now, o, nodes, err)
	}
}

// evaluate decides about what was read for an observation.
func (s *session) evaluate(now time.Time, o *observation, nodes []format.Node, err error) {
	if o.IsRemoved() {
		return
	}
	c := s.client
	if errors.Is(err, loop.ErrBusy) {
		c.mu.Lock()
		c.observed.Postpone(o, now.Add(busyDelay))
		c.mu.Unlock()
		return
	}
	if err != nil {
		s.notifyError(now, o, err)
		return
	}
	c.mu.Lock()
	decision := c.observed.Evaluate(now, o, nodes)
	waiting := o.IsWaiting()
	c.mu.Unlock()
	if waiting {
		s.reg.Wake(now)
	}
	if !decision.MustSend() {
		return
	}
	payload, taken, err := c.encodeReport(s.ssid, format.ContentFormat(o.Format), baseOf(o), nodes)
	if err != nil {
		s.notifyError(now, o, err)
		return
	}
	c.mu.Lock()
	// What carries samples has to arrive, or to be known not to have.
	confirmable := o.MustConfirm(now) || taken.count > 0 || !s.reachable
	n := notification(o, payload, confirmable)
	c.mu.Unlock()
	s.send(now, o, n, nodes, taken)
}

// send sends a notification of the newest state. One that is confirmable, or that could not leave, is kept with the
// stored ones until it is acknowledged; samples are kept where they are.
func (s *session) send(now time.Time, o *observation, n *coap.Notification, nodes []format.Node, taken samples) {
	c := s.client
	var err error
	if !n.Confirmable {
		err = s.transmit(now, n)
	}
	c.mu.Lock()
	switch {
	case !n.Confirmable && err == nil:
		c.observed.Sent(now, o, false)
	case taken.count > 0:
		c.observed.Sent(now, o, true)
	default:
		c.observed.SentKept(now, o, nodes)
	}
	c.mu.Unlock()
	switch {
	case n.Confirmable:
		s.transmitReliably(now, o, n, taken)
	case err != nil:
		s.notified(now, o, taken, err)
	}
}

// replay sends what was stored while the server was out of reach: the oldest records, as many as fit. A format
// without times cannot tell them apart: the newest state takes their place.
func (s *session) replay(now time.Time, o *observation) {
	c := s.client
	f := format.ContentFormat(o.Format)
	c.mu.Lock()
	if !c.mayObserve(o) {
		c.observed.Withhold(o)
		c.mu.Unlock()
		return
	}
	records := o.Backlog.Records()
	n := len(records)
	if !carriesTime(f) {
		c.observed.Supersede(now, o)
	}
	c.mu.Unlock()
	if !carriesTime(f) {
		c.emitDrops(now, o, n-1)
		return
	}
	nodes, kept := c.withoutHistory(s.ssid, f, c.tellable(s.ssid, recordNodes(now, records)))
	payload, err := c.encode(f, baseOf(o), nodes)
	for err == nil && len(payload) > c.maxReport && len(records) > 1 {
		n = max(len(records)*c.maxReport/len(payload), 1)
		records = records[:n]
		nodes, _ = c.withoutHistory(s.ssid, f, c.tellable(s.ssid, recordNodes(now, records)))
		payload, err = c.encode(f, baseOf(o), nodes)
	}
	if err != nil {
		s.notifyError(now, o, err)
		return
	}
	c.mu.Lock()
	m := notification(o, payload, true)
	c.observed.SentStored(now, o, n, len(nodes) > 0)
	if len(nodes) == 0 && kept.rest > 0 { // histories have it all
		c.observed.Repeat(o)
	}
	c.mu.Unlock()
	c.emitDrops(now, o, 0)
	if len(nodes) > 0 {
		s.transmitReliably(now, o, m, kept)
	}
	s.settle(now)
}

// notification makes the message. It is called with the client's mu held.
func notification(o *observation, payload []byte, confirmable bool) *coap.Notification {
	key, _ := o.Context.(coap.Key)
	n := &coap.Notification{
		Token: o.Token, Key: key, Code: coap.Content, Sequence: o.Sequence(), Payload: payload, Confirmable: confirmable,
	}
	n.Options.AddUint(coap.ContentFormat, uint32(o.Format))
	return n
}

// transmitReliably sends a confirmable notification that the engine counts as sent.
func (s *session) transmitReliably(now time.Time, o *observation, n *coap.Notification, taken samples) {
	n.Done = func(now time.Time, err error) { s.notified(now, o, taken, err) }
	if s.conn == nil {
		n.Done(now, ErrNotRegistered)
	} else if err := s.conn.Notify(now, n); err != nil {
		n.Done(now, err)
	}
}

// transmit sends a non-confirmable notification. The error says that it is known not to have left.
func (s *session) transmit(now time.Time, n *coap.Notification) error {
	if s.conn == nil {
		return ErrNotRegistered
	}
	s.unsent = false
	if err := s.conn.Notify(now, n); err != nil {
		return err
	}
	if s.unsent {
		return errUnsent
	}
	return nil
}

// notified takes note of what became of a notification.
func (s *session) notified(now time.Time, o *observation, taken samples, err error) {
	c := s.client
	more := taken.finish(err == nil)
	c.mu.Lock()
	removed := o.IsRemoved()
	if err == nil {
		c.observed.Acknowledged(now, o)
	} else {
		c.observed.Unacknowledged(now, o)
	}
	if more {
		c.observed.Repeat(o)
	}
	c.wake() // the observation may have changed meanwhile
	c.mu.Unlock()
	switch {
	case err == nil:
		s.heard()
		c.emitNotified(now, o, NotifyAcknowledged, nil)
	case errors.Is(err, coap.ErrCanceled) && s.reg.Location() == nil: // by the Register that follows
		c.emitNotified(now, o, NotifyTimeout, ErrNotRegistered)
	case removed || errors.Is(err, coap.ErrReset) || errors.Is(err, coap.ErrCanceled):
		// The end of the observation is an event of its own. A notification that was given up, as the server
		// canceled or observes anew, does not tell that it is away.
	default:
		c.emitNotified(now, o, NotifyTimeout, err)
		s.doubt(now)
	}
}

func (c *Client) emitNotified(now time.Time, o *observation, kind EventKind, err error) {
	c.emit(Event{Kind: kind, Time: now, Server: o.Server, Path: o.Paths[0], Err: err})
}

// notifyEnd tells the server that what it observed is gone.
func (c *Client) notifyEnd(now time.Time, o *observation) {
	if s := c.session(o.Server); s != nil {
		s.notifyError(now, o, &Error{Code: NotFound, Path: o.Paths[0], Reason: "deleted"})
		s.settle(now)
	}
}

// notifyError ends an observation with the error as the last notification (RFC 7641 §4.2). If the server is
// out of reach, it is told when it is back.
func (s *session) notifyError(now time.Time, o *observation, err error) {
	c := s.client
	c.mu.Lock()
	c.observed.Cancel(o.Server, o.Token)
	c.mu.Unlock()
	c.emitEnd(now, o, err)
	var refusal *Error
	if !errors.As(tree.Refusal(o.Paths[0], err, InternalServerError), &refusal) {
		return
	}
	n := &coap.Notification{
		Token: o.Token, Confirmable: true, Code: coap.Code(refusal.Code), Payload: []byte(refusal.Diagnostic()),
	}
	if !s.reachable {
		c.observed.farewells = append(c.observed.farewells, farewell{s.ssid, n})
		s.reg.Wake(now)
		return
	}
	s.sayFarewell(now, n)
}

// farewell is the last notification of an observation that ended while its server was out of reach.
type farewell struct {
	server  uint16
	message *coap.Notification
}

func (s *session) sayFarewell(now time.Time, n *coap.Notification) {
	if err := s.conn.Notify(now, n); err != nil {
		s.client.log.Debug("last notification not sent", "server", s.ssid, "err", err)
	}
}
