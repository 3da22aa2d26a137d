package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// ListenUDP serves coap:// on address, "host:port" or ":port", with the
// defaults of UDP.
func ListenUDP(address string, s Sink) (Listener, error) {
	return (&UDP{}).Listen(context.Background(), address, s)
}

// Listen serves many peers on one socket and one goroutine. Where the socket is
// bound to a wildcard address, answers leave from the address that the peer
// sent to (Linux only). ICMP errors do not arrive here: an unconnected socket
// is not told of them.
func (u *UDP) Listen(ctx context.Context, address string, s Sink) (Listener, error) {
	lc := net.ListenConfig{Control: u.Control}
	conn, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, fmt.Errorf("link: listen on %s: %w", address, err)
	}
	l := &udpListener{
		conn: conn.(*net.UDPConn), sink: s, closed: make(chan struct{}),
		mtu: orDefault(u.MTU, DefaultMTU), maxPeers: orDefault(u.MaxPeers, DefaultMaxPeers),
		peers: make(map[netip.AddrPort]*udpPeer),
	}
	local := l.conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	if local.IsUnspecified() {
		l.origin = askOrigin(l.conn, local.Is4())
	}
	l.recent.older, l.recent.newer = &l.recent, &l.recent
	go l.read(make([]byte, u.maxDatagram()+1))
	return l, nil
}

// udpListener is an unconnected socket with its peers.
type udpListener struct {
	conn     *net.UDPConn
	sink     Sink
	mtu      int
	maxPeers int
	origin   origin
	closed   chan struct{}
	once     sync.Once
	err      error // of the first Close

	mu     sync.Mutex
	ended  bool
	peers  map[netip.AddrPort]*udpPeer
	recent udpPeer // ring of the peers by last use: newer is the oldest, older the newest
}

func (l *udpListener) Addr() net.Addr { return l.conn.LocalAddr() }

// Close closes the socket and forgets the peers.
func (l *udpListener) Close() error {
	l.once.Do(func() {
		l.mu.Lock()
		l.ended = true
		for _, p := range l.peers {
			p.forgotten = true
		}
		l.peers = nil
		l.mu.Unlock()
		close(l.closed)
		l.err = l.conn.Close()
	})
	return l.err
}

// Peer gives the Link to the device at remote, a *net.UDPAddr.
func (l *udpListener) Peer(remote net.Addr) (Link, error) {
	a, ok := remote.(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("link: peer %s: want a *net.UDPAddr, not %T", remote, remote)
	}
	p, evicted := l.peer(unmap(a.AddrPort()), netip.Addr{})
	if evicted != nil {
		l.sink.Down(evicted, errEvicted)
	}
	if p == nil {
		return nil, ErrClosed
	}
	return p, nil
}

var errEvicted = fmt.Errorf("%w: %w", ErrClosed, ErrPeerLimit)

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// read passes on what arrives until the Listener is closed.
func (l *udpListener) read(buf []byte) {
	pause := pause{closed: l.closed}
	control := new(controlSpace)
	for {
		n, nc, _, from, err := l.conn.ReadMsgUDPAddrPort(buf, control.bytes[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			if !pause.after(err) {
				return
			}
			continue
		case n == len(buf):
			continue // too large
		}
		pause.reset()
		p, evicted := l.peer(unmap(from), l.origin.received(control.bytes[:nc]))
		if evicted != nil {
			l.sink.Down(evicted, errEvicted)
		}
		if p == nil {
			return
		}
		l.sink.Input(p, buf[:n])
	}
}

// peer gives the peer at remote, who sent to the address local if that is
// valid, and the peer that had to make room for it. It gives nil if the
// Listener is closed.
func (l *udpListener) peer(remote netip.AddrPort, local netip.Addr) (p, evicted *udpPeer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil, nil
	}
	p = l.peers[remote]
	if p == nil {
		if len(l.peers) >= l.maxPeers {
			evicted = l.recent.newer
			l.forget(evicted)
		}
		p = &udpPeer{listener: l, remote: remote}
		l.peers[remote] = p
	} else {
		p.unlink()
	}
	if local.IsValid() {
		p.local = local
	}
	p.linkAsNewest(&l.recent)
	return p, evicted
}

// forget takes p out; l.mu is held.
func (l *udpListener) forget(p *udpPeer) {
	if p.forgotten {
		return
	}
	p.forgotten = true
	p.unlink()
	delete(l.peers, p.remote)
}

// udpPeer is a device that has sent to a Listener.
type udpPeer struct {
	listener     *udpListener
	remote       netip.AddrPort
	local        netip.Addr // where it sends to, if the socket tells
	older, newer *udpPeer
	forgotten    bool
}

func (p *udpPeer) unlink() {
	p.older.newer, p.newer.older = p.newer, p.older
	p.older, p.newer = nil, nil
}

func (p *udpPeer) linkAsNewest(ring *udpPeer) {
	p.older, p.newer = ring.older, ring
	p.older.newer, ring.older = p, p
}

// Send writes the datagram. Sending counts as use of the Link.
func (p *udpPeer) Send(datagram []byte) error {
	l := p.listener
	l.mu.Lock()
	if p.forgotten {
		l.mu.Unlock()
		return ErrClosed
	}
	p.unlink()
	p.linkAsNewest(&l.recent)
	local := p.local
	l.mu.Unlock()
	if !local.IsValid() {
		_, err := l.conn.WriteToUDPAddrPort(datagram, p.remote)
		return classify(err)
	}
	var space controlSpace
	_, _, err := l.conn.WriteMsgUDPAddrPort(datagram, l.origin.control(&space, local), p.remote)
	return classify(err)
}

func (p *udpPeer) MTU() int       { return p.listener.mtu }
func (p *udpPeer) Reliable() bool { return false }

// Local is the address the peer sends to, where the socket tells, and else the
// one the Listener is bound to.
func (p *udpPeer) Local() net.Addr {
	bound := p.listener.conn.LocalAddr().(*net.UDPAddr)
	p.listener.mu.Lock()
	defer p.listener.mu.Unlock()
	if !p.local.IsValid() {
		return bound
	}
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.local, bound.AddrPort().Port()))
}

func (p *udpPeer) Remote() net.Addr { return net.UDPAddrFromAddrPort(p.remote) }

func (p *udpPeer) Close() error {
	p.listener.mu.Lock()
	defer p.listener.mu.Unlock()
	p.listener.forget(p)
	return nil
}
