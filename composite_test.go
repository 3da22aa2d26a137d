package lwm2m_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestReadCompositeExamples(t *testing.T) {
	configure := func(_ *lwm2m.Config, f *fixture) {
		fill(f, f.device)
		must(f, f.device.BatteryLevel.Set(95))
	}
	start(t, configure, func(f *fixture) {
		f.play(
			exchange{fetch(server.SenMLJSON, `[{"n":"/3/0/0"},{"n":"/3/0/9"},{"n":"/1/0/1"}]`), model.Content, server.SenMLJSON,
				`[{"n":"/1/0/1","v":86400},{"n":"/3/0/0","vs":"Open Mobile Alliance"},{"n":"/3/0/9","v":95}]`},
			exchange{fetch(server.SenMLJSON, `[{"n":"/0"}]`), model.Unauthorized, none, "the right R is missing at all of the paths"},
			exchange{fetch(server.SenMLJSON, `[{"n":"/77"}]`), model.Content, server.SenMLJSON, "[]"},
		)
		r, err := f.peer.Do(f.ctx, fetch(server.SenMLCBOR, octets("83a100662f332f302f30a100662f332f302f39a100662f312f302f31")))
		must(t, err)
		if got := nodes(r.Nodes); r.Format != server.SenMLCBOR || got != "/1/0/1=86400 /3/0/0=Open Mobile Alliance /3/0/9=95" {
			t.Errorf("%v %v %s", r.Code, r.Format, got)
		}
		other := fetch(server.SenMLCBOR, octets("81a100662f332f302f30"))
		other.Accept = server.SenMLJSON
		f.play(exchange{other, model.Content, server.SenMLJSON, `[{"n":"/3/0/0","vs":"Open Mobile Alliance"}]`})
	})
}

// TestETS236ReadCompositePartialPresence omits what is not there or cannot be read (ETS 281 too).
func TestETS236ReadCompositePartialPresence(t *testing.T) {
	configure := func(_ *lwm2m.Config, f *fixture) {
		f.device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error { return nil })
		f.device.CurrentTime.OnRead(func(context.Context) (time.Time, error) { return time.Time{}, lwm2m.ServiceUnavailable })
	}
	start(t, configure, func(f *fixture) {
		f.play(
			exchange{fetch(server.SenMLJSON, `[{"n":"/3/0/16"},{"n":"/3/0/4"},{"n":"/3/0/9"},{"n":"/77"},{"n":"/3/5"},{"n":"/0/0/0"},{"n":"/3/0/11/0"},{"n":"/3/0/13"}]`),
				model.Content, server.SenMLJSON, `[{"n":"/3/0/11/0","v":0},{"n":"/3/0/16","vs":"U"}]`},
			// Overlapping paths give each value once.
			exchange{fetch(server.SenMLJSON, `[{"n":"/3303/0/5700"},{"n":"/3303"},{"n":"/3303/0/5700"}]`),
				model.Content, server.SenMLJSON, `[{"n":"/3303/0/5700","v":22.5},{"n":"/3303/0/5701","vs":"Cel"}]`},
		)
	})
}

func TestETS235ReadCompositeRoot(t *testing.T) {
	start(t, nil, func(f *fixture) {
		r, err := f.peer.Do(f.ctx, fetch(server.SenMLJSON, `[{"n":"/"}]`))
		must(t, err)
		want := "/1/0/0=1 /1/0/1=86400 /1/0/5=86400 /1/0/6=true /1/0/7=U /1/0/23=false /3/0/0=Acme /3/0/11/0=0 /3/0/16=U /3303/0/5700=22.5 /3303/0/5701=Cel"
		if got := nodes(r.Nodes); got != want {
			t.Errorf("root: %s, want %s", got, want)
		}
	})
}

func TestETS257WriteComposite(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		f.play(
			exchange{ipatch(server.SenMLJSON, `[{"bn":"/","n":"1/0/2","v":101},{"n":"1/0/6","vb":true},{"n":"3/0/13","v":0}]`), model.Changed, none, ""},
			exchange{ipatch(server.SenMLCBOR, octets("83a321612f0065312f302f32021865a20065312f302f3604f5a20066332f302f31330200")), model.Changed, none, ""},
			exchange{get("/1/0/2", none), model.Content, text, "101"},
			exchange{get("/3/0/13", none), model.Content, text, "0"},
			// It may create Resource Instances.
			exchange{ipatch(server.SenMLJSON, `[{"n":"/3442/0/1120/3","v":1}]`), model.Changed, none, ""},
			exchange{get("/3442/0/1120/3", none), model.Content, text, "1"},
		)
	})
}

func TestCompositeRefusals(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		before := f.dump()
		at := func(r server.Request, path string) server.Request {
			r.Path = path
			return r
		}
		for _, c := range []struct {
			request server.Request
			code    model.Code
			reason  string
		}{
			{fetch(text, "x"), model.UnsupportedContentFormat, "SenML"},
			{fetch(none, ""), model.UnsupportedContentFormat, "SenML"},
			{fetch(server.TLV, "x"), model.UnsupportedContentFormat, "SenML"},
			{fetch(server.LwM2MCBOR, "\xa0"), model.UnsupportedContentFormat, "SenML"},
			{fetch(server.SenMLJSON, "[{"), model.BadRequest, "SenML JSON"},
			{fetch(server.SenMLJSON, `[{"n":"3/0"}]`), model.BadRequest, "SenML JSON"},
			{fetch(server.SenMLJSON, `[{"n":"/3/0/1/2/3"}]`), model.BadRequest, "SenML JSON"},
			{fetch(server.SenMLJSON, `[{"n":"/65536"}]`), model.BadRequest, "SenML JSON"},
			{at(fetch(server.SenMLJSON, `[{"n":"/3/0"}]`), "/3"), model.MethodNotAllowed, "payload"},
			{at(ipatch(server.SenMLJSON, `[{"n":"/3/0/14","vs":"x"}]`), "/3"), model.MethodNotAllowed, "payload"},
			{ipatch(server.TLV, "x"), model.UnsupportedContentFormat, "SenML"},
			{ipatch(server.SenMLJSON, `[{"n":"/3442/0","v":1}]`), model.BadRequest, "/3442/0"},
			// All or nothing.
			{ipatch(server.SenMLJSON, `[{"n":"/3/0/14","vs":"x"},{"n":"/3/0/0","vs":"y"}]`), model.MethodNotAllowed, "/3/0/0: read-only"},
			{ipatch(server.SenMLJSON, `[{"n":"/3/0/14","vs":"x"},{"n":"/3303/7/5750","vs":"y"}]`), model.NotFound, "/3303/7/5750: no such Object Instance"},
			{ipatch(server.SenMLJSON, `[{"n":"/3/0/14","vs":"x"},{"n":"/0/0/0","vs":"y"}]`), model.Unauthorized, "/0/0/0: the Object is closed"},
			{ipatch(server.SenMLJSON, `[{"n":"/3/0/14","vs":"x"},{"n":"/3442/0/120","vs":"y"}]`), model.BadRequest, "want Integer"},
			{ipatch(server.SenMLJSON, `[{"n":"/3/0/14","vs":"x"},{"n":"/99/0/0","vs":"y"}]`), model.NotFound, "/99/0/0: no such Object"},
		} {
			r, err := f.peer.Do(f.ctx, c.request)
			must(t, err)
			if r.Code != c.code || !strings.Contains(string(r.Payload), c.reason) {
				t.Errorf("%s: %v %q, want %v about %q", describe(c.request), r.Code, r.Payload, c.code, c.reason)
			}
		}
		wrong := fetch(server.SenMLJSON, `[{"n":"/3/0"}]`)
		wrong.Accept = text
		if r, err := f.peer.Do(f.ctx, wrong); err != nil || r.Code != model.NotAcceptable {
			t.Errorf("a composite as text: %v %v, want 4.06", r, err)
		}
		if after := f.dump(); after != before {
			t.Errorf("the data has changed\nbefore %s\nafter  %s", before, after)
		}
	})
}

func TestCompositeVersion10(t *testing.T) {
	old := func(config *lwm2m.Config, _ *fixture) { config.Version = lwm2m.Version10 }
	start(t, old, func(f *fixture) {
		const reason = "composite operations exist since LwM2M 1.1"
		f.play(
			exchange{fetch(server.SenMLJSON, `[{"n":"/3/0"}]`), model.MethodNotAllowed, none, reason},
			exchange{ipatch(server.SenMLJSON, `[{"n":"/3/0/14","vs":"x"}]`), model.MethodNotAllowed, none, reason},
			exchange{server.Request{Method: server.PATCH, Path: "/3/0/14"}, model.MethodNotAllowed, none, "no LwM2M operation uses PATCH"},
		)
	})
}

func TestETS305CancelObserveComposite(t *testing.T) {
	start(t, nil, func(f *fixture) {
		paths := []lwm2m.Path{path("/3303/0/5700"), path("/1/0/1"), path("/3303/1/5700")}
		o, err := f.peer.ObserveComposite(f.ctx, paths, server.CompositeOptions{Format: server.SenMLJSON}, server.ObserveOptions{})
		must(t, err)
		must(t, f.temp.SensorValue.Set(1))
		if n := f.next(o, "/1/0/1=86400 /3303/0/5700=1"); n.Format != server.SenMLJSON {
			t.Errorf("format %v", n.Format)
		}
		r, err := o.Cancel(f.ctx)
		must(t, err)
		if r.Code != model.Content || nodes(r.Nodes) != "/1/0/1=86400 /3303/0/5700=1" || observeOption(r) {
			t.Errorf("cancel: %v %s", r.Code, nodes(r.Nodes))
		}
		sleep(0)
		if got := f.history.kinds(); !strings.HasSuffix(got, "OBSERVER_REMOVED OBSERVER_REMOVED OBSERVER_REMOVED") {
			t.Errorf("events: %s", got)
		}
	})
}
