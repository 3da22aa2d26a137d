package lwm2m_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func (f *fixture) observe(p string, o server.ObserveOptions) *server.Observation {
	f.Helper()
	observation, err := f.peer.Observe(f.ctx, path(p), o)
	must(f, err)
	must(f, observation.Response.Err())
	return observation
}

// next takes the notification that should be there already, and checks its values.
func (f *fixture) next(o *server.Observation, values string) server.Notification {
	f.Helper()
	sleep(time.Second)
	n, err := o.Next(f.ctx)
	must(f, err)
	if got := nodes(n.Nodes); n.Code != model.Content || got != values {
		f.Fatalf("notification %v %s, want %s", n.Code, got, values)
	}
	return n
}

// quiet makes sure that nothing comes for a while.
func (f *fixture) quiet(o *server.Observation, d time.Duration) {
	f.Helper()
	type outcome struct {
		n   server.Notification
		err error
	}
	came := make(chan outcome, 1)
	go func() {
		n, err := o.Next(f.ctx)
		came <- outcome{n, err}
	}()
	select {
	case x := <-came:
		f.Fatalf("notification %v %q, %v; want none", x.n.Code, x.n.Payload, x.err)
	case <-time.After(d):
		o.Forget()
		<-came
	}
}

func TestObserveLevels(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		object := f.observe("/3303", server.ObserveOptions{})
		instance := f.observe("/3303/0", server.ObserveOptions{})
		resource := f.observe("/3303/0/5700", server.ObserveOptions{})
		item := f.observe("/3442/0/1120/7", server.ObserveOptions{})
		composite, err := f.peer.ObserveComposite(f.ctx, []lwm2m.Path{path("/3303/0/5700"), path("/3/0/0"), path("/99")},
			server.CompositeOptions{}, server.ObserveOptions{})
		must(t, err)
		if got := nodes(composite.Response.Nodes); got != "/3/0/0=Acme /3303/0/5700=22.5" {
			t.Errorf("composite %s", got)
		}
		must(t, f.temp.SensorValue.Set(23))
		f.next(object, "/3303/0/5700=23 /3303/0/5701=Cel")
		f.next(instance, "/3303/0/5700=23 /3303/0/5701=Cel")
		f.next(resource, "/3303/0/5700=23")
		f.next(composite, "/3/0/0=Acme /3303/0/5700=23")
		must(t, f.client.Instances(testObject)[0].SetItem(1120, 7, model.IntegerValue(4)))
		f.next(item, "/3442/0/1120/7=4")

		// Other Resource Instances are none of its business, nor are equal values.
		must(t, f.client.Instances(testObject)[0].SetItem(1120, 0, model.IntegerValue(4)))
		must(t, f.temp.SensorValue.Set(23))
		f.quiet(item, time.Hour)
		f.quiet(resource, time.Hour)
	})
}

// A notification keeps the format of the first answer, and counts up.
func TestObserveFormat(t *testing.T) {
	start(t, nil, func(f *fixture) {
		for _, c := range []struct {
			accept, want server.ContentFormat
			payload      string
		}{
			{none, text, "%d"}, {text, text, "%d"},
			{server.SenMLJSON, server.SenMLJSON, `[{"bn":"/3303/0/5700","v":%d}]`},
			{server.JSON, server.JSON, `{"bn":"/3303/0/5700","e":[{"v":%d}]}`},
			{server.CBOR, server.CBOR, ""}, {server.TLV, server.TLV, ""}, {server.SenMLCBOR, server.SenMLCBOR, ""},
		} {
			must(t, f.temp.SensorValue.Set(-1))
			o := f.observe("/3303/0/5700", server.ObserveOptions{Accept: c.accept})
			var last uint32
			for i := range 3 {
				must(t, f.temp.SensorValue.Set(float64(i)))
				n := f.next(o, fmt.Sprintf("/3303/0/5700=%d", i))
				if n.Format != c.want || n.Sequence <= last {
					t.Errorf("accept %v: format %v, sequence %d after %d", c.accept, n.Format, n.Sequence, last)
				}
				if c.payload != "" && string(n.Payload) != fmt.Sprintf(c.payload, i) {
					t.Errorf("accept %v: %s", c.accept, n.Payload)
				}
				last = n.Sequence
			}
			r, err := o.Cancel(f.ctx)
			must(t, err)
			if r.Code != model.Content || nodes(r.Nodes) != "/3303/0/5700=2" || observeOption(r) {
				t.Errorf("cancel: %v %s", r.Code, nodes(r.Nodes))
			}
		}
	})
}

func observeOption(r *server.Response) bool {
	for _, o := range r.Options {
		if o.Number == 6 {
			return true
		}
	}
	return false
}

// TestETS303CancelObserve ends observations in each way there is.
func TestETS303CancelObserve(t *testing.T) {
	start(t, nil, func(f *fixture) {
		o := f.observe("/3303/0/5700", server.ObserveOptions{})
		_, err := o.Cancel(f.ctx)
		must(t, err)
		sleep(0)
		if got := f.history.kinds(); got != "REGISTRATION_COMPLETE OBSERVER_ADDED OBSERVER_REMOVED" {
			t.Errorf("events after Observe=1: %s", got)
		}
		// By Reset of a notification (ETS 302).
		o = f.observe("/3303/0/5700", server.ObserveOptions{})
		o.Forget()
		must(t, f.temp.SensorValue.Set(1))
		sleep(time.Second)
		if got := f.history.last(); got != "OBSERVER_REMOVED server 1 /3303/0/5700: coap: peer sent a reset" {
			t.Errorf("event after a Reset: %s", got)
		}
		// By an observation of the same under another token: one notification, not two.
		first := f.observe("/3303/0/5700", server.ObserveOptions{})
		second := f.observe("/3303/0/5700", server.ObserveOptions{})
		must(t, f.temp.SensorValue.Set(2))
		f.next(second, "/3303/0/5700=2")
		f.quiet(first, time.Hour)
	})
}

// What is observed is deleted: the last notification is an error (RFC 7641 §4.2).
func TestObserveDeleted(t *testing.T) {
	start(t, nil, func(f *fixture) {
		resource := f.observe("/3303/0/5700", server.ObserveOptions{})
		object := f.observe("/3303", server.ObserveOptions{Accept: server.SenMLJSON})
		f.play(exchange{remove("/3303/0"), model.Deleted, none, ""})
		sleep(time.Second)
		n, err := resource.Next(f.ctx)
		if err != nil || n.Code != model.NotFound || string(n.Payload) != "/3303/0/5700: deleted" {
			t.Errorf("last notification %v %q %v", n.Code, n.Payload, err)
		}
		if _, err := resource.Next(f.ctx); err == nil {
			t.Error("the observation goes on")
		}
		f.next(object, "") // now empty
		second := ipso.NewTemperature(1)
		must(t, second.SensorValue.Set(5))
		must(t, f.client.Add(second))
		f.next(object, "/3303/1/5700=5")
		// A removed Resource cannot be read any more, which ends its observation.
		units := f.observe("/3/0/0", server.ObserveOptions{})
		must(t, f.device.Manufacturer.Remove())
		sleep(time.Second)
		n, err = units.Next(f.ctx)
		if err != nil || n.Code != model.NotFound {
			t.Errorf("last notification %v %q %v", n.Code, n.Payload, err)
		}
	})
}

// Apply is one notification, whatever it changes; a Write of a server too.
func TestObserveApply(t *testing.T) {
	start(t, nil, func(f *fixture) {
		o := f.observe("/3303/0", server.ObserveOptions{})
		must(t, f.client.Apply(f.temp.SensorValue.To(30), f.temp.SensorUnits.To("K"), f.temp.MinMeasuredValue.To(30)))
		f.next(o, "/3303/0/5601=30 /3303/0/5700=30 /3303/0/5701=K")
		err := f.client.Apply(f.temp.SensorValue.To(31), lwm2m.Change{Path: path("/3303/0/5701"), Value: model.IntegerValue(1)})
		f.refused("one of them is wrong", err, lwm2m.BadRequest, "4.00 Bad Request: /3303/0/5701: wrong data type: Sensor Units (5701) is String, not Integer")
		if v, _ := f.temp.SensorValue.Get(); v != 30 {
			t.Errorf("half of an Apply was made: %v", v)
		}
		must(t, f.client.Apply(lwm2m.Change{Path: path("/3303/0/5601")}))
		f.next(o, "/3303/0/5700=30 /3303/0/5701=K")
		f.quiet(o, time.Hour)
	})
}

func TestApplyRefusals(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		other := ipso.NewTemperature(0)
		for _, c := range []struct {
			change lwm2m.Change
			code   lwm2m.Code
			text   string
		}{
			{lwm2m.Change{Path: path("/3303/0")}, lwm2m.BadRequest, "4.00 Bad Request: /3303/0: a change needs the path of a Resource or Resource Instance"},
			{lwm2m.Change{Path: path("/3303/1/5700"), Value: model.FloatValue(1)}, lwm2m.NotFound, "4.04 Not Found: /3303/1/5700: the client has no such Object Instance"},
			{other.SensorValue.To(1), lwm2m.NotFound, "4.04 Not Found: /3303/0/5700: the client has no such Object Instance"},
			{lwm2m.Change{Path: path("/3303/0/1"), Value: model.FloatValue(1)}, lwm2m.NotFound, "4.04 Not Found: /3303/0/1: no such Resource"},
			{lwm2m.Change{Path: path("/3303/0/5700")}, lwm2m.MethodNotAllowed, "4.05 Method Not Allowed: /3303/0/5700: a mandatory Resource stays"},
			{f.device.BatteryLevel.To(101), lwm2m.BadRequest, "4.00 Bad Request: /3/0/9: Battery Level (9): value out of range: 101 is not in 0..100"},
		} {
			f.refused(c.change.Path.String(), f.client.Apply(c.change), c.code, c.text)
		}
		must(t, f.client.Apply(
			lwm2m.Change{Path: path("/3442/0/1120/0")},
			lwm2m.Change{Path: path("/3442/0/1120/9"), Value: model.IntegerValue(9)},
		))
		f.want(f.peer.Read(f.ctx, path("/3442/0/1120"), server.ReadOptions{}))(model.Content, "/3442/0/1120/7=-40000 /3442/0/1120/9=9")
	})
}

func TestMaxObservations(t *testing.T) {
	limit := func(config *lwm2m.Config, _ *fixture) { config.MaxObservations = 2 }
	start(t, limit, func(f *fixture) {
		first := f.observe("/3/0/0", server.ObserveOptions{})
		f.observe("/3303/0/5700", server.ObserveOptions{})
		o, err := f.peer.Observe(f.ctx, path("/3303/0/5701"), server.ObserveOptions{})
		must(t, err)
		if o.Response.Code != model.ServiceUnavailable || string(o.Response.Payload) != "/3303/0/5701: too many observations" {
			t.Errorf("one too many: %v %q", o.Response.Code, o.Response.Payload)
		}
		_, err = first.Cancel(f.ctx)
		must(t, err)
		f.observe("/3303/0/5701", server.ObserveOptions{})
	})
}

// A server that cancels while a notification waits for its acknowledgement is not out of reach.
func TestCancelBeforeAcknowledgement(t *testing.T) {
	start(t, exact12, func(f *fixture) {
		f.attach("/3303/0/5700?con=1")
		o := f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLCBOR})
		f.silence(true)
		must(t, f.temp.SensorValue.Set(30))
		sleep(time.Second)
		f.silence(false)
		r, err := o.Cancel(f.ctx)
		must(t, err)
		if nodes(r.Nodes) != "/3303/0/5700=30" {
			t.Errorf("answer %s", nodes(r.Nodes))
		}
		sleep(5 * time.Minute)
		if got := f.history.kinds(); got != "REGISTRATION_COMPLETE OBSERVER_ADDED NOTIFICATIONS_DROPPED OBSERVER_REMOVED" {
			t.Errorf("events %s", got)
		}
	})
}
