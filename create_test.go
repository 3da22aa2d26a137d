package lwm2m_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func withFactories(config *lwm2m.Config, f *fixture) {
	withTestObject(config, f)
	config.Factories = []lwm2m.Factory{{Object: portfolio()}, {Object: testDefinition()}}
}

// created sends a Create and returns the path of the new instance.
func (f *fixture) created(r server.Request) string {
	f.Helper()
	answer, err := f.peer.Do(f.ctx, r)
	must(f, err)
	if answer.Code != model.Created || len(answer.Payload) > 0 {
		f.Fatalf("%s: %v %q, want 2.01", describe(r), answer.Code, answer.Payload)
	}
	return answer.Location
}

func TestETS1630CreatePortfolio(t *testing.T) {
	start(t, withFactories, func(f *fixture) {
		request := post("/16", server.TLV, octets("08012e88002b480011486f737420446576696365204944202332480114486f737420446576696365204d6f64656c202332"))
		if at := f.created(request); at != "/16/1" {
			t.Errorf("location %q", at)
		}
		f.play(
			exchange{get("/16/1/0/0", none), model.Content, text, "Host Device ID #2"},
			exchange{get("/16/1/0/1", none), model.Content, text, "Host Device Model #2"},
			exchange{request, model.BadRequest, none, "/16/1: exists already"},
		)
	})
}

// TestETS680CreateDevice: the Device Object has its one instance.
func TestETS680CreateDevice(t *testing.T) {
	start(t, withFactories, func(f *fixture) {
		before := f.dump()
		f.play(
			exchange{post("/3", server.TLV, "\xc0\x00"), model.MethodNotAllowed, none, "/3: instances cannot be created"},
			exchange{post("/0", server.TLV, "\xc0\x00"), model.Unauthorized, none, "/0: the Object is closed to servers"},
			exchange{post("/99", server.TLV, "\xc0\x00"), model.NotFound, none, "/99: no such Object"},
			exchange{post("/3303", server.TLV, "\xc0\x00"), model.MethodNotAllowed, none, "/3303: instances cannot be created"},
			exchange{post("/16", none, ""), model.BadRequest, none, "/16: a Create needs a Content-Format"},
			exchange{post("/16", server.TLV, octets("c06e")), model.BadRequest, none, "/16/0/0: mandatory Resource missing"},
			exchange{post("/3442", server.SenMLJSON, `[{"n":"/3442/0/110","vs":"a"}]`), model.BadRequest, none, "/3442/0: exists already"},
			exchange{post("/3442", server.SenMLJSON, `[{"n":"/3442/5/120","vs":"a"}]`), model.BadRequest, none,
				"SenML JSON, /3442/5/120: string, want Integer"},
		)
		for format, payload := range map[server.ContentFormat]string{text: "x", server.CBOR: "\x01", server.LwM2MCBOR: "\xa0", server.FormatOf(9999): "x"} {
			if r, err := f.peer.Do(f.ctx, post("/3442", format, payload)); err != nil || r.Code != model.UnsupportedContentFormat {
				t.Errorf("format %v: %v %v, want 4.15", format, r, err)
			}
		}
		r, err := f.peer.Do(f.ctx, post("/3442", server.SenMLJSON, `[{"n":"/3442/5/110","vs":"a"},{"n":"/3442/6/110","vs":"a"}]`))
		if err != nil || r.Code != model.BadRequest {
			t.Errorf("two instances: %v %v, want 4.00", r, err)
		}
		if after := f.dump(); after != before {
			t.Errorf("the data has changed\nbefore %s\nafter  %s", before, after)
		}
	})
}

func TestCreateChoosesTheID(t *testing.T) {
	start(t, withFactories, func(f *fixture) {
		for _, want := range []string{"/3442/1", "/3442/2"} {
			if at := f.created(post("/3442", server.TLV, octets("c16e41"))); at != want {
				t.Errorf("location %q, want %s", at, want)
			}
		}
		f.play(exchange{server.Request{Method: server.DELETE, Path: "/3442/1"}, model.Deleted, none, ""})
		if at := f.created(post("/3442", server.TLV, octets("c16e42"))); at != "/3442/1" {
			t.Errorf("location %q, want the free ID 1", at)
		}
		if at := f.created(post("/3442", server.SenMLJSON, `[{"bn":"/3442/700/","n":"110","vs":"C"},{"n":"4/0","vs":"read-only"}]`)); at != "/3442/700" {
			t.Errorf("location %q", at)
		}
		f.play(
			exchange{get("/3442/700", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3442/700/","n":"110","vs":"C"}]`},
			exchange{get("/3442/2/110", none), model.Content, text, "A"},
		)
	})
}

// Registered servers hear of new and deleted instances by an Update with links.
func TestCreateAndDeleteUpdate(t *testing.T) {
	start(t, withFactories, func(f *fixture) {
		reg, err := f.peer.Registration()
		must(t, err)
		const before = `</>;rt="oma.lwm2m";ct="60 110 112 11542 11543",</1/0>,</3/0>,</16>;ver=1.0,</3303>;ver=1.1,</3303/0>,</3442>;ver=1.0,</3442/0>`
		if reg.Links != before {
			t.Errorf("links %s, want %s", reg.Links, before)
		}
		f.created(post("/16", server.TLV, octets("080506880003410041")))
		updated := f.server.WaitEvent(server.Updated, "thermo-1")
		if !updated.Registration.Has(path("/16/5")) || len(updated.Query) > 0 {
			t.Errorf("Update with %v, links %s", updated.Query, updated.Registration.Links)
		}
		f.play(exchange{server.Request{Method: server.DELETE, Path: "/16/5"}, model.Deleted, none, ""})
		sleep(15 * time.Second) // since the last Update
		gone := f.server.WaitEvent(server.Updated, "thermo-1")
		if gone.Registration.Has(path("/16/5")) || gone.Registration.Links != reg.Links {
			t.Errorf("links after the Delete %s, want %s", gone.Registration.Links, reg.Links)
		}
	})
}

func TestFactory(t *testing.T) {
	busy, refused := errors.New("no sensor left"), fmt.Errorf("%w: only three sensors", lwm2m.BadRequest)
	var made *ipso.Temperature
	var onCreate error
	configure := func(config *lwm2m.Config, f *fixture) {
		config.Factories = []lwm2m.Factory{{
			Object: f.temp.Object(),
			New: func(_ context.Context, id uint16) (lwm2m.ObjectInstance, error) {
				switch id {
				case 8:
					return nil, busy
				case 9:
					return nil, refused
				case 10:
					return nil, nil
				case 11:
					return ipso.NewTemperature(12), nil
				}
				made = ipso.NewTemperature(id)
				must(f, made.SensorUnits.Set("Cel"))
				must(f, made.SensorValue.Set(20))
				made.OnCreate(func(context.Context) error { return onCreate })
				made.SensorUnits.OnRead(func(context.Context) (string, error) { return "K", nil })
				return made, nil
			},
		}}
	}
	start(t, configure, func(f *fixture) {
		id := func(id uint16) server.Request {
			return post("/3303", server.SenMLJSON, fmt.Sprintf(`[{"n":"/3303/%d/5700","v":1}]`, id))
		}
		if at := f.created(id(3)); at != "/3303/3" {
			t.Errorf("location %q", at)
		}
		f.play(exchange{get("/3303/3", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3303/3/","n":"5700","v":20},{"n":"5701","vs":"K"}]`})
		must(t, made.SensorValue.Set(21))
		f.play(exchange{get("/3303/3/5700", none), model.Content, text, "21"})

		before := f.dump()
		onCreate = fmt.Errorf("%w: not now", lwm2m.ServiceUnavailable)
		f.play(
			exchange{id(4), model.ServiceUnavailable, none, "/3303: 5.03 Service Unavailable: not now"},
			exchange{id(8), model.InternalServerError, none, "/3303: refused by the application"},
			exchange{id(9), model.BadRequest, none, "/3303: 4.00 Bad Request: only three sensors"},
			exchange{id(10), model.InternalServerError, none, "/3303: refused by the application"},
			exchange{id(11), model.InternalServerError, none, "/3303: refused by the application"},
		)
		if after := f.dump(); after != before {
			t.Errorf("the data has changed\nbefore %s\nafter  %s", before, after)
		}
		// A refused ID is free again.
		onCreate = nil
		if at := f.created(id(4)); at != "/3303/4" {
			t.Errorf("location %q", at)
		}
		if _, err := f.client.Get(path("/3303/4/5700")); err != nil {
			t.Error(err)
		}
	})
}
