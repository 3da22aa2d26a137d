package lwm2m_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
)

// steady has the device keep its port.
func steady(config *lwm2m.Config, f *fixture) { config.Network = f.server.Network.From(deviceAddress) }

// A paused client is silent; its registration and what is observed go on when it resumes.
func TestPause(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		steady(config, f)
		config.Servers[0].Lifetime = time.Hour
	}
	start(t, configure, func(f *fixture) {
		begin := time.Now()
		o := f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLJSON})
		sleep(time.Minute)
		w := record(f.server.Network)
		must(t, f.client.Pause(f.ctx))
		must(t, f.client.Pause(f.ctx))
		for _, v := range []float64{23, 24} {
			sleep(time.Minute)
			must(t, f.temp.SensorValue.Set(v))
		}
		ctx, cancel := context.WithTimeout(f.ctx, time.Minute)
		defer cancel()
		if err := f.client.Update(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Update: %v", err)
		}
		if err := f.client.Send(f.ctx, path("/3303/0/5700")); !errors.Is(err, lwm2m.ErrNotRegistered) {
			t.Errorf("Send: %v", err)
		}
		f.passed(w, "")
		must(t, f.client.Resume(f.ctx))
		must(t, f.client.Resume(f.ctx))
		sleep(time.Second)
		if got := timed(pending(f, o)[0].Nodes, begin); got != "/3303/0/5700=23@120 /3303/0/5700=24@180" {
			t.Errorf("notified %s", got)
		}
		f.expect(begin, time.Second, "1m0s ENGINE_SUSPENDED, 4m0s REG_UPDATE_COMPLETE")
	})
}

// The registration ends while the client is paused: it registers.
func TestPauseLongerThanLifetime(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		steady(config, f)
		config.Servers[0].Lifetime = 5 * time.Minute
	}
	start(t, configure, func(f *fixture) {
		begin := time.Now()
		must(t, f.client.Pause(f.ctx))
		sleep(time.Hour)
		if _, err := f.server.Device("thermo-1"); err == nil {
			t.Error("still registered")
		}
		must(t, f.client.Resume(f.ctx))
		sleep(time.Second)
		f.expect(begin, time.Second, "1h0m0s REGISTRATION_COMPLETE")
	})
}

// While the client is paused, nothing begins: neither the next server in the order, nor the return to one that executed Disable.
func TestPauseHoldsEverything(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		threeServers(config, f, func(s *oma.Server) {
			switch ssid, _ := s.Get(0); ssid.Int() {
			case 1:
				must(f, s.DisableTimeout.Set(60))
			case 2:
				must(f, s.RegistrationPriorityOrder.Set(1))
			case 3:
				must(f, s.RegistrationPriorityOrder.Set(2))
				must(f, s.InitialRegistrationDelayTimer.Set(60))
			}
		})
	}
	start(t, configure, func(f *fixture) {
		begin := time.Now()
		r, err := f.peer.Execute(f.ctx, path("/1/0/4"), "")
		f.want(r, err)(model.Changed, "")
		sleep(10 * time.Second)
		must(t, f.client.Pause(f.ctx))
		w := record(f.server.Network)
		sleep(10 * time.Minute)
		f.passed(w, "")
		must(t, f.client.Resume(f.ctx))
		sleep(time.Second)
		f.expect(begin, 10*time.Second, "10s ENGINE_SUSPENDED, 10m10s REGISTRATION_COMPLETE, 10m10s REGISTRATION_COMPLETE, 10m10s REGISTRATION_COMPLETE")
	})
}

// A paused client that is told to stop connects to de-register.
func TestStopWhilePaused(t *testing.T) {
	start(t, steady, func(f *fixture) {
		must(t, f.client.Pause(f.ctx))
		sleep(time.Minute)
		f.stop()
		f.server.WaitEvent(server.Deregistered, "thermo-1")
		if got := f.history.kinds(); !strings.HasSuffix(got, "ENGINE_SUSPENDED DEREGISTER DISCONNECT") {
			t.Errorf("events %s", got)
		}
		if err := f.client.Pause(f.ctx); !errors.Is(err, lwm2m.ErrClosed) {
			t.Errorf("Pause of a client that has stopped: %v", err)
		}
	})
}

// Stop does not wait for Resume to be done; the De-register goes out over the connection that it makes.
func TestStopAfterResume(t *testing.T) {
	start(t, steady, func(f *fixture) {
		must(t, f.client.Pause(f.ctx))
		sleep(time.Minute)
		must(t, f.client.Resume(f.ctx))
		f.stop()
		f.server.WaitEvent(server.Deregistered, "thermo-1")
		if got := f.history.kinds(); !strings.HasSuffix(got, " DEREGISTER DISCONNECT") { // an Update may have been on its way
			t.Errorf("events %s", got)
		}
	})
}

// The session of a secured connection survives a pause.
func TestPauseKeepsSession(t *testing.T) {
	secure(t, testCredentials(), func(s *secured) {
		s.run(true)
		must(t, s.client.Pause(s.ctx))
		sleep(time.Minute)
		must(t, s.client.Resume(s.ctx))
		sleep(time.Second)
		if got := s.history.handshakes(); got != "REGISTRATION_COMPLETE full, REG_UPDATE_COMPLETE connection ID" {
			t.Errorf("handshakes: %s", got)
		}
	})
}

// A pause ends a bootstrap; it begins anew when the client resumes.
func TestPauseDuringBootstrap(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		f.session()
		must(t, f.client.Pause(f.ctx))
		w := record(f.server.Network)
		sleep(time.Hour)
		if got := w.take(); got != "" {
			t.Errorf("on the wire: %s", got)
		}
		f.events("BOOTSTRAP_REG_COMPLETE ENGINE_SUSPENDED BOOTSTRAP_REG_FAILURE")
		must(t, f.client.Resume(f.ctx))
		f.session()
		f.events("BOOTSTRAP_REG_COMPLETE ENGINE_SUSPENDED BOOTSTRAP_REG_FAILURE BOOTSTRAP_REG_COMPLETE")
	})
	bootstrapped(t, server.BootstrapConfig{}, func(f *bootstrapFixture) {
		bs, err := url.Parse(f.bs.URI())
		must(f, err)
		f.config.Network = silence{f.server.Network, bs.Hostname()}
		f.run()
		sleep(time.Second)
		must(t, f.client.Pause(f.ctx)) // while it connects
		must(t, f.client.Resume(f.ctx))
		must(t, f.client.Pause(f.ctx))
		sleep(time.Hour)
		f.events("ENGINE_SUSPENDED ENGINE_SUSPENDED")
		must(t, f.client.Resume(f.ctx))
		sleep(time.Hour)
		f.events("ENGINE_SUSPENDED ENGINE_SUSPENDED" + strings.Repeat(" BOOTSTRAP_REG_FAILURE", strings.Count(f.history.kinds(), "BOOTSTRAP_REG_FAILURE")))
		if f.history.count(lwm2m.BootstrapFailed) == 0 {
			t.Error("no attempt after the pause")
		}
	})
}

// Everything at once, while the network comes and goes: no call is held up, and in the end all is well.
func TestPauseAndResumeUnderLoad(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		queueing(config, f)
		config.AwakeTime = 3 * time.Second
		config.MinUpdateInterval = time.Second
		config.Servers[0].Lifetime = 5 * time.Minute
	}
	start(t, configure, func(f *fixture) {
		l := f.follow("/3303/0/5700")
		end := time.Now().Add(time.Hour)
		var callers sync.WaitGroup
		every := func(d time.Duration, call func(context.Context) error) {
			callers.Go(func() {
				for time.Now().Before(end) {
					ctx, cancel := context.WithTimeout(f.ctx, 2*time.Second)
					began := time.Now()
					_ = call(ctx)
					if took := time.Since(began); took > 2*time.Second {
						t.Errorf("a call took %v", took)
					}
					cancel()
					<-time.After(d)
				}
			})
		}
		value := 0.0
		every(7*time.Second, func(context.Context) error { value++; return f.temp.SensorValue.Set(value) })
		every(11*time.Second, f.client.Update)
		every(23*time.Second, func(ctx context.Context) error { return f.client.Send(ctx, path("/3303/0/5700")) })
		every(61*time.Second, f.client.Pause)
		every(67*time.Second, f.client.Resume)
		every(41*time.Second, func(context.Context) error {
			f.server.Network.SetState(serverAddress, lwm2mtest.Silent)
			<-time.After(time.Second)
			f.server.Network.SetState(serverAddress, lwm2mtest.Up)
			return nil
		})
		callers.Wait()
		must(t, f.client.Resume(f.ctx))
		sleep(5 * time.Minute)
		f.peer = f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		must(t, f.client.Update(f.ctx))
		f.want(f.peer.Read(f.ctx, path("/3303/0/5700"), server.ReadOptions{}))(model.Content, fmt.Sprint("/3303/0/5700=", value))
		if l.take() == "" {
			t.Error("nothing was notified in an hour")
		}
	})
}
