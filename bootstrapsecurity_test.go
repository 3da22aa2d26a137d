package lwm2m_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// secureBootstrap runs a device with the account of a Bootstrap-Server that speaks DTLS, which has the session by hand, and
// tells it of a server that does too.
func secureBootstrap(t *testing.T, credentials func(*bootstrapFixture) (*server.Credentials, server.Security), test func(*bootstrapFixture)) {
	t.Helper()
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		known, security := credentials(f)
		f.server = lwm2mtest.NewServer(f.T, lwm2mtest.Options{Network: f.server.Network, Timeout: time.Hour, Config: server.Config{Credentials: known}})
		config := server.BootstrapConfig{Manual: true, Servers: []server.ServerAccount{{URI: f.server.URI(), Security: security}}}
		f.bs = lwm2mtest.NewBootstrapServer(f.T, lwm2mtest.Options{
			Network: f.server.Network, Timeout: time.Hour,
			Config: server.Config{
				Credentials: &server.Credentials{PSK: server.Keys(map[string][]byte{"thermo-1": bootstrapKey})},
				Bootstrap:   &server.Bootstrap{Endpoints: map[string]server.BootstrapConfig{"thermo-1": config}},
			},
		})
		f.config.Servers[0].URI = f.bs.URI()
		f.config.Servers[0].Security = lwm2m.PSK{Identity: []byte("thermo-1"), Key: bootstrapKey}
		test(f)
	})
}

var (
	bootstrapKey = []byte("the key of a bootstrap")
	serverKey    = []byte("\x02\x45the key of a server")
)

func pskOfServer(*bootstrapFixture) (*server.Credentials, server.Security) {
	return &server.Credentials{PSK: server.Keys(map[string][]byte{"thermo": serverKey}), MayRegister: func(server.Identity, string) bool { return true }},
		server.PSK{Identity: []byte("thermo"), Key: serverKey}
}

// ETS 1: keys for a server are bootstrapped, and work.
func TestETS1BootstrapPSK(t *testing.T) {
	secureBootstrap(t, pskOfServer, func(f *bootstrapFixture) {
		session := f.session()
		must(f, session.Configure(f.ctx))
		for at, value := range map[string]model.Value{
			"/0/1/5": model.OpaqueValue(nil), "/0/1/3": model.OpaqueValue([]byte{0xff}), "/0/1/2": model.IntegerValue(1), "/0/1/0": model.StringValue("coap://a"),
		} {
			f.answers(session.Write(f.ctx, path(at), value, server.WriteOptions{}))(model.Changed, "")
			f.answers(session.Finish(f.ctx))(model.NotAcceptable, "/0/1: ")
			must(f, session.Configure(f.ctx))
		}
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		if e := f.last(); e.Kind != lwm2m.Registered || e.Handshake != "full" {
			f.Errorf("event %v", e)
		}
		done := make(chan error)
		go func() { done <- f.client.Bootstrap(f.ctx) }()
		session = f.session()
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		must(f, <-done)
		sleep(5 * time.Second)
		if e := f.last(); e.Kind != lwm2m.Registered || e.Handshake == "full" {
			f.Errorf("the account is the same, and so are its DTLS sessions: event %v", e)
		}
	})
}

// ETS 2: certificates for a server are bootstrapped, and work.
func TestETS2BootstrapCertificate(t *testing.T) {
	secureBootstrap(t, func(f *bootstrapFixture) (*server.Credentials, server.Security) {
		a := newAuthority(f)
		of := a.issue(&x509.Certificate{DNSNames: []string{"server.example.com"}})
		own := a.issue(&x509.Certificate{})
		return &server.Credentials{Certificate: of, ClientCAs: a.pool(), MayRegister: func(server.Identity, string) bool { return true }},
			server.X509{Certificate: own, Pinned: of.Certificate[0], ServerName: "server.example.com"}
	}, func(f *bootstrapFixture) {
		session := f.session()
		must(f, session.Configure(f.ctx))
		f.answers(session.Write(f.ctx, path("/0/1/5"), model.OpaqueValue([]byte("no key")), server.WriteOptions{}))(model.Changed, "")
		f.answers(session.Finish(f.ctx))(model.NotAcceptable, "/0/1: ")
		must(f, session.Configure(f.ctx))
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitRegistered("thermo-1")
	})
}

// No key that is bootstrapped gets into a log at any level, into an event or into an answer.
func TestBootstrappedSecretsStaySecret(t *testing.T) {
	var log transcript
	secureBootstrap(t, pskOfServer, func(f *bootstrapFixture) {
		f.config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 100}))
		f.config.OnEvent = func(e lwm2m.Event) {
			f.history.add(e)
			fmt.Fprintf(&log, "%v %+v %#v\n", e, e, e)
		}
		session := f.session()
		must(f, session.Configure(f.ctx))
		quoted := model.StringValue(string(serverKey))
		for _, wrong := range []struct {
			path   string
			format server.ContentFormat
			value  []byte
		}{
			{"/0/1/5", server.Text, serverKey}, {"/0/1/5", server.SenMLJSON, []byte(`[{"n":"/0/1/5","vs":` + fmt.Sprintf("%q", quoted) + `}]`)},
			{"/0/1/2", server.Text, serverKey}, {"/0/1/99", server.OctetStream, serverKey}, {"/0/1", server.TLV, bytes.Repeat(serverKey, 3)},
			{"/0/1/17", server.Text, serverKey}, {"/0/1/3", server.OctetStream, append([]byte{0xff}, serverKey...)},
		} {
			r, err := session.WritePayload(f.ctx, path(wrong.path), wrong.value, server.WriteOptions{Format: wrong.format})
			must(f, err)
			log.Write(r.Payload)
			if r.Code != model.Changed {
				continue
			}
			r, err = session.Finish(f.ctx)
			must(f, err)
			log.Write(r.Payload)
			if r.Code != model.NotAcceptable {
				f.Errorf("%s: Finish is answered %v", wrong.path, r.Code)
			}
			must(f, session.Configure(f.ctx))
		}
		must(f, session.Configure(f.ctx))
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitRegistered("thermo-1")
	})
	text := log.String()
	if !strings.Contains(text, "BOOTSTRAP_TRANSFER_COMPLETE") {
		t.Error("the log lacks what it should have")
	}
	for _, key := range [][]byte{serverKey, bootstrapKey} {
		for name, secret := range map[string]string{
			"as it is": string(key[2:]), "hex": hex.EncodeToString(key), "base64": base64.RawStdEncoding.EncodeToString(key)[:20],
			"decimal": strings.Trim(fmt.Sprint(key), "[]"), "begin": string(key[2:12]),
		} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("a key %s stands in the log: %s", name, text[max(i-100, 0):min(i+100, len(text))])
			}
		}
	}
}
