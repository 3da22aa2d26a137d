package registration

import "time"

// Pause gives up the link, or the attempt to get one, and does nothing more until
// [Machine.Resume]; changes and Triggers are kept until then. The registration
// stays. Pause does nothing while the Machine stops, has stopped or has failed.
func (m *Machine) Pause(time.Time) {
	switch m.state {
	case StateConnecting, StateRegistering, StateRegistered, StateUpdating, StateWaiting:
		m.cancel()
		m.linked = false
		m.do(Suspend{})
	case StateAsleep:
	default:
		return
	}
	m.enter(StatePaused, time.Time{})
}

// Resume goes on after [Machine.Pause], by an Update, or a Register if the
// registration has expired meanwhile.
func (m *Machine) Resume(now time.Time) {
	if m.state == StatePaused {
		m.restart()
		m.try(now)
	}
}
