package lwm2m_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
)

// bootstrapFixture is a device with the account of a Bootstrap-Server, which knows of a server.
type bootstrapFixture struct {
	*testing.T
	ctx     context.Context
	server  *lwm2mtest.Server
	bs      *lwm2mtest.Server
	config  lwm2m.Config
	client  *lwm2m.Client
	device  *oma.Device
	temp    *ipso.Temperature
	history *history
	stop    func()
}

// bootstrapped runs a test with a device that has not been started yet, in virtual time. The Bootstrap-Server does
// what the test says, with the account of the server if that is empty.
func bootstrapped(t *testing.T, config server.BootstrapConfig, test func(*bootstrapFixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &bootstrapFixture{T: t, ctx: t.Context(), history: &history{}, stop: func() {}}
		f.server = lwm2mtest.NewServer(t, lwm2mtest.Options{Timeout: time.Hour})
		if config.Servers == nil {
			config.Servers = []server.ServerAccount{f.account(1)}
		}
		f.bs = lwm2mtest.NewBootstrapServer(t, lwm2mtest.Options{
			Network: f.server.Network, Timeout: time.Hour,
			Config: server.Config{Bootstrap: &server.Bootstrap{Endpoints: map[string]server.BootstrapConfig{"thermo-1": config}}},
		})
		f.device, f.temp = oma.NewDevice(), ipso.NewTemperature(0)
		f.config = lwm2m.Config{
			Endpoint: "thermo-1",
			Servers:  []lwm2m.ServerAccount{{URI: f.bs.URI(), Security: lwm2m.NoSec{}, Bootstrap: true}},
			Objects:  []lwm2m.ObjectInstance{f.device, f.temp},
			Network:  f.server.Network,
			OnEvent:  f.history.add,
		}
		if os.Getenv("LWM2M_TRACE") != "" {
			f.config.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
		must(t, f.device.Manufacturer.Set("Acme"))
		must(t, f.temp.SensorValue.Set(22.5))
		defer func() { f.stop() }()
		test(f)
	})
}

// account is that of the fixture's server.
func (f *bootstrapFixture) account(ssid uint16) server.ServerAccount {
	return server.ServerAccount{URI: f.server.URI(), Security: server.NoSec{}, ShortServerID: ssid}
}

// run starts the device.
func (f *bootstrapFixture) run() {
	f.Helper()
	client, err := lwm2m.NewClient(f.config)
	must(f, err)
	f.client = client
	ctx, cancel := context.WithCancel(f.ctx)
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		must(f, <-ended)
	})
}

// session starts the device, or has it bootstrapped anew, and waits for the session, which the test has by hand.
func (f *bootstrapFixture) session() *server.BootstrapSession {
	f.Helper()
	if f.client == nil {
		f.run()
	}
	session := f.bs.WaitBootstrap("thermo-1")
	synctest.Wait() // the device has heard of it too
	return session
}

// answers checks the code of an answer, and a part of its payload.
func (f *bootstrapFixture) answers(r *server.Response, err error) func(code model.Code, part string) {
	f.Helper()
	return func(code model.Code, part string) {
		f.Helper()
		must(f, err)
		if r.Code != code || !strings.Contains(string(r.Payload), part) {
			f.Errorf("%v %q, want %v %q", r.Code, r.Payload, code, part)
		}
	}
}

// events waits until nothing happens and checks the kinds of all events.
func (f *bootstrapFixture) events(want string) {
	f.Helper()
	synctest.Wait()
	if got := f.history.kinds(); got != want {
		f.Errorf("events\n%s\nwant\n%s", got, want)
	}
}

// has checks a Resource of an Object Instance of the client: its value as text, "" if it is not there.
func (f *bootstrapFixture) has(p, want string) {
	f.Helper()
	at, got := path(p), ""
	for _, in := range f.client.Instances(at.Object()) {
		if v, ok := in.Get(at.Resource()); ok && in.Path() == at.Prefix(2) {
			got = v.String()
		}
	}
	if got != want {
		f.Errorf("%s is %q, want %q", p, got, want)
	}
}

func (f *bootstrapFixture) last() lwm2m.Event {
	f.Helper()
	synctest.Wait()
	f.history.mu.Lock()
	defer f.history.mu.Unlock()
	return f.history.events[len(f.history.events)-1]
}

var manual = server.BootstrapConfig{Manual: true}

// ETS 0: a client without an account of a server turns to its Bootstrap-Server.
func TestETS0ClientInitiatedBootstrap(t *testing.T) {
	for name, config := range map[string]server.BootstrapConfig{
		"SenML CBOR":    {Verify: []model.Path{{}}},
		"TLV":           {Format: server.TLV},
		"SenML JSON":    {Format: server.SenMLJSON},
		"whole Objects": {WholeObjects: true},
		"everything deleted": {Delete: []model.Path{{}}, Writes: []server.BootstrapWrite{
			{Path: path("/3/0/14"), Value: model.StringValue("+02:00")},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bootstrapped(t, config, func(f *bootstrapFixture) {
				begin := time.Now()
				f.config.Servers[0].HoldOff = 10 * time.Second
				f.run()
				f.bs.WaitEvent(server.BootstrapFinished, "thermo-1")
				peer := f.server.WaitRegistered("thermo-1")
				synctest.Wait()
				if d := time.Since(begin); d < 10*time.Second || d > 15*time.Second {
					f.Errorf("registered after %v", d)
				}
				f.events("BOOTSTRAP_REG_COMPLETE BOOTSTRAP_TRANSFER_COMPLETE REGISTRATION_COMPLETE")
				if in := f.client.Instances(1)[0]; in != nil {
					v, _ := in.Get(12)
					if since := time.Since(v.Time()); since < 0 || since > 3*time.Second {
						f.Errorf("Last Bootstrapped %v ago", since)
					}
				}
				r, err := peer.Read(f.ctx, path("/1/0/0"), server.ReadOptions{})
				f.answers(r, err)(model.Content, "1")
			})
		})
	}
}

// ETS 4: what Bootstrap-Delete leaves, as Bootstrap-Discover tells it.
func TestETS4BootstrapDelete(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		session := f.session()
		discover := func(at, want string) {
			f.Helper()
			r, err := session.Discover(f.ctx, path(at))
			must(f, err)
			if string(r.Payload) != want {
				f.Errorf("Discover %s: %v %s, want %s", at, r.Code, r.Payload, want)
			}
		}
		discover("/", "</>;lwm2m=1.1,</0/0>,</1>,</3/0>,</3303>;ver=1.1,</3303/0>")
		discover("/3303", "</>;lwm2m=1.1,</3303>;ver=1.1,</3303/0>")
		f.answers(session.Discover(f.ctx, path("/3303/0")))(model.MethodNotAllowed, "not possible on an Object Instance")
		f.answers(session.Discover(f.ctx, path("/77")))(model.NotFound, "no such Object")
		f.answers(session.Do(f.ctx, server.Request{Method: server.GET, Path: "/", Accept: server.LinkFormat, Query: []string{"depth=1"}}))(
			model.BadRequest, "no parameters")
		f.answers(session.Delete(f.ctx, path("/0")))(model.Deleted, "")
		f.answers(session.Delete(f.ctx, path("/")))(model.Deleted, "")
		discover("/", "</>;lwm2m=1.1,</0/0>,</1>,</3/0>,</3303>;ver=1.1")
		must(f, session.Configure(f.ctx))
		discover("/", `</>;lwm2m=1.1,</0/0>,</0/1>;ssid=1;uri="`+f.server.URI()+`",</1/0>;ssid=1,</3/0>,</3303>;ver=1.1`)
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		if got := f.client.Instances(3303); len(got) != 0 {
			f.Errorf("%v was deleted", got[0].Path())
		}
		must(f, f.temp.SensorValue.Set(1)) // it still works, for nobody
		must(f, f.client.Add(f.temp))
	})
}

// ETS 5: a server has the client bootstrapped, here to another server.
func TestETS5ServerInitiatedBootstrap(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		other := lwm2mtest.NewServer(f.T, lwm2mtest.Options{Network: f.server.Network, Address: "203.0.113.9:5683", Timeout: time.Hour})
		f.config.Servers = append(f.config.Servers, lwm2m.ServerAccount{URI: other.URI(), Security: lwm2m.NoSec{}})
		f.run()
		peer := other.WaitRegistered("thermo-1")
		synctest.Wait()
		f.answers(peer.Execute(f.ctx, path("/1/0/9"), ""))(model.Changed, "")
		session := f.session()
		if _, err := other.Device("thermo-1"); err != nil {
			f.Errorf("the client has left its server before it has another: %v", err)
		}
		must(f, session.Configure(f.ctx))
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		f.events("REGISTRATION_COMPLETE BOOTSTRAP_REG_COMPLETE BOOTSTRAP_TRANSFER_COMPLETE DISCONNECT REGISTRATION_COMPLETE")
		if n := len(f.client.Instances(0)) + len(f.client.Instances(1)); n != 3 {
			f.Errorf("%d instances of accounts", n)
		}
		peer, err := f.server.Device("thermo-1")
		must(f, err)
		f.answers(peer.Execute(f.ctx, path("/1/0/8"), ""))(model.Changed, "") // the new Server Object has what the old one had
		f.server.WaitEvent(server.Updated, "thermo-1")
	})
}

// ETS 6: accounts that are there come first; factory data, configured servers, then the Bootstrap-Server.
func TestETS6BootstrapSequence(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		f.config.FactoryData = []byte(`[{"bn":"/0/1/","n":"0","vs":"` + f.server.URI() + `"},{"n":"1","vb":false},{"n":"2","v":3},{"n":"10","v":7},
			{"bn":"/1/0/","n":"0","v":7},{"n":"1","v":300},{"n":"6","vb":true},{"n":"7","vs":"U"},
			{"bn":"/3/0/","n":"14","vs":"+03:00"}]`)
		f.run()
		peer := f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		r, err := peer.Registration()
		must(f, err)
		if r.Lifetime != 300*time.Second {
			f.Errorf("lifetime %v", r.Lifetime)
		}
		if zone, _ := f.device.UTCOffset.Get(); zone != "+03:00" {
			f.Errorf("UTC offset %q", zone)
		}
		f.has("/1/0/12", "")
		f.events("REGISTRATION_COMPLETE")
		f.answers(peer.Execute(f.ctx, path("/1/0/9"), ""))(model.Changed, "")
		f.answers(f.session().Finish(f.ctx))(model.Changed, "") // nothing was written, nothing is wrong
		f.server.WaitEvent(server.Registered, "thermo-1")
		f.server.WaitEvent(server.Registered, "thermo-1")
	})
}

// ETS 7: a server that does not answer leads to the Bootstrap-Server.
func TestETS7FallbackToBootstrap(t *testing.T) {
	bootstrapped(t, server.BootstrapConfig{}, func(f *bootstrapFixture) {
		f.config.Servers = append(f.config.Servers, lwm2m.ServerAccount{URI: "coap://203.0.113.77", Security: lwm2m.NoSec{}})
		f.config.Objects = append(f.config.Objects, retries(f, 2))
		f.run()
		sleep(10 * time.Minute)
		f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		kinds := f.history.kinds()
		if !strings.HasSuffix(kinds, " REG_TIMEOUT NETWORK_ERROR BOOTSTRAP_REG_COMPLETE BOOTSTRAP_TRANSFER_COMPLETE DISCONNECT REGISTRATION_COMPLETE") ||
			strings.Count(kinds, "REG_TIMEOUT") != 2 {
			f.Errorf("events: %s", kinds)
		}
	})
}

// retries is an instance of the Server Object with few attempts to register.
func retries(f *bootstrapFixture, ssid int64) *lwm2m.Instance {
	def, _ := model.Core(lwm2m.Version11).Latest(1)
	in := lwm2m.NewInstance(def, 0)
	must(f, in.Set(0, model.IntegerValue(ssid)))
	for resource, n := range map[uint16]uint64{17: 2, 18: 10, 20: 1} {
		must(f, in.Set(resource, model.UnsignedValue(n)))
	}
	return in
}

// ETS 8: what can be read in a bootstrap.
func TestETS8BootstrapRead(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		session := f.session()
		must(f, session.Configure(f.ctx))
		f.answers(session.Read(f.ctx, path("/1"), server.ReadOptions{Accept: server.SenMLJSON}))(model.Content, `{"bn":"/1/","n":"0/0","v":1}`)
		f.answers(session.Read(f.ctx, path("/1/0"), server.ReadOptions{Accept: server.TLV}))(model.Content, "\xc1\x00\x01")
		f.answers(session.Read(f.ctx, path("/1/0"), server.ReadOptions{Accept: server.LwM2MCBOR}))(model.NotAcceptable, "not supported")
		f.answers(session.Read(f.ctx, path("/2"), server.ReadOptions{Accept: server.SenMLJSON}))(model.Content, "[]")
		f.answers(session.Read(f.ctx, path("/0"), server.ReadOptions{}))(model.Unauthorized, "credentials")
		f.answers(session.Read(f.ctx, path("/3/0"), server.ReadOptions{}))(model.MethodNotAllowed, "only the Objects 1 and 2")
		f.answers(session.WriteNodes(f.ctx, path("/2/0"), []server.Node{
			{Path: path("/2/0/0"), Value: model.IntegerValue(3)}, {Path: path("/2/0/1"), Value: model.IntegerValue(0)},
			{Path: path("/2/0/2/0"), Value: model.IntegerValue(31)}, {Path: path("/2/0/3"), Value: model.IntegerValue(65535)},
		}, server.WriteOptions{Format: server.TLV}))(model.Changed, "")
		f.answers(session.Read(f.ctx, path("/2/0"), server.ReadOptions{Accept: server.SenMLJSON}))(model.Content, `{"n":"2/0","v":31}`)
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitRegistered("thermo-1")
	})
}

// ETS 9: a configuration that cannot be worked with is refused with the reason, and can be put right.
func TestETS9BootstrapAndConfigurationConsistency(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		session := f.session()
		f.answers(session.Write(f.ctx, path("/1/0/5"), model.IntegerValue(600), server.WriteOptions{}))(model.Changed, "")
		f.answers(session.Finish(f.ctx))(model.NotAcceptable, "/1/0/0: the mandatory Resource Short Server ID is missing")
		if e := f.last(); e.Kind != lwm2m.BootstrapFailed || !strings.Contains(e.Err.Error(), "Short Server ID is missing") || !e.Next.IsZero() {
			f.Errorf("event %v", e)
		}
		if len(f.client.Instances(1)) != 0 {
			f.Error("a refused session has an effect")
		}
		must(f, session.Configure(f.ctx))
		f.answers(session.Write(f.ctx, path("/0/1/0"), model.StringValue("coaps://other.example"), server.WriteOptions{}))(model.Changed, "")
		f.answers(session.Finish(f.ctx))(model.NotAcceptable, "/0/1: lwm2m.NoSec does not go with coaps://")
		f.answers(session.Write(f.ctx, path("/0/1/0"), model.StringValue("coap+tcp://a"), server.WriteOptions{}))(model.Changed, "")
		f.answers(session.Finish(f.ctx))(model.NotAcceptable, "/0/1: ")
		f.answers(session.Write(f.ctx, path("/0/1/2"), model.IntegerValue(2), server.WriteOptions{}))(model.Changed, "")
		f.answers(session.Write(f.ctx, path("/0/1/0"), model.StringValue("coaps://a"), server.WriteOptions{}))(model.Changed, "")
		f.answers(session.Finish(f.ctx))(model.NotAcceptable, "/0/1: ")
		must(f, session.Configure(f.ctx))
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitRegistered("thermo-1")
	})
}

// ETS 12: all in one answer, block by block.
func TestETS12BootstrapPackRequest(t *testing.T) {
	bootstrapped(t, server.BootstrapConfig{Writes: []server.BootstrapWrite{
		{Path: path("/3/0/15"), Value: model.StringValue(strings.Repeat("Europe/Paris ", 200))},
	}}, func(f *bootstrapFixture) {
		f.config.Version, f.config.BootstrapPack = lwm2m.Version12, true
		f.run()
		f.bs.WaitEvent(server.BootstrapPacked, "thermo-1")
		f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		f.events("BOOTSTRAP_REG_COMPLETE BOOTSTRAP_TRANSFER_COMPLETE REGISTRATION_COMPLETE")
		if zone, _ := f.device.Timezone.Get(); len(zone) != 200*len("Europe/Paris ") {
			f.Errorf("time zone of %d bytes", len(zone))
		}
		f.has("/1/0/0", "1")
		if n := len(f.client.Instances(0)); n != 2 {
			f.Errorf("%d accounts", n)
		}
	})
}

// A client whose Bootstrap-Server has no Bootstrap-Pack, or none that makes sense, is bootstrapped as usual.
func TestETS12BootstrapPackFallback(t *testing.T) {
	const refused = "BOOTSTRAP_REG_COMPLETE BOOTSTRAP_REG_FAILURE "
	for name, test := range map[string]struct {
		pack   func(*server.BootstrapConfig) error
		events string
	}{
		"none": {func(*server.BootstrapConfig) error { return model.NotFound }, ""},
		"inconsistent": {func(c *server.BootstrapConfig) error {
			c.Writes = []server.BootstrapWrite{{Path: path("/1/7/0"), Value: model.IntegerValue(99)}}
			return nil
		}, refused},
		"unknown Object": {func(c *server.BootstrapConfig) error {
			c.Writes = []server.BootstrapWrite{{Path: path("/77/0/0"), Value: model.IntegerValue(1)}}
			return nil
		}, refused},
	} {
		t.Run(name, func(t *testing.T) {
			bootstrapped(t, manual, func(f *bootstrapFixture) {
				find := func(_ context.Context, client server.BootstrapClient) (server.BootstrapConfig, error) {
					config := server.BootstrapConfig{Servers: []server.ServerAccount{f.account(1)}}
					if client.Pack {
						return config, test.pack(&config)
					}
					return config, nil
				}
				bs := lwm2mtest.NewBootstrapServer(f.T, lwm2mtest.Options{
					Network: f.server.Network, Address: "203.0.113.9:5683",
					Config: server.Config{Bootstrap: &server.Bootstrap{Find: find}},
				})
				f.config.Servers[0].URI = bs.URI()
				f.config.Version, f.config.BootstrapPack = lwm2m.Version12, true
				f.run()
				f.server.WaitRegistered("thermo-1")
				synctest.Wait()
				f.events(test.events + "BOOTSTRAP_REG_COMPLETE BOOTSTRAP_TRANSFER_COMPLETE REGISTRATION_COMPLETE")
			})
		})
	}
}
