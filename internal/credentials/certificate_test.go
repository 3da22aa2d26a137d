package credentials

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2030, 6, 1, 0, 0, 0, 0, time.UTC)

// made is a certificate with its key.
type made struct {
	c   *x509.Certificate
	key crypto.Signer
}

// make issues a certificate after change had its way with the template; issuer
// nil makes it self-signed.
func makeCertificate(t testing.TB, issuer *made, change func(*x509.Certificate)) *made {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return certify(t, issuer, key, change)
}

func certify(t testing.TB, issuer *made, key crypto.Signer, change func(*x509.Certificate)) *made {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "somebody"},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	change(template)
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.c, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &made{c, key}
}

func asAuthority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.Subject = true, x509.KeyUsageCertSign, pkix.Name{CommonName: "authority"}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func (m *made) pkcs8(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(m.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestCertificates(t *testing.T) {
	ca := makeCertificate(t, nil, asAuthority)
	leaf := makeCertificate(t, ca, func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = []string{"a.example"}, []net.IP{net.IPv4(192, 0, 2, 1)}
	})
	one, two := block("CERTIFICATE", leaf.c.Raw), block("CERTIFICATE", ca.c.Raw)
	key := block("PRIVATE KEY", leaf.pkcs8(t))
	for name, c := range map[string]struct {
		data  []byte
		count int
		says  string
	}{
		"DER":           {leaf.c.Raw, 1, "certificate from DER: CN=somebody for a.example, 192.0.2.1, valid until 2031-06-01"},
		"PEM":           {one, 1, "certificate from PEM"},
		"PEM with text": {append([]byte("subject=somebody\n"), one...), 1, "certificate from PEM"},
		"chain":         {slices.Concat(one, two), 2, "chain of 2 certificates from PEM"},
		"chain in DER":  {slices.Concat(leaf.c.Raw, ca.c.Raw), 2, "chain of 2 certificates from DER"},
		"key first":     {slices.Concat(key, one, two), 2, "chain of 2 certificates from PEM"},
	} {
		chain, found, err := Certificates(c.data)
		if err != nil || len(chain) != c.count || !chain[0].Equal(leaf.c) || !strings.HasPrefix(found, c.says) {
			t.Errorf("%s: %d certificates, %q, %v", name, len(chain), found, err)
		}
	}
	public, err := x509.MarshalPKIXPublicKey(leaf.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		err  error
		says string
	}{
		"nothing":             {nil, ErrFormat, "no certificate"},
		"noise":               {[]byte{1, 2, 3}, ErrFormat, "3 bytes"},
		"truncated":           {leaf.c.Raw[:100], ErrFormat, "no certificate"},
		"damaged PEM":         {one[:len(one)/2], ErrFormat, "damaged"},
		"only a key":          {key, ErrInvalid, "PRIVATE KEY and no CERTIFICATE"},
		"only a key in DER":   {leaf.pkcs8(t), ErrInvalid, "this is a private key"},
		"raw public key":      {public, ErrRawPublicKey, "RFC 7250"},
		"raw public key, PEM": {block("PUBLIC KEY", public), ErrRawPublicKey, "pre-shared key or certificates"},
	} {
		if _, _, err := Certificates(c.data); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrivateKey(t *testing.T) {
	m := makeCertificate(t, nil, func(*x509.Certificate) {})
	sec1, err := x509.MarshalECPrivateKey(m.key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	ofRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ofEd, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edDER, err := x509.MarshalPKCS8PrivateKey(ofEd)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PrivateKey(ofRSA)
	parameters := block("EC PARAMETERS", []byte{6, 1, 1})
	for says, data := range map[string][]byte{
		"ECDSA key on P-256 from PKCS#8 in DER":   m.pkcs8(t),
		"ECDSA key on P-256 from PKCS#8 in PEM":   slices.Concat(block("CERTIFICATE", m.c.Raw), block("PRIVATE KEY", m.pkcs8(t))),
		"ECDSA key on P-256 from SEC 1 in DER":    sec1,
		"ECDSA key on P-256 from SEC 1 in PEM":    slices.Concat(parameters, block("EC PRIVATE KEY", sec1)),
		"RSA key of 2048 bits from PKCS#1 in DER": pkcs1,
		"RSA key of 2048 bits from PKCS#1 in PEM": block("RSA PRIVATE KEY", pkcs1),
		"Ed25519 key from PKCS#8 in DER":          edDER,
	} {
		key, found, err := PrivateKey(data)
		if err != nil || key == nil || found != says {
			t.Errorf("%s: %q, %v", says, found, err)
		}
	}
	for name, c := range map[string]struct {
		data []byte
		err  error
		says string
	}{
		"noise":       {[]byte{1, 2, 3}, ErrFormat, "3 bytes"},
		"certificate": {m.c.Raw, ErrInvalid, "this is a certificate"},
		"only one":    {block("CERTIFICATE", m.c.Raw), ErrInvalid, "CERTIFICATE and no PRIVATE KEY"},
		"encrypted":   {block("ENCRYPTED PRIVATE KEY", []byte{1}), ErrInvalid, "openssl pkey"},
		"damaged":     {[]byte("-----BEGIN PRIVATE KEY-----\nMIG"), ErrFormat, "damaged"},
		"damaged DER": {block("PRIVATE KEY", m.pkcs8(t)[:50]), ErrFormat, "50 bytes"},
	} {
		if _, _, err := PrivateKey(c.data); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPair(t *testing.T) {
	ca := makeCertificate(t, nil, asAuthority)
	leaf, other := makeCertificate(t, ca, func(*x509.Certificate) {}), makeCertificate(t, ca, func(*x509.Certificate) {})
	all := slices.Concat(block("CERTIFICATE", leaf.c.Raw), block("CERTIFICATE", ca.c.Raw), block("PRIVATE KEY", leaf.pkcs8(t)))
	pair, found, err := Pair(all, all)
	if err != nil || len(pair.Certificate) != 2 || !bytes.Equal(pair.Certificate[0], leaf.c.Raw) || pair.PrivateKey == nil || pair.Leaf == nil {
		t.Errorf("Pair: %+v, %v", pair, err)
	}
	if !strings.Contains(found, "chain of 2") || !strings.Contains(found, "ECDSA key") {
		t.Errorf("found %q", found)
	}
	if _, _, err := Pair(leaf.c.Raw, other.pkcs8(t)); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "is not that of the certificate") {
		t.Errorf("with another key: %v", err)
	}
	if _, _, err := Pair(nil, other.pkcs8(t)); !errors.Is(err, ErrFormat) {
		t.Errorf("without a certificate: %v", err)
	}
	if _, _, err := Pair(leaf.c.Raw, nil); !errors.Is(err, ErrFormat) {
		t.Errorf("without a key: %v", err)
	}
}

func TestBytes(t *testing.T) {
	leaf := makeCertificate(t, nil, func(*x509.Certificate) {})
	text := block("CERTIFICATE", leaf.c.Raw)
	if data, found, err := Bytes(string(text)); err != nil || !bytes.Equal(data, text) || found != "PEM" {
		t.Errorf("PEM: %q, %v", found, err)
	}
	if data, found, err := Bytes("hex:0102"); err != nil || !bytes.Equal(data, []byte{1, 2}) || found != "hex" {
		t.Errorf("hex: %x, %q, %v", data, found, err)
	}
}

func FuzzCertificates(f *testing.F) {
	leaf := makeCertificate(f, nil, func(*x509.Certificate) {})
	f.Add(leaf.c.Raw)
	f.Add(block("CERTIFICATE", leaf.c.Raw))
	f.Add(block("PRIVATE KEY", leaf.pkcs8(f)))
	f.Add([]byte("-----BEGIN CERTIFICATE-----"))
	f.Fuzz(func(t *testing.T, data []byte) {
		chain, found, err := Certificates(data)
		if (err == nil) != (len(chain) > 0) || (err == nil) != (found != "") {
			t.Errorf("Certificates: %d, %q, %v", len(chain), found, err)
		}
		key, _, err := PrivateKey(data)
		if (err == nil) != (key != nil) {
			t.Errorf("PrivateKey: %v, %v", key, err)
		}
	})
}
