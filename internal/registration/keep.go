package registration

import "time"

// Kept is a registration that outlives its [Machine]: the client ends without a De-register, and goes on with another
// Machine after a restart.
type Kept struct {
	Location []string
	Lifetime time.Duration // that the Server was told; see [Infinite]
	Expires  time.Time     // zero: never
}

// Keep gives the registration of a paused Machine; ok is false if there is none, or if it is not known what the
// Server knows of it.
func (m *Machine) Keep(now time.Time) (k Kept, ok bool) {
	if m.state != StatePaused || !m.isRegistered(now) || m.pending&(lifetimeChanged|bindingChanged) != 0 ||
		m.version != m.config.version() || m.queueing != m.queue {
		return Kept{}, false
	}
	return Kept{Location: m.location, Lifetime: m.granted, Expires: m.expires}, true
}

// Restore takes up a registration before Start, which then looks for a link and, if that is not fresh, goes on
// by an Update. The Update tells of the lifetime and of the Objects if they are others.
func (m *Machine) Restore(k Kept, restructured bool) {
	if m.state != StateStopped || len(k.Location) == 0 {
		return
	}
	m.location, m.granted, m.expires, m.queueing = k.Location, k.Lifetime, k.Expires, m.queue
	if k.Lifetime != Infinite {
		m.sent = k.Expires.Add(-k.Lifetime)
	}
	if k.Lifetime != m.Lifetime() {
		m.pending |= lifetimeChanged
	}
	if restructured {
		m.pending |= objectsChanged
	}
}
