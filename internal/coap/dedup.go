package coap

import "time"

// repeat says how the duplicate of a message is answered (RFC 7252 §4.5).
type repeat uint8

const (
	repeatNothing repeat = iota // non-confirmable, or still being processed
	repeatAck                   // by the empty acknowledgement again
	repeatReset                 // by the Reset again
	repeatAnswer                // by the piggybacked response again
)

// seenMessage is one Message-ID of the peer and what was done about it. Code
// and token are compared as well: a peer that started anew may use a
// Message-ID again for another request before its lifetime is over.
type seenMessage struct {
	mid     uint16
	code    Code
	repeat  repeat
	token   Token
	expires time.Time
	answer  []byte // datagram, for repeatAnswer
}

// dedup is a ring of the peer's latest messages. The room of an overwritten
// answer is used again.
type dedup struct {
	ring  []seenMessage
	head  int // oldest
	count int
	bytes int // sum of the room of all answers
}

func (d *dedup) at(i int) *seenMessage { return &d.ring[(d.head+i)%len(d.ring)] }

func (d *dedup) oldest() *seenMessage { return d.at(0) }

// find returns what is known of the message, or nil.
func (d *dedup) find(now time.Time, m *Message) *seenMessage {
	for i := d.count - 1; i >= 0; i-- {
		s := d.at(i)
		if s.mid == m.MessageID && s.code == m.Code && s.token == m.Token && now.Before(s.expires) {
			return s
		}
	}
	return nil
}

// add remembers the message; beyond limit the oldest is forgotten.
func (d *dedup) add(m *Message, expires time.Time, limit int) *seenMessage {
	if d.count == limit {
		d.head = (d.head + 1) % len(d.ring)
		d.count--
	} else if d.count == len(d.ring) {
		d.grow(limit)
	}
	d.count++
	s := d.at(d.count - 1)
	*s = seenMessage{mid: m.MessageID, code: m.Code, token: m.Token, expires: expires, answer: s.answer[:0]}
	return s
}

func (d *dedup) grow(limit int) {
	ring := make([]seenMessage, min(max(2*len(d.ring), 2), limit))
	for i := range d.count {
		ring[i] = *d.at(i)
	}
	d.ring, d.head = ring, 0
}

// answered keeps the datagram that answered the message s. Beyond limit bytes
// the oldest answers are dropped; a duplicate of theirs is then ignored rather
// than executed again.
func (d *dedup) answered(mid uint16, code Code, token Token, datagram []byte, limit int) {
	s := d.latest(mid, code, token)
	if s == nil {
		return
	}
	d.bytes -= cap(s.answer)
	s.answer = append(s.answer[:0], datagram...)
	d.bytes += cap(s.answer)
	s.repeat = repeatAnswer
	for i := 0; d.bytes > limit && i < d.count; i++ {
		d.forget(d.at(i))
	}
	for i := d.count; d.bytes > limit && i < len(d.ring); i++ {
		d.forget(d.at(i)) // room of slots that are free
	}
}

func (d *dedup) forget(s *seenMessage) {
	d.bytes -= cap(s.answer)
	s.answer = nil
	if s.repeat == repeatAnswer {
		s.repeat = repeatNothing
	}
}

func (d *dedup) latest(mid uint16, code Code, token Token) *seenMessage {
	for i := d.count - 1; i >= 0; i-- {
		if s := d.at(i); s.mid == mid && s.code == code && s.token == token {
			return s
		}
	}
	return nil
}

// expire forgets what is too old and returns how much is left.
func (d *dedup) expire(now time.Time) int {
	for d.count > 0 && !now.Before(d.oldest().expires) {
		d.forget(d.oldest())
		d.head = (d.head + 1) % len(d.ring)
		d.count--
	}
	return d.count
}
