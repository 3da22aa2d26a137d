package lwm2m_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// version12 configures a client of LwM2M 1.2 with the Device of the specification's
// examples, the Test Object, and one that servers may create.
func version12(config *lwm2m.Config, f *fixture) {
	config.Version = lwm2m.Version12
	withTestObject(config, f)
	config.Factories = []lwm2m.Factory{{Object: portfolio()}}
	fill(f, f.device)
}

// version11 is the same in LwM2M 1.1.
func version11(config *lwm2m.Config, f *fixture) {
	version12(config, f)
	config.Version = lwm2m.Version11
}

const deviceInLwM2MCBOR = "a1820300ad00744f70656e204d6f62696c6520416c6c69616e636501764c69676874776569676874204d324d20436c69656e74" +
	"02693334353030303132330363312e3006a20001010507a200190ed80119138808a200187d011903840918640a0f0ba100000d1a5182428f0e662b30323a3030106155"

func TestVersion12Register(t *testing.T) {
	start(t, version12, func(f *fixture) {
		r, err := f.peer.Registration()
		must(t, err)
		const links = `</>;rt="oma.lwm2m";ct="60 110 112 320 322 11542 11544",</1>;ver=1.2,</1/0>,</3>;ver=1.1,</3/0>,` +
			`</16>;ver=1.0,</3303>;ver=1.1,</3303/0>,</3442>;ver=1.0,</3442/0>`
		if got := fmt.Sprint(r.Query); got != "[lwm2m=1.2 ep=thermo-1 lt=86400]" || r.Links != links {
			t.Errorf("Register %s with %s, want %s", got, r.Links, links)
		}
		// The Server Object is that of 1.2.
		f.play(
			exchange{put("/1/0/26", text, "1"), model.Changed, none, ""},
			exchange{put("/1/0/26", text, "2"), model.BadRequest, none, "/1/0/26: Default Notification Mode (26): value out of range: 2 is not in 0..1"},
			exchange{put("/1/0/25", server.LwM2MCBOR, octets("a1830100"+"1819"+"a10063312e32")), model.Changed, none, ""},
			exchange{get("/1/0/25/0", none), model.Content, text, "1.2"},
		)
	})
}

// The program's own Server Object may be older than the client's version.
func TestVersion12WithOlderObjects(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		version12(config, f)
		def, _ := model.Core(lwm2m.Version11).Latest(1)
		in := lwm2m.NewInstance(def, 3)
		must(f, in.Set(0, model.IntegerValue(9)))
		config.Objects = append(config.Objects, in)
	}
	start(t, configure, func(f *fixture) {
		r, err := f.peer.Registration()
		must(t, err)
		if !strings.Contains(r.Links, "</1>;ver=1.1,</1/0>,</1/3>") {
			t.Errorf("links %s", r.Links)
		}
	})
}

func TestVersion12Read(t *testing.T) {
	start(t, version12, func(f *fixture) {
		f.play(
			exchange{get("/3/0", server.LwM2MCBOR), model.Content, server.LwM2MCBOR, octets(deviceInLwM2MCBOR)},
			exchange{get("/3/0", none), model.Content, server.LwM2MCBOR, octets(deviceInLwM2MCBOR)},
			exchange{get("/3/0/0", server.LwM2MCBOR), model.Content, server.LwM2MCBOR, octets("a183030000744f70656e204d6f62696c6520416c6c69616e6365")},
			exchange{get("/3/0/6", none), model.Content, server.LwM2MCBOR, octets("a183030006a200010105")},
			exchange{get("/3/0/6/1", server.LwM2MCBOR), model.Content, server.LwM2MCBOR, octets("a1840300060105")},
			exchange{get("/16", none), model.Content, server.LwM2MCBOR, octets("a0")},
			exchange{get("/3/0/9", none), model.Content, text, "100"},
			exchange{get("/3442/0/150", none), model.Content, server.OctetStream, "\x01\x02\x03\x04\x05"},
		)
		// All types arrive.
		r, err := f.peer.Read(f.ctx, path("/3442/0"), server.ReadOptions{Accept: server.LwM2MCBOR})
		must(t, err)
		must(t, r.Err())
		for resource, v := range testValues() {
			for _, p := range []lwm2m.Path{lwm2m.PathOf(3442, 0, resource), lwm2m.PathOf(3442, 0, resource+1000, 7)} {
				if got, ok := r.Value(p); !ok || !got.Equal(v) {
					t.Errorf("%v is %v, want %v", p, got, v)
				}
			}
		}
		// SenML-ETCH is for requests.
		for _, accept := range []server.ContentFormat{server.SenMLETCHJSON, server.SenMLETCHCBOR} {
			if r, err := f.peer.Do(f.ctx, get("/3/0", accept)); err != nil || r.Code != model.NotAcceptable {
				t.Errorf("Accept %v: %v %v", accept, r, err)
			}
		}
	})
}

func TestVersion12Write(t *testing.T) {
	start(t, version12, func(f *fixture) {
		f.play(
			// As an Object Instance, from the Object on and from the request path on.
			exchange{post("/3/0", server.LwM2MCBOR, octets("a1820300a20d1a5182428f0e662b30343a3030")), model.Changed, none, ""},
			exchange{get("/3/0/14", none), model.Content, text, "+04:00"},
			exchange{post("/3/0", server.LwM2MCBOR, octets("a10e662b30353a3030")), model.Changed, none, ""},
			exchange{get("/3/0/14", none), model.Content, text, "+05:00"},
			exchange{put("/3/0/14", server.LwM2MCBOR, octets("a103a100a10e662b30363a3030")), model.Changed, none, ""},
			exchange{get("/3/0/14", none), model.Content, text, "+06:00"},
			exchange{put("/3442/0/1120", server.LwM2MCBOR, octets("bf011864021865ff")), model.Changed, none, ""},
			exchange{get("/3442/0/1120", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3442/0/1120/","n":"1","v":100},{"n":"2","v":101}]`},
			exchange{put("/3442/0/1120", server.LwM2MCBOR, octets("a0")), model.Changed, none, ""},
			exchange{get("/3442/0/1120", server.TLV), model.Content, server.TLV, octets("a00460")},
		)
		before := f.dump()
		for _, c := range []struct {
			request server.Request
			code    model.Code
			reason  string
		}{
			{put("/3/0/14", server.LwM2MCBOR, octets("a18304000e6178")), model.BadRequest, "not below /3/0/14"},
			{put("/3/0/14", server.LwM2MCBOR, octets("a18303000e01")), model.BadRequest, "/3/0/14: unsigned integer, want text string"},
			{put("/3/0/14", server.LwM2MCBOR, octets("8303000e")), model.BadRequest, "array, want map"},
			{put("/3/0/14", server.LwM2MCBOR, octets("a18303000ef6")), model.BadRequest, "null removes only resource instances"},
			{put("/3442/0/1120", server.LwM2MCBOR, octets("a101f6")), model.BadRequest, "/3442/0/1120/1: no value"},
			{put("/3/0/0", server.LwM2MCBOR, octets("a1830300006178")), model.MethodNotAllowed, "/3/0/0: read-only"},
			{put("/3/0/14", server.SenMLETCHJSON, `[{"n":"/3/0/14","vs":"x"}]`), model.UnsupportedContentFormat, "not supported"},
			{post("/16", server.SenMLETCHJSON, `[{"n":"/16/1/0/0","vs":"x"}]`), model.UnsupportedContentFormat, "not supported"},
			{post("/16", server.LwM2MCBOR, octets("a2"+"01a100a1006161"+"02a100a1006161")), model.BadRequest, "a second object instance"},
		} {
			r, err := f.peer.Do(f.ctx, c.request)
			must(t, err)
			if r.Code != c.code || !strings.Contains(string(r.Payload), c.reason) {
				t.Errorf("%s: %v %q, want %v about %q", describe(c.request), r.Code, r.Payload, c.code, c.reason)
			}
		}
		if after := f.dump(); after != before {
			t.Errorf("the data has changed\nbefore %s\nafter  %s", before, after)
		}
	})
}

func TestVersion12Create(t *testing.T) {
	start(t, version12, func(f *fixture) {
		if at := f.created(post("/16", server.LwM2MCBOR, octets("a18310"+"0500"+"a1006161"))); at != "/16/5" {
			t.Errorf("location %q", at)
		}
		if at := f.created(post("/16", server.LwM2MCBOR, octets("a107a100a1006162"))); at != "/16/7" {
			t.Errorf("location %q", at)
		}
		f.play(
			exchange{get("/16/5/0/0", none), model.Content, text, "a"},
			exchange{get("/16", none), model.Content, server.LwM2MCBOR, octets("a110a205a100a100616107a100a1006162")},
		)
	})
}

func TestVersion12PartialWriteAndDelete(t *testing.T) {
	start(t, version12, func(f *fixture) {
		const all = "/3442/0/1120/0=-40000 /3442/0/1120/3=5 /3442/0/1120/7=6"
		f.play(
			exchange{post("/3442/0/1120", server.LwM2MCBOR, octets("a203050706")), model.Changed, none, ""},
		)
		f.want(f.peer.Read(f.ctx, path("/3442/0/1120"), server.ReadOptions{}))(model.Content, all)
		nodes := []server.Node{{Path: path("/3442/0/1120/4"), Value: model.IntegerValue(7)}}
		f.want(f.peer.WriteNodes(f.ctx, path("/3442/0/1120"), nodes, server.WriteOptions{Partial: true}))(model.Changed, "")
		f.want(f.peer.Delete(f.ctx, path("/3442/0/1120/0")))(model.Deleted, "")
		f.want(f.peer.Read(f.ctx, path("/3442/0/1120"), server.ReadOptions{}))(model.Content,
			"/3442/0/1120/3=5 /3442/0/1120/4=7 /3442/0/1120/7=6")
		f.play(
			exchange{post("/3442/0/120", text, "5"), model.MethodNotAllowed, none, "/3442/0/120: the Resource has no Resource Instances"},
			exchange{post("/3442/0/1120", text, "5"), model.UnsupportedContentFormat, none, "/3442/0/1120: text: /3442/0/1120 is not a single value"},
			exchange{post("/3/0/6", server.LwM2MCBOR, octets("a10001")), model.MethodNotAllowed, none, "/3/0/6: read-only"},
			exchange{post("/3442/0/9999", text, "5"), model.NotFound, none, "/3442/0/9999: no such Resource"},
			exchange{post("/3442/0/1120/3", text, "5"), model.MethodNotAllowed, none, "/3442/0/1120/3: not possible on a Resource Instance"},
			exchange{server.Request{Method: server.DELETE, Path: "/3442/0/1120/0"}, model.NotFound, none, "/3442/0/1120/0: no such Resource Instance"},
			exchange{server.Request{Method: server.DELETE, Path: "/3/0/6/0"}, model.MethodNotAllowed, none, "/3/0/6/0: read-only"},
			exchange{server.Request{Method: server.DELETE, Path: "/3442/0/1120"}, model.MethodNotAllowed, none, "/3442/0/1120: not possible on a Resource"},
		)
	})
}

func TestVersion12Composite(t *testing.T) {
	start(t, version12, func(f *fixture) {
		accept := func(r server.Request, f server.ContentFormat) server.Request {
			r.Accept = f
			return r
		}
		etch := fetch(server.SenMLETCHJSON, `[{"n":"/3/0/0"},{"n":"/3/0/9"},{"n":"/1/0/1"}]`)
		inSenML := octets("83" + "a200662f312f302f31021a00015180" + "a200662f332f302f3003744f70656e204d6f62696c6520416c6c69616e6365" + "a200662f332f302f39021864")
		f.play(
			exchange{etch, model.Content, server.SenMLJSON,
				`[{"n":"/1/0/1","v":86400},{"n":"/3/0/0","vs":"Open Mobile Alliance"},{"n":"/3/0/9","v":100}]`},
			exchange{accept(etch, server.LwM2MCBOR), model.Content, server.LwM2MCBOR,
				octets("a2830100011a00015180820300a200744f70656e204d6f62696c6520416c6c69616e6365091864")},
			exchange{fetch(server.SenMLETCHCBOR, octets("83a100662f332f302f30a100662f332f302f39a100662f312f302f31")), model.Content, server.SenMLCBOR, inSenML},
			exchange{fetch(server.LwM2MCBOR, octets("a183030000f6")), model.UnsupportedContentFormat, none, "LwM2M CBOR: cannot carry a list of paths"},
			exchange{ipatch(server.SenMLETCHJSON, `[{"n":"/3/0/14","vs":"+01:00"},{"n":"/3442/0/1120/7","v":null}]`), model.Changed, none, ""},
			exchange{get("/3442/0/1120", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3442/0/1120/","n":"0","v":-40000}]`},
			exchange{ipatch(server.SenMLETCHCBOR, octets("81a2006e2f333434322f302f313132302f3702f6")), model.Changed, none, ""},
		)
	})
}

// What a Write-Composite removes is gone, once or when it was not there.
func TestVersion12Removal(t *testing.T) {
	start(t, version12, func(f *fixture) {
		gone := server.Node{Path: path("/3442/0/1120/7")}
		kept := server.Node{Path: path("/3442/0/1120/1"), Value: model.IntegerValue(1)}
		for _, format := range []server.ContentFormat{none, server.SenMLETCHJSON, server.SenMLETCHCBOR, server.LwM2MCBOR} {
			must(t, f.client.Instances(testObject)[0].SetItem(1120, 7, model.IntegerValue(7)))
			for range 2 {
				f.want(f.peer.WriteComposite(f.ctx, []server.Node{gone, kept}, server.CompositeOptions{Format: format}))(model.Changed, "")
				f.want(f.peer.Read(f.ctx, path("/3442/0/1120"), server.ReadOptions{}))(model.Content, "/3442/0/1120/0=-40000 /3442/0/1120/1=1")
			}
		}
		f.play(
			exchange{ipatch(server.SenMLETCHJSON, `[{"n":"/3442/0/120","v":null}]`), model.BadRequest, none,
				"SenML-ETCH JSON, /3442/0/120: null removes only resource instances"},
			exchange{ipatch(server.SenMLJSON, `[{"n":"/3442/0/1120/1","v":null}]`), model.BadRequest, none,
				"SenML JSON, /3442/0/1120/1: null needs SenML-ETCH"},
			exchange{ipatch(server.SenMLETCHJSON, `[{"n":"/3442/0/1120/1","v":null},{"n":"/3/0/0","vs":"x"}]`), model.MethodNotAllowed, none, "/3/0/0: read-only"},
			exchange{ipatch(server.SenMLETCHJSON, `[{"n":"/3/0/6/0","v":null}]`), model.MethodNotAllowed, none, "/3/0/6: read-only"},
		)
		f.want(f.peer.Read(f.ctx, path("/3442/0/1120"), server.ReadOptions{}))(model.Content, "/3442/0/1120/0=-40000 /3442/0/1120/1=1")
	})
}

func TestVersion12Observe(t *testing.T) {
	start(t, version12, func(f *fixture) {
		// Without Accept notifications are SenML, which has times.
		o, err := f.peer.Observe(f.ctx, path("/3303/0"), server.ObserveOptions{})
		must(t, err)
		if o.Response.Format != server.SenMLCBOR {
			t.Errorf("first %v", o.Response.Format)
		}
		c, err := f.peer.ObserveComposite(f.ctx, []lwm2m.Path{path("/3303/0/5700"), path("/1/0/1")},
			server.CompositeOptions{Format: server.SenMLETCHCBOR, Accept: server.LwM2MCBOR}, server.ObserveOptions{})
		must(t, err)
		must(t, f.temp.SensorValue.Set(1))
		if n := f.next(c, "/1/0/1=86400 /3303/0/5700=1"); n.Format != server.LwM2MCBOR {
			t.Errorf("format %v", n.Format)
		}
		f.next(o, "/3303/0/5700=1 /3303/0/5701=Cel")
	})
}

func TestVersion12Discover(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		config.Version = lwm2m.Version12
		config.Servers[0].DefaultMinPeriod, config.Servers[0].DefaultMaxPeriod = time.Second, 10*time.Second
	}
	start(t, configure, func(f *fixture) {
		deep := func(path, depth, links string) exchange {
			r := get(path, server.LinkFormat)
			r.Query = []string{"depth=" + depth}
			if links == "" {
				return exchange{r, model.BadRequest, none, path + ": depth is a number of 0 to 3, given once"}
			}
			return exchange{r, model.Content, server.LinkFormat, links}
		}
		twice := get("/3", server.LinkFormat)
		twice.Query = []string{"depth=1", "depth=1"}
		f.play(
			exchange{attributes("/3/0", "pmax=200"), model.Changed, none, ""},
			exchange{attributes("/3/0/11/0", "epmin=1"), model.Changed, none, ""},
			deep("/3", "0", `</3>;ver=1.1;pmin=1;pmax=10`),
			deep("/3", "1", `</3>;ver=1.1;pmin=1;pmax=10,</3/0>;pmax=200`),
			deep("/3", "2", `</3>;ver=1.1;pmin=1;pmax=10,</3/0>;pmax=200,</3/0/0>,</3/0/11>;dim=1,</3/0/16>`),
			deep("/3", "3", `</3>;ver=1.1;pmin=1;pmax=10,</3/0>;pmax=200,</3/0/0>,</3/0/11>;dim=1,</3/0/11/0>;epmin=1,</3/0/16>`),
			discovered("/3", `</3>;ver=1.1;pmin=1;pmax=10,</3/0>;pmax=200,</3/0/0>,</3/0/11>;dim=1,</3/0/16>`),
			deep("/3/0", "0", `</3/0>;pmin=1;pmax=200`),
			deep("/3/0/11", "0", `</3/0/11>;dim=1;pmin=1;pmax=200`),
			deep("/3/0/11", "1", `</3/0/11>;dim=1;pmin=1;pmax=200,</3/0/11/0>;epmin=1`),
			discovered("/3/0/11", `</3/0/11>;dim=1;pmin=1;pmax=200,</3/0/11/0>;epmin=1`),
			deep("/3", "4", ""), deep("/3", "-1", ""), deep("/3", "01", ""), deep("/3", "x", ""),
			exchange{twice, model.BadRequest, none, "/3: depth is a number of 0 to 3, given once"},
		)
		r, err := f.peer.Discover(f.ctx, path("/3303"), server.DiscoverOptions{Depth: 2})
		must(t, err)
		if got := string(r.Payload); got != `</3303>;ver=1.1;pmin=1;pmax=10,</3303/0>` {
			t.Errorf("Discover by the server: %s", got)
		}
	})
}

// A client of 1.1 does not know what is new, and ignores a depth.
func TestVersion11Refuses12(t *testing.T) {
	start(t, version11, func(f *fixture) {
		before := f.dump()
		for _, c := range []struct {
			request server.Request
			code    model.Code
		}{
			{get("/3/0", server.LwM2MCBOR), model.NotAcceptable},
			{get("/3/0", server.SenMLETCHJSON), model.NotAcceptable},
			{put("/3/0/14", server.LwM2MCBOR, octets("a18303000e6178")), model.UnsupportedContentFormat},
			{post("/16", server.LwM2MCBOR, octets("a107a100a1006162")), model.UnsupportedContentFormat},
			{fetch(server.SenMLETCHJSON, `[{"n":"/3/0"}]`), model.UnsupportedContentFormat},
			{fetch(server.SenMLETCHCBOR, octets("81a100662f332f302f30")), model.UnsupportedContentFormat},
			{ipatch(server.SenMLETCHJSON, `[{"n":"/3442/0/1120/7","v":null}]`), model.UnsupportedContentFormat},
			{ipatch(server.LwM2MCBOR, octets("a18303000e6178")), model.UnsupportedContentFormat},
			{ipatch(server.SenMLJSON, `[{"n":"/3442/0/1120/7","v":null}]`), model.BadRequest},
			{post("/3442/0/1120", server.SenMLJSON, `[{"n":"/3442/0/1120/9","v":1}]`), model.MethodNotAllowed},
			{server.Request{Method: server.DELETE, Path: "/3442/0/1120/7"}, model.MethodNotAllowed},
		} {
			if r, err := f.peer.Do(f.ctx, c.request); err != nil || r.Code != c.code {
				t.Errorf("%s: %v %v, want %v", describe(c.request), r, err, c.code)
			}
		}
		if after := f.dump(); after != before {
			t.Errorf("the data has changed\nbefore %s\nafter  %s", before, after)
		}
		want, err := f.peer.Discover(f.ctx, path("/3"), server.DiscoverOptions{})
		must(t, err)
		for _, depth := range []string{"depth=0", "depth=9"} {
			r := get("/3", server.LinkFormat)
			r.Query = []string{depth}
			f.play(exchange{r, model.Content, server.LinkFormat, string(want.Payload)})
		}
	})
}

// A lifetime without end needs no Update, and can be given and taken by the server.
func TestInfiniteLifetime(t *testing.T) {
	configure := func(config *lwm2m.Config, _ *fixture) {
		config.Version = lwm2m.Version12
		config.Servers[0].Lifetime = lwm2m.Infinite
	}
	start(t, configure, func(f *fixture) {
		r, err := f.peer.Registration()
		must(t, err)
		if r.Lifetime != 0 || !r.Expires.IsZero() || fmt.Sprint(r.Query) != "[lwm2m=1.2 ep=thermo-1 lt=0]" {
			t.Errorf("registration %+v", r)
		}
		f.play(exchange{get("/1/0/1", none), model.Content, text, "0"})
		sleep(366 * 24 * time.Hour)
		if r, err = f.peer.Registration(); err != nil || r.Updates != 0 {
			t.Errorf("after a year: %+v %v", r, err)
		}
		for _, step := range []struct {
			write, query string
			lifetime     time.Duration
		}{{"60", "[lt=60]", time.Minute}, {"0", "[lt=0]", 0}} {
			f.play(exchange{put("/1/0/1", text, step.write), model.Changed, none, ""})
			u := f.server.WaitEvent(server.Updated, "thermo-1")
			if fmt.Sprint(u.Query) != step.query || u.Registration.Lifetime != step.lifetime || u.Registration.Expires.IsZero() != (step.lifetime == 0) {
				t.Errorf("after %s: %v %+v", step.write, u.Query, u.Registration)
			}
			sleep(15 * time.Second)
		}
	})
}

// Before 1.2 there is no such lifetime: 0 is no time, and means the default.
func TestLifetimeZeroIn11(t *testing.T) {
	configure := func(config *lwm2m.Config, _ *fixture) { config.Servers[0].Lifetime = time.Hour }
	start(t, configure, func(f *fixture) {
		f.play(exchange{put("/1/0/1", text, "0"), model.Changed, none, ""})
		if u := f.server.WaitEvent(server.Updated, "thermo-1"); fmt.Sprint(u.Query) != "[lt=86400]" {
			t.Errorf("Update %v", u.Query)
		}
	})
	config := goodConfig()
	config.Servers[0].Lifetime = lwm2m.Infinite
	const want = "lwm2m: Config.Servers[0]: an infinite Lifetime exists since LwM2M 1.2; Config.Version is 1.1"
	if _, err := lwm2m.NewClient(config); err == nil || err.Error() != want {
		t.Errorf("Infinite in 1.1: %v", err)
	}
}

// A server that does not speak the version says 4.12, and the event what to do.
func TestVersionRefused(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		config.Version = lwm2m.Version12
		refusing := lwm2mtest.NewServer(f, lwm2mtest.Options{
			Network: f.server.Network, Address: "198.51.100.9:5683",
			Config: server.Config{Versions: []model.Version{model.Version10, model.Version11}},
		})
		config.Servers = append(config.Servers, lwm2m.ServerAccount{URI: refusing.URI(), Security: lwm2m.NoSec{}})
	}
	start(t, configure, func(f *fixture) {
		f.history.mu.Lock()
		defer f.history.mu.Unlock()
		for _, e := range f.history.events {
			if e.Kind == lwm2m.RegistrationFailed && e.Server == 2 {
				const want = "Register: 4.12 Precondition Failed: lwm2m=1.2 is not supported: the Server does not speak LwM2M 1.2; configure another version"
				if !errors.Is(e.Err, model.PreconditionFailed) || e.Err.Error() != want {
					t.Errorf("event %v, want %s", e.Err, want)
				}
				return
			}
		}
		t.Errorf("events %v", f.history.events)
	})
}
