package registration

import "time"

// ObjectsChanged tells that the list of Objects and Instances is another one.
func (m *Machine) ObjectsChanged(now time.Time) { m.changed(now, objectsChanged) }

// LifetimeChanged tells that /1/x/1 was set: at least one second, 0 for the
// default, or [Infinite]. Nothing happens if it is what it was. See also
// [Machine.Lifetime].
func (m *Machine) LifetimeChanged(now time.Time, lifetime time.Duration) {
	before := m.Lifetime()
	m.lifetime = lifetime
	if m.Lifetime() != before {
		m.changed(now, lifetimeChanged)
	}
}

// BindingChanged tells that /1/x/7 was set; see Config.Binding. Nothing happens
// if it is what it was. Since LwM2M 1.1 an Update cannot tell of queue mode: that
// takes effect with the next Register.
func (m *Machine) BindingChanged(now time.Time, binding string) {
	binding, queue := m.config.binding(binding)
	if binding != m.binding || queue != m.queue {
		m.binding, m.queue = binding, queue
		m.changed(now, bindingChanged)
	}
}

// Trigger asks for an Update, as an Execute of /1/x/8 or the application does.
// While the Machine waits for the next attempt to register, it is made at once.
//
// Trigger returns a number, which grows by one with each call and wraps around.
// The call is answered by the first Registered or Updated event whose Served is
// not below: int32(event.Served-number) >= 0.
func (m *Machine) Trigger(now time.Time) uint32 {
	m.triggered++
	switch m.state {
	case StateWaiting:
		m.try(now)
	case StateFailed:
		m.Start(now)
	default:
		m.changed(now, aliveChanged)
	}
	return m.triggered
}

// changed takes note of what the Server is to be told, and tells it if it may be
// told now. A Register tells everything anyway.
func (m *Machine) changed(now time.Time, what changes) {
	m.pending |= what
	if m.state == StateRegistered || m.state == StateAsleep {
		m.next = m.updateTime(now)
		m.refreshIfDue(now)
	}
}

func (m *Machine) refreshIfDue(now time.Time) {
	if !m.next.IsZero() && !now.Before(m.next) {
		m.refresh(now)
	}
}

// refresh sends an Update, for which a sleeper needs a link first, or a Register
// if it is too late for one, as when the device slept over its time.
func (m *Machine) refresh(now time.Time) {
	switch {
	case !m.isRegistered(now):
		m.forget()
		m.restart()
		m.wait(now, Event{Kind: RegistrationFailed, Err: ErrExpired}, 0)
	case !m.linked:
		m.restart()
		m.try(now)
	default:
		m.update(now)
	}
}

func (m *Machine) update(now time.Time) {
	m.do(Event{Kind: Updating})
	m.inFlight, m.pending = m.pending, 0
	if m.inFlight&lifetimeChanged != 0 {
		m.granted = m.Lifetime()
	}
	if m.inFlight&bindingChanged != 0 && m.isVersion10() {
		m.queueing = m.queue
	}
	m.lastUpdate = now
	m.enter(StateUpdating, time.Time{})
	m.send(now, Request{
		Kind:        Update,
		Path:        m.location,
		Queries:     m.updateQueries(m.inFlight),
		WithObjects: m.inFlight&objectsChanged != 0,
	})
}

// updateAnswered goes on after an Update. The standard's code for success is
// 2.04; some Servers send 2.01.
func (m *Machine) updateAnswered(now time.Time, a Answer) {
	m.inFlight = 0
	if a.Code == codeUpdated || a.Code == codeRegistered {
		m.expires = m.expiry()
		m.restart()
		m.enter(StateRegistered, m.updateTime(now))
		m.do(Event{Kind: Updated, Next: m.next, Served: m.carried})
		m.refreshIfDue(now)
		return
	}
	m.forget()
	m.restart()
	m.wait(now, Event{Kind: RegistrationFailed, Err: refusal(Update, a)}, a.deferral())
}

// updateLost goes on after an Update without an answer. The link may be the
// reason, or the Server forgot the client's keys: the next link begins with a
// handshake, and if the Server knows the session still, the registration goes on
// there. An Update that stays unanswered there too is the end of it.
func (m *Machine) updateLost(now time.Time, err error) {
	m.finish()
	m.disconnect()
	kind, err := failureKind(err), &Error{Update, err}
	if m.anew {
		m.forget()
		m.fail(now, kind, err, 0)
		return
	}
	m.anew = true
	m.restart()
	m.wait(now, Event{Kind: kind, Err: err}, 0)
}

// linkLost looks for a new link; the registration stays. If the Server was not
// heard on the lost link, it counts as a failed attempt: no hurry then.
func (m *Machine) linkLost(now time.Time, err error) {
	if m.attempt > 0 {
		m.fail(now, NetworkError, err, 0)
	} else {
		m.wait(now, Event{Kind: NetworkError, Err: err}, 0)
	}
}

// updateTime is when the next Update is to be sent: as early as two Updates may
// follow each other if there is something to tell, otherwise in time before the
// lifetime ends. The zero time means never.
func (m *Machine) updateTime(now time.Time) time.Time {
	earliest := now
	if !m.lastUpdate.IsZero() {
		earliest = later(now, m.lastUpdate.Add(m.updateGap()))
	}
	if m.pending != 0 {
		return earliest
	}
	if m.granted == Infinite && m.config.UpdatePeriod <= 0 {
		return time.Time{}
	}
	return later(earliest, m.sent.Add(m.updateInterval()))
}

// updateGap is the shortest time between two Updates. It leaves a quarter of a
// short lifetime for the Update to arrive.
func (m *Machine) updateGap() time.Duration {
	gap := max(orDefault(m.config.MinUpdateInterval, DefaultMinUpdateInterval), 0)
	if m.granted == Infinite {
		return gap
	}
	return min(gap, m.granted*3/4)
}

// updateInterval is the time between Updates that tell nothing but that the
// client is there.
func (m *Machine) updateInterval() time.Duration {
	margin := max(orDefault(m.config.UpdateMargin, DefaultUpdateMargin), 0)
	interval, period := m.granted/2, m.config.UpdatePeriod
	if m.granted >= 2*margin {
		interval = m.granted - margin
	}
	if period > 0 && (period < interval || m.granted == Infinite) {
		interval = period
	}
	return max(interval, m.updateGap())
}

// expiry is when the registration ends, by the request that just succeeded. It
// counts from when that was made, as the Server cannot have heard of it before.
func (m *Machine) expiry() time.Time {
	if m.granted == Infinite {
		return time.Time{}
	}
	return m.sent.Add(m.granted)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
