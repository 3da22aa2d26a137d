package interop

import (
	"crypto/x509"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// bootstrapServer is one bootstrap server of Leshan's for all tests, from the first on that needs it.
var (
	startBootstrap  sync.Once
	bootstrapServer *leshan.BootstrapServer
	errOfBootstrap  error
)

func needBootstrapServer(t *testing.T) *leshan.BootstrapServer {
	t.Helper()
	leshan.Require(t, errOfShared)
	startBootstrap.Do(func() {
		bootstrapServer, errOfBootstrap = leshan.StartBootstrapMain(leshan.Options{
			Properties:  properties,
			Certificate: certificates.server, ClientAuthorities: []*x509.Certificate{certificates.clients.Certificate},
		})
	})
	leshan.Require(t, errOfBootstrap)
	bootstrapServer.LogTo(t)
	return bootstrapServer
}

// novice is a device that knows a bootstrap server, and no other unless a test adds one.
type novice struct {
	*device
	bs       *leshan.BootstrapServer
	sessions *leshan.Stream // events of the bootstrap server
}

// A protection is how a device speaks with the bootstrap server.
type protection func(n *novice) (uri string, security lwm2m.Security)

func unprotected(n *novice) (string, lwm2m.Security) { return "coap://" + n.bs.CoAP, lwm2m.NoSec{} }

func byKey(n *novice) (string, lwm2m.Security) {
	must(n, n.bs.SetCredentials(n.ctx, n.ep, leshan.Credentials{PSK: &leshan.PSK{Identity: n.ep, Key: key}}))
	return "coaps://" + n.bs.CoAPS, lwm2m.PSK{Identity: []byte(n.ep), Key: key}
}

func byCertificate(n *novice) (string, lwm2m.Security) {
	must(n, n.bs.SetCredentials(n.ctx, n.ep, leshan.Credentials{X509: true}))
	own, err := certificates.clients.Client(n.ep)
	must(n, err)
	n.config.Network = &names{link.UDP{KeepPort: true}}
	_, port, _ := strings.Cut(n.bs.CoAPS, ":")
	return "coaps://" + serverName + ":" + port, lwm2m.X509{Certificate: own, Roots: certificates.servers.Pool()}
}

func newNovice(t *testing.T, protect protection) *novice {
	t.Helper()
	bs := needBootstrapServer(t)
	shared.LogTo(t)
	n := &novice{device: newDevice(t, shared), bs: bs}
	uri, security := protect(n)
	n.config.Servers = []lwm2m.ServerAccount{{URI: uri, Security: security, Bootstrap: true}}
	n.sessions, n.events = bs.MustEvents(t, n.ep), shared.MustEvents(t, n.ep)
	return n
}

// eachProtection runs a test over coap and coaps.
func eachProtection(t *testing.T, test func(t *testing.T, protect protection)) {
	t.Parallel()
	for name, protect := range map[string]protection{"coap": unprotected, "coaps": byKey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, protect)
		})
	}
}

// account is the Security instance by which the device shall register with Leshan's server: with a key.
func (n *novice) account() leshan.BootstrapAccount {
	n.Helper()
	must(n, shared.SetCredentials(n.ctx, n.ep, leshan.Credentials{PSK: &leshan.PSK{Identity: n.ep, Key: key}}))
	return leshan.BootstrapAccount{
		URI: "coaps://" + shared.CoAPS, Mode: leshan.ModePSK, Identity: []byte(n.ep), Secret: key, ShortServerID: 1,
	}
}

// certificateAccount is account with certificates.
func (n *novice) certificateAccount() leshan.BootstrapAccount {
	n.Helper()
	must(n, shared.SetCredentials(n.ctx, n.ep, leshan.Credentials{X509: true}))
	own, err := certificates.clients.Client(n.ep)
	must(n, err)
	secret, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	must(n, err)
	return leshan.BootstrapAccount{
		URI: "coaps://" + shared.CoAPS, Mode: leshan.ModeX509, Identity: own.Certificate[0], Secret: secret,
		ServerKey: certificates.server.Certificate[0], ServerName: serverName, CertificateUsage: "DOMAIN_ISSUER_CERTIFICATE",
		ShortServerID: 1,
	}
}

// standard is what the device is told of Leshan's server, at instance 0 of each Object, and further requests.
func standard(account leshan.BootstrapAccount, tasks ...leshan.BootstrapTask) leshan.BootstrapConfig {
	return leshan.BootstrapConfig{
		Security: map[int]leshan.BootstrapAccount{1: account},
		Servers:  map[int]leshan.ServerObject{0: {ShortServerID: 1, Lifetime: 86400}},
		Tasks:    tasks,
	}
}

// configure sets what the bootstrap server does.
func (n *novice) configure(config leshan.BootstrapConfig) {
	n.Helper()
	must(n, n.bs.SetConfig(n.ctx, n.ep, config))
}

// session waits for the end of a session of the bootstrap server, and checks its steps: "DELETE /0: 2.02, FINISH: 2.04".
func (n *novice) session(steps ...string) *leshan.BootstrapSession {
	n.Helper()
	e, err := n.sessions.Wait(n.ctx, leshan.Bootstrapped, nil)
	must(n, err)
	var got []string
	for _, s := range e.Session.Steps {
		got = append(got, s.String())
		if s.Result != nil && s.Result.ErrorMessage != "" {
			n.Logf("%v %s", s, s.Result.ErrorMessage)
		}
	}
	if !slices.Equal(got, steps) {
		n.Errorf("steps of the session (%s)\n got %s\nwant %s", e.Session.Cause, strings.Join(got, ", "), strings.Join(steps, ", "))
	}
	return e.Session
}

// serves waits for the registration, and checks that the server can work with the device.
func (n *novice) serves(secure bool) *leshan.Registration {
	n.Helper()
	n.registered = n.event(leshan.Registered).Registration
	if n.registered.Secure != secure {
		n.Errorf("registration %+v", n.registered)
	}
	n.read("2.05", "/3/0/0", leshan.TEXT)
	return n.registered
}

// discovered are the links of a Bootstrap-Discover.
func discovered(s *leshan.BootstrapSession, step int) string {
	if step >= len(s.Steps) || s.Steps[step].Result == nil {
		return ""
	}
	return string(s.Steps[step].Result.Payload)
}

var discover = leshan.BootstrapTask{Operation: leshan.BootstrapDiscover, Path: "/"}
