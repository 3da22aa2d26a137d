package server_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

const links = `</>;rt="oma.lwm2m";ct="60 112",</1/0>,</3/0>,</5>,</3303>;ver=1.1,</3303/0>,</3303/7>`

func TestRegister(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		before := time.Now()
		location := p.register("ep=thermo-1&lt=300&lwm2m=1.1&b=UT&Q&sms=491234567&vendor=acme&flag", links)
		want := server.Registration{
			ID: strings.TrimPrefix(location, "/rd/"), Endpoint: "thermo-1", Address: p.address(),
			Version: model.Version11, Lifetime: 300 * time.Second, Binding: "UT", QueueMode: true, SMS: "491234567",
			Inventory: model.Inventory{
				Formats: []uint16{60, 112},
				Objects: []model.ObjectInventory{
					{ID: 1, Version: model.Version11, Instances: []uint16{0}},
					{ID: 3, Version: model.Version11, Instances: []uint16{0}},
					{ID: 5, Version: model.Version10},
					{ID: 3303, Version: model.Version11, Instances: []uint16{0, 7}},
				},
			},
			Extra: []string{"vendor=acme", "flag"},
			Query: []string{"ep=thermo-1", "lt=300", "lwm2m=1.1", "b=UT", "Q", "sms=491234567", "vendor=acme", "flag"},
			Links: links,
		}
		got, err := s.WaitRegistered("thermo-1").Registration()
		if err != nil {
			t.Fatal(err)
		}
		if got.Registered.Before(before) || got.Updated != got.Registered || got.Expires.Sub(got.Updated) != 300*time.Second {
			t.Errorf("times: registered %v, updated %v, expires %v", got.Registered, got.Updated, got.Expires)
		}
		want.Registered, want.Updated, want.Expires = got.Registered, got.Updated, got.Expires
		if !reflect.DeepEqual(got, want) {
			t.Errorf("registration\n got %+v\nwant %+v", got, want)
		}
		if got.Location() != location || len(got.ID) < 16 {
			t.Errorf("location %s, registration at %s", location, got.Location())
		}
		for path, has := range map[string]bool{
			"/": true, "/3": true, "/3/0": true, "/3/1": false, "/3303/7/5700": true, "/3303/1": false, "/4": false, "/5": true,
		} {
			p, _ := model.ParsePath(path)
			if got.Has(p) != has {
				t.Errorf("Has(%s) = %v", path, !has)
			}
		}
	})
}

func TestRegisterDefaults(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		dial(t, s).register("ep=old", "</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/1/0>,</lwm2m/3/0>")
		r := s.Registrations()[0]
		if r.Version != model.Version10 || r.Lifetime != 86400*time.Second || r.Binding != "U" || r.QueueMode || r.SMS != "" {
			t.Errorf("defaults of LwM2M 1.0: %+v", r)
		}
		if r.Inventory.Root != "/lwm2m" || !r.Has(model.PathOf(3, 0)) {
			t.Errorf("alternate root: %+v", r.Inventory)
		}
		dial(t, s).register("ep=queue&b=UQS", "</3/0>")
		if r = s.Registrations()[1]; r.Binding != "US" || !r.QueueMode {
			t.Errorf("b=UQS: binding %q, queue mode %v", r.Binding, r.QueueMode)
		}
	})
}

func TestRegisterRefused(t *testing.T) {
	const ok = "ep=a&lwm2m=1.1&lt=60"
	tests := []struct {
		query, links string
		format       int
		want         string // code and a part of the diagnostic payload
	}{
		{"lwm2m=1.1&lt=60", "</3/0>", 40, "4.00 ep"},
		{"ep=&lwm2m=1.1&lt=60", "</3/0>", 40, "4.00 ep has no value"},
		{"ep=a&ep=b&lwm2m=1.1", "</3/0>", 40, "4.00 twice"},
		{"ep=\xff&lwm2m=1.1", "</3/0>", 40, "4.00 UTF-8"},
		{"ep=a&lwm2m=1", "</3/0>", 40, "4.00 lwm2m=1 "},
		{"ep=a&lwm2m=1.01", "</3/0>", 40, "4.00 1.01"},
		{"ep=a&lwm2m=1.0.0", "</3/0>", 40, "4.00 1.0.0"},
		{"ep=a&lwm2m", "</3/0>", 40, "4.00 lwm2m"},
		{"ep=a&lwm2m=0.9", "</3/0>", 40, "4.12 0.9"},
		{"ep=a&lwm2m=1.3", "</3/0>", 40, "4.12 1.3"},
		{"ep=a&lwm2m=2.0", "</3/0>", 40, "4.12 2.0"},
		{"ep=a&lwm2m=1.1&b=UQ", "</3/0>", 40, "4.00 Q is a parameter"},
		{"ep=a&lwm2m=1.1&b=UU", "</3/0>", 40, "4.00 twice"},
		{"ep=a&lwm2m=1.1&b=UH", "</3/0>", 40, "4.00 UTSN"},
		{"ep=a&lwm2m=1.0&b=UT", "</3/0>", 40, "4.00 UQS"},
		{"ep=a&lwm2m=1.0&b=N", "</3/0>", 40, "4.00 b=N"},
		{"ep=a&lwm2m=1.0&Q", "</3/0>", 40, "4.00 Q"},
		{ok + "&Q=1", "</3/0>", 40, "4.00 Q takes no value"},
		{"ep=a&lwm2m=1.1&lt=abc", "</3/0>", 40, "4.00 lt=abc"},
		{"ep=a&lwm2m=1.1&lt=-1", "</3/0>", 40, "4.00 lt=-1"},
		{"ep=a&lwm2m=1.1&lt=0", "</3/0>", 40, "4.00 lifetime of 0"},
		{"ep=a&lwm2m=1.1&lt=99999999999", "</3/0>", 40, "4.00 lt"},
		{"ep=a&lwm2m=1.1&lt=9", "</3/0>", 40, "4.00 at least 10"},
		{"ep=a&lwm2m=1.1&lt=2000000", "</3/0>", 40, "4.00 at most 1000000"},
		{ok + "&sms=", "</3/0>", 40, "4.00 sms"},
		{ok + "&sms=+49", "</3/0>", 40, "4.00 sms"},
		{ok, "", -1, "4.00 missing"},
		{ok, "", 40, "4.00 missing"},
		{ok, "</>;ct=110", 40, "4.00 no Object"},
		{ok, "</3/0", 40, "4.00 link-format"},
		{ok, "</3/99999>", 40, "4.00 99999"},
		{ok, "</3>;ver=x,</3/0>", 40, "4.00 ver"},
		{ok, "</3/0>", 0, "4.15 40"},
		{ok + "&pid=6:27354b9a", "", -1, "4.09 profile"},
	}
	config := server.Config{MinLifetime: 10 * time.Second, MaxLifetime: 1e6 * time.Second}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		for _, test := range tests {
			r := p.do("POST /rd?"+test.query, test.format, test.links)
			got := fmt.Sprintf("%s %s", r.Code, r.Payload)
			code, reason, _ := strings.Cut(test.want, " ")
			if !strings.HasPrefix(got, code) || !strings.Contains(got, reason) {
				t.Errorf("Register %s %s: %s, want %s", test.query, test.links, got, test.want)
			}
			e := s.WaitEvent(server.Refused, "")
			var refusal *model.Error
			if !errors.As(e.Err, &refusal) || coap.Code(refusal.Code) != r.Code || e.Address != p.address() {
				t.Errorf("event %+v of an answer %s", e, r.Code)
			}
		}
		if n := len(s.Registrations()); n != 0 {
			t.Errorf("%d registrations", n)
		}
	})
}

func TestRegisterNonConfirmable(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		m := p.request("POST /rd?ep=a&lwm2m=1.1&lt=60", 40, "</3/0>")
		m.Type = coap.NonConfirmable
		p.send(m)
		if r := p.receive(); r.Type != coap.NonConfirmable || r.Code != coap.BadRequest || r.Token != m.Token {
			t.Errorf("answer %s", show(&r))
		}
	})
}

func TestRegister12(t *testing.T) {
	config := server.Config{Versions: []model.Version{model.Version12}}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		p.register("ep=a&lwm2m=1.2&lt=0&b=UMH", "</3>;ver=1.2,</3/0>")
		if r := s.Registrations()[0]; r.Lifetime != 0 || !r.Expires.IsZero() || r.Binding != "UMH" {
			t.Errorf("%+v", r)
		}
		time.Sleep(10 * 365 * 24 * time.Hour)
		if len(s.Registrations()) != 1 {
			t.Error("a registration without end has expired")
		}
		if r := p.do("POST /rd?ep=b&lwm2m=1.1", 40, "</3/0>"); r.Code != coap.PreconditionFailed {
			t.Errorf("1.1 where only 1.2 is accepted: %s", show(&r))
		}
	})
}

// A new Register of an endpoint takes the place of the old one.
func TestRegisterAgain(t *testing.T) {
	bubble(t, server.Config{MaxRegistrations: 1}, func(t *testing.T, s *lwm2mtest.Server) {
		first, second := dial(t, s), dial(t, s)
		old := first.register("ep=a&lwm2m=1.1&lt=60", "</3/0>")
		location := second.register("ep=a&lwm2m=1.0&lt=600", "</3/0>,</4/0>")
		if old == location {
			t.Errorf("both registrations are at %s", old)
		}
		if r := first.do("POST "+old, -1, ""); r.Code != coap.NotFound {
			t.Errorf("Update of the replaced registration: %s", show(&r))
		}
		if rs := s.Registrations(); len(rs) != 1 || rs[0].Location() != location || rs[0].Address != second.address() {
			t.Errorf("registrations %+v", rs)
		}
		if e := s.WaitEvent(server.Replaced, "a"); e.Registration.Location() != old {
			t.Errorf("replaced %s, want %s", e.Registration.Location(), old)
		}
		if e := s.WaitEvent(server.Registered, "a"); e.Registration.Location() != location {
			t.Errorf("then registered %s, want %s", e.Registration.Location(), location)
		}
		if r := first.do("POST /rd?ep=b&lwm2m=1.1", 40, "</3/0>"); r.Code != coap.ServiceUnavailable {
			t.Errorf("Register beyond MaxRegistrations: %s", show(&r))
		}
		time.Sleep(61 * time.Second)
		if len(s.Registrations()) != 1 {
			t.Error("the lifetime of the replaced registration ended the new one")
		}
	})
}

// A repeated datagram is answered from memory, not served again.
func TestRegisterRepeated(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		m := p.request("POST /rd?ep=a&lwm2m=1.1&lt=60", 40, "</3/0>")
		p.send(m)
		first := p.receive()
		p.send(m)
		second := p.receive()
		if a, b := first.Options.Path(coap.LocationPath), second.Options.Path(coap.LocationPath); a != b || first.Code != coap.Created {
			t.Errorf("answers %s at %s and %s at %s", show(&first), a, show(&second), b)
		}
	})
}

// A list of links over one block comes by Block1.
func TestRegisterBlockwise(t *testing.T) {
	var long strings.Builder
	long.WriteString("</3/0>")
	for i := range 300 {
		fmt.Fprintf(&long, ",</3303/%d>", i)
	}
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		payload := long.String()
		for n := 0; ; n++ {
			m := p.request("POST /rd?ep=a&lwm2m=1.1&lt=60", 40, payload[n*256:min((n+1)*256, len(payload))])
			more := (n+1)*256 < len(payload)
			m.Options.AddBlock(coap.Block1, coap.Block{Number: uint32(n), More: more, SZX: 4})
			p.send(m)
			r := p.receive()
			if !more {
				if r.Code != coap.Created {
					t.Fatalf("last block: %s", show(&r))
				}
				break
			}
			if r.Code != coap.Continue {
				t.Fatalf("block %d: %s", n, show(&r))
			}
		}
		if r := s.Registrations()[0]; !r.Has(model.PathOf(3303, 299)) || r.Links != payload {
			t.Errorf("%+v", r.Inventory)
		}
	})
}
