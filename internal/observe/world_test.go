package observe

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// epoch is the time 0 of all tests.
var epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// at is the time some seconds after epoch.
func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds*1000+0.5) * time.Millisecond)
}

// seconds is the inverse of at, as text without needless zeros.
func seconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.Sub(epoch).Milliseconds())/1000, 'f', -1, 64)
}

// world is the owner of an Engine: values in virtual time, and a network that takes no
// time unless told so.
type world struct {
	timeless bool // the format does not tell the times of records
	engine   Engine[string]
	values   map[model.Path]model.Value
	now      time.Time
	verbose  bool                   // log what scenarios do not compare
	reading  time.Duration          // how long it takes to read
	ackIn    time.Duration          // when confirmable notifications are acknowledged; below 0: never
	loseNth  int                    // of each observation, every so many confirmable ones get lost
	sentCon  map[string]int         // confirmable notifications by observation
	later    map[time.Time][]func() // what is to happen
	log      []string               // notifications as "SECONDS SERVER#TOKEN TYPE VALUES"
}

// lostAfter is when an acknowledgement is no longer waited for.
const lostAfter = 93 * time.Second

func newWorld() *world {
	return &world{now: epoch, values: map[model.Path]model.Value{}, later: map[time.Time][]func(){}, sentCon: map[string]int{}}
}

// read returns the values at the paths in order.
func (w *world) read(paths []model.Path) []format.Node {
	var nodes []format.Node
	for p, v := range w.values {
		if slices.ContainsFunc(paths, func(q model.Path) bool { return q.Contains(p) }) {
			nodes = append(nodes, format.Node{Path: p, Value: v})
		}
	}
	slices.SortFunc(nodes, func(a, b format.Node) int { return a.Path.Compare(b.Path) })
	return nodes
}

// runUntil lets time pass, with all that is due before t.
func (w *world) runUntil(t time.Time) {
	for w.now.Before(t) {
		next := w.engine.Deadline()
		for at := range w.later {
			next = earliest(next, at)
		}
		if next.IsZero() || !next.Before(t) {
			break
		}
		w.now = latest(w.now, next)
		w.step()
	}
	w.now = t
}

// step does all that is due now.
func (w *world) step() {
	for _, at := range slices.SortedFunc(maps.Keys(w.later), time.Time.Compare) {
		if !at.After(w.now) {
			due := w.later[at]
			delete(w.later, at)
			for _, f := range due {
				f()
			}
		}
	}
	for !w.engine.Deadline().IsZero() && !w.engine.Deadline().After(w.now) {
		for _, o := range w.engine.Due(w.now, nil) {
			w.handle(o)
		}
	}
}

// after calls f later; at once if d is 0.
func (w *world) after(d time.Duration, f func()) {
	if d == 0 {
		f()
		return
	}
	w.later[w.now.Add(d)] = append(w.later[w.now.Add(d)], f)
}

// handle does what the owner has to do for an observation from Due.
func (w *world) handle(o *Observation[string]) {
	if o.IsReplaying() && w.timeless {
		w.engine.Supersede(w.now, o)
		return
	}
	if o.IsReplaying() {
		r := o.Backlog.Records()[0]
		w.sent(o, "stored at "+seconds(r.Time)+" ", r.Nodes, func(con bool) { w.engine.SentStored(w.now, o, 1, con) })
		return
	}
	nodes := w.read(o.Paths)
	w.after(w.reading, func() {
		switch d := w.engine.Evaluate(w.now, o, nodes); {
		case d == Stored:
			what := "store"
			if n := o.Backlog.Dropped(); n > 0 {
				what = fmt.Sprintf("drop %d, store", n)
			}
			w.print(o, what, nodes)
		case o.IsWaiting() && w.engine.known(o.Server).asleep:
			w.print(o, "wake for", nodes)
		case d.MustSend():
			w.sent(o, "", nodes, func(con bool) { w.engine.Sent(w.now, o, con) })
		}
	})
}

func (w *world) sent(o *Observation[string], what string, nodes []format.Node, sent func(bool)) {
	con := o.MustConfirm(w.now)
	kind := "NON"
	if con {
		kind = "CON"
	}
	if w.verbose {
		kind += fmt.Sprintf(" observe=%d", o.Sequence())
	}
	w.print(o, what+kind, nodes)
	sent(con)
	if !con || w.ackIn < 0 {
		return
	}
	id := fmt.Sprintf("%d#%s", o.Server, o.Token)
	if w.sentCon[id]++; w.loseNth > 0 && w.sentCon[id]%w.loseNth == 0 {
		w.after(lostAfter, func() { w.engine.Unacknowledged(w.now, o) })
	} else {
		w.after(w.ackIn, func() { w.engine.Acknowledged(w.now, o) })
	}
}

func (w *world) print(o *Observation[string], what string, nodes []format.Node) {
	s := fmt.Sprintf("%s %d#%s %s", seconds(w.now), o.Server, o.Token, what)
	if len(nodes) == 0 {
		s += " nothing"
	}
	for _, n := range nodes {
		s += fmt.Sprintf(" %v=%v", n.Path, n.Value)
	}
	w.log = append(w.log, s)
}

// observe adds an observation and answers it.
func (w *world) observe(r Request[string]) *Observation[string] {
	o := w.engine.Add(w.now, r)
	nodes := w.read(r.Paths)
	w.after(w.reading, func() {
		w.engine.Evaluate(w.now, o, nodes)
		w.engine.Sent(w.now, o, false)
	})
	return o
}

// set changes values in one change set; the zero Value removes one.
func (w *world) set(values map[model.Path]model.Value) {
	w.setSilently(values)
	w.engine.Changed(w.now, slices.SortedFunc(maps.Keys(values), model.Path.Compare))
}

// setSilently changes values as those that are measured when read.
func (w *world) setSilently(values map[model.Path]model.Value) {
	for p, v := range values {
		if v.IsZero() {
			delete(w.values, p)
		} else {
			w.values[p] = v
		}
	}
}

// remove deletes what is at a path and below.
func (w *world) remove(p model.Path) []*Observation[string] {
	maps.DeleteFunc(w.values, func(q model.Path, _ model.Value) bool { return p.Contains(q) })
	w.engine.RemoveAttributes(p)
	return w.engine.Removed(w.now, []model.Path{p})
}

func path(t testing.TB, s string) model.Path {
	t.Helper()
	p, err := model.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func paths(t testing.TB, texts ...string) []model.Path {
	t.Helper()
	var list []model.Path
	for _, s := range texts {
		list = append(list, path(t, s))
	}
	return list
}

// updateOf reads a Write-Attributes such as "pmin=5", "st".
func updateOf(t testing.TB, queries ...string) model.AttributesUpdate {
	t.Helper()
	u, err := model.ParseAttributes(slices.Values(queries), model.Version12)
	if err != nil {
		t.Fatalf("%v: %v", queries, err)
	}
	return u
}

// attributesOf reads attributes such as "pmin=5 pmax=60".
func attributesOf(t testing.TB, text string) model.Attributes {
	t.Helper()
	a, err := updateOf(t, strings.Fields(text)...).Apply(model.Attributes{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// valueOf reads a value: a number with a point is a Float, "true" a Boolean, other
// text a String, "-" none.
func valueOf(s string) model.Value {
	if s == "-" {
		return model.Value{}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return model.IntegerValue(n)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return model.FloatValue(f)
	}
	if s == "true" || s == "false" {
		return model.BooleanValue(s == "true")
	}
	return model.StringValue(s)
}
