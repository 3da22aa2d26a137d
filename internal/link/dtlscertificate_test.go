package link

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
)

// estate is a certification authority with a server and a device.
type estate struct {
	ca             *authority
	server, device tls.Certificate
}

func newEstate(t testing.TB) *estate {
	t.Helper()
	ca := newAuthority(t, "the authority")
	return &estate{ca: ca, server: ca.issue(t, issued{name: "server.example", ip: net.IPv4(198, 51, 100, 1)}),
		device: ca.issue(t, issued{commonName: "device"})}
}

func (e *estate) listener() *DTLSServer {
	return &DTLSServer{Certificate: &e.server, ClientTrust: &credentials.Trust{Roots: e.ca.pool()}}
}

func (e *estate) client(s *secure, trust *credentials.Trust) *DTLS {
	return &DTLS{Base: s.net, Certificate: &e.device, Trust: trust}
}

func TestDTLSWithCertificates(t *testing.T) {
	e := newEstate(t)
	other := newAuthority(t, "another authority")
	leaf, root := e.server.Certificate[0], e.ca.certificate.Raw
	digest256, digest384, digest512 := sha256.Sum256(leaf), sha512.Sum384(leaf), sha512.Sum512(leaf)
	ofRoot := sha256.Sum256(root)
	for name, trust := range map[string]credentials.Trust{
		"roots":                   {Roots: e.ca.pool()},
		"3 domain-issued":         {Reference: leaf},
		"3 by SHA-256":            {Reference: digest256[:], Matching: credentials.SHA256},
		"3 by SHA-384":            {Reference: digest384[:], Matching: credentials.SHA384},
		"3 by SHA-512":            {Reference: digest512[:], Matching: credentials.SHA512},
		"2 trust anchor":          {Reference: root, Usage: credentials.TrustAnchor, Roots: other.pool()},
		"2 by SHA-256":            {Reference: ofRoot[:], Matching: credentials.SHA256, Usage: credentials.TrustAnchor},
		"1 service constraint":    {Reference: leaf, Usage: credentials.ServiceConstraint, Roots: e.ca.pool()},
		"0 CA constraint":         {Reference: root, Usage: credentials.CAConstraint, Roots: e.ca.pool()},
		"0 CA constraint by hash": {Reference: ofRoot[:], Matching: credentials.SHA256, Usage: credentials.CAConstraint, Roots: e.ca.pool()},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, e.listener(), func(t *testing.T, s *secure) {
				n := &notebook{}
				l := s.dial(e.client(s, &trust), n, 0, Full)
				s.exchange(l, n, "a")
				h := l.Handshake()
				if len(h.Certificates) != 2 || !h.Certificates[0].Equal(e.server.Leaf) || h.CipherSuite != 0xC0AE || h.Identity != nil {
					t.Errorf("the client's session is %+v", h)
				}
				if h := s.last().Handshake(); len(h.Certificates) == 0 || h.Certificates[0].Subject.CommonName != "device" {
					t.Errorf("the server's session is %+v", h)
				}
				l.Close()
			})
		})
	}
}

func TestDTLSCertificateRefused(t *testing.T) {
	e := newEstate(t)
	other := newEstate(t)
	leaf, root := other.server.Certificate[0], other.ca.certificate.Raw
	for name, c := range map[string]struct {
		trust credentials.Trust
		alert uint8
		says  string
	}{
		"roots":                          {credentials.Trust{Roots: other.ca.pool()}, 48, "not trusted"},
		"3 domain-issued":                {credentials.Trust{Reference: leaf}, 46, "not the one"},
		"3 the CA is no server":          {credentials.Trust{Reference: e.ca.certificate.Raw}, 46, "not the one"},
		"2 trust anchor":                 {credentials.Trust{Reference: root, Usage: credentials.TrustAnchor, Roots: e.ca.pool()}, 48, "not trusted"},
		"1 pinned, the chain is not":     {credentials.Trust{Reference: e.server.Certificate[0], Usage: credentials.ServiceConstraint, Roots: other.ca.pool()}, 48, "not trusted"},
		"1 the chain, pinned is another": {credentials.Trust{Reference: leaf, Usage: credentials.ServiceConstraint, Roots: e.ca.pool()}, 46, "not the one"},
		"0 another CA":                   {credentials.Trust{Reference: root, Usage: credentials.CAConstraint, Roots: e.ca.pool()}, 48, "does not contain"},
		"0 the leaf is no CA":            {credentials.Trust{Reference: e.server.Certificate[0], Usage: credentials.CAConstraint, Roots: e.ca.pool()}, 48, "does not contain"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, e.listener(), func(t *testing.T, s *secure) {
				err := s.refused(e.client(s, &c.trust), secureURI)
				wantRefusal(t, err, c.alert)
				if !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v", err)
				}
				synctest.Wait()
				if f := s.failed(); len(f) != 1 {
					t.Errorf("the server was told %v", f)
				} else {
					wantAlert(t, f[0], c.alert)
				}
			})
		})
	}
}

func TestDTLSNames(t *testing.T) {
	e := newEstate(t)
	trust := &credentials.Trust{Roots: e.ca.pool()}
	bubble(t, e.listener(), func(t *testing.T, s *secure) {
		s.net.SetName("alias.example", ap(secureAddress).Addr())
		err := s.refused(e.client(s, trust), "coaps://alias.example")
		wantRefusal(t, err, 42)
		var host x509.HostnameError
		if !errors.As(err, &host) || !strings.Contains(err.Error(), "server.example") || !strings.Contains(err.Error(), `"alias.example"`) {
			t.Errorf("error %v", err)
		}
		pinned := &credentials.Trust{Reference: e.server.Certificate[0]}
		wantRefusal(t, s.refused(e.client(s, pinned), "coaps://alias.example"), 42)

		for _, uri := range []string{secureURI, "coaps://" + secureAddress} {
			l, err := e.client(s, trust).Dial(t.Context(), target(t, uri), &notebook{})
			if err != nil {
				t.Fatalf("%s: %v", uri, err)
			}
			l.Close()
		}
		named := e.client(s, trust)
		named.ServerName = "server.example"
		anyName := e.client(s, &credentials.Trust{Reference: e.server.Certificate[0], AnyName: true})
		for _, d := range []*DTLS{named, anyName} {
			l, err := d.Dial(t.Context(), target(t, "coaps://alias.example"), &notebook{})
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
		}
	})
}

func TestDTLSExpired(t *testing.T) {
	e := newEstate(t)
	e.server = e.ca.issue(t, issued{name: "server.example", to: epoch.Add(time.Hour)})
	e.device = e.ca.issue(t, issued{commonName: "device", to: epoch.Add(2 * time.Hour)})
	bubble(t, e.listener(), func(t *testing.T, s *secure) {
		trust := &credentials.Trust{Roots: e.ca.pool()}
		s.dial(e.client(s, trust), &notebook{}, 0, Full).Close()
		time.Sleep(time.Hour + time.Minute)
		err := s.refused(e.client(s, trust), secureURI)
		wantRefusal(t, err, 45)
		if !strings.Contains(err.Error(), "2000-01-01T01:01") {
			t.Errorf("the error does not tell the time: %v", err)
		}
		// What is pinned needs no clock.
		pinned := &credentials.Trust{Reference: e.server.Certificate[0]}
		s.dial(e.client(s, pinned), &notebook{}, 0, Full).Close()
		time.Sleep(time.Hour)
		wantAlert(t, s.refused(e.client(s, pinned), secureURI), 45)
	})
}

func TestDTLSClientCertificate(t *testing.T) {
	e, other := newEstate(t), newEstate(t)
	bubble(t, e.listener(), func(t *testing.T, s *secure) {
		trust := &credentials.Trust{Roots: e.ca.pool()}
		d := e.client(s, trust)
		d.Certificate = nil
		wantAlert(t, s.refused(d, secureURI), 42)
		d.Certificate = &other.device
		wantAlert(t, s.refused(d, secureURI), 48)
		synctest.Wait()
		if notes := s.devices.take(); len(notes) > 0 {
			t.Errorf("the server's sink heard %v", notes)
		}
		if f := s.failed(); len(f) != 2 {
			t.Errorf("the server was told %v", f)
		}
	})
}

// TestDTLSServerWithBoth takes clients with keys and with certificates.
func TestDTLSServerWithBoth(t *testing.T) {
	e := newEstate(t)
	server := e.listener()
	server.Key = keys
	bubble(t, server, func(t *testing.T, s *secure) {
		for _, d := range []*DTLS{s.client(), e.client(s, &credentials.Trust{Roots: e.ca.pool()})} {
			n := &notebook{}
			l := s.dial(d, n, 0, Full)
			s.exchange(l, n, "a")
			l.Close()
		}
		d := e.client(s, &credentials.Trust{Roots: e.ca.pool()})
		d.Certificate = nil
		wantAlert(t, s.refused(d, secureURI), 42)
	})
}

func TestDTLSServerTrust(t *testing.T) {
	e := newEstate(t)
	server := e.listener()
	server.Base, server.ClientTrust = NewMemory(1), nil
	if _, err := server.Listen(t.Context(), secureAddress, &notebook{}); !errors.Is(err, credentials.ErrInvalid) {
		t.Errorf("without ClientTrust: %v", err)
	}
}
