package link

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
)

// Memory is a network within the process: Listeners at addresses, names for
// them, and Links from clients, between which datagrams get lost, late,
// repeated, overtaken and damaged as Conditions say. Make one with NewMemory.
//
// Without delay a datagram is delivered by a direct call of the receiver's Sink
// from within Send; with delay, by a timer of package time, so that everything
// works in the virtual time of testing/synctest, if the network is made within
// the bubble. There is no goroutine for a Link and none for the network.
//
// What befalls a datagram depends on the seed, the two addresses and how many
// datagrams went that way before, and not on how goroutines are scheduled.
//
// Its methods may be called from any goroutine.
type Memory struct {
	mu     sync.Mutex
	seed   uint64
	ends   map[place]*memoryLink     // dialled Links by their own address
	hosts  map[place]*memoryListener // by address
	names  map[string]name
	states map[place]State // of addresses that are not Up
	paths  [2]Conditions   // by Direction
	counts [2]Stats        // by Direction
	dialed uint64          // gives each Link its address
	queue  queue           // what is under way
	filter func(Packet) bool
	trace  func(Happening)
}

// place is an address in a form that takes little room: 100,000 Links have two
// of them each.
type place struct {
	ip   [16]byte
	port uint16
}

func placeOf(a netip.AddrPort) place { return place{a.Addr().As16(), a.Port()} }

func (p place) addr() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(p.ip).Unmap(), p.port)
}

type name struct {
	addrs []netip.Addr
	err   error
}

// State is how an address behaves.
type State int

const (
	// Up is the state of every address at first.
	Up State = iota
	// Silent: what is sent to or from the address disappears, as behind a
	// firewall, with a host that crashed, or with a mapping that a NAT dropped.
	Silent
	// Refusing: what is sent to the address is answered by an ICMP port
	// unreachable, as by a host whose server is not running. So is what is sent
	// to an address where nobody listens.
	Refusing
	// Offline: Send from the address fails with ErrUnreachable, as without a
	// network interface; what is sent to it disappears.
	Offline
)

// NewMemory makes a network without conditions, in which nobody listens.
func NewMemory(seed uint64) *Memory {
	return &Memory{
		seed:   seed,
		ends:   make(map[place]*memoryLink),
		hosts:  make(map[place]*memoryListener),
		names:  make(map[string]name),
		states: make(map[place]State),
	}
}

// SetConditions sets the conditions of one direction for what is sent from now
// on.
func (m *Memory) SetConditions(d Direction, c Conditions) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paths[d] = c
}

// SetName gives a host name its addresses; Dial tries the first of them, or the
// one that Target.Attempt asks for. Without addresses, the name is unknown.
func (m *Memory) SetName(host string, addrs ...netip.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(addrs) == 0 {
		delete(m.names, host)
		return
	}
	m.names[host] = name{addrs: addrs}
}

// FailName makes looking host up fail for a while (a net.DNSError whose
// IsTemporary is true), until SetName is called.
func (m *Memory) FailName(host string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[host] = name{err: &net.DNSError{
		Err: "server misbehaving", Name: host, IsTemporary: true,
	}}
}

// SetState sets how an address behaves from now on, whether anything is there
// or not.
func (m *Memory) SetState(a netip.AddrPort, s State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s == Up {
		delete(m.states, placeOf(a))
		return
	}
	m.states[placeOf(a)] = s
}

// Dial opens a Link from an address of its own, out of 192.0.2.0/24 or, to an
// IPv6 server, out of 2001:db8::/64. The scheme must be coap.
func (m *Memory) Dial(ctx context.Context, t Target, s Sink) (Link, error) {
	return m.dial(ctx, netip.AddrPort{}, t, s)
}

// From gives a Network that dials from the given address. One Link at a time
// may have it.
func (m *Memory) From(local netip.AddrPort) Network { return memoryFrom{m, local} }

type memoryFrom struct {
	m     *Memory
	local netip.AddrPort
}

func (f memoryFrom) Dial(ctx context.Context, t Target, s Sink) (Link, error) {
	return f.m.dial(ctx, f.local, t, s)
}

func (m *Memory) dial(ctx context.Context, local netip.AddrPort, t Target, s Sink) (Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("link: dial %s: %w", t, err)
	}
	if t.Scheme != SchemeUDP {
		return nil, fmt.Errorf("%w: %s over an in-memory network", ErrScheme, t)
	}
	addrs, err := lookup(ctx, m, t)
	if err != nil {
		return nil, err
	}
	remote := netip.AddrPortFrom(addrs[t.Attempt%uint(len(addrs))], t.Port)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !local.IsValid() {
		local = m.freeAddress(remote.Addr().Is4())
	} else if m.taken(placeOf(local)) {
		return nil, fmt.Errorf("link: dial %s from %s: %w", t, local, syscall.EADDRINUSE)
	}
	l := &memoryLink{net: m, sink: s, local: placeOf(local), remote: placeOf(remote)}
	m.ends[l.local] = l
	return l, nil
}

// LookupNetIP looks a name up in the network's own table, so that Memory is a
// Resolver.
func (m *Memory) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.names[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return append([]netip.Addr(nil), n.addrs...), n.err
}

// taken reports whether someone has the address; m.mu is held.
func (m *Memory) taken(p place) bool {
	return m.ends[p] != nil || m.hosts[p] != nil
}

// freeAddress gives the next address for a client; m.mu is held. The ports are
// those that systems give to clients.
func (m *Memory) freeAddress(is4 bool) netip.AddrPort {
	for {
		n := m.dialed
		m.dialed++
		port := uint16(49152 + n/254%16384)
		a := netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + n%254)})
		if !is4 {
			a = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: byte(1 + n%254)})
		}
		local := netip.AddrPortFrom(a, port)
		if !m.taken(placeOf(local)) {
			return local
		}
	}
}

// DialedFrom gives the Link that was dialled from, or has been moved to, an address; false if there is none.
func (m *Memory) DialedFrom(local netip.AddrPort) (Link, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.ends[placeOf(local)]
	return l, ok
}

// Rebind moves a dialled Link to a new address, as a NAT does that forgot its
// mapping: the peer sees the next datagrams come from there, and what it sends
// to the old address is lost. Without a valid address, it takes a free one. The
// Link itself does not notice; only Local tells.
func (m *Memory) Rebind(l Link, to netip.AddrPort) (netip.AddrPort, error) {
	ml, ok := l.(*memoryLink)
	if !ok || ml.listener != nil || ml.net != m {
		return netip.AddrPort{}, fmt.Errorf("link: rebind: %T was not dialled on this network", l)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case ml.closed:
		return netip.AddrPort{}, ErrClosed
	case !to.IsValid():
		to = m.freeAddress(ml.remote.addr().Addr().Is4())
	case m.taken(placeOf(to)):
		return netip.AddrPort{}, fmt.Errorf("link: rebind to %s: %w", to, syscall.EADDRINUSE)
	}
	delete(m.ends, ml.local)
	ml.local = placeOf(to)
	m.ends[ml.local] = ml
	return to, nil
}

// Listen puts a server at address, "host:port" with an IP address or a name of
// the network's own; port 0 chooses one.
func (m *Memory) Listen(ctx context.Context, address string, s Sink) (Listener, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("link: listen on %s: %w", address, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("link: listen on %s: port: %w", address, err)
	}
	addrs, err := lookup(ctx, m, Target{Scheme: SchemeUDP, Host: host, Port: uint16(port)})
	if err != nil {
		return nil, err
	}
	at := place{addrs[0].As16(), uint16(port)}
	m.mu.Lock()
	defer m.mu.Unlock()
	for at.port == 0 || port == 0 && m.taken(at) {
		at.port = uint16(49152 + m.dialed%16384)
		m.dialed++
	}
	if m.taken(at) {
		return nil, fmt.Errorf("link: listen on %s: %w", address, syscall.EADDRINUSE)
	}
	l := &memoryListener{net: m, sink: s, at: at, peers: make(map[place]*memoryLink)}
	m.hosts[at] = l
	return l, nil
}
