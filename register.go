package lwm2m

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/internal/objectlinks"
	"github.com/lwm2m-go/lwm2m/internal/registration"
	"github.com/lwm2m-go/lwm2m/model"
)

// register sends a request of the registration interface: Register, Update or
// De-register (Core 1.1.1 §6.2).
func (s *session) register(now time.Time, r registration.Request) {
	if r.Kind != registration.Update {
		s.suspend(now, r.Kind == registration.Deregister)
	}
	out := coap.Outgoing{Code: coap.POST, Confirmable: true, Options: make(coap.Options, 0, len(r.Path)+len(r.Queries)+1)}
	if r.Kind == registration.Deregister {
		out.Code = coap.DELETE
	}
	for _, segment := range r.Path {
		out.Options.AddString(coap.UriPath, segment)
	}
	if r.WithObjects {
		out.Options.AddUint(coap.ContentFormat, uint32(format.Link))
		out.Payload = s.client.objectLinks(r.Version)
	}
	for _, query := range r.Queries {
		out.Options.AddString(coap.UriQuery, query)
	}
	out.Done = func(now time.Time, result coap.Result) { s.answered(now, r.ID, result) }
	if s.conn == nil {
		s.reg.Failed(now, r.ID, ErrNotRegistered)
		return
	}
	handle, err := s.conn.Do(now, &out)
	if err != nil {
		s.reg.Failed(now, r.ID, err)
		return
	}
	s.request = handle
}

func (s *session) answered(now time.Time, id uint32, result coap.Result) {
	if errors.Is(result.Err, ErrNotRegistered) { // the link was dropped; the registration knows
		return
	}
	if result.Err != nil {
		s.reg.Failed(now, id, result.Err)
		return
	}
	answer := registration.Answer{Code: model.Code(result.Code)}
	for segment := range result.Options.All(coap.LocationPath) {
		answer.Location = append(answer.Location, string(segment))
	}
	if age, ok := result.Options.Uint(coap.MaxAge); ok {
		answer.MaxAge = time.Duration(age) * time.Second
	}
	if !answer.Code.IsSuccess() {
		answer.Diagnostic = coap.Diagnostic(result.Payload)
	}
	s.reg.Response(now, id, answer)
}

// objectLinks is the payload of a Register: the Objects and their instances.
func (c *Client) objectLinks(version Version) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	inventory := model.Inventory{Formats: announcedFormats(version), Objects: c.tree.Links()}
	return objectlinks.Append(nil, &inventory, version)
}

// announcedFormats are those that the version does not imply.
func announcedFormats(v Version) []uint16 {
	switch {
	case v.Compare(Version11) < 0:
		return nil
	case v.Compare(Version12) < 0:
		return []uint16{uint16(format.CBOR), uint16(format.SenMLJSON), uint16(format.SenMLCBOR), uint16(format.TLV), uint16(format.JSON)}
	}
	return []uint16{
		uint16(format.CBOR), uint16(format.SenMLJSON), uint16(format.SenMLCBOR), uint16(format.SenMLETCHJSON),
		uint16(format.SenMLETCHCBOR), uint16(format.TLV), uint16(format.LwM2MCBOR),
	}
}

var eventKinds = map[registration.EventKind]EventKind{
	registration.Registered:           Registered,
	registration.RegistrationFailed:   RegistrationFailed,
	registration.RegistrationTimeout:  RegistrationTimeout,
	registration.Updating:             Updating,
	registration.Updated:              Updated,
	registration.Deregistering:        Deregistering,
	registration.DeregistrationFailed: DeregistrationFailed,
	registration.Disconnected:         Disconnected,
	registration.NetworkError:         NetworkError,
	registration.Asleep:               Asleep,
}

func (s *session) registrationEvent(now time.Time, e registration.Event) {
	switch e.Kind {
	case registration.Registered:
		s.registered(now)
	case registration.Updated:
		s.heard()
	}
	event := Event{
		Kind: eventKinds[e.Kind], Time: now, Server: s.ssid,
		Err: e.Err, Attempt: e.Attempt, Next: e.Next,
	}
	if e.Kind == registration.Registered {
		event.Location = "/" + strings.Join(s.reg.Location(), "/")
	}
	if e.Kind != registration.Updating { // what comes of it will tell
		event.Handshake = s.takeHandshake()
	}
	if e.Kind != registration.Disconnected || !s.staying {
		s.client.emit(event)
	}
	s.noteOutcome(now, e)
	if e.Kind == registration.Registered {
		s.client.noteRegistered(now)
	}
	switch e.Kind {
	case registration.Registered, registration.Updated:
		s.finishUpdatesUpTo(e.Served)
	case registration.RegistrationFailed, registration.RegistrationTimeout, registration.NetworkError:
		if e.Next.IsZero() || e.Next.After(now) { // else a Register follows at once
			s.finishUpdates(e.Err)
		}
	case registration.Disconnected:
		s.dropObservations(now)
		if !s.staying {
			s.client.forgetReader(s.ssid)
		}
		s.finishUpdates(ErrNotRegistered)
	}
}

// isFatal reports whether a link has ended.
func isFatal(err error) bool { return errors.Is(err, link.ErrClosed) }

// waitingUpdate is a call of Client.Update that waits for its answer.
type waitingUpdate struct {
	number uint32
	answer func(error)
}

// Update sends an Update to each server, or a Register where there is no registration, and
// waits for the answers until ctx ends. At most one Update goes out in 15 s: what
// is asked for earlier waits. An Update that fails is followed by a Register, which then counts.
// The error joins those of all servers.
func (c *Client) Update(ctx context.Context) error {
	return c.call(ctx, func(now time.Time, answer func(error)) {
		left := len(c.sessions)
		if left == 0 { // there are no servers yet
			answer(ErrNotRegistered)
		}
		var errs []error
		for _, s := range c.sessions {
			s.updates = append(s.updates, waitingUpdate{s.trigger(now), func(err error) {
				errs = append(errs, err)
				if left--; left == 0 {
					answer(errors.Join(errs...))
				}
			}})
		}
		for _, s := range c.sessions {
			s.settle(now)
		}
	})
}

// finishUpdatesUpTo answers the calls of Update that a success has served.
func (s *session) finishUpdatesUpTo(served uint32) {
	for len(s.updates) > 0 && int32(served-s.updates[0].number) >= 0 {
		s.updates[0].answer(nil)
		s.updates = s.updates[1:]
	}
}

// finishUpdates answers all calls of Update.
func (s *session) finishUpdates(err error) {
	for _, u := range s.updates {
		u.answer(err)
	}
	s.updates = nil
}

// serverObjectChanged tells the registration about new values of its instance of the Server Object.
func (s *session) serverObjectChanged(now time.Time, changed []Path) {
	for _, p := range changed {
		if !s.server.Contains(p) {
			continue
		}
		c := s.client
		c.mu.Lock()
		lifetime := registeredLifetime(c.value(s.server.Child(serverLifetime)))
		binding := c.value(s.server.Child(serverBinding)).Text()
		retry := c.retryOf(s.server)
		if c.observed != nil {
			c.observed.SetDefaults(s.ssid, s.defaults())
		}
		c.mu.Unlock()
		s.reg.LifetimeChanged(now, lifetime)
		s.reg.BindingChanged(now, binding)
		s.reg.RetryChanged(retry.settings())
		s.writeBackLifetime()
		return
	}
}
