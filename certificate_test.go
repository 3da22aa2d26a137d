package lwm2m_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// authority issues certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	last int64
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t}
	pair := a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "Test Authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign})
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue makes a certificate of the authority, or its own.
func (a *authority) issue(c *x509.Certificate) tls.Certificate {
	a.t.Helper()
	a.last++
	c.SerialNumber = big.NewInt(a.last)
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	must(a.t, err)
	leaf, err := x509.ParseCertificate(der)
	must(a.t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// certified runs a device and a server that know each other by certificates.
func certified(t *testing.T, name string, test func(s *secured, own lwm2m.X509, of *authority, server tls.Certificate)) {
	t.Helper()
	var a *authority
	t.Run(name, func(t *testing.T) {
		credentials := &server.Credentials{}
		synctest.Test(t, func(t *testing.T) {
			a = newAuthority(t)
			credentials.ClientCAs = a.pool()
			credentials.Certificate = a.issue(&x509.Certificate{DNSNames: []string{"lwm2m.example"}})
			s := &secured{fixture: &fixture{T: t, ctx: t.Context(), history: &history{}, stop: func() {}}}
			s.server = lwm2mtest.NewServer(t, lwm2mtest.Options{Config: server.Config{Credentials: credentials}, Timeout: time.Hour})
			s.server.Network.SetName("lwm2m.example", netip.MustParseAddr("198.51.100.1"))
			s.server.Network.SetName("wrong.example", netip.MustParseAddr("198.51.100.1"))
			s.config = lwm2m.Config{
				Endpoint: "thermo-1", Servers: []lwm2m.ServerAccount{{URI: "coaps://lwm2m.example"}},
				Network: s.server.Network, OnEvent: s.history.add,
			}
			own := lwm2m.X509{Certificate: a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "thermo-1"}}), Roots: a.pool()}
			defer func() { s.stop() }()
			test(s, own, a, credentials.Certificate)
		})
	})
}

func TestX509(t *testing.T) {
	certified(t, "roots", func(s *secured, own lwm2m.X509, _ *authority, _ tls.Certificate) {
		s.config.Servers[0].Security = own
		s.run(true)
		r, err := s.peer.Registration()
		must(t, err)
		if r.Identity.String() != "thermo-1" || r.Identity.Certificate == nil {
			t.Errorf("registered by %v", r.Identity)
		}
		for p, want := range map[string]int{"/0/0/3": len(own.Certificate.Certificate[0]), "/0/0/4": 0, "/0/0/2": 0} {
			if v, err := s.client.Get(path(p)); err != nil || len(v.Bytes()) != want {
				t.Errorf("%s has %d bytes, %v", p, len(v.Bytes()), err)
			}
		}
	})
	for name, pin := range map[string]func(x *lwm2m.X509, a *authority, server tls.Certificate){
		"pinned": func(x *lwm2m.X509, _ *authority, c tls.Certificate) { x.Pinned, x.Roots = c.Certificate[0], nil },
		"trust anchor": func(x *lwm2m.X509, a *authority, _ tls.Certificate) {
			x.Pinned, x.Usage = a.cert.Raw, model.TrustAnchorAssertion
		},
		"CA": func(x *lwm2m.X509, a *authority, _ tls.Certificate) {
			x.Pinned, x.Usage = a.cert.Raw, model.CAConstraint
		},
		"service": func(x *lwm2m.X509, _ *authority, c tls.Certificate) {
			sum := sha512.Sum384(c.Certificate[0])
			x.Pinned, x.Matching, x.Usage = sum[:], crypto.SHA384, model.ServiceCertificateConstraint
		},
	} {
		certified(t, name, func(s *secured, own lwm2m.X509, a *authority, c tls.Certificate) {
			pin(&own, a, c)
			own.ServerName = "lwm2m.example"
			s.config.Servers[0] = lwm2m.ServerAccount{URI: "coaps://wrong.example", Security: own}
			s.run(true)
			usage, err := s.client.Get(path("/0/0/15"))
			must(t, err)
			matching, err := s.client.Get(path("/0/0/13"))
			must(t, err)
			name, err := s.client.Get(path("/0/0/14"))
			must(t, err)
			if usage.Uint() != uint64(own.Usage.Number()) || matching.Uint() != map[crypto.Hash]uint64{crypto.SHA384: 2}[own.Matching] ||
				name.Text() != "lwm2m.example" {
				t.Errorf("/0/0: usage %v, matching %v, name %v", usage, matching, name)
			}
		})
	}
	for name, test := range map[string]struct {
		spoil func(x *lwm2m.X509, a *authority, account *lwm2m.ServerAccount)
		want  string
		alert string
	}{
		"another host": {func(_ *lwm2m.X509, _ *authority, account *lwm2m.ServerAccount) { account.URI = "coaps://wrong.example" },
			`it is not for "wrong.example"`, ""},
		"another authority": {func(x *lwm2m.X509, _ *authority, _ *lwm2m.ServerAccount) { x.Roots = newAuthority(t).pool() },
			"authority", ""},
		"another server": {func(x *lwm2m.X509, a *authority, _ *lwm2m.ServerAccount) {
			x.Pinned = a.issue(&x509.Certificate{}).Certificate[0]
		}, "not the one that the account names", ""},
		"stranger": {func(x *lwm2m.X509, _ *authority, _ *lwm2m.ServerAccount) {
			x.Certificate = newAuthority(t).issue(&x509.Certificate{Subject: pkix.Name{CommonName: "thermo-1"}})
		}, "alert 48", "48"},
	} {
		certified(t, name, func(s *secured, own lwm2m.X509, a *authority, _ tls.Certificate) {
			s.config.Servers[0].Security = own
			test.spoil(&own, a, &s.config.Servers[0])
			s.config.Servers[0].Security = own
			s.run(false)
			sleep(70 * time.Second)
			if err := s.history.err(lwm2m.NetworkError); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error: %v; events %s", err, s.history.kinds())
			}
			v, err := s.client.Get(path("/1/0/11"))
			if got := v.String(); (err == nil) != (test.alert != "") || err == nil && got != test.alert {
				t.Errorf("alert code %v, %v", v, err)
			}
		})
	}
	certified(t, "another name", func(s *secured, own lwm2m.X509, _ *authority, _ tls.Certificate) {
		s.config.Servers[0].Security, s.config.Endpoint = own, "thermo-2"
		s.run(false)
		sleep(time.Second)
		want := `Register: 4.03 Forbidden: "thermo-1" may not register as "thermo-2"`
		if err := s.history.err(lwm2m.RegistrationFailed); err == nil || err.Error() != want {
			t.Errorf("error: %v", err)
		}
	})
}
