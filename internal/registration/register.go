package registration

import (
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

var registerPath = []string{"rd"}

// register sends a Register, in place of whatever is outstanding. It carries
// all there is to tell.
func (m *Machine) register(now time.Time) {
	m.cancel()
	m.forget()
	m.pending = 0
	m.granted, m.queueing = m.Lifetime(), m.queue
	m.enter(StateRegistering, time.Time{})
	m.send(now, Request{Kind: Register, Path: registerPath, Queries: m.registerQueries(), WithObjects: true})
}

// forget drops the registration: the Server does not have it, or is about to
// replace it.
func (m *Machine) forget() { m.location, m.expires = nil, time.Time{} }

func (m *Machine) registerAnswered(now time.Time, a Answer) {
	switch {
	case a.Code == model.PreconditionFailed:
		m.versionRefused(now, a)
	case a.Code != codeRegistered:
		m.fail(now, RegistrationFailed, refusal(Register, a), a.deferral())
	case len(a.Location) == 0:
		m.fail(now, RegistrationFailed, &Error{Register, ErrNoLocation}, 0)
	default:
		m.location = a.Location
		m.expires = m.expiry()
		m.enter(StateRegistered, m.updateTime(now))
		m.do(Event{Kind: Registered, Attempt: int(m.attempt), Next: m.next, Served: m.carried})
		m.restart()
		m.refreshIfDue(now)
	}
}
