package devicefile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/golden"
	"github.com/lwm2m-go/lwm2m/model"
)

// bad files, each in a file of its own with what is told about it.
func TestMistakes(t *testing.T) {
	names, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			_, err := Read(filepath.FromSlash(name))
			if err == nil {
				t.Fatal("no mistake was found")
			}
			got := strings.ReplaceAll(filepath.ToSlash(err.Error()), "The system cannot find the file specified.", "no such file or directory") + "\n"
			golden.Compare(t, strings.TrimSuffix(name, ".yaml")+".txt", []byte(got))
		})
	}
}

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("device.yaml", "testdata", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEverything(t *testing.T) {
	f, err := Read("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if f.Endpoint != "everything-1" || f.Version != lwm2m.Version12 || !f.Stopped || !f.QueueMode || f.AwakeTime != 20*time.Second ||
		f.LogStyle != "zephyr" || f.LogLevel != "debug" || f.State != filepath.Join("testdata", "state") || !f.BootstrapPack {
		t.Errorf("%+v", f)
	}
	want := []lwm2m.ServerAccount{
		{URI: "coap://localhost", Security: lwm2m.NoSec{}, ShortServerID: 7, Lifetime: 5 * time.Minute, DefaultMinPeriod: time.Second,
			DefaultMaxPeriod: 60 * time.Second, DisableTimeout: time.Hour},
		{URI: "coaps://localhost:5684", Lifetime: lwm2m.Infinite},
		{URI: "coaps://bs.example.com", Bootstrap: true, HoldOff: 3 * time.Second, AccountTimeout: time.Hour},
	}
	secrets := []lwm2m.PSK{{}, {Identity: []byte("everything-1"), Key: []byte{1, 2, 3, 4}}, {Identity: []byte("me"), Key: []byte("secret")}}
	for i, a := range f.Servers {
		if i > 0 {
			psk, ok := a.Security.(lwm2m.PSK)
			if !ok || string(psk.Identity) != string(secrets[i].Identity) || string(psk.Key) != string(secrets[i].Key) {
				t.Errorf("server %d: %v", i, a.Security)
			}
			a.Security = nil
		}
		if a.URI != want[i].URI || a.ShortServerID != want[i].ShortServerID || a.Lifetime != want[i].Lifetime || a.Bootstrap != want[i].Bootstrap ||
			a.DefaultMinPeriod != want[i].DefaultMinPeriod || a.DefaultMaxPeriod != want[i].DefaultMaxPeriod ||
			a.DisableTimeout != want[i].DisableTimeout || a.HoldOff != want[i].HoldOff || a.AccountTimeout != want[i].AccountTimeout {
			t.Errorf("server %d: %+v", i, a)
		}
	}
	got := map[string]string{}
	for _, s := range f.Settings {
		for _, v := range s.Values {
			got[v.Path.String()] = v.Value.Kind().String() + " " + v.Value.String()
		}
		if s.Path == lwm2m.PathOf(3303, 0, 5700) && s.History != 50 {
			t.Errorf("%v has a history of %d", s.Path, s.History)
		}
	}
	for path, value := range map[string]string{
		"/1/0/0":       "Integer 7",
		"/1/0/6":       "Boolean true",
		"/3/0/0":       "String 0012",
		"/3/0/6/0":     "Integer 1",
		"/3/0/6/1":     "Integer 5",
		"/3/0/7/3":     "Integer 3700",
		"/3/0/9":       "Integer 100",
		"/3/0/11/0":    "Integer 0",
		"/3/0/14":      "String +01:00",
		"/3303/0/5700": "Float 21",
		"/3303/0/5701": "String Cel",
		"/19/1/0/0":    "Opaque 68656c6c6f",
		"/19/1/2":      "Time 2025-01-31T12:00:00Z",
		"/32769/0/1":   "Objlnk 3303:0",
		"/32769/0/2":   "Unsigned Integer 18446744073709551615",
		"/32769/0/3":   "Corelnk </3>",
	} {
		if got[path] != value {
			t.Errorf("%s is %q, want %q", path, got[path], value)
		}
	}
	if len(f.Simulated) != 5 || f.Simulated[0].Every != time.Minute || f.Simulated[1].Every != defaultEvery {
		t.Errorf("simulated: %+v", f.Simulated)
	}
	if f.Definition(32769) == nil || f.Definition(4711) != nil {
		t.Error("definitions")
	}
}

// What a file says of accounts is in the Objects 0 and 1, as a client reads them.
func TestAccounts(t *testing.T) {
	f := parse(t, `
endpoint: e
servers:
  - {uri: "coap://localhost", security: none, lifetime: 70, short-server-id: 7}
bootstrap: {uri: "coaps://localhost", security: {psk: {key: "text:secret"}}}
objects: {1: {0: {Short Server ID: 7, Mute Send: true}}}
`)
	accounts, err := f.Accounts(f.Version)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, in := range accounts {
		for _, r := range in.Object().Resources {
			if v, ok := in.Get(r.ID); ok {
				got[in.Path().Child(r.ID).String()] = v.String()
			}
		}
	}
	for path, want := range map[string]string{
		"/0/0/0": "coap://localhost", "/0/0/2": "3", "/0/0/10": "7", "/1/0/0": "7", "/1/0/1": "70", "/1/0/23": "true",
		"/0/1/0": "coaps://localhost", "/0/1/1": "true", "/0/1/2": "0", "/0/1/3": "65", "/0/1/5": "736563726574",
	} {
		if got[path] != want {
			t.Errorf("%s is %q, want %q", path, got[path], want)
		}
	}
}

// No message has a key in it.
func TestSecretsStaySecret(t *testing.T) {
	const key = "c0ffee-c0ffee-c0ffee!"
	for _, text := range []string{
		"servers: [{uri: 'coaps://a', security: {psk: {key: '" + key + "'}}}]",
		"endpoint: e\nservers: [{uri: 'coap://a', security: {psk: {key: '" + key + "'}}}]",
		"endpoint: e\nservers: [{uri: 'coaps://a', security: {psk: {key: 'hex:" + key + "'}}}]",
		"endpoint: e\nobjects: {19: {0: {0: ['hex:" + key + "']}}}",
	} {
		_, err := Parse("f", "", []byte(text))
		if err == nil || strings.Contains(err.Error(), "c0ffee") {
			t.Errorf("%v", err)
		}
	}
}

func TestErrorsAreBounded(t *testing.T) {
	_, err := Parse("f", "", []byte(strings.Repeat("- x\n", 3)))
	if wrong, ok := errors.AsType[*Error](err); !ok || wrong.Line != 1 || wrong.Column != 1 {
		t.Errorf("%v", err)
	}
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	_, err = Parse("f", "", []byte(b.String()))
	if n := strings.Count(err.Error(), "\n") + 1; n != maxErrors {
		t.Errorf("%d mistakes are told", n)
	}
	for text, want := range map[string]string{
		strings.Repeat("#\n", maxText/2) + "#":                            "f:1:1: the file has 262145 bytes",
		"a: 1\nb: " + strings.Repeat("x", maxLine):                        "f:2:1: the line has more than 32768 bytes",
		"a:\n- " + strings.Repeat("[", maxOpen+1):                         "f:2:259: more than 256 brackets are open",
		strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2): "f:1:34: more than 32 levels within each other",
		strings.Repeat("[]\n", 3):                                         "f:",
		"a: " + strings.Repeat("- ", maxLine/4):                           "f:1:",
	} {
		if _, err := Parse("f", "", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	for wrong, want := range map[string]string{
		"endpont": `; did you mean "endpoint"?`, "Sensor value": `; did you mean "Sensor Value"?`, "qqq": "; there are endpoint, Sensor Value",
	} {
		if got := suggest(wrong, []string{"endpoint", "Sensor Value"}); got != want {
			t.Errorf("%s: %s", wrong, got)
		}
	}
	if d := distance("kitten", "sitting"); d != 3 {
		t.Errorf("distance %d", d)
	}
}

// The one certificate that an account has room for is that of an authority, or of the server itself.
func TestCertificates(t *testing.T) {
	folder := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "e"}}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	one := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for name, text := range map[string]string{
		"key.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), "one.pem": one, "two.pem": one + one, "empty.pem": "",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for more, want := range map[string]string{
		"":              "Domain",
		", ca: one.pem": model.TrustAnchorAssertion.String(), ", pin: one.pem": model.DomainIssuedCertificate.String(),
		", server-name: x":            "x",
		", ca: two.pem":               "f:1:",
		", ca: one.pem, pin: one.pem": "f:1:",
		", ca: empty.pem":             "f:1:",
		", ca: key.pem":               "f:1:",
		", pin: [one.pem]":            "f:1:",
	} {
		text := "servers: [{uri: 'coaps://a', security: {certificate: {chain: one.pem, key: key.pem" + more + "}}}]"
		f, err := Parse("f", folder, []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), want) || want != "f:1:" {
				t.Errorf("%s: %v", more, err)
			}
			continue
		}
		x := f.Servers[0].Security.(lwm2m.X509)
		if pinned := strings.Contains(more, "one.pem"); want == "f:1:" || pinned != (string(x.Pinned) == string(der)) ||
			pinned && x.Usage.String() != want || want == "x" && x.ServerName != want {
			t.Errorf("%s: %v", more, x)
		}
	}
}

// A value survives being written and read for each type.
func TestValueOfEachKind(t *testing.T) {
	r := &reader{}
	for kind, text := range map[model.Kind]string{
		model.String: "text", model.Integer: "-0x10", model.Unsigned: "1_000", model.Float: "-1.5e3", model.Boolean: "true",
		model.Opaque: "base64:AAEC", model.Time: "1700000000", model.Objlnk: "65535:65535", model.Corelnk: "</1>",
	} {
		if v, wrong := r.parseValue(text, kind); wrong != "" || v.Kind() != kind {
			t.Errorf("%v: %v %s", kind, v, wrong)
		}
		if kind == model.String || kind == model.Corelnk {
			continue
		}
		if _, wrong := r.parseValue("\x00nonsense", kind); wrong == "" {
			t.Errorf("%v takes nonsense", kind)
		}
	}
	if _, wrong := r.parseValue("x", model.None); wrong == "" {
		t.Error("an executable Resource has a value")
	}
}
