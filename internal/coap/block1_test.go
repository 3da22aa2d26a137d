package coap

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"
)

// push sends the blocks numbers of body as requests with the first Message-ID
// mid, each with a token of its own.
func (w *wire) push(code Code, uri string, mid uint16, size int, body []byte, numbers ...uint32) {
	for _, n := range numbers {
		w.receive(con(code, mid, fmt.Sprintf("t%x", mid), path(uri), uintOption(ContentFormat, 42), block(Block1, n, size, body)))
		mid++
	}
}

// bodies makes the owner keep the bodies of all requests and answer 2.04.
func bodies(w *wire) *[][]byte {
	got := new([][]byte)
	w.serve = func(r *Request) {
		*got = append(*got, bytes.Clone(r.Payload))
		w.answer(r.Ref, Changed, "")
	}
	return got
}

func expectBodies(t *testing.T, got *[][]byte, want ...[]byte) {
	t.Helper()
	if !slices.EqualFunc(*got, want, bytes.Equal) {
		t.Errorf("bodies %q", *got)
	}
}

func TestBlock1FreshTokens(t *testing.T) {
	for _, code := range []Code{PUT, POST, FETCH, PATCH, IPATCH} {
		w := newWire(t, nil)
		got := bodies(w)
		body := numbered(150)
		w.push(code, "5/0/0", 1, 64, body, 0, 1, 2)
		expectBodies(t, got, body)
		w.expect(1, "-> ACK 2.04 mid=0003 token=7433 Block1=2/last/64")
		if code == PUT {
			w.golden("block1_fresh_tokens")
		}
	}
}

func TestBlock1WithoutTokens(t *testing.T) {
	w := newWire(t, nil)
	got := bodies(w)
	body := numbered(64)
	for i := range uint32(4) {
		w.receive(con(PUT, uint16(i), "", path("5/0/0"), block(Block1, i, 16, body)))
	}
	expectBodies(t, got, body)
}

func TestBlock1Restart(t *testing.T) {
	w := newWire(t, nil)
	got := bodies(w)
	body := numbered(100)
	w.push(PUT, "5/0/0", 1, 32, bytes.ToUpper(bytes.Repeat([]byte("old."), 50)), 0, 1)
	w.push(PUT, "5/0/0", 10, 32, body, 0, 1, 2, 3)
	w.golden("block1_restart")
	expectBodies(t, got, body)
}

func TestBlock1LostLastBlock(t *testing.T) {
	w := newWire(t, nil)
	got := bodies(w)
	body := numbered(100)
	w.push(PUT, "5/0/0", 1, 64, body, 0, 1)
	w.push(PUT, "5/0/0", 2, 64, body, 1) // the answer was lost: retransmission
	w.push(PUT, "5/0/0", 9, 64, body, 1) // sent anew under another Message-ID
	w.golden("block1_lost_last")
	expectBodies(t, got, body)
	w.expect(3, "-> ACK 2.04")
}

func TestBlock1LastBlockAgainWhileServing(t *testing.T) {
	w := newWire(t, nil)
	refs := manual(w)
	body := numbered(100)
	w.push(PUT, "5/0/0", 1, 64, body, 0, 1)
	w.push(PUT, "5/0/0", 9, 64, body, 1)
	w.expect(1, "-- request")
	w.answer((*refs)[0], Changed, "")
	w.expect(1, "-> ACK 2.04 mid=0002")
	w.expect(1, "-> ACK 2.04 mid=0009")
	if len(w.serving) != 0 {
		t.Errorf("%d requests are left", len(w.serving))
	}
}

func TestBlock1RepeatedBlock(t *testing.T) {
	w := newWire(t, nil)
	got := bodies(w)
	body := numbered(200)
	w.push(PUT, "5/0/0", 1, 64, body, 0, 1, 1, 0) // block 0 again: starts anew
	w.push(PUT, "5/0/0", 10, 64, body, 1, 1, 2, 1, 3)
	expectBodies(t, got, body)
	w.expect(8, "-> ACK 2.31")
}

func TestBlock1OutOfOrder(t *testing.T) {
	w := newWire(t, nil)
	got := bodies(w)
	body := numbered(200)
	w.push(PUT, "5/0/0", 1, 64, body, 1)    // no transfer
	w.push(PUT, "5/0/0", 2, 64, body, 0, 2) // 1 is missing
	w.push(PUT, "5/0/0", 5, 64, body, 1, 2, 3)
	w.push(PUT, "5/0/0", 8, 64, append(body, body...), 4) // beyond the end
	w.push(PUT, "5/0/0", 9, 64, body[:128], 1)            // an earlier block as the last
	w.golden("block1_out_of_order")
	w.expect(4, "-> ACK 4.08")
	expectBodies(t, got, body)
}

func TestBlock1OtherFormat(t *testing.T) {
	w := newWire(t, nil)
	body := numbered(128)
	w.push(PUT, "5/0/0", 1, 64, body, 0)
	w.receive(con(PUT, 2, "a", path("5/0/0"), uintOption(ContentFormat, 0), block(Block1, 1, 64, body)))
	w.receive(con(PUT, 3, "a", path("5/0/0"), uintOption(ContentFormat, 42), option(RequestTag, "x"), block(Block1, 1, 64, body)))
	w.receive(con(POST, 4, "a", path("5/0/0"), uintOption(ContentFormat, 42), block(Block1, 1, 64, body)))
	w.expect(3, "-> ACK 4.08")
	w.push(PUT, "5/0/0", 9, 64, body, 1)
	w.expect(1, "-- request")
	w.receive(con(PUT, 10, "a", path("5/0/0"), block(Block1, 0, 64, body)))
	w.receive(con(PUT, 11, "a", path("5/0/0"), uintOption(ContentFormat, 0), block(Block1, 1, 64, body)))
	w.expect(4, "-> ACK 4.08") // no format is not format 0
}

// Requests that differ in their bodies only have different Keys.
func TestBlock1Keys(t *testing.T) {
	w := newWire(t, nil)
	var keys []Key
	w.serve = func(r *Request) {
		keys = append(keys, r.Key)
		w.answer(r.Ref, Content, "")
	}
	one, two := numbered(100), bytes.ToUpper(bytes.Repeat([]byte("two"), 33))
	w.push(FETCH, "", 1, 64, one, 0, 1)
	w.push(FETCH, "", 3, 64, two, 0, 1)
	w.push(FETCH, "", 5, 64, one, 0, 1)
	w.push(FETCH, "", 7, 128, two, 0) // the whole in one block
	w.receive(con(FETCH, 8, "", uintOption(ContentFormat, 42), payload(two)))
	w.expect(5, "-- request")
	if want := []Key{keys[0], keys[1], keys[0], keys[1], keys[1]}; keys[0] == keys[1] || !slices.Equal(keys, want) {
		t.Errorf("keys %v", keys)
	}
}

func TestBlock1BadBlocks(t *testing.T) {
	w := newWire(t, nil)
	w.receive(con(PUT, 1, "a", path("5"), asks(Block1, 0, true, 64), text("short")))
	w.receive(con(PUT, 2, "a", path("5"), asks(Block1, 0, true, 16), payload(make([]byte, 17))))
	w.receive(con(PUT, 3, "a", path("5"), asks(Block1, 0, false, 16), payload(make([]byte, 17))))
	w.expect(3, "-> ACK 4.00")
	w.expect(0, "-- request")
	if len(w.uploads) != 0 {
		t.Error("a transfer was started")
	}
	w.receive(con(PUT, 4, "a", path("5"), asks(Block1, 0, false, 16), text("whole")))
	w.expect(1, `-- request PUT /5 "whole"`)
	w.expect(1, "-> ACK 2.05 mid=0004 token=61 Block1=0/last/16")
}

func TestBlock1TooLarge(t *testing.T) {
	w := newWire(t, &Params{MaxBody: 100})
	body := numbered(150)
	w.receive(con(PUT, 1, "a", path("5"), uintOption(Size1, 150), block(Block1, 0, 64, body)))
	w.receive(con(PUT, 2, "a", path("5"), block(Block1, 0, 64, body)))
	w.receive(con(PUT, 3, "a", path("5"), block(Block1, 1, 64, body)))
	w.golden("block1_too_large")
	w.expect(2, "-> ACK 4.13")
	w.expect(2, "Size1=100")
	if len(w.uploads) != 0 {
		t.Error("the transfer was kept")
	}
}

func TestBlock1SmallerBlocks(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 32})
	got := bodies(w)
	body := numbered(150)
	w.push(PUT, "5/0/0", 1, 128, body, 0)
	w.push(PUT, "5/0/0", 2, 32, body, 4)
	w.golden("block1_smaller")
	w.expect(1, "-> ACK 2.31 mid=0001 token=7431 Block1=0/more/32")
	expectBodies(t, got, body)
}

func TestBlock1Interleaved(t *testing.T) {
	w := newWire(t, nil)
	got := bodies(w)
	one, two := numbered(128), bytes.ToUpper(numbered(100))
	w.push(PUT, "5/0/0", 1, 64, one, 0)
	w.push(PUT, "9/0/2", 2, 64, two, 0)
	w.receive(con(GET, 3, "a", path("5/0/0"))) // passes between them
	w.push(PUT, "9/0/2", 4, 64, two, 1)
	w.push(PUT, "5/0/0", 5, 64, one, 1)
	expectBodies(t, got, nil, two, one)
}

func TestBlock1Idle(t *testing.T) {
	w := newWire(t, nil)
	body := numbered(200)
	w.push(PUT, "5/0/0", 1, 64, body, 0)
	w.wait(200 * time.Second)
	w.push(PUT, "5/0/0", 2, 64, body, 1)
	w.wait(246 * time.Second)
	w.push(PUT, "5/0/0", 3, 64, body, 2)
	w.expect(3, "-> ACK 2.31")
	w.wait(247 * time.Second)
	w.push(PUT, "5/0/0", 4, 64, body, 3)
	w.expect(1, "-> ACK 4.08")
	w.wait(time.Hour)
	if w.uploads != nil || !w.Deadline().IsZero() {
		t.Error("the transfer was not freed")
	}
}

func TestBlock1Limit(t *testing.T) {
	w := newWire(t, &Params{MaxTransfers: 2})
	body := numbered(128)
	w.push(PUT, "1", 1, 64, body, 0)
	w.push(PUT, "2", 2, 64, body, 0)
	w.push(PUT, "3", 3, 64, body, 0)
	w.expect(1, "-> ACK 5.03 mid=0003")
	w.push(PUT, "2", 4, 64, body, 1) // done: gives way
	w.push(PUT, "3", 5, 64, body, 0, 1)
	w.expect(2, "-- request")
}

// A Block1 request whose answer goes by Block2 (RFC 7959 §3.3).
func TestBlock1ThenBlock2(t *testing.T) {
	for _, code := range []Code{POST, FETCH, IPATCH} {
		w := newWire(t, &Params{BlockSize: 64})
		reply := bytes.ToUpper(numbered(150))
		w.serve = func(r *Request) { w.Respond(w.now, r.Ref, &Response{Code: Content, Payload: reply}) }
		w.push(code, "dp", 1, 64, numbered(100), 0, 1)
		got := bytes.Clone(w.last().Payload)
		for i := range uint32(2) {
			w.receive(con(code, uint16(10+i), "x", path("dp"), asks(Block2, 1+i, false, 64)))
			got = append(got, w.last().Payload...)
		}
		if !bytes.Equal(got, reply) {
			t.Errorf("%s: got %q", code, got)
		}
		w.expect(1, "-- request")
		if code == FETCH {
			w.golden("block1_then_block2")
		}
	}
}

// sink logs the blocks; answers are up to the test.
type sink struct {
	w    *wire
	refs []Ref
	body []byte
}

func (s *sink) Block(_ time.Time, ref Ref, offset int64, data []byte, last bool) {
	s.w.note("-- block at %d, %d bytes, last=%v", offset, len(data), last)
	s.refs = append(s.refs, ref)
	s.body = append(s.body, data...)
}

func (s *sink) Abort(_ time.Time, reason error) { s.w.note("-- aborted: %v", reason) }

// streamer is an owner that streams what goes to /5/0/0.
type streamer struct {
	*wire
	sinks []*sink
}

func (s *streamer) StreamRequest(_ time.Time, r *Request) Sink {
	if r.Options.Path(UriPath) != "/5/0/0" {
		return nil
	}
	k := &sink{w: s.wire}
	s.sinks = append(s.sinks, k)
	return k
}

func newStreamer(t *testing.T, p *Params) *streamer {
	s := &streamer{wire: newWire(t, p)}
	s.Conn = NewConn(p, s, constant(0xf000))
	return s
}

func TestSink(t *testing.T) {
	w := newStreamer(t, &Params{MaxBody: 10})
	body := numbered(150)
	w.push(PUT, "5/0/0", 1, 64, body, 0)
	k := w.sinks[0]
	w.wait(3 * time.Second) // slow storage: empty acknowledgement
	w.Continue(w.now, k.refs[0])
	w.receive(empty(Acknowledgement, w.last().MessageID))
	w.push(PUT, "5/0/0", 2, 64, body, 1)
	w.push(PUT, "5/0/0", 8, 64, body, 1) // repeated while the sink is busy
	w.push(PUT, "5/0/0", 9, 64, body, 2) // ahead of the answer
	w.Continue(w.now, k.refs[1])
	w.Continue(w.now, k.refs[1])
	w.push(PUT, "5/0/0", 10, 64, body, 2)
	w.answer(k.refs[2], Changed, "")
	w.push(PUT, "5/0/0", 11, 64, body, 2) // the answer was lost
	w.golden("sink")
	w.expect(0, "-- request")
	w.expect(3, "-- block")
	w.expect(2, "-> ACK 2.04")
	w.expect(0, "-- aborted")
	if !bytes.Equal(k.body, body) {
		t.Errorf("body %q", k.body)
	}
}

func TestSinkAborts(t *testing.T) {
	w := newStreamer(t, nil)
	body := numbered(150)
	w.push(PUT, "5/0/0", 1, 64, body, 0)
	w.push(PUT, "5/0/0", 2, 64, body, 0) // starts anew while the sink is busy
	w.expect(1, "-- aborted: coap: block-wise transfer failed")
	w.Continue(w.now, w.sinks[0].refs[0])
	w.expect(0, "2.31")
	w.Continue(w.now, w.sinks[1].refs[0])
	w.expect(1, "-> ACK 2.31 mid=0002")
	w.wait(300 * time.Second)
	w.expect(1, "-- aborted: coap: no answer")

	w.push(PUT, "5/0/0", 5, 64, body, 0)
	w.answer(w.sinks[2].refs[0], RequestEntityTooLarge, "no room")
	w.push(PUT, "5/0/0", 6, 64, body, 1)
	w.expect(1, "-> ACK 4.13 mid=0005")
	w.expect(1, "-> ACK 4.08 mid=0006")
	w.expect(2, "-- aborted")

	w.push(PUT, "5/0/0", 7, 64, body, 0)
	w.push(PUT, "5/0/0", 8, 64, body[:10], 0) // instead of the rest, all in one block
	w.expect(2, "-- aborted: coap: block-wise transfer failed")
	w.expect(1, "-- request PUT /5/0/0")

	w.push(PUT, "5/0/0", 9, 64, body, 0)
	w.Close(w.now, ErrCanceled)
	w.expect(1, "-- aborted: coap: canceled")
}

func TestSinkMisuse(t *testing.T) {
	w := newStreamer(t, nil)
	w.push(PUT, "5/0/0", 1, 64, numbered(70), 0)
	k := w.sinks[0]
	w.Continue(w.now, k.refs[0])
	w.push(PUT, "5/0/0", 2, 64, numbered(70), 1)
	w.Continue(w.now, k.refs[1])
	w.expect(1, "-> ACK 5.00 mid=0002")
	w.push(PUT, "other", 3, 64, numbered(70), 0, 1) // no sink: in memory
	w.expect(1, "-- request PUT /other")
}
