package coap

import (
	"io"
	"slices"
	"time"
	"unicode/utf8"
)

// Ref identifies a request of the peer until it is answered. The zero Ref
// identifies none.
type Ref uint64

// Key identifies what a request asks for: its method and all options but
// those of block-wise transfer and Observe. It links the blocks of a body
// with the request or observation it belongs to. Keys are comparable; the
// zero Key belongs to no request.
type Key struct{ options, body uint64 }

// Request is a request of the peer.
type Request struct {
	Ref     Ref
	Type    Type // Confirmable or NonConfirmable
	Code    Code
	Token   Token
	Options Options
	Payload []byte
	// Key is to be kept with an observation for Notification.Key.
	Key Key
}

// Response answers a request of the peer.
type Response struct {
	Code    Code
	Options Options // in any order; read during the call only
	// Payload is the body, read during the call only. Beyond a block it is
	// copied and served by Block2; that of an error is cut.
	Payload []byte
	// Body takes the place of Payload if it is not nil: Size bytes that are
	// read as the peer asks for them, up to ExchangeLifetime after its last
	// request. They must not change meanwhile. Add an ETag if the body has one
	// that outlives the transfer; a random one is made otherwise. A read error
	// is answered 5.00.
	Body io.ReaderAt
	Size int64
}

// serving is a request of the peer that is not answered yet.
type serving struct {
	ref        Ref
	mid        uint16
	typ        Type
	code       Code
	acked      bool // the empty acknowledgement was sent
	noResponse uint8
	hasBlock1  bool
	hasBlock2  bool
	hasSize2   bool // the peer asks how large the body is
	block1     Block
	block2     Block
	token      Token
	key        Key
	ackAt      time.Time // when the empty acknowledgement is due
	upload     *upload   // the Block1 transfer it belongs to
	leader     Ref       // a repeated last block is answered with this one
}

// receiveRequest takes a request from f.msg.
func (c *Conn) receiveRequest(now time.Time, f *frame) {
	m := &f.msg
	if c.repeated(now, m) {
		return
	}
	c.remember(now, m)
	s := serving{mid: m.MessageID, typ: m.Type, code: m.Code, token: m.Token}
	if m.Type == Confirmable {
		s.ackAt = now.Add(c.params.ackDelay())
	}
	if !m.Code.IsMethod() {
		c.refuse(now, &s, MethodNotAllowed, "unknown method "+m.Code.String())
		return
	}
	if bad, ok := m.Options.Check(c.params.Understood...); !ok {
		c.refuseOption(now, &s, bad)
		return
	}
	if v, ok := m.Options.Uint(NoResponse); ok {
		s.noResponse = uint8(v)
	}
	s.block1, s.hasBlock1 = m.Options.Block(Block1)
	s.block2, s.hasBlock2 = m.Options.Block(Block2)
	s.hasSize2 = m.Options.Has(Size2)
	switch {
	case s.block1.SZX > maxSZX || s.block2.SZX > maxSZX:
		c.refuse(now, &s, BadRequest, "block size exponent 7 is reserved")
	case len(c.serving) >= c.params.maxPending():
		c.refuse(now, &s, ServiceUnavailable, "too many unanswered requests")
	default:
		c.dispatch(now, f, &s)
	}
}

// dispatch hands the request to the block-wise transfer it belongs to, or to
// the owner.
func (c *Conn) dispatch(now time.Time, f *frame, s *serving) {
	m := &f.msg
	if m.Options.Has(Observe) {
		c.EndObservation(now, s.token) // registered anew, or canceled
	}
	s.key = keyOf(m)
	if !s.hasBlock1 {
		s.key.body = hashBody(m.Payload)
	}
	switch {
	case s.hasBlock2 && s.block2.Number > 0:
		if snap := c.snapshotOf(s.key); snap != nil {
			c.serveSnapshot(now, s, snap)
		} else if m.Code == GET || m.Code == FETCH && len(m.Payload) > 0 && !s.hasBlock1 {
			c.serve(now, f, s, m.Payload)
		} else {
			c.refuse(now, s, RequestEntityIncomplete, "no such transfer")
		}
	case s.hasBlock1 && (s.block1.Number > 0 || s.block1.More):
		c.receiveBlock1(now, f, s)
	default:
		if s.hasBlock1 { // the whole body in one block
			if len(m.Payload) > s.block1.Size() {
				c.refuse(now, s, BadRequest, "payload longer than its block")
				return
			}
			c.endUpload(now, c.uploadOf(uploadKeyOf(m, s.key)), ErrBlock)
			s.key.body = hashBody(m.Payload)
		}
		c.serve(now, f, s, m.Payload)
	}
}

// refuseOption answers a request with an unrecognized critical option (RFC
// 7252 §5.4.1, §5.7.2). A non-confirmable one is ignored.
func (c *Conn) refuseOption(now time.Time, s *serving, bad OptionID) {
	switch {
	case s.typ != Confirmable:
	case bad == ProxyURI || bad == ProxyScheme:
		c.refuse(now, s, ProxyingNotSupported, "not a proxy")
	default:
		c.refuse(now, s, BadOption, "unrecognized critical option "+bad.String())
	}
}

// refuse answers with an error and a diagnostic payload.
func (c *Conn) refuse(now time.Time, s *serving, code Code, diagnostic string) {
	f := c.frame()
	n := copy(f.block[:], diagnostic)
	m := &f.msg
	*m = Message{Code: code, Options: m.Options[:0], Payload: f.block[:n]}
	if s.hasBlock1 && s.block1.SZX <= maxSZX {
		m.Options.AddBlock(Block1, s.block1)
	}
	c.reply(now, f, s)
	c.release(f)
}

// serve admits a complete request and gives it to the owner.
func (c *Conn) serve(now time.Time, f *frame, s *serving, body []byte) {
	c.admit(s)
	c.deliver(now, f, s, body)
}

// deliver gives a complete request to the owner. f holds its message.
func (c *Conn) deliver(now time.Time, f *frame, s *serving, body []byte) {
	m := &f.msg
	f.req = Request{
		Ref: s.ref, Type: s.typ, Code: s.code, Token: s.token, Options: m.Options, Payload: body, Key: s.key,
	}
	c.handler.ServeRequest(now, &f.req)
}

// admit puts the request on the list of those to be answered.
func (c *Conn) admit(s *serving) {
	s.ref = Ref(c.nextSerial())
	c.serving = append(c.serving, *s)
}

// take removes the request ref from the list.
func (c *Conn) take(ref Ref) (s serving, ok bool) {
	i := slices.IndexFunc(c.serving, func(s serving) bool { return s.ref == ref })
	if i < 0 || ref == 0 {
		return serving{}, false
	}
	s = c.serving[i]
	c.serving = slices.Delete(c.serving, i, i+1)
	return s, true
}

// Respond answers a request of the peer: in its acknowledgement if that was
// not sent yet, else in a confirmable message of its own, which is
// retransmitted until the peer acknowledges it; a non-confirmable request in a
// non-confirmable message. Bodies over one block go by Block2. A second answer
// and an unknown ref are ignored. A response that cannot be encoded, or whose
// code is none of a response, becomes 5.00.
//
// Answers are neither counted nor held by NStart: the peer's own requests
// limit them.
func (c *Conn) Respond(now time.Time, ref Ref, resp *Response) {
	s, ok := c.take(ref)
	if !ok {
		return
	}
	f := c.frame()
	c.composeResponse(now, f, &s, resp)
	if s.upload != nil {
		c.uploadAnswered(s.upload, &f.msg)
	}
	c.reply(now, f, &s)
	c.replyFollowers(now, f, ref)
	c.release(f)
}

// replyFollowers answers the repetitions of the block ref with f.msg.
func (c *Conn) replyFollowers(now time.Time, f *frame, ref Ref) {
	for {
		i := slices.IndexFunc(c.serving, func(s serving) bool { return s.leader == ref })
		if i < 0 {
			return
		}
		if s, ok := c.take(c.serving[i].ref); ok {
			c.reply(now, f, &s)
		}
	}
}

// reply sends f.msg as the answer to s.
func (c *Conn) reply(now time.Time, f *frame, s *serving) {
	m := &f.msg
	m.Token = s.token
	switch {
	case s.suppresses(m.Code):
		if s.typ == Confirmable && !s.acked {
			c.acknowledge(s)
		}
	case s.typ == NonConfirmable:
		m.Type, m.MessageID = NonConfirmable, c.nextMID()
		c.transmit(f, m)
		c.rememberIfObserved(now, m)
	case s.acked:
		m.Type, m.MessageID = Confirmable, c.nextMID()
		c.sendReliably(now, f, m, c.params, nil)
		c.rememberIfObserved(now, m)
	default:
		m.Type, m.MessageID = Acknowledgement, s.mid
		datagram := c.transmit(f, m)
		if c.seen != nil {
			c.seen.answered(s.mid, s.code, s.token, datagram, c.params.dedupBytes())
		}
	}
}

// suppresses reports that the peer does not want a response of this class
// (RFC 7967 §2.1). It cannot do without 2.31.
func (s *serving) suppresses(code Code) bool {
	return code != Continue && s.noResponse>>(code.Class()-1)&1 != 0
}

// acknowledge sends the empty acknowledgement of s.
func (c *Conn) acknowledge(s *serving) {
	s.acked, s.ackAt = true, time.Time{}
	c.transmitEmpty(Acknowledgement, s.mid)
	if c.seen == nil {
		return
	}
	if seen := c.seen.latest(s.mid, s.code, s.token); seen != nil {
		seen.repeat = repeatAck
	}
}

// acknowledgeSlow sends the empty acknowledgements that are due.
func (c *Conn) acknowledgeSlow(now time.Time) {
	for i := range c.serving {
		if s := &c.serving[i]; !s.ackAt.IsZero() && !now.Before(s.ackAt) {
			c.acknowledge(s)
		}
	}
}

// composeResponse builds the answer to s in f, with the options of block-wise
// transfer that it needs. Type, Message-ID and token are left to reply.
func (c *Conn) composeResponse(now time.Time, f *frame, s *serving, resp *Response) *Message {
	m := &f.msg
	*m = Message{Code: resp.Code, Options: m.Options[:0]}
	for _, opt := range resp.Options {
		m.Options.Add(opt.ID, opt.Value)
	}
	if !m.Code.IsResponse() || m.validate() != nil {
		*m = Message{Code: InternalServerError, Options: m.Options[:0]}
		resp = &Response{}
	}
	if m.Code.IsSuccess() {
		c.composeBody(now, f, s, resp)
	} else {
		szx, _ := c.params.fit(m.overhead()+MaxTokenLength+blockOverhead, c.params.szx())
		m.Payload = cutText(resp.Payload, 16<<szx)
	}
	if s.hasBlock1 {
		m.Options.Remove(Block1)
		m.Options.AddBlock(Block1, Block{Number: s.block1.Number, SZX: min(s.block1.SZX, c.params.szx())})
	}
	return m
}

// cutText shortens a diagnostic payload at a rune boundary.
func cutText(b []byte, limit int) []byte {
	if len(b) <= limit {
		return b
	}
	for limit > 0 && !utf8.RuneStart(b[limit]) {
		limit--
	}
	return b[:limit]
}
