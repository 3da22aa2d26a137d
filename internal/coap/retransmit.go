package coap

import "time"

// transmission is a confirmable message on its way (RFC 7252 §4.2): it is
// sent again until the peer acknowledges or resets it, or the attempts are
// used up.
type transmission struct {
	mid      uint16
	left     int // retransmissions left
	timeout  time.Duration
	due      time.Time
	datagram []byte
	owner    owner // nil: a separate response, nobody waits for the outcome
}

// owner is whoever waits for the outcome of a transmission: *exchange, *note
// or *ping. The transmission is off the list already.
type owner interface {
	// acknowledged: the peer sent an empty acknowledgement.
	acknowledged(c *Conn, now time.Time)
	// failed: reason is ErrReset or ErrTimeout.
	failed(c *Conn, now time.Time, reason error)
}

// sendReliably sends the confirmable message m and sees to its retransmission.
func (c *Conn) sendReliably(now time.Time, f *frame, m *Message, p *Params, o owner) *transmission {
	t := &transmission{mid: m.MessageID, left: p.maxRetransmit(), timeout: c.firstTimeout(p), owner: o}
	t.due = now.Add(t.timeout)
	c.sending = append(c.sending, t)
	t.datagram = append(t.datagram, c.transmit(f, m)...)
	return t
}

// firstTimeout draws from [ACK_TIMEOUT, ACK_TIMEOUT × ACK_RANDOM_FACTOR].
func (c *Conn) firstTimeout(p *Params) time.Duration {
	base := p.ackTimeout()
	fraction := float64(c.rng.Uint64()>>11) / (1 << 53)
	return base + time.Duration(float64(base)*(p.ackRandomFactor()-1)*fraction)
}

func (c *Conn) transmissionOf(mid uint16) *transmission {
	for _, t := range c.sending {
		if t.mid == mid {
			return t
		}
	}
	return nil
}

// drop ends the retransmission of t, which may be nil.
func (c *Conn) drop(t *transmission) {
	if t != nil {
		c.sending = remove(c.sending, t)
	}
}

// expireTransmissions sends again, or gives up, whatever is due. A late call
// sends each message once and counts the next timeout from now.
func (c *Conn) expireTransmissions(now time.Time) {
	for {
		t := c.dueTransmission(now)
		if t == nil {
			return
		}
		if t.left == 0 {
			c.drop(t)
			if t.owner != nil {
				t.owner.failed(c, now, ErrTimeout)
			}
			continue
		}
		t.left--
		t.timeout *= 2
		t.due = now.Add(t.timeout)
		if n, ok := t.owner.(*note); ok && n.next != nil {
			c.replaceNote(now, n, t)
			continue
		}
		c.handler.Transmit(t.datagram)
	}
}

func (c *Conn) dueTransmission(now time.Time) *transmission {
	for _, t := range c.sending {
		if !now.Before(t.due) {
			return t
		}
	}
	return nil
}

// ping is an empty confirmable message, which the peer answers with a Reset
// (RFC 7252 §4.3).
type ping struct {
	done func(now time.Time, err error)
}

func (p *ping) acknowledged(_ *Conn, now time.Time) { p.done(now, nil) }

func (p *ping) failed(_ *Conn, now time.Time, reason error) {
	if reason == ErrReset {
		reason = nil
	}
	p.done(now, reason)
}

// Ping asks whether the peer is there. done is called once: with nil when it
// answered, ErrTimeout when it did not, or the reason the Conn was reset for.
// Pings are retransmitted as requests are, but not counted by NStart. The
// error is ErrClosed or ErrTooManyPending; done is not called then.
func (c *Conn) Ping(now time.Time, done func(now time.Time, err error)) error {
	if c.closed {
		return ErrClosed
	}
	pings := 0
	for _, t := range c.sending {
		if _, ok := t.owner.(*ping); ok {
			pings++
		}
	}
	if pings >= c.params.maxPending() {
		return ErrTooManyPending
	}
	f := c.frame()
	f.msg = Message{Type: Confirmable, MessageID: c.nextMID(), Options: f.msg.Options[:0]}
	c.sendReliably(now, f, &f.msg, c.params, &ping{done})
	c.release(f)
	return nil
}
