package coap

import (
	"encoding/hex"
	"math/rand/v2"
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
