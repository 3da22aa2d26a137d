package link

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
)

// authority issues certificates for tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issued says what is in a certificate; the zero value is valid for a day
// around now and for no name.
type issued struct {
	name, commonName string
	ip               net.IP
	from, to         time.Time
	authority        bool
}

// epoch is in virtual time what the clock starts with, and fine as a beginning in
// real time.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (i issued) template(t testing.TB) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: i.commonName}, NotBefore: i.from, NotAfter: i.to,
		BasicConstraintsValid: true, IsCA: i.authority,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if i.from.IsZero() {
		c.NotBefore = epoch.AddDate(-1, 0, 0)
	}
	if i.to.IsZero() {
		c.NotAfter = epoch.AddDate(100, 0, 0)
	}
	if i.authority {
		c.KeyUsage = x509.KeyUsageCertSign
	}
	if i.name != "" {
		c.DNSNames = []string{i.name}
	}
	if i.ip != nil {
		c.IPAddresses = []net.IP{i.ip}
	}
	return c
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	pair := (*authority)(nil).issue(t, issued{commonName: name, authority: true})
	return &authority{pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)}
}

// issue makes a certificate with its key; without an authority it is
// self-signed.
func (a *authority) issue(t testing.TB, i issued) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := i.template(t)
	parent, signer := template, key
	if a != nil {
		parent, signer = a.certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	if a != nil {
		pair.Certificate = append(pair.Certificate, a.certificate.Raw)
	}
	return pair
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

var (
	identity  = []byte("thermo-1")
	sharedKey = []byte("0123456789abcdef")
)

func rightKey() *PSK { return &PSK{Identity: identity, Key: sharedKey} }

// keys is the server's table for rightKey.
func keys(id []byte) ([]byte, bool) { return sharedKey, string(id) == string(identity) }

// secure is a network with a DTLS server on it, in virtual time.
type secure struct {
	t        testing.TB
	net      *Memory
	server   *DTLSServer
	listener Listener
	devices  *notebook // what the server's sink hears; it answers
	mu       sync.Mutex
	failures []error
}

const (
	secureAddress = "198.51.100.1:5684"
	secureURI     = "coaps://server.example"
)

// newSecure starts a server, with pre-shared keys if nothing else is set. It is
// closed at the end of the test; within a bubble that must be by stop.
func newSecure(t testing.TB, server *DTLSServer) *secure {
	t.Helper()
	s := &secure{t: t, net: NewMemory(1), server: server, devices: &notebook{reply: true}}
	s.net.SetName("server.example", ap(secureAddress).Addr())
	server.Base = s.net
	if server.Key == nil && server.Certificate == nil {
		server.Key = keys
	}
	server.Failed = func(_ net.Addr, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.failures = append(s.failures, err)
	}
	s.listen()
	return s
}

func (s *secure) listen() {
	s.t.Helper()
	l, err := s.server.Listen(context.Background(), secureAddress, s.devices)
	if err != nil {
		s.t.Fatal(err)
	}
	s.listener = l
}

func (s *secure) stop() {
	s.t.Helper()
	if err := s.listener.Close(); err != nil {
		s.t.Error(err)
	}
}

// client gives a client with the right key.
func (s *secure) client() *DTLS { return &DTLS{Base: s.net, PSK: rightKey()} }

// dial opens a Link and wants a kind of handshake.
func (s *secure) dial(d *DTLS, sink Sink, attempt uint, want HandshakeKind) Secured {
	s.t.Helper()
	t := target(s.t, secureURI)
	t.Attempt = attempt
	l, err := d.Dial(context.Background(), t, sink)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := l.(Secured).Handshake(); got.Kind != want {
		s.t.Fatalf("handshake %v, want %v", got.Kind, want)
	}
	return l.(Secured)
}

// refused wants Dial to fail.
func (s *secure) refused(d *DTLS, uri string) error {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	l, err := d.Dial(ctx, target(s.t, uri), &notebook{})
	if err == nil {
		l.Close()
		s.t.Fatal("the handshake succeeded")
	}
	return err
}

// exchange sends and wants the answers, which are what was sent.
func (s *secure) exchange(l Link, n *notebook, data ...string) {
	s.t.Helper()
	send(s.t, l, data...)
	synctest.Wait()
	wantData(s.t, n, data...)
}

// silence sends and wants no answer.
func (s *secure) silence(l Link, n *notebook, data string) {
	s.t.Helper()
	send(s.t, l, data)
	synctest.Wait()
	wantData(s.t, n)
}

// last is the Link of the newest datagram that the server's sink got. The end of
// another may well be told after it.
func (s *secure) last() Secured {
	s.t.Helper()
	notes := slices.DeleteFunc(s.devices.take(), func(n note) bool { return n.err != nil })
	if len(notes) == 0 {
		s.t.Fatal("the server received nothing")
	}
	return notes[len(notes)-1].link.(Secured)
}

// failed gives the server's failed handshakes so far.
func (s *secure) failed() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.failures)
}

// bubble runs f in virtual time with a server.
func bubble(t *testing.T, server *DTLSServer, f func(t *testing.T, s *secure)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSecure(t, server)
		defer s.stop()
		f(t, s)
	})
}

func wantAlert(t testing.TB, err error, number uint8) {
	t.Helper()
	var a *AlertError
	if !errors.As(err, &a) || a.Number != number {
		t.Errorf("error %v, want alert %d", err, number)
	}
}

func wantRefusal(t testing.TB, err error, alert uint8) {
	t.Helper()
	var c *credentials.CertificateError
	if !errors.As(err, &c) || c.Alert != alert {
		t.Errorf("error %v, want a refusal with alert %d", err, alert)
	}
}
