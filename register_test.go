package lwm2m_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
)

var serverAddress = netip.MustParseAddrPort(lwm2mtest.DefaultAddress)

func TestETS101InitialRegistration(t *testing.T) {
	for name, c := range map[string]struct {
		version      lwm2m.Version
		queue        bool
		query, links string
	}{
		"1.1": {lwm2m.Version11, false, "[lwm2m=1.1 ep=thermo-1 lt=60]",
			`</>;rt="oma.lwm2m";ct="60 110 112 11542 11543",</1/0>,</3/0>,</3303>;ver=1.1,</3303/0>`},
		"1.1 queue mode": {lwm2m.Version11, true, "[lwm2m=1.1 ep=thermo-1 lt=60 b=U Q]",
			`</>;rt="oma.lwm2m";ct="60 110 112 11542 11543",</1/0>,</3/0>,</3303>;ver=1.1,</3303/0>`},
		"1.0":            {lwm2m.Version10, false, "[lwm2m=1.0 ep=thermo-1 lt=60]", ``},
		"1.0 queue mode": {lwm2m.Version10, true, "[lwm2m=1.0 ep=thermo-1 lt=60 b=UQ]", ``},
	} {
		t.Run(name, func(t *testing.T) {
			configure := func(config *lwm2m.Config, _ *fixture) {
				config.Version = c.version
				config.Servers[0].Lifetime = time.Minute
				config.Servers[0].QueueMode = c.queue
			}
			start(t, configure, func(f *fixture) {
				r, err := f.peer.Registration()
				must(t, err)
				if got := fmt.Sprint(r.Query); got != c.query || c.links != "" && r.Links != c.links {
					t.Errorf("Register %s with %s", got, r.Links)
				}
				if strings.Contains(r.Links, "</0") || r.Has(path("/21")) {
					t.Errorf("credentials are announced: %s", r.Links)
				}
			})
		})
	}
}

func TestETS102RegistrationUpdate(t *testing.T) {
	start(t, nil, func(f *fixture) {
		w := record(f.server.Network)
		f.play(exchange{put("/1/0/1", text, "20"), model.Changed, none, ""})
		u := f.server.WaitEvent(server.Updated, "thermo-1")
		if fmt.Sprint(u.Query) != "[lt=20]" || u.Registration.Lifetime != 20*time.Second {
			t.Errorf("Update with %v", u.Query)
		}
		id := u.Registration.ID
		w.take()
		sleep(41 * time.Second) // the lifetime is shorter than two margins: at half of it, but at most once in 15 s
		f.passed(w, strings.ReplaceAll(`
			15.0 -> CON POST rd/ID
			15.0 <- ACK 2.04
			30.0 -> CON POST rd/ID
			30.0 <- ACK 2.04`, "rd/ID", "/rd/"+id))
	})
}

func TestETS103Deregistration(t *testing.T) {
	configure := func(config *lwm2m.Config, _ *fixture) { config.Servers[0].DisableTimeout = time.Hour }
	start(t, configure, func(f *fixture) {
		w := record(f.server.Network)
		r, err := f.peer.Registration()
		must(t, err)
		f.play(exchange{post("/1/0/4", none, ""), model.Changed, none, ""})
		sleep(2 * time.Second)
		f.passed(w, `
			0.0 <- CON POST /1/0/4
			0.0 -> ACK 2.04
			1.0 -> CON DELETE /rd/`+r.ID+`
			1.0 <- ACK 2.02`)
		if got := f.history.last(); !strings.HasPrefix(got, "DISCONNECT") {
			t.Errorf("event %s", got)
		}
		sleep(time.Hour - 3*time.Second)
		if got := w.take(); got != "" {
			t.Errorf("the client does not stay away: %s", got)
		}
		sleep(2 * time.Second)
		if _, err := f.peer.Registration(); err != nil {
			t.Errorf("the client does not come back: %v", err)
		}
	})
}

// The pause of a Disable may be over before the De-register is given up.
func TestDisableWhenServerGoesSilent(t *testing.T) {
	configure := func(config *lwm2m.Config, _ *fixture) { config.Servers[0].DisableTimeout = 5 * time.Second }
	start(t, configure, func(f *fixture) {
		f.play(exchange{post("/1/0/4", none, ""), model.Changed, none, ""})
		f.server.Network.SetState(serverAddress, lwm2mtest.Silent)
		sleep(time.Minute)
		f.server.Network.SetState(serverAddress, lwm2mtest.Up)
		sleep(time.Minute)
		if !strings.Contains(f.history.kinds(), "DEREGISTER_FAILURE DISCONNECT REGISTRATION_COMPLETE") && !strings.Contains(f.history.kinds(), "DEREGISTER DISCONNECT REGISTRATION_COMPLETE") {
			t.Errorf("events %s", f.history.kinds())
		}
		f.server.WaitRegistered("thermo-1")
	})
}

// Resources 17 to 20 of the Server Object say when a failed Register is repeated (Core 1.1.1 §6.2.1.2).
func TestRetryResources(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		account := oma.NewServer(0, 1)
		must(f, account.CommunicationRetryCount.Set(2))
		must(f, account.CommunicationRetryTimer.Set(1))
		must(f, account.CommunicationSequenceDelayTimer.Set(10))
		must(f, account.CommunicationSequenceRetryCount.Set(2))
		config.Objects = append(config.Objects, account)
		refusals := 0
		f.server = lwm2mtest.NewServer(f, lwm2mtest.Options{Network: f.server.Network, Address: "198.51.100.3:5683", Timeout: time.Hour, Config: server.Config{
			Intercept: func(context.Context, server.Intercepted) server.Verdict {
				if refusals++; refusals <= 4 {
					return server.Verdict{Code: model.Forbidden}
				}
				return server.Verdict{}
			},
		}})
		config.Servers[0].URI = f.server.URI()
	}
	start(t, configure, func(f *fixture) {
		want := []time.Duration{time.Second, 10 * time.Second, time.Second, 10 * time.Second}
		f.history.mu.Lock()
		defer f.history.mu.Unlock()
		for _, e := range f.history.events {
			if e.Kind != lwm2m.RegistrationFailed {
				continue
			}
			if got := e.Next.Sub(e.Time); len(want) == 0 || got < want[0] || got > want[0]*5/4 {
				t.Errorf("a wait of %v, want %v and up to a quarter more", got, want)
			}
			want = want[min(1, len(want)):]
		}
		if len(want) > 0 {
			t.Errorf("waits of %v are missing", want)
		}
	})
}

// A new value of Resource 1/x/18 is the next wait.
func TestRetryResourceChanged(t *testing.T) {
	var refuse atomic.Bool
	account := oma.NewServer(0, 1)
	configure := func(config *lwm2m.Config, f *fixture) {
		f.server = lwm2mtest.NewServer(f, lwm2mtest.Options{Network: f.server.Network, Address: "198.51.100.3:5683", Timeout: time.Hour, Config: server.Config{
			Intercept: func(context.Context, server.Intercepted) server.Verdict {
				if refuse.Load() {
					return server.Verdict{Code: model.Forbidden}
				}
				return server.Verdict{}
			},
		}})
		config.Servers[0].URI = f.server.URI()
		must(f, account.CommunicationRetryTimer.Set(1000))
		config.Objects = append(config.Objects, account)
	}
	start(t, configure, func(f *fixture) {
		must(t, account.CommunicationRetryTimer.Set(7))
		refuse.Store(true)
		if err := f.client.Update(f.ctx); !errors.Is(err, model.Forbidden) {
			t.Errorf("Update: %v", err)
		}
		synctest.Wait()
		f.history.mu.Lock()
		e := f.history.events[len(f.history.events)-1]
		f.history.mu.Unlock()
		if wait := e.Next.Sub(e.Time); wait < 7*time.Second || wait > 7*time.Second*5/4 {
			t.Errorf("a wait of %v, want 7 s and up to a quarter more: %v", wait, e)
		}
		refuse.Store(false)
	})
}

func TestETS104RegistrationUpdateTrigger(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.play(exchange{post("/1/0/8", none, ""), model.Changed, none, ""})
		if u := f.server.WaitEvent(server.Updated, "thermo-1"); len(u.Query) > 0 || u.Registration.Updates != 1 {
			t.Errorf("Update with %v", u.Query)
		}
	})
}

func TestETS105DiscardedRegisterUpdate(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.observe("/3303/0/5700", server.ObserveOptions{})
		f.server.Forget("thermo-1")
		began := time.Now()
		must(t, f.client.Update(f.ctx))
		if took := time.Since(began); took > time.Second {
			t.Errorf("registered again after %v", took)
		}
		f.peer = f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		f.play(exchange{get("/3303/0/5700", none), model.Content, text, "22.5"})
		sleep(0)
		want := "REGISTRATION_COMPLETE OBSERVER_ADDED REG_UPDATE REGISTRATION_FAILURE OBSERVER_REMOVED REGISTRATION_COMPLETE"
		if got := f.history.kinds(); got != want {
			t.Errorf("events %s, want %s", got, want)
		}
	})
}

func TestETS107ExtendingTheLifetime(t *testing.T) {
	configure := func(config *lwm2m.Config, _ *fixture) { config.Servers[0].Lifetime = time.Minute }
	start(t, configure, func(f *fixture) {
		f.play(exchange{put("/1/0/1", text, "120"), model.Changed, none, ""})
		u := f.server.WaitEvent(server.Updated, "thermo-1")
		if fmt.Sprint(u.Query) != "[lt=120]" {
			t.Errorf("Update with %v", u.Query)
		}
		// By one message with other Resources (ETS 226).
		sleep(15 * time.Second)
		f.play(exchange{post("/1/0", server.SenMLJSON, `[{"bn":"/1/0/","n":"1","v":61},{"n":"6","vb":true}]`), model.Changed, none, ""})
		if u := f.server.WaitEvent(server.Updated, "thermo-1"); fmt.Sprint(u.Query) != "[lt=61]" {
			t.Errorf("Update with %v", u.Query)
		}
	})
}

// Config.MinUpdateInterval replaces the 15 s.
func TestMinUpdateInterval(t *testing.T) {
	configure := func(config *lwm2m.Config, _ *fixture) { config.MinUpdateInterval = 2 * time.Second }
	start(t, configure, func(f *fixture) {
		for range 3 {
			before := time.Now()
			must(t, f.client.Update(f.ctx))
			must(t, f.client.Update(f.ctx))
			if took := time.Since(before); took < 2*time.Second || took > 4*time.Second {
				t.Errorf("two Updates took %v", took)
			}
		}
	})
}

// Updates keep a registration alive for weeks, each in time and none too many.
func TestLifetimeOverDays(t *testing.T) {
	for _, c := range []struct{ lifetime, margin, every time.Duration }{
		{24 * time.Hour, 0, 24*time.Hour - 93*time.Second},
		{time.Hour, 10 * time.Minute, 50 * time.Minute},
		{5 * time.Minute, 0, 207 * time.Second},
		{2 * time.Minute, 0, time.Minute},
	} {
		configure := func(config *lwm2m.Config, _ *fixture) {
			config.Servers[0].Lifetime = c.lifetime
			config.UpdateMargin = c.margin
		}
		start(t, configure, func(f *fixture) {
			sleep(100*c.every + time.Second)
			r, err := f.peer.Registration()
			must(t, err)
			if r.Updates != 100 {
				t.Errorf("lifetime %v: %d Updates in %v, want 100", c.lifetime, r.Updates, 100*c.every)
			}
			if f.server.Network.Stats(lwm2mtest.ToServer).Sent != 101 {
				t.Errorf("lifetime %v: %+v", c.lifetime, f.server.Network.Stats(lwm2mtest.ToServer))
			}
		})
	}
}

func TestUpdateRate(t *testing.T) {
	start(t, nil, func(f *fixture) {
		began := time.Now()
		var times []time.Duration
		for range 4 {
			must(t, f.client.Update(f.ctx))
			times = append(times, time.Since(began))
		}
		if want := "[0s 15s 30s 45s]"; fmt.Sprint(times) != want {
			t.Errorf("Updates answered after %v, want %s", times, want)
		}
		// Calls that wait together are served by one Update.
		answered := make(chan error, 20)
		for range cap(answered) {
			go func() { answered <- f.client.Update(f.ctx) }()
		}
		for range cap(answered) {
			must(t, <-answered)
		}
		if r, _ := f.peer.Registration(); r.Updates > 6 {
			t.Errorf("%d Updates", r.Updates)
		}
		// A call can be given up.
		ctx, cancel := context.WithTimeout(f.ctx, time.Second)
		defer cancel()
		if err := f.client.Update(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("given up: %v", err)
		}
	})
}

// The server falls silent. The client tries again at 60, 120, 240 and 480 s after
// each failure, then a day later, each attempt lasting as CoAP says (93 s at most).
func TestServerSilent(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		config.Transmission.AckRandomFactor = 1 // 2, 6, 14, 30 and the end at 62 s
	}
	start(t, configure, func(f *fixture) {
		f.server.Network.SetState(serverAddress, lwm2mtest.Silent)
		go func() { _ = f.client.Update(f.ctx) }()
		sleep(20 * time.Minute)
		var attempts []string
		f.history.mu.Lock()
		first := f.history.events[0].Time
		for _, e := range f.history.events[1:] {
			attempts = append(attempts, fmt.Sprintf("%.0f %v %d", e.Time.Sub(first).Seconds(), e.Kind, e.Attempt))
		}
		f.history.mu.Unlock()
		want := "0 REG_UPDATE 0; 62 REG_TIMEOUT 0; 124 REG_TIMEOUT 1; 246 REG_TIMEOUT 2; 428 REG_TIMEOUT 3; 730 REG_TIMEOUT 4"
		if got := strings.Join(attempts, "; "); got != want {
			t.Errorf("attempts %s, want %s", got, want)
		}
		// It comes back: the next attempt succeeds.
		f.server.Network.SetState(serverAddress, lwm2mtest.Up)
		sleep(10 * time.Minute)
		f.peer = f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		f.play(exchange{get("/3303/0/5700", none), model.Content, text, "22.5"})
	})
}

// An ICMP error is an event, not the end.
func TestServerRefuses(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.server.Network.SetState(serverAddress, lwm2mtest.Refusing)
		result := make(chan error, 1)
		go func() { result <- f.client.Update(f.ctx) }()
		sleep(5 * time.Second)
		if got := f.history.kinds(); !strings.Contains(got, "NETWORK_ERROR") {
			t.Errorf("events %s", got)
		}
		f.server.Network.SetState(serverAddress, lwm2mtest.Up)
		must(t, <-result)
		if r, err := f.peer.Registration(); err != nil || r.Updates != 1 {
			t.Errorf("%d Updates, %v", r.Updates, err)
		}
	})
}

func TestNameServerFails(t *testing.T) {
	const name = "lwm2m.example"
	configure := func(config *lwm2m.Config, _ *fixture) { config.Servers[0].URI = "coap://" + name }
	synctest.Test(t, func(t *testing.T) {
		s := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		h := &history{}
		config := lwm2m.Config{
			Endpoint: "thermo-1", Network: s.Network, OnEvent: h.add,
			Servers: []lwm2m.ServerAccount{{Security: lwm2m.NoSec{}}},
		}
		configure(&config, nil)
		client, err := lwm2m.NewClient(config)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- client.Run(ctx) }()
		sleep(time.Second)
		if got := h.last(); !strings.HasPrefix(got, "NETWORK_ERROR server 1, attempt 1: ") || !strings.Contains(got, name) || !strings.Contains(got, "(next in 1m") {
			t.Errorf("event %s", got)
		}
		s.Network.SetName(name, serverAddress.Addr())
		sleep(75 * time.Second)
		s.WaitRegistered("thermo-1")
		synctest.Wait()
		// It moves: the name is looked up anew when the old address is dead.
		s.Network.SetName(name, netip.MustParseAddr("198.51.100.2"))
		s.Network.SetState(serverAddress, lwm2mtest.Silent)
		must(t, s.ListenOn(s.Network, "198.51.100.2:5683"))
		must(t, client.Update(t.Context())) // by a Register at the new address
		if r, err := s.Device("thermo-1"); err != nil {
			t.Error(err)
		} else if got, err := r.Read(t.Context(), path("/3/0/16"), server.ReadOptions{}); err != nil || got.Code != model.Content {
			t.Errorf("read after the move: %v %v", got, err)
		}
		cancel()
		must(t, <-ended)
	})
}

// A NAT forgets its mapping: with the next Update the server knows the new address.
func TestRebind(t *testing.T) {
	start(t, nil, func(f *fixture) {
		r, err := f.peer.Registration()
		must(t, err)
		moved, err := f.server.Network.Rebind(netip.MustParseAddrPort(r.Address), netip.AddrPort{})
		must(t, err)
		must(t, f.client.Update(f.ctx))
		f.peer = f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		if r, err = f.peer.Registration(); err != nil || r.Address != moved.String() {
			t.Errorf("server has the address %s, want %s", r.Address, moved)
		}
		f.play(exchange{get("/3303/0/5700", none), model.Content, text, "22.5"})
	})
}

// The end comes in bounded time, whatever the client is doing.
func TestEndInEveryState(t *testing.T) {
	dark := func(n *lwm2mtest.Network) { n.SetState(serverAddress, lwm2mtest.Silent) }
	for name, prepare := range map[string]func(*fixture){
		"registered":    func(*fixture) {},
		"deregistering": func(f *fixture) { dark(f.server.Network) },
		"updating": func(f *fixture) {
			dark(f.server.Network)
			go func() { _ = f.client.Update(f.ctx) }()
			sleep(time.Second)
		},
		"waiting": func(f *fixture) {
			dark(f.server.Network)
			_ = f.client.Update(f.ctx)
			sleep(10 * time.Second)
		},
		"registering": func(f *fixture) {
			dark(f.server.Network)
			go func() { _ = f.client.Update(f.ctx) }()
			sleep(100 * time.Second)
		},
		"disabled": func(f *fixture) {
			f.play(exchange{post("/1/0/4", none, ""), model.Changed, none, ""})
			sleep(time.Second)
		},
		"observing": func(f *fixture) {
			f.observe("/3303", server.ObserveOptions{})
			dark(f.server.Network)
			_ = f.temp.SensorValue.Set(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			start(t, nil, func(f *fixture) {
				prepare(f)
				began := time.Now()
				f.stop()
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("the end took %v", took)
				}
				if got := f.history.kinds(); !strings.HasSuffix(got, "DISCONNECT") && name != "deregistering" && name != "updating" && name != "observing" {
					t.Errorf("events %s", got)
				}
			})
		})
	}
}

func TestClosedAndRunning(t *testing.T) {
	start(t, nil, func(f *fixture) {
		if err := f.client.Run(f.ctx); !errors.Is(err, lwm2m.ErrRunning) {
			t.Errorf("second Run: %v", err)
		}
		f.stop()
		if err := f.client.Run(f.ctx); !errors.Is(err, lwm2m.ErrRunning) {
			t.Errorf("Run after the end: %v", err)
		}
		if err := f.client.Update(f.ctx); !errors.Is(err, lwm2m.ErrClosed) {
			t.Errorf("Update after the end: %v", err)
		}
		must(t, f.temp.SensorValue.Set(1)) // values are still there
		if v, err := f.client.Get(path("/3303/0/5700")); err != nil || v.Float() != 1 {
			t.Errorf("Get after the end: %v %v", v, err)
		}
	})
	client, err := lwm2m.NewClient(lwm2m.Config{Endpoint: "x", Servers: []lwm2m.ServerAccount{{URI: "coap://192.0.2.1", Security: lwm2m.NoSec{}}}})
	must(t, err)
	if err := client.Update(t.Context()); !errors.Is(err, lwm2m.ErrClosed) {
		t.Errorf("Update before Run: %v", err)
	}
}

// Lifetimes that no clock can hold do no harm.
func TestLifetimeOutOfRange(t *testing.T) {
	for _, seconds := range []string{"9223372036854775807", "0", "-5", "4294967295", "18446744074"} {
		start(t, nil, func(f *fixture) {
			w := record(f.server.Network)
			f.play(exchange{put("/1/0/1", text, seconds), model.Changed, none, ""})
			sleep(12 * time.Hour)
			if got := w.take(); strings.Count(got, "\n") > 6 {
				t.Errorf("lifetime %s: in 12 hours\n%s", seconds, got)
			}
			f.play(exchange{get("/3303/0/5700", none), model.Content, text, "22.5"})
		})
	}
}

// What was added before the start is in the Register; there is nothing to update.
func TestAddBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		client, err := lwm2m.NewClient(lwm2m.Config{
			Endpoint: "thermo-1", Network: s.Network, Servers: []lwm2m.ServerAccount{{URI: s.URI(), Security: lwm2m.NoSec{}}},
		})
		must(t, err)
		must(t, client.Add(newTestObject(t, 4)))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- client.Run(ctx) }()
		peer := s.WaitRegistered("thermo-1")
		synctest.Wait()
		r, err := peer.Write(t.Context(), path("/1/0/2"), model.IntegerValue(3), server.WriteOptions{}) // wakes the client
		must(t, errors.Join(err, r.Err()))
		sleep(time.Minute)
		if r, err := peer.Registration(); err != nil || r.Updates != 0 || !r.Has(path("/3442/4")) {
			t.Errorf("%d Updates, links %s, %v", r.Updates, r.Links, err)
		}
		cancel()
		must(t, <-ended)
	})
}

// An application can follow and change the registration by the Server Object.
func TestServerObject(t *testing.T) {
	triggered := 0
	var account *oma.Server
	configure := func(config *lwm2m.Config, f *fixture) {
		account = oma.NewServer(7, 1)
		must(f, account.Lifetime.Set(300))
		account.RegistrationUpdateTrigger.OnExecute(func(context.Context, lwm2m.Arguments) error { triggered++; return nil })
		config.Objects = append(config.Objects, account)
	}
	start(t, configure, func(f *fixture) {
		if r, _ := f.peer.Registration(); r.Lifetime != 5*time.Minute || !r.Has(path("/1/7")) || r.Has(path("/1/0")) {
			t.Errorf("lifetime %v, links %s", r.Lifetime, r.Links)
		}
		must(f, account.Lifetime.Set(600))
		if u := f.server.WaitEvent(server.Updated, "thermo-1"); fmt.Sprint(u.Query) != "[lt=600]" {
			t.Errorf("Update with %v", u.Query)
		}
		sleep(15 * time.Second)
		f.play(exchange{post("/1/7/8", none, ""), model.Changed, none, ""})
		f.server.WaitEvent(server.Updated, "thermo-1")
		if triggered != 1 {
			t.Errorf("the callback was called %d times", triggered)
		}
	})
}
