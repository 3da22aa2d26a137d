package server

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/model"
)

// nowhere is a link that leads nowhere.
type nowhere struct{}

func (nowhere) Send([]byte) error { return nil }
func (nowhere) MTU() int          { return 1152 }
func (nowhere) Reliable() bool    { return false }
func (nowhere) Local() net.Addr   { return &net.UDPAddr{} }
func (nowhere) Remote() net.Addr  { return &net.UDPAddr{Port: 1} }
func (nowhere) Close() error      { return nil }

// FuzzRegister gives the parameters and the payload of a Register, and those
// of an Update of it, to a Server. Both are answered with a fitting code, and
// what is refused changes nothing.
func FuzzRegister(f *testing.F) {
	f.Add("ep=a&lt=60&lwm2m=1.1&b=U&Q&sms=1", []byte("</>;rt=\"oma.lwm2m\";ct=110,</1/0>,</3303>;ver=1.1"), "lt=60", []byte("</3/0>"))
	f.Add("ep=a&b=UQS", []byte("</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/3/0>"), "b=U&sms=2&x=1", []byte(nil))
	f.Add("ep=a&lwm2m=1.2&lt=0&pid=6:27354b9a", []byte(nil), "", []byte(nil))
	f.Add("ep=&ep=a", []byte("</3/0"), "ep=a&Q&lwm2m=1.0", []byte("<"))
	f.Fuzz(func(t *testing.T, query string, links []byte, updateQuery string, updateLinks []byte) {
		s, err := New(Config{Versions: []model.Version{model.Version10, model.Version11, model.Version12}})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1e9, 0)
		req := &request{
			peer: s.peer(&port{server: s}, nowhere{}), confirmed: true, method: coap.POST,
			path: "/rd", query: strings.Split(query, "&"), format: LinkFormat, payload: links,
		}
		rep, refusal := s.serve(now, req)
		if refusal != nil {
			checkRefusal(t, refusal)
			if len(s.Registrations()) != 0 {
				t.Fatal("a refused Register is registered")
			}
			return
		}
		r := s.Registrations()[0]
		if rep.code != model.Created || rep.location != r.Location() || r.Endpoint == "" || len(r.Inventory.Objects) == 0 ||
			strings.Contains(r.Binding, "Q") || r.Lifetime < 0 {
			t.Fatalf("%+v registered as %+v", rep, r)
		}
		req.path, req.query, req.payload = rep.location, strings.Split(updateQuery, "&"), updateLinks
		_, refusal = s.serve(now.Add(time.Second), req)
		updated := s.Registrations()[0]
		if refusal != nil {
			checkRefusal(t, refusal)
			if updated.Updates != 0 || updated.Expires != r.Expires || updated.Links != r.Links {
				t.Fatalf("a refused Update made %+v of %+v", updated, r)
			}
		} else if updated.Updates != 1 || updated.Endpoint != r.Endpoint || updated.Version != r.Version || updated.ID != r.ID {
			t.Fatalf("Update made %+v of %+v", updated, r)
		}
	})
}

// FuzzBootstrapRequest gives parameters of a Bootstrap-Request or Bootstrap-Pack-Request to a Bootstrap-Server. They are
// answered with a fitting code, and what is accepted names the endpoint that was asked about.
func FuzzBootstrapRequest(f *testing.F) {
	f.Add("ep=a&pct=112", false, uint16(0))
	f.Add("ep=a&acc=</0/1>,</21/0>", true, uint16(112))
	f.Add("ep=a&ep=b&pct=65536", false, uint16(60))
	f.Add("pct=&acc=</0/65535>", true, uint16(11542))
	f.Fuzz(func(t *testing.T, query string, pack bool, accept uint16) {
		account := ServerAccount{URI: "coap://s.example", Security: NoSec{}}
		s, err := New(Config{Bootstrap: &Bootstrap{Endpoints: map[string]BootstrapConfig{"a": {Servers: []ServerAccount{account}}}}})
		if err != nil {
			t.Fatal(err)
		}
		req := &request{
			peer: s.peer(&port{server: s}, nowhere{}), confirmed: true, method: coap.POST, path: "/bs", query: strings.Split(query, "&"),
		}
		if pack {
			req.method, req.path, req.accept = coap.GET, "/bspack", FormatOf(accept)
		}
		if req.bootstrap = s.readBootstrap(req); req.bootstrap.err == nil {
			s.findBootstrap(req.bootstrap)
		}
		if err := s.judgeBootstrap(req, req.bootstrap); err != nil {
			switch err.Code {
			case model.BadRequest, model.NotAcceptable, model.UnsupportedContentFormat:
			default:
				t.Errorf("refused with %s", err.Code)
			}
			return
		}
		if req.bootstrap.client.Endpoint != "a" || !strings.Contains(query, "ep=a") {
			t.Fatalf("%q was accepted as %+v", query, req.bootstrap.client)
		}
		if pack {
			rep, err := s.pack(time.Unix(1e9, 0), req)
			if err != nil || len(rep.payload) == 0 {
				t.Fatalf("%+v, %v", rep, err)
			}
		}
	})
}

func checkRefusal(t *testing.T, refusal *model.Error) {
	t.Helper()
	switch refusal.Code {
	case model.BadRequest, model.PreconditionFailed, model.Conflict:
		if refusal.Diagnostic() == "" {
			t.Errorf("%s without a reason", refusal.Code)
		}
	default:
		t.Errorf("refused with %s", refusal.Code)
	}
}

// FuzzServer gives datagrams to a Server with one Registration and one
// observation. Nothing may panic, and no stranger may touch the Registration.
func FuzzServer(f *testing.F) {
	for _, m := range []coap.Message{
		{Code: coap.POST, Payload: []byte("</3/0>")},
		{Type: coap.NonConfirmable, Code: coap.Content, Token: coap.MakeToken([]byte{1}), Payload: []byte("21")},
		{Type: coap.Reset, MessageID: 1},
	} {
		if m.Code.IsRequest() {
			m.Options.AddPath(coap.UriPath, "/rd")
			m.Options.AddQuery(coap.UriQuery, "ep=b&lwm2m=1.1")
		}
		b, err := m.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		s, err := New(Config{Trace: func(e TraceEvent) { _ = e.String() }})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1e9, 0)
		o := &port{server: s}
		home := s.peer(o, nowhere{})
		_, refusal := s.serve(now, &request{
			peer: home, confirmed: true, method: coap.POST, path: "/rd",
			query: []string{"ep=a", "lwm2m=1.1", "lt=86400"}, format: LinkFormat, payload: []byte("</3303/0>"),
		})
		if refusal != nil {
			t.Fatal(refusal)
		}
		before, _, _ := s.directory.find("a")
		stranger := s.peer(o, &struct{ nowhere }{})
		for i := range 3 {
			stranger.receive(now.Add(time.Duration(i)*time.Second), datagram)
		}
		stranger.Expire(now.Add(time.Hour))
		if after, ok, _ := s.directory.find("a"); !ok || after.Updates != before.Updates {
			// The location cannot be guessed; only the name could be taken.
			if !strings.Contains(string(datagram), "ep=a") {
				t.Fatalf("registration %+v became %+v", before, after)
			}
		}
		home.receive(now.Add(time.Hour), datagram)
	})
}
