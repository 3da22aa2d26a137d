package lwm2m_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// wallClock is the clock of a device whose wall clock can be set, in virtual time: the monotonic readings
// go on as they did.
type wallClock struct {
	begin time.Time
	step  atomic.Int64 // how far the wall clock was set, as a time.Duration
}

func newWallClock() *wallClock { return &wallClock{begin: time.Now()} }

// set sets the wall clock that much forward or back.
func (c *wallClock) set(by time.Duration) { c.step.Add(int64(by)) }

func (c *wallClock) now() time.Time {
	virtual := time.Now()
	return withMonotonic(virtual.Add(time.Duration(c.step.Load())), virtual.Sub(c.begin))
}

// withMonotonic is the time as package time would have read it from a wall clock and a monotonic
// clock. Virtual time has no monotonic readings, and package time takes none from outside.
func withMonotonic(wall time.Time, monotonic time.Duration) time.Time {
	const minWall, hasMonotonic, secondShift = -2682288000, 1 << 63, 30 // see the comments on the fields of time.Time
	type fields struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}
	f := fields{
		wall: hasMonotonic | uint64(wall.Unix()-minWall)<<secondShift | uint64(wall.Nanosecond()),
		ext:  int64(monotonic + time.Nanosecond), // zero would be no reading
		loc:  time.UTC,
	}
	return *(*time.Time)(unsafe.Pointer(&f))
}

// The clock of the tests is like one of package time.
func TestWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := newWallClock()
		before := clock.now()
		if !before.Equal(before.Round(0)) || !before.Round(0).Equal(time.Now()) {
			t.Errorf("%v at %v", before, time.Now())
		}
		time.Sleep(time.Minute)
		const tenYears = 10 * 365 * 24 * time.Hour
		for _, step := range []time.Duration{-time.Hour, 2 * time.Hour, -tenYears, 2 * tenYears} {
			clock.set(step)
			after := clock.now()
			if after.Sub(before) != time.Minute || !before.Before(after) || before.Add(time.Minute).After(after) {
				t.Errorf("monotonic: %v before %v", before, after)
			}
			if d, want := after.Round(0).Sub(before.Round(0)), time.Minute+time.Duration(clock.step.Load()); d != want {
				t.Errorf("the wall clock went by %v, want %v", d, want)
			}
		}
	})
}

// lifeByClock leads a device through all that has deadlines, and steps its wall clock in the middle of each. It returns
// all that could be seen meanwhile, by virtual time.
func lifeByClock(t *testing.T, steps ...time.Duration) string {
	t.Helper()
	var life *clockedLife
	configure := func(config *lwm2m.Config, f *fixture) {
		life = &clockedLife{fixture: f, clock: newWallClock(), steps: steps, begin: time.Now(), callback: newGate()}
		life.server = lwm2mtest.NewServer(f.T, lwm2mtest.Options{
			Network: f.server.Network, Address: "198.51.100.2:5683",
			Config: server.Config{Rand: rand.New(rand.NewPCG(1, 1)), CoAP: server.CoAP{NStart: 2}},
		})
		life.configure(config)
		life.wire = record(f.server.Network)
	}
	start(t, configure, func(*fixture) { life.lead() })
	return life.seen()
}

type clockedLife struct {
	*fixture
	clock    *wallClock
	steps    []time.Duration // one after another, and again from the start
	wire     *wire
	callback *gate
	begin    time.Time
	mu       sync.Mutex
	stepped  int
	events   []string // of the client
	told     []string // by it, and to the test
}

func (l *clockedLife) configure(config *lwm2m.Config) {
	config.Servers[0] = lwm2m.ServerAccount{
		URI: l.server.URI(), Security: lwm2m.NoSec{}, Lifetime: 5 * time.Minute, DisableTimeout: time.Minute,
	}
	config.Objects = append(config.Objects, newTestObject(l, 0))
	config.Transmission.AckRandomFactor = 1 // as chance would make the lives differ
	config.OnEvent = func(e lwm2m.Event) {
		next := ""
		if !e.Next.IsZero() {
			next = fmt.Sprint(" next in ", e.Next.Sub(e.Time))
		}
		l.note(&l.events, "%v %v attempt %d location %q err %v count %d%s", e.Kind, e.Path, e.Attempt, e.Location, e.Err, e.Count, next)
	}
	l.temp.SensorValue.KeepHistory(10)
	l.device.Reboot.OnExecute(func(ctx context.Context, _ lwm2m.Arguments) error { return l.callback.pass(ctx) })
	l.run = func(ctx context.Context) error {
		host := lwm2m.NewHost(lwm2m.HostConfig{Shards: 1})
		lwm2m.SetClock(host, l.clock.now)
		must(l, host.Add(l.client))
		return host.Run(ctx)
	}
}

func (l *clockedLife) note(to *[]string, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*to = append(*to, fmt.Sprintf("%v "+format, append([]any{time.Since(l.begin)}, args...)...))
}

// notification notes values, and of those that were stored how old they are.
func (l *clockedLife) notification(n server.Notification) {
	for _, node := range n.Nodes {
		age := ""
		switch history := node.Path == l.temp.SensorValue.Path(); {
		case history && node.Time.IsZero():
			continue // the current value once more, as the newest timestamp is on another
		case !history && !node.Time.IsZero(): // samples are stamped when they are taken
			age = fmt.Sprint(" of ", l.clock.now().Round(0).Sub(node.Time).Round(time.Millisecond), " ago")
		}
		l.note(&l.told, "notified %v=%v%s", node.Path, node.Value, age)
	}
}

// step sets the wall clock and lets time pass.
func (l *clockedLife) step(pass time.Duration) {
	sleep(time.Second)
	if len(l.steps) > 0 {
		l.clock.set(l.steps[l.stepped%len(l.steps)])
		l.stepped++
	}
	sleep(pass)
}

func (l *clockedLife) seen() string {
	traffic := regexp.MustCompile(`/rd/\w+`).ReplaceAllString(l.wire.take(), "/rd/ID")
	seen := ""
	for _, lines := range [][]string{strings.Split(traffic, "\n"), l.events, l.told} {
		slices.Sort(lines) // what happens at the same time has no order
		seen += strings.Join(lines, "\n") + "\n\n"
	}
	return seen
}

func (l *clockedLife) lead() {
	l.observations()
	l.outage()
	l.pauses()
	l.transfers()
	l.server.Network.SetState(netip.MustParseAddrPort("198.51.100.2:5683"), lwm2mtest.Silent)
	stopped := make(chan struct{})
	go func() {
		l.stop()
		l.note(&l.told, "stopped")
		close(stopped)
	}()
	l.step(time.Second)
	<-stopped
}

// observeAll observes a Resource with a history, one that is measured by periods, and one that is stored.
func (l *clockedLife) observeAll() {
	for _, p := range []string{"/3303/0/5700", "/3442/0/120", "/3303/0/5701"} {
		_, err := l.peer.Observe(l.ctx, path(p), server.ObserveOptions{Accept: server.SenMLCBOR, OnNotify: l.notification})
		must(l, err)
	}
}

func (l *clockedLife) set(v int) {
	must(l, l.temp.SensorValue.Set(float64(v)))
	must(l, l.temp.SensorUnits.Set(fmt.Sprint(v)))
	must(l, l.client.Apply(lwm2m.Change{Path: path("/3442/0/120"), Value: model.IntegerValue(int64(v))}))
}

func (l *clockedLife) observations() {
	l.attach("/3303/0/5700?pmin=10&pmax=60 /3442/0/120?pmin=5&epmin=3&epmax=20&st=2")
	l.observeAll()
	for v := range 12 {
		l.set(v)
		l.step(7 * time.Second)
	}
	l.explain()
	for range 5 {
		l.step(3 * time.Minute) // Updates, pmax, and nothing to tell
	}
	l.explain()
}

func (l *clockedLife) explain() {
	for _, e := range l.client.Explain(lwm2m.Path{}) {
		now := l.clock.now()
		l.note(&l.told, "explained: %v, sent %v ago, earliest in %v, latest in %v", e, now.Sub(e.LastSent), e.Earliest.Sub(now), e.Latest.Sub(now))
	}
}

// outage is long enough for retransmissions, stored notifications, an Update that is given up, and attempts to register.
func (l *clockedLife) outage() {
	address := netip.MustParseAddrPort("198.51.100.2:5683")
	l.server.Network.SetState(address, lwm2mtest.Silent)
	for v := range 10 {
		l.set(100 + v)
		l.step(20 * time.Second)
	}
	l.explain()
	l.server.Network.SetState(address, lwm2mtest.Up)
	for range 10 {
		l.step(30 * time.Second)
	}
	l.peer = l.server.WaitRegistered("thermo-1")
	synctest.Wait()
	l.observeAll()
	l.set(50)
	l.step(time.Minute)
}

// pauses are a Send whose answer is late, Updates that have to wait, and a Disable.
func (l *clockedLife) pauses() {
	l.wire.lose(func(p lwm2mtest.Packet, m *coap.Message) bool {
		return m.Type != coap.Acknowledgement || m.Code != coap.Changed
	})
	sent := make(chan error, 1)
	go func() { sent <- l.client.Send(l.ctx, path("/3303/0")) }()
	l.step(5 * time.Second)
	l.wire.lose(nil)
	l.note(&l.told, "sent: %v", <-sent)
	go func() { _ = l.client.Update(l.ctx) }()
	l.step(2 * time.Second)
	l.note(&l.told, "updated: %v", l.client.Update(l.ctx))
	l.play(exchange{post("/1/0/4", none, ""), model.Changed, none, ""})
	for range 7 {
		l.step(10 * time.Second)
	}
	l.peer = l.server.WaitRegistered("thermo-1")
	synctest.Wait()
	l.observeAll()
	l.set(60)
	l.step(time.Minute)
}

// transfers are a Write in blocks and a slow callback, each with a pause.
func (l *clockedLife) transfers() {
	reboot := l.background(post("/3/0/4", none, ""))
	l.step(30 * time.Second) // the acknowledgement comes at once, the answer later
	close(l.callback.open)
	r := <-reboot
	l.note(&l.told, "executed: %v %v", r.Response.Code, r.err)
	block := func(number int, more bool) {
		l.inject(rawBlock(coap.PUT, "/3442/0/150", number, more, uint16(500+number)))
		l.step(time.Minute)
	}
	block(0, true)
	block(1, true)
	block(2, false)
	v, err := l.client.Get(path("/3442/0/150"))
	l.note(&l.told, "written: %d bytes, %v", v.Len(), err)
}

// A wall clock that is set, by as much as one likes, changes nothing but timestamps.
func TestWallClockSteps(t *testing.T) {
	const tenYears = 10 * 365 * 24 * time.Hour
	want := lifeByClock(t)
	for name, steps := range map[string][]time.Duration{
		"back an hour":         {-time.Hour},
		"forward an hour":      {time.Hour},
		"back ten years":       {-tenYears, tenYears},
		"forward ten years":    {tenYears, -tenYears},
		"seconds to and fro":   {-11 * time.Second, 9 * time.Second},
		"an hour forth and on": {time.Hour, -2 * time.Hour, 3 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			got := lifeByClock(t, steps...)
			if got != want {
				t.Errorf("it made a difference:\n%s", firstDifference(got, want))
			}
		})
	}
	for _, part := range []string{
		"NOTIFY_TIMEOUT", "REG_TIMEOUT", "SERVER_DISABLED", "sent: <nil>", "updated: <nil>", "executed: 2.04 Changed <nil>",
		"written: 192 bytes, <nil>", "ago", "stopped", "POST /dp", "DEREGISTER_FAILURE",
	} {
		if !strings.Contains(want, part) {
			t.Errorf("no %q in the life of the device:\n%s", part, want)
		}
	}
}

// firstDifference shows where two texts part.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return fmt.Sprintf("line %d:\n%s\nwant:\n%s", i, strings.Join(g[max(i-3, 0):min(i+5, len(g))], "\n"), strings.Join(w[min(max(i-3, 0), len(w)):min(i+5, len(w))], "\n"))
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// What is set is the newest value, also if the clock was ahead when a former one was taken.
func TestSetAfterClockWasAhead(t *testing.T) {
	start(t, keepTen, func(f *fixture) {
		begin := time.Now()
		must(t, f.temp.SensorValue.SetAt(30, begin.Add(time.Hour))) // kept over a restart
		f.measure(31)
		if v, _ := f.temp.SensorValue.Get(); v != 31 {
			t.Errorf("the value is %v", v)
		}
		must(t, f.temp.SensorValue.SetAt(29, begin.Add(-time.Second)))
		if v, _ := f.temp.SensorValue.Get(); v != 31 {
			t.Errorf("the value is %v", v)
		}
		f.expectKept(begin, "30@3600 31@0 29@-1")
	})
}
