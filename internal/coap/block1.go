package coap

import "time"

// uploadKey identifies a body coming in by Block1: what the request asks for
// and the format of its body. Never the token: peers may use a fresh one for
// each block (RFC 7959 §2.5).
type uploadKey struct {
	options uint64
	format  uint32
}

func uploadKeyOf(m *Message, key Key) uploadKey {
	format, ok := m.Options.Uint(ContentFormat)
	if !ok {
		format = 1 << 16 // beyond every Content-Format
	}
	return uploadKey{key.options, format}
}

// upload is a body coming in by Block1.
type upload struct {
	key      uploadKey
	next     int64  // offset of the block that is expected
	body     []byte // until the request is served
	sink     Sink   // takes the place of body
	waiting  Ref    // block that the sink, or request that the owner, has not answered
	complete bool   // the last block is here
	expires  time.Time
	final    *Message // answer to the last block, once there is one
}

// abort tells the sink that no more blocks come.
func (u *upload) abort(now time.Time, reason error) {
	if u.sink != nil && !u.complete {
		u.sink.Abort(now, reason)
	}
}

func (c *Conn) uploadOf(key uploadKey) *upload {
	for _, u := range c.uploads {
		if u.key == key {
			return u
		}
	}
	return nil
}

// endUpload forgets u, which may be nil, and the blocks that wait for its
// sink. A complete request that is being served still gets its answer.
func (c *Conn) endUpload(now time.Time, u *upload, reason error) {
	if u == nil {
		return
	}
	c.uploads = remove(c.uploads, u)
	if !u.complete && u.waiting != 0 {
		c.take(u.waiting)
		for i := len(c.serving) - 1; i >= 0; i-- {
			if c.serving[i].leader == u.waiting {
				c.take(c.serving[i].ref)
			}
		}
	}
	u.abort(now, reason)
}

// receiveBlock1 takes one block of a request body (RFC 7959 §2.3, §2.5).
func (c *Conn) receiveBlock1(now time.Time, f *frame, s *serving) {
	m, b := &f.msg, s.block1
	size := len(m.Payload)
	if size > b.Size() || b.More && size < b.Size() {
		c.refuse(now, s, BadRequest, "payload does not fit its block")
		return
	}
	key := uploadKeyOf(m, s.key)
	u := c.uploadOf(key)
	if b.Number == 0 {
		c.endUpload(now, u, ErrBlock) // block 0 starts again
		if u = c.startUpload(now, f, s, key); u == nil {
			return
		}
	}
	end := b.Offset() + int64(size)
	switch {
	case u == nil:
		c.refuse(now, s, RequestEntityIncomplete, "no such transfer; start with block 0")
	case end <= u.next && b.Offset() < u.next || u.complete && end == u.next:
		c.repeatBlock(now, f, s, u, end)
	case b.Offset() != u.next || u.complete:
		c.refuse(now, s, RequestEntityIncomplete, "a block before this one is missing")
	case u.waiting != 0:
		c.refuse(now, s, ServiceUnavailable, "the block before this one is not answered yet")
	default:
		c.acceptBlock(now, f, s, u)
	}
}

// startUpload makes room for a new transfer. It answers and returns nil if
// that is not possible.
func (c *Conn) startUpload(now time.Time, f *frame, s *serving, key uploadKey) *upload {
	m := &f.msg
	if len(c.uploads) >= c.params.maxTransfers() && !c.evictUpload() {
		c.refuse(now, s, ServiceUnavailable, "too many transfers")
		return nil
	}
	u := &upload{key: key}
	if streamer, ok := c.handler.(StreamHandler); ok {
		f.req = Request{Type: s.typ, Code: s.code, Token: s.token, Options: m.Options, Key: s.key}
		u.sink = streamer.StreamRequest(now, &f.req)
	}
	size, _ := m.Options.Uint(Size1)
	if u.sink == nil && int64(size) > int64(c.params.maxBody()) {
		c.refuseSize(now, s)
		return nil
	}
	c.uploads = append(c.uploads, u)
	return u
}

// evictUpload drops the oldest transfer that is answered.
func (c *Conn) evictUpload() bool {
	for _, u := range c.uploads {
		if u.final != nil {
			c.uploads = remove(c.uploads, u)
			return true
		}
	}
	return false
}

// refuseSize answers 4.13 with the largest body there is room for.
func (c *Conn) refuseSize(now time.Time, s *serving) {
	f := c.frame()
	f.msg = Message{Code: RequestEntityTooLarge, Options: f.msg.Options[:0]}
	f.msg.Options.AddUint(Size1, uint32(c.params.maxBody()))
	f.msg.Payload = []byte("the body is longer than Size1 says")
	c.reply(now, f, s)
	c.release(f)
}

// repeatBlock answers a block that is here already, sent again under another
// Message-ID because the answer was lost.
func (c *Conn) repeatBlock(now time.Time, f *frame, s *serving, u *upload, end int64) {
	last := !s.block1.More
	switch {
	case last != (u.complete && end == u.next):
		c.refuse(now, s, RequestEntityIncomplete, "not the block that came before")
	case last && u.final != nil:
		out := c.frame()
		out.msg = Message{Code: u.final.Code, Options: append(out.msg.Options[:0], u.final.Options...), Payload: u.final.Payload}
		c.reply(now, out, s)
		c.release(out)
	case u.waiting != 0 && end == u.next:
		s.leader = u.waiting
		c.admit(s)
	default:
		c.proceed(now, s)
	}
}

// acceptBlock takes the expected block into the body or the sink.
func (c *Conn) acceptBlock(now time.Time, f *frame, s *serving, u *upload) {
	m := &f.msg
	if u.sink == nil && len(u.body)+len(m.Payload) > c.params.maxBody() {
		c.endUpload(now, u, ErrTooLarge)
		c.refuseSize(now, s)
		return
	}
	offset := u.next
	u.next += int64(len(m.Payload))
	u.expires = now.Add(c.params.exchangeLifetime())
	u.complete = !s.block1.More
	s.upload = u
	if u.sink != nil {
		c.admit(s)
		u.waiting = s.ref
		u.sink.Block(now, s.ref, offset, m.Payload, u.complete)
		return
	}
	if u.body == nil {
		size, _ := m.Options.Uint(Size1)
		u.body = make([]byte, 0, max(len(m.Payload), min(int(size), trustedSize)))
	}
	u.body = append(u.body, m.Payload...)
	if !u.complete {
		c.proceed(now, s)
		return
	}
	body := u.body
	u.body = nil
	s.key.body = hashBody(body)
	c.admit(s)
	u.waiting = s.ref
	c.deliver(now, f, s, body)
}

// proceed answers 2.31 for the block of s, and asks for smaller blocks if ours
// are.
func (c *Conn) proceed(now time.Time, s *serving) {
	f := c.frame()
	c.composeContinue(f, s)
	c.reply(now, f, s)
	c.release(f)
}

func (c *Conn) composeContinue(f *frame, s *serving) {
	f.msg = Message{Code: Continue, Options: f.msg.Options[:0]}
	f.msg.Options.AddBlock(Block1, Block{Number: s.block1.Number, More: true, SZX: min(s.block1.SZX, c.params.szx())})
}

// Continue answers a block that a Sink received, other than the last, and so
// asks the peer for the next. For a ref that is no such block it does nothing,
// but for the last block, which must be answered by Respond: that becomes
// 5.00.
func (c *Conn) Continue(now time.Time, ref Ref) {
	i := 0
	for i < len(c.serving) && c.serving[i].ref != ref {
		i++
	}
	if i == len(c.serving) || c.serving[i].upload == nil {
		return
	}
	u := c.serving[i].upload
	if u.complete {
		c.Respond(now, ref, &Response{Code: InternalServerError})
		return
	}
	s, _ := c.take(ref)
	u.waiting = 0
	f := c.frame()
	c.composeContinue(f, &s)
	c.reply(now, f, &s)
	c.replyFollowers(now, f, ref)
	c.release(f)
}

// uploadAnswered keeps the answer to the last block, for its repetition, or
// ends a transfer that was answered early.
func (c *Conn) uploadAnswered(u *upload, m *Message) {
	u.waiting = 0
	if !u.complete {
		c.uploads = remove(c.uploads, u)
		return
	}
	u.final = &Message{Code: m.Code, Options: m.Options.Clone(), Payload: append([]byte(nil), m.Payload...)}
}

func (c *Conn) expireUploads(now time.Time) {
	for i := 0; i < len(c.uploads); {
		u := c.uploads[i]
		if now.Before(u.expires) {
			i++
			continue
		}
		c.endUpload(now, u, ErrTimeout)
		i = 0
	}
}
