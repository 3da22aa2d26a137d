package bootstrap

import "time"

// Command tells of a command of the Bootstrap-Server other than Finish, and
// reports whether it may be served.
func (m *Machine) Command(now time.Time) bool {
	switch {
	case m.state == StateSession || m.state == StateRequesting && !m.packed:
		m.begin(now)
		return true
	case m.mayPurge() && m.linked && m.config.keepsLink():
		m.wanted |= ServerRequest
		m.attempt++
		m.begin(now)
		return true
	}
	return false
}

// begin opens the session, or gives the one that is open new time.
func (m *Machine) begin(now time.Time) {
	if m.state == StateJudging {
		return
	}
	if m.state != StateSession {
		m.do(Begin{})
	}
	m.enter(StateSession, now.Add(m.config.watchdog()))
}

// Finish tells of a Bootstrap-Finish and reports whether there is a session to
// finish. If so, a [Judge] follows.
func (m *Machine) Finish() bool {
	if m.state != StateSession {
		return false
	}
	m.judge()
	return true
}

func (m *Machine) judge() {
	m.enter(StateJudging, time.Time{})
	m.do(Judge{Pack: m.packed})
}

// Judged is the answer to [Judge]: nil if what was written is in force, or why it cannot be
// used. The owner has told the Bootstrap-Server so, or does it right now.
func (m *Machine) Judged(now time.Time, err error) {
	switch {
	case m.state != StateJudging:
	case err == nil:
		m.succeed(now)
	case m.packed:
		m.do(Event{Kind: Failed, Err: &Error{BootstrapPackRequest, err}, Attempt: m.attempt})
		m.do(Drop{})
		m.fallBack(now)
	default:
		m.enter(StateSession, now.Add(m.config.watchdog()))
		m.do(Event{Kind: Failed, Err: err, Attempt: m.attempt})
	}
}

func (m *Machine) succeed(now time.Time) {
	m.cancel() // the answer to the Bootstrap-Request may be lost
	m.do(Event{Kind: Finished, Attempt: m.attempt})
	m.purge = time.Time{}
	if m.config.AccountTimeout > 0 {
		m.purge = now.Add(m.config.AccountTimeout)
	}
	if m.packed {
		m.disconnect()
		m.end(now)
		return
	}
	m.enter(StateEnding, now.Add(DefaultFarewell))
}

// end lets go of a session that has succeeded. Its link stays a while.
func (m *Machine) end(now time.Time) {
	if m.linked && !m.config.keepsLink() {
		m.leave = now.Add(DefaultLinger)
	}
	m.wanted = 0 // what was asked for meanwhile is done
	m.enter(StateIdle, time.Time{})
	m.do(End{})
}
