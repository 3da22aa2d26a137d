// Package authority issues certificates for tests with peers of other projects.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority issues certificates with P-256 keys, in force for a day. It is for one
// goroutine at a time.
type Authority struct {
	Certificate *x509.Certificate

	key  *ecdsa.PrivateKey
	last int64 // serial number
}

// New makes an authority of a name, with a certificate that it has issued itself.
func New(name string) (*Authority, error) {
	a := &Authority{}
	pair, err := a.Issue(x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	})
	if err != nil {
		return nil, err
	}
	a.Certificate, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return a, nil
}

// Issue makes a certificate of a template, which has to name its subject only:
// number, times, key and signature are added. Times that are given stay.
func (a *Authority) Issue(template x509.Certificate) (tls.Certificate, error) {
	a.last++
	template.SerialNumber = big.NewInt(a.last)
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("authority: %w", err)
	}
	parent, signer := a.Certificate, a.key
	if parent == nil {
		parent, signer = &template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("authority: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("authority: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// Server makes the certificate of a server with DNS names. It may also connect to
// clients by it, as some do.
func (a *Authority) Server(names ...string) (tls.Certificate, error) {
	return a.Issue(x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

// Client makes the certificate of a client with an endpoint's name as common name.
func (a *Authority) Client(endpoint string) (tls.Certificate, error) {
	return a.Issue(x509.Certificate{
		Subject:  pkix.Name{CommonName: endpoint},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// Pool has the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	return pool
}

// Files writes a chain and its key as PEM into one file, and the authority's
// certificate into another, for the length of a test.
func (a *Authority) Files(tb testing.TB, pair tls.Certificate) (own, authorities string) {
	tb.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, der := range pair.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	dir := tb.TempDir()
	own, authorities = filepath.Join(dir, "own.pem"), filepath.Join(dir, "authorities.pem")
	for file, content := range map[string][]byte{
		own: text, authorities: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw}),
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return own, authorities
}
