package registration

import (
	"errors"
	"math"
	"os"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/lwm2m-go/lwm2m/model"
)

// A process may have 100,000 Machines.
func TestMachineIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Machine{}); size > 300 {
		t.Errorf("a Machine has %d bytes, want at most 300", size)
	}
}

func TestRetryDelay(t *testing.T) {
	tests := []struct {
		name    string
		retry   Retry
		attempt int
		want    time.Duration
	}{
		{"default, first", Retry{}, 1, 60 * time.Second},
		{"default, fourth", Retry{}, 4, 480 * time.Second},
		{"timer of zero on the wire", Retry{Timer: -1}, 1, time.Second},
		{"and doubled", Retry{Timer: -1}, 3, 4 * time.Second},
		{"below a second", Retry{Timer: time.Millisecond}, 2, 2 * time.Second},
		{"as high as it gets", Retry{Timer: Never}, 9, Never},
		{"no overflow", Retry{}, math.MaxInt32, Never},
		{"jitter", Retry{Jitter: func(d time.Duration) time.Duration { return d + 5*time.Second }}, 2, 125 * time.Second},
		{"jitter to nothing", Retry{Jitter: func(time.Duration) time.Duration { return -time.Hour }}, 2, time.Second},
	}
	for _, tt := range tests {
		if got := tt.retry.delay(tt.attempt); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestUpdateInterval(t *testing.T) {
	tests := []struct {
		lifetime, margin, want time.Duration
	}{
		{86400 * time.Second, 0, 86307 * time.Second},
		{186 * time.Second, 0, 93 * time.Second},
		{185 * time.Second, 0, 92500 * time.Millisecond},
		{30 * time.Second, 0, 15 * time.Second},
		{20 * time.Second, 0, 15 * time.Second},
		{10 * time.Second, 0, 7500 * time.Millisecond},
		{300 * time.Second, 10 * time.Second, 290 * time.Second},
		{300 * time.Second, -1, 300 * time.Second},
	}
	for _, tt := range tests {
		m := New("", &Config{UpdateMargin: tt.margin})
		m.granted = tt.lifetime
		if got := m.updateInterval(); got != tt.want {
			t.Errorf("lifetime %v, margin %v: %v, want %v", tt.lifetime, tt.margin, got, tt.want)
		}
	}
}

func TestLifetime(t *testing.T) {
	tests := []struct {
		version  model.Version
		set      time.Duration
		lifetime time.Duration
		query    string
	}{
		{model.Version{}, 0, DefaultLifetime, "lt=86400"},
		{model.Version11, Infinite, DefaultLifetime, "lt=86400"},
		{model.Version12, Infinite, Infinite, "lt=0"},
		{model.Version12, 0, DefaultLifetime, "lt=86400"},
		{model.Version11, 90*time.Second + time.Millisecond, 90 * time.Second, "lt=90"},
		{model.Version11, time.Millisecond, time.Second, "lt=1"},
		{model.Version11, Never, Never, "lt=4294967295"},
	}
	for _, tt := range tests {
		m := New("", &Config{Version: tt.version, Lifetime: tt.set})
		if m.Lifetime() != tt.lifetime || lifetimeQuery(m.Lifetime()) != tt.query {
			t.Errorf("%v, %v: %v and %s, want %v and %s",
				tt.version, tt.set, m.Lifetime(), lifetimeQuery(m.Lifetime()), tt.lifetime, tt.query)
		}
	}
}

func TestRegisterQueries(t *testing.T) {
	tests := []struct {
		endpoint string
		config   Config
		want     []string
	}{
		{"urn:dev:os:0023C7-000001", Config{Lifetime: 300 * time.Second},
			[]string{"lwm2m=1.1", "ep=urn:dev:os:0023C7-000001", "lt=300"}},
		{"", Config{Binding: "U"}, []string{"lwm2m=1.1", "lt=86400"}},
		{"a", Config{Version: model.Version10, QueueMode: true}, []string{"lwm2m=1.0", "ep=a", "lt=86400", "b=UQ"}},
		{"a", Config{Version: model.Version10, Binding: "UQS"}, []string{"lwm2m=1.0", "ep=a", "lt=86400", "b=UQS"}},
		{"a", Config{Binding: "UQ"}, []string{"lwm2m=1.1", "ep=a", "lt=86400", "b=U", "Q"}},
		{"a", Config{QueueMode: true}, []string{"lwm2m=1.1", "ep=a", "lt=86400", "b=U", "Q"}},
		{"a", Config{Version: model.Version12, Binding: "UT"}, []string{"lwm2m=1.2", "ep=a", "lt=86400", "b=UT"}},
		{"a", Config{Version: model.Version10, Binding: "S", QueueMode: true, SMS: "123"},
			[]string{"lwm2m=1.0", "ep=a", "lt=86400", "b=SQ", "sms=123"}},
	}
	for _, tt := range tests {
		m := New(tt.endpoint, &tt.config)
		m.Start(epoch)
		m.LinkUp(epoch, true)
		request, ok := m.Actions()[1].(Request)
		if !ok || !slices.Equal(request.Queries, tt.want) || !slices.Equal(request.Path, []string{"rd"}) || !request.WithObjects {
			t.Errorf("%+v: %+v, want %v", tt.config, request, tt.want)
		}
	}
}

// The reasons of failures can be found in the errors of events.
func TestErrors(t *testing.T) {
	m := New("a", &Config{Retry: Retry{Count: 1}})
	m.Start(epoch)
	m.LinkUp(epoch, true)
	m.Actions()
	m.Response(epoch, 1, Answer{Code: model.Forbidden, Diagnostic: "not for you"})
	var kinds []EventKind
	for _, a := range m.Actions() {
		e, ok := a.(Event)
		if !ok {
			continue
		}
		kinds = append(kinds, e.Kind)
		var failure *Error
		var refused *model.Error
		if !errors.Is(e.Err, model.Forbidden) || !errors.As(e.Err, &failure) || failure.Kind != Register ||
			!errors.As(e.Err, &refused) || refused.Reason != "not for you" {
			t.Errorf("%v: error %v", e.Kind, e.Err)
		}
		if errors.Is(e.Err, ErrExhausted) != (e.Kind == NetworkError) {
			t.Errorf("%v: exhausted or not: %v", e.Kind, e.Err)
		}
	}
	if len(kinds) != 2 || kinds[0] != RegistrationFailed || kinds[1] != NetworkError {
		t.Errorf("events %v", kinds)
	}
	if !isTimeout(&Error{Update, os.ErrDeadlineExceeded}) || isTimeout(errTest) || isTimeout(nil) {
		t.Error("timeouts are not told from other errors")
	}
}

// What a status line shows.
func TestObservables(t *testing.T) {
	m := New("a", &Config{Lifetime: 100 * time.Second})
	m.Start(epoch)
	m.LinkDown(epoch, errTest)
	if at, seq := m.Attempt(); at != 1 || seq != 1 || !m.NextAttempt().Equal(epoch.Add(time.Minute)) {
		t.Errorf("attempt %d of sequence %d, next %v", at, seq, m.NextAttempt())
	}
	now := m.NextAttempt()
	m.Expire(now.Add(-time.Nanosecond))
	if m.State() != StateWaiting {
		t.Errorf("%v before the deadline", m.State())
	}
	m.Expire(now)
	m.LinkUp(now, true)
	m.Response(now.Add(time.Second), 1, Answer{Code: model.Created, Location: []string{"rd", "x"}})
	if at, _ := m.Attempt(); at != 0 || !m.NextAttempt().IsZero() {
		t.Errorf("attempt %d after success, next %v", at, m.NextAttempt())
	}
	if !slices.Equal(m.Location(), []string{"rd", "x"}) || !m.Expires().Equal(now.Add(100*time.Second)) {
		t.Errorf("location %v, expires %v", m.Location(), m.Expires())
	}
	m.Abort(now)
	if m.Location() != nil || !m.Expires().IsZero() || m.State() != StateStopped {
		t.Errorf("after Abort: %v, location %v, expires %v", m.State(), m.Location(), m.Expires())
	}
}

// A trigger number is served only by an Update that was made after it, or a
// Register.
func TestTriggerNumbersWrapAround(t *testing.T) {
	m := inState(t, StateRegistered)
	m.triggered = math.MaxUint32
	number := m.Trigger(epoch)
	m.Response(epoch, m.outstanding, Answer{Code: model.Changed})
	for _, a := range m.Actions() {
		if e, ok := a.(Event); ok && e.Kind == Updated && int32(e.Served-number) < 0 {
			t.Errorf("served %d, want %d", e.Served, number)
		}
	}
	if number != 0 {
		t.Errorf("number %d, want 0", number)
	}
}

func TestNames(t *testing.T) {
	tests := []struct{ got, want string }{
		{Register.String(), "Register"}, {Update.String(), "Update"}, {Deregister.String(), "De-register"},
		{RequestKind(0).String(), "RequestKind(0)"},
		{Registered.String(), "Registered"}, {NetworkError.String(), "NetworkError"},
		{EventKind(0).String(), "EventKind(0)"}, {EventKind(99).String(), "EventKind(99)"},
		{StateStopped.String(), "stopped"}, {StateFailed.String(), "failed"}, {State(99).String(), "State(99)"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	for k := Registered; k <= NetworkError; k++ {
		if k.String() == "" {
			t.Errorf("event %d has no name", k)
		}
	}
	for s := range numStates {
		if s.String() == "" {
			t.Errorf("state %d has no name", s)
		}
	}
}
