package observe

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/golden"
	"github.com/lwm2m-go/lwm2m/model"
)

// TestTranscripts plays the inputs in testdata/*.txt and compares what the Engine
// does with what the files say. Inputs are lines that begin with a plus sign, see
// script; the other lines are outputs.
func TestTranscripts(t *testing.T) {
	golden.Play(t, "testdata/*.txt", transcript)
}

func transcript(t *testing.T, text string) []byte {
	s := newScript(t)
	s.w.verbose = true
	var out bytes.Buffer
	flush := func() {
		for _, line := range s.w.log {
			fmt.Fprintf(&out, "    %s\n", line)
		}
		s.w.log = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#':
			fmt.Fprintln(&out, line)
		case line[0] == '+':
			s.play(strings.Fields(line[1:])[0] + " run") // what happens before
			flush()
			fmt.Fprintln(&out, line)
			s.play(line[1:])
			flush()
		}
	}
	return out.Bytes()
}

// What is told of an observation after it was cancelled changes nothing.
func TestAfterCancel(t *testing.T) {
	w := newWorld()
	o := w.observe(Request[string]{Server: 1, Token: "a", Paths: paths(t, "/3/0")})
	w.set(map[model.Path]model.Value{path(t, "/3/0/9"): valueOf("1")})
	due := w.engine.Due(epoch, nil)
	if len(due) != 1 || due[0] != o {
		t.Fatalf("due: %v", due)
	}
	e := &w.engine
	e.Cancel(1, "a")
	if d := e.Evaluate(epoch, o, w.read(o.Paths)); d != Nothing {
		t.Errorf("decision %v", d)
	}
	e.Sent(epoch, o, true)
	e.SentStored(epoch, o, 1, true)
	e.Acknowledged(epoch, o)
	e.Unacknowledged(epoch, o)
	e.Changed(epoch, o.Paths)
	e.SetReachable(1, true)
	if !o.IsRemoved() || e.Len() != 0 || !e.Deadline().IsZero() || len(e.Due(epoch, nil)) != 0 || o.Sequence() != 1 {
		t.Errorf("cancelled observation lives on: %+v", o)
	}
}

// A notification of something that is cancelled while it is encoded does not count.
func TestCancelWhileSending(t *testing.T) {
	w := newWorld()
	e := &w.engine
	o := e.Add(epoch, Request[string]{Server: 1, Token: "a", Paths: paths(t, "/3/0")})
	if d := e.Evaluate(epoch, o, nil); d != Send {
		t.Fatalf("decision %v", d)
	}
	e.Cancel(1, "a")
	e.Sent(epoch, o, false)
	e.SentKept(epoch, o, nil)
	if o.Sequence() != 0 || !e.Deadline().IsZero() {
		t.Errorf("sequence %d", o.Sequence())
	}
}

// One change set may remove things that lie in each other.
func TestRemoveNested(t *testing.T) {
	w := newWorld()
	for i, p := range paths(t, "/3/0", "/3/0/9", "/4/0") {
		w.observe(Request[string]{Server: 1, Token: string(rune('a' + i)), Paths: []model.Path{p}})
	}
	if gone := w.engine.Removed(epoch, paths(t, "/3/0/9", "/3/0", "/3")); len(gone) != 2 || w.engine.Len() != 1 {
		t.Errorf("%d gone, %d left", len(gone), w.engine.Len())
	}
}

// Calls out of order change nothing.
func TestOutOfOrder(t *testing.T) {
	w := newWorld()
	e := &w.engine
	o := w.observe(Request[string]{Server: 1, Token: "a", Paths: paths(t, "/3/0")})
	before := *o
	e.Sent(epoch, o, true)
	e.SentStored(epoch, o, 1, true)
	e.Acknowledged(epoch, o)
	if d := e.Evaluate(epoch, o, nil); d != Nothing {
		t.Errorf("decision %v on values that nobody asked for", d)
	}
	if o.phase != before.phase || o.sequence != before.sequence || o.confirmBy != before.confirmBy || o.index != before.index {
		t.Errorf("%+v has become %+v", before, *o)
	}
}

// The sequence is one of 24 bits.
func TestSequenceWrapsAround(t *testing.T) {
	w := newWorld()
	o := w.observe(Request[string]{Server: 1, Token: "a", Paths: paths(t, "/3/0/9")})
	o.sequence = 1<<24 - 1
	w.set(map[model.Path]model.Value{path(t, "/3/0/9"): valueOf("1")})
	w.step()
	if o.Sequence() != 0 {
		t.Errorf("sequence %d after 2^24 - 1, want 0", o.Sequence())
	}
}

func TestIsObserved(t *testing.T) {
	w := newWorld()
	if w.engine.IsObserved(path(t, "/3/0/9")) {
		t.Error("observed without observations")
	}
	w.observe(Request[string]{Server: 1, Token: "a", Paths: paths(t, "/3/0/9")})
	w.observe(Request[string]{Server: 1, Token: "b", Paths: paths(t, "/3303", "/4/0/1"), Composite: true})
	for p, want := range map[string]bool{
		"/": true, "/3": true, "/3/0": true, "/3/0/9": true, "/3/0/9/1": true,
		"/3/0/8": false, "/3/0/10": false, "/3/1": false, "/3/1/9": false,
		"/3303/7/5700": true, "/330": false, "/33030": false,
		"/4/0/1": true, "/4/0/0": false, "/4": true, "/5": false,
	} {
		if got := w.engine.IsObserved(path(t, p)); got != want {
			t.Errorf("%s: %t, want %t", p, got, want)
		}
	}
}
