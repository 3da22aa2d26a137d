package libcoap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/interop/authority"
)

const (
	identity   = "thermo-1"
	secret     = "0123456789abcdef"
	serverName = "server.example.com"
)

var flavors = []Flavor{OpenSSL, GnuTLS}

// estate is an authority with a server and a device.
type estate struct {
	*authority.Authority
	server, device tls.Certificate
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	a, err := authority.New("Test Authority")
	must(t, err)
	e := &estate{Authority: a}
	e.server, err = a.Server(serverName)
	must(t, err)
	e.device, err = a.Client(identity)
	must(t, err)
	return e
}

// client is this module's side with the certificate of the device.
func (e *estate) client() *link.DTLS {
	return &link.DTLS{Certificate: &e.device, Trust: &credentials.Trust{Roots: e.Pool()}, ServerName: serverName}
}

func keyed(key string) *link.DTLS {
	return &link.DTLS{PSK: &link.PSK{Identity: []byte(identity), Key: []byte(key)}}
}

// eachFlavor runs a test with each TLS library.
func eachFlavor(t *testing.T, test func(t *testing.T, flavor Flavor)) {
	t.Parallel()
	need(t)
	for _, flavor := range flavors {
		t.Run(string(flavor), func(t *testing.T) {
			t.Parallel()
			test(t, flavor)
		})
	}
}

func TestServerWithKey(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		s := StartServer(t, "coap-server", flavor, "-d", "10", "-k", secret)
		e, err := dial(t, keyed(secret), "coaps://"+s.CoAPS)
		must(t, err)
		if h := e.link.(link.Secured).Handshake(); h.Kind != link.Full || h.CipherSuite != 0xC0A8 {
			t.Errorf("session %+v", h)
		}
		e.converse()
	})
}

// Each library has its own way with a wrong key: an alert, or silence, as DTLS may drop what it cannot read.
func TestServerWithKeyRefuses(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		s := StartServer(t, "coap-server", flavor, "-k", secret)
		d := keyed("another key, which is wrong")
		d.HandshakeTimeout = 2 * time.Second
		_, err := dial(t, d, "coaps://"+s.CoAPS)
		var alert *link.AlertError
		if !errors.As(err, &alert) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("connected, or ended with %v", err)
		}
		if got := s.Output(); strings.Contains(got, "c:POST") || strings.Contains(got, "c:GET") {
			t.Error("a request has come through")
		}
		t.Logf("told: %v", err)
	})
}

func TestServerWithCertificates(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		of := newEstate(t)
		own, authorities := of.Files(t, of.server)
		s := StartServer(t, "coap-server", flavor, "-d", "10", "-c", own, "-C", authorities)
		e, err := dial(t, of.client(), "coaps://"+s.CoAPS)
		must(t, err)
		if h := e.link.(link.Secured).Handshake(); h.Kind != link.Full || !h.Certificates[0].Equal(of.server.Leaf) {
			t.Errorf("session %+v", h)
		}
		e.converse()
	})
}

func TestServerWithCertificatesRefused(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		of, other := newEstate(t), newEstate(t)
		own, authorities := of.Files(t, of.server)
		s := StartServer(t, "coap-server", flavor, "-c", own, "-C", authorities)
		refused := func(what string, d *link.DTLS) error {
			t.Helper()
			d.HandshakeTimeout = 2 * time.Second
			_, err := dial(t, d, "coaps://"+s.CoAPS)
			if err == nil {
				t.Fatalf("%s: connected", what)
			}
			t.Logf("%s: %v", what, err)
			return err
		}
		wrong := of.client()
		wrong.ServerName = "server-fail.example.com"
		var host x509.HostnameError
		if err := refused("wrong host", wrong); !errors.As(err, &host) {
			t.Errorf("wrong host: %v", err)
		}
		strange := of.client()
		strange.Trust = &credentials.Trust{Roots: other.Pool()}
		var unknown x509.UnknownAuthorityError
		if err := refused("wrong authority", strange); !errors.As(err, &unknown) {
			t.Errorf("wrong authority: %v", err)
		}
		var alert *link.AlertError
		stranger := of.client()
		stranger.Certificate = &other.device
		if err := refused("strange client", stranger); !errors.As(err, &alert) {
			t.Errorf("strange client: %v, want an alert", err)
		}
		anonymous := of.client()
		anonymous.Certificate = nil
		if err := refused("client without certificate", anonymous); !errors.As(err, &alert) {
			t.Errorf("client without certificate: %v, want an alert", err)
		}
	})
}

// listen starts this module's server, which tells of handshakes that failed.
func (s *service) listen(server *link.DTLSServer) <-chan error {
	s.t.Helper()
	failed := make(chan error, 16)
	server.Failed = func(_ net.Addr, err error) { failed <- err }
	var err error
	s.Listener, err = server.Listen(context.Background(), "127.0.0.1:0", s)
	must(s.t, err)
	s.t.Cleanup(func() { s.Close() })
	return failed
}

// refuse has a client of libcoap's fail to connect. Both sides may be the one that ends the handshake.
func (s *service) refuse(flavor Flavor, failed <-chan error, args ...string) {
	s.t.Helper()
	args = append([]string{"-v", "7", "-B", "3"}, append(args, "coaps://"+s.Addr().String()+"/body")...)
	output, _ := Start(s.t, "coap-client", flavor, args...).Wait()
	if strings.Contains(output, "c:2.05") {
		s.t.Errorf("coap-client got an answer:\n%s", output)
	}
	s.mu.Lock()
	if len(s.peers) != 0 {
		s.t.Error("coap-client has connected")
	}
	s.mu.Unlock()
	select {
	case err := <-failed:
		s.t.Logf("told: %v", err)
	case <-time.After(patience):
		s.t.Error("nobody is told of the failure")
	}
}

func keys(id []byte) ([]byte, bool) { return []byte(secret), string(id) == identity }

func TestClientWithKey(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		s := newService(t)
		s.listen(&link.DTLSServer{Key: keys})
		s.clientConverses(t, flavor, "coaps", "-u", identity, "-k", secret)
	})
}

func TestClientWithKeyRefused(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		for name, args := range map[string][]string{
			"key": {"-u", identity, "-k", "another key, which is wrong"}, "identity": {"-u", "nobody", "-k", secret},
		} {
			t.Run(name, func(t *testing.T) {
				s := newService(t)
				s.refuse(flavor, s.listen(&link.DTLSServer{Key: keys, HandshakeTimeout: 2 * time.Second}), args...)
			})
		}
	})
}

// listener is this module's side with the certificate of the server.
func (e *estate) listener() *link.DTLSServer {
	return &link.DTLSServer{
		Certificate: &e.server, ClientTrust: &credentials.Trust{Roots: e.Pool()}, HandshakeTimeout: 2 * time.Second,
	}
}

func TestClientWithCertificate(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		of := newEstate(t)
		own, authorities := of.Files(t, of.device)
		s := newService(t)
		s.listen(of.listener())
		s.clientConverses(t, flavor, "coaps", "-c", own, "-C", authorities)
	})
}

func TestClientWithCertificateRefused(t *testing.T) {
	eachFlavor(t, func(t *testing.T, flavor Flavor) {
		of, other := newEstate(t), newEstate(t)
		own, authorities := of.Files(t, of.device)
		strange, otherAuthorities := other.Files(t, other.device)
		for name, args := range map[string][]string{
			"unknown client":  {"-c", strange, "-C", authorities},
			"unknown server":  {"-c", own, "-C", otherAuthorities},
			"a key, no certs": {"-u", identity, "-k", secret},
		} {
			t.Run(name, func(t *testing.T) {
				s := newService(t)
				s.refuse(flavor, s.listen(of.listener()), args...)
			})
		}
	})
}
