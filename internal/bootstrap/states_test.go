package bootstrap

import (
	"bytes"
	"errors"
	"fmt"
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

func response(code model.Code) func(*Machine, time.Time) {
	return func(m *Machine, now time.Time) { m.Response(now, m.outstanding, Answer{Code: code}) }
}

func start(why Reason) func(*Machine, time.Time) {
	return func(m *Machine, now time.Time) { m.Start(now, why) }
}

var inputs = []input{
	{"start no-server", start(NoServer)},
	{"start registration-failed", start(RegistrationFailed)},
	{"start server", start(ServerRequest)},
	{"start application", start(Application)},
	{"registered", func(m *Machine, _ time.Time) { m.Registered() }},
	{"stop", func(m *Machine, _ time.Time) { m.Stop() }},
	{"expire", (*Machine).Expire},
	{"link up", (*Machine).LinkUp},
	{"link down", func(m *Machine, now time.Time) { m.LinkDown(now, errTest) }},
	{"2.04", response(model.Changed)},
	{"2.05", response(model.Content)},
	{"4.00", response(model.BadRequest)},
	{"4.15", response(model.UnsupportedContentFormat)},
	{"5.03", response(model.ServiceUnavailable)},
	{"answer to another request", func(m *Machine, now time.Time) { m.Response(now, m.outstanding+1, Answer{Code: model.Changed}) }},
	{"timeout", func(m *Machine, now time.Time) { m.Failed(now, m.outstanding, errTimeout) }},
	{"command", func(m *Machine, now time.Time) { m.Command(now) }},
	{"finish", func(m *Machine, _ time.Time) { m.Finish() }},
	{"judged ok", func(m *Machine, now time.Time) { m.Judged(now, nil) }},
	{"judged refused", func(m *Machine, now time.Time) { m.Judged(now, errTest) }},
}

// situations are the states, and variants of them that matter, each with the inputs that lead there.
var situations = []struct {
	name  string
	state State
	pack  bool
	steps string
}{
	{"idle", StateIdle, false, ""},
	{"waiting", StateWaiting, false, "start no-server"},
	{"connecting", StateConnecting, false, "start server"},
	{"requesting", StateRequesting, false, "start server,link up"},
	{"requesting a pack", StateRequesting, true, "start server,link up"},
	{"session", StateSession, false, "start server,link up,2.04"},
	{"session before the answer", StateSession, false, "start server,link up,command"},
	{"judging", StateJudging, false, "start server,link up,2.04,finish"},
	{"judging before the answer", StateJudging, false, "start server,link up,command,finish"},
	{"judging a pack", StateJudging, true, "start server,link up,2.05"},
	{"ending", StateEnding, false, "start server,link up,2.04,finish,judged ok"},
	{"idle after a success", StateIdle, false, "start server,link up,2.04,finish,judged ok,expire"},
}

// reach returns a Machine in a situation that it just reached, and the time.
func reach(t *testing.T, steps string, pack bool) (*Machine, time.Time) {
	m := New("a", &Config{Version: model.Version12, Pack: pack, HoldOff: 5 * time.Second, AccountTimeout: time.Minute})
	now := epoch
	for step := range strings.SplitSeq(steps, ",") {
		if step == "expire" {
			now = m.Deadline()
		}
		for _, in := range inputs {
			if in.name == step {
				in.do(&m, now)
			}
		}
	}
	m.Actions()
	return &m, now
}

// TestEveryInputInEveryState compares with a table what each input does in each
// state.
func TestEveryInputInEveryState(t *testing.T) {
	var got bytes.Buffer
	reached := map[State]bool{}
	for _, situation := range situations {
		fmt.Fprintf(&got, "%s\n", situation.name)
		for _, in := range inputs {
			m, now := reach(t, situation.steps, situation.pack)
			if m.State() != situation.state {
				t.Fatalf("%s: state %v", situation.name, m.State())
			}
			reached[m.State()] = true
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
				t.Errorf("%s, %s: %v", situation.name, in.name, err)
			}
		}
	}
	for s := range numStates {
		if !reached[s] {
			t.Errorf("state %v is not among the situations", s)
		}
	}
	golden.Compare(t, "testdata/states.golden", got.Bytes())
}

// silent returns an error if nothing would ever happen to m by itself, though something is wanted.
func silent(m *Machine) error {
	switch s := m.State(); {
	case s == StateIdle && (m.outstanding != 0 || !m.next.IsZero() || m.wanted != 0):
		return fmt.Errorf("idle, yet waits for #%d or until %v for %v", m.outstanding, m.next, m.wanted)
	case s == StateRequesting && m.outstanding == 0:
		return errors.New("requesting without a request")
	case (s == StateWaiting || s == StateSession || s == StateEnding) && m.next.IsZero():
		return fmt.Errorf("%v without a deadline", s)
	case (s == StateConnecting || s == StateRequesting) && m.wanted == 0:
		return fmt.Errorf("%v, but nothing is wanted", s)
	}
	return nil
}
