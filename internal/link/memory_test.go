package link

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

const serverURI = "coap://203.0.113.1"

var serverAddr = ap("203.0.113.1:5683")

// memoryPair is a network with a listening server and one client.
func memoryPair(t testing.TB, seed uint64) (m *Memory, server, client *notebook, l Link) {
	t.Helper()
	m, server, client = NewMemory(seed), new(notebook), new(notebook)
	listenOn(t, m, server)
	return m, server, client, dial(t, m, serverURI, client)
}

func listenOn(t testing.TB, m *Memory, s Sink) Listener {
	t.Helper()
	listener, err := m.Listen(context.Background(), serverAddr.String(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func addrPort(a net.Addr) netip.AddrPort { return a.(*net.UDPAddr).AddrPort() }

func TestMemoryBothWays(t *testing.T) {
	m, server, client, l := memoryPair(t, 1)
	server.reply = true
	send(t, l, "one", "two")
	wantData(t, client, "one", "two")
	notes := server.take()
	if len(notes) != 2 || notes[0].link != notes[1].link {
		t.Fatalf("server saw %v, want two datagrams of one peer", notes)
	}
	peer := notes[0].link
	if peer.Remote().String() != l.Local().String() || l.Remote().String() != serverAddr.String() {
		t.Errorf("addresses: %s dialled %s, peer is %s", l.Local(), l.Remote(), peer.Remote())
	}
	second := dial(t, m, serverURI, client)
	if second.Local().String() == l.Local().String() {
		t.Error("two links with one address")
	}
	send(t, second, "three")
	if other := server.take()[0].link; other == peer {
		t.Error("two clients are one peer")
	}
	peer.Close()
	if err := peer.Send([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
	send(t, l, "four")
	if again := server.take()[0].link; again == peer {
		t.Error("a closed peer link came back")
	}
	want := Stats{Sent: 4, Delivered: 4}
	if got := m.Stats(ToServer); got != want {
		t.Errorf("to server %+v, want %+v", got, want)
	}
}

func TestMemoryNames(t *testing.T) {
	m, server, client := NewMemory(1), new(notebook), new(notebook)
	listenOn(t, m, server)
	ctx := context.Background()
	named := target(t, "coap://lwm2m.example")
	var dns *net.DNSError
	if _, err := m.Dial(ctx, named, client); !errors.As(err, &dns) || !dns.IsNotFound {
		t.Errorf("unknown name: %v", err)
	}
	m.FailName("lwm2m.example")
	if _, err := m.Dial(ctx, named, client); !errors.As(err, &dns) || !dns.IsTemporary {
		t.Errorf("failing name: %v", err)
	}
	m.SetName("lwm2m.example")
	if _, err := m.Dial(ctx, named, client); !errors.As(err, &dns) || !dns.IsNotFound {
		t.Errorf("name without addresses: %v", err)
	}
	m.SetName("lwm2m.example", netip.MustParseAddr("203.0.113.9"), serverAddr.Addr())
	for named.Attempt = range 2 {
		l, err := m.Dial(ctx, named, client)
		if err != nil {
			t.Fatal(err)
		}
		send(t, l, "hello")
		l.Close()
	}
	if notes := client.take(); len(notes) != 1 || !errors.Is(notes[0].err, ErrUnreachable) {
		t.Errorf("first address: %v, want ErrUnreachable", notes)
	}
	wantData(t, server, "hello")
}

func TestMemoryDialErrors(t *testing.T) {
	m, _, client, l := memoryPair(t, 1)
	ctx, cancel := context.WithCancel(context.Background())
	taken := m.From(addrPort(l.Local()))
	if _, err := taken.Dial(ctx, target(t, serverURI), client); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("taken address: %v", err)
	}
	if _, err := m.Dial(ctx, target(t, "coaps://203.0.113.1"), client); !errors.Is(err, ErrScheme) {
		t.Errorf("coaps: %v", err)
	}
	cancel()
	if _, err := m.Dial(ctx, target(t, serverURI), client); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	for _, address := range []string{"203.0.113.1", "203.0.113.1:x", "nobody:5683", serverAddr.String()} {
		if _, err := m.Listen(context.Background(), address, client); err == nil {
			t.Errorf("listening on %s succeeded", address)
		}
	}
	l.Close()
	again, err := taken.Dial(context.Background(), target(t, serverURI), client)
	if err != nil {
		t.Fatalf("address of a closed link: %v", err)
	}
	closeTwice(t, again)
}

func TestMemoryRebind(t *testing.T) {
	m, server, client, l := memoryPair(t, 1)
	send(t, l, "before")
	old := server.take()[0].link
	to, err := m.Rebind(l, netip.AddrPort{})
	if err != nil || to.String() != l.Local().String() {
		t.Fatalf("Rebind: %v, %v; Local %v", to, err, l.Local())
	}
	send(t, old, "to the old address") // sent, and lost
	if notes := client.take(); len(notes) != 0 {
		t.Errorf("client got %v over the old address", notes)
	}
	send(t, l, "after")
	peer := server.take()[0].link
	if peer == old || addrPort(peer.Remote()) != to {
		t.Errorf("server sees %v, want the new address %v", peer.Remote(), to)
	}
	send(t, peer, "answer")
	wantData(t, client, "answer")
	if _, err := m.Rebind(l, serverAddr); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Rebind to the server's address: %v", err)
	}
	if _, err := m.Rebind(peer, netip.AddrPort{}); err == nil {
		t.Error("Rebind of a peer link succeeded")
	}
	l.Close()
	if _, err := m.Rebind(l, netip.AddrPort{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Rebind of a closed link: %v", err)
	}
}

func TestMemoryStates(t *testing.T) {
	m, server, client, l := memoryPair(t, 1)
	send(t, l, "up")
	peer := server.take()[0].link
	m.SetState(serverAddr, Silent)
	send(t, l, "into the void")
	send(t, peer, "out of it")
	m.SetState(serverAddr, Refusing)
	send(t, l, "refused")
	m.SetState(serverAddr, Up)
	send(t, l, "up again")
	wantData(t, server, "up again")
	notes := client.take()
	if len(notes) != 1 || notes[0].link != l || !errors.Is(notes[0].err, ErrUnreachable) ||
		!errors.Is(notes[0].err, syscall.ECONNREFUSED) {
		t.Errorf("client was told %v, want one refusal", notes)
	}
	m.SetState(addrPort(l.Local()), Offline)
	if err := l.Send([]byte("x")); !errors.Is(err, ErrUnreachable) {
		t.Errorf("Send while offline: %v", err)
	}
	send(t, peer, "lost")
	m.SetState(addrPort(l.Local()), Up)
	send(t, peer, "back")
	wantData(t, client, "back")
	if got, want := m.Stats(ToServer), (Stats{Sent: 4, Delivered: 2, Lost: 1, Refused: 1}); got != want {
		t.Errorf("to server %+v, want %+v", got, want)
	}
	if got, want := m.Stats(ToClient), (Stats{Sent: 3, Delivered: 1, Lost: 2}); got != want {
		t.Errorf("to client %+v, want %+v", got, want)
	}
}

func TestMemoryInject(t *testing.T) {
	m, server, client, l := memoryPair(t, 1)
	local, stranger := addrPort(l.Local()), ap("198.51.100.7:4000")
	for _, test := range []struct {
		from, to netip.AddrPort
		want     bool
	}{
		{stranger, local, false},
		{netip.AddrPortFrom(serverAddr.Addr(), 5700), local, false},
		{serverAddr, local, true}, // forged
		{stranger, serverAddr, true},
		{stranger, ap("203.0.113.77:5683"), false},
	} {
		if got := m.Inject(test.from, test.to, []byte("evil")); got != test.want {
			t.Errorf("Inject from %s to %s: %v, want %v", test.from, test.to, got, test.want)
		}
	}
	wantData(t, client, "evil")
	if notes := server.take(); len(notes) != 1 || addrPort(notes[0].link.Remote()) != stranger {
		t.Errorf("server saw %v", notes)
	}
	if got, want := m.Stats(ToClient), (Stats{Sent: 3, Delivered: 1, Strangers: 2}); got != want {
		t.Errorf("to client %+v, want %+v", got, want)
	}
}

func TestMemoryServerSpeaksFirst(t *testing.T) {
	m, server, client := NewMemory(1), new(notebook), new(notebook)
	listener := listenOn(t, m, server)
	l := dial(t, m, serverURI, client)
	peer, err := listener.Peer(l.Local())
	if err != nil {
		t.Fatal(err)
	}
	send(t, peer, "wake up")
	wantData(t, client, "wake up")
	send(t, l, "awake")
	if got := server.take()[0].link; got != peer {
		t.Error("the answer came on another link")
	}
	if _, err := listener.Peer(&net.TCPAddr{}); err == nil {
		t.Error("Peer took a TCP address")
	}
	listener.Close()
	listener.Close()
	if err := peer.Send(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Send of a peer whose listener is closed: %v", err)
	}
	if _, err := listener.Peer(l.Local()); !errors.Is(err, ErrClosed) {
		t.Errorf("Peer of a closed listener: %v", err)
	}
	send(t, l, "anyone?")
	if notes := client.take(); len(notes) != 1 || !errors.Is(notes[0].err, ErrUnreachable) {
		t.Errorf("after the listener closed the client was told %v", notes)
	}
}

func TestMemoryIPv6AndPorts(t *testing.T) {
	m, server := NewMemory(1), &notebook{reply: true}
	l, err := m.Listen(context.Background(), "[2001:db8:1::1]:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if addrPort(l.Addr()).Port() == 0 {
		t.Error("no port chosen")
	}
	client := new(notebook)
	c := dial(t, m, "coap://"+l.Addr().String(), client)
	send(t, c, "six")
	wantData(t, client, "six")
	if !addrPort(c.Local()).Addr().Is6() {
		t.Errorf("local address %s", c.Local())
	}
}
