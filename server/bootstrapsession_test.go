package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

var byHand = server.BootstrapConfig{Manual: true}

// manual begins a session by hand.
func manual(t *testing.T, s *lwm2mtest.Server, query string) (*pupil, *server.BootstrapSession) {
	t.Helper()
	p := newPupil(t, s)
	p.ask(query)
	return p, s.WaitBootstrap("a")
}

// answered fails the test if there was no answer, or another.
func answered(t *testing.T, r *server.Response, err error, want model.Code) {
	t.Helper()
	if err != nil || r.Code != want {
		t.Errorf("%+v, %v, want %v", r, err, want)
	}
}

func TestETS4BootstrapDelete(t *testing.T) {
	bubble(t, bootstrapping(byHand), func(t *testing.T, s *lwm2mtest.Server) {
		p, session := manual(t, s, "ep=a")
		r, err := session.Delete(t.Context(), at("/0"))
		answered(t, r, err, model.Deleted)
		r, err = session.Delete(t.Context(), at("/1/0"))
		answered(t, r, err, model.Deleted)
		r, err = session.Delete(t.Context(), model.Path{})
		answered(t, r, err, model.Deleted)
		r, err = session.Discover(t.Context(), model.Path{})
		answered(t, r, err, model.Content)
		if len(r.Links) != 4 || r.Links[1].Path != at("/0/0") {
			t.Errorf("links %v", r.Links)
		}
		p.expectLines("DELETE /0", "DELETE /1/0", "DELETE /", "GET / accept=40")
	})
}

func TestETS8BootstrapRead(t *testing.T) {
	bubble(t, bootstrapping(byHand), func(t *testing.T, s *lwm2mtest.Server) {
		p, session := manual(t, s, "ep=a&pct=112")
		p.answers["GET /2 accept=110"] = response(coap.Content, 110,
			`[{"bn":"/2/0/","n":"0","v":3},{"n":"1","v":0},{"n":"2/0","v":31},{"n":"3","v":65535}]`)
		p.answers["GET /0"] = response(coap.Unauthorized, -1, "")
		r, err := session.Read(t.Context(), at("/2"), server.ReadOptions{Accept: server.SenMLJSON})
		answered(t, r, err, model.Content)
		for path, want := range map[string]int64{"/2/0/0": 3, "/2/0/1": 0, "/2/0/2/0": 31, "/2/0/3": 65535} {
			if v, ok := r.Value(at(path)); !ok || v.Int() != want {
				t.Errorf("%s = %v", path, v)
			}
		}
		r, err = session.Read(t.Context(), at("/0"), server.ReadOptions{})
		answered(t, r, err, model.Unauthorized)
		p.expectLines("GET /2 accept=110", "GET /0 accept=112")
	})
}

// A Client that finds its configuration inconsistent says so, and the session goes on.
func TestETS9BootstrapConsistency(t *testing.T) {
	bubble(t, bootstrapping(byHand), func(t *testing.T, s *lwm2mtest.Server) {
		p, session := manual(t, s, "ep=a&pct=110")
		p.answers["POST /bs"] = response(coap.NotAcceptable, -1, "no server account")
		r, err := session.Write(t.Context(), at("/1/0/5"), model.IntegerValue(86400), server.WriteOptions{})
		answered(t, r, err, model.Changed)
		r, err = session.Finish(t.Context())
		answered(t, r, err, model.NotAcceptable)
		if reason := r.Err(); !strings.Contains(reason.Error(), "no server account") || session.Err() != nil {
			t.Errorf("%v, session %v", reason, session.Err())
		}
		p.mu.Lock()
		delete(p.answers, "POST /bs")
		p.mu.Unlock()
		r, err = session.Finish(t.Context())
		answered(t, r, err, model.Changed)
		<-session.Done()
		if session.Err() != nil {
			t.Error(session.Err())
		}
		s.WaitEvent(server.BootstrapFinished, "a")
		if _, err := session.Finish(t.Context()); !errors.Is(err, server.ErrEnded) {
			t.Errorf("after the end: %v", err)
		}
		p.expectLines(`PUT /1/0/5 format=110 "[{\"bn\":\"/1/0/5\",\"v\":86400}]"`, "POST /bs", "POST /bs")
	})
}

// Any request can be sent, right or wrong.
func TestBootstrapHostile(t *testing.T) {
	bubble(t, bootstrapping(byHand), func(t *testing.T, s *lwm2mtest.Server) {
		p, session := manual(t, s, "ep=a")
		if c := session.Client(); c.Endpoint != "a" || c.Address != p.address() || !c.Identity.IsZero() || c.Pack {
			t.Errorf("%+v", c)
		}
		p.answers["POST /bs format"] = response(coap.BadRequest, -1, "")
		_, err := session.WritePayload(t.Context(), at("/0/0"), []byte("{"), server.WriteOptions{Format: server.SenMLJSON})
		if err != nil {
			t.Error(err)
		}
		r, err := session.Do(t.Context(), server.Request{Method: server.POST, Path: "/bs", Format: server.Text, Payload: []byte("x")})
		answered(t, r, err, model.BadRequest)
		r, err = session.Do(t.Context(), server.Request{Path: "/3/0", Query: []string{"depth=1"}})
		answered(t, r, err, model.Content)
		if _, err := session.Write(t.Context(), at("/1/0/1"), model.LinkValue(model.NullLink), server.WriteOptions{Format: server.OctetStream}); err == nil {
			t.Error("an Objlnk was written as octet-stream")
		}
		p.expectLines(`PUT /0/0 format=110 "{"`, `POST /bs format=0 "x"`, "GET /3/0?depth=1")
		session.Close()
		e := s.WaitEvent(server.BootstrapFailed, "a")
		if <-session.Done(); session.Err() == nil || e.Err != session.Err() {
			t.Errorf("closed: %v, event %v", session.Err(), e.Err)
		}
	})
}

// A script may do by hand what it likes and leave the rest to the configuration.
func TestBootstrapScript(t *testing.T) {
	finish := true
	config := server.BootstrapConfig{
		Delete: []model.Path{at("/1")},
		Script: func(ctx context.Context, b *server.BootstrapSession) error {
			if _, err := b.Discover(ctx, at("/0")); err != nil {
				return err
			}
			if err := b.Configure(ctx); err != nil || !finish {
				return err
			}
			_, err := b.Finish(ctx)
			return err
		},
	}
	bubble(t, bootstrapping(config), func(t *testing.T, s *lwm2mtest.Server) {
		p := newPupil(t, s)
		p.ask("ep=a")
		s.WaitEvent(server.BootstrapFinished, "a")
		p.expectLines("GET /0 accept=40", "DELETE /1", "POST /bs")
		finish = false
		p.ask("ep=a")
		if e := s.WaitEvent(server.BootstrapFailed, "a"); !strings.Contains(e.Err.Error(), "before Bootstrap-Finish") {
			t.Errorf("%v", e)
		}
	})
}

func TestBootstrapScriptPanics(t *testing.T) {
	config := server.BootstrapConfig{Script: func(context.Context, *server.BootstrapSession) error { panic("no script") }}
	bubble(t, bootstrapping(config), func(t *testing.T, s *lwm2mtest.Server) {
		newPupil(t, s).ask("ep=a")
		if e := s.WaitEvent(server.BootstrapFailed, "a"); !strings.Contains(e.Err.Error(), "no script") {
			t.Errorf("%v", e)
		}
	})
}

// A Client that asks anew ends the session before, wherever it asks from; so does the end of the Server.
func TestBootstrapAskedAnew(t *testing.T) {
	bubble(t, bootstrapping(byHand), func(t *testing.T, s *lwm2mtest.Server) {
		p, first := manual(t, s, "ep=a")
		p.ask("ep=a")
		second := s.WaitBootstrap("a")
		if <-first.Done(); first.Err() == nil || !errors.Is(s.WaitEvent(server.BootstrapFailed, "a").Err, first.Err()) {
			t.Errorf("%v", first.Err())
		}
		_, third := manual(t, s, "ep=a")
		if <-second.Done(); second.Err() == nil {
			t.Error("two sessions of one endpoint")
		}
		if _, err := second.Finish(t.Context()); !errors.Is(err, server.ErrEnded) || !errors.Is(err, second.Err()) {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Server.WaitBootstrap(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one session was given twice: %v", err)
		}
		if third.Err() != nil {
			t.Errorf("the last session: %v", third.Err())
		}
	})
}

// The Server stops while scripts wait for answers.
func TestBootstrapServerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		config := bootstrapping(server.BootstrapConfig{Script: func(ctx context.Context, b *server.BootstrapSession) error {
			_, err := b.Finish(ctx)
			<-ctx.Done()
			ended <- errors.Join(err, b.Err())
			return err
		}})
		s, err := server.New(config)
		if err != nil {
			t.Fatal(err)
		}
		network := lwm2mtest.NewNetwork(1)
		if err := s.ListenOn(network, lwm2mtest.DefaultAddress); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- s.Run(ctx) }()
		p := dial(t, &lwm2mtest.Server{Server: s, Network: network})
		p.do("POST /bs?ep=a", -1, "")
		p.receive()
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, server.ErrClosed) {
			t.Errorf("the script saw %v", err)
		}
		if _, err := s.WaitBootstrap(t.Context(), "a"); !errors.Is(err, server.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

// dialSecure is dial by DTLS.
func dialSecure(t *testing.T, s *lwm2mtest.Server, identity string, key []byte) *rawPeer {
	t.Helper()
	p := &rawPeer{t: t, net: s.Network, mid: 0x1000, inbox: make(chan coap.Message, 1000)}
	target, err := link.ParseURI(s.URI())
	if err != nil {
		t.Fatal(err)
	}
	network := &link.DTLS{Base: s.Network, PSK: &link.PSK{Identity: []byte(identity), Key: key}}
	if p.link, err = network.Dial(t.Context(), target, p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.link.Close() })
	return p
}

// With security a Client is who it has proven to be, and the end of its connection is the end of the session.
func TestBootstrapSecure(t *testing.T) {
	key := []byte("0123456789abcdef")
	config := bootstrapping(byHand)
	config.Credentials = &server.Credentials{PSK: func(string) ([]byte, bool) { return key, true }}
	synctest.Test(t, func(t *testing.T) {
		s := lwm2mtest.NewBootstrapServer(t, lwm2mtest.Options{Config: config})
		if err := s.ListenOn(s.Network, lwm2mtest.DefaultBootstrapAddress); err != nil {
			t.Fatal(err)
		}
		p := dialSecure(t, s, "a", key)
		for line, want := range map[string]coap.Code{
			"POST /bs?ep=b": coap.Forbidden, "GET /bspack?ep=b": coap.Forbidden, "POST /bs": coap.Changed,
		} {
			if r := p.do(line, -1, ""); r.Code != want {
				t.Errorf("%s: %s", line, show(&r))
			}
		}
		session := s.WaitBootstrap("a")
		if c := session.Client(); c.Identity.PSK != "a" {
			t.Errorf("%+v", c)
		}
		plain := &rawPeer{t: t, net: s.Network, inbox: make(chan coap.Message, 10)}
		target, err := link.ParseURI("coap://" + lwm2mtest.DefaultBootstrapAddress)
		if err != nil {
			t.Fatal(err)
		}
		if plain.link, err = s.Network.Dial(t.Context(), target, plain); err != nil {
			t.Fatal(err)
		}
		if r := plain.do("POST /bs?ep=a", -1, ""); r.Code != coap.Forbidden {
			t.Errorf("a stranger took the session: %s", show(&r))
		}
		_ = plain.link.Close()
		_ = p.link.Close() // tells the server
		if e := s.WaitEvent(server.BootstrapFailed, "a"); !errors.Is(e.Err, link.ErrClosed) {
			t.Errorf("%v", e)
		}
	})
}

func TestBootstrapStrings(t *testing.T) {
	for _, test := range []struct {
		step server.BootstrapStep
		want string
	}{
		{server.BootstrapStep{Operation: "Bootstrap-Delete", Path: "/0", Err: server.ErrTimeout}, "Bootstrap-Delete /0: " + server.ErrTimeout.Error()},
		{server.BootstrapStep{Operation: "GET", Path: "/x", Response: &server.Response{Code: model.NotFound}}, "GET /x: 4.04 Not Found"},
		{server.BootstrapStep{Operation: "GET", Path: "/", Response: &server.Response{Code: model.Content}}, "GET /: 2.05 Content"},
	} {
		if got := test.step.String(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	if got := fmt.Sprint(server.BootstrapPackRequest, server.BootstrapPacked); got != "Bootstrap-Pack-Request bootstrap packed" {
		t.Error(got)
	}
}
