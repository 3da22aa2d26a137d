package lwm2m_test

import (
	"context"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func remove(path string) server.Request { return server.Request{Method: server.DELETE, Path: path} }

func TestDelete(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.play(
			exchange{remove("/3303/0"), model.Deleted, none, ""},
			exchange{remove("/3303/0"), model.NotFound, none, "/3303/0: no such Object Instance"},
			exchange{get("/3303/0", none), model.NotFound, none, "/3303/0: no such Object Instance"},
			exchange{get("/3303", none), model.Content, server.SenMLCBOR, "\x80"},
		)
		if got := f.client.Instances(3303); len(got) != 0 {
			t.Errorf("instances left: %v", got)
		}
		// The handle goes on by itself, and the instance can be added again.
		must(t, f.temp.SensorValue.Set(30))
		must(t, f.client.Add(f.temp))
		f.play(exchange{get("/3303/0/5700", none), model.Content, text, "30"})
	})
}

// TestETS685DeleteDevice: the Device Object stays, and so does what has credentials.
func TestETS685DeleteDevice(t *testing.T) {
	start(t, nil, func(f *fixture) {
		before := f.dump()
		f.play(
			exchange{remove("/3/0"), model.MethodNotAllowed, none, "/3/0: mandatory Object"},
			exchange{remove("/1/0"), model.MethodNotAllowed, none, "/1/0: mandatory Object: a bootstrap decides which accounts there are"},
			exchange{remove("/0/0"), model.Unauthorized, none, "/0/0: the Object is closed to servers"},
			exchange{remove("/"), model.BadRequest, none, "the path names no Object"},
			exchange{remove("/3303"), model.MethodNotAllowed, none, "/3303: not possible on an Object"},
			exchange{remove("/3303/0/5700"), model.MethodNotAllowed, none, "/3303/0/5700: not possible on a Resource"},
			exchange{remove("/3303/0/5700/0"), model.MethodNotAllowed, none, "/3303/0/5700/0: not possible on a Resource Instance"},
			exchange{remove("/3303/1"), model.NotFound, none, "/3303/1: no such Object Instance"},
			exchange{remove("/99/1"), model.NotFound, none, "/99/1: no such Object"},
		)
		if after := f.dump(); after != before {
			t.Errorf("the data has changed\nbefore %s\nafter  %s", before, after)
		}
	})
}

func TestOnDelete(t *testing.T) {
	verdict, calls := error(lwm2m.MethodNotAllowed), 0
	configure := func(_ *lwm2m.Config, f *fixture) {
		f.temp.OnDelete(func(context.Context) error {
			calls++
			if _, ok := f.temp.SensorValue.Get(); !ok {
				t.Error("OnDelete is called after the end")
			}
			return verdict
		})
	}
	start(t, configure, func(f *fixture) {
		f.play(
			exchange{remove("/3303/0"), model.MethodNotAllowed, none, "/3303/0"},
			exchange{get("/3303/0/5700", none), model.Content, text, "22.5"},
		)
		verdict = nil
		f.play(
			exchange{remove("/3303/0"), model.Deleted, none, ""},
			exchange{get("/3303/0", none), model.NotFound, none, "/3303/0: no such Object Instance"},
		)
		if calls != 2 {
			t.Errorf("OnDelete called %d times", calls)
		}
	})
}

// What the program itself adds and deletes.
func TestClientAddAndDelete(t *testing.T) {
	start(t, nil, func(f *fixture) {
		second := ipso.NewTemperature(1)
		must(t, second.SensorValue.Set(5))
		must(t, f.client.Add(second))
		if u := f.server.WaitEvent(server.Updated, "thermo-1"); !u.Registration.Has(path("/3303/1")) {
			t.Errorf("links %s", u.Registration.Links)
		}
		f.play(exchange{get("/3303/1/5700", none), model.Content, text, "5"})
		for name, c := range map[string]struct {
			err  error
			code lwm2m.Code
			text string
		}{
			"added twice":  {f.client.Add(second), lwm2m.BadRequest, "4.00 Bad Request: /3303/1: the instance belongs to a client already"},
			"taken":        {f.client.Add(ipso.NewTemperature(1)), lwm2m.BadRequest, "4.00 Bad Request: /3303/1: exists already"},
			"device":       {f.client.Delete(path("/3/0")), lwm2m.MethodNotAllowed, "4.05 Method Not Allowed: /3/0: this Object Instance stays"},
			"server":       {f.client.Delete(path("/1/0")), lwm2m.MethodNotAllowed, "4.05 Method Not Allowed: /1/0: this Object Instance stays"},
			"credentials":  {f.client.Delete(path("/0/0")), lwm2m.MethodNotAllowed, "4.05 Method Not Allowed: /0/0: this Object Instance stays"},
			"not there":    {f.client.Delete(path("/3303/9")), lwm2m.NotFound, "4.04 Not Found: /3303/9: no such Object Instance"},
			"not instance": {f.client.Delete(path("/3303/1/5700")), lwm2m.NotFound, "4.04 Not Found: /3303/1/5700: no such Object Instance"},
		} {
			f.refused(name, c.err, c.code, c.text)
		}
		must(t, f.client.Delete(path("/3303/1")))
		f.play(exchange{get("/3303/1", none), model.NotFound, none, "/3303/1: no such Object Instance"})
	})
}
