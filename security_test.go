package lwm2m_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

var testKey = []byte("\x01\x23the very secret")

func testPSK() lwm2m.PSK { return lwm2m.PSK{Identity: []byte("thermo-1"), Key: testKey} }

func testCredentials() *server.Credentials {
	return &server.Credentials{PSK: server.Keys(map[string][]byte{"thermo-1": testKey})}
}

// secured is a device and a server that speaks DTLS, in virtual time. The device is not started yet.
type secured struct {
	*fixture
	config lwm2m.Config
}

// secure runs a test with a device that is configured for PSK.
func secure(t *testing.T, credentials *server.Credentials, test func(*secured)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &secured{fixture: &fixture{T: t, ctx: t.Context(), history: &history{}, stop: func() {}}}
		s.server = lwm2mtest.NewServer(t, lwm2mtest.Options{Config: server.Config{Credentials: credentials}, Timeout: time.Hour})
		s.config = lwm2m.Config{
			Endpoint: "thermo-1",
			Servers:  []lwm2m.ServerAccount{{URI: s.server.URI(), Security: testPSK()}},
			Network:  s.server.Network,
			OnEvent:  s.history.add,
		}
		defer func() { s.stop() }()
		test(s)
	})
}

// run starts the device, and waits until it has registered if it is to.
func (s *secured) run(registers bool) {
	s.Helper()
	client, err := lwm2m.NewClient(s.config)
	must(s, err)
	s.client = client
	ctx, cancel := context.WithCancel(s.Context())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		must(s, <-ended)
	})
	if registers {
		s.peer = s.server.WaitRegistered(s.config.Endpoint)
		synctest.Wait()
	}
}

// handshakes are the kinds of handshakes that events tell.
func (h *history) handshakes() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, e := range h.events {
		if e.Handshake != "" {
			all = append(all, e.Kind.String()+" "+e.Handshake)
		}
	}
	return strings.Join(all, ", ")
}

// err is the newest error of a kind.
func (h *history) err(kind lwm2m.EventKind) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.events) - 1; i >= 0; i-- {
		if e := h.events[i]; e.Kind == kind && e.Err != nil {
			return e.Err
		}
	}
	return nil
}

func TestPSK(t *testing.T) {
	secure(t, testCredentials(), func(s *secured) {
		if s.server.URI() != "coaps://198.51.100.1:5684" {
			t.Errorf("URI %s", s.server.URI())
		}
		s.run(true)
		r, err := s.peer.Registration()
		must(t, err)
		if r.Identity.String() != "thermo-1" || r.Identity.PSK != "thermo-1" || r.Identity.IsZero() {
			t.Errorf("registered by %v", r.Identity)
		}
		s.want(s.peer.Read(s.ctx, path("/1/0/0"), server.ReadOptions{}))(model.Content, "/1/0/0=1")
		if got := s.history.handshakes(); got != "REGISTRATION_COMPLETE full" {
			t.Errorf("handshakes: %s", got)
		}
		for p, want := range map[string]string{
			"/0/0/0": "coaps://198.51.100.1:5684", "/0/0/2": "0", "/0/0/3": "7468" + "65726d6f2d31", "/0/0/10": "1",
		} {
			if v, err := s.client.Get(path(p)); err != nil || v.String() != want {
				t.Errorf("%s is %v, %v", p, v, err)
			}
		}
		s.stop()
		s.server.WaitEvent(server.Deregistered, "thermo-1")
		if got := s.history.kinds(); got != "REGISTRATION_COMPLETE DEREGISTER DISCONNECT" {
			t.Errorf("events: %s", got)
		}
	})
}

// A NAT gives the device another address: the connection ID carries the session on, and observations with it.
func TestConnectionID(t *testing.T) {
	secure(t, testCredentials(), func(s *secured) {
		s.run(true)
		before, err := s.peer.Registration()
		must(t, err)
		o, err := s.peer.Observe(s.ctx, path("/1/0/1"), server.ObserveOptions{})
		must(t, err)
		moved, err := s.server.Network.Rebind(netip.MustParseAddrPort(before.Address), netip.AddrPort{})
		must(t, err)
		sleep(time.Minute)
		must(t, s.client.Apply(lwm2m.Change{Path: path("/1/0/1"), Value: model.IntegerValue(3600)}))
		n, err := o.Next(s.ctx)
		must(t, err)
		if got := nodes(n.Nodes); got != "/1/0/1=3600" {
			t.Errorf("notification %s", got)
		}
		s.server.WaitEvent(server.Updated, "thermo-1")
		after, err := s.peer.Registration()
		must(t, err)
		if after.ID != before.ID || after.Address != moved.String() {
			t.Errorf("registration %s at %s, before %s; moved to %v", after.ID, after.Address, before.ID, moved)
		}
		s.want(s.peer.Read(s.ctx, path("/1/0/0"), server.ReadOptions{}))(model.Content, "/1/0/0=1")
		if got := s.history.handshakes(); got != "REGISTRATION_COMPLETE full" {
			t.Errorf("handshakes: %s", got)
		}
	})
}

// A server that restarts and lost its sessions: the Update is not answered, and all begins anew.
func TestServerForgetsSessions(t *testing.T) {
	secure(t, testCredentials(), func(s *secured) {
		s.run(true)
		s.server.ForgetSessions()
		go func() { _ = s.client.Update(s.ctx) }()
		s.server.WaitEvent(server.Registered, "thermo-1") // the first
		s.server.WaitEvent(server.Registered, "thermo-1")
		synctest.Wait()
		if got := s.history.handshakes(); got != "REGISTRATION_COMPLETE full, REGISTRATION_COMPLETE full" {
			t.Errorf("handshakes: %s; events %s", got, s.history.kinds())
		}
		s.want(s.peer.Read(s.ctx, path("/1/0/0"), server.ReadOptions{}))(model.Content, "/1/0/0=1")
	})
}

// A server that ends the session: the client comes back. In a resumed session the registration lives on; a server that
// gives connection IDs wants a full handshake, and then it is made anew.
func TestServerEndsSessions(t *testing.T) {
	for name, test := range map[string]struct {
		noConnectionID bool
		kind           server.EventKind
		handshakes     string
	}{
		"resumed": {true, server.Updated, "REGISTRATION_COMPLETE full, REG_UPDATE_COMPLETE resumed"},
		"full":    {false, server.Registered, "REGISTRATION_COMPLETE full, REGISTRATION_COMPLETE full"},
	} {
		t.Run(name, func(t *testing.T) {
			credentials := testCredentials()
			credentials.NoConnectionID = test.noConnectionID
			secure(t, credentials, func(s *secured) {
				s.run(true)
				before, err := s.peer.Registration()
				must(t, err)
				s.server.WaitEvent(server.Registered, "thermo-1")
				s.server.EndSessions()
				s.server.WaitEvent(test.kind, "thermo-1")
				synctest.Wait()
				after, err := s.peer.Registration()
				must(t, err)
				if got := s.history.handshakes(); got != test.handshakes || (after.ID == before.ID) != test.noConnectionID {
					t.Errorf("handshakes: %s; registration %s, was %s", got, after.ID, before.ID)
				}
				if err := s.history.err(lwm2m.NetworkError); err == nil || !strings.Contains(err.Error(), "close_notify") {
					t.Errorf("error %v", err)
				}
				if v, err := s.client.Get(path("/1/0/11")); err != nil || v.Uint() != 0 {
					t.Errorf("alert code %v, %v", v, err)
				}
				s.want(s.peer.Read(s.ctx, path("/1/0/0"), server.ReadOptions{}))(model.Content, "/1/0/0=1")
			})
		})
	}
}

func TestWrongCredentials(t *testing.T) {
	for name, test := range map[string]struct {
		security lwm2m.PSK
		want     string
		alert    string // in 1/0/11; "" for none
	}{
		"key":      {lwm2m.PSK{Identity: []byte("thermo-1"), Key: []byte("another secret!!")}, "does not have this key", ""},
		"identity": {lwm2m.PSK{Identity: []byte("nobody"), Key: testKey}, "identity", "115"},
	} {
		t.Run(name, func(t *testing.T) {
			secure(t, testCredentials(), func(s *secured) {
				s.config.Servers[0].Security = test.security
				s.run(false)
				sleep(70 * time.Second)
				err := s.history.err(lwm2m.NetworkError)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error: %v; events %s", err, s.history.kinds())
				}
				v, err := s.client.Get(path("/1/0/11"))
				if got := v.String(); got != test.alert && !(test.alert == "" && err != nil) {
					t.Errorf("alert code %q", got)
				}
				if e := s.server.WaitEvent(server.HandshakeFailed, ""); e.Err == nil {
					t.Errorf("event %v", e)
				}
				if got := s.server.Registrations(); len(got) != 0 {
					t.Errorf("registered: %v", got)
				}
			})
		})
	}
}

func TestLoadCredentials(t *testing.T) {
	secure(t, testCredentials(), func(s *secured) {
		calls := 0
		s.config.Servers[0].Security = lwm2m.PSK{Identity: []byte("thermo-1")} // the key is in a vault
		s.config.LoadCredentials = func(_ context.Context, a lwm2m.ServerAccount) (lwm2m.Security, error) {
			switch calls++; calls {
			case 1:
				return nil, errors.New("the vault is closed")
			case 2:
				panic("the vault is on fire")
			case 3:
				return lwm2m.NoSec{}, nil
			case 4:
				return nil, nil //nolint:nilnil // stands for the account's, which has no key
			}
			if a.ShortServerID != 1 || a.URI != s.server.URI() {
				t.Errorf("called for %d, %s", a.ShortServerID, a.URI)
			}
			return testPSK(), nil
		}
		s.run(false)
		for _, want := range []string{
			"LoadCredentials: the vault is closed", "LoadCredentials panicked: the vault is on fire",
			"LoadCredentials: lwm2m.NoSec does not go with coaps://; it needs coap://", "PSK.Key: ",
		} {
			synctest.Wait()
			if err := s.history.err(lwm2m.NetworkError); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %s", err, want)
			}
			go func() { _ = s.client.Update(s.ctx) }() // makes the next attempt at once
		}
		s.server.WaitRegistered("thermo-1")
		synctest.Wait()
		if calls != 5 {
			t.Errorf("%d calls", calls)
		}
	})
}

// Nobody takes over what another one has registered.
func TestIdentities(t *testing.T) {
	credentials := testCredentials()
	credentials.PSK = server.Keys(map[string][]byte{"thermo-1": testKey, "other": testKey})
	secure(t, credentials, func(s *secured) {
		s.run(true)
		stop := s.stop
		defer stop()
		must(t, s.server.ListenOn(s.server.Network, "198.51.100.1:5683"))
		for uri, security := range map[string]lwm2m.Security{
			s.server.URI(): lwm2m.PSK{Identity: []byte("other"), Key: testKey}, "coap://198.51.100.1": lwm2m.NoSec{},
		} {
			s.history = &history{}
			s.config.OnEvent = s.history.add
			s.config.Servers = []lwm2m.ServerAccount{{URI: uri, Security: security}}
			s.run(false)
			synctest.Wait()
			sleep(time.Second)
			if err := s.history.err(lwm2m.RegistrationFailed); err == nil || !errors.Is(err, model.Forbidden) {
				t.Errorf("%s: %v, %s", uri, err, s.history.kinds())
			}
			s.stop()
		}
		s.stop = stop
		r, err := s.peer.Registration()
		must(t, err)
		if r.Identity.PSK != "thermo-1" || r.Updates != 0 {
			t.Errorf("registration %+v", r)
		}
	})
}

// What is wrong with an account is told before anything is sent, and without secrets.
func TestSecurityIsChecked(t *testing.T) {
	pair := newAuthority(t).issue(&x509.Certificate{})
	noKey := pair
	noKey.PrivateKey = nil
	for _, test := range []struct {
		uri      string
		security lwm2m.Security
		want     string
	}{
		{"coaps://a", nil, "no Security for coaps://a; write lwm2m.NoSec{} if you want none"},
		{"coaps://a", (*lwm2m.PSK)(nil), "no Security for coaps://a; write lwm2m.NoSec{} if you want none"},
		{"coaps://a", lwm2m.NoSec{}, "lwm2m.NoSec does not go with coaps://; it needs coap://"},
		{"coap://a", testPSK(), "lwm2m.PSK does not go with coap://; it needs coaps://"},
		{"coap://a", lwm2m.X509{Certificate: pair}, "lwm2m.X509 does not go with coap://; it needs coaps://"},
		{"coaps://a", lwm2m.PSK{Key: testKey}, "PSK.Identity: credentials: not usable: the PSK identity is empty"},
		{"coaps://a", lwm2m.PSK{Identity: []byte{0xff}, Key: testKey}, "PSK.Identity: credentials: not usable: the PSK identity is not UTF-8 text"},
		{"coaps://a", lwm2m.PSK{Identity: []byte("x")}, "PSK.Key: credentials: not usable: the pre-shared key is empty"},
		{"coaps://a", lwm2m.PSK{Identity: []byte("x"), Key: make([]byte, 65)}, "PSK.Key: credentials: not usable: the pre-shared key has 65 bytes, more than 64"},
		{"coaps://a", lwm2m.X509{}, "X509.Certificate is empty; the client proves by it who it is"},
		{"coaps://a", lwm2m.X509{Certificate: noKey}, "X509.Certificate has no PrivateKey"},
		{"coaps://a", lwm2m.X509{Certificate: pair, Usage: 9}, "X509.Usage is CertificateUsage(9), which does not exist"},
		{"coaps://a", lwm2m.X509{Certificate: pair, Usage: model.CAConstraint}, "X509.Usage is CA constraint, but there is no Pinned certificate"},
		{"coaps://a", lwm2m.X509{Certificate: pair, Matching: crypto.MD5}, "X509.Matching is MD5; SHA-256, SHA-384 and SHA-512 are possible"},
	} {
		config := lwm2m.Config{Endpoint: "x", Servers: []lwm2m.ServerAccount{{URI: test.uri, Security: test.security}}}
		if _, err := lwm2m.NewClient(config); err == nil || err.Error() != "lwm2m: Config.Servers[0]: "+test.want {
			t.Errorf("%s %v: %v", test.uri, test.security, err)
		}
	}
	psk := testPSK()
	if _, err := lwm2m.NewClient(lwm2m.Config{Endpoint: "x", Servers: []lwm2m.ServerAccount{{URI: "coaps://a", Security: &psk}}}); err != nil {
		t.Errorf("a pointer: %v", err)
	}
}

// A server that is silent in the handshake delays nobody: not another server, not a call, not the end.
func TestSilentServer(t *testing.T) {
	secure(t, testCredentials(), func(s *secured) {
		silent := netip.MustParseAddrPort("198.51.100.99:5684")
		s.server.Network.SetState(silent, lwm2mtest.Silent)
		s.config.Servers = append([]lwm2m.ServerAccount{{URI: "coaps://" + silent.String(), Security: testPSK()}}, s.config.Servers...)
		start := time.Now()
		s.run(true)
		if d := time.Since(start); d > time.Second {
			t.Errorf("the healthy server waited %v", d)
		}
		must(t, s.client.Apply(lwm2m.Change{Path: path("/1/1/1"), Value: model.IntegerValue(600)}))
		s.server.WaitEvent(server.Updated, "thermo-1")
		s.want(s.peer.Read(s.ctx, path("/1/1/1"), server.ReadOptions{}))(model.Content, "/1/1/1=600")
		if d := time.Since(start); d > time.Second {
			t.Errorf("the calls took %v", d)
		}
		sleep(70 * time.Second)
		if err := s.history.err(lwm2m.NetworkError); err == nil || !strings.Contains(err.Error(), "no answer") {
			t.Errorf("error %v", err)
		}
		sleep(65 * time.Second) // in the middle of the next handshake
		start = time.Now()
		s.stop()
		if d := time.Since(start); d > time.Second {
			t.Errorf("the end took %v", d)
		}
	})
}

// Handshakes and operations get through where a fifth of the datagrams is lost, some twice, late, damaged.
func TestSecurityOnABadNetwork(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			network := lwm2mtest.NewNetwork(seed)
			for _, d := range []lwm2mtest.Direction{lwm2mtest.ToServer, lwm2mtest.ToClient} {
				network.SetConditions(d, lwm2mtest.Conditions{
					Loss: 0.2, Duplicate: 0.1, Reorder: 0.1, Corrupt: 0.05, HoldBack: time.Second, Delay: 100 * time.Millisecond, Jitter: 50 * time.Millisecond,
				})
			}
			s := &secured{fixture: &fixture{T: t, ctx: t.Context(), history: &history{}}}
			s.server = lwm2mtest.NewServer(t, lwm2mtest.Options{
				Network: network, Config: server.Config{Credentials: testCredentials()}, Timeout: time.Hour,
			})
			s.config = lwm2m.Config{
				Endpoint: "thermo-1", Servers: []lwm2m.ServerAccount{{URI: s.server.URI(), Security: testPSK()}},
				Network: network, OnEvent: s.history.add,
			}
			s.run(true)
			defer s.stop()
			answered := 0
			for range 20 {
				if r, err := s.peer.Read(s.ctx, path("/1/0/0"), server.ReadOptions{}); err == nil && r.Code == model.Content {
					answered++
				}
			}
			if answered < 18 {
				t.Errorf("seed %d: %d of 20 Reads answered; events %s", seed, answered, s.history.kinds())
			}
		})
	}
}
