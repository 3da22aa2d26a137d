package lwm2m_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// withSecond adds an account of a second server, which it starts.
func withSecond(second **lwm2mtest.Server) func(*lwm2m.Config, *fixture) {
	return func(config *lwm2m.Config, f *fixture) {
		*second = lwm2mtest.NewServer(f, lwm2mtest.Options{Network: f.server.Network, Address: "198.51.100.2:5683"})
		config.Servers = append(config.Servers, lwm2m.ServerAccount{URI: (*second).URI(), Security: lwm2m.NoSec{}, ShortServerID: 102})
	}
}

// TestETS950MultiServerRegistration: each server has its own registration, observations,
// and attributes (ETS 951).
func TestETS950MultiServerRegistration(t *testing.T) {
	var second *lwm2mtest.Server
	start(t, withSecond(&second), func(f *fixture) {
		other := second.WaitRegistered("thermo-1")
		synctest.Wait()
		f.play(
			stored("/3303/0/5700", "gt=5"),
			discovered("/3303/0/5700", `</3303/0/5700>;gt=5`),
		)
		f.playTo(other, discovered("/3303/0/5700", `</3303/0/5700>`))
		mine := f.observe("/3303/0/5700", server.ObserveOptions{})
		theirs, err := other.Observe(f.ctx, path("/3303/0/5700"), server.ObserveOptions{})
		must(t, err)
		must(t, f.temp.SensorValue.Set(1))
		f.next(mine, "/3303/0/5700=1")
		f.next(theirs, "/3303/0/5700=1")
		_, err = mine.Cancel(f.ctx)
		must(t, err)
		must(t, f.temp.SensorValue.Set(2))
		f.next(theirs, "/3303/0/5700=2")

		// One server has the other's registration updated, and sends the client away from it.
		f.play(exchange{post("/1/1/8", none, ""), model.Changed, none, ""})
		second.WaitEvent(server.Updated, "thermo-1")
		f.play(exchange{post("/1/1/4", none, ""), model.Changed, none, ""})
		second.WaitEvent(server.Deregistered, "thermo-1")
		f.play(exchange{get("/3303/0/5700", none), model.Content, text, "2"})
	})
}

// One server is silent; the other does not feel it.
func TestServersAreIndependent(t *testing.T) {
	var second *lwm2mtest.Server
	start(t, withSecond(&second), func(f *fixture) {
		second.WaitRegistered("thermo-1")
		synctest.Wait()
		f.server.Network.SetState(netip.MustParseAddrPort("198.51.100.2:5683"), lwm2mtest.Silent)
		updated := make(chan error, 1)
		go func() { updated <- f.client.Update(f.ctx) }()
		f.server.WaitEvent(server.Updated, "thermo-1")
		for range 50 {
			sleep(5 * time.Second)
			began := time.Now()
			f.play(exchange{get("/3303/0/5700", none), model.Content, text, "22.5"})
			if took := time.Since(began); took > 0 {
				t.Fatalf("a Read took %v", took)
			}
		}
		if err := <-updated; err == nil || !strings.Contains(err.Error(), "Register") {
			t.Errorf("Update: %v, want the failure of the silent server", err)
		}
	})
}

// Many clients of one Host, on a lossy network, and not one goroutine more for each.
func TestHostOfThousand(t *testing.T) {
	const number = 1000
	synctest.Test(t, func(t *testing.T) {
		s := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		bad := lwm2mtest.Conditions{Loss: 0.1, Duplicate: 0.1, Delay: 20 * time.Millisecond, Jitter: 30 * time.Millisecond}
		s.Network.SetConditions(lwm2mtest.ToServer, bad)
		s.Network.SetConditions(lwm2mtest.ToClient, bad)
		host := lwm2m.NewHost(lwm2m.HostConfig{Shards: 3, ShutdownTimeout: time.Minute})
		temps := make([]*ipso.Temperature, number)
		clients := make([]*lwm2m.Client, number)
		for i := range number {
			temps[i] = ipso.NewTemperature(0)
			must(t, temps[i].SensorValue.Set(float64(i)))
			client, err := lwm2m.NewClient(lwm2m.Config{
				Endpoint: fmt.Sprintf("thermo-%d", i), Network: s.Network,
				Servers: []lwm2m.ServerAccount{{URI: s.URI(), Security: lwm2m.NoSec{}, Lifetime: 10 * time.Minute}},
				Objects: []lwm2m.ObjectInstance{temps[i]},
			})
			must(t, err)
			must(t, host.Add(client))
			clients[i] = client
		}
		before := runtime.NumGoroutine()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- host.Run(ctx) }()
		sleep(5 * time.Minute)
		if got := len(s.Registrations()); got != number {
			t.Fatalf("%d registered, want %d", got, number)
		}
		if more := runtime.NumGoroutine() - before; more > 10 {
			t.Errorf("%d goroutines for %d clients", more, number)
		}
		for _, i := range []int{0, 500, number - 1} {
			d, err := s.Device(fmt.Sprintf("thermo-%d", i))
			must(t, err)
			r, err := d.Read(t.Context(), path("/3303/0/5700"), server.ReadOptions{})
			must(t, err)
			if v, _ := r.Value(path("/3303/0/5700")); v.Float() != float64(i) {
				t.Errorf("client %d reads %v", i, v)
			}
		}
		// Add and Remove while it runs.
		must(t, host.Remove(t.Context(), clients[7]))
		if err := host.Remove(t.Context(), clients[7]); !errors.Is(err, lwm2m.ErrClosed) {
			t.Errorf("removed twice: %v", err)
		}
		if err := host.Add(clients[7]); !errors.Is(err, lwm2m.ErrRunning) {
			t.Errorf("added again: %v", err)
		}
		late, err := lwm2m.NewClient(lwm2m.Config{
			Endpoint: "late", Network: s.Network, Servers: []lwm2m.ServerAccount{{URI: s.URI(), Security: lwm2m.NoSec{}}},
		})
		must(t, err)
		must(t, host.Add(late))
		s.WaitRegistered("late")
		sleep(time.Hour)
		if got := len(s.Registrations()); got != number {
			t.Errorf("%d registered after an hour, want %d", got, number)
		}
		if err := host.Run(ctx); !errors.Is(err, lwm2m.ErrRunning) {
			t.Errorf("second Run: %v", err)
		}
		cancel()
		must(t, <-ended)
		if got := len(s.Registrations()); got != 0 {
			t.Errorf("%d registered after the end", got)
		}
		if err := host.Add(late); !errors.Is(err, lwm2m.ErrClosed) {
			t.Errorf("added after the end: %v", err)
		}
	})
}

// With a context that has ended, a client goes as if it had lost its power.
func TestHostRemoveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		c, err := lwm2m.NewClient(lwm2m.Config{
			Endpoint: "thermo-1", Network: s.Network,
			Servers: []lwm2m.ServerAccount{{URI: s.URI(), Security: lwm2m.NoSec{}}},
		})
		must(t, err)
		h := lwm2m.NewHost(lwm2m.HostConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.Run(ctx) }()
		must(t, h.Add(c))
		s.WaitRegistered("thermo-1")
		synctest.Wait()
		sent := s.Network.Stats(lwm2mtest.ToServer).Sent
		off, powerOff := context.WithCancel(t.Context())
		powerOff()
		if err := h.Remove(off, c); !errors.Is(err, context.Canceled) {
			t.Errorf("Remove: %v", err)
		}
		synctest.Wait()
		if now := s.Network.Stats(lwm2mtest.ToServer).Sent; now != sent || len(s.Registrations()) != 1 {
			t.Errorf("%d datagrams after the power was cut, %d registrations", now-sent, len(s.Registrations()))
		}
		if err := c.Update(t.Context()); !errors.Is(err, lwm2m.ErrClosed) {
			t.Errorf("Update: %v", err)
		}
		cancel()
		must(t, <-ended)
	})
}

// Nobody answers the De-register, and OnEvent takes its time: it has heard everything when Run returns.
func TestEventsBeforeTheEnd(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		config.OnEvent = func(e lwm2m.Event) {
			sleep(100 * time.Millisecond)
			f.history.add(e)
		}
	}
	start(t, configure, func(f *fixture) {
		f.server.Network.SetState(serverAddress, lwm2mtest.Silent)
		f.stop()
		if got := f.history.kinds(); got != "REGISTRATION_COMPLETE DEREGISTER DEREGISTER_FAILURE DISCONNECT" {
			t.Errorf("events: %s", got)
		}
	})
}

// Remove does not wait longer than its context.
func TestHostRemoveGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		client, err := lwm2m.NewClient(lwm2m.Config{
			Endpoint: "thermo-1", Network: s.Network, Servers: []lwm2m.ServerAccount{{URI: s.URI(), Security: lwm2m.NoSec{}}},
		})
		must(t, err)
		host := lwm2m.NewHost(lwm2m.HostConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- host.Run(ctx) }()
		must(t, host.Add(client))
		s.WaitRegistered("thermo-1")
		synctest.Wait()
		s.Network.SetState(serverAddress, lwm2mtest.Silent)
		short, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		began := time.Now()
		if err := host.Remove(short, client); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 3*time.Second {
			t.Errorf("Remove: %v after %v", err, time.Since(began))
		}
		cancel()
		must(t, <-ended)
	})
}

// Setting a value that nobody observes costs nothing.
func TestSetAllocations(t *testing.T) {
	start(t, nil, func(f *fixture) {
		v := 0.0
		if n := testing.AllocsPerRun(100, func() {
			v++
			if err := f.temp.SensorValue.Set(v); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("Set allocates %v times", n)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = f.temp.SensorValue.Get() }); n != 0 {
			t.Errorf("Get allocates %v times", n)
		}
	})
}
