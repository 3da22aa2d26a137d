package libcoap

import (
	"context"

	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// register runs a client of this module until something has come of its first attempt to register with a
// directory, libcoap's coap-rd, which takes a Register as it takes any registration. The directory is stopped before
// the client, as a De-register makes the one of libcoap 4.3.1 crash: it frees the entry twice.
func register(t *testing.T, s *Server, uri string, security lwm2m.Security) lwm2m.Event {
	t.Helper()
	events := make(chan lwm2m.Event, 64)
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint:     identity,
		Servers:      []lwm2m.ServerAccount{{URI: uri, Security: security}},
		Transmission: lwm2m.Transmission{AckTimeout: 50 * time.Millisecond, MaxRetransmit: 2},
		OnEvent:      func(e lwm2m.Event) { events <- e },
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	t.Cleanup(func() {
		s.Stop()
		cancel()
		<-ended // the De-register cannot succeed
	})
	for {
		select {
		case e := <-events:
			switch e.Kind {
			case lwm2m.Registered, lwm2m.RegistrationFailed, lwm2m.NetworkError:
				return e
			}
		case <-time.After(patience):
			t.Fatal("nothing has come of the Register")
		}
	}
}

func (s *Server) registered(t *testing.T, e lwm2m.Event, handshake string) {
	t.Helper()
	if e.Kind != lwm2m.Registered || e.Handshake != handshake || !strings.HasPrefix(e.Location, "/rd/") {
		t.Errorf("event %v", e)
	}
	s.WaitFor(`c:POST .*Uri-Path:rd, Content-Format:application/link-format, Uri-Query:lwm2m=1.1, Uri-Query:ep=` + identity)
}

func TestRegisterWithDirectory(t *testing.T) {
	t.Parallel()
	s := StartServer(t, "coap-rd", NoTLS)
	s.registered(t, register(t, s, "coap://"+s.CoAP, lwm2m.NoSec{}), "")
}

func TestRegisterWithDirectoryByKey(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		s := StartServer(t, "coap-rd", flavor, "-k", secret)
		s.registered(t, register(t, s, "coaps://"+s.CoAPS, lwm2m.PSK{Identity: []byte(identity), Key: []byte(secret)}), "full")
	})
}

func TestRegisterWithDirectoryByCertificate(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		of, other := newEstate(t), newEstate(t)
		own, authorities := of.Files(t, of.server)
		right := lwm2m.X509{Certificate: of.device, Roots: of.Pool(), ServerName: serverName}
		for name, test := range map[string]struct {
			change func(x *lwm2m.X509)
			want   string // "" for success
		}{
			"accepted": {func(*lwm2m.X509) {}, ""},
			"pinned": {func(x *lwm2m.X509) {
				x.Roots, x.Pinned, x.Usage = nil, of.server.Certificate[0], model.DomainIssuedCertificate
			}, ""},
			"wrong host":     {func(x *lwm2m.X509) { x.ServerName = "server-fail.example.com" }, `it is not for "server-fail.example.com"`},
			"wrong anchor":   {func(x *lwm2m.X509) { x.Roots = other.Pool() }, "an authority that is not trusted"},
			"strange client": {func(x *lwm2m.X509) { x.Certificate = other.device }, "the peer sent alert"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := StartServer(t, "coap-rd", flavor, "-c", own, "-C", authorities)
				security := right
				test.change(&security)
				e := register(t, s, "coaps://"+s.CoAPS, security)
				if test.want == "" {
					s.registered(t, e, "full")
				} else if e.Kind != lwm2m.NetworkError || !strings.Contains(e.Err.Error(), test.want) {
					t.Errorf("event %v, want %q", e, test.want)
				}
			})
		}
	})
}

// coap-client registers with this module's server, which takes the name of the endpoint from the credentials at
// their word.
func TestServerTakesRegister(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		of := newEstate(t)
		own, authorities := of.Files(t, of.device)
		for name, args := range map[string][]string{
			"key": {"-u", identity, "-k", secret}, "certificate": {"-c", own, "-C", authorities},
		} {
			t.Run(name, func(t *testing.T) {

				credentials := &server.Credentials{PSK: server.Keys(map[string][]byte{identity: []byte(secret)}),
					Certificate: of.server, ClientCAs: of.Pool()}
				s := lwm2mtest.NewServer(t, lwm2mtest.Options{Config: server.Config{Credentials: credentials}, UDP: true})
				post := func(ep, want string) {
					t.Helper()
					more := []string{"-v", "7", "-B", "3", "-m", "post", "-t", "40", "-e", "</1/0>,</3/0>"}
					output, _ := Start(t, "coap-client", flavor, append(append(more, args...), "coaps://"+s.Addr().String()+"/rd?lwm2m=1.1&ep="+ep)...).Wait()
					if !strings.Contains(output, "c:"+want) {
						t.Errorf("Register of %s: want %s, coap-client printed\n%s", ep, want, output)
					}
				}
				post(identity, "2.01")
				if device := s.WaitRegistered(identity); device.Endpoint() != identity {
					t.Errorf("registered %v", device)
				}
				post("somebody-else", "4.03")
			})
		}
	})
}
