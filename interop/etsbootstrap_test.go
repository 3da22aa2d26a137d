package interop

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
)

// The bootstrap server of these cases is Leshan's. Its account is /0/0, while the specification's examples have it
// at /0/1; the account of the server is the other way round.

func TestETS0ClientInitiatedBootstrap(t *testing.T) {
	eachProtection(t, func(t *testing.T, protect protection) {
		n := newNovice(t, protect)
		all := n.bs.MustEvents(t, "")
		n.configure(standard(n.account(), discover))
		n.run()
		session := n.session("WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "DISCOVER /: 2.05", "FINISH: 2.04")
		if session.Secure != strings.HasPrefix(n.config.Servers[0].URI, "coaps://") || session.Preferred != leshan.SenMLCBOR {
			t.Errorf("session %+v", session)
		}
		request, err := all.Wait(n.ctx, leshan.CoAPLog, func(e leshan.Event) bool {
			return e.CoAP.Incoming && strings.Contains(e.CoAP.Options, fmt.Sprintf(`"ep=%s"`, n.ep))
		})
		must(t, err)
		if want := fmt.Sprintf(`{"Uri-Path":"bs", "Uri-Query":["ep=%s","pct=112"]}`, n.ep); request.CoAP.Options != want {
			t.Errorf("Bootstrap-Request %s, want %s", request.CoAP.Options, want)
		}
		want := fmt.Sprintf(`</>;lwm2m=1.1,</0/0>,</0/1>;ssid=1;uri="coaps://%s",</1/0>;ssid=1,</3/0>,</16>,`+
			`</3303>;ver=1.1,</3303/0>,</3442/0>`, shared.CoAPS)
		if got := discovered(session, 2); got != want {
			t.Errorf("discovered\n%s\nwant\n%s", got, want)
		}
		n.serves(true)
		n.history.wait(n.ctx, t, lwm2m.Bootstrapped)
	})
}

func TestETS1ClientInitiatedBootstrapFullKey(t *testing.T) {
	t.Parallel()
	n := newNovice(t, byKey)
	n.configure(standard(n.account()))
	n.run()
	n.session("WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "FINISH: 2.04")
	before := n.serves(true)
	n.write("2.04", "/1/0/1", leshan.Replace, leshan.TEXT, leshan.Single(1, leshan.Integer, 60))
	if r := n.event(leshan.Updated).Registration; !r.Secure || r.ID != before.ID {
		t.Errorf("updated to %+v", r)
	}
	n.stop()
	n.event(leshan.Deregistered)
}

func TestETS2ClientInitiatedBootstrapFullCertificate(t *testing.T) {
	t.Parallel()
	n := newNovice(t, byCertificate)
	n.configure(standard(n.certificateAccount()))
	n.run()
	if s := n.session("WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "FINISH: 2.04"); !s.Secure {
		t.Errorf("session %+v", s)
	}
	before := n.serves(true)
	n.write("2.04", "/1/0/1", leshan.Replace, leshan.TEXT, leshan.Single(1, leshan.Integer, 60))
	if r := n.event(leshan.Updated).Registration; !r.Secure || r.ID != before.ID {
		t.Errorf("updated to %+v", r)
	}
	n.stop()
	n.event(leshan.Deregistered)
}

// The account of the bootstrap server stays, as does the Device Object.
func TestETS4BootstrapDelete(t *testing.T) {
	eachProtection(t, func(t *testing.T, protect protection) {
		n := newNovice(t, protect)
		n.config.Servers = append(n.config.Servers, lwm2m.ServerAccount{URI: "coap://127.0.0.1:9", Security: lwm2m.NoSec{}})
		config := standard(n.account(), discover)
		config.Tasks = append([]leshan.BootstrapTask{
			{Operation: leshan.BootstrapDelete, Path: "/0"}, {Operation: leshan.BootstrapDelete, Path: "/1"},
			{Operation: leshan.BootstrapDelete, Path: "/3"}, discover,
		}, written(config)...)
		n.configure(leshan.BootstrapConfig{Tasks: config.Tasks})
		n.run()
		n.history.wait(n.ctx, t, lwm2m.NetworkError)
		must(t, n.client.Bootstrap(n.ctx))
		session := n.session("DELETE /0: 2.02", "DELETE /1: 2.02", "DELETE /3: 2.02", "DISCOVER /: 2.05",
			"WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "FINISH: 2.04")
		const want = `</>;lwm2m=1.1,</0/0>,</1>,</3/0>,</16>,</3303>;ver=1.1,</3303/0>,</3442/0>`
		if got := discovered(session, 3); got != want {
			t.Errorf("discovered\n%s\nwant\n%s", got, want)
		}
		n.serves(true)
	})
}

// written are the writes of a configuration as tasks, which may come after others.
func written(config leshan.BootstrapConfig) []leshan.BootstrapTask {
	a := config.Security[1]
	return []leshan.BootstrapTask{
		{Operation: leshan.BootstrapWrite, Path: "/0/1", Node: leshan.Instance(1,
			leshan.Single(0, leshan.String, a.URI), leshan.Single(1, leshan.Boolean, false), leshan.Single(2, leshan.Integer, 0),
			leshan.Single(3, leshan.Opaque, a.Identity), leshan.Single(5, leshan.Opaque, a.Secret),
			leshan.Single(10, leshan.Integer, 1))},
		{Operation: leshan.BootstrapWrite, Path: "/1/0", Node: leshan.Instance(0,
			leshan.Single(0, leshan.Integer, 1), leshan.Single(1, leshan.Integer, 86400), leshan.Single(6, leshan.Boolean, false),
			leshan.Single(7, leshan.String, "U"))},
	}
}

func TestETS5ServerInitiatedBootstrap(t *testing.T) {
	eachProtection(t, func(t *testing.T, protect protection) {
		n := newNovice(t, protect)
		n.configure(standard(n.account()))
		n.run()
		n.session("WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "FINISH: 2.04")
		first := n.serves(true)
		config := standard(n.account())
		config.Servers[0] = leshan.ServerObject{ShortServerID: 1, Lifetime: 4321}
		n.configure(config)
		// Leshan may give up waiting for the answer when the De-register or another Register comes.
		var refused *leshan.HTTPError
		if r, err := n.leshan.Execute(n.ctx, n.ep, "/1/0/9", ""); err == nil {
			n.want("2.04")(r, nil)
		} else if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		n.session("WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "FINISH: 2.04")
		if again := n.serves(true); again.ID == first.ID || again.Lifetime.Seconds() != 4321 {
			t.Errorf("registered %+v, was %+v", again, first)
		}
	})
}

// What the device was made with comes before the bootstrap server, which is not asked as long as that serves. (There
// is no smartcard to come before both.)
func TestETS6BootstrapSequence(t *testing.T) {
	eachProtection(t, func(t *testing.T, protect protection) {
		n := newNovice(t, protect)
		a := n.account()
		n.config.FactoryData = fmt.Appendf(nil, `[{"bn":"/0/5/","n":"0","vs":%q},{"n":"1","vb":false},{"n":"2","v":0},{"n":"3","vd":%q},`+
			`{"n":"5","vd":%q},{"n":"10","v":7},{"bn":"/1/5/","n":"0","v":7},{"n":"1","v":4321},{"n":"6","vb":true},{"n":"7","vs":"U"}]`,
			a.URI, base64.RawURLEncoding.EncodeToString(a.Identity), base64.RawURLEncoding.EncodeToString(a.Secret))
		config := standard(a)
		config.Delete = []string{"/0", "/1"}
		n.configure(config)
		n.run()
		if r := n.serves(true); r.Lifetime.Seconds() != 4321 {
			t.Errorf("registration %+v", r)
		}
		for _, e := range n.sessions.All() {
			t.Errorf("the bootstrap server heard of the device: %s %s", e.Kind, e.Data)
		}
		// It has the last word if it is asked.
		must(t, n.client.Bootstrap(n.ctx))
		if r := n.serves(true); r.Lifetime != 24*time.Hour {
			t.Errorf("registration %+v", r)
		}
		n.holds("/1/0/0=1", "/1/5/0=")
	})
}

func TestETS7FallbackToBootstrap(t *testing.T) {
	eachProtection(t, func(t *testing.T, protect protection) {
		n := newNovice(t, protect)
		quick(n.device)
		n.config.Servers = append(n.config.Servers, lwm2m.ServerAccount{URI: "coap://" + silent(t), Security: lwm2m.NoSec{}})
		retryOnce(n.device)
		config := standard(n.account())
		config.Delete = []string{"/0", "/1"}
		n.configure(config)
		n.run()
		n.history.wait(n.ctx, t, lwm2m.RegistrationTimeout)
		n.session("DELETE /0: 2.02", "DELETE /1: 2.02", "WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "FINISH: 2.04")
		n.serves(true)
	})
}

// silent is the address of a server that never answers.
func silent(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}

func TestETS8BootstrapRead(t *testing.T) {
	eachProtection(t, func(t *testing.T, protect protection) {
		n := newNovice(t, protect)
		config := standard(n.account(),
			leshan.BootstrapTask{Operation: leshan.BootstrapRead, Path: "/1", Format: leshan.TLV},
			leshan.BootstrapTask{Operation: leshan.BootstrapRead, Path: "/2", Format: leshan.TLV},
			leshan.BootstrapTask{Operation: leshan.BootstrapRead, Path: "/1/0", Format: leshan.SenMLCBOR},
			leshan.BootstrapTask{Operation: leshan.BootstrapRead, Path: "/0", Format: leshan.TLV},
			leshan.BootstrapTask{Operation: leshan.BootstrapRead, Path: "/3", Format: leshan.TLV})
		config.AccessControl = map[int]leshan.AccessControl{0: {ObjectID: 3, ACL: map[int]int64{0: 31}, Owner: 65535}}
		n.configure(config)
		n.run()
		session := n.session("WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "WRITE /2/0: 2.04",
			"READ /1: 2.05", "READ /2: 2.05", "READ /1/0: 2.05", "READ /0: 4.01", "READ /3: 4.05", "FINISH: 2.04")
		server := session.Steps[3].Result.Content
		if got := server.At(0, 0); got == nil || got.Value != int64(1) || server.At(0, 1).Value != int64(86400) {
			t.Errorf("read /1 %s", show(server))
		}
		same(t, "/2", session.Steps[4].Result.Content, leshan.Object(2, leshan.Instance(0,
			leshan.Single(0, leshan.Integer, int64(3)), leshan.Single(1, leshan.Integer, int64(0)),
			leshan.Multi(2, leshan.Integer, map[int]any{0: int64(31)}), leshan.Single(3, leshan.Integer, int64(65535)))))
		if got := session.Steps[5].Result.Content; got.At(1) == nil || got.At(1).Value != int64(86400) {
			t.Errorf("read /1/0 %s", show(got))
		}
		n.serves(true)
	})
}

// A Server instance without its mandatory Resources does not make an account.
func TestETS9BootstrapAndConfigurationConsistency(t *testing.T) {
	eachProtection(t, func(t *testing.T, protect protection) {
		n := newNovice(t, protect)
		n.configure(leshan.BootstrapConfig{Tasks: []leshan.BootstrapTask{
			{Operation: leshan.BootstrapWrite, Path: "/1/0/5", Format: leshan.TEXT, Node: leshan.Single(5, leshan.Integer, 60)},
		}})
		n.run()
		session := n.session("WRITE /1/0/5: 2.04", "FINISH: 4.06")
		if last := session.Steps[len(session.Steps)-1]; session.Cause != "FINISH_FAILED" || !strings.Contains(last.Result.ErrorMessage, "Short Server ID") {
			t.Errorf("session ended with %s: %+v", session.Cause, last.Result)
		}
		if e := n.history.wait(n.ctx, t, lwm2m.BootstrapFailed); !errors.Is(e.Err, model.NotAcceptable) {
			t.Errorf("event %v", e)
		}
		if got := n.client.Instances(1); len(got) != 0 {
			t.Errorf("the client keeps %v", got)
		}
	})
}

// retryOnce has the client try to register twice with its second account, and ask the bootstrap server then.
func retryOnce(d *device) {
	server := oma.NewServer(0, 2)
	for _, r := range []interface{ Set(uint64) error }{&server.CommunicationRetryCount, &server.CommunicationSequenceRetryCount} {
		must(d, r.Set(1))
	}
	must(d, server.CommunicationRetryTimer.Set(1))
	must(d, server.BootstrapOnRegistrationFailure.Set(true))
	d.config.Objects = append(d.config.Objects, server)
}
