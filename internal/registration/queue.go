package registration

import "time"

// Sleep gives up the link of a registration that stays, as a client in queue
// mode does when it has not been spoken to for a while (Core 1.1.1 §6.5): an
// Asleep event, then [Suspend]. The next link is made when an Update is due, or
// at a change, a Trigger, or [Machine.Wake]; what has to be said then follows the
// Update. Sleep reports false if the state does not allow it: only from
// [StateRegistered] a client goes to sleep.
func (m *Machine) Sleep(time.Time) bool {
	if m.state != StateRegistered {
		return false
	}
	m.linked = false
	m.enter(StateAsleep, m.next)
	m.do(Event{Kind: Asleep, Next: m.next})
	m.do(Suspend{})
	return true
}

// Wake tells that there is something to say to the Server: the state goes from
// [StateAsleep], by a link and an Update, to [StateRegistered]. Otherwise it does nothing.
func (m *Machine) Wake(now time.Time) {
	if m.state == StateAsleep {
		m.changed(now, aliveChanged)
	}
}
