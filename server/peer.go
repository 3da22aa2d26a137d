package server

import (
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/internal/loop"
)

// peer is an address that has sent something, or with security a session. It belongs to the loop's goroutine.
type peer struct {
	server   *Server
	port     *port
	link     link.Link
	remote   string
	identity Identity // proven by security
	conn     *coap.Conn
	timer    loop.Timer
	lane     loop.Lane // of Config.Intercept
	gone     bool
	mute     mute
	seen     uint16 // Message-ID of the datagram being received

	registrations []*registration // from here; the newest is the last
	observations  map[*Observation]struct{}
	bootstrap     *BootstrapSession // under way; else nil
}

// peer finds or makes the peer of a link that belongs to a port.
func (s *Server) peer(o *port, l link.Link) *peer {
	p := s.peers[l]
	if p == nil {
		p = &peer{server: s, port: o, link: l, remote: l.Remote().String(), identity: identityOf(l)}
		p.timer.Owner = p
		p.conn = coap.NewConn(s.params, p, s.config.Rand)
		p.conn.UseScratch(&s.scratch)
		s.peers[l] = p
	}
	return p
}

func (p *peer) receive(now time.Time, datagram []byte) {
	if len(datagram) >= 4 {
		p.seen = uint16(datagram[2])<<8 | uint16(datagram[3])
	}
	if !p.identity.IsZero() { // with a connection ID it may come from another address than before
		p.remote = p.link.Remote().String()
	}
	p.server.trace(now, p, Incoming, datagram)
	p.conn.Receive(now, datagram)
	p.schedule(now)
}

// Expire does what the time asks for. An address is forgotten when no Client is
// registered or bootstrapped from there and its Conn has nothing to remember.
func (p *peer) Expire(now time.Time) {
	p.conn.Expire(now)
	if !p.wanted() && p.conn.Deadline().IsZero() {
		p.close(now, link.ErrClosed)
		return
	}
	p.schedule(now)
}

// wanted reports whether there is a reason to remember the peer beyond its exchanges.
func (p *peer) wanted() bool { return len(p.registrations) > 0 || p.bootstrap != nil }

// schedule sets the timer. It follows each use of the Conn.
func (p *peer) schedule(now time.Time) {
	if p.gone {
		return
	}
	at := p.conn.Deadline()
	if at.IsZero() {
		if p.wanted() {
			p.server.loop.Unschedule(&p.timer)
			return
		}
		at = now // to be forgotten, but not within a call of the Conn
	}
	p.server.loop.Schedule(&p.timer, at)
}

// close ends all exchanges with an error and forgets the peer.
func (p *peer) close(now time.Time, reason error) {
	if p.gone {
		return
	}
	p.gone = true
	p.server.loop.Unschedule(&p.timer)
	delete(p.server.peers, p.link)
	p.conn.Close(now, reason)
	if p.bootstrap != nil {
		p.bootstrap.end(now, reason)
	}
	_ = p.link.Close()
}

// Transmit sends a datagram, unless it is one to be kept silent about.
func (p *peer) Transmit(datagram []byte) {
	now := time.Now() // a Conn sends within a call that was given the time just now
	if p.mute.suppresses(now, datagram) {
		return
	}
	p.server.trace(now, p, Outgoing, datagram)
	if err := p.link.Send(datagram); err != nil {
		p.server.config.Logger.Debug("cannot send", "peer", p.remote, "err", err)
	}
}

// ObservationEnded has no meaning here: Clients do not observe a Server.
func (p *peer) ObservationEnded(time.Time, coap.Token, error) {}

// registration is the newest Registration from here; nil if there is none. Several
// Clients share an address only where somebody plays tricks.
func (p *peer) registration() *registration {
	if n := len(p.registrations); n > 0 {
		return p.registrations[n-1]
	}
	return nil
}
