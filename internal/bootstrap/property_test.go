package bootstrap

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
	"pgregory.net/rapid"
)

// TestAnyOrder feeds inputs in any order: the Machine is never stuck, every session that begins is dropped or
// ends before the next one, and nothing is sent without a link.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions := []model.Version{model.Version10, model.Version11, model.Version12}
		m := New("a", &Config{
			Version: rapid.SampledFrom(versions).Draw(t, "version"), Pack: rapid.Bool().Draw(t, "pack"),
			HoldOff:        time.Duration(rapid.IntRange(0, 5).Draw(t, "hold off")) * time.Second,
			AccountTimeout: time.Duration(rapid.IntRange(0, 500).Draw(t, "account timeout")) * time.Second,
		})
		w := watcher{}
		now := epoch
		step := func(in input) {
			if in.name == "link up" && m.State() != StateConnecting {
				return // the owner opens a link when it is asked to
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "ms")) * time.Millisecond)
			if in.name == "expire" && m.Deadline().After(now) {
				now = m.Deadline()
			}
			w.linked = in.name != "link down" && (w.linked || in.name == "link up")
			in.do(&m, now)
			for _, a := range m.Actions() {
				w.watch(t, a)
			}
			if err := silent(&m); err != nil {
				t.Fatal(err)
			}
			if open := m.State() == StateSession || m.State() == StateJudging || m.State() == StateEnding; open != w.open {
				t.Fatalf("%v, but a session is open: %v", m.State(), w.open)
			}
		}
		for range rapid.IntRange(1, 5).Draw(t, "rounds") {
			way := rapid.SampledFrom(situations).Draw(t, "situation").steps // so that all states are met
			for name := range strings.SplitSeq(way, ",") {
				if i := slices.IndexFunc(inputs, func(in input) bool { return in.name == name }); i >= 0 {
					step(inputs[i])
				}
			}
			for range rapid.IntRange(0, 10).Draw(t, "steps") {
				step(rapid.SampledFrom(inputs).Draw(t, "input"))
			}
		}
	})
}

// watcher is what the owner knows.
type watcher struct{ linked, open bool }

func (w *watcher) watch(t *rapid.T, a Action) {
	switch a.(type) {
	case Begin:
		if w.open {
			t.Fatal("a session begins in a session")
		}
		w.open = true
	case Drop, End:
		if !w.open {
			t.Fatalf("%s without a session", describe(a))
		}
		w.open = false
	case Judge:
		if !w.open {
			t.Fatal("nothing to judge")
		}
	case Close:
		w.linked = false
	case Request:
		if !w.linked {
			t.Fatal("a request without a link")
		}
	}
}
