package coap

import (
	"slices"
	"time"
)

// Conn is the exchange layer for one peer, in the client's and the server's
// role at once (RFC 7252 §4 and §5). Make it with [NewConn].
//
// The owner passes each datagram of the peer to Receive, and calls Expire when
// the time of Deadline has come; it asks for Deadline again after any call.
//
// Message-IDs and tokens are kept apart by direction: what the peer numbers
// is never matched with what the Conn numbers.
type Conn struct {
	params  *Params
	handler Handler
	rng     Source
	scratch *Scratch
	serial  uint64 // last Ref or Handle
	mid     uint16 // next Message-ID
	own     bool   // scratch is not shared: freed when idle
	closed  bool

	// All of these are nil while there is nothing to remember.
	seen      *dedup          // Message-IDs of the peer
	serving   []serving       // requests of the peer, unanswered
	uploads   []*upload       // bodies coming in by Block1
	snapshots []*snapshot     // bodies going out by Block2, oldest first
	sending   []*transmission // confirmable messages, unacknowledged
	exchanges []*exchange     // requests to the peer, and observations
	queue     []*exchange     // those that wait for NSTART
	notes     []*note         // confirmable notifications, unacknowledged
	sent      []sentNote      // notifications that a Reset may still refer to
}

// NewConn returns a Conn that reports to h. p is shared and not copied: it must
// not change while the Conn lives; nil stands for the defaults.
func NewConn(p *Params, h Handler, rng Source) *Conn {
	if p == nil {
		p = new(Params)
	}
	return &Conn{params: p, handler: h, rng: rng, mid: uint16(rng.Uint64())}
}

// UseScratch makes the Conn work in s. All Conns that share a Scratch must be
// driven by the same goroutine. Without it a Conn makes its own while it is
// busy.
func (c *Conn) UseScratch(s *Scratch) { c.scratch, c.own = s, false }

func (c *Conn) frame() *frame {
	if c.scratch == nil {
		c.scratch, c.own = new(Scratch), true
	}
	return c.scratch.get()
}

// release is frame's counterpart. The scratch may be gone if a callback reset
// the Conn.
func (c *Conn) release(f *frame) {
	if c.scratch != nil {
		c.scratch.put(f)
	}
}

func (c *Conn) nextSerial() uint64 {
	c.serial++
	return c.serial
}

// nextMID returns a Message-ID that no unacknowledged message has.
func (c *Conn) nextMID() uint16 {
	for {
		mid := c.mid
		c.mid++
		if c.transmissionOf(mid) == nil {
			return mid
		}
	}
}

// nextToken returns a token of 8 bytes that no exchange has.
func (c *Conn) nextToken() Token {
	v := c.rng.Uint64()
	for {
		var b [MaxTokenLength]byte
		for i := range b {
			b[i] = byte(v >> (8 * i))
		}
		if t := MakeToken(b[:]); c.exchangeOf(t) == nil {
			return t
		}
		v++
	}
}

// transmit encodes m in f and sends it. The datagram is valid until f is used
// again. Messages are validated before they come here; one that still cannot
// be encoded is not sent.
func (c *Conn) transmit(f *frame, m *Message) []byte {
	b, err := m.Append(f.encode[:0])
	f.encode = b[:0]
	if err != nil || c.closed {
		return nil
	}
	c.handler.Transmit(b)
	return b
}

// transmitEmpty sends an empty ACK or RST.
func (c *Conn) transmitEmpty(t Type, mid uint16) {
	f := c.frame()
	f.msg = Message{Type: t, MessageID: mid, Options: f.msg.Options[:0]}
	c.transmit(f, &f.msg)
	c.release(f)
}

// Deadline returns when Expire is to be called next. The zero time means that
// nothing waits.
func (c *Conn) Deadline() time.Time {
	var first time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, t := range c.sending {
		earlier(t.due)
	}
	for i := range c.serving {
		earlier(c.serving[i].ackAt)
	}
	for _, e := range c.exchanges {
		earlier(e.deadline)
	}
	for _, u := range c.uploads {
		earlier(u.expires)
	}
	for _, s := range c.snapshots {
		earlier(s.expires)
	}
	if len(c.sent) > 0 {
		earlier(c.sent[0].expires)
	}
	if c.seen != nil {
		earlier(c.seen.oldest().expires)
	}
	return first
}

// Expire does what is due at now: retransmissions, empty acknowledgements,
// giving up, forgetting. It may be called early or late.
func (c *Conn) Expire(now time.Time) {
	c.expireTransmissions(now)
	c.acknowledgeSlow(now)
	c.expireExchanges(now)
	c.expireUploads(now)
	c.snapshots = slices.DeleteFunc(c.snapshots, func(s *snapshot) bool { return !now.Before(s.expires) })
	c.expireSent(now)
	if c.seen != nil && c.seen.expire(now) == 0 {
		c.seen = nil
	}
	c.trim()
}

// Busy reports whether an exchange is unfinished in either direction: a
// request without its response, a confirmable message without its
// acknowledgement. Observations that merely stand, and what is remembered for
// repetitions, do not count. A device in queue mode may sleep when it is not
// busy.
func (c *Conn) Busy() bool {
	if len(c.sending)+len(c.serving)+len(c.queue) > 0 {
		return true
	}
	for _, e := range c.exchanges {
		if !e.observing {
			return true
		}
	}
	return false
}

// trim gives the room of empty lists back, so that an idle Conn is small.
func (c *Conn) trim() {
	if c.seen != nil {
		return // busy: the lists are soon needed again
	}
	c.serving = freeEmpty(c.serving)
	c.uploads = freeEmpty(c.uploads)
	c.snapshots = freeEmpty(c.snapshots)
	c.sending = freeEmpty(c.sending)
	c.exchanges = freeEmpty(c.exchanges)
	c.queue = freeEmpty(c.queue)
	c.notes = freeEmpty(c.notes)
	c.sent = freeEmpty(c.sent)
	if c.own && c.exchanges == nil && c.serving == nil {
		c.scratch = nil
	}
}

func freeEmpty[T any](s []T) []T {
	if len(s) == 0 {
		return nil
	}
	return s
}

// remove returns list without its first element equal to x.
func remove[T comparable](list []T, x T) []T {
	if i := slices.Index(list, x); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// Reset ends all that is under way, for a link that was lost or has a new
// peer: each request's and notification's Done is called with reason, each
// Sink is aborted, the peer's requests and Message-IDs are forgotten, and so
// are observations in both directions. The Conn can be used further. A nil
// reason stands for ErrClosed.
func (c *Conn) Reset(now time.Time, reason error) {
	if reason == nil {
		reason = ErrClosed
	}
	uploads, sending, exchanges, notes := c.uploads, c.sending, c.exchanges, c.notes
	c.seen, c.serving, c.uploads, c.snapshots, c.sending = nil, nil, nil, nil, nil
	c.exchanges, c.queue, c.notes, c.sent = nil, nil, nil, nil
	for _, u := range uploads {
		u.abort(now, reason)
	}
	for _, t := range sending {
		if p, ok := t.owner.(*ping); ok {
			p.done(now, reason)
		}
	}
	for _, e := range exchanges {
		if !e.internal {
			e.out.Done(now, Result{Err: reason})
		}
	}
	for _, n := range notes {
		n.finish(now, reason)
	}
	c.trim()
}

// Close is Reset for good: later calls do nothing, or fail with ErrClosed.
func (c *Conn) Close(now time.Time, reason error) {
	c.closed = true
	c.Reset(now, reason)
}
