package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestCredentialsAreChecked(t *testing.T) {
	keys := server.Keys(nil)
	certificate := tls.Certificate{Certificate: [][]byte{{1}}}
	signed := certificate
	signed.PrivateKey = 1
	for _, test := range []struct {
		credentials server.Credentials
		want        string
	}{
		{server.Credentials{}, "Credentials has neither PSK nor Certificate"},
		{server.Credentials{PSK: keys, Certificate: certificate}, "Credentials.Certificate has no PrivateKey"},
		{server.Credentials{Certificate: signed}, "Credentials.Certificate needs ClientCAs"},
		{server.Credentials{PSK: keys}, ""},
		{server.Credentials{Certificate: signed, ClientCAs: x509.NewCertPool()}, ""},
	} {
		_, err := server.New(server.Config{Credentials: &test.credentials})
		if (err != nil) != (test.want != "") || err != nil && (!errors.Is(err, server.ErrConfig) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%v: %v, want %q", test.credentials, err, test.want)
		}
	}
	s, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ListenSecure("127.0.0.1:0"); !errors.Is(err, server.ErrConfig) {
		t.Errorf("ListenSecure without credentials: %v", err)
	}
	if s.URI() != "" {
		t.Errorf("URI %s", s.URI())
	}
}

func TestIdentity(t *testing.T) {
	urn, err := url.Parse("urn:dev:os:32473-123456")
	if err != nil {
		t.Fatal(err)
	}
	certified := server.Identity{Certificate: &x509.Certificate{
		Subject: pkix.Name{CommonName: "thermo-1"}, DNSNames: []string{"thermo.example"}, URIs: []*url.URL{urn},
	}}
	for _, test := range []struct {
		who  server.Identity
		name string
		want bool
	}{
		{server.Identity{PSK: "a"}, "a", true},
		{server.Identity{PSK: "a"}, "A", false},
		{certified, "thermo-1", true},
		{certified, "thermo.example", true},
		{certified, "urn:dev:os:32473-123456", true},
		{certified, "thermo-2", false},
		{server.Identity{Certificate: &x509.Certificate{}}, "", false},
	} {
		if got := server.Has(test.who, test.name); got != test.want {
			t.Errorf("%v may be %q: %t", test.who, test.name, got)
		}
	}
	if !(server.Identity{}).IsZero() || certified.IsZero() || certified.String() != "thermo-1" {
		t.Errorf("%v", certified)
	}
}

// The application decides who may use which name; its mistakes harm nobody.
func TestMayRegister(t *testing.T) {
	key := []byte("0123456789abcdef")
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan string, 10)
		s := lwm2mtest.NewServer(t, lwm2mtest.Options{Config: server.Config{Credentials: &server.Credentials{
			PSK: func(identity string) ([]byte, bool) {
				if identity == "panics" {
					panic("no such table")
				}
				return key, true
			},
			MayRegister: func(client server.Identity, endpoint string) bool {
				asked <- fmt.Sprint(client, " ", endpoint)
				return endpoint != "forbidden"
			},
		}}})
		for endpoint, want := range map[string]server.EventKind{
			"allowed": server.Registered, "forbidden": server.Refused, "unknown": server.HandshakeFailed,
		} {
			identity := map[bool]string{true: "panics", false: "fleet-7"}[endpoint == "unknown"]
			c, err := lwm2m.NewClient(lwm2m.Config{Endpoint: endpoint, Network: s.Network, Servers: []lwm2m.ServerAccount{{
				URI: s.URI(), Security: lwm2m.PSK{Identity: []byte(identity), Key: key},
			}}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			go func() { _ = c.Run(ctx) }()
			e := s.WaitEvent(want, "")
			if want == server.Registered && e.Registration.Identity.PSK != "fleet-7" || want != server.Registered && e.Err == nil {
				t.Errorf("%s: %v by %v", endpoint, e, e.Registration.Identity)
			}
			if want != server.HandshakeFailed && <-asked != "fleet-7 "+endpoint {
				t.Errorf("%s: asked about something else", endpoint)
			}
			cancel()
			time.Sleep(6 * time.Second)
		}
	})
}
