package server

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"
)

// EventKind says what happened.
type EventKind uint8

// The kinds of events.
const (
	// Registered: a Client has registered, for the first time or anew.
	Registered EventKind = iota + 1
	// Updated: a Client has updated its Registration.
	Updated
	// Deregistered: a Client has de-registered.
	Deregistered
	// Expired: a lifetime has ended without an Update.
	Expired
	// Replaced: a Registration has ended since the same Endpoint registers anew; the
	// event Registered follows.
	Replaced
	// Forgotten: a Registration has ended by Server.Forget.
	Forgotten
	// Sent: a Client has sent values on its own (Send).
	Sent
	// Refused: a Client's request was answered with an error, see Event.Err.
	Refused
	// HandshakeFailed: somebody at Event.Address could not connect by DTLS; Event.Err says why.
	HandshakeFailed
	// BootstrapRequested: a Client asks to be bootstrapped, and a session begins.
	BootstrapRequested
	// BootstrapAnswered: a Client has answered an operation of the session, or did not; Event.Step tells.
	BootstrapAnswered
	// BootstrapFinished: a Client has accepted Bootstrap-Finish.
	BootstrapFinished
	// BootstrapFailed: the session has ended in another way; Event.Err says why.
	BootstrapFailed
	// BootstrapPacked: a Client was given a Bootstrap-Pack, which it carries out by itself.
	BootstrapPacked
)

var eventKinds = [...]string{"none", "registered", "updated", "deregistered", "expired", "replaced", "forgotten", "sent", "refused",
	"handshake failed", "bootstrap requested", "bootstrap answered", "bootstrap finished", "bootstrap failed",
	"bootstrap packed"}

// String is the kind in one word, such as "registered".
func (k EventKind) String() string {
	if int(k) < len(eventKinds) {
		return eventKinds[k]
	}
	return "EventKind(" + strconv.Itoa(int(k)) + ")"
}

// Event is something that a Client did, or failed to do.
type Event struct {
	Kind     EventKind
	Time     time.Time
	Endpoint string // Endpoint Client Name; empty for a Refused request that does not tell
	Address  string // of the Client
	// Registration is as it stands after the event, or as it stood when it ended. It
	// is the zero Registration for a Refused request from a Client that is not
	// registered.
	Registration Registration
	// Query holds the parameters of the request: with Updated just those that the
	// Client sent.
	Query []string
	// Data is what a Client has Sent.
	Data *Data
	// Step is an operation with its answer, where a Client has BootstrapAnswered.
	Step *BootstrapStep
	// Err is the reason of a Refused request, a *model.Error with the code of the
	// answer, or of a failed handshake or bootstrap.
	Err error
}

// Data is a payload with the values in it.
type Data struct {
	Format  ContentFormat
	Payload []byte
	Nodes   []Node
}

// String is the event in one line for people.
func (e Event) String() string {
	s := e.Endpoint
	if s == "" {
		s = e.Address
	}
	s += " " + e.Kind.String()
	if e.Step != nil {
		s += ": " + e.Step.String()
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Errors of [Events] and [Observation].
var (
	// ErrLost says that something was lost because more than Config.MaxWaiting
	// waited to be taken. It is returned once; what is left follows.
	ErrLost = errors.New("server: too many waited to be taken, the oldest are lost")
	// ErrEnded says that nothing more will come.
	ErrEnded = errors.New("server: ended")
)

// Events are the events of a Server since the call of [Server.Events]. They wait
// until they are taken, so that none is missed between two calls. Its methods may be
// called from any goroutine; each event is taken once.
type Events struct {
	queue  *queue[Event]
	server *Server
}

// Events begins to collect events. Close it when it is no longer needed.
func (s *Server) Events() *Events {
	e := &Events{queue: newQueue[Event](s.config.MaxWaiting), server: s}
	s.subscribers.add(e)
	return e
}

// Next takes the next event, waiting for it if there is none. It returns ErrLost,
// ErrEnded when the Server or Events is closed and no event is left, or the error of
// ctx.
func (e *Events) Next(ctx context.Context) (Event, error) { return e.queue.next(ctx) }

// Wait takes events until match reports true for one and returns that. Its errors
// are those of Next.
func (e *Events) Wait(ctx context.Context, match func(Event) bool) (Event, error) {
	for {
		event, err := e.Next(ctx)
		if err != nil || match(event) {
			return event, err
		}
	}
}

// WaitFor takes events until there is one of the kind, from the endpoint unless that
// is "".
func (e *Events) WaitFor(ctx context.Context, kind EventKind, endpoint string) (Event, error) {
	return e.Wait(ctx, func(event Event) bool {
		return event.Kind == kind && (endpoint == "" || event.Endpoint == endpoint)
	})
}

// Close stops collecting. Events that wait already can still be taken.
func (e *Events) Close() {
	e.server.subscribers.remove(e)
	e.queue.close(ErrEnded)
}

// subscribers are all open Events of a Server.
type subscribers struct {
	mu    sync.Mutex
	open  map[*Events]struct{}
	ended bool
}

func (s *subscribers) add(e *Events) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		e.queue.close(ErrEnded)
		return
	}
	if s.open == nil {
		s.open = make(map[*Events]struct{})
	}
	s.open[e] = struct{}{}
}

func (s *subscribers) remove(e *Events) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, e)
}

func (s *subscribers) publish(event Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := range s.open {
		e.queue.put(event)
	}
}

// close ends all Events; those added later end at once.
func (s *subscribers) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for e := range s.open {
		e.queue.close(ErrEnded)
	}
	s.open = nil
}

// emit tells everybody who listens.
func (s *Server) emit(event Event) { s.subscribers.publish(event) }

// event makes an event about a Registration.
func (r *registration) event(kind EventKind, now time.Time) Event {
	return Event{Kind: kind, Time: now, Endpoint: r.Endpoint, Address: r.Address, Registration: r.clone()}
}

// runOnEvent hands events to Config.OnEvent until they end.
func (s *Server) runOnEvent(events *Events) {
	for {
		event, err := events.Next(context.Background())
		switch {
		case errors.Is(err, ErrLost):
			s.config.Logger.Error("OnEvent is too slow, events are lost")
		case err != nil:
			return
		default:
			s.guard("OnEvent", func() { s.config.OnEvent(event) })
		}
	}
}
