package registration

import (
	"slices"
	"testing"
	"time"
)

// registered is a Machine that has registered with a lifetime of 100 s at the epoch.
func registered(t *testing.T) *Machine {
	t.Helper()
	m := New("a", &Config{Lifetime: 100 * time.Second})
	m.Start(epoch)
	m.LinkUp(epoch, true)
	m.Response(epoch, request(t, &m).ID, Answer{Code: codeRegistered, Location: []string{"rd", "1"}})
	if m.State() != StateRegistered {
		t.Fatalf("the state is %v", m.State())
	}
	return &m
}

// request is the last Request of a Machine.
func request(t *testing.T, m *Machine) (last Request) {
	t.Helper()
	for _, a := range m.Actions() {
		if r, ok := a.(Request); ok {
			last = r
		}
	}
	return last
}

func TestKeep(t *testing.T) {
	m := registered(t)
	if _, ok := m.Keep(epoch); ok {
		t.Error("a registration in use can be kept")
	}
	m.Pause(epoch)
	k, ok := m.Keep(epoch.Add(time.Second))
	if !ok || !slices.Equal(k.Location, []string{"rd", "1"}) || k.Lifetime != 100*time.Second || !k.Expires.Equal(epoch.Add(100*time.Second)) {
		t.Errorf("kept %+v, %v", k, ok)
	}
	if _, ok := m.Keep(epoch.Add(100 * time.Second)); ok {
		t.Error("a registration that has expired can be kept")
	}
	m = registered(t)
	m.LifetimeChanged(epoch.Add(20*time.Second), 200*time.Second) // an Update is on its way
	m.Pause(epoch.Add(20 * time.Second))
	if k, ok := m.Keep(epoch.Add(20 * time.Second)); ok {
		t.Errorf("kept %+v, though the server may know another lifetime", k)
	}
}

func TestRestore(t *testing.T) {
	kept := Kept{Location: []string{"rd", "1"}, Lifetime: 100 * time.Second, Expires: epoch.Add(60 * time.Second)}
	for _, x := range []struct {
		name         string
		config       Config
		kept         Kept
		restructured bool
		after        time.Duration
		fresh        bool
		kind         RequestKind
		queries      []string
		objects      bool
	}{
		{name: "as it was", kept: kept, kind: Update},
		{name: "other Objects", kept: kept, restructured: true, kind: Update, objects: true},
		{name: "another lifetime", config: Config{Lifetime: 300 * time.Second}, kept: kept, kind: Update, queries: []string{"lt=300"}},
		{name: "a fresh link", kept: kept, fresh: true, kind: Register, objects: true},
		{name: "too late", kept: kept, after: time.Minute, kind: Register, objects: true},
		{name: "nothing", kind: Register, objects: true},
	} {
		t.Run(x.name, func(t *testing.T) {
			if x.config.Lifetime == 0 {
				x.config.Lifetime = 100 * time.Second
			}
			m := New("a", &x.config)
			m.Restore(x.kept, x.restructured)
			m.Start(epoch)
			m.LinkUp(epoch.Add(x.after), x.fresh)
			r := request(t, &m)
			if r.Kind != x.kind || r.WithObjects != x.objects || x.kind == Update && !slices.Equal(r.Queries, x.queries) {
				t.Errorf("%+v", r)
			}
			if x.kind == Update {
				m.Response(epoch.Add(time.Second), r.ID, Answer{Code: codeUpdated})
				if want := epoch.Add(m.Lifetime()); m.State() != StateRegistered || !m.Expires().Equal(want) {
					t.Errorf("%v, until %v, want %v", m.State(), m.Expires(), want)
				}
			}
		})
	}
	m := registered(t)
	m.Restore(Kept{Location: []string{"other"}}, false)
	if m.Location()[0] != "rd" {
		t.Error("a registration in use was replaced")
	}
}
