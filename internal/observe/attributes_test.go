package observe

import (
	"errors"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// write carries out a Write-Attributes such as "pmin=5", "st".
func write(t testing.TB, s *AttributeStore, server uint16, p string, queries ...string) error {
	t.Helper()
	return s.Write(server, path(t, p), updateOf(t, queries...))
}

func TestAttributeInheritance(t *testing.T) {
	var s AttributeStore
	for p, queries := range map[string][]string{
		"/3":        {"pmin=1", "pmax=100"},
		"/3/0":      {"pmin=2"},
		"/3/0/7":    {"gt=50", "lt=42.2"},
		"/3/0/7/1":  {"lt=45"},
		"/3/1/7":    {"pmax=7"},
		"/3303/0":   {"epmin=1"},
		"/3303/0/1": {"epmax=9"},
	} {
		if err := write(t, &s, 1, p, queries...); err != nil {
			t.Fatalf("%s: %v", p, err)
		}
	}
	if err := write(t, &s, 2, "/3/0/7", "pmin=99"); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		server         uint16
		path           string
		periods        Defaults
		own, effective string
	}{
		{1, "/3", Defaults{}, ";pmin=1;pmax=100", ";pmin=1;pmax=100"},
		{1, "/3/0", Defaults{}, ";pmin=2", ";pmin=2;pmax=100"},
		{1, "/3/0/7", Defaults{}, ";gt=50;lt=42.2", ";pmin=2;pmax=100;gt=50;lt=42.2"},
		{1, "/3/0/7/1", Defaults{}, ";lt=45", ";pmin=2;pmax=100;gt=50;lt=45"},
		{1, "/3/0/7/0", Defaults{}, "", ";pmin=2;pmax=100;gt=50;lt=42.2"},
		{1, "/3/1/7", Defaults{}, ";pmax=7", ";pmin=1;pmax=7"},
		{1, "/3303/0/1", Defaults{}, ";epmax=9", ";epmin=1;epmax=9"},
		// The account's defaults come last.
		{1, "/3/0/9", Defaults{MinPeriod: 10 * time.Second, MaxPeriod: time.Minute}, "", ";pmin=2;pmax=100"},
		{1, "/4/0/0", Defaults{MinPeriod: 10 * time.Second, MaxPeriod: time.Minute}, "", ";pmin=10;pmax=60"},
		{1, "/4/0/0", Defaults{}, "", ""},
		// Each Server has its own.
		{2, "/3/0/7", Defaults{}, ";pmin=99", ";pmin=99"},
		{2, "/3/0", Defaults{}, "", ""},
		{3, "/3/0/7", Defaults{}, "", ""},
	}
	for _, tt := range tests {
		p := path(t, tt.path)
		if got := s.Own(tt.server, p).String(); got != tt.own {
			t.Errorf("server %d, %s: own %q, want %q", tt.server, p, got, tt.own)
		}
		if got := s.Effective(tt.server, p, tt.periods).String(); got != tt.effective {
			t.Errorf("server %d, %s: effective %q, want %q", tt.server, p, got, tt.effective)
		}
	}
}

func TestWriteAttributes(t *testing.T) {
	var s AttributeStore
	steps := []struct {
		path    string
		queries []string
		wrong   bool
		own     string
	}{
		{"/3/0/9", []string{"pmin=5", "gt=25.5"}, false, ";pmin=5;gt=25.5"},
		{"/3/0/9", []string{"pmin"}, false, ";gt=25.5"},
		{"/3/0/9", []string{"lt=30"}, true, ";gt=25.5"}, // lt ≥ gt: nothing changes
		{"/3/0/9", []string{"pmin=1", "lt=20", "st=3"}, true, ";gt=25.5"},
		{"/3/0/9", []string{"lt=20", "st=2"}, false, ";gt=25.5;lt=20;st=2"},
		{"/3/0/9", []string{"gt", "lt", "st", "pmax"}, false, ""},
		{"/3/0", []string{"epmax=5"}, false, ";epmax=5"},
		{"/3/0/9", []string{"epmin=5"}, true, ""}, // contradicts what it inherits
		{"/3/0/9", nil, false, ""},
	}
	for _, step := range steps {
		err := write(t, &s, 1, step.path, step.queries...)
		if (err != nil) != step.wrong || err != nil && !errors.Is(err, model.ErrAttributeConflict) {
			t.Errorf("%s %v: error %v", step.path, step.queries, err)
		}
		if got := s.Own(1, path(t, step.path)).String(); got != step.own {
			t.Errorf("%s %v: %q, want %q", step.path, step.queries, got, step.own)
		}
	}
	if len(s.attached) != 1 {
		t.Errorf("%d paths with attributes, want only /3/0", len(s.attached))
	}
}

func TestStrict(t *testing.T) {
	for _, strict := range []bool{false, true} {
		s := AttributeStore{Strict: strict}
		if err := write(t, &s, 1, "/3/0", "pmin=20"); err != nil {
			t.Fatal(err)
		}
		for p, wrong := range map[string]bool{"/3/0": strict, "/3/0/9": false} {
			if err := write(t, &s, 1, p, "pmax=10"); errors.Is(err, model.ErrAttributeConflict) != wrong {
				t.Errorf("strict %t, %s: %v", strict, p, err)
			}
		}
	}
}

func TestRemoveAttributes(t *testing.T) {
	var s AttributeStore
	s.Remove(path(t, "/"))
	s.RemoveServer(1)
	for _, p := range []string{"/3", "/3/0", "/3/0/7", "/3/0/7/1", "/3/1", "/30/0"} {
		for server := range uint16(2) {
			if err := write(t, &s, server, p, "pmin=1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Remove(path(t, "/3/0"))
	s.RemoveServer(1)
	for p, want := range map[string]bool{"/3": true, "/3/0": false, "/3/0/7": false, "/3/0/7/1": false, "/3/1": true, "/30/0": true} {
		if got := !s.Own(0, path(t, p)).IsZero(); got != want {
			t.Errorf("%s has attributes: %t, want %t", p, got, want)
		}
		if !s.Own(1, path(t, p)).IsZero() {
			t.Errorf("%s has attributes of a Server that is gone", p)
		}
	}
}
