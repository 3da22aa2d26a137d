package lwm2m_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// deviceAddress is that of a device that keeps its port.
var deviceAddress = netip.MustParseAddrPort("192.0.2.200:50000")

// queueing has the device in queue mode, and keep its port.
func queueing(config *lwm2m.Config, f *fixture) {
	config.QueueMode = true
	config.Network = f.server.Network.From(deviceAddress)
}

// since are the events of the kinds that queue mode and registration have, with the seconds since the first event of
// all; what came before is left out.
func (h *history) since(begin time.Time, from time.Duration) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	kinds := []lwm2m.EventKind{
		lwm2m.Registered, lwm2m.Updated, lwm2m.Asleep, lwm2m.Suspended, lwm2m.Disconnected, lwm2m.RegistrationTimeout,
	}
	var all []string
	for _, e := range h.events {
		if at := e.Time.Sub(begin); at >= from && slices.Contains(kinds, e.Kind) {
			all = append(all, at.Round(time.Second).String()+" "+e.Kind.String())
		}
	}
	return strings.Join(all, ", ")
}

// expect compares the events after a moment with what is wanted.
func (f *fixture) expect(begin time.Time, from time.Duration, want string) {
	f.Helper()
	if got := f.history.since(begin, from); got != want {
		f.Errorf("events from %v on: %s; want %s", from, got, want)
	}
}

func TestETS108TurnOnQueueMode(t *testing.T) {
	start(t, queueing, func(f *fixture) {
		r, err := f.peer.Registration()
		must(t, err)
		if !r.QueueMode || r.Binding != "U" || !slices.Contains(r.Query, "b=U") || !slices.Contains(r.Query, "Q") {
			t.Errorf("registered with %v", r.Query)
		}
	})
	in10 := func(config *lwm2m.Config, _ *fixture) {
		config.Version = lwm2m.Version10
		config.Servers[0].QueueMode = true
	}
	start(t, in10, func(f *fixture) {
		if r, err := f.peer.Registration(); err != nil || !r.QueueMode || !slices.Contains(r.Query, "b=UQ") {
			t.Errorf("registered with %v, %v", r.Query, err)
		}
	})
}

// The server has a request for a device that sleeps: it keeps it until the next Update.
func TestETS109BehaviorInQueueMode(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		queueing(config, f)
		config.Servers[0].Lifetime = 10 * time.Minute
	}
	start(t, configure, func(f *fixture) {
		begin := time.Now()
		f.want(f.peer.Read(f.ctx, path("/3303/0/5700"), server.ReadOptions{}))(model.Content, "/3303/0/5700=22.5")
		sleep(2 * time.Minute)
		f.expect(begin, 0, "0s REGISTRATION_COMPLETE, 1m33s QUEUE_MODE_RX_OFF")
		ctx, cancel := context.WithTimeout(f.ctx, time.Minute)
		defer cancel()
		if _, err := f.peer.Read(ctx, path("/3303/0/5700"), server.ReadOptions{}); err == nil {
			t.Error("a sleeping device answers")
		}
		sleep(time.Until(begin.Add(508 * time.Second)))
		f.want(f.peer.Read(f.ctx, path("/3303/0/5700"), server.ReadOptions{}))(model.Content, "/3303/0/5700=22.5")
		sleep(2 * time.Minute)
		f.expect(begin, time.Minute*2, "8m27s REG_UPDATE_COMPLETE, 10m1s QUEUE_MODE_RX_OFF")
		if r, err := f.peer.Registration(); err != nil || r.Updates != 1 {
			t.Errorf("%d Updates, %v", r.Updates, err)
		}
	})
}

// Each message, in either direction, has the device listen for the whole AwakeTime.
func TestAwakeTime(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		queueing(config, f)
		config.AwakeTime = 20 * time.Second
	}
	start(t, configure, func(f *fixture) {
		begin := time.Now()
		for range 3 {
			sleep(19 * time.Second)
			f.play(exchange{get("/3303/0/5700", text), model.Content, text, "22.5"})
		}
		// A callback that takes long keeps it awake until its answer has gone out.
		f.device.Reboot.OnExecute(func(ctx context.Context, _ lwm2m.Arguments) error {
			sleep(time.Minute)
			return nil
		})
		r, err := f.peer.Execute(f.ctx, path("/3/0/4"), "")
		f.want(r, err)(model.Changed, "")
		sleep(time.Minute)
		f.expect(begin, 0, "0s REGISTRATION_COMPLETE, 2m17s QUEUE_MODE_RX_OFF")
	})
}

// Notifications wake the device, at the time at which they are due: an Update first, then the data. What
// is not worth one does not wake it, whether the server wants notifications stored or not.
func TestNotificationsWhileAsleep(t *testing.T) {
	for _, storing := range []bool{true, false} {
		start(t, queueing, func(f *fixture) {
			begin := time.Now()
			must(t, f.client.Apply(lwm2m.Change{Path: path("/1/0/6"), Value: model.BooleanValue(storing)}))
			f.attach("/3303/0/5700?pmin=30&pmax=600&st=5")
			l := f.follow("/3303/0/5700")
			f.perform("200 /3303/0/5700=24; 300 /3303/0/5700=40; 310 /3303/0/5700=50", 900*time.Second)
			// At 300 the first change that is large enough, at 330 the next, and pmax after that.
			if got := l.take(); got != "300 /3303/0/5700=40; 330 /3303/0/5700=50" {
				t.Errorf("storing %t: notified %s", storing, got)
			}
			sleep(100 * time.Second)
			if got := l.take(); got != "930 /3303/0/5700=50" {
				t.Errorf("storing %t: notified %s after pmax", storing, got)
			}
			f.expect(begin, time.Second, "1m33s QUEUE_MODE_RX_OFF, 5m0s REG_UPDATE_COMPLETE, 7m3s QUEUE_MODE_RX_OFF, 15m30s REG_UPDATE_COMPLETE")
			if r, err := f.peer.Registration(); err != nil || r.Updates != 2 {
				t.Errorf("%d Updates, %v", r.Updates, err)
			}
		})
	}
}

// The end of an observation is told, too.
func TestObservationEndsWhileAsleep(t *testing.T) {
	start(t, queueing, func(f *fixture) {
		l := f.follow("/3303/0/5700")
		sleep(5 * time.Minute)
		must(t, f.client.Delete(path("/3303/0")))
		sleep(time.Minute)
		if got := l.take(); got != "300 4.04 Not Found" {
			t.Errorf("notified %s", got)
		}
		if r, err := f.peer.Registration(); err != nil || r.Updates != 1 || strings.Contains(r.Links, "3303/0") {
			t.Errorf("%d Updates, links %s, %v", r.Updates, r.Links, err)
		}
	})
}

// A Send wakes the device: an Update, then the data.
func TestSendWhileAsleep(t *testing.T) {
	start(t, queueing, func(f *fixture) {
		sleep(10 * time.Minute)
		if got := f.history.kinds(); !strings.HasSuffix(got, "QUEUE_MODE_RX_OFF") {
			t.Fatalf("not asleep: events %s", got)
		}
		r, err := f.peer.Registration()
		must(t, err)
		w := record(f.server.Network)
		must(t, f.client.Send(f.ctx, path("/3303/0/5700")))
		f.passed(w, `
			0.0 -> CON POST /rd/`+r.ID+`
			0.0 <- ACK 2.04
			0.0 -> CON POST /dp
			0.0 <- ACK 2.04`)
		must(t, f.client.Send(f.ctx, path("/3303/0/5700"))) // awake by now
		sleep(5 * time.Minute)
		must(t, f.client.Update(f.ctx)) // out of another sleep
		if r, err = f.peer.Registration(); err != nil || r.Updates != 2 {
			t.Errorf("%d Updates, %v", r.Updates, err)
		}
	})
}

// The server is away for a moment when the device wakes: what there is to say waits for it, and the next sleep too.
func TestServerAwayAtWaking(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		queueing(config, f)
		config.Transmission.AckRandomFactor = 1 // the Update is repeated after 2, 6, 14 and 30 s
	}
	start(t, configure, func(f *fixture) {
		begin := time.Now()
		l := f.follow("/3303/0/5700")
		sleep(5 * time.Minute)
		f.server.Network.SetState(serverAddress, lwm2mtest.Silent)
		must(t, f.temp.SensorValue.Set(23))
		sleep(10 * time.Second)
		must(t, f.temp.SensorValue.Set(24))
		f.server.Network.SetState(serverAddress, lwm2mtest.Up)
		sleep(5 * time.Minute)
		if got := l.take(); got != "314 /3303/0/5700=24" {
			t.Errorf("notified %s", got)
		}
		f.expect(begin, 2*time.Minute, "5m14s REG_UPDATE_COMPLETE, 6m47s QUEUE_MODE_RX_OFF")
	})
}

// While it sleeps over a connection with an ID, the device is known again without a handshake, from whatever address.
func TestQueueModeConnectionID(t *testing.T) {
	for name, noConnectionID := range map[string]bool{"connection ID": false, "kept": true} {
		credentials := testCredentials()
		credentials.NoConnectionID = noConnectionID
		secure(t, credentials, func(s *secured) {
			queueing(&s.config, s.fixture)
			s.config.Servers[0].Lifetime = 10 * time.Minute
			s.run(true)
			sleep(25 * time.Minute)
			want := strings.TrimSuffix("REGISTRATION_COMPLETE full, "+strings.Repeat("REG_UPDATE_COMPLETE "+name+", ", 2), ", ")
			if got := s.history.handshakes(); got != want {
				t.Errorf("%s: handshakes %s, want %s", name, got, want)
			}
			if r, err := s.peer.Registration(); err != nil || r.Updates != 2 {
				t.Errorf("%s: %d Updates, %v", name, r.Updates, err)
			}
		})
	}
}

// A device that leaves wakes up for that.
func TestStopWhileAsleep(t *testing.T) {
	start(t, queueing, func(f *fixture) {
		sleep(5 * time.Minute)
		f.stop()
		f.server.WaitEvent(server.Deregistered, "thermo-1")
		if got := f.history.kinds(); !strings.HasSuffix(got, "QUEUE_MODE_RX_OFF DEREGISTER DISCONNECT") {
			t.Errorf("events %s", got)
		}
	})
}
