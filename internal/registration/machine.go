package registration

import (
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// State is where a [Machine] stands.
type State uint8

// The states of a Machine.
const (
	StateStopped       State = iota // not started, or stopped
	StateConnecting                 // waits for the link
	StateRegistering                // waits for the answer to a Register
	StateRegistered                 // waits for the time of the next Update
	StateUpdating                   // waits for the answer to an Update
	StateWaiting                    // waits for the time of the next attempt
	StateWithdrawing                // stops; waits a moment for the answer to a Register
	StateDeregistering              // stops; waits for the answer to a De-register
	StateFailed                     // gave up; Start and Trigger begin again
	StateAsleep                     // registered, without a link; waits for the time of the next Update
	StatePaused                     // waits for Resume, without a link
	StateLeaving                    // stops; waits for the link, to De-register
	numStates                       // not a state
)

var stateNames = [numStates]string{
	"stopped", "connecting", "registering", "registered", "updating", "waiting", "withdrawing", "deregistering", "failed",
	"asleep", "paused", "leaving",
}

// String is the state in a word, such as "registered".
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return "State(" + strconv.Itoa(int(s)) + ")"
}

// changes is a set of what the Server does not know yet.
type changes uint8

const (
	lifetimeChanged changes = 1 << iota
	bindingChanged
	objectsChanged
	aliveChanged // nothing but that the client is there
)

// Machine is the registration of one client with one Server. Make it by [New];
// do not copy it after the first use.
type Machine struct {
	config   *Config
	endpoint string

	actions []Action // since the last Actions

	binding  string        // without Q
	lifetime time.Duration // as it was set
	version  model.Version // that the Server is told, or was told

	// The registration that the Server is believed to have; there is none if
	// location is nil.
	location []string
	expires  time.Time     // zero: never
	granted  time.Duration // the lifetime that the Server was last told

	next       time.Time // deadline of the state; zero: none
	sent       time.Time // when the outstanding or last request was made
	lastUpdate time.Time // when the last Update was made; zero: none yet

	lastID      uint32 // of the last Request
	outstanding uint32 // ID of the Request that waits for an answer; 0: none
	triggered   uint32 // number of the last Trigger
	carried     uint32 // the value of triggered when the last request was made

	attempt  uint32 // in this sequence, from 1; 0: the last one succeeded
	sequence uint32 // from 1

	queue    bool // queue mode, as it is to be
	queueing bool // queue mode, as the Server was told
	state    State
	linked   bool    // there is a link
	anew     bool    // the Server does not answer: the next link needs a new handshake
	pending  changes // to be told to the Server
	inFlight changes // told by the outstanding Update
}

// New returns a stopped Machine for a client. The endpoint name has to fit into a
// Uri-Query option: at most 252 bytes. "" leaves ep out, for Servers that know the
// client by its credentials (Core 1.1.1 §6.2.1). The Machine keeps the Config.
func New(endpoint string, config *Config) Machine {
	m := Machine{config: config, endpoint: endpoint, lifetime: config.Lifetime, version: config.version()}
	m.binding, m.queue = config.binding(config.Binding)
	return m
}

// Actions returns what is to be done because of the calls since the last
// Actions, in order.
func (m *Machine) Actions() []Action {
	actions := m.actions
	m.actions = nil
	return actions
}

// Deadline is when Expire is to be called; the zero time means never.
func (m *Machine) Deadline() time.Time { return m.next }

// State is where the Machine stands.
func (m *Machine) State() State { return m.state }

// Location is the path of the registration on the Server; nil if there is none.
// It must not be changed.
func (m *Machine) Location() []string { return m.location }

// HasToldObjects reports whether the Server knows the list of Objects and
// Instances as it is: no Update that tells of it is due or on its way.
func (m *Machine) HasToldObjects() bool {
	return m.location != nil && (m.pending|m.inFlight)&objectsChanged == 0
}

// Lifetime is the lifetime that the client wants; the Server may not know yet.
// It differs from what was set if that is below Config.MinLifetime: then 1/x/1
// is to be set to it. See also [Infinite].
func (m *Machine) Lifetime() time.Duration { return m.config.lifetime(m.lifetime, m.version) }

// Version is the version of LwM2M to speak with the Server. It changes when the
// Server refuses a higher one, see Config.MinVersion.
func (m *Machine) Version() model.Version { return m.version }

// InQueueMode reports whether the Server knows that the client may sleep.
func (m *Machine) InQueueMode() bool { return m.queueing }

// Expires is when the registration ends if no further Update succeeds; the zero
// time means never, or that there is none.
func (m *Machine) Expires() time.Time { return m.expires }

// Attempt is the number of the current or last attempt to register, from 1, and
// of its sequence. The attempt is 0 if the last one succeeded, or before the
// first.
func (m *Machine) Attempt() (attempt, sequence int) { return int(m.attempt), int(m.sequence) }

// NextAttempt is when the next attempt to register is made; the zero time unless
// the state is [StateWaiting].
func (m *Machine) NextAttempt() time.Time {
	if m.state != StateWaiting {
		return time.Time{}
	}
	return m.next
}

// Start begins to register. It does nothing unless the state is [StateStopped]
// or [StateFailed].
func (m *Machine) Start(now time.Time) {
	if m.state == StateStopped || m.state == StateFailed {
		m.version = m.config.version()
		m.restart()
		m.try(now)
	}
}

// Expire tells that time went by. It does nothing before the Deadline.
func (m *Machine) Expire(now time.Time) {
	if m.next.IsZero() || now.Before(m.next) {
		return
	}
	switch m.state {
	case StateWaiting:
		m.try(now)
	case StateRegistered, StateAsleep:
		m.refresh(now)
	case StateWithdrawing:
		m.stopped(nil)
	}
}

// LinkUp tells that there is a link to the Server. It is fresh if the Server
// cannot know it as the one of the registration: after a full handshake, or
// without security from a new address. Then the client registers again; on an
// old or resumed link it goes on with an Update (Transport 1.1.1 §6.4.1).
func (m *Machine) LinkUp(now time.Time, fresh bool) {
	switch m.state {
	case StateStopped, StateFailed, StateAsleep, StatePaused:
		m.do(Close{}) // it came too late
		return
	case StateConnecting:
		m.linked = true
		m.connected(now, fresh)
		return
	case StateRegistering, StateRegistered, StateUpdating:
		if fresh {
			m.attempt = max(m.attempt, 1)
			m.register(now)
		}
	case StateWaiting:
		if fresh {
			m.forget() // it cannot be gone on with
		}
	case StateLeaving:
		m.deregister(now)
	}
	m.linked = true
}

// LinkDown tells that there is no link: to connect failed, or the link was lost.
// The outstanding Request is lost with it.
func (m *Machine) LinkDown(now time.Time, err error) {
	m.linked = false
	switch m.state {
	case StateConnecting:
		m.fail(now, NetworkError, err, 0)
	case StateRegistering:
		m.finish()
		m.fail(now, NetworkError, &Error{Register, err}, 0)
	case StateRegistered, StateUpdating:
		m.finish()
		m.linkLost(now, err)
	case StateWithdrawing, StateDeregistering, StateLeaving:
		m.finish()
		m.lost(err)
	}
}

// Response tells the answer to the Request with the given ID.
func (m *Machine) Response(now time.Time, id uint32, answer Answer) {
	if !m.answered(id) {
		return
	}
	m.anew = false
	switch m.state {
	case StateRegistering:
		m.registerAnswered(now, answer)
	case StateUpdating:
		m.updateAnswered(now, answer)
	case StateWithdrawing:
		m.withdrawnAnswered(now, answer)
	case StateDeregistering:
		m.deregisterAnswered(answer)
	}
}

// Failed tells that the Request with the given ID has no answer. A timeout is an
// error with a method Timeout that returns true, as with net.Error.
func (m *Machine) Failed(now time.Time, id uint32, err error) {
	if !m.answered(id) {
		return
	}
	switch m.state {
	case StateRegistering:
		m.anew = true
		m.disconnect()
		m.fail(now, failureKind(err), &Error{Register, err}, 0)
	case StateUpdating:
		m.updateLost(now, err)
	case StateWithdrawing, StateDeregistering:
		m.lost(err)
	}
}

func failureKind(err error) EventKind {
	if isTimeout(err) {
		return RegistrationTimeout
	}
	return NetworkError
}

// try makes an attempt to register, on a link that is there or a new one.
func (m *Machine) try(now time.Time) {
	m.attempt++
	if m.linked {
		m.connected(now, false)
	} else {
		m.connect()
	}
}

func (m *Machine) connect() {
	m.enter(StateConnecting, time.Time{})
	m.do(Connect{Anew: m.anew})
}

// restart counts attempts anew.
func (m *Machine) restart() { m.attempt, m.sequence = 0, 1 }

// connected goes on over a link: with the registration there is, or a new one.
// The attempt has succeeded only when the Server answers.
func (m *Machine) connected(now time.Time, fresh bool) {
	if fresh || !m.isRegistered(now) {
		m.register(now)
		return
	}
	m.pending |= aliveChanged // find out whether the Server still knows the client
	m.enter(StateRegistered, m.updateTime(now))
	m.refreshIfDue(now)
}

// isRegistered reports whether the Server can have the registration still.
func (m *Machine) isRegistered(now time.Time) bool {
	return m.location != nil && (m.expires.IsZero() || now.Before(m.expires))
}

// disconnect closes the link after requests on it failed.
func (m *Machine) disconnect() {
	m.linked = false
	m.do(Close{})
}

func (m *Machine) enter(s State, deadline time.Time) { m.state, m.next = s, deadline }

func (m *Machine) do(a Action) { m.actions = append(m.actions, a) }

// send makes a Request the outstanding one.
func (m *Machine) send(now time.Time, r Request) {
	m.lastID++
	if m.lastID == 0 {
		m.lastID++
	}
	m.outstanding, m.sent = m.lastID, now
	m.carried = m.triggered
	r.ID, r.Version = m.lastID, m.version
	m.do(r)
}

// answered takes note of the end of a Request; it reports false if that Request
// is not the outstanding one.
func (m *Machine) answered(id uint32) bool {
	if id == 0 || id != m.outstanding {
		return false
	}
	m.outstanding = 0
	return true
}

// finish forgets the outstanding Request. What an Update was to tell is to be
// told again.
func (m *Machine) finish() {
	m.outstanding = 0
	m.pending |= m.inFlight
	m.inFlight = 0
}

// cancel gives up the outstanding Request.
func (m *Machine) cancel() {
	if m.outstanding != 0 {
		m.do(Cancel{m.outstanding})
	}
	m.finish()
}
