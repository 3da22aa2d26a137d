package interop

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

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
	leshan.Require(t, errOfShared)
	shared.LogTo(t)
	bootstrapServer.LogTo(t)
	n := &novice{device: newDevice(t, shared), bs: bootstrapServer}
	uri, security := protect(n)
	n.config.Servers = []lwm2m.ServerAccount{{URI: uri, Security: security, Bootstrap: true}}
	n.sessions, n.events = n.bs.MustEvents(t, n.ep), shared.MustEvents(t, n.ep)
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

// What the bootstrap server writes in each format. Without a choice it takes the one that the client prefers.
func TestBootstrapFormats(t *testing.T) {
	t.Parallel()
	for _, format := range []leshan.Format{"", leshan.TLV, leshan.SenMLJSON, leshan.SenMLCBOR} {
		t.Run("format "+string(format), func(t *testing.T) {
			t.Parallel()
			n := newNovice(t, unprotected)
			config := standard(n.account())
			config.Format = format
			config.Delete = []string{"/"}
			config.AccessControl = map[int]leshan.AccessControl{5: {ObjectID: 3, ACL: map[int]int64{1: 31}, Owner: 1}}
			priority, no := 1, false
			config.Servers[0] = leshan.ServerObject{
				ShortServerID: 1, Lifetime: 4321, StoreNotify: true, Priority: &priority, MuteSend: &no, BootstrapOnFailure: &no,
			}
			n.configure(config)
			n.run()
			n.session("DELETE /: 2.02", "WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "WRITE /2/5: 2.04", "FINISH: 2.04")
			if r := n.serves(true); r.Lifetime != 4321*time.Second {
				t.Errorf("registration %+v", r)
			}
			n.holds("/1/0/0=1", "/1/0/1=4321", "/1/0/2=1", "/1/0/6=true", "/1/0/13=1", "/1/0/16=false", "/2/5/0=3", "/2/5/2/1=31")
		})
	}
}

// Leshan looks first where the client has its account, and leaves that place free.
func TestBootstrapFindsAccount(t *testing.T) {
	t.Parallel()
	n := newNovice(t, byKey)
	config := standard(n.account())
	config.AutoID = true
	config.Security = map[int]leshan.BootstrapAccount{0: n.account()}
	n.configure(config)
	n.run()
	n.session("DISCOVER /: 2.05", "WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "FINISH: 2.04")
	n.serves(true)
}

// Bootstraps that come to nothing: the client says why, keeps what it has, and tries again.
func TestBootstrapRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(n *novice)
		cause string // in the record of Leshan's; "" if it does not hear of the client
		want  string
	}{
		"no configuration": {func(*novice) {}, "NO_BOOTSTRAP_CONFIG", "4.00 Bad Request: no bootstrap config"},
		"another's name": {func(n *novice) {
			n.config.Endpoint += "-2"
			n.sessions = n.bs.MustEvents(n, n.config.Endpoint)
		}, "UNAUTHORIZED", "4.00 Bad Request: Unauthorized"},
		"wrong host": {func(n *novice) {
			_, security := byCertificate(n)
			_, port, _ := strings.Cut(n.bs.CoAPS, ":")
			n.config.Servers[0].URI, n.config.Servers[0].Security = "coaps://"+serverFailing+":"+port, security
		}, "", "it is not for \"" + serverFailing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNovice(t, byKey)
			test.spoil(n)
			n.run()
			e := n.history.wait(n.ctx, t, lwm2m.BootstrapFailed)
			if e.Err == nil || !strings.Contains(e.Err.Error(), test.want) || e.Next.IsZero() {
				t.Errorf("event %v, want %q", e, test.want)
			}
			if test.cause != "" {
				if s := n.session(); s.Cause != test.cause {
					t.Errorf("session ended with %s, want %s", s.Cause, test.cause)
				}
			}
			if got := n.client.Instances(1); len(got) != 0 {
				t.Errorf("the client has %v", got)
			}
		})
	}
}
