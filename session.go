package lwm2m

import (
	"context"
	"hash/fnv"
	"io"
	"math"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/internal/registration"
)

// session is what a client has with one server: the link, the CoAP exchanges on
// it, and the registration. It belongs to the loop.
type session struct {
	client    *Client
	target    link.Target
	server    Path   // the instance of the Server Object
	ssid      uint16 // Short Server ID
	queueMode bool
	known     bool      // it has accepted a Register
	doubted   bool      // the server has left something unanswered since it was heard last
	reachable bool      // notifications can be sent
	unsent    bool      // the network did not take the last datagram
	security  *security // nil for what needs none

	reg     registration.Machine
	link    link.Link
	conn    *coap.Conn
	dial    context.CancelFunc // ends the attempt to connect; nil if there is none
	dials   uint32             // counts attempts, so that a late result is known as such
	address uint64             // a hash of the addresses of the last link
	request coap.Handle        // of the registration's outstanding request
	timer   loop.Timer
	leave   time.Time // when to de-register for a Disable; zero if there is none to begin
	resume  time.Time // end of a Disable; zero if the server is not disabled
	updates []waitingUpdate
	sends   []*sending // that wait for the registration
	untold  []Path     // Object Instances that the server may not have been told of
}

// Kinds of events that links and goroutines post to a session.
const (
	eventInput = iota
	eventDown
	eventDialed
)

// connectTimeout bounds loading credentials, name look-up, connecting and the handshake.
const connectTimeout = 60 * time.Second

func newSession(c *Client, account ServerAccount, target link.Target, load loadCredentials) *session {
	s := &session{client: c, target: target, ssid: account.ShortServerID, queueMode: account.QueueMode}
	s.security = newSecurity(account, load)
	s.timer.Owner = s
	return s
}

// configure sets up the registration from the Server Object. It is called with
// the client's mu held, before the client starts.
func (s *session) configure(h *Host) {
	c := s.client
	s.reg = registration.New(c.endpoint, h.registration(registrationKey{
		version:        c.version,
		lifetime:       registeredLifetime(c.value(s.server.Child(serverLifetime))),
		binding:        c.value(s.server.Child(serverBinding)).Text(),
		queueMode:      s.queueMode,
		updateMargin:   c.updateMargin,
		updateInterval: c.updateInterval,
		retry:          c.retryOf(s.server),
	}))
}

// retryOf reads when failed attempts to register are repeated (Core 1.1.1
// §6.2.1.2). It is called with c.mu held.
func (c *Client) retryOf(server Path) (r retry) {
	resource := func(id uint16) (n uint64, ok bool) {
		v := c.value(server.Child(id))
		return min(v.Uint(), math.MaxUint32), !v.IsZero()
	}
	wait := func(id uint16) time.Duration {
		switch n, ok := resource(id); {
		case !ok:
			return 0 // the default
		case n == 0:
			return -1 // the shortest
		default:
			return time.Duration(n) * time.Second
		}
	}
	count := func(id uint16) int {
		n, ok := resource(id)
		if !ok {
			return 0
		}
		return int(min(max(n, 1), math.MaxUint16))
	}
	return retry{
		count: count(serverRetryCount), timer: wait(serverRetryTimer),
		sequenceDelay: wait(serverSequenceDelay), sequences: count(serverSequenceCount),
	}
}

// Input takes a datagram from the link. The link's goroutine calls it.
func (s *session) Input(l link.Link, datagram []byte) {
	s.client.shard.loop.PostDatagram(s, eventInput, l, datagram)
}

// Down takes trouble of the link. The link's goroutine calls it.
func (s *session) Down(l link.Link, err error) {
	s.client.shard.loop.Post(loop.Event{To: s, Kind: eventDown, Arg: linkError{l, err}})
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
func (s *session) Handle(now time.Time, e loop.Event) {
	switch e.Kind {
	case eventInput:
		if e.Arg == s.link && s.link != nil && s.listensTo(e.Data) {
			s.trace("<-", e.Data)
			s.conn.Receive(now, e.Data)
		}
	case eventDown:
		if down := e.Arg.(linkError); down.link == s.link && s.link != nil {
			s.linkDown(now, down.err)
		}
	case eventDialed:
		s.dialed(now, e.Arg.(dialResult))
	}
	s.settle(now)
}

// Expire works off deadlines. The loop calls it.
func (s *session) Expire(now time.Time) {
	if s.conn != nil {
		s.conn.Expire(now)
	}
	s.reg.Expire(now)
	if !s.leave.IsZero() && !now.Before(s.leave) {
		s.leave = time.Time{}
		s.reg.Stop(now)
	}
	if !s.resume.IsZero() && !now.Before(s.resume) && s.isStopped() && !s.client.stopping {
		s.resume = time.Time{}
		s.reg.Start(now)
	}
	s.settle(now)
}

// settle does what the registration asks for, and sets the timer. Everything
// that touches a session ends with it.
func (s *session) settle(now time.Time) {
	for actions := s.reg.Actions(); len(actions) > 0; actions = s.reg.Actions() {
		for _, action := range actions {
			s.act(now, action)
		}
	}
	s.updateReachable(now)
	s.resumeSends(now)
	next := earlier(s.reg.Deadline(), s.leave)
	if s.isStopped() { // the De-register may take longer than the pause
		next = earlier(next, s.resume)
	}
	if s.conn != nil {
		next = earlier(next, s.conn.Deadline())
	}
	if next.IsZero() {
		s.client.shard.loop.Unschedule(&s.timer)
	} else {
		s.client.shard.loop.Schedule(&s.timer, next)
	}
	s.client.stopIfIdle(now)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (s *session) act(now time.Time, action registration.Action) {
	switch a := action.(type) {
	case registration.Connect:
		s.connect()
	case registration.Close:
		s.disconnect(now)
	case registration.Request:
		s.register(now, a)
	case registration.Cancel:
		if s.conn != nil {
			s.conn.Cancel(now, s.request)
		}
	case registration.Event:
		s.registrationEvent(now, a)
	}
}

// connect opens a link, away from the loop, as names have to be looked up and hands shaken.
func (s *session) connect() {
	c := s.client
	s.dials++
	attempt, on, target := s.dials, c.shard.loop, s.target
	if n, _ := s.reg.Attempt(); n > 1 {
		target.Attempt = uint(n - 1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	s.dial = cancel
	go func() {
		l, err := s.dialLink(ctx, target)
		cancel()
		if !on.Post(loop.Event{To: s, Kind: eventDialed, Arg: dialResult{attempt, l, err}}) && err == nil {
			_ = l.Close()
		}
	}()
}

func (s *session) dialed(now time.Time, r dialResult) {
	if r.attempt != s.dials || s.dial == nil { // given up meanwhile
		if r.err == nil {
			_ = r.link.Close()
		}
		return
	}
	s.dial = nil
	if r.err != nil {
		s.noteAlert(r.err)
		s.reg.LinkDown(now, r.err)
		return
	}
	s.dropLink(now)
	c := s.client
	s.link = r.link
	s.conn = coap.NewConn(c.transmission, s, c.shard.random)
	s.conn.UseScratch(&c.shard.scratch)
	if handshake, goesOn := handshakeOf(r.link); handshake != "" && s.security != nil {
		s.security.handshake = handshake
		s.reg.LinkUp(now, !goesOn)
		return
	}
	address := fnv.New64a()
	_, _ = io.WriteString(address, r.link.Local().String()+" "+r.link.Remote().String())
	fresh := address.Sum64() != s.address
	s.address = address.Sum64()
	s.reg.LinkUp(now, fresh)
}

// linkDown takes note of trouble. A link that is still usable goes on: CoAP
// retransmits, and gives up by itself.
func (s *session) linkDown(now time.Time, err error) {
	s.noteAlert(err)
	if isFatal(err) {
		s.dropLink(now)
		s.reg.LinkDown(now, err)
		return
	}
	s.client.emit(Event{Kind: NetworkError, Time: now, Server: s.ssid, Err: err})
}

// disconnect closes the link or gives up connecting.
func (s *session) disconnect(now time.Time) {
	if s.dial != nil {
		s.dial()
		s.dial = nil
	}
	s.dropLink(now)
}

func (s *session) dropLink(now time.Time) {
	if s.link == nil {
		return
	}
	conn, l := s.conn, s.link
	s.conn, s.link = nil, nil
	s.takeHandshake()
	s.doubted = true // until an Update or Register over the next one succeeds
	conn.Close(now, ErrNotRegistered)
	_ = l.Close()
}

// stop begins to de-register.
func (s *session) stop(now time.Time) {
	s.leave, s.resume = time.Time{}, time.Time{}
	s.reg.Stop(now)
	s.settle(now)
}

// isStopped reports whether the session has ended, or waits for the end of a Disable.
func (s *session) isStopped() bool { return s.reg.State() == registration.StateStopped }

// abandon lets go of everything at once.
func (s *session) abandon(now time.Time) {
	if s.reg.State() == registration.StateDeregistering {
		s.client.emit(Event{Kind: DeregistrationFailed, Time: now, Server: s.ssid, Err: errNoTime})
	}
	s.reg.Abort(now)
	s.settle(now)
	s.disconnect(now)
	s.client.shard.loop.Unschedule(&s.timer)
	s.finishUpdates(ErrClosed)
}

// Transmit sends a datagram for the exchange layer.
func (s *session) Transmit(datagram []byte) {
	if s.link == nil {
		return
	}
	s.trace("->", datagram)
	if err := s.link.Send(datagram); err != nil {
		s.unsent = true
		s.client.log.Debug("send failed", "server", s.ssid, "err", err)
	}
}

// listensTo reports whether a datagram may be heard: a server's requests only
// once it has accepted the registration (Core 1.1.1 §6.2.1).
func (s *session) listensTo(datagram []byte) bool {
	if len(datagram) < 2 || s.reg.Location() != nil {
		return true
	}
	return !coap.Code(datagram[1]).IsRequest()
}
