package lwm2mtest

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/lwm2m-go/lwm2m/internal/link"
)

// Network is a network within the process: no sockets, no ports taken, and
// conditions as bad as wanted. What befalls a datagram depends on the seed, not on
// how goroutines are scheduled. Its methods may be called from any goroutine.
//
// Clients have addresses out of 192.0.2.0/24 and 2001:db8::/64.
type Network struct {
	memory *link.Memory
}

// NewNetwork makes a perfect network. Networks with the same seed treat the same
// datagrams in the same way.
func NewNetwork(seed uint64) *Network {
	return &Network{memory: link.NewMemory(seed)}
}

// Conditions of one direction: Loss, Duplicate, Reorder and Corrupt are chances from
// 0 to 1 for each datagram; Delay, Jitter and HoldBack (of reordered datagrams) are
// durations. The zero value is a perfect network.
type Conditions = link.Conditions

// Direction tells the two ways through a Network apart.
type Direction = link.Direction

// The directions.
const (
	ToServer = link.ToServer
	ToClient = link.ToClient
)

// State is how an address behaves.
type State = link.State

// The states of an address.
const (
	Up       = link.Up       // as usual
	Silent   = link.Silent   // what is sent to it or from it disappears
	Refusing = link.Refusing // what is sent to it is answered by an ICMP error
	Offline  = link.Offline  // sending from it fails
)

// Packet is a datagram on its way: Direction, From, To and Data.
type Packet = link.Packet

// Stats counts the datagrams of one direction: Sent, Delivered, Lost, Duplicated,
// Reordered, Corrupted and more.
type Stats = link.Stats

// SetConditions sets the conditions of one direction for what is sent from now on.
func (n *Network) SetConditions(d Direction, c Conditions) { n.memory.SetConditions(d, c) }

// SetState sets how an address behaves from now on.
func (n *Network) SetState(address netip.AddrPort, s State) { n.memory.SetState(address, s) }

// SetName gives a host name its addresses; without any, the name is unknown.
func (n *Network) SetName(host string, addresses ...netip.Addr) { n.memory.SetName(host, addresses...) }

// SetFilter has keep asked about each datagram; those for which it reports false are
// lost. It is the way to lose just the third one, or all acknowledgements. It must
// not use the Network. nil keeps all.
func (n *Network) SetFilter(keep func(Packet) bool) { n.memory.SetFilter(keep) }

// Stats gives the counts of one direction so far.
func (n *Network) Stats(d Direction) Stats { return n.memory.Stats(d) }

// Inject puts a datagram into the Network as if it had been sent from an address,
// which may be anybody's. It reports whether somebody took it.
func (n *Network) Inject(from, to netip.AddrPort, datagram []byte) bool {
	return n.memory.Inject(from, to, datagram)
}

// Rebind moves a Client from one address to another, as a NAT does that forgot its
// mapping. Without a valid address it takes a free one. It returns the new address.
func (n *Network) Rebind(from, to netip.AddrPort) (netip.AddrPort, error) {
	l, ok := n.memory.DialedFrom(from)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("lwm2mtest: no Client is at %s", from)
	}
	to, err := n.memory.Rebind(l, to)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("lwm2mtest: %w", err)
	}
	return to, nil
}

// Dial opens a link as a Client does. It makes a Network what a Client's
// configuration takes in place of UDP.
func (n *Network) Dial(ctx context.Context, t link.Target, s link.Sink) (link.Link, error) {
	return n.memory.Dial(ctx, t, s)
}

// From gives a Network for one Client, which has the address each time it connects, as one that keeps its
// port. Otherwise it has a new address each time.
func (n *Network) From(address netip.AddrPort) link.Network { return n.memory.From(address) }

// Listen puts a server at address, "host:port". It makes a Network what
// [server.Server.ListenOn] takes in place of UDP.
func (n *Network) Listen(ctx context.Context, address string, s link.Sink) (link.Listener, error) {
	return n.memory.Listen(ctx, address, s)
}
