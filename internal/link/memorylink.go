package link

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// memoryLink is one end: a dialled Link, or a Listener's peer. It is kept
// small, as there may be 100,000 of them.
type memoryLink struct {
	net           *Memory
	listener      *memoryListener // of a peer Link, else nil
	sink          Sink
	local, remote place
	closed        bool
	sent          uint32 // number of datagrams, part of the luck of the next one
}

// memoryListener is a server's end.
type memoryListener struct {
	net    *Memory
	sink   Sink
	at     place
	peers  map[place]*memoryLink
	sent   map[place]uint32 // by peers that were closed, as their luck goes on
	closed bool
}

func (l *memoryLink) direction() Direction {
	if l.listener != nil {
		return ToClient
	}
	return ToServer
}

// Send passes the datagram to the network.
func (l *memoryLink) Send(datagram []byte) error {
	m := l.net
	m.mu.Lock()
	p := packet{from: l.local, to: l.remote, data: datagram, direction: l.direction(), nth: l.sent}
	if l.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	if m.states[l.local] == Offline {
		m.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrUnreachable, syscall.ENETUNREACH)
	}
	l.sent++
	m.happened(&p, Sent)
	m.transmit(p) // unlocks
	return nil
}

func (l *memoryLink) MTU() int       { return DefaultMTU }
func (l *memoryLink) Reliable() bool { return false }

func (l *memoryLink) Local() net.Addr {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	return net.UDPAddrFromAddrPort(l.local.addr())
}

func (l *memoryLink) Remote() net.Addr { return net.UDPAddrFromAddrPort(l.remote.addr()) }

// Close gives the address free. What is under way to it is lost.
func (l *memoryLink) Close() error {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	if l.listener != nil {
		delete(l.listener.peers, l.remote)
		if l.listener.sent == nil {
			l.listener.sent = make(map[place]uint32)
		}
		l.listener.sent[l.remote] = l.sent
	} else {
		delete(l.net.ends, l.local)
	}
	return nil
}

func (l *memoryListener) Addr() net.Addr { return net.UDPAddrFromAddrPort(l.at.addr()) }

// Peer gives the Link to the client at remote, a *net.UDPAddr.
func (l *memoryListener) Peer(remote net.Addr) (Link, error) {
	a, ok := remote.(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("link: peer %s: want a *net.UDPAddr, not %T", remote, remote)
	}
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	return l.peer(placeOf(a.AddrPort())), nil
}

// peer gives the Link to remote, opening it if needed; the network's mu is
// held.
func (l *memoryListener) peer(remote place) *memoryLink {
	p := l.peers[remote]
	if p == nil {
		p = &memoryLink{net: l.net, listener: l, sink: l.sink, local: l.at, remote: remote, sent: l.sent[remote]}
		l.peers[remote] = p
	}
	return p
}

// Close gives the address free.
func (l *memoryListener) Close() error {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	delete(l.net.hosts, l.at)
	for _, p := range l.peers {
		p.closed = true
	}
	l.peers = nil
	return nil
}

// Inject sends a datagram that none of the network's Links sent, from any
// address: a stranger's, or a forged one. No conditions befall it. It reports
// false when it was not delivered: nobody is at to, or a dialled Link that
// hears another address only.
func (m *Memory) Inject(from, to netip.AddrPort, datagram []byte) bool {
	m.mu.Lock()
	p := packet{from: placeOf(from), to: placeOf(to), data: datagram, direction: ToServer}
	if m.ends[p.to] != nil {
		p.direction = ToClient
	}
	m.happened(&p, Sent)
	return m.deliver(p) // unlocks
}
