package server_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestInterceptCode(t *testing.T) {
	var seen []string
	verdicts := map[server.RequestKind]server.Verdict{}
	config := server.Config{Intercept: func(_ context.Context, r server.Intercepted) server.Verdict {
		seen = append(seen, fmt.Sprintf("%s %s", r.Kind, r.Endpoint))
		return verdicts[r.Kind]
	}}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		const register = "POST /rd?ep=a&lwm2m=1.1&lt=60"
		verdicts[server.RegisterRequest] = server.Verdict{Code: model.Forbidden, Reason: "go away"}
		if r := p.do(register, 40, "</3/0>"); r.Code != coap.Forbidden || string(r.Payload) != "go away" || len(s.Registrations()) != 0 {
			t.Errorf("Register: %s", show(&r))
		}
		verdicts[server.RegisterRequest] = server.Verdict{Code: model.InternalServerError, CarryOut: true}
		if r := p.do(register, 40, "</3/0>"); r.Code != coap.InternalServerError || len(s.Registrations()) != 1 {
			t.Errorf("Register that is carried out: %s", show(&r))
		}
		delete(verdicts, server.RegisterRequest)
		location := p.register("ep=a&lwm2m=1.1&lt=60", "</3/0>")
		verdicts[server.UpdateRequest] = server.Verdict{Code: model.NotFound}
		if r := p.do("POST "+location, -1, ""); r.Code != coap.NotFound || s.Registrations()[0].Updates != 0 {
			t.Errorf("Update: %s", show(&r))
		}
		p.do("POST /dp", 110, `[{"n":"/3/0/0","vs":"x"}]`)
		p.do("POST /bs?ep=b", -1, "")
		p.do("GET /x", -1, "")
		if r := p.do("DELETE "+location, -1, ""); r.Code != coap.Deleted {
			t.Errorf("De-register: %s", show(&r))
		}
		want := []string{"Register a", "Register a", "Register a", "Update a", "Send a", "Bootstrap-Request b", "request ", "De-register a"}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("intercepted %q\nwant %q", seen, want)
		}
	})
}

// No answer, no acknowledgement, also to repetitions; others are answered meanwhile.
func TestInterceptSilent(t *testing.T) {
	silent := true
	config := server.Config{Intercept: func(context.Context, server.Intercepted) server.Verdict {
		return server.Verdict{Silent: silent, CarryOut: true}
	}}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		m := p.request("POST /rd?ep=a&lwm2m=1.1&lt=86400", 40, "</3/0>")
		for range 3 {
			p.send(m)
			p.silent(5 * time.Second)
		}
		s.WaitRegistered("a") // it was carried out, once
		silent = false
		if r := p.do("POST "+s.Registrations()[0].Location(), -1, ""); r.Code != coap.Changed {
			t.Errorf("Update: %s", show(&r))
		}
		if r := s.Registrations()[0]; r.Updates != 1 {
			t.Errorf("%d Updates", r.Updates)
		}
		p.silent(time.Hour)
	})
}

// Intercept may take its time: the request is acknowledged, and answered later.
func TestInterceptSlow(t *testing.T) {
	config := server.Config{Intercept: func(context.Context, server.Intercepted) server.Verdict {
		time.Sleep(10 * time.Second)
		return server.Verdict{}
	}}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		m := p.request("POST /rd?ep=a&lwm2m=1.1&lt=86400", 40, "</3/0>")
		p.send(m)
		if r := p.receive(); r.Type != coap.Acknowledgement || r.Code != coap.Empty || r.MessageID != m.MessageID {
			t.Errorf("first answer %s", show(&r))
		}
		r := p.receive()
		if r.Type != coap.Confirmable || r.Code != coap.Created || r.Token != m.Token {
			t.Errorf("second answer %s", show(&r))
		}
		p.send(&coap.Message{Type: coap.Acknowledgement, MessageID: r.MessageID})
		p.silent(time.Minute)
	})
}

func TestInterceptPanics(t *testing.T) {
	config := server.Config{Intercept: func(context.Context, server.Intercepted) server.Verdict { panic("oops") }}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		if r := dial(t, s).do("POST /rd?ep=a&lwm2m=1.1", 40, "</3/0>"); r.Code != coap.InternalServerError {
			t.Errorf("answer %s", show(&r))
		}
	})
}

// The context of Intercept ends with the server, so that Run can return.
func TestInterceptStops(t *testing.T) {
	ended := make(chan struct{})
	config := server.Config{Intercept: func(ctx context.Context, _ server.Intercepted) server.Verdict {
		<-ctx.Done()
		close(ended)
		return server.Verdict{}
	}}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		t.Cleanup(func() {}) // the server stops after this
		p := dial(t, s)
		p.send(p.request("POST /rd?ep=a&lwm2m=1.1", 40, "</3/0>"))
		p.receive()
	})
	<-ended
}
