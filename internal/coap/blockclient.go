package coap

import (
	"bytes"
	"time"
)

// blockOverhead is room for the options that a block-wise message has beside
// its own: Block1, Block2, Size1 or Size2, ETag.
const blockOverhead = 4 + 4 + 6 + 9

// fit lowers szx until a block and overhead bytes fit a datagram. ok is false
// if not even 16 bytes do.
func (p *Params) fit(overhead int, szx uint8) (fitting uint8, ok bool) {
	for szx > 0 && overhead+16<<szx > p.maxMessageSize() {
		szx--
	}
	return szx, overhead+16<<szx <= p.maxMessageSize()
}

// upstream is the sending of a request body (Block1).
type upstream struct {
	blockwise bool
	szx       uint8
	offset    int64 // of the block that is being sent
	restarted bool  // after 4.08
}

// downstream is the collecting of a response body (Block2).
type downstream struct {
	raw       bool // the owner asked for one block itself
	body      []byte
	etag      []byte
	szx       uint8
	restarted bool // after a change of the ETag
}

// compose fills in the options and the payload of the exchange's next message.
func (e *exchange) compose(m *Message) {
	m.Options = append(m.Options, e.out.Options...)
	if size := len(e.download.body); size > 0 {
		e.composeFollowUp(m, size)
		return
	}
	hint := Block{SZX: e.params.szx()}
	asks := hint.SZX < maxSZX && (m.Code == GET || m.Code == FETCH) && !m.Options.Has(Block2)
	if !e.upload.blockwise {
		m.Payload = e.out.Payload
		if asks {
			m.Options.AddBlock(Block2, hint)
		}
		return
	}
	size := int64(len(e.out.Payload))
	b := blockAt(e.upload.offset, size, e.upload.szx)
	m.Payload = e.out.Payload[b.Offset():min(b.Offset()+int64(b.Size()), size)]
	m.Options.Remove(Block1)
	m.Options.AddBlock(Block1, b)
	if b.Number == 0 {
		m.Options.Remove(Size1)
		m.Options.AddUint(Size1, uint32(size))
	}
	if asks && !b.More {
		m.Options.AddBlock(Block2, hint)
	}
}

// composeFollowUp asks for the next block of the response (RFC 7959 §2.4):
// the same request without its observation. Only the body of a FETCH belongs
// to the request's identity; it is repeated if it fits.
func (e *exchange) composeFollowUp(m *Message, size int) {
	m.Options.Remove(Observe)
	m.Options.Remove(Block2)
	m.Options.AddBlock(Block2, Block{Number: uint32(size >> (e.download.szx + 4)), SZX: e.download.szx})
	if m.Code == FETCH && !e.upload.blockwise {
		m.Payload = e.out.Payload
	}
}

// continueUpload takes the answer to a request with a body and reports whether
// more of the body, or the body again, is to be sent (RFC 7959 §2.3, §2.9).
func (c *Conn) continueUpload(now time.Time, e *exchange, m *Message) bool {
	if len(e.download.body) > 0 {
		return false
	}
	up := &e.upload
	b, echoed := m.Options.Block(Block1)
	sent := blockAt(up.offset, int64(len(e.out.Payload)), up.szx)
	switch {
	case m.Code == Continue || up.blockwise && m.Code.IsSuccess() && echoed && sent.More:
		if !up.blockwise || !sent.More || echoed && (b.Number != sent.Number || b.SZX > maxSZX) {
			c.finish(now, e, Result{Err: ErrBlock})
			return true
		}
		up.offset += int64(sent.Size())
		if echoed && b.SZX < up.szx {
			return c.shrinkUpload(now, e, b.SZX)
		}
	case m.Code == RequestEntityTooLarge && echoed && b.SZX < up.szx:
		up.offset = 0
		return c.shrinkUpload(now, e, b.SZX)
	case m.Code == RequestEntityIncomplete && up.blockwise && !up.restarted:
		up.restarted, up.offset = true, 0
	default:
		return false
	}
	c.enqueue(now, e)
	return true
}

// shrinkUpload goes on from the present offset with smaller blocks.
func (c *Conn) shrinkUpload(now time.Time, e *exchange, szx uint8) bool {
	e.upload.szx = szx
	e.upload.blockwise = len(e.out.Payload) > 16<<szx
	if int64(len(e.out.Payload)) > (maxBlockNumber+1)<<(szx+4) {
		c.finish(now, e, Result{Err: ErrTooLarge})
		return true
	}
	c.enqueue(now, e)
	return true
}

// receiveBody takes the final response of e, or one block of it.
func (c *Conn) receiveBody(now time.Time, e *exchange, m *Message) {
	down := &e.download
	b, blockwise := m.Options.Block(Block2)
	if !blockwise || down.raw || !m.Code.IsSuccess() {
		if m.Code.IsSuccess() && len(down.body) > 0 {
			c.finish(now, e, Result{Err: ErrBlock}) // the whole body instead of a block
			return
		}
		c.finish(now, e, Result{Code: m.Code, Options: m.Options, Payload: m.Payload})
		return
	}
	if len(down.body) > 0 && !bytes.Equal(down.etag, etagOf(m)) {
		c.restartDownload(now, e)
		return
	}
	if err := down.append(b, m, e.params); err != nil {
		c.finish(now, e, Result{Err: err})
		return
	}
	if b.More {
		c.enqueue(now, e)
		return
	}
	c.finish(now, e, Result{Code: m.Code, Options: m.Options, Payload: down.body})
}

// append adds the block b with the payload of m to the body.
func (down *downstream) append(b Block, m *Message, p *Params) error {
	size := len(m.Payload)
	if b.SZX > maxSZX || size > b.Size() || b.More && size < b.Size() || b.Offset() != int64(len(down.body)) {
		return ErrBlock
	}
	total, _ := m.Options.Uint(Size2)
	if len(down.body)+size > p.maxBody() || b.More && int64(total) > int64(p.maxBody()) {
		return ErrTooLarge
	}
	if len(down.body) == 0 {
		down.etag = append([]byte(nil), etagOf(m)...)
		down.body = make([]byte, 0, max(size, min(int(total), trustedSize)))
	}
	down.body = append(down.body, m.Payload...)
	down.szx = min(b.SZX, p.szx())
	return nil
}

// restartDownload begins again, once, after the peer's representation changed.
// Methods that are not safe must not be sent again for that.
func (c *Conn) restartDownload(now time.Time, e *exchange) {
	if e.download.restarted || e.out.Code != GET && e.out.Code != FETCH {
		c.finish(now, e, Result{Err: ErrBlock})
		return
	}
	e.download = downstream{restarted: true}
	e.upload.offset, e.upload.restarted = 0, false
	c.enqueue(now, e)
}

func etagOf(m *Message) []byte {
	etag, _ := m.Options.Get(ETag)
	return etag
}
