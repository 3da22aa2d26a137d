package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Defaults of UDP's fields.
const (
	// DefaultMTU is the message size that RFC 7252 §4.6 advises where nothing
	// is known about the path: 1024 bytes of payload and 128 for the rest.
	DefaultMTU = 1152
	// DefaultMaxDatagram leaves room for peers that send more than the RFC
	// advises.
	DefaultMaxDatagram = 4096
	// DefaultMaxPeers bounds a Listener to some 12 MB of peers.
	DefaultMaxPeers = 65536
)

// maxUDP is the largest payload that fits a UDP datagram.
const maxUDP = 65535 - 8

// UDP carries coap:// over UDP (RFC 7252): Dial gives each Link a connected
// socket and one goroutine that reads from it; Listen serves many peers on one
// socket. The zero value is ready to use; the fields must not be changed once
// it is in use.
type UDP struct {
	// Control is called with each new socket before it is bound, as in
	// net.Dialer: the place for socket options such as a network interface, a
	// routing mark or the traffic class.
	Control func(network, address string, c syscall.RawConn) error
	// LocalAddr is the address that Dial binds to. Either part may be zero: any
	// address, any port. Addresses of the server of the other family are then
	// passed over.
	LocalAddr netip.AddrPort
	// KeepPort makes Dial ask for the local port that its last Link to the same
	// Target had, so that a server which knows the client by its address finds
	// it again. If the port is taken meanwhile, the Link gets a fresh one. It
	// is of no use with one UDP value for many clients of one server.
	KeepPort bool
	// Resolver looks up host names. Default: net.DefaultResolver.
	Resolver Resolver
	// MTU is what Links report, in bytes. Default: DefaultMTU.
	MTU int
	// MaxDatagram is the size in bytes beyond which received datagrams are
	// dropped, with ErrTooLarge to the sink of a dialled Link. Default:
	// DefaultMaxDatagram; at most 65527.
	MaxDatagram int
	// MaxPeers bounds the peers of a Listener; beyond it, the one that has been
	// idle the longest is closed with ErrPeerLimit. Default: DefaultMaxPeers.
	MaxPeers int

	mu    sync.Mutex
	ports map[string]uint16 // by host:port of the server, for KeepPort
}

// Resolver finds the addresses of a host; *net.Resolver is one. Network is
// "ip".
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Dial opens a Link to t, whose scheme must be coap. It tries the addresses of
// the host in the resolver's order, beginning at t.Attempt, until one has a
// route. ICMP errors, which a connected socket hears of, arrive as Down with
// ErrUnreachable; datagrams from other addresses do not arrive.
func (u *UDP) Dial(ctx context.Context, t Target, s Sink) (Link, error) {
	if t.Scheme != SchemeUDP {
		return nil, fmt.Errorf("%w: %s over plain UDP", ErrScheme, t)
	}
	addrs, err := lookup(ctx, u.Resolver, t)
	if err != nil {
		return nil, err
	}
	var failed error
	for i := range addrs {
		remote := netip.AddrPortFrom(addrs[(uint(i)+t.Attempt)%uint(len(addrs))], t.Port)
		conn, err := u.connect(ctx, t.HostPort(), remote)
		if err != nil {
			if failed != nil {
				err = fmt.Errorf("%w; %w", failed, err)
			}
			failed = err
			continue
		}
		l := &udpLink{
			conn: conn, sink: s, closed: make(chan struct{}),
			mtu: orDefault(u.MTU, DefaultMTU),
		}
		go l.read(make([]byte, u.maxDatagram()+1))
		return l, nil
	}
	return nil, fmt.Errorf("link: dial %s: %w", t, failed)
}

// lookup gives the addresses of t's host, at least one if there is no error.
func lookup(ctx context.Context, r Resolver, t Target) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(t.Host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	if r == nil {
		r = net.DefaultResolver
	}
	addrs, err := r.LookupNetIP(ctx, "ip", t.Host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: t.Host, IsNotFound: true}
	}
	if err != nil {
		return nil, fmt.Errorf("link: dial %s: %w", t, err)
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return addrs, nil
}

// connect opens a socket to remote, from the port used before if that is wanted
// and possible.
func (u *UDP) connect(ctx context.Context, server string, remote netip.AddrPort) (*net.UDPConn, error) {
	local := u.LocalAddr
	if a := local.Addr(); a.IsValid() && a.Is4() != remote.Addr().Is4() {
		return nil, fmt.Errorf("%w: %s from local address %s", ErrUnreachable, remote, a)
	}
	u.mu.Lock()
	port := u.ports[server]
	u.mu.Unlock()
	if local.Port() != 0 {
		port = local.Port()
	}
	conn, err := u.bind(ctx, netip.AddrPortFrom(local.Addr(), port), remote)
	if err != nil && port != local.Port() {
		conn, err = u.bind(ctx, local, remote)
	}
	if err == nil {
		u.usePort(server, conn.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	}
	return conn, err
}

// UsePort has the next Link to a Target ask for a local port, if KeepPort is set: the one that it had before the
// process began.
func (u *UDP) UsePort(t Target, port uint16) { u.usePort(t.HostPort(), port) }

func (u *UDP) usePort(server string, port uint16) {
	if !u.KeepPort {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ports == nil {
		u.ports = make(map[string]uint16)
	}
	u.ports[server] = port
}

func (u *UDP) bind(ctx context.Context, local, remote netip.AddrPort) (*net.UDPConn, error) {
	d := net.Dialer{Control: u.Control}
	if local.Addr().IsValid() || local.Port() != 0 {
		d.LocalAddr = &net.UDPAddr{IP: local.Addr().AsSlice(), Port: int(local.Port()), Zone: local.Addr().Zone()}
	}
	conn, err := d.DialContext(ctx, "udp", remote.String())
	if err != nil {
		return nil, classify(err)
	}
	return conn.(*net.UDPConn), nil
}

func (u *UDP) maxDatagram() int {
	return min(orDefault(u.MaxDatagram, DefaultMaxDatagram), maxUDP)
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// udpLink is a connected socket.
type udpLink struct {
	conn   *net.UDPConn
	sink   Sink
	mtu    int
	once   sync.Once
	closed chan struct{}
	err    error // of the first Close
}

// Send writes the datagram. A socket reports the ICMP error of an earlier
// datagram instead of sending the next one; that goes to the sink and the
// datagram is sent again, as it is not the one that failed.
func (l *udpLink) Send(datagram []byte) error {
	_, err := l.conn.Write(datagram)
	if err == nil {
		return nil
	}
	if err = classify(err); isICMP(err) {
		l.sink.Down(l, err)
		_, err = l.conn.Write(datagram)
		err = classify(err)
	}
	return err
}

func (l *udpLink) MTU() int         { return l.mtu }
func (l *udpLink) Reliable() bool   { return false }
func (l *udpLink) Local() net.Addr  { return l.conn.LocalAddr() }
func (l *udpLink) Remote() net.Addr { return l.conn.RemoteAddr() }

func (l *udpLink) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.err = l.conn.Close()
	})
	return l.err
}

// read passes on what arrives until the Link is closed. buf is one byte larger
// than the largest datagram accepted, so that a longer one shows.
func (l *udpLink) read(buf []byte) {
	pause := pause{closed: l.closed}
	for {
		n, err := l.conn.Read(buf)
		switch err = classify(err); {
		case errors.Is(err, ErrClosed):
			return
		case err != nil:
			l.sink.Down(l, err)
			if !pause.after(err) {
				return
			}
		case n == len(buf):
			l.sink.Down(l, fmt.Errorf("%w: more than %d bytes received", ErrTooLarge, n-1))
		default:
			pause.reset()
			l.sink.Input(l, buf[:n])
		}
	}
}

// pause keeps a reader from spinning on an error that does not go away.
type pause struct {
	closed <-chan struct{}
	next   time.Duration
}

const (
	firstPause = time.Millisecond
	maxPause   = time.Second
)

func (p *pause) reset() { p.next = 0 }

// after waits a while, longer each time, and reports false if the socket is
// closed meanwhile. ICMP errors answer datagrams of ours and are bounded by
// them: they need no wait.
func (p *pause) after(err error) bool {
	if isICMP(err) {
		return true
	}
	p.next = min(max(2*p.next, firstPause), maxPause)
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	select {
	case <-p.closed:
		return false
	case <-timer.C:
		return true
	}
}

// Error numbers of Windows for what elsewhere is ECONNREFUSED and EMSGSIZE.
const (
	wsaMessageSize = syscall.Errno(10040)
	wsaConnReset   = syscall.Errno(10054)
)

// isICMP reports whether err is the echo of a datagram sent before.
func isICMP(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) ||
		errors.Is(err, wsaConnReset)
}

// classify wraps a socket's error with the one of this package that it means.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%w: %w", ErrClosed, err)
	case isICMP(err), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENETDOWN):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case errors.Is(err, syscall.EMSGSIZE), errors.Is(err, wsaMessageSize):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return fmt.Errorf("link: %w", err)
}
