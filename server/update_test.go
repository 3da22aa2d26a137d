package server_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestUpdate(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		location := p.register("ep=a&lwm2m=1.1&lt=60&sms=1&x=1", "</3/0>")
		registered := s.Registrations()[0]
		time.Sleep(50 * time.Second)
		if r := p.do("POST "+location, -1, ""); r.Code != coap.Changed || len(r.Payload) > 0 {
			t.Fatalf("empty Update: %s", show(&r))
		}
		e := s.WaitEvent(server.Updated, "a")
		want := registered
		want.Updated, want.Expires, want.Updates = e.Time, e.Time.Add(60*time.Second), 1
		if fmt.Sprint(e.Registration) != fmt.Sprint(want) || e.Time.Sub(registered.Registered) != 50*time.Second || e.Query != nil {
			t.Errorf("empty Update:\n got %+v\nwant %+v", e.Registration, want)
		}
		if r := p.do("POST "+location+"?lt=100&b=UN&sms=2&x=2", 40, "</3/0>,</3303/1>"); r.Code != coap.Changed {
			t.Fatalf("Update of all: %s", show(&r))
		}
		r := s.WaitEvent(server.Updated, "a").Registration
		switch {
		case r.Lifetime != 100*time.Second, r.Expires.Sub(r.Updated) != r.Lifetime, r.Updates != 2,
			r.Binding != "UN", r.SMS != "2", !slices.Equal(r.Extra, []string{"x=2"}),
			!r.Has(model.PathOf(3303, 1)), r.Links != "</3/0>,</3303/1>", r.Location() != location, r.Endpoint != "a":
			t.Errorf("Update of all: %+v", r)
		}
	})
}

func TestUpdateRefused(t *testing.T) {
	tests := []struct {
		query, links string
		format       int
		want         string
	}{
		{"ep=b", "", -1, "4.00 ep"},
		{"lwm2m=1.1", "", -1, "4.00 lwm2m"},
		{"Q", "", -1, "4.00 Q"},
		{"b=UQ", "", -1, "4.00 Q"},
		{"b=", "", -1, "4.00 b"},
		{"lt=0", "", -1, "4.00 0"},
		{"lt=x", "", -1, "4.00 lt"},
		{"lt=60&lt=60", "", -1, "4.00 twice"},
		{"sms=x", "", -1, "4.00 sms"},
		{"", "</3/0>,", 40, "4.00 link-format"},
		{"", "</3/0>", 110, "4.15 110"},
		{"lt=100", "</>", 40, "4.00 no Object"},
	}
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		location := p.register("ep=a&lwm2m=1.1&lt=60", "</3/0>")
		before := fmt.Sprint(s.Registrations())
		for _, test := range tests {
			r := p.do("POST "+location+"?"+test.query, test.format, test.links)
			got := fmt.Sprintf("%s %s", r.Code, r.Payload)
			code, reason, _ := strings.Cut(test.want, " ")
			if !strings.HasPrefix(got, code) || !strings.Contains(got, reason) {
				t.Errorf("Update %s %s: %s, want %s", test.query, test.links, got, test.want)
			}
			if e := s.WaitEvent(server.Refused, "a"); e.Registration.Location() != location {
				t.Errorf("event %+v", e)
			}
		}
		if after := fmt.Sprint(s.Registrations()); after != before {
			t.Errorf("refused Updates changed the registration\nfrom %s\n  to %s", before, after)
		}
		m := p.request("POST "+location, -1, "")
		m.Type = coap.NonConfirmable
		p.send(m)
		if r := p.receive(); r.Code != coap.BadRequest {
			t.Errorf("NON Update: %s", show(&r))
		}
	})
}

func TestUpdateQueueMode10(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		location := p.register("ep=a&lt=60&b=UQ", "</3/0>")
		if r := p.do("POST "+location+"?b=U", -1, ""); r.Code != coap.Changed {
			t.Fatal(show(&r))
		}
		if r := s.Registrations()[0]; r.Binding != "U" || r.QueueMode {
			t.Errorf("binding %q, queue mode %v", r.Binding, r.QueueMode)
		}
	})
}

// Operations follow a Client whose address changes with an Update.
func TestUpdateFromNewAddress(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		p.answer = func(*coap.Message) *coap.Message { return response(coap.Content, 0, "Acme") }
		location := p.register("ep=a&lwm2m=1.1&lt=60", "</3/0>")
		device := s.WaitRegistered("a")
		old := addrPort(t, p.address())
		moved, err := s.Network.Rebind(old, netip.AddrPort{})
		if err != nil {
			t.Fatal(err)
		}
		if r := p.do("POST "+location, -1, ""); r.Code != coap.Changed {
			t.Fatalf("Update from the new address: %s", show(&r))
		}
		if r, _ := device.Registration(); r.Address != moved.String() {
			t.Errorf("address %s, want %s", r.Address, moved)
		}
		if r, err := device.Read(t.Context(), model.PathOf(3, 0, 0), server.ReadOptions{}); err != nil || r.Code != model.Content {
			t.Errorf("Read at the new address: %v, %v", r, err)
		}
		time.Sleep(time.Hour)
		if n := len(s.Registrations()); n != 0 {
			t.Errorf("%d registrations after an hour", n)
		}
	})
}

func TestExpire(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		location := p.register("ep=a&lwm2m=1.1&lt=60", "</3/0>")
		time.Sleep(60*time.Second - time.Millisecond)
		if len(s.Registrations()) != 1 {
			t.Error("expired too early")
		}
		e := s.WaitEvent(server.Expired, "a")
		if lived := e.Time.Sub(e.Registration.Registered); lived < 60*time.Second || lived > 60*time.Second+time.Millisecond {
			t.Errorf("expired after %v", lived)
		}
		if r := p.do("POST "+location, -1, ""); r.Code != coap.NotFound {
			t.Errorf("Update of an expired registration: %s", show(&r))
		}
	})
}

func TestDeregister(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		location := p.register("ep=a&lwm2m=1.1&lt=60", "</3/0>")
		device := s.WaitRegistered("a")
		if r := p.do("DELETE "+location, -1, ""); r.Code != coap.Deleted {
			t.Fatalf("De-register: %s", show(&r))
		}
		if e := s.WaitEvent(server.Deregistered, "a"); e.Registration.Location() != location {
			t.Errorf("event %+v", e)
		}
		if r := p.do("DELETE "+location, -1, ""); r.Code != coap.NotFound {
			t.Errorf("De-register again: %s", show(&r))
		}
		if _, err := device.Read(t.Context(), model.PathOf(3), server.ReadOptions{}); !isError(err, server.ErrNotRegistered) {
			t.Errorf("Read of a device that is not registered: %v", err)
		}
		if _, err := device.Registration(); !isError(err, server.ErrNotRegistered) {
			t.Errorf("Registration of a device that is not registered: %v", err)
		}
		if _, err := s.Device("a"); !isError(err, server.ErrNotRegistered) {
			t.Errorf("Device that is not registered: %v", err)
		}
	})
}

func TestUnknownRequests(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		location := p.register("ep=a&lwm2m=1.1&lt=60", "</3/0>")
		for line, want := range map[string]coap.Code{
			"POST /bs?ep=a":           coap.NotFound,
			"GET /":                   coap.NotFound,
			"GET /.well-known/core":   coap.NotFound,
			"POST /rdx":               coap.NotFound,
			"GET /rd":                 coap.MethodNotAllowed,
			"DELETE /rd":              coap.MethodNotAllowed,
			"GET /dp":                 coap.MethodNotAllowed,
			"PUT " + location:         coap.MethodNotAllowed,
			"POST /rd/x":              coap.NotFound,
			"POST " + location + "/x": coap.NotFound,
			"DELETE /rd/":             coap.NotFound,
		} {
			if r := p.do(line, -1, ""); r.Code != want {
				t.Errorf("%s: %s, want %s", line, show(&r), want)
			}
		}
		m := p.request("POST /rd?ep=b&lwm2m=1.1", 40, "</3/0>")
		m.Options.Add(coap.IfMatch+2000, nil) // critical, unknown
		p.send(m)
		if r := p.receive(); r.Code != coap.BadOption {
			t.Errorf("unknown critical option: %s", show(&r))
		}
		if len(s.Registrations()) != 1 {
			t.Error("a registration changed")
		}
	})
}

// Datagrams that are no CoAP messages do nothing.
func TestMalformedDatagrams(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		p.register("ep=a&lwm2m=1.1&lt=86400", "</3/0>")
		for _, datagram := range []string{"", "\x40", "\xff\xff\xff\xff", "\x00\x01\x00\x00", "\x60\x00\x12\x34", "\x70\x00\x12\x34", "\x50\x45\x00\x01"} {
			s.Network.Inject(addrPort(t, "203.0.113.9:7"), addrPort(t, lwm2mtest.DefaultAddress), []byte(datagram))
			if err := p.link.Send([]byte(datagram)); err != nil {
				t.Fatal(err)
			}
		}
		p.silent(time.Second)
		if err := p.link.Send([]byte("\x49\x01\x12\x34")); err != nil { // token length 9
			t.Fatal(err)
		}
		if r := p.receive(); r.Type != coap.Reset || r.MessageID != 0x1234 {
			t.Errorf("token of 9 bytes: %s", show(&r))
		}
		if len(s.Registrations()) != 1 {
			t.Error("the registration is gone")
		}
	})
}

func TestForget(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		location := p.register("ep=a&lwm2m=1.1&lt=60", "</3/0>")
		if s.Forget("b") || !s.Forget("a") || s.Forget("a") {
			t.Error("Forget does not tell whether there was a registration")
		}
		s.WaitEvent(server.Forgotten, "a")
		p.silent(time.Second) // the Client is not told
		if r := p.do("POST "+location, -1, ""); r.Code != coap.NotFound {
			t.Errorf("Update: %s", show(&r))
		}
	})
}
