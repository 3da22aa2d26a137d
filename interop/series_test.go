package interop

import (
	"slices"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// timed are the formats that carry the times of samples.
var timed = []leshan.Format{leshan.SenMLJSON, leshan.SenMLCBOR, leshan.JSON}

// began is when the first sample of the tests was taken, and moment when the one with number i was.
var began = time.UnixMilli(1_700_000_000_250).UTC()

func moment(i int) time.Time { return began.Add(time.Duration(i) * 1500 * time.Millisecond) }

// sampled sets the sensor to 0, 1, 2 and so on, each at its moment.
func (d *device) sampled(count int) {
	d.Helper()
	for i := range count {
		must(d, d.temp.SensorValue.SetAt(float64(i), moment(i)))
	}
}

// wantSamples checks that samples are those with the numbers from first up to last, of which node
// makes what Leshan has of them.
func wantSamples(t testing.TB, got []leshan.Sample, first, last int, content func(s leshan.Sample) float64) {
	t.Helper()
	if len(got) != last-first+1 {
		t.Fatalf("%d samples, want %d: %v", len(got), last-first+1, got)
	}
	for i, sample := range got {
		if v := content(sample); v != float64(first+i) || !sample.Time.Equal(moment(first+i)) {
			t.Errorf("sample %d is %v at %v, want %d at %v", i, v, sample.Time, first+i, moment(first+i))
		}
	}
}

// valueAt gives the sensor's value in a sample of a single path.
func valueAt(ids ...int) func(leshan.Sample) float64 {
	return func(s leshan.Sample) float64 {
		if node := s.Content.At(ids...); node != nil {
			if v, ok := node.Value.(float64); ok {
				return v
			}
		}
		return -1
	}
}

// Leshan takes all samples of a history in one notification, at each level and in each format that has
// times, and what it has acknowledged is let go of.
func TestHistoryInNotify(t *testing.T) {
	t.Parallel()
	for _, level := range []struct {
		path  string
		value func(leshan.Sample) float64
	}{
		{"/3303/0/5700", valueAt()},
		{"/3303/0", valueAt(5700)},
		{"/3303", valueAt(0, 5700)},
	} {
		for _, format := range timed {
			t.Run(level.path[1:]+"/"+string(format), func(t *testing.T) {
				t.Parallel()
				d := connect(t)
				d.temp.SensorValue.KeepHistory(10)
				d.writeAttributes("2.04", level.path, "pmin=1")
				o, first := d.follow(level.path, format)
				if v := level.value(leshan.Sample{Content: first.Content}); v != 22.5 {
					t.Errorf("first value %v", v)
				}
				d.sampled(5)
				n := d.event(leshan.Notified).Notification
				wantSamples(t, n.Samples, 0, 4, level.value)
				if m := d.message("notification", o.carries); m.Type != "CON" || m.Time.Sub(o.last) < time.Second-early {
					t.Errorf("notification is %s, after %v", m.Type, m.Time.Sub(o.last))
				}
				d.acknowledged()
				if kept, dropped := d.temp.SensorValue.History(); len(kept)+int(dropped) > 0 {
					t.Errorf("history has %v, %d dropped", kept, dropped)
				}
				must(t, d.temp.SensorValue.SetAt(5, moment(5)))
				wantSamples(t, d.event(leshan.Notified).Notification.Samples, 5, 5, level.value)
			})
		}
	}
}

// A format without times has the newest value, and the history waits for somebody else.
func TestHistoryInText(t *testing.T) {
	t.Parallel()
	d := connect(t)
	d.temp.SensorValue.KeepHistory(3)
	d.writeAttributes("2.04", "/3303/0/5700", "pmin=1")
	o, _ := d.follow("/3303/0/5700", leshan.TEXT)
	d.sampled(5)
	if m, _ := o.next(temperature(4)); m.Type != "NON" {
		t.Errorf("notification is %s", m.Type)
	}
	if kept, dropped := d.temp.SensorValue.History(); len(kept) != 3 || dropped != 2 {
		t.Errorf("history has %v, %d dropped", kept, dropped)
	}
	if e := d.history.wait(d.ctx, t, lwm2m.HistoryDropped); e.Path != d.temp.SensorValue.Path() {
		t.Errorf("event %v", e)
	}
}

// A history and a value without one in a composite observation.
func TestHistoryInComposite(t *testing.T) {
	t.Parallel()
	for _, format := range compositeFormats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			d.temp.SensorValue.KeepHistory(10)
			d.writeAttributes("2.04", "/3303/0/5700", "pmin=1")
			d.followComposite(format, "/3303/0/5700", "/3/0/0")
			d.sampled(4)
			wantTogether(t, d.event(leshan.Notified).Notification.Samples, 0, 3)
		})
	}
}

// wantTogether checks the samples of /3303/0/5700 together with the manufacturer, which has no time.
func wantTogether(t *testing.T, samples []leshan.Sample, first, last int) {
	t.Helper()
	untimed := 0
	samples = slices.DeleteFunc(slices.Clone(samples), func(s leshan.Sample) bool {
		node := s.Composite["/3/0/0"]
		if node == nil {
			return false
		}
		untimed++
		same(t, "manufacturer", node, leshan.Single(0, leshan.String, "Open Mobile Alliance"))
		return s.Composite["/3303/0/5700"] == nil
	})
	if untimed != 1 {
		t.Errorf("the manufacturer came %d times", untimed)
	}
	wantSamples(t, samples, first, last, compositeValue)
}

func compositeValue(s leshan.Sample) float64 {
	if node := s.Composite["/3303/0/5700"]; node != nil {
		return node.Value.(float64)
	}
	return -1
}

// More samples than a message may have come in several, each in blocks.
func TestHistoryInSeveralNotifications(t *testing.T) {
	t.Parallel()
	const count, limit = 500, 2000
	d := connect(t, func(d *device) { d.config.Transmission.MaxReport = limit })
	d.temp.SensorValue.KeepHistory(count)
	d.writeAttributes("2.04", "/3303/0/5700", "pmin=1")
	d.follow("/3303/0/5700", leshan.SenMLCBOR)
	d.sampled(count)
	var samples []leshan.Sample
	messages := 0
	for ; len(samples) < count; messages++ {
		samples = append(samples, d.event(leshan.Notified).Notification.Samples...)
	}
	wantSamples(t, samples, 0, count-1, valueAt())
	if messages < 2 {
		t.Errorf("%d messages", messages)
	}
	d.inBlocks("Block2")
}

// A history that an observation has told is not sent again, and the other way round.
func TestHistoryByNotifyAndSend(t *testing.T) {
	t.Parallel()
	d := connect(t)
	d.temp.SensorValue.KeepHistory(10)
	d.sampled(2)
	must(t, d.client.Send(d.ctx, d.temp.SensorValue.Path()))
	wantSamples(t, d.event(leshan.Sent).Notification.Samples, 0, 1, compositeValue)
	d.follow("/3303/0/5700", leshan.SenMLCBOR)
	must(t, d.temp.SensorValue.SetAt(2, moment(2)))
	wantSamples(t, d.event(leshan.Notified).Notification.Samples, 2, 2, valueAt())
	d.acknowledged()
	must(t, d.temp.SensorValue.SetAt(3, moment(3)))
	wantSamples(t, d.event(leshan.Notified).Notification.Samples, 3, 3, valueAt())
}

// A Read gives the current value of what has a history, as Leshan refuses several points in time.
func TestReadOfHistory(t *testing.T) {
	t.Parallel()
	d := connect(t)
	d.temp.SensorValue.KeepHistory(10)
	d.sampled(3)
	for _, format := range single {
		d.reads("/3303/0/5700", format, temperature(2))
	}
	if kept, _ := d.temp.SensorValue.History(); len(kept) != 3 {
		t.Errorf("history has %v", kept)
	}
}
