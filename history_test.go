package lwm2m_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
)

// samplesOf are the samples that are kept, as "value@seconds" since start.
func samplesOf(kept []lwm2m.Sample, start time.Time) string {
	var s []string
	for _, k := range kept {
		s = append(s, fmt.Sprintf("%v@%v", k.Value, k.Time.Sub(start).Seconds()))
	}
	return strings.Join(s, " ")
}

// expectKept compares what the temperature keeps.
func (f *fixture) expectKept(start time.Time, want string) {
	f.Helper()
	synctest.Wait()
	kept, _ := f.temp.SensorValue.History()
	if got := samplesOf(kept, start); got != want {
		f.Errorf("kept %q, want %q", got, want)
	}
}

// measure sets the temperature each second.
func (f *fixture) measure(values ...float64) {
	f.Helper()
	for _, v := range values {
		must(f, f.temp.SensorValue.Set(v))
		sleep(time.Second)
	}
}

func keepTen(config *lwm2m.Config, f *fixture) { f.temp.SensorValue.KeepHistory(10) }

// notified waits for a notification and compares it.
func (f *fixture) notified(o *server.Observation, start time.Time, want string) {
	f.Helper()
	n, err := o.Next(f.ctx)
	must(f, err)
	if got := timed(n.Nodes, start); got != want {
		f.Errorf("notified %s\nwant %s", got, want)
	}
}

// Each value that is set joins the history, changed or not, until the server has acknowledged it.
func TestHistoryIsNotified(t *testing.T) {
	start(t, keepTen, func(f *fixture) {
		begin := time.Now()
		f.want(f.peer.WriteAttributesQuery(f.ctx, path("/3303/0/5700"), "pmin=10"))(model.Changed, "")
		o := f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLJSON})
		if got := timed(o.Response.Nodes, begin); got != "/3303/0/5700=22.5" {
			t.Errorf("first %s", got)
		}
		f.measure(23, 23, 24)
		f.expectKept(begin, "23@0 23@1 24@2")
		n, err := o.Next(f.ctx)
		must(t, err)
		if want := `[{"bn":"/3303/0/5700","bt":946684800,"v":23},{"v":23,"t":1},{"v":24,"t":2}]`; string(n.Payload) != want || !n.Confirmable {
			t.Errorf("notification %s, confirmable %v", n.Payload, n.Confirmable)
		}
		if d := time.Since(begin); d != 10*time.Second {
			t.Errorf("notified after %v", d)
		}
		f.expectKept(begin, "")
		must(t, f.temp.SensorValue.SetAt(25, begin.Add(time.Hour)))
		f.notified(o, begin, "/3303/0/5700=25@3600")
	})
}

// A Read has the current value alone, unless the client is set to tell all.
func TestReadOfHistory(t *testing.T) {
	for readHistory, want := range map[bool]string{
		false: "/3303/0/5700=24 /3303/0/5701=Cel",
		true:  "/3303/0/5700=23@0 /3303/0/5700=24@1 /3303/0/5701=Cel",
	} {
		configure := func(config *lwm2m.Config, f *fixture) {
			keepTen(config, f)
			config.ReadHistory = readHistory
		}
		start(t, configure, func(f *fixture) {
			begin := time.Now()
			f.measure(23, 24)
			for range 2 { // as it stays
				r, err := f.peer.Read(f.ctx, path("/3303/0"), server.ReadOptions{Accept: server.SenMLCBOR})
				must(t, err)
				if got := timed(r.Nodes, begin); got != want {
					t.Errorf("read %s, want %s", got, want)
				}
				r, err = f.peer.ReadComposite(f.ctx, []lwm2m.Path{path("/3303")}, server.CompositeOptions{Format: server.SenMLJSON})
				must(t, err)
				if got := timed(r.Nodes, begin); got != want {
					t.Errorf("read %s, want %s", got, want)
				}
			}
			f.want(f.peer.Read(f.ctx, path("/3303/0/5700"), server.ReadOptions{Accept: server.Text}))(model.Content, "/3303/0/5700=24")
			f.want(f.peer.Read(f.ctx, path("/3303/0"), server.ReadOptions{Accept: server.TLV}))(model.Content, "/3303/0/5700=24 /3303/0/5701=Cel")
			o := f.observe("/3303/0", server.ObserveOptions{Accept: server.SenMLCBOR})
			if got := timed(o.Response.Nodes, begin); got != want {
				t.Errorf("observed %s, want %s", got, want)
			}
			// The first notification follows at once, to have it acknowledged.
			f.notified(o, begin, "/3303/0/5700=23@0 /3303/0/5700=24@1 /3303/0/5701=Cel")
			f.expectKept(begin, "")
		})
	}
}

// Formats without time carry the current value, and the history waits.
func TestHistoryNeedsAFormat(t *testing.T) {
	start(t, keepTen, func(f *fixture) {
		begin := time.Now()
		o := f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.Text})
		f.measure(23, 24)
		f.notified(o, begin, "/3303/0/5700=23")
		f.notified(o, begin, "/3303/0/5700=24")
		f.expectKept(begin, "23@0 24@1")
	})
}

// What the server has not acknowledged stays, and is told when it is back: once, as it comes out of the
// history, not of the notifications that were stored meanwhile.
func TestHistorySurvivesSilence(t *testing.T) {
	start(t, keepTen, func(f *fixture) {
		begin := time.Now()
		o := f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLCBOR})
		f.silence(true)
		f.measure(23, 24, 25)
		sleep(30 * time.Second)
		f.expectKept(begin, "23@0 24@1 25@2")
		f.silence(false)
		sleep(2 * time.Minute)
		f.expectKept(begin, "")
		got := map[string]bool{}
		for _, n := range pending(f, o) {
			for _, node := range n.Nodes {
				got[timed([]server.Node{node}, begin)] = true
			}
		}
		want := map[string]bool{"/3303/0/5700=23@0": true, "/3303/0/5700=24@1": true, "/3303/0/5700=25@2": true}
		if !maps.Equal(got, want) {
			t.Errorf("notified %v", got)
		}
	})
}

// A new registration voids the observation. The server that observes again gets what it missed.
func TestHistorySurvivesRegister(t *testing.T) {
	start(t, keepTen, func(f *fixture) {
		begin := time.Now()
		f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLCBOR})
		f.silence(true)
		f.measure(23, 24, 25)
		sleep(10 * time.Minute)
		f.silence(false)
		sleep(time.Hour)
		f.expectKept(begin, "23@0 24@1 25@2")
		f.peer = f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		o := f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLCBOR})
		f.notified(o, begin, "/3303/0/5700=23@0 /3303/0/5700=24@1 /3303/0/5700=25@2")
		f.expectKept(begin, "")
		sleep(time.Hour)
		if more := pending(f, o); len(more) != 0 {
			t.Errorf("%d more, the first is %s", len(more), timed(more[0].Nodes, begin))
		}
	})
}

// pending takes the notifications that have come.
func pending(f *fixture, o *server.Observation) (all []server.Notification) {
	f.Helper()
	for {
		ctx, cancel := context.WithTimeout(f.ctx, time.Nanosecond)
		n, err := o.Next(ctx)
		cancel()
		if err != nil {
			return all
		}
		all = append(all, n)
	}
}

// More than fits goes into several notifications, pmin apart.
func TestHistoryIsSplit(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		f.temp.SensorValue.KeepHistory(1000)
		config.Transmission.MaxReport = 256
	}
	start(t, configure, func(f *fixture) {
		begin := time.Now()
		f.want(f.peer.WriteAttributesQuery(f.ctx, path("/3303/0"), "pmin=60"))(model.Changed, "")
		o := f.observe("/3303/0", server.ObserveOptions{Accept: server.SenMLCBOR})
		for i := range 50 {
			f.measure(float64(i))
		}
		next := 0
		for k := 1; next < 50; k++ {
			n, err := o.Next(f.ctx)
			must(t, err)
			if d := time.Since(begin); d != time.Duration(k)*time.Minute || len(n.Payload) > 256 {
				t.Errorf("notification %d of %d bytes after %v", k, len(n.Payload), d)
			}
			if last := n.Nodes[len(n.Nodes)-1]; last.Value.Text() != "Cel" {
				t.Errorf("notification %d lacks the other Resource", k)
			}
			for _, node := range n.Nodes[:len(n.Nodes)-1] {
				if node.Value.Float() != float64(next) || node.Time.Sub(begin) != time.Duration(next)*time.Second {
					t.Errorf("sample %d is %v at %v", next, node.Value, node.Time.Sub(begin))
				}
				next++
			}
		}
		f.expectKept(begin, "")
		sleep(time.Hour)
		if more := pending(f, o); len(more) != 0 {
			t.Errorf("%d more notifications", len(more))
		}
	})
}

// A full history drops the oldest or the newest, counts that, and says so.
func TestHistoryDrops(t *testing.T) {
	for dropNewest, want := range map[bool]string{false: "25@2 26@3", true: "23@0 24@1"} {
		configure := func(config *lwm2m.Config, f *fixture) {
			f.temp.SensorValue.KeepHistoryAs(lwm2m.History[float64]{Samples: 2, DropNewest: dropNewest})
		}
		startSend(t, configure, func(f *sendTest) {
			begin := time.Now()
			f.measure(23, 24, 25, 26)
			f.expectKept(begin, want)
			if _, dropped := f.temp.SensorValue.History(); dropped != 2 {
				t.Errorf("%d dropped", dropped)
			}
			if got, want := f.history.last(), "HISTORY_DROPPED /3303/0/5700: lwm2m: the history is full with 2 samples"; !strings.HasPrefix(got, want) {
				t.Errorf("event %s, want %s", got, want)
			}
			must(t, f.client.Send(f.ctx, path("/3303/0/5700")))
			synctest.Wait()
			if got, want := f.history.last(), "HISTORY_DROPPED /3303/0/5700: lwm2m: 2 samples were dropped, 2 so far"; got != want {
				t.Errorf("event %s, want %s", got, want)
			}
			if got := strings.Count(f.history.kinds(), "HISTORY_DROPPED"); got != 2 {
				t.Errorf("%d events", got)
			}
		})
	}
}

// Admit decides what joins the history; the value is set all the same.
func TestHistoryAdmits(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		last := 0.0
		f.temp.SensorValue.KeepHistoryAs(lwm2m.History[float64]{Samples: 10, Admit: func(v float64, _ time.Time) bool {
			_, _ = f.temp.SensorValue.Get() // callbacks may use the client
			if v-last < 1 {
				return false
			}
			last = v
			return true
		}})
	}
	start(t, configure, func(f *fixture) {
		begin := time.Now()
		f.measure(20, 20.5, 21, 21.5)
		f.expectKept(begin, "20@0 21@2")
		if v, _ := f.temp.SensorValue.Get(); v != 21.5 {
			t.Errorf("value %v", v)
		}
	})
}

// The last word is always told, also if it is none of the samples.
func TestHistoryBeforeCurrentValue(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		withTestObject(config, f)
		config.Objects[len(config.Objects)-1].Base().KeepHistory(130, 9)
	}
	startSend(t, configure, func(f *sendTest) {
		begin := time.Now()
		values := f.client.Instances(testObject)[0]
		send := func(want string) {
			t.Helper()
			must(t, f.client.Send(f.ctx, path("/3442/0/130")))
			f.expectSent(begin, want)
		}
		must(t, values.Set(130, model.FloatValue(1)))
		send("/3442/0/130=1@0")
		must(t, values.Set(130, model.FloatValue(2)))
		f.want(f.peer.Write(f.ctx, path("/3442/0/130"), model.FloatValue(3), server.WriteOptions{}))(model.Changed, "")
		send("/3442/0/130=2@0 /3442/0/130=3")
		late := lwm2m.Change{Path: path("/3442/0/130"), Value: model.FloatValue(0), Time: begin.Add(-time.Minute)}
		must(t, f.client.Apply(late, lwm2m.Change{Path: late.Path, Value: model.FloatValue(4)}))
		must(t, f.client.Apply(late))
		send("/3442/0/130=0@-60 /3442/0/130=4@0 /3442/0/130=0@-60")
		must(t, f.client.Apply(late))
		send("/3442/0/130=0@-60 /3442/0/130=4")
	})
}

// Values that several goroutines set while others send arrive, each once.
func TestHistoryOfManyGoroutines(t *testing.T) {
	const setters, each = 8, 100
	configure := func(config *lwm2m.Config, f *fixture) { f.temp.SensorValue.KeepHistory(setters * each) }
	startSend(t, configure, func(f *sendTest) {
		var all sync.WaitGroup
		for i := range setters {
			all.Go(func() {
				for k := range each {
					err := f.temp.SensorValue.Set(float64(i*each + k))
					if err == nil && k%25 == 24 {
						err = f.client.Send(f.ctx, path("/3303/0/5700"))
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		seen := map[float64]int{}
		for len(seen) < setters*each {
			for _, n := range f.sent().Nodes {
				if !n.Time.IsZero() {
					seen[n.Value.Float()]++
				}
			}
		}
		for v, times := range seen {
			if times != 1 {
				t.Errorf("%v arrived %d times", v, times)
			}
		}
	})
}

// A value that is late joins the history but is not the current one.
func TestSetAt(t *testing.T) {
	start(t, keepTen, func(f *fixture) {
		begin := time.Now()
		must(t, f.temp.SensorValue.SetAt(24, begin.Add(2*time.Second)))
		must(t, f.temp.SensorValue.SetAt(23, begin.Add(time.Second)))
		f.expectKept(begin, "24@2 23@1")
		must(t, f.client.Apply(lwm2m.Change{Path: path("/3303/0/5700"), Value: model.FloatValue(22), Time: begin.Add(-time.Second)}))
		f.expectKept(begin, "24@2 23@1 22@-1")
		if v, _ := f.temp.SensorValue.Get(); v != 24 {
			t.Errorf("value %v", v)
		}
		f.refused("SetAt", f.client.Apply(lwm2m.Change{Path: path("/3303/0/5700"), Value: model.StringValue("x")}), lwm2m.BadRequest,
			"4.00 Bad Request: /3303/0/5700: wrong data type: Sensor Value (5700) is Float, not String")
		must(t, f.temp.SensorValue.SetAt(25, time.Unix(5, 0))) // the clock was not set
		f.expectKept(begin, "24@2 23@1 22@-1")
		if got := f.history.last(); !strings.HasPrefix(got, "HISTORY_DROPPED /3303/0/5700: lwm2m: a sample of /3303/0/5700 is not kept") {
			t.Errorf("event %s", got)
		}
		f.temp.SensorValue.KeepHistory(0)
		f.expectKept(begin, "")
		must(t, f.temp.SensorValue.SetAt(21, begin))
		if v, _ := f.temp.SensorValue.Get(); v != 21 {
			t.Errorf("value %v", v)
		}
	})
}

// Apply gives all values one point in time; what servers write is not kept.
func TestHistoryOfApply(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		withTestObject(config, f)
		keepTen(config, f)
	}
	start(t, configure, func(f *fixture) {
		values := f.client.Instances(testObject)[0]
		for _, resource := range []uint16{110, 130, 1150} {
			must(t, values.KeepHistory(resource, 5))
		}
		f.refused("KeepHistory", values.KeepHistory(2, 5), lwm2m.MethodNotAllowed, "4.05 Method Not Allowed: /3442/0/2: executable, has no value")
		f.refused("KeepHistory", values.KeepHistory(9999, 5), lwm2m.NotFound, "4.04 Not Found: /3442/0/9999: no such Resource")
		begin := time.Now()
		must(t, f.client.Apply(
			f.temp.SensorValue.To(30),
			lwm2m.Change{Path: path("/3442/0/110"), Value: model.StringValue("a")},
			lwm2m.Change{Path: path("/3442/0/1150/7"), Value: model.OpaqueValue([]byte{7})},
		))
		sleep(time.Second)
		must(t, values.SetItem(1150, 3, model.OpaqueValue([]byte{3})))
		f.want(f.peer.Write(f.ctx, path("/3442/0/110"), model.StringValue("b"), server.WriteOptions{}))(model.Changed, "")
		for p, want := range map[string]string{"/3442/0/110": "a@0", "/3442/0/1150/7": "07@0", "/3442/0/1150/3": "03@1", "/3442/0/1150": "", "/3442/0": ""} {
			kept, _ := values.History(path(p))
			if got := samplesOf(kept, begin); got != want {
				t.Errorf("%s keeps %q, want %q", p, got, want)
			}
		}
		r, err := f.peer.ObserveComposite(f.ctx, []lwm2m.Path{path("/3442/0/110"), path("/3442/0/1150"), path("/3303/0/5700")}, server.CompositeOptions{Format: server.SenMLJSON}, server.ObserveOptions{})
		must(t, err)
		f.notified(r, begin, "/3303/0/5700=30@0 /3442/0/110=a@0 /3442/0/110=b /3442/0/1150/0=0102030405 /3442/0/1150/3=03@1 /3442/0/1150/7=07@0")
	})
}

// Typed handles of Multiple-Instance Resources keep a history for each instance.
func TestHistoryOfMultiResource(t *testing.T) {
	d := oma.NewDevice()
	d.PowerSourceVoltage.KeepHistoryAs(lwm2m.History[int64]{Samples: 2, Admit: func(v int64, _ time.Time) bool { return v > 0 }})
	begin := time.Unix(1700000000, 0)
	must(t, d.PowerSourceVoltage.SetAt(0, 3300, begin))
	must(t, d.PowerSourceVoltage.SetAt(1, 5000, begin.Add(time.Second)))
	must(t, d.PowerSourceVoltage.SetAt(1, 0, begin.Add(2*time.Second)))
	for item, want := range []string{"3300@0", "5000@1"} {
		if kept, _ := d.PowerSourceVoltage.History(uint16(item)); samplesOf(kept, begin) != want {
			t.Errorf("kept of %d: %s, want %s", item, samplesOf(kept, begin), want)
		}
	}
	must(t, d.PowerSourceVoltage.SetAll(map[uint16]int64{0: 1, 1: 2, 2: 3}))
	for item, want := range []int{2, 2, 1} {
		if kept, _ := d.PowerSourceVoltage.History(uint16(item)); len(kept) != want {
			t.Errorf("%d kept of %d, want %d", len(kept), item, want)
		}
	}
	d.PowerSourceVoltage.KeepHistory(1)
	if kept, dropped := d.PowerSourceVoltage.History(1); len(kept) != 1 || dropped != 1 {
		t.Errorf("%d kept, %d dropped", len(kept), dropped)
	}
}

// Send carries the history, as much as there is, and what it could not deliver stays.
func TestSendOfHistory(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		f.temp.SensorValue.KeepHistory(1000)
		config.Transmission.MaxReport = 512
	}
	startSend(t, configure, func(f *sendTest) {
		begin := time.Now()
		for i := range 300 {
			must(t, f.temp.SensorValue.SetAt(float64(i), begin.Add(time.Duration(i)*time.Millisecond)))
		}
		f.silence(true)
		if err := f.client.Send(f.ctx, path("/3303/0/5700")); err == nil {
			t.Error("sent into silence")
		}
		f.silence(false)
		if kept, _ := f.temp.SensorValue.History(); len(kept) != 300 {
			t.Errorf("%d kept", len(kept))
		}
		f.server.WaitRegistered("thermo-1")
		sleep(3 * time.Minute)
		must(t, f.client.Send(f.ctx, path("/3303/0/5700"), path("/3303/0/5701")))
		var got []server.Node
		for len(got) < 301 {
			data := f.sent()
			if len(data.Payload) > 512 {
				t.Errorf("%d bytes", len(data.Payload))
			}
			got = append(got, data.Nodes...)
		}
		units := slices.IndexFunc(got, func(n server.Node) bool { return n.Value.Kind() == model.String })
		got = slices.Delete(got, units, units+1)
		for i, n := range got {
			if n.Value.Float() != float64(i) || n.Time.Sub(begin).Round(time.Microsecond) != time.Duration(i)*time.Millisecond {
				t.Errorf("sample %d is %v at %v", i, n.Value, n.Time.Sub(begin))
			}
		}
		f.nothingSent()
		f.expectKept(begin, "")
		must(t, f.client.Send(f.ctx, path("/3303/0/5700"))) // an empty history: the current value
		f.expectSent(begin, "/3303/0/5700=299")
	})
}

// Setting a value that is kept makes no garbage once the history is full.
func TestAllocationsOfHistory(t *testing.T) {
	temp := ipso.NewTemperature(0)
	temp.SensorValue.KeepHistory(100)
	at, v := time.Unix(1700000000, 0), 0.0
	set := func() {
		v++
		at = at.Add(time.Second)
		_ = temp.SensorValue.SetAt(v, at)
	}
	for range 100 {
		set()
	}
	if allocs := testing.AllocsPerRun(1000, set); allocs != 0 {
		t.Errorf("SetAt: %v allocations", allocs)
	}
	if allocs := testing.AllocsPerRun(1000, func() { v++; _ = temp.SensorValue.Set(v) }); allocs != 0 {
		t.Errorf("Set: %v allocations", allocs)
	}
	bare := ipso.NewTemperature(0)
	must(t, bare.SensorValue.Set(1))
	if allocs := testing.AllocsPerRun(1000, func() { v++; _ = bare.SensorValue.Set(v) }); allocs != 0 {
		t.Errorf("Set without history: %v allocations", allocs)
	}
}

func BenchmarkSetWithHistory(b *testing.B) {
	temp := ipso.NewTemperature(0)
	temp.SensorValue.KeepHistory(1000)
	b.ReportAllocs()
	v := 0.0
	for b.Loop() {
		v++
		_ = temp.SensorValue.Set(v)
	}
}

// BenchmarkEncodeHistory encodes 1,000 samples as a Send does.
func BenchmarkEncodeHistory(b *testing.B) {
	p := lwm2m.PathOf(3303, 0, 5700)
	nodes := make([]format.Node, 1000)
	for i := range nodes {
		nodes[i] = format.Node{Path: p, Value: model.FloatValue(20 + float64(i%50)/10), Time: time.Unix(1700000000+int64(i)*10, 0)}
	}
	var payload []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if payload, err = format.Append(payload[:0], format.SenMLCBOR, p, nodes); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(payload)))
	b.ReportMetric(float64(len(payload))/float64(len(nodes)), "B/sample")
}
