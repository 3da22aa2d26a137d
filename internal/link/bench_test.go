package link

import (
	"context"
	"net"
	"runtime"
	"testing"
)

// echoSink answers each datagram with itself.
type echoSink struct{}

func (*echoSink) Input(l Link, datagram []byte) { l.Send(datagram) }
func (*echoSink) Down(Link, error)              {}

// arrivals is a Sink that tells the length of each datagram.
type arrivals chan int

func (a arrivals) Input(_ Link, datagram []byte) { a <- len(datagram) }
func (a arrivals) Down(Link, error)              {}

func benchmarkEcho(b *testing.B, l Link, answers arrivals) {
	datagram := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Send(datagram); err != nil {
			b.Fatal(err)
		}
		if <-answers != len(datagram) {
			b.Fatal("answer of another length")
		}
	}
}

// BenchmarkUDPEcho is a datagram to a Listener and back.
func BenchmarkUDPEcho(b *testing.B) {
	listener := listenUDP(b, &UDP{}, "127.0.0.1:0", &echoSink{})
	answers := make(arrivals, 1)
	benchmarkEcho(b, dial(b, &UDP{}, uriOf(listener), answers), answers)
}

// BenchmarkUDPEchoBare is the same with sockets only, for comparison.
func BenchmarkUDPEchoBare(b *testing.B) {
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for buf := make([]byte, 4096); ; {
			n, from, err := server.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			server.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	defer func() { server.Close(); <-ended }()
	conn, err := net.Dial("udp", server.LocalAddr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	datagram, buf := make([]byte, 64), make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		conn.Write(datagram)
		conn.Read(buf)
	}
}

// BenchmarkMemoryEcho is a datagram to a Listener of the in-memory network and
// back.
func BenchmarkMemoryEcho(b *testing.B) {
	m, answers := NewMemory(1), make(arrivals, 1)
	listenOn(b, m, &echoSink{})
	benchmarkEcho(b, dial(b, m, serverURI, answers), answers)
}

// manyMemoryLinks dials n links, each of which has sent, and gives the bytes of
// heap for one at both ends together.
func manyMemoryLinks(t testing.TB, n int) float64 {
	m, sink, to := NewMemory(1), &echoSink{}, target(t, serverURI)
	listenOn(t, m, sinkless{})
	links := make([]Link, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range links {
		l, err := m.Dial(context.Background(), to, sink)
		if err != nil {
			t.Fatal(err)
		}
		l.Send(nil)
		links[i] = l
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(links)
	runtime.KeepAlive(m)
	return float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
}

// sinkless does nothing.
type sinkless struct{}

func (sinkless) Input(Link, []byte) {}
func (sinkless) Down(Link, error)   {}

// BenchmarkMemoryLinks reports the heap for each of 100,000 links, both ends
// together.
func BenchmarkMemoryLinks(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(manyMemoryLinks(b, 100_000), "B/link-pair")
	}
}

func TestMemoryLinkIsSmall(t *testing.T) {
	if got := manyMemoryLinks(t, 10_000); got > 2*200 {
		t.Errorf("%.0f bytes for both ends of a link, want at most 200 each", got)
	}
}

func TestMemoryDoesNotAllocate(t *testing.T) {
	m, answers := NewMemory(1), make(arrivals, 1)
	listenOn(t, m, &echoSink{})
	l, datagram := dial(t, m, serverURI, answers), make([]byte, 100)
	got := testing.AllocsPerRun(100, func() {
		l.Send(datagram)
		<-answers
	})
	if got != 0 {
		t.Errorf("%v allocations for a datagram there and back, want 0", got)
	}
}
