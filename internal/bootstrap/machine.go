package bootstrap

import (
	"strconv"
	"time"
)

// State is where a [Machine] stands.
type State uint8

// The states of a Machine.
const (
	StateIdle       State = iota // no bootstrap is wanted
	StateWaiting                 // waits for the end of the hold off, or for the time of the next attempt
	StateConnecting              // waits for the link
	StateRequesting              // waits for the answer to a request
	StateSession                 // waits for commands of the Bootstrap-Server
	StateJudging                 // waits for Judged
	StateEnding                  // has succeeded; waits a moment for the answer to Finish to arrive
	numStates                    // not a state
)

var stateNames = [numStates]string{"idle", "waiting", "connecting", "requesting", "session", "judging", "ending"}

// String is the state in a word, such as "session".
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return "State(" + strconv.Itoa(int(s)) + ")"
}

// Reason is why a bootstrap is wanted (Core 1.1.1 §6.1.2).
type Reason uint8

// The reasons for a bootstrap. The first two wait for the Client Hold Off Time.
const (
	NoServer           Reason = 1 << iota // there is no account of an LwM2M Server
	RegistrationFailed                    // no server accepts a registration
	ServerRequest                         // a server has executed /1/x/9
	Application                           // the application has asked; tried once only
)

const urgent = ServerRequest | Application

// Machine is the bootstrap interface of one client. Make it by [New]; do not copy
// it after the first use.
type Machine struct {
	config   *Config
	endpoint string

	actions []Action // since the last Actions

	next  time.Time // deadline of the state; zero: none
	purge time.Time // when the account of the Bootstrap-Server goes; zero: never
	leave time.Time // when to close the link of a session that has succeeded; zero: there is none

	lastID      uint32 // of the last Request
	outstanding uint32 // ID of the Request that waits for an answer; 0: none

	attempt  int   // from 1; 0: none yet
	refused  uint8 // how many of the formats the Bootstrap-Server has refused
	state    State
	wanted   Reason // a set
	linked   bool   // there is a link
	packed   bool   // what is requested or judged is a Bootstrap-Pack
	unpacked bool   // the Bootstrap-Server has no usable Bootstrap-Pack
}

// New returns an idle Machine for a client. The endpoint name has to fit into a
// Uri-Query option: at most 252 bytes. "" leaves ep out, for Bootstrap-Servers that
// know the client by its credentials, since LwM2M 1.1. The Machine keeps the Config.
func New(endpoint string, config *Config) Machine { return Machine{config: config, endpoint: endpoint} }

// Configure replaces the Config, as a session may have written another account
// of the Bootstrap-Server. The owner calls it before Judged.
func (m *Machine) Configure(config *Config) { m.config = config }

// Actions returns what is to be done because of the calls since the last
// Actions, in order.
func (m *Machine) Actions() []Action {
	actions := m.actions
	m.actions = nil
	return actions
}

// Deadline is when Expire is to be called; the zero time means never.
func (m *Machine) Deadline() time.Time {
	deadline := earlier(m.next, m.leave)
	if m.mayPurge() {
		deadline = earlier(deadline, m.purge)
	}
	return deadline
}

// earlier is the earlier of two times, of which the zero time means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// mayPurge reports whether the account can go without doing harm to a bootstrap.
func (m *Machine) mayPurge() bool { return m.state == StateIdle || m.state == StateWaiting }

// State is where the Machine stands.
func (m *Machine) State() State { return m.state }

// Attempt is the number of the current or last attempt, from 1; 0 before the first.
func (m *Machine) Attempt() int { return m.attempt }

// NextAttempt is when the next attempt is made; the zero time unless the state
// is [StateWaiting].
func (m *Machine) NextAttempt() time.Time {
	if m.state != StateWaiting {
		return time.Time{}
	}
	return m.next
}

// Start asks for a bootstrap. One that is on its way is not disturbed. One that
// waits is tried at once if a server or the application asks for it.
func (m *Machine) Start(now time.Time, why Reason) {
	m.wanted |= why
	switch {
	case m.state == StateIdle:
		m.attempt, m.refused, m.unpacked = 0, 0, false
		if d := m.config.holdOff(); d > 0 && why&urgent == 0 {
			m.enter(StateWaiting, now.Add(d))
			return
		}
		m.try(now)
	case m.state == StateWaiting && why&urgent != 0:
		m.try(now)
	}
}

// Registered tells that a server has accepted a registration: a bootstrap that was wanted
// because none did is not wanted any more, unless the session has begun.
func (m *Machine) Registered() {
	m.wanted &^= NoServer | RegistrationFailed
	if m.wanted == 0 && m.state >= StateWaiting && m.state <= StateRequesting {
		m.abandon()
	}
}

// Stop ends everything at once: an open session is dropped.
func (m *Machine) Stop() {
	m.purge = time.Time{}
	switch m.state {
	case StateSession, StateJudging:
		m.do(Drop{})
	case StateEnding:
		m.do(End{})
	}
	m.abandon()
}

// abandon gives up what is on its way, and the link.
func (m *Machine) abandon() {
	m.cancel()
	if m.linked || m.state == StateConnecting {
		m.disconnect()
	}
	m.wanted = 0
	m.enter(StateIdle, time.Time{})
}

// Expire tells that time went by. It does nothing before the Deadline.
func (m *Machine) Expire(now time.Time) {
	if d := m.Deadline(); d.IsZero() || now.Before(d) {
		return
	}
	passed := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	if passed(m.leave) {
		m.disconnect()
	}
	switch {
	case m.mayPurge() && passed(m.purge):
		m.purge = time.Time{}
		m.abandon()
		m.do(Purge{})
	case !passed(m.next):
	case m.state == StateWaiting:
		m.try(now)
	case m.state == StateSession:
		m.abort(now, ErrSilent)
	case m.state == StateEnding:
		m.end(now)
	}
}

// LinkUp tells that there is a link to the Bootstrap-Server.
func (m *Machine) LinkUp(now time.Time) {
	switch {
	case m.state == StateConnecting:
		m.linked = true
		m.request(now)
	case !m.linked:
		m.do(Close{}) // it came too late
	}
}

// LinkDown tells that there is no link: to connect failed, or the link was lost.
// The outstanding Request is lost with it.
func (m *Machine) LinkDown(now time.Time, err error) {
	m.linked, m.outstanding, m.leave = false, 0, time.Time{}
	switch m.state {
	case StateConnecting, StateRequesting:
		m.fail(now, err, 0)
	case StateSession, StateJudging:
		m.do(Drop{})
		m.fail(now, err, 0)
	case StateEnding:
		m.end(now)
	}
}

// try makes an attempt, on a link that is there or a new one.
func (m *Machine) try(now time.Time) {
	m.attempt++
	m.leave = time.Time{}
	if m.linked {
		m.request(now)
		return
	}
	m.enter(StateConnecting, time.Time{})
	m.do(Connect{})
}

// abort ends an attempt that had a link, and with it an open session.
func (m *Machine) abort(now time.Time, err error) {
	if m.state == StateSession || m.state == StateJudging {
		m.do(Drop{})
	}
	m.cancel()
	m.disconnect()
	m.fail(now, err, 0)
}

// fail ends an attempt. The next one follows after a while, but not before the least
// wait; not at all if only the application has asked.
func (m *Machine) fail(now time.Time, err error, least time.Duration) {
	event := Event{Kind: Failed, Err: err, Attempt: m.attempt}
	m.wanted &^= Application
	if m.wanted == 0 {
		m.enter(StateIdle, time.Time{})
	} else {
		m.enter(StateWaiting, now.Add(max(m.config.retry(m.attempt), least)))
	}
	event.Next = m.next
	m.do(event)
}

// disconnect closes the link, or gives up connecting.
func (m *Machine) disconnect() {
	m.linked, m.leave = false, time.Time{}
	m.do(Close{})
}

func (m *Machine) enter(s State, deadline time.Time) { m.state, m.next = s, deadline }

func (m *Machine) do(a Action) { m.actions = append(m.actions, a) }

// cancel gives up the outstanding Request.
func (m *Machine) cancel() {
	if m.outstanding != 0 {
		m.do(Cancel{m.outstanding})
		m.outstanding = 0
	}
}
