package lwm2m

import (
	"math"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/internal/registration"
	"github.com/lwm2m-go/lwm2m/internal/tree"
)

// session is what a client has with one server: the connection, the account it comes from, and the
// registration. It belongs to the loop.
type session struct {
	connection
	account   *tree.Instance // the instance of the Security Object that it comes from
	server    Path           // the instance of the Server Object
	queueMode bool
	known     bool // it has accepted a Register
	doubted   bool // the server has left something unanswered since it was heard last
	reachable bool // notifications can be sent
	asleep    bool // they can, once the client is awake
	staying   bool // it has ended for this process, but not for the server

	reg     registration.Machine
	request coap.Handle // of the registration's outstanding request
	timer   loop.Timer
	updates []waitingUpdate

	// What few sessions have; nil without.
	disabled *disabled // by a Disable
	outbox   *outbox   // Sends that wait
	awake    *awake    // queue mode
}

func newSession(c *Client, a account) *session {
	s := &session{account: a.security, server: a.server, queueMode: a.QueueMode || c.pace != nil && c.pace.queueMode}
	s.connection = connection{
		client: c, owner: s, target: a.target, ssid: a.ShortServerID, security: newSecurity(a.ServerAccount, c.configured.loader()),
	}
	s.timer.Owner = s
	return s
}

// configure sets up the registration from the Server Object.
func (s *session) configure() {
	c := s.client
	c.mu.Lock()
	key := registrationKey{
		version:   c.version,
		lifetime:  registeredLifetime(c.value(s.server.Child(serverLifetime))),
		binding:   c.value(s.server.Child(serverBinding)).Text(),
		queueMode: s.queueMode,
		retry:     c.retryOf(s.server),
		jitter:    c.jitter(),
	}
	c.mu.Unlock()
	if c.pace != nil {
		key.pace = *c.pace
	}
	s.reg = registration.New(c.endpoint, c.shard.registration(key))
	s.writeBackLifetime()
}

// version is the one to speak with the server.
func (s *session) version() Version { return s.reg.Version() }

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

// Expire works off deadlines. The loop calls it.
func (s *session) Expire(now time.Time) {
	if s.conn != nil {
		s.conn.Expire(now)
	}
	s.reg.Expire(now)
	s.expireDisable(now)
	s.settle(now)
}

// settle does what the registration asks for, and sets the timer. Everything
// that touches a session ends with it.
func (s *session) settle(now time.Time) {
	s.perform(now)
	if s.fallAsleep(now) {
		s.perform(now)
	}
	s.updateReachable(now)
	s.resumeSends(now)
	next := earlier(s.reg.Deadline(), s.disableDeadline())
	if s.conn != nil {
		next = earlier(next, s.conn.Deadline())
	}
	next = earlier(next, s.bedtime(now))
	if next.IsZero() || s.client.finished {
		s.client.shard.loop.Unschedule(&s.timer)
	} else {
		s.client.shard.loop.Schedule(&s.timer, next)
	}
	s.client.stopIfIdle(now)
}

// perform does what the registration asks for.
func (s *session) perform(now time.Time) {
	for actions := s.reg.Actions(); len(actions) > 0; actions = s.reg.Actions() {
		for _, action := range actions {
			s.act(now, action)
		}
	}
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
		attempt, _ := s.reg.Attempt()
		failed := attempt - 1
		if a.Anew {
			failed = max(failed, 1)
		}
		s.connect(failed)
	case registration.Suspend:
		s.suspendLink(now)
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

// linkUp goes on over a link.
func (s *session) linkUp(now time.Time, fresh bool) { s.reg.LinkUp(now, fresh) }

// linkLost has the registration look for another link.
func (s *session) linkLost(now time.Time, err error) {
	s.noteAlert(err)
	s.reg.LinkDown(now, err)
}

// linkTrouble tells of it.
func (s *session) linkTrouble(now time.Time, err error) {
	s.noteAlert(err)
	s.client.emit(Event{Kind: NetworkError, Time: now, Server: s.ssid, Err: err})
}

// linkDropped doubts that the server can be reached, until an Update or Register over the next link succeeds.
func (s *session) linkDropped() { s.doubted = true }

// stop begins to de-register.
func (s *session) stop(now time.Time) {
	s.disabled = nil
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
	s.disabled = nil
	s.reg.Abort(now)
	s.settle(now)
	s.disconnect(now)
	s.client.shard.loop.Unschedule(&s.timer)
	s.finishUpdates(ErrClosed)
}

// listensTo reports whether a datagram may be heard: a server's requests only
// once it has accepted the registration (Core 1.1.1 §6.2.1), and not while a Bootstrap-Server is at work.
func (s *session) listensTo(datagram []byte) bool {
	if len(datagram) < 2 || s.reg.Location() != nil && !s.client.isBootstrapping() {
		return true
	}
	return !coap.Code(datagram[1]).IsRequest()
}
