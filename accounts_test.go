package lwm2m

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/lwm2m-go/lwm2m/model"
)

// selfSigned is a certificate with its key.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "thermo-1"}, SerialNumber: big.NewInt(1),
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// What an account says is found again in the Objects 0 and 1.
func TestAccountsOfObjects(t *testing.T) {
	pair := selfSigned(t)
	hash := sha256.Sum256(pair.Certificate[0])
	for name, security := range map[string]Security{
		"NoSec":      NoSec{},
		"PSK":        PSK{Identity: []byte("thermo-1"), Key: []byte{1, 2, 3}},
		"PSK suites": PSK{Identity: []byte("thermo-1"), Key: []byte{1, 2, 3}, CipherSuites: []uint16{0xC0A8, 0x00A8}},
		"pinned":     X509{Certificate: pair, Pinned: pair.Certificate[0]},
		"hash": X509{
			Certificate: pair, Pinned: hash[:], Matching: crypto.SHA256, Usage: model.ServiceCertificateConstraint,
			ServerName: "lwm2m.example.com", CipherSuites: []uint16{0xC02B},
		},
		"authority": X509{Certificate: pair, Pinned: pair.Certificate[0], Usage: model.TrustAnchorAssertion},
	} {
		t.Run(name, func(t *testing.T) {
			uri := "coaps://lwm2m.example.com"
			if name == "NoSec" {
				uri = "coap://lwm2m.example.com"
			}
			c, err := NewClient(Config{Endpoint: "thermo-1", Servers: []ServerAccount{
				{URI: uri, Security: security, ShortServerID: 7, Lifetime: time.Hour, DefaultMinPeriod: time.Second},
			}})
			if err != nil {
				t.Fatal(err)
			}
			c.configured = nil
			accounts, err := c.accounts()
			if err != nil || len(accounts) != 1 {
				t.Fatalf("%d accounts: %v", len(accounts), err)
			}
			a := accounts[0]
			if !a.Security.same(security) {
				t.Errorf("security %v, want %v", a.Security, security)
			}
			if a.URI != uri || a.ShortServerID != 7 || a.Lifetime != time.Hour || a.DefaultMinPeriod != time.Second ||
				a.server != PathOf(1, 0) || a.target.Host != "lwm2m.example.com" {
				t.Errorf("account %v", a)
			}
		})
	}
}

// What cannot be used is told, and leaves the other accounts alone.
func TestUnusableAccountsOfObjects(t *testing.T) {
	for name, test := range map[string]struct {
		resource uint16
		value    Value
		want     string
	}{
		"URI":             {securityURI, model.StringValue("http://x"), "scheme"},
		"no server":       {securitySSID, model.IntegerValue(9), "no instance of the Server Object has its Short Server ID 9"},
		"raw public key":  {securityMode, model.IntegerValue(modeRawPublicKey), "raw public keys"},
		"EST":             {securityMode, model.IntegerValue(4), "security mode 4"},
		"no certificate":  {securityMode, model.IntegerValue(modeCertificate), "certificate"},
		"NoSec and coaps": {securityMode, model.IntegerValue(modeNoSec), "does not go with coaps"},
		"empty key":       {securitySecret, model.OpaqueValue(nil), "key is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			psk := PSK{Identity: []byte("thermo-1"), Key: []byte("secret-key")}
			c, err := NewClient(Config{Endpoint: "thermo-1", Servers: []ServerAccount{
				{URI: "coaps://one.example.com", Security: psk},
				{URI: "coaps://two.example.com", Security: psk},
			}})
			if err != nil {
				t.Fatal(err)
			}
			c.configured = nil
			if err := c.instances[0].Set(test.resource, test.value); err != nil {
				t.Fatal(err)
			}
			accounts, err := c.accounts()
			if len(accounts) != 1 || accounts[0].target.Host != "two.example.com" {
				t.Errorf("%d accounts", len(accounts))
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "/0/0") {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret-key") {
				t.Errorf("the error tells the key: %v", err)
			}
			if name == "raw public key" && !errors.Is(err, credentials.ErrRawPublicKey) {
				t.Errorf("error %v", err)
			}
		})
	}
}
