package coap

import (
	"encoding/hex"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
	"unsafe"
)

func BenchmarkParse(b *testing.B) {
	datagram, _ := hex.DecodeString(vectors[0].hex)
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Parse(datagram); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	datagram, _ := hex.DecodeString(vectors[0].hex)
	var m Message
	if err := m.Parse(datagram); err != nil {
		b.Fatal(err)
	}
	buffer := make([]byte, 0, 200)
	b.ReportAllocs()
	for b.Loop() {
		buffer, _ = m.Append(buffer[:0])
	}
}

// server answers each request at once.
type server struct {
	conn *Conn
	resp Response
	sent int
}

func (s *server) Transmit(datagram []byte)                 { s.sent += len(datagram) }
func (s *server) ObservationEnded(time.Time, Token, error) {}
func (s *server) ServeRequest(now time.Time, r *Request)   { s.conn.Respond(now, r.Ref, &s.resp) }

// reads returns a function that passes a Read of one resource through a Conn,
// with a new Message-ID and a later time each.
func reads(p *Params) func() *server {
	s := &server{resp: Response{Code: Content, Payload: []byte("22.5")}}
	s.resp.Options.AddUint(ContentFormat, 0)
	s.conn = NewConn(p, s, rand.New(rand.NewPCG(1, 2)))
	s.conn.UseScratch(new(Scratch))
	datagram, _ := hex.DecodeString("420100010102b1330130013060")
	now, mid := epoch, uint16(0)
	return func() *server {
		mid++
		datagram[2], datagram[3] = byte(mid>>8), byte(mid)
		now = now.Add(time.Millisecond)
		s.conn.Receive(now, datagram)
		return s
	}
}

func BenchmarkReadWarm(b *testing.B) {
	read := reads(nil)
	b.ReportAllocs()
	for b.Loop() {
		read()
	}
}

func BenchmarkNotifyNonConfirmable(b *testing.B) {
	s := &server{}
	c := NewConn(nil, s, rand.New(rand.NewPCG(1, 2)))
	n := Notification{Token: MakeToken([]byte("abcd")), Code: Content, Payload: []byte("22.5")}
	n.Options.AddUint(ContentFormat, 0)
	b.ReportAllocs()
	for b.Loop() {
		n.Sequence = ObserveSequence(n.Sequence)
		if err := c.Notify(epoch, &n); err != nil {
			b.Fatal(err)
		}
	}
}

// discard takes a stream and asks for more.
type discard struct {
	server
	bytes int64
}

func (d *discard) StreamRequest(time.Time, *Request) Sink { return d }
func (d *discard) Abort(time.Time, error)                 {}
func (d *discard) Block(now time.Time, ref Ref, _ int64, data []byte, _ bool) {
	d.bytes += int64(len(data))
	d.conn.Continue(now, ref)
}

// streams returns a function that passes the next block of an endless upload
// through a Conn.
func streams() (*discard, func()) {
	d := new(discard)
	d.conn = NewConn(nil, d, rand.New(rand.NewPCG(1, 2)))
	body, now, n := make([]byte, 1024), epoch, uint32(0)
	var datagram []byte
	return d, func() {
		m := Message{Code: PUT, MessageID: uint16(n), Payload: body}
		m.Options.AddPath(UriPath, "/5/0/0")
		m.Options.AddBlock(Block1, Block{Number: n, More: true, SZX: 6})
		datagram, _ = m.Append(datagram[:0])
		now = now.Add(time.Millisecond)
		d.conn.Receive(now, datagram)
		n++
	}
}

func BenchmarkBlock1Stream(b *testing.B) {
	_, next := streams()
	b.SetBytes(1024)
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}

// A firmware of 100 MB passes through, and little of it stays.
func TestStreamMemory(t *testing.T) {
	d, next := streams()
	next()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 100 << 10 {
		next()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if d.bytes != 100<<20+1024 {
		t.Fatalf("%d bytes arrived", d.bytes)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 256<<10 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	runtime.KeepAlive(d)
}

func TestReadAllocations(t *testing.T) {
	read := reads(nil)
	for range 200 {
		read()
	}
	if n := testing.AllocsPerRun(1000, func() {
		before := read().sent
		if read().sent == before {
			t.Fatal("not answered")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConnSize(t *testing.T) {
	if size := unsafe.Sizeof(Conn{}); size > 400 {
		t.Errorf("an idle Conn takes %d bytes", size)
	}
}
