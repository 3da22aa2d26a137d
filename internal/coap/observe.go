package coap

import (
	"slices"
	"time"
)

// freshFor is the age beyond which a notification is older than any new one
// (RFC 7641 §3.4).
const freshFor = 128 * time.Second

// ObserveSequence returns the 24-bit sequence number that follows v (RFC 7641
// §4.4). One counter per observation, or per Conn, serves as long as no two
// notifications of an observation are 2^23 steps apart within 128 s.
func ObserveSequence(v uint32) uint32 { return (v + 1) & 0xffffff }

// fresher reports whether a notification with sequence v2 that arrives at t2 is
// newer than one with v1 that arrived at t1 (RFC 7641 §3.4).
func fresher(v1, v2 uint32, t1, t2 time.Time) bool {
	return v1 < v2 && v2-v1 < 1<<23 || v1 > v2 && v1-v2 > 1<<23 || t2.After(t1.Add(freshFor))
}

// receiveObserved takes the response to a registration, or a notification.
func (c *Conn) receiveObserved(now time.Time, e *exchange, m *Message) {
	sequence, observed := m.Options.Uint(Observe)
	if !observed || !m.Code.IsSuccess() {
		// Not registered, or not any more (RFC 7641 §3.2, §4.2).
		c.forget(e.rest)
		e.observing, e.rest = false, nil
		c.receiveBody(now, e, m)
		return
	}
	if e.observing && !fresher(e.sequence, sequence, e.sequenceAt, now) {
		return
	}
	e.observing, e.sequence, e.sequenceAt = true, sequence, now
	c.forget(e.rest) // a newer representation is here
	e.rest = nil
	c.sendQueued(now)
	if b, ok := m.Options.Block(Block2); ok && b.More && !e.download.raw {
		c.fetchRest(now, e, b, m)
		return
	}
	e.out.Done(now, Result{
		Code: m.Code, Options: m.Options, Payload: m.Payload, Observing: true, Confirmable: m.Type == Confirmable,
	})
}

// fetchRest asks for the blocks after the first of the notification m: without
// Observe and with another token (RFC 7959 §3.4).
func (c *Conn) fetchRest(now time.Time, e *exchange, b Block, m *Message) {
	rest := &exchange{out: e.out, params: e.params, internal: true}
	rest.out.Confirmable = true
	rest.out.Options = slices.Clone(e.out.Options)
	rest.out.Options.Remove(Observe)
	rest.upload = upstream{blockwise: e.upload.blockwise, szx: e.upload.szx}
	confirmable := m.Type == Confirmable
	rest.out.Done = func(now time.Time, r Result) {
		e.rest = nil
		r.Observing, r.Confirmable = true, confirmable
		e.out.Done(now, r)
	}
	if err := rest.download.append(b, m, e.params); err != nil {
		e.out.Done(now, Result{Err: err, Observing: true})
		return
	}
	e.rest = rest
	c.start(now, rest)
}

// Notification is a response sent to an observer (RFC 7641 §3.2).
type Notification struct {
	Token       Token // of the request that registered the observation
	Key         Key   // of that request; without it the rest of a large body is asked of ServeRequest
	Confirmable bool
	Sequence    uint32 // value of the Observe option, see ObserveSequence; left out with an error Code
	Code        Code
	Options     Options // without Observe; copied
	// Payload is copied. Beyond a block its first block is sent and the rest
	// served by Block2.
	Payload []byte
	// Done, if not nil, is called once: with nil when the peer acknowledged, or
	// at once for a non-confirmable one; otherwise with ErrReset, ErrTimeout,
	// ErrSuperseded or the reason the Conn was reset for. It may be called
	// before Notify returns.
	Done func(now time.Time, err error)
}

// note is a confirmable notification that is not acknowledged yet.
type note struct {
	token   Token
	sending *transmission
	done    func(now time.Time, err error)
	next    *Notification // newer, takes the place of the next retransmission
}

func (n *note) finish(now time.Time, err error) {
	done, next := n.done, n.next
	n.done, n.next = nil, nil
	if done != nil {
		done(now, err)
	}
	if next != nil && next.Done != nil {
		next.Done(now, err)
	}
}

// sentNote is the Message-ID of a notification that no transmission knows any
// more, but that the peer may still reset.
type sentNote struct {
	mid     uint16
	token   Token
	expires time.Time
}

// maxSentNotes is how many of them are remembered.
const maxSentNotes = 32

// Notify sends a notification. While a confirmable one with the same token is
// unacknowledged the new one waits: for the acknowledgement, or to go out in
// place of the next retransmission, confirmable and within the same attempts
// (RFC 7641 §4.5.2). The latest wins; those it replaces end with
// ErrSuperseded. Notifications are not held by NStart.
//
// A Reset, or no acknowledgement at all, ends the observation: see
// Handler.ObservationEnded. Errors: ErrClosed, ErrEncode; Done is not called
// then.
func (c *Conn) Notify(now time.Time, n *Notification) error {
	if c.closed {
		return ErrClosed
	}
	if !n.Code.IsResponse() {
		return &EncodeError{"code " + n.Code.String() + " is not a response"}
	}
	for i := range n.Options {
		if len(n.Options[i].Value) > maxOptionLength {
			return &EncodeError{"value of option " + n.Options[i].ID.String() + " over 65804 bytes"}
		}
	}
	if before := c.noteOf(n.Token); before != nil {
		c.hold(now, before, n)
		return nil
	}
	c.sendNote(now, n)
	return nil
}

// hold makes n the one that follows before.
func (c *Conn) hold(now time.Time, before *note, n *Notification) {
	replaced := before.next
	next := *n
	next.Options = n.Options.Clone()
	next.Payload = slices.Clone(n.Payload)
	before.next = &next
	if replaced != nil && replaced.Done != nil {
		replaced.Done(now, ErrSuperseded)
	}
}

func (c *Conn) noteOf(t Token) *note {
	for _, n := range c.notes {
		if n.token == t {
			return n
		}
	}
	return nil
}

func (c *Conn) sendNote(now time.Time, n *Notification) {
	f := c.frame()
	m := c.composeNote(now, f, n)
	if n.Confirmable {
		waiting := &note{token: n.Token, done: n.Done}
		c.notes = append(c.notes, waiting)
		waiting.sending = c.sendReliably(now, f, m, c.params, waiting)
		c.release(f)
		return
	}
	m.Type = NonConfirmable
	c.transmit(f, m)
	c.rememberSent(now, m.MessageID, n.Token)
	c.release(f)
	if n.Done != nil {
		n.Done(now, nil)
	}
}

// composeNote builds the message in f. A large body is kept for the peer to
// fetch the blocks after the first.
func (c *Conn) composeNote(now time.Time, f *frame, n *Notification) *Message {
	s := serving{key: n.Key}
	m := c.composeResponse(now, f, &s, &Response{Code: n.Code, Options: n.Options, Payload: n.Payload})
	m.Options.Remove(Observe)
	if n.Code.IsSuccess() {
		m.Options.AddUint(Observe, n.Sequence&0xffffff)
	}
	m.Type, m.Token, m.MessageID = Confirmable, n.Token, c.nextMID()
	return m
}

// replaceNote sends the newer notification in place of a retransmission.
func (c *Conn) replaceNote(now time.Time, waiting *note, t *transmission) {
	c.rememberSent(now, t.mid, waiting.token)
	done, next := waiting.done, waiting.next
	waiting.done, waiting.next = next.Done, nil
	f := c.frame()
	m := c.composeNote(now, f, next)
	t.mid = m.MessageID
	t.datagram = append(t.datagram[:0], c.transmit(f, m)...)
	c.release(f)
	if done != nil {
		done(now, ErrSuperseded)
	}
}

// acknowledged: the peer has the notification.
func (n *note) acknowledged(c *Conn, now time.Time) {
	c.notes = remove(c.notes, n)
	done, next := n.done, n.next
	n.done, n.next = nil, nil
	if next != nil {
		c.sendNote(now, next)
	}
	if done != nil {
		done(now, nil)
	}
}

// failed ends the observation.
func (n *note) failed(c *Conn, now time.Time, reason error) {
	c.notes = remove(c.notes, n)
	n.finish(now, reason)
	c.handler.ObservationEnded(now, n.token, reason)
}

// EndObservation drops the notification with the token that is not
// acknowledged yet, if any; its Done is called with ErrCanceled. For an
// observation that the owner ended, so that the peer's silence about the last
// notification is not taken for the end of a later one.
func (c *Conn) EndObservation(now time.Time, token Token) {
	c.sent = slices.DeleteFunc(c.sent, func(s sentNote) bool { return s.token == token })
	if n := c.noteOf(token); n != nil {
		c.notes = remove(c.notes, n)
		c.drop(n.sending)
		n.finish(now, ErrCanceled)
	}
}

// rememberSent keeps the Message-ID for a Reset that may come.
func (c *Conn) rememberSent(now time.Time, mid uint16, token Token) {
	if len(c.sent) == maxSentNotes {
		c.sent = slices.Delete(c.sent, 0, 1)
	}
	c.sent = append(c.sent, sentNote{mid, token, now.Add(c.params.nonLifetime())})
}

// rememberIfObserved does so for the response to a registration: a Reset of it
// ends the observation as one of a notification does.
func (c *Conn) rememberIfObserved(now time.Time, m *Message) {
	if m.Options.Has(Observe) {
		c.rememberSent(now, m.MessageID, m.Token)
	}
}

// resetSent ends the observation whose notification had the Message-ID.
func (c *Conn) resetSent(now time.Time, mid uint16) {
	for i := len(c.sent) - 1; i >= 0; i-- {
		if s := c.sent[i]; s.mid == mid && now.Before(s.expires) {
			c.EndObservation(now, s.token)
			c.handler.ObservationEnded(now, s.token, ErrReset)
			return
		}
	}
}

func (c *Conn) expireSent(now time.Time) {
	c.sent = slices.DeleteFunc(c.sent, func(s sentNote) bool { return !now.Before(s.expires) })
}
