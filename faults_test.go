package lwm2m_test

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// fault is something that happens to a device and its servers. What lasts does so until the repair.
type fault struct {
	name    string
	happens func(*weeks, *account)
}

var faults = []fault{
	{"server silent", func(w *weeks, a *account) { w.state(a.address, lwm2mtest.Silent) }},
	{"server unreachable", func(w *weeks, a *account) { w.state(a.address, lwm2mtest.Refusing) }},
	{"server up", func(w *weeks, a *account) { w.state(a.address, lwm2mtest.Up) }},
	{"name unknown", func(w *weeks, a *account) { w.network.SetName(a.name) }},
	{"device offline", func(w *weeks, a *account) {
		if at, ok := w.whereIs(a); ok {
			w.state(at, lwm2mtest.Offline)
		}
	}},
	{"bad network", func(w *weeks, _ *account) {
		corrupt := 0.1 * w.random.Float64()
		if slices.ContainsFunc(w.accounts, func(a *account) bool { return a.configured.Security == lwm2m.Security(lwm2m.NoSec{}) }) {
			corrupt = 0 // for which UDP has a checksum
		}
		for _, d := range []lwm2mtest.Direction{lwm2mtest.ToServer, lwm2mtest.ToClient} {
			w.network.SetConditions(d, lwm2mtest.Conditions{
				Loss: w.random.Float64(), Duplicate: 0.3 * w.random.Float64(), Reorder: 0.3 * w.random.Float64(), Corrupt: corrupt,
				HoldBack: time.Second, Delay: time.Duration(w.random.IntN(1000)) * time.Millisecond, Jitter: time.Duration(w.random.IntN(3000)) * time.Millisecond,
			})
		}
	}},
	{"NAT rebinding", func(w *weeks, a *account) {
		if at, ok := w.whereIs(a); ok {
			_, _ = w.network.Rebind(at, netip.AddrPort{}) // the link may be closed already
		}
	}},
	{"registration forgotten", func(_ *weeks, a *account) { a.server.Forget("thermo-1") }},
	{"sessions forgotten", func(_ *weeks, a *account) { a.server.ForgetSessions() }},
	{"sessions ended", func(_ *weeks, a *account) { a.server.EndSessions() }},
	{"server restarted", func(w *weeks, a *account) {
		w.state(a.address, pick(w.random, lwm2mtest.Silent, lwm2mtest.Refusing))
		a.server.Forget("thermo-1")
		a.server.ForgetSessions()
		sleep(time.Duration(w.random.IntN(300)) * time.Second)
		w.state(a.address, lwm2mtest.Up)
	}},
	{"Disable", func(w *weeks, a *account) {
		w.call(func(ctx context.Context) {
			if device, err := a.server.Device("thermo-1"); err == nil {
				// The answer may get lost, so the pause counts from when it may have come at the latest.
				_, _ = device.Execute(ctx, lwm2m.PathOf(1, a.ssid-1, 4), "")
			}
		})
		a.disabled = time.Now().Add(a.configured.DisableTimeout + 2*time.Minute)
	}},
	{"lifetime written", func(w *weeks, a *account) {
		lifetime := pick(w.random, 5*time.Minute, time.Hour, 24*time.Hour)
		a.lifetime = max(a.lifetime, lifetime)
		w.call(func(ctx context.Context) {
			if device, err := a.server.Device("thermo-1"); err == nil {
				_, _ = device.Write(ctx, lwm2m.PathOf(1, a.ssid-1, 1), model.IntegerValue(int64(lifetime/time.Second)), server.WriteOptions{})
			}
		})
	}},
	{"clock set", func(w *weeks, _ *account) {
		const tenYears = 10 * 365 * 24 * time.Hour
		steps := []time.Duration{-tenYears, -time.Hour, -time.Minute, time.Minute, time.Hour, tenYears}
		w.clock.set(pick(w.random, steps...))
		if time.Duration(w.clock.step.Load()).Abs() > 2*tenYears {
			w.clock.step.Store(0)
		}
	}},
	{"Update", func(w *weeks, _ *account) {
		device := w.client
		w.call(func(ctx context.Context) { _ = device.Update(ctx) })
	}},
	{"Send", func(w *weeks, _ *account) {
		device := w.client
		w.call(func(ctx context.Context) { _ = device.Send(ctx, path("/3303/0")) })
	}},
	{"pause", func(w *weeks, _ *account) {
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		must(w, w.client.Pause(ctx))
	}},
	{"resume", func(w *weeks, _ *account) { w.resume() }},
	{"power lost", func(w *weeks, _ *account) {
		ended, cancel := context.WithCancel(w.ctx)
		cancel()
		_ = w.host.Remove(ended, w.client)
		sleep(time.Duration(w.random.IntN(600)) * time.Second)
		w.boot()
	}},
	{"device restarted", func(w *weeks, _ *account) {
		soon, cancel := context.WithTimeout(w.ctx, 10*time.Second)
		defer cancel()
		_ = w.host.Remove(soon, w.client)
		w.boot()
	}},
	{"measured", func(w *weeks, _ *account) {
		for range w.random.IntN(50) {
			w.measured++
			must(w, w.temp.SensorValue.Set(float64(w.measured)))
			sleep(time.Duration(w.random.IntN(20)) * time.Second)
		}
	}},
	{"instance comes or goes", func(w *weeks, _ *account) {
		if len(w.client.Instances(3303)) == 1 {
			must(w, w.client.Add(ipso.NewTemperature(1)))
			return
		}
		must(w, w.client.Delete(path("/3303/1")))
	}},
}

// state sets how an address behaves until the repair.
func (w *weeks) state(at netip.AddrPort, s lwm2mtest.State) {
	w.touched[at] = true
	w.network.SetState(at, s)
}

// resume ends a pause of the device, if there is one.
func (w *weeks) resume() {
	ctx, cancel := context.WithTimeout(w.ctx, time.Second)
	defer cancel()
	must(w, w.client.Resume(ctx))
}

// whereIs is the address from which a server knows the device.
func (w *weeks) whereIs(a *account) (netip.AddrPort, bool) {
	all := a.server.Registrations()
	i := slices.IndexFunc(all, func(r server.Registration) bool { return r.Endpoint == "thermo-1" })
	if i < 0 {
		return netip.AddrPort{}, false
	}
	at, err := netip.ParseAddrPort(all[i].Address)
	return at, err == nil
}

// call makes a call that takes at most two minutes, while the world goes on.
func (w *weeks) call(f func(ctx context.Context)) {
	w.calls.Go(func() {
		ctx, cancel := context.WithTimeout(w.ctx, 2*time.Minute)
		defer cancel()
		f(ctx)
	})
}
