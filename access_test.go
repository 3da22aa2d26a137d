package lwm2m_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/store"
)

// governed is a device with two servers, and rights: server 1 owns the sensor and lets server 2 read it; any
// server may read and reboot the device; server 2 may create instances of the Portfolio Object.
type governed struct {
	*fixture
	other   *server.Device // of the device at server 2
	address netip.AddrPort // of server 2
	sensor  *oma.AccessControl
}

func govern(t *testing.T, configure func(*lwm2m.Config, *fixture), test func(*governed)) {
	t.Helper()
	g := &governed{address: netip.MustParseAddrPort("198.51.100.2:5683")}
	var second *lwm2mtest.Server
	start(t, func(config *lwm2m.Config, f *fixture) {
		g.fixture = f
		second = lwm2mtest.NewServer(f.T, lwm2mtest.Options{Network: f.server.Network, Address: g.address.String()})
		config.Servers = append(config.Servers, lwm2m.ServerAccount{URI: second.URI(), Security: lwm2m.NoSec{}})
		g.sensor = oma.NewAccessControl(0, path("/3303/0"), 1)
		must(f, g.sensor.Grant(2, model.RightRead))
		device := oma.NewAccessControl(1, path("/3/0"), oma.NoOwner)
		must(f, device.Grant(0, model.RightRead|model.RightExecute))
		portfolios := oma.NewAccessControl(7, path("/16"), oma.NoOwner)
		must(f, portfolios.Grant(2, model.RightCreate))
		config.Objects = append(config.Objects, g.sensor, device, portfolios)
		config.Factories = append(config.Factories, lwm2m.Factory{Object: portfolio()})
		if configure != nil {
			configure(config, f)
		}
	}, func(f *fixture) {
		g.other = second.WaitRegistered("thermo-1")
		synctest.Wait()
		test(g)
	})
}

// entries are the instances of the Access Control Object, as a server has to know them.
func (g *governed) entries() string {
	var all []string
	for _, in := range g.client.Instances(2) {
		object, _ := in.Get(0)
		instance, _ := in.Get(1)
		owner, _ := in.Get(3)
		s := in.Path().String() + "=" + object.String() + "/" + instance.String() + " " + owner.String()
		for server := range uint16(4) {
			if v, ok := in.Items(2)[server]; ok {
				s += " " + lwm2m.PathOf(server).String()[1:] + ":" + model.Rights(v.Int()).String()
			}
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

const governedEntries = "/2/0=3303/0 1 2:R, /2/1=3/0 65535 0:RE, /2/2=1/0 1, /2/3=1/1 2, /2/7=16/65535 65535 2:C"

func TestAccessControl(t *testing.T) {
	govern(t, nil, func(g *governed) {
		if got := g.entries(); got != governedEntries {
			t.Fatalf("entries %s\nwant %s", got, governedEntries)
		}
		g.playTo(g.other, exchange{get("/3303/0/5700", text), model.Content, text, "22.5"})
		for _, x := range []exchange{
			{put("/3303/0/5750", text, "mine"), model.Unauthorized, none,
				"/3303/0/5750: the right W is missing: /2/0/2/2 gives server 2 the rights R"},
			{post("/3303/0/5605", none, ""), model.Unauthorized, none,
				"/3303/0/5605: the right E is missing: /2/0/2/2 gives server 2 the rights R"},
			{server.Request{Method: server.DELETE, Path: "/3303/0"}, model.Unauthorized, none,
				"/3303/0: the right D is missing: /2/0/2/2 gives server 2 the rights R"},
			{put("/1/0/1", text, "60"), model.Unauthorized, none, "/1/0/1: the right W is missing: /2/2 has no ACL for server 2, and no default"},
			{get("/1/0/1", text), model.Unauthorized, none, "/1/0/1: the right R is missing: /2/2 has no ACL for server 2, and no default"},
			{ipatch(server.SenMLJSON, `[{"n":"/1/1/1","v":60},{"n":"/3303/0/5750","vs":"mine"}]`), model.Unauthorized, none,
				"/3303/0/5750: the right W is missing: /2/0/2/2 gives server 2 the rights R"},
			{put("/2/0/2/2", text, "31"), model.Unauthorized, none,
				"/2/0/2/2: the right W is missing: only its owner, server 1, manages /2/0; whom it gives R may read it"},
			{attributes("/1/0", "pmin=5"), model.Unauthorized, none, "/1/0: the right R is missing: /2/2 has no ACL for server 2, and no default"},
			{attributes("/1", "pmin=5"), model.Changed, none, ""},
			{get("/1", server.SenMLJSON), model.Content, server.SenMLJSON, ""},
		} {
			if x.payload == "" && x.code == model.Content { // one account of two
				g.want(g.other.Read(g.ctx, path("/1/1/1"), server.ReadOptions{}))(model.Content, "/1/1/1=86400")
				r, err := g.other.Read(g.ctx, path("/1"), server.ReadOptions{})
				must(t, err)
				if got := nodes(r.Nodes); strings.Contains(got, "/1/0/") || !strings.Contains(got, "/1/1/0=2") {
					t.Errorf("server 2 reads %s", got)
				}
				continue
			}
			g.playTo(g.other, x)
		}
		g.want(g.peer.Write(g.ctx, path("/1/0/1"), model.IntegerValue(600), server.WriteOptions{}))(model.Changed, "")
		d, err := g.other.Discover(g.ctx, path("/1/0"), server.DiscoverOptions{})
		must(t, err)
		must(t, d.Err())

		// The owner gives a right, and the client tells of it.
		g.want(g.peer.Write(g.ctx, path("/2/0/2/2"), model.IntegerValue(3), server.WriteOptions{}))(model.Changed, "")
		e := g.client.ExplainAccess(2, path("/3303/0/5750"))
		if e.Rights != model.RightRead|model.RightWrite || e.Server != 2 || !strings.HasPrefix(e.String(), "server 2 has the rights RW at /3303/0\n") {
			t.Errorf("explained %v:\n%v", e.Rights, e)
		}
		g.playTo(g.other, exchange{put("/2/0/2/9", text, "1"), model.Unauthorized, none,
			"/2/0/2/9: the right W is missing: only its owner, server 1, manages /2/0; whom it gives R may read it"})
		g.play(exchange{put("/2/0/2", server.SenMLJSON, `[{"n":"/2/0/2/9","v":1}]`), model.BadRequest, none,
			"/2/0/2/9: no server has the Short Server ID 9"})
	})
}

// What servers create is theirs; what goes takes its entry along; what the application adds is nobody's.
func TestAccessEntriesFollow(t *testing.T) {
	govern(t, nil, func(g *governed) {
		g.play(exchange{post("/16", server.SenMLJSON, `[{"n":"/16/3/0/0","vs":"x"}]`), model.Unauthorized, none,
			"/16: the right C is missing: /2/7 has no ACL for server 1, and Create needs one"})
		g.playTo(g.other, exchange{post("/16", server.SenMLJSON, `[{"n":"/16/3/0/0","vs":"x"}]`), model.Created, none, ""})
		if got, want := g.entries(), strings.Replace(governedEntries, ", /2/7", ", /2/4=16/3 2, /2/7", 1); got != want {
			t.Errorf("entries %s\nwant %s", got, want)
		}
		sleep(time.Minute)
		r, err := g.other.Registration()
		must(t, err)
		if !strings.Contains(r.Links, "</2/4>") || !strings.Contains(r.Links, "</16/3>") {
			t.Errorf("registered %s", r.Links)
		}
		g.play(exchange{get("/16/3/0/0", text), model.Unauthorized, none, "/16/3/0/0: the right R is missing: /2/4 has no ACL for server 1, and no default"})
		g.playTo(g.other, exchange{put("/2/4/2", server.SenMLJSON, `[{"n":"/2/4/2/1","v":9}]`), model.Changed, none, ""})
		g.play(exchange{get("/16/3/0/0", text), model.Content, text, "x"})
		g.play(exchange{server.Request{Method: server.DELETE, Path: "/16/3"}, model.Deleted, none, ""})
		if got := g.entries(); got != governedEntries {
			t.Errorf("entries %s\nwant %s", got, governedEntries)
		}

		must(t, g.client.Add(lwm2m.NewInstance(portfolio(), 5)))
		must(t, g.client.Add(oma.NewAccessControl(5, path("/16/6"), 2)))
		must(t, g.client.Add(lwm2m.NewInstance(portfolio(), 6)))
		if got, want := g.entries(), strings.Replace(governedEntries, ", /2/7", ", /2/4=16/5 65535, /2/5=16/6 2, /2/7", 1); got != want {
			t.Errorf("entries %s\nwant %s", got, want)
		}
		g.refused("a second one", g.client.Add(oma.NewAccessControl(9, path("/16/6"), 2)), lwm2m.BadRequest,
			"4.00 Bad Request: /2/9: /2/5 is for the same")
		must(t, g.client.Delete(path("/16/5")))
		must(t, g.client.Delete(path("/16/6")))
		if got := g.entries(); got != governedEntries {
			t.Errorf("entries %s\nwant %s", got, governedEntries)
		}
		if e := g.client.ExplainAccess(9, path("/16/5")); e.Rights != 0 || !strings.HasSuffix(e.String(),
			"\n  the client has no Object Instance /16/5\n  no account has the Short Server ID 9") {
			t.Errorf("explained: %v", e)
		}
	})
}

// grant writes the rights of server 2 at the sensor, as its owner.
func (g *governed) grant(r model.Rights) {
	g.Helper()
	g.want(g.peer.Write(g.ctx, path("/2/0/2/2"), model.IntegerValue(int64(r)), server.WriteOptions{}))(model.Changed, "")
	sleep(time.Second)
}

// Without the right to read nothing is notified, not even for pmax; with it the observation goes on.
func TestAccessWithheldNotifications(t *testing.T) {
	govern(t, nil, func(g *governed) {
		g.want(g.other.WriteAttributesQuery(g.ctx, path("/3303/0/5700"), "pmax=60"))(model.Changed, "")
		single, err := g.other.Observe(g.ctx, path("/3303/0/5700"), server.ObserveOptions{})
		must(t, err)
		object, err := g.other.Observe(g.ctx, path("/3303"), server.ObserveOptions{})
		must(t, err)
		both, err := g.other.ObserveComposite(g.ctx, []lwm2m.Path{path("/3303/0/5700"), path("/3/0/0")}, server.CompositeOptions{}, server.ObserveOptions{})
		must(t, err)
		g.grant(0)
		must(t, g.temp.SensorValue.Set(30))
		sleep(5 * time.Minute)
		if n := pending(g.fixture, single); len(n) != 0 {
			t.Errorf("notified of %s", nodes(n[0].Nodes))
		}
		for name, o := range map[string]*server.Observation{"object": object, "both": both} {
			for _, n := range pending(g.fixture, o) {
				if strings.Contains(nodes(n.Nodes), "5700") {
					t.Errorf("%s: notified of %s", name, nodes(n.Nodes))
				}
			}
		}
		must(t, g.device.Manufacturer.Set("Acme Ltd"))
		sleep(time.Second)
		g.next(both, "/3/0/0=Acme Ltd")
		e := g.client.Explain(path("/3303/0/5700"))
		if len(e) != 3 || e[0].Rights != 0 || !strings.Contains(e[0].String(), "the server may not read it") ||
			!strings.Contains(e[0].String(), "next notification, when the server may read it") ||
			!strings.Contains(e[0].String(), "\nserver 2 has no rights at /3303/0\n  /2/0/2/2 gives server 2 no rights\n") {
			t.Errorf("explained: %v", e)
		}
		g.grant(model.RightRead)
		g.next(single, "/3303/0/5700=30")
		g.next(both, "/3/0/0=Acme Ltd /3303/0/5700=30")
		must(t, g.temp.SensorValue.Set(31))
		g.next(single, "/3303/0/5700=31")
		if strings.Contains(g.history.kinds(), "OBSERVATION_ENDED") {
			t.Errorf("events %s", g.history.kinds())
		}
	})
}

// What a callback gives after the right was lost is not told.
func TestAccessLostWhileReading(t *testing.T) {
	govern(t, nil, func(g *governed) {
		reads := newGate()
		o, err := g.other.Observe(g.ctx, path("/3303/0"), server.ObserveOptions{})
		must(t, err)
		must(t, o.Response.Err())
		g.temp.SensorUnits.OnRead(func(ctx context.Context) (string, error) { return "K", reads.pass(ctx) })
		must(t, g.temp.SensorValue.Set(30))
		sleep(time.Second)
		g.grant(0)
		close(reads.open)
		sleep(time.Minute)
		if n := pending(g.fixture, o); len(n) != 0 || reads.count() != 1 {
			t.Errorf("notified of %d, after %d reads", len(n), reads.count())
		}
		g.grant(model.RightRead)
		g.next(o, "/3303/0/5700=30 /3303/0/5701=K")
	})
}

// What was stored while the server was out of reach is told when it may be read.
func TestAccessWithheldBacklog(t *testing.T) {
	govern(t, exact12, func(g *governed) {
		g.want(g.other.WriteAttributesQuery(g.ctx, path("/3303/0/5700"), "con=1"))(model.Changed, "")
		o, err := g.other.Observe(g.ctx, path("/3303/0/5700"), server.ObserveOptions{Accept: server.SenMLJSON})
		must(t, err)
		g.server.Network.SetState(g.address, lwm2mtest.Silent)
		must(t, g.temp.SensorValue.Set(30)) // nobody acknowledges it
		sleep(65 * time.Second)
		must(t, g.temp.SensorValue.Set(31))
		g.grant(0)
		g.server.Network.SetState(g.address, lwm2mtest.Up)
		sleep(10 * time.Minute)
		if n := pending(g.fixture, o); len(n) != 0 {
			t.Errorf("notified of %s", nodes(n[0].Nodes))
		}
		if e := g.client.Explain(path("/3303/0")); len(e) != 1 || e[0].Stored != 2 {
			t.Errorf("explained %v", e)
		}
		g.grant(model.RightRead)
		g.next(o, "/3303/0/5700=30 /3303/0/5700=31")
	})
}

// A Send goes to those who may read it.
func TestAccessSend(t *testing.T) {
	govern(t, nil, func(g *governed) {
		must(t, g.client.Send(g.ctx, path("/3303/0/5700")))
		g.grant(0)
		const missing = "lwm2m: Send to server 2: 4.01 Unauthorized: /3303/0/5700: the right R is missing: /2/0/2/2 gives server 2 no rights"
		if err := g.client.Send(g.ctx, path("/3303/0/5700")); err == nil || err.Error() != missing || !errors.Is(err, lwm2m.Unauthorized) {
			t.Errorf("Send: %v", err)
		}
		sample := lwm2m.Sample{Path: path("/3303/0/5700"), Value: model.FloatValue(1)}
		if err := g.client.SendSamples(g.ctx, []lwm2m.Sample{sample}); err == nil || !errors.Is(err, lwm2m.Unauthorized) {
			t.Errorf("SendSamples: %v", err)
		}
		must(t, g.client.SendReport(g.ctx, lwm2m.Report{Samples: []lwm2m.Sample{sample}, Server: 1}))
	})
}

// Rights that servers have given survive a restart, and what is new is in step.
func TestAccessSurvivesRestart(t *testing.T) {
	kept := &store.Memory{}
	govern(t, func(c *lwm2m.Config, _ *fixture) { c.Store = kept }, func(g *governed) {
		g.grant(model.RightRead | model.RightWrite)
		g.stop()
		config := lwm2m.Config{Endpoint: "thermo-1", Store: kept, Objects: []lwm2m.ObjectInstance{
			ipso.NewTemperature(0), ipso.NewTemperature(1), oma.NewAccessControl(0, path("/3303/0"), 1), oma.NewAccessControl(4, path("/3303/1"), 2),
		}}
		for range 2 {
			config.Servers = append(config.Servers, lwm2m.ServerAccount{URI: g.server.URI(), Security: lwm2m.NoSec{}})
		}
		client, err := lwm2m.NewClient(config)
		must(t, err)
		g.client = client
		want := strings.Replace(governedEntries, "2:R,", "2:RW,", 1)
		want = strings.Replace(want, ", /2/7", ", /2/4=3303/1 65535, /2/7", 1)
		if got := g.entries(); got != want {
			t.Errorf("entries %s\nwant %s", got, want)
		}
	})
}

// With several servers and no Access Control Object all have all rights, also to what is added; with one server
// rights do not matter.
func TestAccessNotControlled(t *testing.T) {
	start(t, func(config *lwm2m.Config, f *fixture) {
		config.Objects = append(config.Objects, oma.NewAccessControl(0, path("/3303/0"), oma.NoOwner))
	}, func(f *fixture) {
		f.play(exchange{get("/3303/0/5700", text), model.Content, text, "22.5"})
		must(t, f.client.Add(lwm2m.NewInstance(portfolio(), 5)))
		if n := len(f.client.Instances(2)); n != 1 {
			t.Errorf("%d entries", n)
		}
		e := f.client.ExplainAccess(1, path("/3303/0"))
		if want := "server 1 has the rights RWED at /3303/0\n  there is only one server, so access is not controlled"; e.String() != want {
			t.Errorf("explained %v", e)
		}
		if e := f.client.ExplainAccess(1, lwm2m.Path{}); e.Rights != 0 || e.String() != "rights are at Objects and Object Instances: name one" {
			t.Errorf("explained %v", e)
		}
	})
}

func TestAccessControlIsChecked(t *testing.T) {
	bare := lwm2m.NewInstance(oma.NewAccessControl(0, path("/3/0"), 1).Object(), 4)
	for want, config := range map[string]lwm2m.Config{
		"lwm2m: Config.Objects[0]: 4.00 Bad Request: /2/4/0: mandatory Resource missing": {Objects: []lwm2m.ObjectInstance{bare}},
		"lwm2m: Config.Objects[0]: 4.00 Bad Request: /2/0/0: mandatory Resource missing": {
			Objects: []lwm2m.ObjectInstance{oma.NewAccessControl(0, path("/0/0"), 1)},
		},
		"lwm2m: Config.Objects[1]: 4.00 Bad Request: /2/1: /2/0 is for the same": {
			Objects: []lwm2m.ObjectInstance{oma.NewAccessControl(0, path("/3/0"), 1), oma.NewAccessControl(1, path("/3/0"), 2)},
		},
		"lwm2m: Config.Factories[0] needs an Object that servers may create": {Factories: []lwm2m.Factory{{Object: bare.Object()}}},
	} {
		config.Endpoint = "x"
		config.Servers = []lwm2m.ServerAccount{{URI: "coap://a", Security: lwm2m.NoSec{}}}
		if _, err := lwm2m.NewClient(config); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestETS951AttributesPerServer: each of two servers has attributes and observations of its own.
func TestETS951AttributesPerServer(t *testing.T) {
	govern(t, nil, func(g *governed) {
		g.want(g.peer.WriteAttributesQuery(g.ctx, path("/3303/0/5700"), "pmin=100"))(model.Changed, "")
		for peer, want := range map[*server.Device]string{g.peer: "</3303/0/5700>;pmin=100", g.other: "</3303/0/5700>"} {
			d, err := peer.Discover(g.ctx, path("/3303/0/5700"), server.DiscoverOptions{})
			must(t, err)
			if string(d.Payload) != want {
				t.Errorf("discovered %s, want %s", d.Payload, want)
			}
			r, err := peer.Registration()
			must(t, err)
			if !strings.Contains(r.Links, "</1/0>") || !strings.Contains(r.Links, "</1/1>") || strings.Contains(r.Links, "</0") {
				t.Errorf("registered %s", r.Links)
			}
		}
		slow := g.observe("/3303/0/5700", server.ObserveOptions{})
		quick, err := g.other.Observe(g.ctx, path("/3303/0/5700"), server.ObserveOptions{})
		must(t, err)
		must(t, g.temp.SensorValue.Set(30))
		g.next(quick, "/3303/0/5700=30")
		if n := pending(g.fixture, slow); len(n) != 0 {
			t.Errorf("notified within pmin of %s", nodes(n[0].Nodes))
		}
		sleep(100 * time.Second)
		g.next(slow, "/3303/0/5700=30")
	})
}

// A Bootstrap-Server gives two servers their accounts and their rights, as in the test specification, C.14; later it takes one
// of them away.
func TestAccessByBootstrap(t *testing.T) {
	config := manual
	bootstrapped(t, config, func(f *bootstrapFixture) {
		second := lwm2mtest.NewServer(f.T, lwm2mtest.Options{Network: f.server.Network, Address: "203.0.113.9:5683", Timeout: time.Hour})
		f.config.Factories = []lwm2m.Factory{{Object: portfolio()}}
		session := f.session()
		write := func(p, records string) {
			f.Helper()
			f.answers(session.Do(f.ctx, put(p, server.SenMLJSON, records)))(model.Changed, "")
		}
		for i, uri := range []string{f.server.URI(), second.URI()} {
			n := string(rune('1' + i))
			write("/0/"+n, `[{"bn":"/0/`+n+`/","n":"0","vs":"`+uri+`"},{"n":"1","vb":false},{"n":"2","v":3},{"n":"10","v":`+n+`}]`)
			write("/1/"+n, `[{"bn":"/1/`+n+`/","n":"0","v":`+n+`},{"n":"1","v":600},{"n":"6","vb":true},{"n":"7","vs":"U"}]`)
			write("/2/"+n, `[{"bn":"/2/`+n+`/","n":"0","v":1},{"n":"1","v":`+n+`},{"n":"2/`+n+`","v":15},{"n":"3","v":`+n+`}]`)
		}
		write("/2/3", `[{"bn":"/2/3/","n":"0","v":3},{"n":"1","v":0},{"n":"2/1","v":15},{"n":"2/2","v":1},{"n":"3","v":65535}]`)
		write("/2/4", `[{"bn":"/2/4/","n":"0","v":16},{"n":"1","v":65535},{"n":"2/2","v":16},{"n":"3","v":65535}]`)
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		one, two := f.server.WaitRegistered("thermo-1"), second.WaitRegistered("thermo-1")
		synctest.Wait()
		do := func(peer *server.Device, x exchange) {
			f.Helper()
			f.answers(peer.Do(f.ctx, x.request))(x.code, x.payload)
		}
		do(one, exchange{put("/3/0/15", text, "Europe/Paris"), model.Changed, none, ""})
		do(two, exchange{put("/3/0/15", text, "Asia/Tokyo"), model.Unauthorized, none, "/3/0/15: the right W is missing: /2/3/2/2 gives server 2 the rights R"})
		do(two, exchange{get("/3/0/15", text), model.Content, none, "Europe/Paris"})
		do(two, exchange{get("/1/1/1", text), model.Unauthorized, none, "/1/1/1: the right R is missing: /2/1 has no ACL for server 2, and no default"})
		do(one, exchange{get("/3303/0/5700", text), model.Unauthorized, none, "the right R is missing"})
		do(two, exchange{post("/16", server.SenMLJSON, `[{"n":"/16/3/0/0","vs":"x"}]`), model.Created, none, ""})
		do(two, exchange{get("/16/3/0/0", text), model.Content, none, "x"})
		do(one, exchange{get("/16/3/0/0", text), model.Unauthorized, none, "has no ACL for server 1, and no default"})

		// Without the second server the first has all rights, and what the other alone could use is gone.
		go func() { _ = f.client.Bootstrap(f.ctx) }()
		session = f.session()
		for _, p := range []string{"/0/2", "/1/2"} {
			f.answers(session.Delete(f.ctx, path(p)))(model.Deleted, "")
		}
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitEvent(server.Registered, "thermo-1") // the first
		f.server.WaitEvent(server.Registered, "thermo-1")
		synctest.Wait()
		do(one, exchange{get("/3303/0/5700", text), model.Content, none, "22.5"})
		if n := len(f.client.Instances(16)); n != 0 {
			t.Errorf("%d instances that nobody may use", n)
		}
		if got := f.client.ExplainAccess(1, path("/3303/0")).String(); !strings.Contains(got, "there is only one server") {
			t.Errorf("explained: %s", got)
		}
		for _, in := range f.client.Instances(2) {
			if _, ok := in.Items(2)[2]; ok {
				t.Errorf("%v still has rights of server 2", in.Path())
			}
		}
	})
}
