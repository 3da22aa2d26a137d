package server_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// written is what a Client gets by a Bootstrap-Pack of a configuration, by path.
func written(t *testing.T, c server.BootstrapConfig) map[string]model.Value {
	t.Helper()
	values := make(map[string]model.Value)
	bubble(t, bootstrapping(c), func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		r := p.do("GET /bspack?ep=a&acc=</0/0>", -1, "")
		nodes, err := format.Decode(format.SenMLCBOR, model.Path{}, r.Payload, registryTypes{})
		if err != nil {
			t.Fatalf("%s: %v", show(&r), err)
		}
		for _, n := range nodes {
			o, _ := model.Embedded().Latest(n.Path.Object())
			definition, ok := o.Resource(n.Path.Resource())
			if !ok || definition.Multiple != (n.Path.Depth() == 4) {
				t.Fatalf("%s does not exist", n.Path)
			}
			if err := definition.Check(n.Value); err != nil {
				t.Errorf("%s = %v: %v", n.Path, n.Value, err)
			}
			values[n.Path.String()] = n.Value
		}
	})
	return values
}

// textOf is a value as text/plain has it.
func textOf(v model.Value) string {
	text, err := v.AppendText(nil)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func expectValues(t *testing.T, got map[string]model.Value, want map[string]any) {
	t.Helper()
	for path, v := range got {
		w, ok := want[path]
		if fmt.Sprint(w) != textOf(v) || !ok {
			t.Errorf("%s = %q, want %v", path, textOf(v), w)
		}
	}
	for path := range want {
		if _, ok := got[path]; !ok {
			t.Errorf("%s is missing", path)
		}
	}
}

func TestServerAccount(t *testing.T) {
	got := written(t, server.BootstrapConfig{
		Servers: []server.ServerAccount{{
			URI: "coaps://s.example:5684", ShortServerID: 101, SecurityInstance: new(uint16(7)), ServerInstance: new(uint16(8)),
			Security: server.PSK{Identity: []byte("thermo"), Key: []byte("secret"), CipherSuites: []uint16{0xC0A8, 0xC0A4}},
			Lifetime: time.Hour, DefaultMinPeriod: time.Second, DefaultMaxPeriod: time.Minute, DisableTimeout: 5 * time.Second,
			NoNotificationStoring: true, AllowSend: true, Binding: "UT", PriorityOrder: new(uint32(0)), InitialDelay: 9 * time.Second, FailureBlock: true,
			NoBootstrapOnFailure: true, RetryCount: new(uint32(2)), RetryTimer: 3 * time.Second, SequenceDelay: 1 << 33 * time.Second,
			SequenceRetryCount: new(uint32(1)),
			SecurityResources:  map[uint16]model.Value{9: model.StringValue("491234567")},
			ServerResources:    map[uint16]model.Value{22: model.StringValue("U"), 6: model.BooleanValue(true)},
		}},
		BootstrapServer: &server.BootstrapServerAccount{
			URI: "coap://bs.example", Security: server.NoSec{}, HoldOff: 3 * time.Second, AccountTimeout: time.Minute,
			Resources: map[uint16]model.Value{14: model.StringValue("x")},
		},
		AccessControls: []server.AccessControl{
			{Path: at("/3/0"), ACL: map[uint16]model.Rights{101: model.RightRead | model.RightExecute, 0: model.RightRead}, Owner: 101},
			{Path: at("/3303"), ACL: map[uint16]model.Rights{101: model.RightCreate}},
		},
	})
	expectValues(t, got, map[string]any{
		"/0/0/0": "coap://bs.example", "/0/0/1": 1, "/0/0/2": 3, "/0/0/3": "", "/0/0/4": "", "/0/0/5": "", "/0/0/11": 3, "/0/0/12": 60, "/0/0/14": "x",
		"/0/7/0": "coaps://s.example:5684", "/0/7/1": 0, "/0/7/2": 0, "/0/7/3": "dGhlcm1v", "/0/7/4": "", "/0/7/5": "c2VjcmV0",
		"/0/7/9": "491234567", "/0/7/10": 101, "/0/7/16/0": 0xC0A8, "/0/7/16/1": 0xC0A4,
		"/1/8/0": 101, "/1/8/1": 3600, "/1/8/2": 1, "/1/8/3": 60, "/1/8/5": 5, "/1/8/6": 1, "/1/8/7": "UT",
		"/1/8/13": 0, "/1/8/14": 9, "/1/8/15": 1, "/1/8/16": 0, "/1/8/17": 2, "/1/8/18": 3, "/1/8/19": uint32(1<<32 - 1), "/1/8/20": 1, "/1/8/22": "U", "/1/8/23": 0,
		"/2/0/0": 3, "/2/0/1": 0, "/2/0/2/0": 1, "/2/0/2/101": 5, "/2/0/3": 101,
		"/2/1/0": 3303, "/2/1/1": 65535, "/2/1/2/101": 16, "/2/1/3": 65535,
	})
}

func TestCertificateAccount(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	got := written(t, server.BootstrapConfig{Servers: []server.ServerAccount{{URI: "coaps://s.example", Security: server.X509{
		Certificate: tls.Certificate{Certificate: [][]byte{[]byte("leaf"), []byte("authority")}, PrivateKey: key},
		Pinned:      []byte("hash"), Matching: crypto.SHA384, Usage: model.CAConstraint, ServerName: "other.example", CipherSuites: []uint16{0xC0AE},
	}}}})
	private, err := x509.ParsePKCS8PrivateKey(got["/0/1/5"].Bytes())
	if err != nil || !key.Equal(private) {
		t.Errorf("private key: %v", err)
	}
	for path, want := range map[string]string{
		"/0/1/2": "2", "/0/1/3": "bGVhZmF1dGhvcml0eQ==", "/0/1/4": "aGFzaA==", "/0/1/13": "2", "/0/1/14": "other.example", "/0/1/15": "0", "/0/1/16/0": "49326",
	} {
		if v := textOf(got[path]); v != want {
			t.Errorf("%s = %q, want %s", path, v, want)
		}
	}
}

func TestBootstrapConfigErrors(t *testing.T) {
	signed := tls.Certificate{Certificate: [][]byte{{1}}, PrivateKey: 1}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sound := tls.Certificate{Certificate: [][]byte{{1}}, PrivateKey: key}
	account := func(change func(*server.ServerAccount)) server.BootstrapConfig {
		a := plainAccount
		change(&a)
		return server.BootstrapConfig{Servers: []server.ServerAccount{a}}
	}
	secured := func(s server.Security) server.BootstrapConfig {
		return account(func(a *server.ServerAccount) { a.URI, a.Security = "coaps://s.example", s })
	}
	for _, test := range []struct {
		config server.BootstrapConfig
		want   string
	}{
		{account(func(a *server.ServerAccount) { a.Security = nil }), "write server.NoSec{}"},
		{account(func(a *server.ServerAccount) { a.URI = "s.example" }), "s.example"},
		{account(func(a *server.ServerAccount) { a.URI = "coaps://s.example" }), "server.NoSec does not go with coaps://"},
		{account(func(a *server.ServerAccount) { a.Lifetime = -time.Second }), "Lifetime is -1s"},
		{account(func(a *server.ServerAccount) { a.RetryTimer = time.Millisecond }), "RetryTimer is 1ms"},
		{account(func(a *server.ServerAccount) { a.ShortServerID = 65535 }), "reserved"},
		{secured(server.PSK{Key: []byte("k")}), "PSK.Identity"},
		{secured(server.PSK{Identity: []byte("i")}), "PSK.Key"},
		{secured(server.X509{}), "X509.Certificate is empty"},
		{secured(server.X509{Certificate: signed}), "X509.Pinned is empty"},
		{secured(server.X509{Certificate: signed, Pinned: []byte{1}, Usage: 9}), "does not exist"},
		{secured(server.X509{Certificate: signed, Pinned: []byte{1}, Matching: crypto.MD5}), "X509.Matching"},
		{secured(server.X509{Certificate: signed, Pinned: []byte{1}}), "private key"},
		{secured(server.X509{Certificate: sound, Pinned: []byte{1}}), ""},
		{server.BootstrapConfig{Servers: []server.ServerAccount{plainAccount, {URI: "coap://t", Security: server.NoSec{}, ShortServerID: 1}}}, "Servers[1]: the ShortServerID 1"},
		{server.BootstrapConfig{BootstrapServer: &server.BootstrapServerAccount{}}, "BootstrapServer: no Security"},
		{server.BootstrapConfig{BootstrapServer: &server.BootstrapServerAccount{URI: "coap://x", Security: server.NoSec{}, HoldOff: 1}}, "HoldOff"},
		{server.BootstrapConfig{AccessControls: []server.AccessControl{{}}}, "AccessControls[0]"},
		{server.BootstrapConfig{AccessControls: []server.AccessControl{{Path: at("/0/1")}}}, "no access control"},
		{server.BootstrapConfig{Writes: []server.BootstrapWrite{{}}}, "Writes[0]"},
		{server.BootstrapConfig{Writes: []server.BootstrapWrite{{Path: at("/3/0"), Value: model.StringValue("x")}}}, "is no Resource"},
		{server.BootstrapConfig{Writes: []server.BootstrapWrite{{Path: at("/3/0"), Nodes: []server.Node{{Path: at("/4/0/0")}}}}}, "/4/0/0 is not below /3/0"},
		{server.BootstrapConfig{Format: server.Text}, "Format: 0"},
		{server.BootstrapConfig{Manual: true, Script: noScript}, "Manual"},
		{server.BootstrapConfig{Manual: true}, ""},
	} {
		_, err := server.New(bootstrapping(test.config))
		switch {
		case (err != nil) != (test.want != ""):
			t.Errorf("%v, want %q", err, test.want)
		case err != nil && (!errors.Is(err, server.ErrConfig) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `Bootstrap.Endpoints["a"].`)):
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}

// No way of printing tells a key.
func TestAccountsKeepSecrets(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	const secret = "open sesame"
	config := bootstrapping(server.BootstrapConfig{Servers: []server.ServerAccount{
		{URI: "coaps://s.example", Security: server.PSK{Identity: []byte("thermo"), Key: []byte(secret)}},
		{URI: "coaps://t.example", Security: server.X509{Certificate: tls.Certificate{Certificate: [][]byte{[]byte("x")}, PrivateKey: key}}},
	}})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, a := range config.Bootstrap.Endpoints["a"].Servers {
			text := fmt.Sprintf(verb, a)
			for _, hidden := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprint([]byte(secret)), fmt.Sprint(private), fmt.Sprintf("%x", private)} {
				if strings.Contains(text, hidden) {
					t.Errorf("%s prints %s", verb, text)
				}
			}
		}
	}
}

func noScript(context.Context, *server.BootstrapSession) error { return nil }

// Nor does the trace, of a Bootstrap-Write or a Bootstrap-Pack.
func TestTraceKeepsSecrets(t *testing.T) {
	const secret = "open sesame"
	var trace, payloads strings.Builder
	config := bootstrapping(server.BootstrapConfig{Format: server.SenMLJSON, Servers: []server.ServerAccount{
		{URI: "coaps://s.example", Security: server.PSK{Identity: []byte("thermo"), Key: []byte(secret)}},
	}})
	config.Trace = func(e server.TraceEvent) {
		fmt.Fprintln(&trace, e)
		payloads.Write(e.Message.Payload)
	}
	encoded := base64.RawURLEncoding.EncodeToString([]byte(secret))
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		p := newPupil(t, s)
		p.ask("ep=a")
		s.WaitEvent(server.BootstrapFinished, "a")
		p.do("GET /bspack?ep=a", -1, "")
	})
	if strings.Contains(trace.String(), encoded) || !strings.Contains(trace.String(), "PUT /0/1 110: ") {
		t.Errorf("trace:\n%s", trace.String())
	}
	if n := strings.Count(payloads.String(), encoded); n != 2 {
		t.Errorf("the key was sent %d times", n)
	}
}
