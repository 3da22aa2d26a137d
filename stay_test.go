package lwm2m_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/store"
)

// stays configures a device that stays registered, with a new sensor, and runs it.
func (s *secured) stays(state lwm2m.Store) {
	s.Helper()
	s.temp = ipso.NewTemperature(0)
	must(s, s.temp.SensorValue.Set(22.5))
	s.config.Objects = []lwm2m.ObjectInstance{s.temp}
	s.config.Store, s.config.StayRegistered = state, true
	s.run(true)
	s.ctx = s.Context()
}

// forget empties the history of events.
func (h *history) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = nil
}

// TestStaysRegistered goes on after a restart with the registration, the connection and the observations.
func TestStaysRegistered(t *testing.T) {
	secure(t, testCredentials(), func(s *secured) {
		state := &store.Memory{}
		s.stays(state)
		before, err := s.peer.Registration()
		must(t, err)
		o, err := s.peer.Observe(s.ctx, path("/3303/0/5700"), server.ObserveOptions{})
		must(t, err)
		must(t, s.temp.SensorValue.Set(23))
		n, err := o.Next(s.ctx)
		must(t, err)
		if got := nodes(n.Nodes); got != "/3303/0/5700=23" {
			t.Errorf("notification %s", got)
		}
		s.stop()
		sleep(time.Hour)
		if got := s.history.kinds(); strings.Contains(got, "DEREGISTER") || strings.Contains(got, "DISCONNECT") {
			t.Errorf("events: %s", got)
		}
		s.history.forget()

		s.stays(state)
		sleep(time.Second)
		after, err := s.peer.Registration()
		must(t, err)
		if after.ID != before.ID {
			t.Error("there is a new registration")
		}
		if got := s.history.kinds(); got != "REG_UPDATE REG_UPDATE_COMPLETE OBSERVER_ADDED" && got != "REG_UPDATE REG_UPDATE_COMPLETE OBSERVER_ADDED NOTIFY_ACK" {
			t.Errorf("events: %s", got)
		}
		if got := s.history.handshakes(); got != "REG_UPDATE_COMPLETE connection ID" {
			t.Errorf("handshakes: %s", got)
		}
		n, err = o.Next(s.ctx)
		must(t, err)
		if got := nodes(n.Nodes); got != "/3303/0/5700=22.5" { // what it is after the restart
			t.Errorf("notification %s", got)
		}
		must(t, s.temp.SensorValue.Set(24))
		n, err = o.Next(s.ctx)
		must(t, err)
		if got := nodes(n.Nodes); got != "/3303/0/5700=24" {
			t.Errorf("notification %s", got)
		}
	})
}

// TestStaysOnce registers anew when a process was killed that had taken up what was saved.
func TestStaysOnce(t *testing.T) {
	secure(t, testCredentials(), func(s *secured) {
		state := &store.Memory{}
		s.stays(state)
		s.stop()
		if _, err := state.Load(s.ctx, "thermo-1/sessions"); err != nil {
			t.Fatal(err)
		}
		s.config.Objects = nil
		_, err := lwm2m.NewClient(s.config) // of a process that is killed then
		must(t, err)
		if _, err := state.Load(s.ctx, "thermo-1/sessions"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the sessions are still there: %v", err)
		}
		s.history.forget()
		s.stays(state)
		if got := s.history.kinds(); !strings.Contains(got, "REGISTRATION_COMPLETE") {
			t.Errorf("events: %s", got)
		}
	})
}

// TestStaysNot registers anew where the server cannot know the client, or not be told the difference by an Update.
func TestStaysNot(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(*secured)
		want   string
	}{
		{"nothing", func(*secured) {}, "REG_UPDATE REG_UPDATE_COMPLETE"},
		{"Objects", func(s *secured) { s.config.Objects = append(s.config.Objects, ipso.NewTemperature(1)) }, "REG_UPDATE REG_UPDATE_COMPLETE"},
		{"lifetime", func(s *secured) { s.config.Servers[0].Lifetime = 300 * time.Second }, "REG_UPDATE REG_UPDATE_COMPLETE"},
		{"expired", func(*secured) { sleep(25 * time.Hour) }, "REG_TIMEOUT REGISTRATION_COMPLETE"},
		{"queue mode", func(s *secured) { s.config.Servers[0].QueueMode = true }, "REGISTRATION_COMPLETE"},
		{"version", func(s *secured) { s.config.Version = lwm2m.Version12 }, "REGISTRATION_COMPLETE"},
		{"the server has forgotten it", func(s *secured) { s.server.Forget("thermo-1") }, "REG_UPDATE REGISTRATION_FAILURE REGISTRATION_COMPLETE"},
	} {
		t.Run(x.name, func(t *testing.T) {
			secure(t, testCredentials(), func(s *secured) {
				state := &store.Memory{}
				s.stays(state)
				s.stop()
				s.history.forget()
				s.config.Store, s.config.StayRegistered = state, true
				s.config.Objects = []lwm2m.ObjectInstance{ipso.NewTemperature(0)}
				x.change(s)
				s.run(true)
				sleep(time.Second)
				if got := s.history.kinds(); got != x.want {
					t.Errorf("events: %s, want %s", got, x.want)
				}
				r, err := s.server.WaitRegistered("thermo-1").Registration()
				must(t, err)
				if x.name == "Objects" && !strings.Contains(r.Links, "/3303/1") {
					t.Errorf("the server knows %s", r.Links)
				}
				if x.name == "lifetime" && r.Lifetime != 300*time.Second {
					t.Errorf("the server knows a lifetime of %v", r.Lifetime)
				}
			})
		})
	}
}

// TestStaysWithoutSecurity keeps the registration if the client has its local port again.
func TestStaysWithoutSecurity(t *testing.T) {
	s := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})
	state := &store.Memory{}
	for _, want := range []lwm2m.EventKind{lwm2m.Registered, lwm2m.Updated, lwm2m.Updated} {
		events := make(chan lwm2m.Event, 10)
		client, err := lwm2m.NewClient(lwm2m.Config{
			Endpoint: "thermo-1", Store: state, StayRegistered: true, OnEvent: func(e lwm2m.Event) { events <- e },
			Servers: []lwm2m.ServerAccount{{URI: s.URI(), Security: lwm2m.NoSec{}}},
		})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- client.Run(ctx) }()
		e := <-events
		if e.Kind == lwm2m.Updating {
			e = <-events
		}
		if e.Kind != want {
			t.Errorf("event %v, want %v", e, want)
		}
		cancel()
		must(t, <-ended)
	}
}

func TestStayNeedsStore(t *testing.T) {
	_, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "thermo-1", StayRegistered: true, Servers: []lwm2m.ServerAccount{{URI: "coap://192.0.2.1", Security: lwm2m.NoSec{}}},
	})
	if err == nil || !strings.Contains(err.Error(), "Config.Store") {
		t.Errorf("without a Store: %v", err)
	}
}

// TestResumesAfterCrash resumes the DTLS session of a process that was killed, and registers anew.
func TestResumesAfterCrash(t *testing.T) {
	credentials := testCredentials()
	credentials.NoConnectionID = true
	secure(t, credentials, func(s *secured) {
		state := &store.Memory{}
		s.config.Store = state
		s.run(true)
		copied, err := state.Load(s.Context(), "thermo-1/sessions") // what a crash would leave
		must(t, err)
		s.stop()
		synctest.Wait()
		must(t, state.Save(s.Context(), "thermo-1/sessions", copied))
		s.history.forget()
		s.run(true)
		if got := s.history.handshakes(); got != "REGISTRATION_COMPLETE resumed" {
			t.Errorf("handshakes: %s", got)
		}
		s.want(s.peer.Read(s.Context(), path("/1/0/0"), server.ReadOptions{}))(model.Content, "/1/0/0=1")
	})
}
