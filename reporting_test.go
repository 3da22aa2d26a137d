package lwm2m_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// told is the notifications of an observation as they arrive, such as
// "10 /3303/0/5700=30" for one after ten seconds; "CON" goes before those that are.
type told struct {
	mu    sync.Mutex
	begin time.Time
	lines []string
	marks bool // whether to mark CON
}

func (l *told) add(n server.Notification) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := strconv.FormatFloat(n.Time.Sub(l.begin).Seconds(), 'f', -1, 64)
	if l.marks && n.Confirmable {
		line += " CON"
	}
	if n.Code != model.Content {
		line += " " + n.Code.String()
	}
	if len(n.Nodes) > 0 {
		line += " " + nodes(n.Nodes)
	}
	l.lines = append(l.lines, line)
}

// take returns what has come since the last call.
func (l *told) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := strings.Join(l.lines, "; ")
	l.lines = nil
	return s
}

// follow observes and logs from now on. Several paths are an Observe-Composite.
func (f *fixture) follow(paths string, query ...string) *told {
	f.Helper()
	return f.followFrom(f.peer, paths, server.ObserveOptions{Query: query})
}

func (f *fixture) followFrom(peer *server.Device, paths string, o server.ObserveOptions) *told {
	f.Helper()
	l := &told{begin: time.Now()}
	o.OnNotify = l.add
	var list []lwm2m.Path
	for _, p := range strings.Fields(paths) {
		list = append(list, path(p))
	}
	var observation *server.Observation
	var err error
	if len(list) > 1 {
		observation, err = peer.ObserveComposite(f.ctx, list, server.CompositeOptions{}, o)
	} else {
		observation, err = peer.Observe(f.ctx, list[0], o)
	}
	must(f, err)
	must(f, observation.Response.Err())
	return l
}

// perform makes changes at given seconds, such as "3 /3303/0/5700=30; 7 /3/0/9=50,/3/0/10=1":
// those with a comma between them by one Apply. It returns when the given time is over.
func (f *fixture) perform(script string, length time.Duration) {
	f.Helper()
	begin := time.Now()
	until := func(d time.Duration) { sleep(time.Until(begin.Add(d))) }
	for step := range strings.SplitSeq(script, ";") {
		if strings.TrimSpace(step) == "" {
			continue
		}
		at, what, _ := strings.Cut(strings.TrimSpace(step), " ")
		seconds, err := strconv.ParseFloat(at, 64)
		must(f, err)
		until(time.Duration(seconds * float64(time.Second)))
		must(f, f.client.Apply(f.changes(what)...))
	}
	until(length)
}

func (f *fixture) changes(list string) []lwm2m.Change {
	f.Helper()
	var changes []lwm2m.Change
	for item := range strings.SplitSeq(list, ",") {
		p, value, _ := strings.Cut(item, "=")
		changes = append(changes, lwm2m.Change{Path: path(p), Value: f.value(path(p), value)})
	}
	return changes
}

// value reads text as the type of the Resource.
func (f *fixture) value(p lwm2m.Path, s string) lwm2m.Value {
	f.Helper()
	def, ok := model.Embedded().Latest(p.Object())
	if !ok {
		f.Fatalf("no definition of %v", p)
	}
	resource, _ := def.Resource(p.Resource())
	if resource.Kind == model.String {
		return model.StringValue(s)
	}
	number, err := strconv.ParseFloat(s, 64)
	must(f, err)
	switch resource.Kind {
	case model.Float:
		return model.FloatValue(number)
	case model.Boolean:
		return model.BooleanValue(number == 1)
	}
	return model.IntegerValue(int64(number))
}

// What a server gets with which attributes, to the millisecond.
func TestReportingTimes(t *testing.T) {
	const temp, units, battery = "/3303/0/5700", "/3303/0/5701", "/3/0/9"
	for _, c := range []struct {
		name    string
		attach  string // "/path?query /path?query"
		observe string
		script  string
		length  time.Duration
		want    string
	}{
		// Core 1.1.1 §5.1.2: pmin and pmax.
		{"no attributes", "", temp, "3 T=30; 3.5 T=31; 4 T=31", time.Hour, "3 T=30; 3.5 T=31"},
		{"change before pmin", "T?pmin=10", temp, "3 T=30", time.Hour, "10 T=30"},
		{"two changes before pmin", "T?pmin=10", temp, "3 T=30; 7 T=31", time.Hour, "10 T=31"},
		{"change back before pmin", "T?pmin=10", temp, "3 T=30; 7 T=22.5", time.Hour, ""},
		{"change after pmin", "T?pmin=10", temp, "12 T=30; 13 T=31", time.Hour, "12 T=30; 22 T=31"},
		{"change at pmin", "T?pmin=10", temp, "10 T=30", time.Minute, "10 T=30"},
		{"no change until pmax", "T?pmax=60", temp, "", 3 * time.Minute, "60 T=22.5; 120 T=22.5; 180 T=22.5"},
		{"pmax starts anew", "T?pmin=10&pmax=60", temp, "55 T=30", 3 * time.Minute, "55 T=30; 115 T=30; 175 T=30"},
		{"pmin equal to pmax", "T?pmin=10&pmax=10", temp, "4 T=30", 25 * time.Second, "10 T=30; 20 T=30"},
		{"pmin above pmax", "T?pmin=20&pmax=10", temp, "5 T=30; 90 T=31", 5 * time.Minute, "20 T=30; 90 T=31"},
		{"pmax of zero", "T?pmax=0", temp, "5 T=30", time.Hour, "5 T=30"},
		{"a write of the same value", "T?pmin=1", temp, "5 T=22.5", time.Hour, ""},
		// Thresholds (Core 1.1.1 §5.1.2), crossed in either direction.
		{"gt", "T?gt=25", temp, "1 T=24; 2 T=26; 3 T=27; 4 T=24; 5 T=23", time.Hour, "2 T=26; 4 T=24"},
		{"lt", "T?lt=20", temp, "1 T=24; 2 T=19; 3 T=18; 4 T=21", time.Hour, "2 T=19; 4 T=21"},
		{"st", "T?st=10", temp, "0 T=20; 1 T=29; 2 T=33; 3 T=24; 4 T=23; 5 T=22", time.Hour, "2 T=33; 4 T=23"},
		{"gt below zero", "T?gt=-5.5", temp, "1 T=-10; 2 T=-6; 3 T=-5", time.Hour, "1 T=-10; 3 T=-5"},
		{"gt and pmin", "T?gt=25&pmin=10", temp, "1 T=26; 5 T=24; 15 T=30", time.Hour, "15 T=30"},
		{"gt and pmax", "T?gt=25&pmax=30", temp, "1 T=24; 2 T=23", time.Minute, "30 T=23; 60 T=23"},
		{"st has no effect on text", "U?pmin=1", units, "5 U=K", time.Hour, "5 U=K"},
		// Levels and inheritance.
		{"pmin of the Instance", "/3303/0?pmin=10", temp, "3 T=30", time.Hour, "10 T=30"},
		{"pmin of the Object", "/3303?pmin=10", temp, "3 T=30", time.Hour, "10 T=30"},
		{"the most specific counts", "/3303?pmin=100 /3303/0?pmin=50 T?pmin=10", temp, "3 T=30", time.Hour, "10 T=30"},
		{"each for itself", "/3303?pmax=60 T?pmin=10", temp, "3 T=30", time.Minute + 20*time.Second, "10 T=30; 70 T=30"},
		{"attributes below do not count", "T?pmin=100&gt=90", "/3303/0", "3 T=30", time.Hour, "3 T=30 U=Cel"},
		{"observed Object", "/3303?pmin=5", "/3303", "1 T=30; 2 U=K", time.Hour, "5 T=30 U=K"},
		{"removed", "/3303?pmin=50 T?pmin=10 T?pmin", temp, "3 T=30", time.Hour, "50 T=30"},
		{"another Resource changes", "", temp, "3 U=K", time.Hour, ""},
		// Several changes in one Apply.
		{"one Apply", "", "/3303/0", "3 T=30,U=K", time.Hour, "3 T=30 U=K"},
		// Observe-Composite: each path by its own attributes, all paths in each notification.
		{"composite", "", temp + " " + battery, "3 T=30; 4 B=50", time.Hour, "3 B=100 T=30; 4 B=50 T=30"},
		{"composite, one Apply", "", temp + " " + battery, "3 T=30,B=50", time.Hour, "3 B=50 T=30"},
		{"composite, pmin of the changed path", "T?pmin=10 B?pmin=30", temp + " " + battery, "1 T=30; 12 B=50", time.Hour, "10 B=100 T=30; 40 B=50 T=30"},
		{"composite, smallest pmax", "T?pmax=60 B?pmax=45", temp + " " + battery, "", 100 * time.Second, "45 B=100 T=22.5; 90 B=100 T=22.5"},
		{"composite, gt of one path", "T?gt=25", temp + " " + battery, "1 T=24; 2 B=50; 3 T=26", time.Hour, "2 B=50 T=24; 3 B=50 T=26"},
	} {
		t.Run(c.name, func(t *testing.T) {
			short := strings.NewReplacer(temp, "T", units, "U", battery, "B")
			long := strings.NewReplacer("T=", temp+"=", "U=", units+"=", "B=", battery+"=", "T?", temp+"?", "U?", units+"?", "B?", battery+"?")
			withBattery := func(_ *lwm2m.Config, f *fixture) { must(f, f.device.BatteryLevel.Set(100)) }
			start(t, withBattery, func(f *fixture) {
				f.attach(long.Replace(c.attach))
				l := f.follow(c.observe)
				f.perform(long.Replace(c.script), c.length)
				if got := short.Replace(l.take()); got != c.want {
					t.Errorf("notifications %s\nwant          %s", got, c.want)
				}
			})
		})
	}
}

// attach writes attributes, such as "/3?pmin=1 /3/0/9?gt=5&lt=2".
func (f *fixture) attach(list string) {
	f.Helper()
	f.attachTo(f.peer, list)
}

func (f *fixture) attachTo(peer *server.Device, list string) {
	f.Helper()
	for item := range strings.FieldsSeq(list) {
		p, query, _ := strings.Cut(item, "?")
		r, err := peer.WriteAttributesQuery(f.ctx, path(p), query)
		must(f, err)
		must(f, r.Err())
	}
}

func TestETS301ObservationAndNotification(t *testing.T) {
	start(t, withDevice, func(f *fixture) {
		f.attach("/3/0/7?pmin=5&pmax=15 /3/0/8?pmin=10&pmax=20")
		voltage, current := f.follow("/3/0/7"), f.follow("/3/0/8")
		f.perform("1 /3/0/7/0=3700; 2 /3/0/8/1=800; 30 /3/0/7/1=4900", 40*time.Second)
		for name, c := range map[string]struct{ got, want string }{
			"/3/0/7": {voltage.take(), "5 /3/0/7/0=3700 /3/0/7/1=5000; 20 /3/0/7/0=3700 /3/0/7/1=5000; 30 /3/0/7/0=3700 /3/0/7/1=4900"},
			"/3/0/8": {current.take(), "10 /3/0/8/0=125 /3/0/8/1=800; 30 /3/0/8/0=125 /3/0/8/1=800"},
		} {
			if c.got != c.want {
				t.Errorf("%s: notifications %s\nwant %s", name, c.got, c.want)
			}
		}
	})
}

func TestETS302CancelByReset(t *testing.T) {
	start(t, withDevice, func(f *fixture) {
		f.attach("/3/0/9?pmin=5&pmax=15")
		o := f.observe("/3/0/9", server.ObserveOptions{})
		sleep(16 * time.Second)
		o.Forget()
		w := record(f.server.Network)
		sleep(time.Minute)
		f.passed(w, `
			14.0 -> NON 2.05
			14.0 <- RST`)
		if got := f.history.last(); !strings.HasPrefix(got, "OBSERVER_REMOVED") {
			t.Errorf("event %s", got)
		}
	})
}

func TestETS304ObserveComposite(t *testing.T) {
	start(t, withDevice, func(f *fixture) {
		f.attach("/1/0/1?pmin=30&pmax=45")
		l := f.follow("/3/0/0 /3/0/9 /1/0/1")
		f.perform("", 100*time.Second)
		want := "45 /1/0/1=86400 /3/0/0=Open Mobile Alliance /3/0/9=100; 90 /1/0/1=86400 /3/0/0=Open Mobile Alliance /3/0/9=100"
		if got := l.take(); got != want {
			t.Errorf("notifications %s\nwant %s", got, want)
		}
	})
}

// An Object Instance that is created shows up in the notifications of an Observe-Composite that lists it.
func TestETS308ObserveCompositeCreate(t *testing.T) {
	start(t, withFactories, func(f *fixture) {
		l := f.follow("/3/0/0 /3442/5")
		f.perform("", 10*time.Second)
		f.created(post("/3442", 1+110, `[{"n":"/3442/5/120","v":1}]`))
		sleep(time.Minute)
		if got, want := l.take(), "10 /3/0/0=Acme /3442/5/120=1"; got != want {
			t.Errorf("notifications %s\nwant %s", got, want)
		}
	})
}

// One that is deleted is left out, and the observation goes on.
func TestETS309ObserveCompositeDelete(t *testing.T) {
	start(t, withFactories, func(f *fixture) {
		f.created(post("/3442", 1+110, `[{"n":"/3442/5/120","v":1}]`))
		l := f.follow("/3/0/0 /3442/5")
		f.perform("", 10*time.Second)
		f.play(exchange{remove("/3442/5"), model.Deleted, none, ""})
		f.perform("10 /3/0/0=Other", time.Minute)
		if got, want := l.take(), "10 /3/0/0=Acme; 20 /3/0/0=Other"; got != want {
			t.Errorf("notifications %s\nwant %s", got, want)
		}
	})
}

// Attributes that are written later act on an observation that is there (ETS 310).
func TestETS310ObserveCompositeAttributes(t *testing.T) {
	start(t, withDevice, func(f *fixture) {
		l := f.follow("/3/0/0 /3/0/9")
		sleep(10 * time.Second)
		f.attach("/3/0/9?pmax=5")
		sleep(12 * time.Second)
		want := "10 /3/0/0=Open Mobile Alliance /3/0/9=100; 15 /3/0/0=Open Mobile Alliance /3/0/9=100; 20 /3/0/0=Open Mobile Alliance /3/0/9=100"
		if got := l.take(); got != want {
			t.Errorf("notifications %s\nwant %s", got, want)
		}
		f.attach("/3/0/9?pmax")
		sleep(time.Hour)
		if got := l.take(); got != "" {
			t.Errorf("notifications %s after pmax was removed", got)
		}
	})
}
