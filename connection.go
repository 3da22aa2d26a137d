package lwm2m

import (
	"context"
	"hash/fnv"
	"io"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/internal/loop"
)

// connection is the way to one server: the link, if there is one, and the CoAP
// exchanges on it. It belongs to the loop.
type connection struct {
	client   *Client
	owner    connectionOwner
	target   link.Target
	security *security // nil for what needs none

	link    link.Link
	conn    *coap.Conn         // nil without a link
	dial    context.CancelFunc // ends the attempt to connect; nil if there is none
	dials   uint32             // counts attempts, so that a late result is known as such
	address uint64             // a hash of the addresses of the last link
	ssid    uint16             // Short Server ID, 0 of a Bootstrap-Server
	unsent  bool               // the network did not take the last datagram
	spoke   bool               // there was a message, in either direction, that nobody has taken note of
}

// connectionOwner is who speaks over a connection. The loop calls it.
type connectionOwner interface {
	coap.Handler
	// listensTo reports whether a datagram may be heard.
	listensTo(datagram []byte) bool
	// linkUp tells that there is a link; it is fresh if the server cannot know it as a former one.
	linkUp(now time.Time, fresh bool)
	// linkDropped tells that the link is no longer in use; what waits for answers is told next.
	linkDropped()
	// linkLost tells that there is no link: it could not be made, or it has ended.
	linkLost(now time.Time, err error)
	// linkTrouble tells of trouble on a link that is still usable.
	linkTrouble(now time.Time, err error)
	// settle does what has to be done after anything that touches the connection.
	settle(now time.Time)
}

// Kinds of events that links and goroutines post to a connection.
const (
	eventInput = iota
	eventDown
	eventDialed
)

// connectTimeout bounds loading credentials, name look-up, connecting and the handshake.
const connectTimeout = 60 * time.Second

// Input takes a datagram from the link. The link's goroutine calls it.
func (c *connection) Input(l link.Link, datagram []byte) {
	c.client.shard.loop.PostDatagram(c, eventInput, l, datagram)
}

// Down takes trouble of the link. The link's goroutine calls it.
func (c *connection) Down(l link.Link, err error) {
	c.client.shard.loop.Post(loop.Event{To: c, Kind: eventDown, Arg: linkError{l, err}})
}

type linkError struct {
	link link.Link
	err  error
}

type dialResult struct {
	attempt uint32
	link    link.Link
	err     error
}

// Handle works off what links and goroutines posted. The loop calls it.
func (c *connection) Handle(now time.Time, e loop.Event) {
	switch e.Kind {
	case eventInput:
		if e.Arg == c.link && c.link != nil && c.owner.listensTo(e.Data) {
			c.spoke = true
			c.trace(received, e.Data)
			c.conn.Receive(now, e.Data)
		}
	case eventDown:
		if down := e.Arg.(linkError); down.link == c.link && c.link != nil {
			c.linkDown(now, down.err)
		}
	case eventDialed:
		c.dialed(now, e.Arg.(dialResult))
	}
	c.owner.settle(now)
}

// connect opens a link, away from the loop, as names have to be looked up and hands shaken. failed is
// the number of attempts that failed just before.
func (c *connection) connect(failed int) {
	c.dials++
	attempt, on, target := c.dials, c.client.shard.loop, c.target
	target.Attempt = uint(max(failed, 0))
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	c.dial = cancel
	go func() {
		l, err := c.dialLink(ctx, target)
		cancel()
		if !on.Post(loop.Event{To: c, Kind: eventDialed, Arg: dialResult{attempt, l, err}}) && err == nil {
			_ = l.Close()
		}
	}()
}

func (c *connection) dialed(now time.Time, r dialResult) {
	if r.attempt != c.dials || c.dial == nil { // given up meanwhile
		if r.err == nil {
			_ = r.link.Close()
		}
		return
	}
	c.dial = nil
	if r.err != nil {
		c.owner.linkLost(now, r.err)
		return
	}
	c.dropLink(now)
	c.link = r.link
	c.conn = coap.NewConn(c.client.transmission, c.owner, c.client.shard.random)
	c.conn.UseScratch(&c.client.shard.scratch)
	if handshake, goesOn := handshakeOf(r.link); handshake != "" && c.security != nil {
		c.security.handshake = handshake
		c.client.persist.keepSessions(now, false)
		c.owner.linkUp(now, !goesOn)
		return
	}
	address := addressesOf(r.link).hash()
	fresh := address != c.address
	c.address = address
	c.owner.linkUp(now, fresh)
}

// addresses are those of both ends of a link.
type addresses struct{ local, remote string }

func addressesOf(l link.Link) addresses { return addresses{l.Local().String(), l.Remote().String()} }

func (a addresses) hash() uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, a.local+" "+a.remote)
	return h.Sum64()
}

// linkDown takes note of trouble. A link that is still usable goes on: CoAP
// retransmits, and gives up by itself.
func (c *connection) linkDown(now time.Time, err error) {
	if !isFatal(err) {
		c.owner.linkTrouble(now, err)
		return
	}
	c.dropLink(now)
	c.owner.linkLost(now, err)
}

// disconnect closes the link or gives up connecting.
func (c *connection) disconnect(now time.Time) {
	c.giveUpConnecting()
	c.dropLink(now)
}

// suspendLink is disconnect, but a secured server is not told: the next link goes on with the session.
func (c *connection) suspendLink(now time.Time) {
	c.giveUpConnecting()
	if l, ok := c.link.(link.Secured); ok {
		_ = l.Suspend() // closing it again changes nothing
	}
	c.dropLink(now)
}

func (c *connection) giveUpConnecting() {
	if c.dial != nil {
		c.dial()
		c.dial = nil
	}
}

func (c *connection) dropLink(now time.Time) {
	if c.link == nil {
		return
	}
	conn, l := c.conn, c.link
	c.conn, c.link = nil, nil
	c.takeHandshake()
	c.owner.linkDropped()
	conn.Close(now, ErrNotRegistered)
	_ = l.Close()
}

// Transmit sends a datagram for the exchange layer.
func (c *connection) Transmit(datagram []byte) {
	if c.link == nil {
		return
	}
	c.spoke = true
	c.trace(sent, datagram)
	if err := c.link.Send(datagram); err != nil {
		c.unsent = true
		c.client.log.Debug("send failed", "server", c.ssid, "err", err)
	}
}
