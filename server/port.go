package server

import (
	"errors"
	"net"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/internal/loop"
)

// port is an address where a Server listens: its links hand over what they receive
// here, and the loop takes it.
type port struct {
	server   *Server
	scheme   string        // of URIs
	listener link.Listener // guarded by server.mu
}

const (
	inputEvent = iota
	downEvent
)

// down is what Down queues.
type down struct {
	link link.Link
	err  error
}

// Input queues a datagram.
func (o *port) Input(l link.Link, datagram []byte) {
	if !o.server.loop.PostDatagram(o, inputEvent, l, datagram) {
		o.server.config.Logger.Debug("datagram dropped", "peer", l.Remote())
	}
}

// Down queues news about a link.
func (o *port) Down(l link.Link, err error) {
	o.server.loop.Post(loop.Event{To: o, Kind: downEvent, Arg: down{l, err}})
}

// Handle takes what was queued.
func (o *port) Handle(now time.Time, e loop.Event) {
	switch arg := e.Arg.(type) {
	case link.Link:
		o.server.peer(o, arg).receive(now, e.Data)
	case down:
		o.down(now, arg)
	}
}

// down forgets a link that is closed. A Registration from there stays: the device is
// spoken to on a new link when there is a reason to.
func (o *port) down(now time.Time, d down) {
	p := o.server.peers[d.link]
	if p == nil {
		return
	}
	o.server.config.Logger.Debug("link down", "peer", p.remote, "err", d.err)
	if errors.Is(d.err, link.ErrClosed) {
		p.close(now, d.err)
	}
}

// link opens a link to where a Client was.
func (o *port) link(remote net.Addr) (link.Link, error) {
	o.server.mu.Lock()
	l := o.listener
	o.server.mu.Unlock()
	return l.Peer(remote)
}
