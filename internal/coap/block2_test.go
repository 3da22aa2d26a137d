package coap

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// download collects the body at uri as a peer with blocks of size does.
func (w *wire) download(uri string, mid uint16, size int, first func(*Message)) (body []byte) {
	w.receive(con(GET, mid, "t", path(uri), first))
	for n := uint32(1); ; n++ {
		body = append(body, w.last().Payload...)
		b, ok := w.last().Options.Block(Block2)
		if !ok || !b.More {
			return body
		}
		mid++
		w.receive(con(GET, mid, "u", path(uri), asks(Block2, n, false, size)))
	}
}

func nothing(*Message) {}

// serveBody answers all requests 2.05 with the body.
func (w *wire) serveBody(body []byte) {
	w.serve = func(r *Request) { w.Respond(w.now, r.Ref, &Response{Code: Content, Payload: body}) }
}

func TestBlock2(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	body := numbered(200)
	w.serveBody(body)
	if got := w.download("3", 1, 64, nothing); !bytes.Equal(got, body) {
		t.Errorf("got %q", got)
	}
	w.golden("block2")
	w.expect(1, "-- request")
	w.expect(1, "Size2=200")
}

func TestBlock2EarlyNegotiation(t *testing.T) {
	w := newWire(t, nil)
	body := numbered(100)
	w.serveBody(body)
	if got := w.download("3", 1, 32, asks(Block2, 0, false, 32)); !bytes.Equal(got, body) {
		t.Errorf("got %q", got)
	}
	w.golden("block2_early")
	w.expect(1, "-- request")
	w.serveBody(numbered(10))
	w.receive(con(GET, 20, "a", path("3"), asks(Block2, 0, false, 32)))
	w.expect(1, "-> ACK 2.05 mid=0014 token=61 Block2=0/last/32")
}

// The peer may ask for smaller blocks in the middle.
func TestBlock2SmallerLater(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 128})
	body := numbered(300)
	w.serveBody(body)
	w.receive(con(GET, 1, "a", path("3")))
	got := bytes.Clone(w.last().Payload)
	for n := uint32(4); n < 10; n++ {
		w.receive(con(GET, uint16(n), "a", path("3"), asks(Block2, n, false, 32)))
		got = append(got, w.last().Payload...)
	}
	if !bytes.Equal(got, body) {
		t.Errorf("got %q", got)
	}
}

func TestBlock2Snapshot(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	body := numbered(200)
	w.serve = func(r *Request) {
		w.Respond(w.now, r.Ref, &Response{Code: Content, Payload: body})
		clear(body) // the room is the owner's again
	}
	want := bytes.Clone(body)
	if got := w.download("3", 1, 64, nothing); !bytes.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	etag := etagOf(&w.out[0])
	for _, m := range w.out {
		if !bytes.Equal(etagOf(&m), etag) || len(etag) == 0 {
			t.Errorf("ETags %x and %x", etagOf(&m), etag)
		}
	}
	w.expect(1, "-- request")
}

func TestBlock2SnapshotGone(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	body := numbered(200)
	w.serveBody(body)
	w.receive(con(GET, 1, "a", path("3")))
	w.wait(time.Hour)
	if w.snapshots != nil || !w.Deadline().IsZero() {
		t.Error("the body was not freed")
	}
	w.receive(con(GET, 2, "a", path("3"), asks(Block2, 1, false, 64)))
	w.receive(con(FETCH, 3, "a", path("3"), asks(Block2, 3, false, 64), text("query")))
	w.expect(3, "-- request")
	w.expect(1, `Block2=3/last/64 "027.0000"`)
	if !bytes.Equal(w.out[1].Payload, body[64:128]) || !bytes.Equal(w.out[2].Payload, body[192:]) {
		t.Error("wrong block of the fresh answer")
	}
	w.wait(time.Hour)
	w.receive(con(POST, 4, "a", path("3"), asks(Block2, 1, false, 64)))
	w.receive(con(FETCH, 5, "a", path("3"), asks(Block2, 1, false, 64)))
	w.expect(2, "-> ACK 4.08")
	w.expect(3, "-- request")
}

func TestBlock2BeyondEnd(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	w.serveBody(numbered(128))
	w.receive(con(GET, 1, "a", path("3")))
	w.receive(con(GET, 2, "a", path("3"), asks(Block2, 2, false, 64)))
	w.receive(con(GET, 3, "a", path("4"), asks(Block2, 2, false, 64))) // a fresh answer
	w.expect(2, `-> ACK 4.00`)
	w.receive(con(GET, 4, "a", path("3"), asks(Block2, 1, false, 64)))
	w.expect(1, "Block2=1/last/64 [64 bytes")
}

// Bodies of different requests do not mix.
func TestBlock2Keys(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 16})
	w.serve = func(r *Request) {
		reply := bytes.Repeat([]byte(r.Options.Path(UriPath)[1:]+string(r.Payload)), 40)
		if a, ok := r.Options.Uint(Accept); ok {
			reply = bytes.Repeat([]byte{byte(a)}, 40)
		}
		w.Respond(w.now, r.Ref, &Response{Code: Content, Payload: reply})
	}
	firsts := []func(*Message){path("1"), path("2"), func(m *Message) { path("1")(m); uintOption(Accept, 'x')(m) }}
	for i, first := range firsts {
		w.receive(con(GET, uint16(i), "t", first))
	}
	w.receive(con(FETCH, 3, "t", path("1"), text("a")))
	w.receive(con(FETCH, 4, "t", path("1"), text("b")))
	second := asks(Block2, 1, false, 16)
	for i, tt := range []struct {
		m    Message
		want string
	}{
		{con(GET, 10, "t", firsts[0], second), "1111111111111111"},
		{con(GET, 11, "t", firsts[1], second), "2222222222222222"},
		{con(GET, 12, "t", firsts[2], second), "xxxxxxxxxxxxxxxx"},
		{con(FETCH, 13, "t", path("1"), text("a"), second), "1a1a1a1a1a1a1a1a"},
		{con(FETCH, 14, "t", path("1"), text("b"), second), "1b1b1b1b1b1b1b1b"},
		{con(FETCH, 15, "t", path("1"), second), "1b1b1b1b1b1b1b1b"}, // the latest
	} {
		w.receive(tt.m)
		if got := string(w.last().Payload); got != tt.want {
			t.Errorf("%d: %q, want %q", i, got, tt.want)
		}
	}
	w.expect(5, "-- request")
}

func TestBlock2Limit(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 16, MaxTransfers: 2})
	w.serveBody(numbered(40))
	for i, p := range []string{"1", "2", "3", "3"} {
		w.receive(con(GET, uint16(i), "t", path(p)))
	}
	if len(w.snapshots) != 2 || w.snapshotOf(Key{}) != nil {
		t.Errorf("%d bodies kept", len(w.snapshots))
	}
	w.receive(con(GET, 8, "t", path("2"), asks(Block2, 1, false, 16)))
	w.expect(4, "-- request")
	w.receive(con(GET, 9, "t", path("1"), asks(Block2, 1, false, 16))) // gave way: served anew
	w.expect(5, "-- request")
}

// reader is a body that is read block by block.
type reader struct {
	*bytes.Reader
	reads int
	err   error
}

func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	r.reads++
	return r.Reader.ReadAt(p, off)
}

func TestBlock2Reader(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	body := numbered(150)
	src := &reader{Reader: bytes.NewReader(body)}
	var opts Options
	w.serve = func(r *Request) {
		w.Respond(w.now, r.Ref, &Response{Code: Content, Options: opts, Body: src, Size: src.Size()})
	}
	if got := w.download("3", 1, 64, nothing); !bytes.Equal(got, body) || src.reads != 3 {
		t.Errorf("got %q in %d reads", got, src.reads)
	}
	opts.AddString(ETag, "mine")
	w.receive(con(GET, 20, "a", path("3")))
	if string(etagOf(w.last())) != "mine" {
		t.Errorf("ETag %q", etagOf(w.last()))
	}
	src.err = errors.New("disk")
	w.receive(con(GET, 21, "a", path("3"), asks(Block2, 1, false, 64)))
	w.receive(con(GET, 22, "a", path("3")))
	w.expect(2, "-> ACK 5.00")
	src.err, src.Reader = nil, bytes.NewReader(body[:20])
	w.receive(con(GET, 23, "a", path("3"), asks(Block2, 0, false, 64)))
	if string(w.last().Payload) != string(body[:20]) {
		t.Errorf("small body: %s", describe(w.last()))
	}
	w.serve = func(r *Request) {
		w.Respond(w.now, r.Ref, &Response{Code: Content, Body: src, Size: 1000})
	}
	w.receive(con(GET, 24, "a", path("3")))
	w.expect(3, "-> ACK 5.00")
}

// Blocks shrink so that the datagram stays within MaxMessageSize.
func TestBlock2FitsDatagram(t *testing.T) {
	w := newWire(t, &Params{MaxMessageSize: 200})
	body := numbered(1000)
	w.serveBody(body)
	if got := w.download("3", 1, 128, nothing); !bytes.Equal(got, body) {
		t.Errorf("got %q", got)
	}
	w.expect(7, "more/128")
	w.serve = func(r *Request) {
		w.Respond(w.now, r.Ref, &Response{Code: BadRequest, Payload: body})
	}
	w.receive(con(GET, 50, "a"))
	for _, m := range w.out {
		if b, _ := m.Append(nil); len(b) > 200 {
			t.Errorf("datagram of %d bytes", len(b))
		}
	}
}

// The body is kept as long as the peer goes on asking.
func TestBlock2SlowPeer(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	w.serveBody(numbered(200))
	w.receive(con(GET, 1, "a", path("3")))
	for n := range uint32(3) {
		w.wait(200 * time.Second)
		w.receive(con(GET, uint16(2+n), "a", path("3"), asks(Block2, 1+n, false, 64)))
	}
	w.expect(1, "-- request")
}

// A peer that asks for Size2 gets it with any block.
func TestBlock2Size(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	w.serveBody(numbered(100))
	w.receive(con(GET, 1, "a", path("3")))
	w.receive(con(GET, 2, "a", path("3"), asks(Block2, 1, false, 64)))
	w.receive(con(GET, 3, "a", path("3"), asks(Block2, 1, false, 64), uintOption(Size2, 0)))
	w.serveBody(numbered(10))
	w.receive(con(GET, 4, "a", path("3"), uintOption(Size2, 0)))
	w.expect(2, "Size2=100")
	w.expect(1, "-> ACK 2.05 mid=0004 token=61 Size2=10")
}

func TestBlock2LostBlock(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	body := numbered(128)
	w.serveBody(body)
	w.receive(con(GET, 1, "a", path("3")))
	last := con(GET, 2, "a", path("3"), asks(Block2, 1, false, 64))
	w.receive(last)
	w.wait(3 * time.Second)
	w.receive(last)
	again := last
	again.MessageID = 3
	w.receive(again)
	w.golden("block2_lost_last")
	w.expect(3, "Block2=1/last/64 [64 bytes")
	w.expect(1, "-- request")
}
