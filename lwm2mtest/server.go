package lwm2mtest

import (
	"context"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/server"
)

// Options say what kind of [Server] to make. The zero Options make one on an
// in-memory network of its own.
type Options struct {
	// Config is that of the server. With Credentials in it, the server speaks DTLS: its URI is coaps://.
	// Default: the zero Config.
	Config server.Config
	// UDP puts the server on a UDP port of the loopback interface, for Clients in
	// other programs.
	UDP bool
	// Network is the in-memory network to use. Default: a new one with the seed 1.
	Network *Network
	// Address is where the server listens, "host:port". Default: DefaultAddress or, with credentials,
	// DefaultSecureAddress; with UDP a free port of 127.0.0.1.
	Address string
	// Timeout bounds the Wait methods. Default: DefaultTimeout.
	Timeout time.Duration
}

// Defaults of [Options].
const (
	DefaultAddress       = "198.51.100.1:5683"
	DefaultSecureAddress = "198.51.100.1:5684"
	DefaultTimeout       = 10 * time.Second

	// Of NewBootstrapServer.
	DefaultBootstrapAddress       = "198.51.100.2:5683"
	DefaultSecureBootstrapAddress = "198.51.100.2:5684"
)

// Server is a LwM2M Server that runs until the test ends.
type Server struct {
	*server.Server
	// Network is the in-memory network; nil with UDP.
	Network *Network

	t       testing.TB
	timeout time.Duration
	events  *server.Events
}

// NewServer makes a Server and runs it. When the test and its subtests are done, it
// stops; cleanup functions that were registered later still find it running. Trouble
// with starting or stopping fails the test.
func NewServer(t testing.TB, o Options) *Server {
	t.Helper()
	core, err := server.New(o.Config)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Server: core, Network: o.Network, t: t, timeout: o.Timeout, events: core.Events()}
	if s.timeout <= 0 {
		s.timeout = DefaultTimeout
	}
	if err := s.listen(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() {
		defer close(stopped) // also when a callback ends the goroutine by t.FailNow
		stopped <- core.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("lwm2mtest: %v", err)
		}
	})
	return s
}

// NewBootstrapServer is [NewServer] for a Bootstrap-Server: Options.Config.Bootstrap says what Clients are told. By
// default it listens at DefaultBootstrapAddress or DefaultSecureBootstrapAddress, so that it has room on the Network of
// another Server:
//
//	s := lwm2mtest.NewServer(t, lwm2mtest.Options{})
//	account := server.ServerAccount{URI: s.URI(), Security: server.NoSec{}}
//	bs := lwm2mtest.NewBootstrapServer(t, lwm2mtest.Options{
//		Network: s.Network,
//		Config: server.Config{Bootstrap: &server.Bootstrap{Endpoints: map[string]server.BootstrapConfig{
//			"thermo-1": {Servers: []server.ServerAccount{account}},
//		}}},
//	})
//	// ... start the device with the account of bs alone
//	bs.WaitEvent(server.BootstrapFinished, "thermo-1")
//	device := s.WaitRegistered("thermo-1")
func NewBootstrapServer(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Config.Bootstrap == nil {
		t.Fatal("lwm2mtest: a Bootstrap-Server needs Options.Config.Bootstrap")
	}
	switch {
	case o.UDP || o.Address != "":
	case o.Config.Credentials != nil:
		o.Address = DefaultSecureBootstrapAddress
	default:
		o.Address = DefaultBootstrapAddress
	}
	return NewServer(t, o)
}

func (s *Server) listen(o Options) error {
	address, secure := o.Address, o.Config.Credentials != nil
	if o.UDP {
		if address == "" {
			address = "127.0.0.1:0"
		}
		s.Network = nil
		if secure {
			return s.ListenSecure(address)
		}
		return s.Listen(address)
	}
	if s.Network == nil {
		s.Network = NewNetwork(1)
	}
	switch {
	case address != "":
	case secure:
		address = DefaultSecureAddress
	default:
		address = DefaultAddress
	}
	if secure {
		return s.ListenSecureOn(s.Network, address)
	}
	return s.ListenOn(s.Network, address)
}

// WaitRegistered waits until a Client is registered under an endpoint name; if it is
// already, it returns at once. If that takes longer than Options.Timeout, it fails
// the test. Call it on the test's own goroutine.
func (s *Server) WaitRegistered(endpoint string) *server.Device {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	device, err := s.Server.WaitRegistered(ctx, endpoint)
	if err != nil {
		s.t.Fatal(err)
	}
	return device
}

// WaitBootstrap waits until a Client whose configuration is Manual asks to be bootstrapped, and returns the session, each
// once. If that takes longer than Options.Timeout, it fails the test. Call it on the test's own goroutine.
func (s *Server) WaitBootstrap(endpoint string) *server.BootstrapSession {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	session, err := s.Server.WaitBootstrap(ctx, endpoint)
	if err != nil {
		s.t.Fatal(err)
	}
	return session
}

// WaitEvent takes events, from the start of the server on, until there is one of the
// kind, from the endpoint unless that is "". Each event is taken once, so that two
// calls for server.Updated wait for two Updates. If it takes longer than
// Options.Timeout, it fails the test. Call it on the test's own goroutine.
func (s *Server) WaitEvent(kind server.EventKind, endpoint string) server.Event {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	event, err := s.events.WaitFor(ctx, kind, endpoint)
	if err != nil {
		s.t.Fatalf("lwm2mtest: waiting until %q is %v: %v", endpoint, kind, err)
	}
	return event
}
