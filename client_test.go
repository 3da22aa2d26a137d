package lwm2m_test

import (
	"context"
	"fmt"
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

// fixture is a device that is registered with a server, over a network in memory.
type fixture struct {
	*testing.T
	ctx     context.Context
	server  *lwm2mtest.Server
	client  *lwm2m.Client
	device  *oma.Device
	temp    *ipso.Temperature
	peer    *server.Device
	host    *lwm2m.Host                 // nil without runOnHost
	run     func(context.Context) error // default: client.Run
	stop    func()
	history *history
}

// history is what Config.OnEvent was told.
type history struct {
	mu     sync.Mutex
	events []lwm2m.Event
}

func (h *history) add(e lwm2m.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

func (h *history) kinds() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var kinds []string
	for _, e := range h.events {
		kinds = append(kinds, e.Kind.String())
	}
	return strings.Join(kinds, " ")
}

// start runs a test with a registered device, in virtual time.
func start(t *testing.T, configure func(*lwm2m.Config, *fixture), test func(*fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{T: t, history: &history{}}
		f.server = lwm2mtest.NewServer(t, lwm2mtest.Options{})
		f.device, f.temp = oma.NewDevice(), ipso.NewTemperature(0)
		config := lwm2m.Config{
			Endpoint: "thermo-1",
			Servers:  []lwm2m.ServerAccount{{URI: f.server.URI(), Security: lwm2m.NoSec{}}},
			Objects:  []lwm2m.ObjectInstance{f.device, f.temp},
			Network:  f.server.Network,
			OnEvent:  f.history.add,
		}
		if os.Getenv("LWM2M_TRACE") != "" {
			config.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
		must(t, f.device.Manufacturer.Set("Acme"))
		must(t, f.temp.SensorUnits.Set("Cel"))
		must(t, f.temp.SensorValue.Set(22.5))
		if configure != nil {
			configure(&config, f)
		}
		client, err := lwm2m.NewClient(config)
		must(t, err)
		f.client = client
		if f.run == nil {
			f.run = client.Run
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.run(ctx) }()
		f.stop = sync.OnceFunc(func() {
			cancel()
			must(t, <-ended)
		})
		defer f.stop()
		f.ctx = t.Context()
		f.peer = f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		test(f)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// path parses a path that the test has written itself.
func path(s string) lwm2m.Path {
	p, err := lwm2m.ParsePath(s)
	if err != nil {
		panic(err)
	}
	return p
}

// want checks an answer: its code, and the values in it as "path=value" separated by spaces.
func (f *fixture) want(r *server.Response, err error) func(code model.Code, values string) {
	f.Helper()
	return func(code model.Code, values string) {
		f.Helper()
		if err != nil {
			f.Fatal(err)
		}
		if r.Code != code {
			f.Fatalf("code %v %q, want %v", r.Code, r.Payload, code)
		}
		if got := nodes(r.Nodes); got != values {
			f.Fatalf("values %s, want %s", got, values)
		}
	}
}

func nodes(nodes []server.Node) string {
	var s []string
	for _, n := range nodes {
		s = append(s, fmt.Sprintf("%v=%v", n.Path, n.Value))
	}
	return strings.Join(s, " ")
}

func TestLifeOfADevice(t *testing.T) {
	start(t, nil, func(f *fixture) {
		r, err := f.peer.Registration()
		must(t, err)
		if r.Version != lwm2m.Version11 || r.Lifetime != 24*time.Hour || r.Binding != "U" {
			t.Errorf("registration %+v", r)
		}
		f.want(f.peer.Read(f.ctx, path("/3/0/0"), server.ReadOptions{}))(model.Content, "/3/0/0=Acme")
		f.want(f.peer.Read(f.ctx, path("/3303/0"), server.ReadOptions{}))(model.Content, "/3303/0/5700=22.5 /3303/0/5701=Cel")
		f.want(f.peer.Write(f.ctx, path("/3/0/15"), model.StringValue("Europe/Paris"), server.WriteOptions{}))(model.Changed, "")
		if v, _ := f.device.Timezone.Get(); v != "Europe/Paris" {
			t.Errorf("time zone %q", v)
		}
		o, err := f.peer.Observe(f.ctx, path("/3303/0/5700"), server.ObserveOptions{})
		must(t, err)
		must(t, f.temp.SensorValue.Set(23.5))
		n, err := o.Next(f.ctx)
		must(t, err)
		if got := nodes(n.Nodes); got != "/3303/0/5700=23.5" {
			t.Errorf("notification %s", got)
		}
		f.stop()
		if got := f.server.Registrations(); len(got) != 0 {
			t.Errorf("still registered: %v", got)
		}
		if got := f.history.kinds(); got != "REGISTRATION_COMPLETE OBSERVER_ADDED DEREGISTER OBSERVER_REMOVED DISCONNECT" {
			t.Errorf("events: %s", got)
		}
	})
}
