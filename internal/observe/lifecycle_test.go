package observe

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// temperature is a world in which Server 1 observes /3303/0/5700, which is 20.
func temperature(t *testing.T, defaults Defaults, attributes string) (*world, *Observation[string]) {
	w := newWorld()
	w.engine.SetDefaults(1, defaults)
	p := path(t, "/3303/0/5700")
	w.values[p] = valueOf("20")
	r := Request[string]{Server: 1, Token: "a", Paths: []model.Path{p}}
	if attributes != "" {
		r.HasOwn, r.Attributes = true, attributesOf(t, attributes)
	}
	return w, w.observe(r)
}

// become sets the value at a time, and returns the observation if it is due.
func (w *world) become(o *Observation[string], when float64, value string) *Observation[string] {
	w.now = at(when)
	w.set(map[model.Path]model.Value{o.Paths[0]: valueOf(value)})
	if due := w.engine.Due(w.now, nil); len(due) == 1 {
		return due[0]
	}
	return nil
}

// records are the values in a Backlog.
func records(o *Observation[string]) string {
	var values []string
	for _, r := range o.Backlog.Records() {
		values = append(values, seconds(r.Time)+":"+r.Nodes[0].Value.String())
	}
	return strings.Join(values, " ")
}

// What is kept until it is acknowledged is sent again when it was not.
func TestSentKept(t *testing.T) {
	w, o := temperature(t, Defaults{Storing: true, Confirmable: true}, "")
	e := &w.engine
	for _, lost := range []bool{false, true} {
		if w.become(o, 1, "21") != o || e.Evaluate(w.now, o, w.read(o.Paths)) != Send {
			t.Fatal("not sent")
		}
		e.SentKept(w.now, o, w.read(o.Paths))
		if got := records(o); got != "1:21" {
			t.Fatalf("kept %q", got)
		}
		if lost {
			w.become(o, 2, "22")
			e.Unacknowledged(at(94), o)
			if due := e.Due(at(94), nil); len(due) != 1 || due[0].IsReplaying() || e.Evaluate(at(94), o, w.read(o.Paths)) != Stored {
				t.Fatalf("due: %v", due)
			}
			e.SetReachable(1, true)
			if due := e.Due(at(95), nil); len(due) != 1 || !due[0].IsReplaying() || records(o) != "1:21 94:22" {
				t.Fatalf("due: %v, records %s", due, records(o))
			}
			e.SentStored(at(95), o, 2, true)
		}
		e.Acknowledged(at(95), o)
		if o.Backlog.Len() != 0 || !e.Deadline().IsZero() {
			t.Fatalf("kept %q after the acknowledgement", records(o))
		}
		w.values[o.Paths[0]] = valueOf("20")
		o.components[0].digest = 0
	}
	// Without room it is as with Sent.
	e.SetDefaults(1, Defaults{Confirmable: true})
	w.become(o, 100, "25")
	e.Evaluate(w.now, o, w.read(o.Paths))
	e.SentKept(w.now, o, w.read(o.Paths))
	e.Unacknowledged(at(193), o)
	e.SetReachable(1, true)
	if due := e.Due(at(194), nil); o.Backlog.Len() != 0 || len(due) != 1 || e.Evaluate(at(194), o, w.read(o.Paths)) != Send {
		t.Errorf("due %v with %d records", due, o.Backlog.Len())
	}
}

// Records in flight that had to give way are not taken for others when the
// acknowledgement comes.
func TestDropInFlight(t *testing.T) {
	var b Backlog
	add := func(n int) { b.add(Record{Time: at(float64(n))}, 3) }
	for n := range 3 {
		add(n)
	}
	b.inFlight = 2
	add(3)
	if b.inFlight != 1 || b.Dropped() != 1 || b.Dropped() != 0 {
		t.Errorf("in flight: %d", b.inFlight)
	}
	for n := range 4 {
		add(4 + n)
	}
	if b.inFlight != 0 || b.Dropped() != 4 || b.Len() != 3 || !b.Records()[0].Time.Equal(at(5)) {
		t.Errorf("after five dropped: %+v", b)
	}
}

// The Backlog is bounded by the Engine's limit, whatever a Server asks for.
func TestBacklogLimit(t *testing.T) {
	for _, c := range []struct {
		limit int
		hqmax string
		want  int
	}{{0, "", DefaultBacklog}, {0, "hqmax=1000000", DefaultBacklog}, {7, "", 7}, {7, "hqmax=5", 5}, {7, "hqmax=4294967295", 7}, {1, "hqmax=2", 1}} {
		w, o := temperature(t, Defaults{Storing: true}, c.hqmax)
		w.engine.MaxBacklog = c.limit
		w.engine.SetReachable(1, false)
		const changes = 250
		for n := range changes {
			if w.become(o, float64(n+1), valueOf("1").String()+strings.Repeat("0", n%2)) != o || w.engine.Evaluate(w.now, o, w.read(o.Paths)) != Stored {
				t.Fatalf("change %d is not stored", n)
			}
		}
		if o.Backlog.Len() != c.want || o.Backlog.Dropped() != changes-uint64(c.want) {
			t.Errorf("limit %d, %s: %d records", c.limit, c.hqmax, o.Backlog.Len())
		}
		if last := o.Backlog.Records()[c.want-1]; !last.Time.Equal(w.now) {
			t.Errorf("the newest record is of %s", seconds(last.Time))
		}
	}
}

// The Backlog passes on to an observation that replaces the one it belongs to.
func TestBacklogPassesOn(t *testing.T) {
	w, o := temperature(t, Defaults{Storing: true}, "")
	w.engine.SetReachable(1, false)
	w.become(o, 1, "21")
	w.engine.Evaluate(w.now, o, w.read(o.Paths))
	w.engine.SetReachable(1, true)
	again := w.engine.Add(w.now, Request[string]{Server: 1, Token: "b", Paths: o.Paths})
	if len(w.engine.Due(w.now, nil)) != 0 {
		t.Fatal("replayed before the response")
	}
	w.engine.Evaluate(w.now, again, w.read(o.Paths))
	w.engine.Sent(w.now, again, false)
	if due := w.engine.Due(w.now, nil); len(due) != 1 || due[0] != again || !again.IsReplaying() || records(again) != "1:21" {
		t.Errorf("due %v, records %q", due, records(again))
	}
	if ended := w.engine.CancelServer(1); len(ended) != 1 || records(ended[0]) != "1:21" {
		t.Errorf("ended: %v", ended)
	}
}

// Repeat has another notification follow after pmin, even if nothing changed.
func TestRepeat(t *testing.T) {
	w, o := temperature(t, Defaults{}, "pmin=10")
	e := &w.engine
	e.Repeat(o)
	if got := e.Deadline(); !got.Equal(at(10)) {
		t.Fatalf("due %s", seconds(got))
	}
	e.Due(at(10), nil)
	if d := e.Evaluate(at(10), o, w.read(o.Paths)); d != Send {
		t.Fatalf("decision %v", d)
	}
	e.Repeat(o)
	if !e.Deadline().IsZero() {
		t.Fatal("due while it is being sent")
	}
	e.Sent(at(10), o, false)
	e.Due(at(20), nil)
	if d := e.Evaluate(at(20), o, w.read(o.Paths)); d != Send {
		t.Fatalf("decision %v", d)
	}
	e.Sent(at(20), o, false)
	if !e.Deadline().IsZero() {
		t.Error("a third one, for which nobody asked")
	}
}

// What could not be read is read later.
func TestPostpone(t *testing.T) {
	w, o := temperature(t, Defaults{}, "")
	e := &w.engine
	e.Postpone(o, at(1))
	if !e.Deadline().IsZero() {
		t.Fatal("postponed without being read")
	}
	if w.become(o, 1, "21") != o {
		t.Fatal("not due")
	}
	e.Changed(at(1.5), o.Paths)
	e.Postpone(o, at(3))
	if got := e.Deadline(); !got.Equal(at(3)) {
		t.Fatalf("due %s", seconds(got))
	}
	if due := e.Due(at(3), nil); len(due) != 1 || e.Evaluate(at(3), o, w.read(o.Paths)) != Send {
		t.Errorf("due %v", due)
	}
}

// A Server that goes while its values are read gets them when it is back.
func TestGoneWhileReading(t *testing.T) {
	w, o := temperature(t, Defaults{}, "st=1")
	e := &w.engine
	nodes := w.read(o.Paths)
	if w.become(o, 1, "21") != o {
		t.Fatal("not due")
	}
	e.SetReachable(1, false)
	if d := e.Evaluate(at(2), o, w.read(o.Paths)); d != NotYet || !e.Deadline().IsZero() {
		t.Fatalf("decision %v", d)
	}
	e.SetReachable(1, true)
	if due := e.Due(at(3), nil); len(due) != 1 || e.Evaluate(at(3), o, nodes) != Send {
		t.Errorf("due %v", due)
	}
}

// With the current values it is known whether a change meets the thresholds once pmin
// has passed.
func TestExplainWithValues(t *testing.T) {
	w, o := temperature(t, Defaults{MaxPeriod: time.Minute}, "pmin=10 gt=25")
	w.become(o, 3, "24")
	explain := func() Explanation {
		x := w.engine.ExplainPath(w.now, path(t, "/3303"), func(o *Observation[string]) []format.Node { return w.read(o.Paths) })
		if len(x) != 1 {
			t.Fatalf("%d explanations", len(x))
		}
		return x[0]
	}
	x := explain()
	p := x.Paths[0]
	if x.Wait != ForMinPeriod || !p.Held || p.Last.Int() != 20 || p.Seen.Int() != 24 || !p.Ready.Equal(at(10)) || !x.Latest.Equal(at(60)) {
		t.Errorf("%+v", x)
	}
	want := `server 1 observes /3303/0/5700: changed, 7s left of pmin
  /3303/0/5700: pmin=10 (from the request), pmax=60 (default of the account), gt=25 (from the request)
    told last: 20; going to 24 meets none of gt=25
  last notification 3s ago
  next notification, with a change, in 7s at the earliest; without a change in 57s`
	if x.String() != want {
		t.Errorf("got\n%s\nwant\n%s", x, want)
	}
	w.become(o, 4, "26")
	if x := explain(); x.Wait != ForMinPeriod || x.Paths[0].Held || !strings.Contains(x.String(), "told last: 20, seen last: 26") {
		t.Errorf("%s", x)
	}
	// Explaining changes nothing.
	if w.runUntil(at(11)); !slices.Equal(w.log, []string{"10 1#a NON /3303/0/5700=26"}) {
		t.Errorf("notified: %q", w.log)
	}
	w.now = at(80)
	if x := explain(); x.Wait != ForNothing || !strings.Contains(x.String(), "due now") {
		t.Errorf("%s", x)
	}
}

func TestStrings(t *testing.T) {
	for got, want := range map[string]string{
		SendPeriodic.String(): "send periodic", Nothing.String(): "nothing", Decision(9).String(): "send periodic",
		Bidirectional.String(): "bidirectional", OneDirectional.String(): "one-directional",
		ForChange.String(): "a change", Wait(99).String(): "nothing",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b model.Value
		want float64
	}{
		{model.UnsignedValue(0), model.UnsignedValue(1<<64 - 1), 1 << 64},
		{model.UnsignedValue(7), model.UnsignedValue(3), 4},
		{model.IntegerValue(-1 << 63), model.IntegerValue(1<<63 - 1), 1 << 64},
		{model.UnixValue(10), model.UnixValue(4), 6},
		{model.FloatValue(-4), model.FloatValue(4), 8 + 4*0x1p-52},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("from %v to %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// Values that differ have digests that differ, whatever their type; equal ones do not.
func TestDigest(t *testing.T) {
	var e Engine[int]
	p := path(t, "/3/0/7")
	seen := map[uint64]string{}
	lists := [][]format.Node{
		{}, {{Path: p}}, {{Path: p.Child(0)}}, {{Path: p}, {Path: p}},
	}
	for _, v := range []model.Value{
		model.StringValue(""), model.StringValue("a"), model.OpaqueValue(nil), model.OpaqueValue([]byte("a")), model.CoreLinkValue("a"),
		model.IntegerValue(0), model.IntegerValue(1), model.IntegerValue(-1), model.UnsignedValue(1), model.UnixValue(1),
		model.FloatValue(0), model.FloatValue(1), model.FloatValue(1e-300), model.BooleanValue(false), model.BooleanValue(true),
		model.LinkValue(model.ObjectLink{Object: 3}), model.LinkValue(model.ObjectLink{Instance: 3}), model.LinkValue(model.NullLink),
	} {
		lists = append(lists, []format.Node{{Path: p, Value: v}}, []format.Node{{Path: p.Child(0), Value: v}})
	}
	lists = append(lists, []format.Node{{Path: p.Child(0), Value: model.StringValue("ab")}, {Path: p.Child(1)}},
		[]format.Node{{Path: p.Child(0), Value: model.StringValue("a")}, {Path: p.Child(1), Value: model.StringValue("b")}})
	for i, nodes := range lists {
		x := e.content(p, append(nodes, format.Node{Path: path(t, "/3/0/8"), Value: model.IntegerValue(int64(i))}))
		if other, ok := seen[x.digest]; ok {
			t.Errorf("%v and %s have the same digest", nodes, other)
		}
		seen[x.digest] = nodes2text(nodes)
		if again := e.content(p, nodes); again != x {
			t.Errorf("%v has two digests", nodes)
		}
	}
}

func nodes2text(nodes []format.Node) string {
	var s []string
	for _, n := range nodes {
		s = append(s, n.Path.String()+"="+n.Value.Kind().String()+" "+n.Value.String())
	}
	return strings.Join(s, ", ")
}

// What the Server may not read is not due, whatever happens, until that changes; then it is compared with what it has.
func TestWithhold(t *testing.T) {
	w, o := temperature(t, Defaults{Storing: true}, "pmax=10 epmax=5")
	e := &w.engine
	e.Withhold(o) // not busy: nothing to withhold
	if w.become(o, 1, "21") != o {
		t.Fatal("not due")
	}
	e.Withhold(o)
	if w.become(o, 2, "22") != nil || !e.Deadline().IsZero() {
		t.Errorf("due at %v", e.Deadline())
	}
	e.SetReachable(1, false)
	e.SetReachable(1, true)
	if due := e.Due(at(100), nil); len(due) != 0 {
		t.Error("due without the right")
	}
	x := e.Explain(at(100), o, nil)
	if s := x.String(); x.Wait != ForRight || !x.Latest.IsZero() || !strings.Contains(s, ": the server may not read it\n") || !strings.HasSuffix(s, "when the server may read it") {
		t.Errorf("explained as %v: %s", x.Wait, s)
	}
	w.now = at(100)
	e.RightsChanged(w.now)
	if due := e.Due(w.now, nil); len(due) != 1 || e.Evaluate(w.now, o, w.read(o.Paths)) != Send {
		t.Error("not sent with the right")
	}
	e.Sent(w.now, o, false)
	e.RightsChanged(w.now)
	if due := e.Due(w.now, nil); len(due) != 1 || e.Evaluate(w.now, o, w.read(o.Paths)) != Nothing {
		t.Error("sent again, although nothing changed")
	}
}
