package interop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/interop/authority"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/model"
)

// The name in Leshan's certificate, and another one that leads to the same address
// (configurations C.17 and C.18).
const (
	serverName    = "server.example.com"
	serverFailing = "server-fail.example.com"
)

// estate is the authority that Leshan's certificate comes from, and the one it wants of clients.
type estate struct {
	servers, clients *authority.Authority
	server           tls.Certificate
}

// certify gives Leshan a certificate.
func certify(options *leshan.Options) (*estate, error) {
	servers, err := authority.New("Authority of servers")
	if err != nil {
		return nil, err
	}
	clients, err := authority.New("Authority of devices")
	if err != nil {
		return nil, err
	}
	options.Certificate, err = servers.Server(serverName)
	options.ClientAuthorities = []*x509.Certificate{clients.Certificate}
	return &estate{servers, clients, options.Certificate}, err
}

// names is UDP where the two names above lead to the loopback interface.
type names struct{ link.UDP }

func (n *names) Dial(ctx context.Context, t link.Target, s link.Sink) (link.Link, error) {
	if t.Host == serverName || t.Host == serverFailing {
		t.Host = "127.0.0.1"
	}
	return n.UDP.Dial(ctx, t, s)
}

// certified has the device use a certificate in its name for a server of a name.
func certified(host string) func(*device) {
	return func(d *device) {
		must(d, d.leshan.SetCredentials(d.ctx, d.ep, leshan.Credentials{X509: true}))
		own, err := certificates.clients.Client(d.ep)
		must(d, err)
		_, port, _ := strings.Cut(d.leshan.CoAPS, ":")
		d.config.Network = &names{link.UDP{KeepPort: true}}
		d.config.Servers[0].URI = "coaps://" + host + ":" + port
		d.config.Servers[0].Security = lwm2m.X509{Certificate: own, Roots: certificates.servers.Pool()}
	}
}

// x509Of is the security of the device, to be changed.
func x509Of(d *device, change func(*lwm2m.X509)) {
	security := d.config.Servers[0].Security.(lwm2m.X509)
	change(&security)
	d.config.Servers[0].Security = security
}

func TestETS402UDPChannelSecurityCertificate(t *testing.T) {
	t.Parallel()
	d := connect(t, c1, certified(serverName))
	if r := d.registered; !r.Secure || r.Endpoint != d.ep {
		t.Errorf("registration %+v", r)
	}
	d.read("2.05", "/3/0/0", leshan.TEXT)
	d.read("2.05", "/3/0", leshan.TLV)
	d.write("2.04", "/1/0/1", leshan.Replace, leshan.TEXT, leshan.Single(1, leshan.Integer, 60))
	if r := d.update("lt=60"); !r.Secure || r.ID != d.registered.ID {
		t.Errorf("updated to %+v", r)
	}
	d.stop()
	if gone := d.event(leshan.Deregistered).Registration; gone.ID != d.registered.ID || gone.Expired {
		t.Errorf("deregistered %+v", gone)
	}
}

// refuses runs a client that must not connect, and returns why it did not.
func (d *device) refuses(kind lwm2m.EventKind, want string) lwm2m.Event {
	d.Helper()
	d.run()
	e := d.history.wait(d.ctx, d, kind)
	if e.Err == nil || !strings.Contains(e.Err.Error(), want) {
		d.Errorf("event %v, want %q", e, want)
	}
	if r, err := d.leshan.Client(d.ctx, d.config.Endpoint); r != nil || err != nil {
		d.Errorf("registered: %+v, %v", r, err)
	}
	return e
}

func TestETS403UDPChannelSecurityCertificateWrongHost(t *testing.T) {
	t.Parallel()
	leshan.Require(t, errOfShared)
	d := newDevice(t, shared)
	c1(d)
	certified(serverFailing)(d)
	e := d.refuses(lwm2m.NetworkError, serverFailing)
	var name x509.HostnameError
	if !errors.As(e.Err, &name) || name.Host != serverFailing {
		t.Errorf("refused because of %v, want the name", e.Err)
	}
}

// All ways to tell which certificate the server has to have.
func TestCertificateUsages(t *testing.T) {
	t.Parallel()
	leshan.Require(t, errOfShared)
	other, err := authority.New("Somebody else")
	must(t, err)
	wrong, err := other.Server(serverName)
	must(t, err)
	roots, leaf := certificates.servers.Certificate.Raw, certificates.server.Certificate[0]
	for name, test := range map[string]struct {
		usage  model.CertificateUsage
		pinned []byte
		roots  bool
		want   string // in the refusal; "" if there is none
	}{
		"CA constraint":                   {model.CAConstraint, roots, true, ""},
		"service constraint":              {model.ServiceCertificateConstraint, leaf, true, ""},
		"trust anchor":                    {model.TrustAnchorAssertion, roots, false, ""},
		"domain issued":                   {model.DomainIssuedCertificate, leaf, false, ""},
		"another CA":                      {model.CAConstraint, other.Certificate.Raw, true, "CA constraint"},
		"another service":                 {model.ServiceCertificateConstraint, wrong.Certificate[0], true, "service certificate constraint"},
		"another anchor":                  {model.TrustAnchorAssertion, other.Certificate.Raw, false, "authority"},
		"another certificate of the name": {model.DomainIssuedCertificate, wrong.Certificate[0], false, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pin := func(d *device) {
				certified(serverName)(d)
				x509Of(d, func(x *lwm2m.X509) {
					x.Usage, x.Pinned = test.usage, test.pinned
					if !test.roots {
						x.Roots = nil
					}
				})
			}
			if test.want == "" {
				d := connect(t, pin)
				d.read("2.05", "/3/0/0", leshan.TEXT)
				return
			}
			d := newDevice(t, shared)
			pin(d)
			t.Logf("told: %v", d.refuses(lwm2m.NetworkError, test.want))
		})
	}
}

// Certificates of a client that Leshan does not take: it answers with an alert in the handshake, or, for a name
// that is not the endpoint's, with 4.03 to the Register.
func TestClientCertificateRefused(t *testing.T) {
	t.Parallel()
	leshan.Require(t, errOfShared)
	stranger, err := authority.New("Stranger")
	must(t, err)
	for name, test := range map[string]struct {
		issue func(ep string) (tls.Certificate, error)
		kind  lwm2m.EventKind
		want  string
	}{
		"unknown authority": {stranger.Client, lwm2m.NetworkError, "alert 42, bad_certificate"},
		"expired": {func(ep string) (tls.Certificate, error) {
			return certificates.clients.Issue(x509.Certificate{
				Subject: pkix.Name{CommonName: ep}, KeyUsage: x509.KeyUsageDigitalSignature,
				NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour),
			})
		}, lwm2m.NetworkError, "alert 45, certificate_expired"},
		"name of another": {func(ep string) (tls.Certificate, error) {
			return certificates.clients.Client(ep + "-2")
		}, lwm2m.RegistrationFailed, "4.03"},
	} {
		own, err := test.issue("TestClientCertificateRefused-" + strings.ReplaceAll(name, " ", "_"))
		must(t, err)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDevice(t, shared)
			certified(serverName)(d)
			x509Of(d, func(x *lwm2m.X509) { x.Certificate = own })
			t.Logf("told: %v", d.refuses(test.kind, test.want))
		})
	}
}
