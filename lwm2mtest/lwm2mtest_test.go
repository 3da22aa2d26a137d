package lwm2mtest_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client is a link that keeps what it receives.
type client struct {
	link.Link
	received chan coap.Message
}

func (c *client) Down(link.Link, error) {}

func (c *client) Input(_ link.Link, datagram []byte) {
	var m coap.Message
	if m.Parse(append([]byte(nil), datagram...)) == nil {
		c.received <- m
	}
}

func dial(t *testing.T, network link.Network, uri string) *client {
	t.Helper()
	target, err := link.ParseURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{received: make(chan coap.Message, 100)}
	if c.Link, err = network.Dial(t.Context(), target, c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (c *client) request(t *testing.T, mid uint16, path, query, payload string) {
	t.Helper()
	m := coap.Message{Code: coap.POST, MessageID: mid, Payload: []byte(payload)}
	m.Options.AddPath(coap.UriPath, path)
	m.Options.AddQuery(coap.UriQuery, query)
	b, err := m.Append(nil)
	if err == nil {
		err = c.Send(b)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestServer(t *testing.T) {
	for name, options := range map[string]lwm2mtest.Options{"memory": {}, "UDP": {UDP: true}} {
		t.Run(name, func(t *testing.T) {
			s := lwm2mtest.NewServer(t, options)
			var network link.Network = &link.UDP{}
			if !options.UDP {
				network = s.Network
			}
			c := dial(t, network, s.URI())
			c.request(t, 1, "/rd", "ep=a&lwm2m=1.1", "</3/0>")
			if device := s.WaitRegistered("a"); device.Endpoint() != "a" {
				t.Errorf("device %q", device.Endpoint())
			}
			if m := <-c.received; m.Code != coap.Created {
				t.Errorf("answer %v", m)
			}
			if e := s.WaitEvent(server.Registered, ""); e.Endpoint != "a" {
				t.Errorf("event %v", e)
			}
		})
	}
}

// Servers and Clients on one network, under its conditions.
func TestNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := lwm2mtest.NewNetwork(7)
		network.SetName("one.example", netip.MustParseAddr("198.51.100.1"))
		one := lwm2mtest.NewServer(t, lwm2mtest.Options{Network: network, Address: "one.example:5683", Timeout: time.Hour})
		two := lwm2mtest.NewServer(t, lwm2mtest.Options{Network: network, Address: "198.51.100.2:5683"})

		c := dial(t, network, "coap://one.example")
		network.SetFilter(func(p lwm2mtest.Packet) bool { return p.Direction != lwm2mtest.ToClient })
		c.request(t, 1, "/rd", "ep=a&lwm2m=1.1&lt=60", "</3/0>")
		one.WaitRegistered("a")
		synctest.Wait() // the answer follows the event
		if len(c.received) != 0 || network.Stats(lwm2mtest.ToClient).Lost != 1 {
			t.Errorf("the filter lost %d datagrams", network.Stats(lwm2mtest.ToClient).Lost)
		}
		network.SetFilter(nil)
		network.SetConditions(lwm2mtest.ToClient, lwm2mtest.Conditions{Delay: time.Second})
		start := time.Now()
		c.request(t, 1, "/rd", "ep=a&lwm2m=1.1&lt=60", "</3/0>")
		m := <-c.received
		if d := time.Since(start); d != time.Second {
			t.Errorf("the answer took %v", d)
		}

		old := netip.MustParseAddrPort(c.Local().String())
		moved, err := network.Rebind(old, netip.AddrPort{})
		if err != nil || moved == old || c.Local().String() != moved.String() {
			t.Errorf("rebound from %v to %v, %v", old, moved, err)
		}
		if _, err := network.Rebind(old, netip.AddrPort{}); err == nil {
			t.Error("the old address is still known")
		}
		c.request(t, 2, m.Options.Path(coap.LocationPath), "", "")
		if e := one.WaitEvent(server.Updated, "a"); e.Address != moved.String() {
			t.Errorf("updated from %s", e.Address)
		}
		network.SetState(moved, lwm2mtest.Offline)
		if err := c.Send([]byte("x")); err == nil {
			t.Error("sent while offline")
		}
		if !network.Inject(netip.MustParseAddrPort("203.0.113.1:1"), netip.MustParseAddrPort("198.51.100.2:5683"), []byte("x")) {
			t.Error("nobody took what was injected")
		}
		one.WaitEvent(server.Expired, "a") // virtual time
		if n := len(two.Registrations()); n != 0 {
			t.Errorf("%d registrations at the other server", n)
		}
	})
}

// A Bootstrap-Server beside a Server, by hand and by itself.
func TestBootstrapServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := lwm2mtest.NewNetwork(1)
		s := lwm2mtest.NewServer(t, lwm2mtest.Options{Network: network})
		config := server.Config{Bootstrap: &server.Bootstrap{Endpoints: map[string]server.BootstrapConfig{"a": {Manual: true}}}}
		bs := lwm2mtest.NewBootstrapServer(t, lwm2mtest.Options{Network: network, Config: config})
		if s.URI() == bs.URI() || bs.URI() != "coap://"+lwm2mtest.DefaultBootstrapAddress {
			t.Errorf("servers at %s and %s", s.URI(), bs.URI())
		}
		c := dial(t, network, bs.URI())
		c.request(t, 1, "/bs", "ep=a", "")
		session := bs.WaitBootstrap("a")
		bs.WaitEvent(server.BootstrapRequested, "a")
		if m := <-c.received; m.Code != coap.Changed {
			t.Errorf("answer %v", m)
		}
		go func() {
			m := <-c.received
			b, err := (&coap.Message{Type: coap.Acknowledgement, Code: coap.Changed, MessageID: m.MessageID, Token: m.Token}).Append(nil)
			if err == nil {
				err = c.Send(b)
			}
			if err != nil {
				t.Error(err)
			}
		}()
		if r, err := session.Finish(t.Context()); err != nil || r.Err() != nil {
			t.Errorf("%v, %v", r, err)
		}
		bs.WaitEvent(server.BootstrapFinished, "a")
		config.Credentials = &server.Credentials{PSK: server.Keys(nil)}
		secure := lwm2mtest.NewBootstrapServer(t, lwm2mtest.Options{Network: network, Config: config})
		if secure.URI() != "coaps://"+lwm2mtest.DefaultSecureBootstrapAddress {
			t.Errorf("at %s", secure.URI())
		}
	})
}

// recorder is a testing.TB that fails for itself only.
type recorder struct {
	testing.TB
	failed   string
	cleanups []func()
}

func (r *recorder) Helper()                           {}
func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Fatal(args ...any)                 { r.fail(fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) { r.fail(fmt.Sprintf(format, args...)) }

func (r *recorder) fail(reason string) {
	r.failed = reason
	runtime.Goexit()
}

// The helpers fail the test in good time.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := lwm2mtest.NewNetwork(1)
		for name, f := range map[string]func(tb testing.TB){
			"configuration": func(tb testing.TB) {
				lwm2mtest.NewServer(tb, lwm2mtest.Options{Config: server.Config{MinLifetime: -1}})
			},
			"Options.Config.Bootstrap": func(tb testing.TB) { lwm2mtest.NewBootstrapServer(tb, lwm2mtest.Options{}) },
			"to ask for bootstrap": func(tb testing.TB) {
				lwm2mtest.NewServer(tb, lwm2mtest.Options{}).WaitBootstrap("nobody")
			},
			"unknown.example": func(tb testing.TB) {
				lwm2mtest.NewServer(tb, lwm2mtest.Options{Network: network, Address: "unknown.example:5683"})
			},
			"deadline": func(tb testing.TB) {
				lwm2mtest.NewServer(tb, lwm2mtest.Options{}).WaitRegistered("nobody")
			},
			context.DeadlineExceeded.Error(): func(tb testing.TB) {
				lwm2mtest.NewServer(tb, lwm2mtest.Options{Timeout: time.Second}).WaitEvent(server.Expired, "nobody")
			},
		} {
			r := &recorder{TB: t}
			start := time.Now()
			done := make(chan struct{})
			go func() {
				defer close(done)
				f(r)
			}()
			<-done
			if !strings.Contains(r.failed, name) {
				t.Errorf("%s: failed with %q", name, r.failed)
			}
			if d := time.Since(start); d > lwm2mtest.DefaultTimeout {
				t.Errorf("%s: failed after %v", name, d)
			}
			for _, f := range r.cleanups {
				f()
			}
		}
	})
}
