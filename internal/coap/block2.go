package coap

import (
	"bytes"
	"encoding/binary"
	"io"
	"time"
)

// snapshot is a response body going out by Block2: what the first block was
// cut of, so that the others fit it (RFC 7959 §2.4).
type snapshot struct {
	key     Key
	code    Code
	options Options // with ETag
	body    io.ReaderAt
	size    int64
	expires time.Time
}

// composeBody adds the payload to the successful response in f.msg, or the
// block of it that the peer asked for.
func (c *Conn) composeBody(now time.Time, f *frame, s *serving, resp *Response) {
	m := &f.msg
	body, size := resp.Body, resp.Size
	if body == nil {
		size = int64(len(resp.Payload))
	}
	szx := c.params.szx()
	if s.hasBlock2 {
		szx = min(szx, s.block2.SZX)
	}
	szx, _ = c.params.fit(m.overhead()+MaxTokenLength+blockOverhead, szx)
	if size <= 16<<szx && s.block2.Number == 0 {
		m.Payload = resp.Payload
		if body != nil {
			m.Payload = c.readBlock(f, body, 0, size)
		}
		if s.hasBlock2 && m.Code.IsSuccess() {
			m.Options.Remove(Block2)
			m.Options.AddBlock(Block2, Block{SZX: szx})
		}
		if s.hasSize2 && m.Code.IsSuccess() {
			m.Options.Remove(Size2)
			m.Options.AddUint(Size2, uint32(size))
		}
		return
	}
	snap := c.takeSnapshot(now, s.key, m, resp, size)
	observe, observed := m.Options.Get(Observe)
	c.composeBlock(f, s, snap, szx)
	if observed && m.Code.IsSuccess() {
		m.Options.Add(Observe, observe)
	}
}

// takeSnapshot keeps the body of the response m for the blocks to come. It
// replaces an earlier body of the same request; beyond MaxTransfers the oldest
// gives way.
func (c *Conn) takeSnapshot(now time.Time, key Key, m *Message, resp *Response, size int64) *snapshot {
	snap := &snapshot{
		key: key, code: m.Code, body: resp.Body, size: size, expires: now.Add(c.params.exchangeLifetime()),
	}
	hash := uint64(0)
	if snap.body == nil {
		hash = hashBody(resp.Payload)
		snap.body = bytes.NewReader(append([]byte(nil), resp.Payload...))
	} else if !m.Options.Has(ETag) {
		hash = c.rng.Uint64() // hashing would read all of it
	}
	snap.options = m.Options.Clone()
	for _, id := range [...]OptionID{Observe, Block1, Block2, Size1, Size2} {
		snap.options.Remove(id)
	}
	if !snap.options.Has(ETag) {
		format, _ := snap.options.Uint(ContentFormat)
		snap.options.Add(ETag, binary.BigEndian.AppendUint64(nil, hash^uint64(format)<<48))
	}
	if key == (Key{}) {
		return snap
	}
	for _, old := range c.snapshots {
		if old.key == key {
			c.snapshots = remove(c.snapshots, old)
			break
		}
	}
	if len(c.snapshots) >= c.params.maxTransfers() {
		c.snapshots = remove(c.snapshots, c.snapshots[0])
	}
	c.snapshots = append(c.snapshots, snap)
	return snap
}

// snapshotOf returns the body that a request for a later block goes on with. A
// request without a payload goes on with the latest, since the payload of the
// first request need not be repeated.
func (c *Conn) snapshotOf(key Key) *snapshot {
	for i := len(c.snapshots) - 1; i >= 0; i-- {
		if s := c.snapshots[i]; s.key.options == key.options && (key.body == 0 || s.key.body == key.body) {
			return s
		}
	}
	return nil
}

// serveSnapshot answers a request for a later block.
func (c *Conn) serveSnapshot(now time.Time, s *serving, snap *snapshot) {
	f := c.frame()
	snap.expires = now.Add(c.params.exchangeLifetime())
	m := &f.msg
	*m = Message{Code: snap.code, Options: append(m.Options[:0], snap.options...)}
	szx, _ := c.params.fit(m.overhead()+MaxTokenLength+blockOverhead, min(c.params.szx(), s.block2.SZX))
	c.composeBlock(f, s, snap, szx)
	c.reply(now, f, s)
	c.release(f)
}

// composeBlock makes f.msg the block of snap that s asks for.
func (c *Conn) composeBlock(f *frame, s *serving, snap *snapshot, szx uint8) {
	m := &f.msg
	m.Options = append(m.Options[:0], snap.options...)
	offset := s.block2.Offset()
	if offset >= snap.size || offset>>(szx+4) > maxBlockNumber {
		n := copy(f.block[:], "no such block")
		*m = Message{Code: BadRequest, Options: m.Options[:0], Payload: f.block[:n]}
		return
	}
	b := blockAt(offset, snap.size, szx)
	m.Options.AddBlock(Block2, b)
	if b.Number == 0 || s.hasSize2 {
		m.Options.AddUint(Size2, uint32(min(snap.size, 1<<32-1)))
	}
	m.Payload = c.readBlock(f, snap.body, offset, min(int64(b.Size()), snap.size-offset))
}

// readBlock reads size bytes at offset into f. If that fails f.msg becomes
// 5.00.
func (c *Conn) readBlock(f *frame, body io.ReaderAt, offset, size int64) []byte {
	n, err := body.ReadAt(f.block[:size], offset)
	if int64(n) == size {
		return f.block[:n]
	}
	diagnostic := "body ended early"
	if err != nil && err != io.EOF {
		diagnostic = "body cannot be read"
	}
	f.msg = Message{Code: InternalServerError, Options: f.msg.Options[:0]}
	return f.block[:copy(f.block[:], diagnostic)]
}

// FNV-1a, 64 bits.
const (
	hashOffset = 14695981039346656037
	hashPrime  = 1099511628211
)

func hashBytes(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * hashPrime
	}
	return h
}

// hashBody returns 0 for no body only.
func hashBody(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	return max(hashBytes(hashOffset, b), 1)
}

// keyOf returns the Key of a request without a body: its method and the
// options of the cache key (RFC 7252 §5.4.2) that stay the same from block to
// block.
func keyOf(m *Message) Key {
	h := hashBytes(hashOffset, []byte{byte(m.Code)})
	for i := range m.Options {
		opt := &m.Options[i]
		switch opt.ID {
		case Observe, Block1, Block2, ContentFormat, Echo, NoResponse:
			continue
		}
		if !opt.ID.CacheKey() {
			continue
		}
		n := len(opt.Value)
		h = hashBytes(h, []byte{byte(opt.ID >> 8), byte(opt.ID), byte(n >> 8), byte(n)})
		h = hashBytes(h, opt.Value)
	}
	return Key{options: h}
}
