package link

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds waits for the kernel. Tests that pass do not wait that long.
const patience = 10 * time.Second

func newNotebook() *notebook { return &notebook{news: make(chan note, 100)} }

// next waits for the next thing a Sink is told.
func (n *notebook) next(t testing.TB) note {
	t.Helper()
	select {
	case x := <-n.news:
		return x
	case <-time.After(patience):
		t.Fatal("nothing arrives")
		return note{}
	}
}

func (n *notebook) want(t testing.TB, data string) Link {
	t.Helper()
	x := n.next(t)
	if x.err != nil || x.data != data {
		t.Fatalf("got %q, %v; want %q", x.data, x.err, data)
	}
	return x.link
}

func listenUDP(t testing.TB, u *UDP, address string, s Sink) Listener {
	t.Helper()
	l, err := u.Listen(context.Background(), address, s)
	if err != nil {
		t.Skipf("cannot listen on %s here: %v", address, err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func uriOf(l Listener) string { return "coap://" + l.Addr().String() }

func TestUDPBothWays(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		server, client := newNotebook(), newNotebook()
		listener := listenUDP(t, &UDP{}, address, server)
		l := dial(t, &UDP{}, uriOf(listener), client)
		send(t, l, "one", "two")
		peer := server.want(t, "one")
		if again := server.want(t, "two"); again != peer {
			t.Error("one client is two peers")
		}
		if peer.Remote().String() != l.Local().String() || l.Remote().String() != listener.Addr().String() ||
			peer.Local().String() != l.Remote().String() {
			t.Errorf("addresses: %s dialled %s, peer of %s is %s", l.Local(), l.Remote(), peer.Local(), peer.Remote())
		}
		send(t, peer, "three", "")
		client.want(t, "three")
		client.want(t, "")
		if l.MTU() != DefaultMTU || l.Reliable() || peer.MTU() != DefaultMTU || peer.Reliable() {
			t.Error("MTU or Reliable is wrong")
		}
		peer.Close()
		if err := peer.Send([]byte("x")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send of a closed peer: %v", err)
		}
		send(t, l, "four")
		again := server.want(t, "four")
		if again == peer {
			t.Error("a closed peer came back")
		}
		if p, err := listener.Peer(l.Local()); err != nil || p != again {
			t.Errorf("Peer(%s) = %v, %v; want the one known", l.Local(), p, err)
		}
		closeTwice(t, l)
		if err := l.Send([]byte("x")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send after Close: %v", err)
		}
	}
}

// A refused datagram is news; the link goes on, and works once the server is
// up.
func TestUDPSurvivesICMP(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("relies on how Linux reports ICMP errors on loopback")
	}
	server, client := newNotebook(), newNotebook()
	listener := listenUDP(t, &UDP{}, "127.0.0.1:0", server)
	address := listener.Addr().String()
	l := dial(t, &UDP{}, "coap://"+address, client)
	listener.Close()
	for range 3 {
		send(t, l, "anyone?")
		x := client.next(t)
		if x.link != l || !errors.Is(x.err, ErrUnreachable) || errors.Is(x.err, ErrClosed) ||
			!errors.Is(x.err, syscall.ECONNREFUSED) {
			t.Fatalf("told %q, %v; want ErrUnreachable", x.data, x.err)
		}
	}
	listenUDP(t, &UDP{}, address, server)
	send(t, l, "hello")
	send(t, server.want(t, "hello"), "welcome")
	client.want(t, "welcome")
}

// A socket may report a refusal to Send, in place of sending what it was given.
func TestUDPSendsAgainAfterICMP(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("relies on how Linux reports ICMP errors on loopback")
	}
	server, client := newNotebook(), newNotebook()
	listener := listenUDP(t, &UDP{}, "127.0.0.1:0", server)
	address := listener.Addr().String()
	listener.Close()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	// Without a reader, so that it is always Send that gets the error.
	l := &udpLink{conn: conn.(*net.UDPConn), sink: client, closed: make(chan struct{})}
	defer l.Close()
	send(t, l, "refused")
	listenUDP(t, &UDP{}, address, server)
	send(t, l, "hello")
	if x := client.next(t); x.link != l || !errors.Is(x.err, ErrUnreachable) {
		t.Errorf("told %v, want ErrUnreachable", x.err)
	}
	server.want(t, "hello")
}

func TestUDPDropsStrangers(t *testing.T) {
	server, client := newNotebook(), newNotebook()
	listener := listenUDP(t, &UDP{}, "127.0.0.1:0", server)
	other := listenUDP(t, &UDP{}, "127.0.0.1:0", newNotebook())
	l := dial(t, &UDP{}, uriOf(listener), client)
	stranger, err := other.Peer(l.Local())
	if err != nil {
		t.Fatal(err)
	}
	send(t, stranger, "evil")
	friend, err := listener.Peer(l.Local())
	if err != nil {
		t.Fatal(err)
	}
	send(t, friend, "good")
	client.want(t, "good")
}

func TestUDPTooLarge(t *testing.T) {
	server, client := newNotebook(), newNotebook()
	listener := listenUDP(t, &UDP{MaxDatagram: 100}, "127.0.0.1:0", server)
	l := dial(t, &UDP{MaxDatagram: 200}, uriOf(listener), client)
	send(t, l, strings.Repeat("x", 101), strings.Repeat("y", 100))
	peer := server.want(t, strings.Repeat("y", 100))
	send(t, peer, strings.Repeat("x", 201))
	if x := client.next(t); x.link != l || !errors.Is(x.err, ErrTooLarge) {
		t.Errorf("told %v, want ErrTooLarge", x.err)
	}
	send(t, peer, strings.Repeat("y", 200))
	client.want(t, strings.Repeat("y", 200))
	for _, link := range []Link{l, peer} {
		if err := link.Send(make([]byte, 70000)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("sending 70000 bytes: %v, want ErrTooLarge", err)
		}
	}
}

func TestUDPKeepsPort(t *testing.T) {
	server := newNotebook()
	listener := listenUDP(t, &UDP{}, "127.0.0.1:0", server)
	u := &UDP{KeepPort: true}
	first := dial(t, u, uriOf(listener), newNotebook())
	port := addrPort(first.Local()).Port()
	meanwhile := dial(t, u, uriOf(listener), newNotebook())
	if got := addrPort(meanwhile.Local()).Port(); got == port {
		t.Fatalf("two sockets on port %d", got)
	}
	first.Close()
	port = addrPort(meanwhile.Local()).Port()
	meanwhile.Close()
	again := dial(t, u, uriOf(listener), newNotebook())
	if got := addrPort(again.Local()).Port(); got != port {
		t.Errorf("port %d after %d", got, port)
	}
}

func TestUDPSocketOptions(t *testing.T) {
	var networks []string
	u := &UDP{
		Control: func(network, _ string, c syscall.RawConn) error {
			networks = append(networks, network)
			return nil
		},
		LocalAddr: netip.MustParseAddrPort("127.0.0.1:0"),
		MTU:       500,
	}
	listener := listenUDP(t, u, "127.0.0.1:0", newNotebook())
	l := dial(t, u, uriOf(listener), newNotebook())
	if len(networks) != 2 || l.MTU() != 500 {
		t.Errorf("Control called for %v, MTU %d", networks, l.MTU())
	}
	_, err := u.Dial(context.Background(), target(t, "coap://[::1]"), newNotebook())
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("IPv6 from an IPv4 address: %v, want ErrUnreachable", err)
	}
	both := &table{answers: [][]netip.Addr{{netip.MustParseAddr("::1"), netip.MustParseAddr("::2")}}}
	_, err = (&UDP{LocalAddr: u.LocalAddr, Resolver: both}).Dial(
		context.Background(), target(t, "coap://server.example"), newNotebook())
	if err == nil || !strings.Contains(err.Error(), "[::1]:5683") || !strings.Contains(err.Error(), "[::2]:5683") {
		t.Errorf("two addresses without a route: %v, want both named", err)
	}
	refuse := errors.New("no such interface")
	u.Control = func(string, string, syscall.RawConn) error { return refuse }
	if _, err := u.Dial(context.Background(), target(t, uriOf(listener)), newNotebook()); !errors.Is(err, refuse) {
		t.Errorf("Dial: %v, want the error of Control", err)
	}
	if _, err := u.Listen(context.Background(), "127.0.0.1:0", newNotebook()); !errors.Is(err, refuse) {
		t.Errorf("Listen: %v, want the error of Control", err)
	}
}

// table is a Resolver that gives one answer after another.
type table struct {
	answers [][]netip.Addr
	asked   []string
}

func (r *table) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	r.asked = append(r.asked, network+" "+host)
	answer := r.answers[0]
	r.answers = r.answers[1:]
	return answer, ctx.Err()
}

func TestUDPResolvesAnew(t *testing.T) {
	v4, v6, mapped := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:127.0.0.3")
	r := &table{answers: [][]netip.Addr{{v4, v6}, {mapped}, {v6, v4}, {v4, mapped}, {}}}
	u := &UDP{Resolver: r, LocalAddr: ap("127.0.0.1:0")}
	to := target(t, "coap://server.example:7000")
	for _, want := range []struct {
		attempt uint
		remote  string
	}{{0, "127.0.0.1:7000"}, {0, "127.0.0.3:7000"}, {0, "127.0.0.1:7000"}, {3, "127.0.0.3:7000"}} {
		to.Attempt = want.attempt
		l, err := u.Dial(context.Background(), to, newNotebook())
		if err != nil {
			t.Fatal(err)
		}
		if l.Remote().String() != want.remote {
			t.Errorf("attempt %d: dialled %s, want %s", want.attempt, l.Remote(), want.remote)
		}
		l.Close()
	}
	var dns *net.DNSError
	if _, err := u.Dial(context.Background(), to, newNotebook()); !errors.As(err, &dns) || dns.Name != "server.example" {
		t.Errorf("no addresses: %v", err)
	}
	if len(r.asked) != 5 || r.asked[4] != "ip server.example" {
		t.Errorf("asked %v", r.asked)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	r.answers = [][]netip.Addr{{v4}}
	if _, err := u.Dial(ended, to, newNotebook()); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	if _, err := u.Dial(context.Background(), target(t, "coaps://127.0.0.1"), newNotebook()); !errors.Is(err, ErrScheme) {
		t.Errorf("coaps: %v", err)
	}
}

func TestListenerForgetsTheIdle(t *testing.T) {
	server := newNotebook()
	listener := listenUDP(t, &UDP{MaxPeers: 2}, "127.0.0.1:0", server)
	var links, peers []Link
	for i := range 2 {
		links = append(links, dial(t, &UDP{}, uriOf(listener), newNotebook()))
		send(t, links[i], "hello")
		peers = append(peers, server.want(t, "hello"))
	}
	send(t, peers[0], "sending is use, too")
	third := dial(t, &UDP{}, uriOf(listener), newNotebook())
	send(t, third, "me")
	x := server.next(t)
	if x.link != peers[1] || !errors.Is(x.err, ErrPeerLimit) || !errors.Is(x.err, ErrClosed) {
		t.Fatalf("told %q, %v; want the second peer closed with ErrPeerLimit", x.data, x.err)
	}
	server.want(t, "me")
	if err := peers[1].Send([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Send of the forgotten peer: %v", err)
	}
	if peers[1].Close() != nil {
		t.Error("Close of the forgotten peer failed")
	}
	send(t, links[0], "still known")
	if server.want(t, "still known") != peers[0] {
		t.Error("the first peer was forgotten, too")
	}
	if _, err := listener.Peer(links[1].Local()); err != nil {
		t.Fatal(err)
	}
	if x := server.next(t); !errors.Is(x.err, ErrPeerLimit) {
		t.Errorf("Peer made no room: %v", x.err)
	}
	listener.Close()
	if _, err := listener.Peer(links[0].Local()); !errors.Is(err, ErrClosed) {
		t.Errorf("Peer of a closed listener: %v", err)
	}
	if err := peers[0].Send([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Send of a closed listener's peer: %v", err)
	}
}

// A connected socket hears nothing from another address than it dialled, so an
// answer that arrives has left from the right one.
func TestAnswersLeaveFromTheAddressAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux only")
	}
	for address, host := range map[string]string{"0.0.0.0:0": "127.0.0.2", ":0": "127.0.0.3", "[::]:0": "[::1]"} {
		server, client := newNotebook(), newNotebook()
		listener := listenUDP(t, &UDP{}, address, server)
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		l := dial(t, &UDP{}, "coap://"+host+":"+port, client)
		send(t, l, "ping")
		peer := server.want(t, "ping")
		if peer.Local().String() != host+":"+port || addrPort(peer.Remote()) != addrPort(l.Local()) {
			t.Errorf("%s: peer has %s to %s", address, peer.Local(), peer.Remote())
		}
		send(t, peer, "pong")
		client.want(t, "pong")
	}
}

func TestListenErrors(t *testing.T) {
	listener := listenUDP(t, &UDP{}, "127.0.0.1:0", newNotebook())
	for _, address := range []string{"nonsense", listener.Addr().String()} {
		if _, err := ListenUDP(address, newNotebook()); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("listening on %s: %v", address, err)
		}
	}
}

// An error that stays must not make a reader spin.
func TestPauseGrows(t *testing.T) {
	closed := make(chan struct{})
	p := pause{closed: closed, next: maxPause / 2}
	close(closed)
	if !p.after(syscall.ECONNREFUSED) || p.next != maxPause/2 {
		t.Error("an ICMP error makes the reader wait")
	}
	for range 3 {
		if p.after(net.ErrWriteToConnected) || p.next != maxPause {
			t.Errorf("next pause %v, want %v", p.next, maxPause)
		}
	}
	if p.reset(); p.after(net.ErrWriteToConnected) || p.next != firstPause {
		t.Errorf("pause after success %v, want %v", p.next, firstPause)
	}
}

func TestUDPDoesNotAllocate(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		client := make(arrivals, 1)
		listener := listenUDP(t, &UDP{}, address, &echoSink{})
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		l := dial(t, &UDP{}, "coap://127.0.0.1:"+port, client)
		datagram := bytes.Repeat([]byte("x"), 100)
		got := testing.AllocsPerRun(500, func() {
			if err := l.Send(datagram); err != nil {
				t.Fatal(err)
			}
			<-client
		})
		if got != 0 {
			t.Errorf("%s: %v allocations for a datagram there and back, want 0", address, got)
		}
	}
}
