package interop

import (
	"slices"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/model"
)

// confirming has all notifications of the client confirmable, by Resource 1/x/26 of the Server
// Object of LwM2M 1.2, and stored while the server is out of reach if stored is true.
func confirming(stored bool) func(*device) {
	return func(d *device) {
		definition, ok := model.Core(model.Version12).Latest(1)
		if !ok {
			d.Fatal("no definition of the Server Object")
		}
		server := lwm2m.NewInstance(definition, 0)
		must(d, server.Set(0, model.IntegerValue(1)))
		must(d, server.Set(6, model.BooleanValue(stored)))
		must(d, server.Set(26, model.IntegerValue(1)))
		d.config.Objects = append(d.config.Objects, server)
	}
}

// Leshan takes notifications of both kinds, and acknowledges those that ask for it.
func TestConfirmableNotifications(t *testing.T) {
	t.Parallel()
	for kind, change := range map[string]func(*device){"CON": confirming(true), "NON": func(*device) {}} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := connect(t, change)
			o, _ := d.follow("/3303/0/5700", leshan.SenMLCBOR)
			composite, _ := d.followComposite(leshan.SenMLJSON, "/3303/0/5700", "/3/0/15")
			for _, v := range []float64{30, 31, 32} {
				must(t, d.temp.SensorValue.Set(v))
				one, _ := o.next(temperature(v))
				several, _ := composite.next(map[string]*leshan.Node{"/3303/0/5700": temperature(v), "/3/0/15": nil})
				for _, m := range []*leshan.Message{one, several} {
					if m.Type != kind {
						t.Errorf("notification is %s", m.Type)
					}
					if kind == "CON" {
						d.message("acknowledgement", func(ack *leshan.Message) bool { return ack.Type == "ACK" && ack.ID == m.ID && !ack.Incoming })
						d.history.wait(d.ctx, t, lwm2m.NotifyAcknowledged)
					}
				}
			}
		})
	}
}

// away has Leshan out of reach of a device that observes, sets the sensor to 30, and returns when the
// client has noticed; times are when the values, of which the first is 22.5, came to be.
type away struct {
	*device
	link  *faulty
	times map[float64]time.Time
}

func goAway(t *testing.T, format leshan.Format, stored bool) *away {
	t.Helper()
	network := newFaulty(1)
	d := connect(t, confirming(stored), network.through, func(d *device) {
		d.config.Transmission.AckTimeout = 200 * time.Millisecond
		d.config.Transmission.MaxRetransmit = 2
	})
	d.observe("2.05", "/3303/0/5700", format)
	a := &away{device: d, link: network, times: map[float64]time.Time{}}
	network.set(cut)
	a.setTo(30)
	d.history.wait(d.ctx, t, lwm2m.NotifyTimeout)
	d.history.wait(d.ctx, t, lwm2m.Updating) // finds out whether Leshan is there
	return a
}

func (a *away) setTo(v float64) {
	a.Helper()
	a.times[v] = time.Now()
	must(a, a.temp.SensorValue.Set(v))
}

// missed sets values while Leshan is out of reach, and returns when the client has stored them.
func (a *away) missed(values ...float64) {
	a.Helper()
	for _, v := range values {
		a.setTo(v)
		a.stored(v)
	}
}

// stored waits until the client has stored a value: it is the last one that it means to tell.
func (a *away) stored(v float64) {
	a.Helper()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for {
		all := a.client.Explain(a.temp.SensorValue.Path())
		if len(all) == 1 && all[0].LastSent.After(a.times[v]) {
			return
		}
		select {
		case <-poll.C:
		case <-a.ctx.Done():
			a.Fatalf("%v is not stored: %v", v, all)
		}
	}
}

// replayed waits for notifications with timestamps until a value has come, and checks all against
// the times of the values.
func (a *away) replayed(values ...float64) {
	a.Helper()
	var got []float64
	for len(got) < len(values) {
		n := a.event(leshan.Notified).Notification
		for _, sample := range n.Samples {
			v, ok := sample.Content.Value.(float64)
			if !ok {
				a.Fatalf("sample %s", show(sample.Content))
			}
			got = append(got, v)
			if age := sample.Time.Sub(a.times[v]); age < -10*time.Millisecond || age > 500*time.Millisecond {
				a.Errorf("value %v has the timestamp %v, %v after it was set", v, sample.Time, age)
			}
		}
	}
	if !slices.Equal(got, values) {
		a.Errorf("notified of %v, want %v", got, values)
	}
}

// What Leshan missed arrives with its timestamps when it is back.
func TestOfflineReplay(t *testing.T) {
	t.Parallel()
	for _, format := range []leshan.Format{leshan.SenMLCBOR, leshan.SenMLJSON, leshan.JSON} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			a := goAway(t, format, true)
			a.missed(31, 32, 33)
			a.link.set(faults{})
			a.history.wait(a.ctx, t, lwm2m.Updated)
			a.replayed(30, 31, 32, 33)
			a.setTo(34)
			n := a.event(leshan.Notified).Notification
			same(t, "notification", n.Content, temperature(34))
			if e, told := a.lost(); told {
				t.Errorf("event %v", e)
			}
		})
	}
}

// Plain text has no timestamps: the newest value arrives, and the loss of the others is told.
func TestOfflineWithoutTimestamps(t *testing.T) {
	t.Parallel()
	a := goAway(t, leshan.TEXT, true)
	a.missed(31, 32, 33)
	a.link.set(faults{})
	a.notified("/3303/0/5700", temperature(33))
	if e := a.history.wait(a.ctx, t, lwm2m.NotificationsDropped); e.Count != 3 {
		t.Errorf("event %v of %d notifications, want 3", e, e.Count)
	}
	a.setTo(34)
	a.notified("/3303/0/5700", temperature(34))
}

// A server that does not want notifications stored gets the newest value.
func TestOfflineNotStored(t *testing.T) {
	t.Parallel()
	a := goAway(t, leshan.SenMLCBOR, false)
	for _, v := range []float64{31, 32, 33} {
		a.setTo(v)
	}
	a.link.set(faults{})
	a.history.wait(a.ctx, t, lwm2m.Updated)
	a.notified("/3303/0/5700", temperature(33))
	a.setTo(34)
	a.notified("/3303/0/5700", temperature(34))
}

// A new Register, as Leshan has forgotten the client meanwhile, ends observations. What was stored waits until Leshan
// observes the same again.
func TestOfflineUntilRegister(t *testing.T) {
	t.Parallel()
	a := goAway(t, leshan.SenMLCBOR, true)
	a.missed(31)
	a.history.wait(a.ctx, t, lwm2m.RegistrationTimeout) // of the Update
	a.missed(32)
	other := newDevice(t, a.leshan)
	other.run()
	a.event(leshan.Registered)
	other.stop()
	a.event(leshan.Deregistered)
	a.link.set(faults{})
	a.event(leshan.Registered)
	a.history.wait(a.ctx, t, lwm2m.ObservationEnded)
	a.history.wait(a.ctx, t, lwm2m.Registered)
	a.setTo(33) // nobody observes
	same(t, "first value", a.observe("2.05", "/3303/0/5700", leshan.SenMLCBOR).Content, temperature(33))
	a.replayed(30, 31, 32)
	if e, told := a.lost(); told {
		t.Errorf("event %v", e)
	}
}

func (a *away) lost() (lwm2m.Event, bool) {
	e, told, _ := a.history.take(lwm2m.NotificationsDropped)
	return e, told
}
