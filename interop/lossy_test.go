package interop

import (
	"slices"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// bad is a link that loses a quarter of the datagrams each way, repeats some and mixes them up.
var bad = faults{loss: 0.25, repeat: 0.25, delay: 10 * time.Millisecond}

// period is the time between two values.
const period = 20 * time.Millisecond

// raise sets the sensor to 1, 2, 3 and so on up to last.
func (d *device) raise(last float64) {
	d.Helper()
	pace := time.NewTicker(period)
	defer pace.Stop()
	for v := 1.0; v <= last; v++ {
		<-pace.C
		must(d, d.temp.SensorValue.Set(v))
	}
}

// survived checks that an observation is still there on both sides.
func (o *observation) survived() {
	o.Helper()
	if _, ended, _ := o.history.take(lwm2m.ObservationEnded); ended {
		o.Error("the client has ended the observation")
	}
	if o.path != "" {
		o.want("2.05")(o.leshan.CancelObserve(o.ctx, o.ep, o.path))
	} else {
		o.want("2.05")(o.leshan.CancelObserveComposite(o.ctx, o.ep, o.paths))
	}
	o.history.wait(o.ctx, o.T, lwm2m.ObservationEnded)
}

// Notifications that are not confirmable get lost, but none is heard twice, and by pmax the last
// value arrives. Leshan passes them on as they come, so the link may have mixed them up.
func TestLossyLink(t *testing.T) {
	t.Parallel()
	network := newFaulty(2)
	d := connect(t, network.through)
	d.writeAttributes("2.04", "/3303/0/5700", "pmax=1")
	o, _ := d.follow("/3303/0/5700", leshan.SenMLCBOR)
	network.set(bad)
	const last = 100.0
	d.raise(last)
	var got []float64
	for len(got) == 0 || got[len(got)-1] != last {
		got = append(got, d.event(leshan.Notified).Notification.Content.Value.(float64))
	}
	t.Logf("%d notifications of %v values", len(got), last)
	if slices.Sort(got); len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("notifications heard twice: %v", got)
	}
	if len(got) < int(last)/4 {
		t.Errorf("%d notifications", len(got))
	}
	network.set(faults{})
	o.survived()
}

// The samples of a history all arrive, in order and with their times, however bad the link is.
func TestLossyLinkHistory(t *testing.T) {
	t.Parallel()
	network := newFaulty(3)
	d := connect(t, network.through)
	const last = 100
	d.temp.SensorValue.KeepHistory(last)
	o, _ := d.follow("/3303/0/5700", leshan.SenMLCBOR)
	network.set(bad)
	start := time.UnixMilli(1_700_000_000_000).UTC()
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }
	pace := time.NewTicker(period)
	defer pace.Stop()
	for i := range last {
		<-pace.C
		must(t, d.temp.SensorValue.SetAt(float64(i), at(i)))
	}
	for next := 0; next < last; {
		for _, sample := range d.event(leshan.Notified).Notification.Samples {
			i := int(sample.Content.Value.(float64))
			if !sample.Time.Equal(at(i)) {
				t.Errorf("sample %d has the timestamp %v, want %v", i, sample.Time, at(i))
			}
			if i > next {
				t.Errorf("sample %d comes after %d", i, next-1)
			}
			next = max(next, i+1) // what Leshan's lost acknowledgement left in doubt may come twice
		}
	}
	network.set(faults{})
	network.wasFaulty(t)
	o.survived()
	if _, dropped := d.temp.SensorValue.History(); dropped > 0 {
		t.Errorf("%d samples were dropped", dropped)
	}
}

// Confirmable notifications of several paths: the last values arrive.
func TestLossyLinkComposite(t *testing.T) {
	t.Parallel()
	network := newFaulty(4)
	d := connect(t, network.through, confirming(true))
	o, _ := d.followComposite(leshan.SenMLJSON, "/3303/0/5700", "/1/0/1")
	network.set(bad)
	const last = 100.0
	d.raise(last)
	for before := 0.0; before < last; {
		values := d.event(leshan.Notified).Notification.Composite
		now := values["/3303/0/5700"].Value.(float64)
		same(t, "values", values, lifetimeAnd(86400, "/3303/0/5700", temperature(now)))
		if now < before {
			t.Errorf("%v comes after %v", now, before)
		}
		before = now
	}
	network.set(faults{})
	network.wasFaulty(t)
	o.survived()
}

// Register, Update and De-register get through too.
func TestLossyLinkRegistration(t *testing.T) {
	t.Parallel()
	network := newFaulty(5)
	network.set(bad)
	d := connect(t, network.through)
	must(t, d.client.Update(d.ctx))
	if r := d.event(leshan.Updated).Registration; r.ID != d.registered.ID {
		t.Errorf("registration %s, before %s", r.ID, d.registered.ID)
	}
	d.stop()
	if r := d.event(leshan.Deregistered).Registration; r.ID != d.registered.ID {
		t.Errorf("registration %s, before %s", r.ID, d.registered.ID)
	}
}
