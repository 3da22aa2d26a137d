package registration

import "time"

// Stop ends the registration, from any state: by a De-register if there is a
// registration, otherwise at once. While asleep or paused it connects for that, and it waits for a link
// that is on its way; after a failed attempt it does not look for another. A Register on its way is given
// Config.StopGrace to be answered, so that it can be undone. A Disconnected
// event tells the end. The owner may cut all this short by Abort.
func (m *Machine) Stop(now time.Time) {
	switch m.state {
	case StateRegistered, StateUpdating:
		m.cancel()
		m.deregister(now)
	case StateAsleep, StatePaused:
		m.leave(now)
	case StateRegistering:
		m.enter(StateWithdrawing, now.Add(max(m.config.stopGrace(), 0)))
	case StateConnecting:
		if m.isRegistered(now) {
			m.enter(StateLeaving, time.Time{}) // over the link that is on its way
			return
		}
		m.stopped(nil)
	case StateWaiting:
		m.stopped(nil)
	case StateFailed:
		m.enter(StateStopped, time.Time{})
		m.do(Event{Kind: Disconnected})
	}
}

// Abort ends everything at once, from any state, without a De-register.
func (m *Machine) Abort(time.Time) {
	if m.state != StateStopped {
		m.stopped(nil)
	}
}

// leave looks for a link to De-register, if there is anything to.
func (m *Machine) leave(now time.Time) {
	if !m.isRegistered(now) {
		m.stopped(nil)
		return
	}
	m.enter(StateLeaving, time.Time{})
	m.do(Connect{Anew: m.anew})
}

func (m *Machine) deregister(now time.Time) {
	m.do(Event{Kind: Deregistering})
	m.enter(StateDeregistering, time.Time{})
	m.send(now, Request{Kind: Deregister, Path: m.location})
}

func (m *Machine) deregisterAnswered(a Answer) {
	if a.Code == codeDeregistered {
		m.stopped(nil)
	} else {
		m.stopped(refusal(Deregister, a))
	}
}

// withdrawnAnswered undoes a registration that nobody wants any more.
func (m *Machine) withdrawnAnswered(now time.Time, a Answer) {
	if a.Code == codeRegistered && len(a.Location) > 0 {
		m.location = a.Location
		m.deregister(now)
		return
	}
	m.stopped(nil)
}

// lost ends it when a request of the end has no answer.
func (m *Machine) lost(err error) {
	if m.state == StateWithdrawing {
		m.stopped(nil)
	} else {
		m.stopped(&Error{Deregister, err})
	}
}

// stopped ends it; err is why the De-register failed, if it did.
func (m *Machine) stopped(err error) {
	m.cancel()
	m.forget()
	m.linked, m.anew = false, false
	m.pending = 0
	m.attempt, m.sequence = 0, 0
	m.enter(StateStopped, time.Time{})
	m.do(Close{})
	if err != nil {
		m.do(Event{Kind: DeregistrationFailed, Err: err})
	}
	m.do(Event{Kind: Disconnected})
}
