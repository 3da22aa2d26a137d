package lwm2m_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
)

// secondAddress and thirdAddress are where further servers listen.
var (
	secondAddress = netip.MustParseAddrPort("198.51.100.2:5683")
	thirdAddress  = netip.MustParseAddrPort("198.51.100.3:5683")
)

// threeServers gives the client three servers, each with the instance of the Server Object that account makes of it.
func threeServers(config *lwm2m.Config, f *fixture, account func(*oma.Server)) {
	for _, address := range []netip.AddrPort{secondAddress, thirdAddress} {
		s := lwm2mtest.NewServer(f.T, lwm2mtest.Options{Network: f.server.Network, Address: address.String()})
		config.Servers = append(config.Servers, lwm2m.ServerAccount{URI: s.URI(), Security: lwm2m.NoSec{}})
	}
	for i := range config.Servers {
		in := oma.NewServer(uint16(i), uint16(i+1))
		account(in)
		config.Objects = append(config.Objects, in)
	}
}

// registrations are the servers that accepted a Register, with the seconds since the first event.
func (h *history) registrations() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, e := range h.events {
		if e.Kind == lwm2m.Registered {
			all = append(all, fmt.Sprintf("%d@%.0f", e.Server, e.Time.Sub(h.events[0].Time).Seconds()))
		}
	}
	return strings.Join(all, " ")
}

// Resources 13 and 14: servers with a priority register one after another, each with its delay.
func TestRegistrationPriority(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		threeServers(config, f, func(s *oma.Server) {
			ssid, _ := s.Get(0)
			switch ssid.Int() {
			case 1: // the fixture waits for this one: it is independent
			case 2:
				must(f, s.RegistrationPriorityOrder.Set(20))
				must(f, s.InitialRegistrationDelayTimer.Set(30))
			case 3:
				must(f, s.RegistrationPriorityOrder.Set(10))
			}
		})
	}
	start(t, configure, func(f *fixture) {
		sleep(time.Minute)
		if got := f.history.registrations(); got != "1@0 3@0 2@30" && got != "3@0 1@0 2@30" {
			t.Errorf("registrations %s", got)
		}
	})
}

// Resource 15: a server that fails keeps those after it from registering, or not.
func TestRegistrationFailureBlock(t *testing.T) {
	for _, block := range []bool{false, true} {
		configure := func(config *lwm2m.Config, f *fixture) {
			f.server.Network.SetState(secondAddress, lwm2mtest.Silent)
			threeServers(config, f, func(s *oma.Server) {
				ssid, _ := s.Get(0)
				if ssid.Int() == 1 {
					return
				}
				must(f, s.RegistrationPriorityOrder.Set(uint64(ssid.Int())))
				must(f, s.RegistrationFailureBlock.Set(block))
				must(f, s.CommunicationRetryCount.Set(2))
				must(f, s.CommunicationRetryTimer.Set(10))
				must(f, s.CommunicationSequenceDelayTimer.Set(600))
			})
		}
		start(t, configure, func(f *fixture) {
			sleep(5 * time.Minute)
			switch got := f.history.registrations(); {
			case block && got != "1@0":
				t.Errorf("blocked: registrations %s", got)
			case !block && !strings.HasPrefix(got, "1@0 3@"):
				t.Errorf("not blocked: registrations %s", got)
			}
			f.server.Network.SetState(secondAddress, lwm2mtest.Up)
			sleep(20 * time.Minute)
			if got := f.history.registrations(); strings.Count(got, "@") != 3 {
				t.Errorf("block %t, in the end: registrations %s", block, got)
			}
		})
	}
}

// A server that does not know the version of the client gets a lower one, if the client may.
func TestVersionDowngrade(t *testing.T) {
	var old *lwm2mtest.Server
	configure := func(config *lwm2m.Config, f *fixture) {
		old = lwm2mtest.NewServer(f.T, lwm2mtest.Options{
			Network: f.server.Network, Address: secondAddress.String(),
			Config: server.Config{Versions: []model.Version{model.Version10}},
		})
		config.Servers = append(config.Servers, lwm2m.ServerAccount{URI: old.URI(), Security: lwm2m.NoSec{}})
		config.Servers[0].Lifetime = lwm2m.Infinite
		config.Version, config.MinVersion = lwm2m.Version12, lwm2m.Version10
	}
	start(t, configure, func(f *fixture) {
		peer := old.WaitRegistered("thermo-1")
		synctest.Wait()
		first, err := f.peer.Registration()
		must(t, err)
		second, err := peer.Registration()
		must(t, err)
		if first.Version != lwm2m.Version12 || second.Version != lwm2m.Version10 {
			t.Errorf("registered with %v and %v", first.Version, second.Version)
		}
		if slices.Contains(second.Inventory.Formats, 112) || strings.Contains(second.Links, "ct=") {
			t.Errorf("the list for LwM2M 1.0 is %s", second.Links)
		}
		// Each server is spoken to in its version: what 1.0 does not have, it does not get.
		request := get("/3303/0", server.LwM2MCBOR)
		if r, err := f.peer.Do(f.ctx, request); err != nil || r.Code != model.Content {
			t.Errorf("Read by the server of 1.2: %v, %v", r, err)
		}
		if r, err := peer.Do(f.ctx, request); err != nil || r.Code != model.NotAcceptable {
			t.Errorf("Read by the server of 1.0: %v, %v", r, err)
		}
		if err := f.client.SendReport(f.ctx, lwm2m.Report{Server: 2, Paths: []lwm2m.Path{path("/3303/0")}}); err == nil {
			t.Error("a Send to a server of 1.0")
		}
		must(t, f.client.Send(f.ctx, path("/3303/0")))
	})
}

// Lifetimes below Config.MinLifetime are raised, at the start and later, and the server can see it.
func TestMinLifetime(t *testing.T) {
	configure := func(config *lwm2m.Config, _ *fixture) {
		config.Servers[0].Lifetime, config.MinLifetime = time.Minute, 5*time.Minute
	}
	start(t, configure, func(f *fixture) {
		for _, written := range []string{"", "20", "299"} {
			if written != "" {
				f.play(exchange{put("/1/0/1", text, written), model.Changed, none, ""})
			}
			sleep(time.Minute)
			f.play(exchange{get("/1/0/1", text), model.Content, text, "300"})
			if r, err := f.peer.Registration(); err != nil || r.Lifetime != 5*time.Minute || r.Updates != 0 {
				t.Errorf("%s written: lifetime %v after %d Updates, %v", written, r.Lifetime, r.Updates, err)
			}
		}
		f.play(exchange{put("/1/0/1", text, "600"), model.Changed, none, ""})
		sleep(time.Minute)
		if r, err := f.peer.Registration(); err != nil || r.Lifetime != 10*time.Minute || r.Updates != 1 {
			t.Errorf("600 written: lifetime %v after %d Updates, %v", r.Lifetime, r.Updates, err)
		}
	})
}

func TestUpdatePeriod(t *testing.T) {
	configure := func(config *lwm2m.Config, _ *fixture) { config.UpdatePeriod = 10 * time.Minute }
	start(t, configure, func(f *fixture) {
		sleep(time.Hour + time.Second)
		if r, err := f.peer.Registration(); err != nil || r.Updates != 6 {
			t.Errorf("%d Updates in an hour, %v", r.Updates, err)
		}
	})
}

// The Registration Update Trigger takes the binding of the Update as argument 0 (Core 1.1.1 Appendix E.2).
func TestUpdateTriggerArguments(t *testing.T) {
	start(t, nil, func(f *fixture) {
		for arguments, want := range map[string]model.Code{
			"": model.Changed, "0='U'": model.Changed,
			"0": model.BadRequest, "0='T'": model.BadRequest, "1='U'": model.BadRequest, "0='U',1": model.BadRequest,
		} {
			r, err := f.peer.Execute(f.ctx, path("/1/0/8"), arguments)
			must(t, err)
			if r.Code != want {
				t.Errorf("arguments %s: %v, want %v", arguments, r.Code, want)
			}
		}
		sleep(30 * time.Second)
		if r, err := f.peer.Registration(); err != nil || r.Updates < 1 {
			t.Errorf("%d Updates, %v", r.Updates, err)
		}
	})
}

// A server that waits for its turn does not hold the client up when that stops.
func TestStopInTheMiddleOfTheOrder(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		f.server.Network.SetState(secondAddress, lwm2mtest.Silent)
		threeServers(config, f, func(s *oma.Server) {
			if ssid, _ := s.Get(0); ssid.Int() > 1 {
				must(f, s.RegistrationPriorityOrder.Set(uint64(ssid.Int())))
			}
		})
	}
	start(t, configure, func(f *fixture) {
		ctx, cancel := context.WithTimeout(f.ctx, time.Second)
		defer cancel()
		if err := f.client.Update(ctx); err == nil {
			t.Error("an Update of all servers, of which two are not registered")
		}
		began := time.Now()
		f.stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("stopped after %v", took)
		}
	})
}

// A server that refuses the credentials in the handshake has failed at once, which asks for a bootstrap (the table of
// alerts in Transport 1.1.1); one that does not answer has not.
func TestAlertAsksForBootstrap(t *testing.T) {
	for name, test := range map[string]struct {
		security lwm2m.Security
		want     string
	}{
		"unknown identity": {lwm2m.PSK{Identity: []byte("nobody"), Key: testKey}, "NETWORK_ERROR BOOTSTRAP_REG_COMPLETE BOOTSTRAP_TRANSFER_COMPLETE DISCONNECT REGISTRATION_COMPLETE"},
		"wrong key":        {lwm2m.PSK{Identity: []byte("thermo-1"), Key: []byte("another secret!!")}, "NETWORK_ERROR"},
	} {
		bootstrapped(t, server.BootstrapConfig{}, func(f *bootstrapFixture) {
			strict := lwm2mtest.NewServer(f.T, lwm2mtest.Options{
				Network: f.server.Network, Address: "198.51.100.9:5684", Config: server.Config{Credentials: testCredentials()},
			})
			f.config.Servers = append(f.config.Servers, lwm2m.ServerAccount{URI: strict.URI(), Security: test.security, ShortServerID: 7})
			f.run()
			sleep(62 * time.Second)
			if got := f.history.kinds(); got != test.want {
				t.Errorf("%s: events %s, want %s", name, got, test.want)
			}
		})
	}
}
