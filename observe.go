package lwm2m

import (
	"errors"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/observe"
	"github.com/lwm2m-go/lwm2m/internal/tree"
)

// observation is what a server observes, with the token of its request.
type observation = observe.Observation[coap.Token]

// observe performs an Observe (Core 1.1.1 §6.4.1): a Read whose answer is the
// first notification.
func (op *operation) observe(now time.Time) {
	if op.startObserving(now, []Path{op.path}) {
		op.read(now)
	}
}

// startObserving registers an observation before its values are read, so that no
// change is missed. It refuses more than are allowed.
func (op *operation) startObserving(now time.Time, paths []Path) bool {
	c, server := op.client(), op.session.ssid
	c.mu.Lock()
	full := c.observed.Len() >= c.maxObservations && c.observed.Find(server, op.token) == nil
	if !full {
		op.observation = c.observed.Add(now, observe.Request[coap.Token]{
			Server: server, Token: op.token, Paths: paths, Composite: op.composite, Context: op.key,
		})
	}
	c.mu.Unlock()
	if full {
		op.fail(now, &Error{Code: ServiceUnavailable, Path: op.path, Reason: "too many observations"})
	}
	return !full
}

// observing completes the observation with the format of its first notification,
// which the others keep.
func (op *operation) observing(now time.Time, f format.ContentFormat) {
	c, o := op.client(), op.observation
	c.mu.Lock()
	o.Format = uint16(f)
	c.mu.Unlock()
	for _, p := range o.Paths {
		c.emit(Event{Kind: Observed, Time: now, Server: o.Server, Path: p})
	}
}

// observingFailed forgets the observation, as its first Read failed.
func (op *operation) observingFailed() {
	if op.observation == nil {
		return
	}
	c := op.client()
	c.mu.Lock()
	if c.observed.Find(op.observation.Server, op.token) == op.observation {
		c.observed.Cancel(op.observation.Server, op.token)
	}
	c.mu.Unlock()
}

// cancel performs a Cancel Observation by a request with Observe=1 (Core 1.1.1 §6.4.2).
// The request is then answered as a Read.
func (op *operation) cancel(now time.Time) {
	op.client().endObservation(now, op.session.ssid, op.token, nil)
}

// endObservation forgets an observation.
func (c *Client) endObservation(now time.Time, server uint16, token coap.Token, reason error) {
	c.mu.Lock()
	o := c.observed.Find(server, token)
	c.observed.Cancel(server, token)
	c.mu.Unlock()
	if o != nil {
		c.emitEnd(now, o, reason)
	}
}

func (c *Client) emitEnd(now time.Time, o *observation, reason error) {
	for _, p := range o.Paths {
		c.emit(Event{Kind: ObservationEnded, Time: now, Server: o.Server, Path: p, Err: reason})
	}
}

// dropObservations forgets what a server observes.
func (c *Client) dropObservations(now time.Time, server uint16) {
	c.mu.Lock()
	ended := c.observed.CancelServer(server)
	c.mu.Unlock()
	for _, o := range ended {
		c.emitEnd(now, o, ErrNotRegistered)
	}
}

// ObservationEnded takes note that the server reset a notification, or left a
// confirmable one unanswered. Only the first ends the observation: a server that is out of reach
// for a while still wants to know.
func (s *session) ObservationEnded(now time.Time, token coap.Token, reason error) {
	if errors.Is(reason, coap.ErrReset) {
		s.client.endObservation(now, s.ssid, token, reason)
	}
}

// notify sends the notifications that are due (Core 1.1.1 §6.4.3). The loop calls it.
func (c *Client) notify(now time.Time) {
	c.mu.Lock()
	due := c.observed.Due(now, nil)
	c.mu.Unlock()
	for _, o := range due {
		if s := c.session(o.Server); s != nil {
			s.notify(now, o)
		}
	}
}

func (c *Client) session(server uint16) *session {
	for _, s := range c.sessions {
		if s.ssid == server {
			return s
		}
	}
	return nil
}

// notify reads what is observed and sends it.
func (s *session) notify(now time.Time, o *observation) {
	c := s.client
	op := &operation{session: s, conn: s.conn, composite: o.Composite}
	c.mu.Lock()
	var nodes []format.Node
	var calls []tree.ReadCall
	var err error
	if o.Composite {
		nodes, calls, err = c.tree.ReadComposite(c.shard.nodes[:0], op.caller(), o.Paths)
	} else {
		op.path = o.Paths[0]
		nodes, calls, err = c.tree.Read(c.shard.nodes[:0], op.caller(), op.path)
	}
	c.mu.Unlock()
	if err == nil && len(calls) > 0 {
		op.complete(now, nodes, calls, func(now time.Time, nodes []format.Node, err error) {
			s.sendNotification(now, o, nodes, err)
			s.settle(now)
		})
		return
	}
	s.sendNotification(now, o, nodes, err)
	c.shard.keep(nodes)
	s.settle(now)
}

func (s *session) sendNotification(now time.Time, o *observation, nodes []format.Node, err error) {
	c := s.client
	if o.IsRemoved() {
		return
	}
	var payload []byte
	if err == nil {
		c.mu.Lock()
		decision := c.observed.Evaluate(now, o, nodes)
		c.mu.Unlock()
		if !decision.MustSend() {
			return
		}
		base := Path{}
		if !o.Composite {
			base = o.Paths[0]
		}
		payload, err = c.encode(format.ContentFormat(o.Format), base, nodes)
	}
	if err != nil {
		s.notifyError(now, o, err)
		return
	}
	key, _ := o.Context.(coap.Key)
	n := coap.Notification{
		Token: o.Token, Key: key, Code: coap.Content, Sequence: o.Sequence(), Payload: payload,
		Confirmable: o.MustConfirm(now),
	}
	n.Options.AddUint(coap.ContentFormat, uint32(o.Format))
	n.Done = func(now time.Time, err error) { s.notified(now, o, err) }
	c.mu.Lock()
	c.observed.Sent(now, o, n.Confirmable)
	c.mu.Unlock()
	if s.conn == nil {
		s.notified(now, o, ErrNotRegistered)
	} else if err := s.conn.Notify(now, &n); err != nil {
		s.notified(now, o, err)
	}
}

// notified takes note of what became of a notification.
func (s *session) notified(now time.Time, o *observation, err error) {
	c := s.client
	c.mu.Lock()
	if err == nil {
		c.observed.Acknowledged(now, o)
	} else {
		c.observed.Unacknowledged(now, o)
	}
	c.mu.Unlock()
	if errors.Is(err, coap.ErrTimeout) && !o.IsRemoved() {
		s.reg.Trigger(now) // find out whether the server is still there
	}
	c.mu.Lock()
	c.wake() // the observation may have changed meanwhile
	c.mu.Unlock()
}

// notifyEnd tells the server that what it observed is gone.
func (c *Client) notifyEnd(now time.Time, o *observation) {
	if s := c.session(o.Server); s != nil {
		s.notifyError(now, o, &Error{Code: NotFound, Path: o.Paths[0], Reason: "deleted"})
		s.settle(now)
	}
}

// notifyError ends an observation with the error as the last notification (RFC 7641 §4.2).
func (s *session) notifyError(now time.Time, o *observation, err error) {
	c := s.client
	c.mu.Lock()
	c.observed.Cancel(o.Server, o.Token)
	c.mu.Unlock()
	c.emitEnd(now, o, err)
	var refusal *Error
	if s.conn == nil || !errors.As(tree.Refusal(o.Paths[0], err, InternalServerError), &refusal) {
		return
	}
	if err := s.conn.Notify(now, &coap.Notification{
		Token: o.Token, Confirmable: true, Code: coap.Code(refusal.Code), Payload: []byte(refusal.Diagnostic()),
	}); err != nil {
		c.log.Debug("last notification not sent", "server", o.Server, "path", o.Paths[0].String(), "err", err)
	}
}
