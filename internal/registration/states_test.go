package registration

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/golden"
	"github.com/lwm2m-go/lwm2m/model"
)

// input is something that can happen to a Machine.
type input struct {
	name string
	do   func(m *Machine, now time.Time)
}

var errTest = errors.New("test")

func response(code model.Code, location ...string) func(*Machine, time.Time) {
	return func(m *Machine, now time.Time) {
		m.Response(now, m.outstanding, Answer{Code: code, Location: location})
	}
}

// deferred is an answer that says when to come again.
func deferred(code model.Code) func(*Machine, time.Time) {
	return func(m *Machine, now time.Time) {
		m.Response(now, m.outstanding, Answer{Code: code, MaxAge: 90 * time.Second})
	}
}

func linkDown(err error) func(*Machine, time.Time) {
	return func(m *Machine, now time.Time) { m.LinkDown(now, err) }
}

func failed(err error) func(*Machine, time.Time) {
	return func(m *Machine, now time.Time) { m.Failed(now, m.outstanding, err) }
}

var (
	errNoName = &net.DNSError{Err: "no such host", Name: "lwm2m.example.com", IsNotFound: true}
	errAlert  = errors.New("handshake failed: alert 40, handshake_failure")
	errReset  = errors.New("reset by the peer")
)

var inputs = []input{
	{"start", (*Machine).Start},
	{"stop", (*Machine).Stop},
	{"abort", (*Machine).Abort},
	{"pause", func(m *Machine, now time.Time) { m.Pause(now) }},
	{"resume", (*Machine).Resume},
	{"resume after the lifetime", func(m *Machine, now time.Time) { m.Resume(now.Add(time.Hour)) }},
	{"sleep", func(m *Machine, now time.Time) { m.Sleep(now) }},
	{"wake", (*Machine).Wake},
	{"expire", (*Machine).Expire},
	{"expire after the lifetime", func(m *Machine, now time.Time) { m.Expire(now.Add(time.Hour)) }},
	{"link up", func(m *Machine, now time.Time) { m.LinkUp(now, false) }},
	{"link up fresh", func(m *Machine, now time.Time) { m.LinkUp(now, true) }},
	{"link down", linkDown(errTest)},
	{"no address of the name", linkDown(errNoName)},
	{"handshake refused", linkDown(errAlert)},
	{"handshake timeout", linkDown(errTimeout)},
	{"2.01", response(model.Created, "rd", "1")},
	{"2.01 without location", response(model.Created)},
	{"2.02", response(model.Deleted)},
	{"2.04", response(model.Changed)},
	{"4.00", response(model.BadRequest)},
	{"4.04", response(model.NotFound)},
	{"4.12", response(model.PreconditionFailed)},
	{"4.29 max-age 90", deferred(model.TooManyRequests)},
	{"5.00", response(model.InternalServerError)},
	{"5.03", response(model.ServiceUnavailable)},
	{"5.03 max-age 90", deferred(model.ServiceUnavailable)},
	{"answer to another request", func(m *Machine, now time.Time) { m.Response(now, m.outstanding+1, Answer{Code: model.NotFound}) }},
	{"timeout", failed(errTimeout)},
	{"reset", failed(errReset)},
	{"objects", (*Machine).ObjectsChanged},
	{"lifetime", func(m *Machine, now time.Time) { m.LifetimeChanged(now, 60*time.Second) }},
	{"binding", func(m *Machine, now time.Time) { m.BindingChanged(now, "UT") }},
	{"retry", func(m *Machine, _ time.Time) { m.RetryChanged(Retry{Count: 3}) }},
	{"trigger", func(m *Machine, now time.Time) { m.Trigger(now) }},
}

// inState returns a Machine in a state that it just reached from StateStopped, by
// nothing but inputs: no state is out of reach.
func inState(t *testing.T, s State) *Machine {
	m := New("a", &Config{Lifetime: 300 * time.Second, Retry: Retry{Count: 2, SequenceDelay: Never}})
	steps := map[State]string{
		StateStopped:       "",
		StateConnecting:    "start",
		StateRegistering:   "start,link up",
		StateRegistered:    "start,link up,2.01",
		StateUpdating:      "start,link up,2.01,trigger",
		StateWaiting:       "start,link up,4.04",
		StateWithdrawing:   "start,link up,stop",
		StateDeregistering: "start,link up,2.01,stop",
		StateFailed:        "start,link down,trigger,link down",
		StateAsleep:        "start,link up,2.01,sleep",
		StatePaused:        "start,link up,2.01,pause",
		StateLeaving:       "start,link up,2.01,pause,stop",
	}
	for step := range strings.SplitSeq(steps[s], ",") {
		for _, in := range inputs {
			if in.name == step {
				in.do(&m, epoch)
			}
		}
	}
	if m.State() != s {
		t.Fatalf("state %v, want %v", m.State(), s)
	}
	m.Actions()
	return &m
}

// TestEveryInputInEveryState compares with a table what each input does in each
// state, before and after the state's deadline.
func TestEveryInputInEveryState(t *testing.T) {
	var got bytes.Buffer
	for s := range numStates {
		fmt.Fprintf(&got, "%s\n", s)
		for _, in := range inputs {
			m := inState(t, s)
			now := epoch
			if in.name == "expire" && !m.Deadline().IsZero() {
				now = m.Deadline()
			}
			in.do(m, now)
			fmt.Fprintf(&got, "\t%-26s = %s", in.name, m.State())
			for _, a := range m.Actions() {
				fmt.Fprintf(&got, "; %s", describe(a))
			}
			got.WriteByte('\n')
			if err := silent(m); err != nil {
				t.Errorf("%s, %s: %v", s, in.name, err)
			}
		}
	}
	golden.Compare(t, "testdata/states.golden", got.Bytes())
}

// silent returns an error if nothing would ever happen to m by itself.
func silent(m *Machine) error {
	waits := m.outstanding != 0 || m.State() == StateConnecting
	waits = waits || m.State() == StateLeaving
	ended := m.State() == StateStopped || m.State() == StateFailed || m.State() == StatePaused
	switch {
	case ended && (waits || !m.Deadline().IsZero()):
		return fmt.Errorf("%v, yet waits for #%d or until %v", m.State(), m.outstanding, m.Deadline())
	case ended || waits || !m.Deadline().IsZero():
		return nil
	case (m.State() == StateRegistered || m.State() == StateAsleep) && m.granted == Infinite:
		return nil
	}
	return fmt.Errorf("%v without a deadline or a request", m.State())
}
