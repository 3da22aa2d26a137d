package interop

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
)

var sensorValue = lwm2m.PathOf(3303, 0, 5700)

// sent waits for a Send and returns its values as "path=value", with "@seconds" since begin if Leshan shows a
// time, sorted by time.
func (d *device) sent(begin time.Time) string {
	d.Helper()
	return samples(d.event(leshan.Sent).Notification, begin)
}

func samples(n *leshan.Notification, begin time.Time) string {
	var all []string
	add := func(path string, node *leshan.Node, at time.Time) {
		s := fmt.Sprintf("%s=%v", path, node.Value)
		if !at.IsZero() {
			s += fmt.Sprintf("@%v", at.Sub(begin).Seconds())
		}
		all = append(all, s)
	}
	for _, s := range n.Samples {
		for path, node := range s.Composite {
			add(path, node, s.Time)
		}
		if s.Content != nil {
			add(n.Path, s.Content, s.Time)
		}
	}
	if len(n.Samples) == 0 {
		for path, node := range n.Composite {
			add(path, node, time.Time{})
		}
		if n.Content != nil {
			add(n.Path, n.Content, time.Time{})
		}
	}
	return strings.Join(all, " ")
}

// wholeSecond is a time that each peer can tell exactly.
func wholeSecond() time.Time { return time.Now().Truncate(time.Second) }

// series is values a second apart.
func series(begin time.Time, values ...float64) (all []lwm2m.Sample) {
	for i, v := range values {
		all = append(all, lwm2m.Sample{Path: sensorValue, Time: begin.Add(time.Duration(i) * time.Second), Value: model.FloatValue(v)})
	}
	return all
}

// ETS 306: Send, of a value as it is.
func TestETS306Send(t *testing.T) {
	t.Parallel()
	for _, json := range []bool{false, true} {
		t.Run(fmt.Sprintf("json=%v", json), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			must(t, d.client.SendReport(d.ctx, lwm2m.Report{Paths: []lwm2m.Path{sensorValue}, JSON: json}))
			if got := d.sent(time.Time{}); got != "/3303/0/5700=22.5" {
				t.Errorf("sent %s", got)
			}
			must(t, d.client.SendReport(d.ctx, lwm2m.Report{Paths: []lwm2m.Path{lwm2m.PathOf(3), lwm2m.PathOf(3303, 0)}, JSON: json}))
			n := d.event(leshan.Sent).Notification
			if got := len(n.Composite); got < 6 || n.Composite["/3/0/0"].Value != "Open Mobile Alliance" || n.Composite["/3303/0/5700"].Value != 22.5 {
				t.Errorf("%d values: %s", got, show(n.Composite))
			}
		})
	}
}

// ETS 307: the server mutes Send, and unmutes it.
func TestETS307MutingSend(t *testing.T) {
	t.Parallel()
	d := connect(t)
	mute := func(v bool) {
		d.write("2.04", "/1/0/23", leshan.Replace, leshan.TEXT, leshan.Single(23, leshan.Boolean, v))
	}
	mute(true)
	if err := d.client.Send(d.ctx, sensorValue); !errors.Is(err, lwm2m.ErrMuted) {
		t.Errorf("muted: %v", err)
	}
	mute(false)
	must(t, d.temp.SensorValue.Set(23))
	must(t, d.client.Send(d.ctx, sensorValue))
	if got := d.sent(time.Time{}); got != "/3303/0/5700=23" {
		t.Errorf("sent %s", got)
	}
}

// ETS 311: Send of several values at the user's command, here of different points in time.
func TestETS311SendCommand(t *testing.T) {
	t.Parallel()
	for _, json := range []bool{false, true} {
		t.Run(fmt.Sprintf("json=%v", json), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			begin := wholeSecond()
			samples := append(series(begin, 20, 21, 22), lwm2m.Sample{Path: lwm2m.PathOf(3, 0, 13), Time: begin.Add(time.Minute), Value: model.TimeValue(begin)})
			must(t, d.client.SendReport(d.ctx, lwm2m.Report{Samples: samples, JSON: json}))
			got := d.sent(begin)
			if want := "/3303/0/5700=20@0 /3303/0/5700=21@1 /3303/0/5700=22@2 /3/0/13="; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "@60") {
				t.Errorf("sent %s, want %s…@60", got, want)
			}
		})
	}
}

// Values of now beside those with a time.
func TestSendMixed(t *testing.T) {
	t.Parallel()
	d := connect(t)
	begin := wholeSecond()
	must(t, d.client.SendReport(d.ctx, lwm2m.Report{Paths: []lwm2m.Path{lwm2m.PathOf(3, 0, 0)}, Samples: series(begin, 20, 21)}))
	got := d.sent(begin)
	for _, want := range []string{"/3/0/0=Open Mobile Alliance", "/3303/0/5700=20@0", "/3303/0/5700=21@1"} {
		if !strings.Contains(got, want) {
			t.Errorf("sent %s, without %s", got, want)
		}
	}
}

// Leshan refuses an instance that is not registered, but the client does so before it, and tells Leshan first of
// one that was just added.
func TestSendOfNewInstance(t *testing.T) {
	t.Parallel()
	d := connect(t)
	second := lwm2m.PathOf(3303, 1, 5700)
	if err := d.client.Send(d.ctx, second); !errors.Is(err, lwm2m.NotFound) {
		t.Errorf("without the instance: %v", err)
	}
	temp := ipso.NewTemperature(1)
	must(t, temp.SensorValue.Set(7))
	must(t, d.client.Add(temp))
	must(t, d.client.Send(d.ctx, second))
	d.event(leshan.Updated)
	if got := d.sent(time.Time{}); got != "/3303/1/5700=7" {
		t.Errorf("sent %s", got)
	}
}

// A history that takes several messages of several blocks each.
func TestSendOfHistory(t *testing.T) {
	t.Parallel()
	const count, limit = 500, 3000
	d := connect(t, func(d *device) {
		d.temp.SensorValue.KeepHistory(count)
		d.config.Transmission.MaxReport = limit
	})
	begin := wholeSecond()
	for i := range count {
		must(t, d.temp.SensorValue.SetAt(float64(i), begin.Add(time.Duration(i)*time.Second)))
	}
	must(t, d.client.Send(d.ctx, sensorValue))
	next, messages := 0, 0
	for ; next < count; messages++ {
		for _, s := range d.event(leshan.Sent).Notification.Samples {
			if got := s.Composite[sensorValue.String()]; got == nil || got.Value != float64(next) || s.Time.Sub(begin) != time.Duration(next)*time.Second {
				t.Fatalf("sample %d is %s at %v", next, show(got), s.Time.Sub(begin))
			}
			next++
		}
	}
	if messages < 2 {
		t.Errorf("%d messages", messages)
	}
	if kept, dropped := d.temp.SensorValue.History(); len(kept) != 0 || dropped != 0 {
		t.Errorf("%d kept, %d dropped", len(kept), dropped)
	}
}

// acknowledged waits for the end of a confirmable notification.
func (d *device) acknowledged() {
	d.Helper()
	d.history.wait(d.ctx, d, lwm2m.NotifyAcknowledged)
}
