package lwm2m

import "time"

// disabled is the course of a Disable (Core 1.1.1 Appendix E.2).
type disabled struct {
	leave time.Time // when to de-register; zero once that has begun
	until time.Time // when to register again
}

// leaveDelay lets the answer to a Disable arrive before the De-register does.
const leaveDelay = time.Second

// disable leaves the server for the time that its Disable Timeout says.
func (s *session) disable(now time.Time) {
	c := s.client
	c.mu.Lock()
	pause := duration(c.value(s.server.Child(serverDisableTimeout)))
	c.mu.Unlock()
	if pause <= 0 {
		pause = defaultDisableTimeout
	}
	s.disabled = &disabled{leave: now.Add(min(leaveDelay, pause/2)), until: now.Add(pause)}
	c.emit(Event{Kind: ServerDisabled, Time: now, Server: s.ssid, Next: s.disabled.until})
	s.settle(now)
}

// expireDisable does what a Disable asks for at its times.
func (s *session) expireDisable(now time.Time) {
	next := s.disableDeadline()
	if next.IsZero() || now.Before(next) {
		return
	}
	if !s.disabled.leave.IsZero() {
		s.disabled.leave = time.Time{}
		s.reg.Stop(now)
		return
	}
	s.disabled = nil
	s.begin(now)
}

// disableDeadline is when expireDisable has something to do; zero if not before something else happens: the end of a
// pause of the client, or of a De-register that takes longer than the server is to be left.
func (s *session) disableDeadline() time.Time {
	switch d := s.disabled; {
	case d == nil || s.client.stopping:
		return time.Time{}
	case !d.leave.IsZero() && !s.client.paused:
		return d.leave
	case d.leave.IsZero() && s.isStopped():
		return d.until
	}
	return time.Time{}
}
