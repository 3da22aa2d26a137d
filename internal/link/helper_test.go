package link

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// note is what a Sink was told.
type note struct {
	link Link
	data string
	err  error
}

// notebook is a Sink that keeps everything.
type notebook struct {
	mu    sync.Mutex
	notes []note
	news  chan note // gets everything too, if not nil
	reply bool      // answer each datagram with itself
}

func (n *notebook) add(x note) {
	n.mu.Lock()
	n.notes = append(n.notes, x)
	n.mu.Unlock()
	if n.news != nil {
		n.news <- x
	}
}

func (n *notebook) Input(l Link, datagram []byte) {
	n.add(note{link: l, data: string(datagram)})
	if n.reply {
		l.Send(datagram)
	}
}

func (n *notebook) Down(l Link, err error) { n.add(note{link: l, err: err}) }

// take gives the notes so far and forgets them.
func (n *notebook) take() []note {
	n.mu.Lock()
	defer n.mu.Unlock()
	notes := n.notes
	n.notes = nil
	return notes
}

// data gives the datagrams so far and forgets them.
func (n *notebook) data() []string {
	var all []string
	for _, x := range n.take() {
		if x.err == nil {
			all = append(all, x.data)
		}
	}
	return all
}

func wantData(t testing.TB, n *notebook, want ...string) {
	t.Helper()
	if got := n.data(); !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func target(t testing.TB, uri string) Target {
	t.Helper()
	target, err := ParseURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func dial(t testing.TB, n Network, uri string, s Sink) Link {
	t.Helper()
	l, err := n.Dial(context.Background(), target(t, uri), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func send(t testing.TB, l Link, datagrams ...string) {
	t.Helper()
	for _, d := range datagrams {
		if err := l.Send([]byte(d)); err != nil {
			t.Fatalf("send %q: %v", d, err)
		}
	}
}

func closeTwice(t testing.TB, l Link) {
	t.Helper()
	for range 2 {
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}
