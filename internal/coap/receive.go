package coap

import "time"

// Receive takes a datagram of the peer. The datagram is not kept. Nothing in
// it can do harm: what is malformed or unexpected is reset or ignored, as RFC
// 7252 §4.2 and §4.3 say.
func (c *Conn) Receive(now time.Time, datagram []byte) {
	if c.closed {
		return
	}
	f := c.frame()
	c.receive(now, f, datagram)
	c.release(f)
	c.trim()
}

func (c *Conn) receive(now time.Time, f *frame, datagram []byte) {
	m := &f.msg
	if err := m.Parse(datagram); err != nil {
		c.reject(err)
		return
	}
	switch {
	case m.Type == Reset:
		c.receiveReset(now, m.MessageID)
	case m.Code == Empty:
		c.receiveEmpty(now, m)
	case m.Code.IsRequest():
		if m.Type != Acknowledgement { // an acknowledgement cannot carry a request
			c.receiveRequest(now, f)
		}
	case m.Type == Acknowledgement:
		c.receivePiggybacked(now, m)
	default:
		c.receiveSeparate(now, m)
	}
}

// reject answers a malformed confirmable message.
func (c *Conn) reject(err error) {
	if format, ok := err.(*FormatError); ok && format.HasHeader && format.Type == Confirmable {
		c.transmitEmpty(Reset, format.MessageID)
	}
}

func (c *Conn) receiveEmpty(now time.Time, m *Message) {
	switch m.Type {
	case Confirmable: // ping
		c.transmitEmpty(Reset, m.MessageID)
	case Acknowledgement:
		if t := c.transmissionOf(m.MessageID); t != nil {
			c.drop(t)
			if t.owner != nil {
				t.owner.acknowledged(c, now)
			}
		}
	}
}

func (c *Conn) receiveReset(now time.Time, mid uint16) {
	if t := c.transmissionOf(mid); t != nil {
		c.drop(t)
		if t.owner != nil {
			t.owner.failed(c, now, ErrReset)
			return
		}
	}
	for _, e := range c.exchanges {
		if e.waiting() && !e.out.Confirmable && e.mid == mid {
			e.failed(c, now, ErrReset)
			return
		}
	}
	c.resetSent(now, mid)
}

// receivePiggybacked matches a response in an acknowledgement by Message-ID
// and token (RFC 7252 §5.3.2). One with another token is ignored: it is none
// of our request's.
func (c *Conn) receivePiggybacked(now time.Time, m *Message) {
	t := c.transmissionOf(m.MessageID)
	if t == nil {
		return
	}
	e, ok := t.owner.(*exchange)
	if !ok || e.token != m.Token {
		return
	}
	if _, ok := m.Options.Check(c.params.Understood...); !ok {
		e.failed(c, now, ErrOption)
		return
	}
	c.receiveResponse(now, e, m)
}

// receiveSeparate matches a response in a message of its own by token, and
// acknowledges or resets it.
func (c *Conn) receiveSeparate(now time.Time, m *Message) {
	if c.repeated(now, m) {
		return
	}
	seen := c.remember(now, m)
	e := c.exchangeOf(m.Token)
	if e != nil && e.queued {
		e = nil // nothing was sent with the token yet
	}
	notification := m.Options.Has(Observe)
	_, understood := m.Options.Check(c.params.Understood...)
	switch {
	case e == nil || !understood:
		// A notification that nobody wants is reset even if it is
		// non-confirmable: that ends it (RFC 7641 §3.6).
		if m.Type == Confirmable || notification {
			seen.repeat = repeatReset
			c.transmitEmpty(Reset, m.MessageID)
		}
		if e != nil {
			e.failed(c, now, ErrOption)
		}
		return
	case m.Type == Confirmable:
		seen.repeat = repeatAck
		c.transmitEmpty(Acknowledgement, m.MessageID)
	}
	c.receiveResponse(now, e, m)
}

// repeated deals with a duplicate of the peer's message m and reports whether
// it is one.
func (c *Conn) repeated(now time.Time, m *Message) bool {
	if c.seen == nil {
		return false
	}
	s := c.seen.find(now, m)
	if s == nil {
		return false
	}
	switch s.repeat {
	case repeatAck:
		c.transmitEmpty(Acknowledgement, m.MessageID)
	case repeatReset:
		c.transmitEmpty(Reset, m.MessageID)
	case repeatAnswer:
		c.handler.Transmit(s.answer)
	}
	return true
}

// remember notes the Message-ID of m for its lifetime.
func (c *Conn) remember(now time.Time, m *Message) *seenMessage {
	if c.seen == nil {
		c.seen = new(dedup)
	}
	lifetime := c.params.exchangeLifetime()
	if m.Type == NonConfirmable {
		lifetime = c.params.nonLifetime()
	}
	return c.seen.add(m, now.Add(lifetime), c.params.dedupEntries())
}
