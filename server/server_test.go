package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestConfigErrors(t *testing.T) {
	for _, c := range []server.Config{
		{Versions: []model.Version{{Major: 2}}},
		{Versions: []model.Version{model.Version10, {Major: 1, Minor: 3}}},
		{MinLifetime: -1},
		{MaxLifetime: -1},
		{MinLifetime: 2, MaxLifetime: 1},
		{CoAP: server.CoAP{BlockSize: 100}},
		{CoAP: server.CoAP{BlockSize: 2048}},
		{CoAP: server.CoAP{BlockSize: -16}},
	} {
		if _, err := server.New(c); !errors.Is(err, server.ErrConfig) {
			t.Errorf("New(%+v): %v", c, err)
		}
	}
}

// The whole over real sockets.
func TestUDP(t *testing.T) {
	s, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr() != nil || s.URI() != "" {
		t.Errorf("address before Listen: %v, %q", s.Addr(), s.URI())
	}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if want := "coap://" + s.Addr().String(); s.URI() != want {
		t.Errorf("URI %s, want %s", s.URI(), want)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx) }()

	client := udpClient(t, s)
	register := &coap.Message{Code: coap.POST, MessageID: 1, Payload: []byte("</3/0>")}
	register.Options.AddPath(coap.UriPath, "/rd")
	register.Options.AddQuery(coap.UriQuery, "ep=a&lwm2m=1.1&lt=60")
	if r := client.exchange(register); r.Code != coap.Created {
		t.Errorf("Register: %s", show(&r))
	}
	device, err := s.WaitRegistered(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		m := client.receive()
		client.send(&coap.Message{Type: coap.Acknowledgement, Code: coap.Content, MessageID: m.MessageID, Token: m.Token, Payload: []byte("Acme")})
	}()
	r, err := device.Read(ctx, model.PathOf(3, 0, 0), server.ReadOptions{})
	if err != nil || string(r.Payload) != "Acme" {
		t.Errorf("Read: %+v, %v", r, err)
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestListenErrors(t *testing.T) {
	s, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ListenAndServe(t.Context(), "nonsense"); err == nil {
		t.Error("Listen accepts an address without a port")
	}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	taken := s.Addr().String()
	if err := s.Listen(taken); err == nil {
		t.Error("two servers at one address")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Errorf("Run with a context that has ended: %v", err)
	}
	if err := s.Run(ctx); !errors.Is(err, server.ErrClosed) {
		t.Errorf("Run again: %v", err)
	}
	if err := s.Listen("127.0.0.1:0"); !errors.Is(err, server.ErrClosed) {
		t.Errorf("Listen after Run: %v", err)
	}
	if l, err := net.ListenPacket("udp", taken); err != nil {
		t.Errorf("the socket is still open: %v", err)
	} else {
		_ = l.Close()
	}
}

// What happens to everything that is under way when the server stops.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []string
		s, err := server.New(server.Config{OnEvent: func(e server.Event) {
			time.Sleep(time.Second) // slower than the server
			events = append(events, e.String())
			if len(events) == 1 {
				panic("this must do no harm")
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		network := lwm2mtest.NewNetwork(1)
		if err := s.ListenOn(network, lwm2mtest.DefaultAddress); err != nil {
			t.Fatal(err)
		}
		collected := s.Events()
		ctx, stop := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- s.Run(ctx) }()

		p, device := newSensor(t, &lwm2mtest.Server{Server: s, Network: network})
		o := observe(t, device, server.ObserveOptions{})
		p.answer = nil
		read := make(chan error, 1)
		go func() {
			_, err := device.Read(context.Background(), temperature, server.ReadOptions{})
			read <- err
		}()
		wait := make(chan error, 1)
		go func() {
			_, err := s.WaitRegistered(context.Background(), "nobody")
			wait <- err
		}()
		synctest.Wait()
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := <-read; !errors.Is(err, server.ErrClosed) {
			t.Errorf("Read under way: %v", err)
		}
		if err := <-wait; !errors.Is(err, server.ErrClosed) {
			t.Errorf("WaitRegistered under way: %v", err)
		}
		if _, err := o.Next(context.Background()); !errors.Is(err, server.ErrEnded) || !errors.Is(err, server.ErrClosed) {
			t.Errorf("Next: %v", err)
		}
		if _, err := device.Read(t.Context(), temperature, server.ReadOptions{}); !errors.Is(err, server.ErrClosed) {
			t.Errorf("Read afterwards: %v", err)
		}
		if len(s.Registrations()) != 1 || s.Forget("sensor") {
			t.Error("the registrations do not stay as they were")
		}
		if e, err := collected.WaitFor(t.Context(), server.Registered, ""); err != nil || e.Endpoint != "sensor" {
			t.Errorf("event %+v, %v", e, err)
		}
		if _, err := collected.Next(t.Context()); !errors.Is(err, server.ErrEnded) {
			t.Errorf("Next event: %v", err)
		}
		if _, err := s.Events().Next(t.Context()); !errors.Is(err, server.ErrEnded) {
			t.Errorf("Events afterwards: %v", err)
		}
		if fmt.Sprint(events) != "[sensor registered]" {
			t.Errorf("OnEvent got %q before Run returned", events)
		}
	})
}

func TestEvents(t *testing.T) {
	bubble(t, server.Config{MaxWaiting: 2}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		events, closed := s.Events(), s.Events()
		closed.Close()
		for _, ep := range []string{"a", "b", "c"} {
			p.register("lwm2m=1.1&ep="+ep, "</3/0>")
		}
		p.do("DELETE /rd/x", -1, "")
		if _, err := closed.Next(t.Context()); !errors.Is(err, server.ErrEnded) {
			t.Errorf("closed Events: %v", err)
		}
		if _, err := events.Next(t.Context()); !errors.Is(err, server.ErrLost) {
			t.Errorf("too many events: %v", err)
		}
		if e, err := events.Next(t.Context()); err != nil || e.String() != "c registered" {
			t.Errorf("%v, %v", e, err)
		}
		if e, err := events.Next(t.Context()); err != nil || e.String() != p.address()+" refused: 4.04 Not Found: there is no registration at /rd/x" {
			t.Errorf("%v, %v", e, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := events.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no event: %v", err)
		}
		if _, err := s.Server.WaitRegistered(ctx, "d"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no registration: %v", err)
		}
	})
}

// Operations of many goroutines at once, while Clients come and go.
func TestConcurrency(t *testing.T) {
	bubble(t, server.Config{CoAP: server.CoAP{NStart: 4}}, func(t *testing.T, s *lwm2mtest.Server) {
		var all sync.WaitGroup
		for i := range 8 {
			name := fmt.Sprintf("device-%d", i)
			p := dial(t, s)
			p.answer = func(*coap.Message) *coap.Message { return response(coap.Content, 0, "1") }
			location := p.register("lwm2m=1.1&ep="+name, "</3303/0>")
			device := s.WaitRegistered(name)
			for range 4 {
				all.Go(func() {
					for range 20 {
						if r, err := device.Read(context.Background(), temperature, server.ReadOptions{}); err != nil || r.Code != model.Content {
							t.Errorf("Read: %+v, %v", r, err)
						}
						s.Registrations()
					}
				})
			}
			all.Go(func() {
				for range 20 {
					m := p.request("POST "+location+"?lt=100", -1, "")
					p.send(m)
					<-p.inbox
				}
			})
		}
		all.Wait()
		for _, r := range s.Registrations() {
			if r.Updates != 20 {
				t.Errorf("%s: %d Updates", r.Endpoint, r.Updates)
			}
		}
	})
}

// A lossy network delays operations, but does not break them.
func TestLossyNetwork(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		executed := map[uint16]bool{}
		p.answer = func(m *coap.Message) *coap.Message {
			executed[m.MessageID] = true
			return response(coap.Changed, -1, "")
		}
		p.register("ep=a&lwm2m=1.1&lt=86400", "</3/0>")
		device := s.WaitRegistered("a")
		bad := lwm2mtest.Conditions{Loss: 0.2, Duplicate: 0.2, Reorder: 0.1, Delay: 50 * time.Millisecond, Jitter: 100 * time.Millisecond}
		s.Network.SetConditions(lwm2mtest.ToServer, bad)
		s.Network.SetConditions(lwm2mtest.ToClient, bad)
		for range 50 {
			if r, err := device.Execute(t.Context(), model.PathOf(3, 0, 4), ""); err != nil || r.Code != model.Changed {
				t.Fatalf("Execute: %+v, %v", r, err)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(executed) != 50 {
			t.Errorf("%d different requests", len(executed))
		}
		if s.Network.Stats(lwm2mtest.ToClient).Lost == 0 {
			t.Error("nothing was lost")
		}
	})
}

func TestLogger(t *testing.T) {
	var log bytes.Buffer
	config := server.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		dial(t, s).do("POST /rd?lwm2m=1.1", 40, "</3/0>")
	})
	if got := log.String(); !strings.Contains(got, "refused") || !strings.Contains(got, "path=/rd") || !strings.Contains(got, "4.00") {
		t.Errorf("log: %s", got)
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		server.Expired.String():           "expired",
		server.EventKind(99).String():     "EventKind(99)",
		server.IPATCH.String():            "iPATCH",
		server.DeregisterRequest.String(): "De-register",
		server.RequestKind(99).String():   "request",
		server.TLV.String():               "11542",
		server.Text.String():              "0",
		server.NoContentFormat.String():   "none",
		server.Incoming.String():          "<-",
		server.Outgoing.String():          "->",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if n, ok := server.FormatOf(112).Number(); server.FormatOf(112) != server.SenMLCBOR || n != 112 || !ok {
		t.Errorf("FormatOf(112) = %v", server.FormatOf(112))
	}
	if _, ok := server.NoContentFormat.Number(); ok {
		t.Error("no format has a number")
	}
}
