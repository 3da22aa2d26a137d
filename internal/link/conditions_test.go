package link

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/internal/golden"
)

// pass lets virtual time pass and waits until all is quiet.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestDelayIsExactAndKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, server, client, l := memoryPair(t, 1)
		server.reply = true
		m.SetConditions(ToServer, Conditions{Delay: 100 * time.Millisecond})
		m.SetConditions(ToClient, Conditions{Delay: 50 * time.Millisecond})
		var want []string
		for i := range 50 {
			want = append(want, fmt.Sprint(i))
		}
		buffer := make([]byte, 2)
		for _, w := range want {
			n := copy(buffer, w) // the sender's buffer is its own again after Send
			if err := l.Send(buffer[:n]); err != nil {
				t.Fatal(err)
			}
		}
		pass(100*time.Millisecond - 1)
		if got := server.take(); len(got) != 0 {
			t.Errorf("%d datagrams before their time", len(got))
		}
		pass(1)
		wantData(t, server, want...)
		pass(50*time.Millisecond - 1)
		wantData(t, client)
		pass(1)
		wantData(t, client, want...)
	})
}

func TestEarlierPacketOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, server, _, l := memoryPair(t, 1)
		m.SetConditions(ToServer, Conditions{Reorder: 1, Delay: time.Millisecond})
		send(t, l, "held back")
		m.SetConditions(ToServer, Conditions{Delay: time.Millisecond})
		send(t, l, "overtakes")
		pass(time.Millisecond)
		wantData(t, server, "overtakes")
		pass(DefaultHoldBack)
		wantData(t, server, "held back")
		if got := m.Stats(ToServer).Reordered; got != 1 {
			t.Errorf("Reordered = %d, want 1", got)
		}
	})
}

func TestClosedLinkGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, server, client, l := memoryPair(t, 1)
		send(t, l, "hello")
		m.SetConditions(ToClient, Conditions{Delay: time.Second})
		send(t, server.take()[0].link, "late")
		l.Close()
		pass(time.Minute)
		wantData(t, client)
	})
}

func TestCorruptionLeavesTheSendersBytes(t *testing.T) {
	m, server, _, l := memoryPair(t, 7)
	m.SetConditions(ToServer, Conditions{Corrupt: 1})
	sent := strings.Repeat("\x00", 20)
	for range 200 {
		send(t, l, sent)
	}
	for _, got := range server.data() {
		flipped := 0
		for _, b := range []byte(got) {
			flipped += bits.OnesCount8(b)
		}
		if len(got) != len(sent) || flipped < 1 || flipped > 3 {
			t.Fatalf("arrived as %q: %d bits flipped, want 1 to 3", got, flipped)
		}
	}
	send(t, l, "")
	wantData(t, server, "")
}

// Each chance comes about as often as it says: within five standard deviations.
func TestChances(t *testing.T) {
	const n = 20000
	m, server, _, l := memoryPair(t, 42)
	c := Conditions{Loss: 0.1, Duplicate: 0.2, Corrupt: 0.05}
	m.SetConditions(ToServer, c)
	for range n {
		send(t, l, "datagram")
	}
	s := m.Stats(ToServer)
	for _, x := range []struct {
		what string
		got  uint64
		of   uint64
		p    float64
	}{
		{"lost", s.Lost, n, c.Loss},
		{"duplicated", s.Duplicated, n - s.Lost, c.Duplicate},
		{"corrupted", s.Corrupted, n - s.Lost, c.Corrupt},
	} {
		mean := float64(x.of) * x.p
		if math.Abs(float64(x.got)-mean) > 5*math.Sqrt(mean*(1-x.p)) {
			t.Errorf("%d of %d %s, expected about %.0f", x.got, x.of, x.what, mean)
		}
	}
	if got := uint64(len(server.take())); got != s.Delivered || got != n-s.Lost+s.Duplicated {
		t.Errorf("%d arrived; stats %+v", got, s)
	}
}

// Whatever the conditions, what is counted adds up.
func TestCountsAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		chance := rapid.Float64Range(0, 1)
		c := Conditions{
			Loss: chance.Draw(rt, "loss"), Duplicate: chance.Draw(rt, "duplicate"),
			Corrupt: chance.Draw(rt, "corrupt"),
		}
		m, server, _, l := memoryPair(t, rapid.Uint64().Draw(rt, "seed"))
		m.SetConditions(ToServer, c)
		for range 50 {
			send(t, l, "x")
		}
		s, arrived := m.Stats(ToServer), uint64(len(server.take()))
		if s.Sent != 50 || s.Delivered != arrived || s.Delivered+s.Lost != s.Sent+s.Duplicated {
			rt.Fatalf("%d arrived, %+v", arrived, s)
		}
	})
}

// Two links send at the same time; what happens to each depends on the seed
// only.
func TestSameSeedSameFate(t *testing.T) {
	run := func(seed uint64) map[string][]string {
		m, server := NewMemory(seed), new(notebook)
		m.SetConditions(ToServer, Conditions{Loss: 0.3, Duplicate: 0.3, Corrupt: 0.3})
		listenOn(t, m, server)
		a, b := dial(t, m, serverURI, nil), dial(t, m, serverURI, nil)
		var wg sync.WaitGroup
		for _, l := range []Link{a, b} {
			wg.Go(func() {
				for i := range 100 {
					l.Send(fmt.Appendf(nil, "datagram %d", i))
				}
			})
		}
		wg.Wait()
		got := make(map[string][]string)
		for _, x := range server.take() {
			from := x.link.Remote().String()
			got[from] = append(got[from], x.data)
		}
		a.Close()
		b.Close()
		return got
	}
	first, second, other := run(1), run(1), run(2)
	if len(first) != 2 {
		t.Fatalf("datagrams from %d clients, want 2", len(first))
	}
	for from := range first {
		if !slices.Equal(first[from], second[from]) {
			t.Errorf("%s: not the same with the same seed", from)
		}
		if slices.Equal(first[from], other[from]) {
			t.Errorf("%s: the same with another seed", from)
		}
	}
}

func TestFilterLosesWhatItIsTold(t *testing.T) {
	m, server, _, l := memoryPair(t, 1)
	n := 0
	m.SetFilter(func(p Packet) bool {
		n++
		return p.Direction != ToServer || n != 2 || p.To != serverAddr || string(p.Data) != "two"
	})
	send(t, l, "one", "two", "three")
	m.SetFilter(nil)
	send(t, l, "two")
	wantData(t, server, "one", "three", "two")
}

// The trace of a bad line, as a transcript: a change in it is a change of what
// a seed means to everyone's tests.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, server, _, l := memoryPair(t, 2026)
		server.reply = true
		begin := time.Now()
		var text strings.Builder
		m.SetTrace(func(h Happening) {
			fmt.Fprintf(&text, "%6.3f %s: %s > %s %q %s\n",
				time.Since(begin).Seconds(), h.Direction, h.From, h.To, h.Data, h.Outcome)
		})
		bad := Conditions{
			Loss: 0.2, Duplicate: 0.2, Reorder: 0.2, Corrupt: 0.2,
			Delay: 20 * time.Millisecond, Jitter: 30 * time.Millisecond, HoldBack: 80 * time.Millisecond,
		}
		m.SetConditions(ToServer, bad)
		m.SetConditions(ToClient, bad)
		for i := range 12 {
			send(t, l, fmt.Sprintf("message %d", i))
			pass(40 * time.Millisecond)
		}
		pass(time.Second)
		m.Inject(ap("198.51.100.7:4000"), addrPort(l.Local()), []byte("stranger"))
		m.SetState(serverAddr, Refusing)
		m.SetConditions(ToServer, Conditions{})
		send(t, l, "anyone there?")
		golden.Compare(t, "testdata/conditions.txt", []byte(text.String()))
	})
}
