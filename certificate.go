package lwm2m

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/model"
)

// X509 protects the connection by certificates: DTLS 1.2 with a certificate and private key of the client,
// and a check of the server's certificate (Security Mode 2, Transport 1.1.1 §5.2.8). Certificate is
// required, but may be left to Config.LoadCredentials. It goes with coaps:// URIs. Printed, it tells
// names only.
type X509 struct {
	// Certificate is the client's chain, leaf first, with the private key of the leaf: ECDSA with P-256 is
	// what all servers know. Servers often want the endpoint's name as its common name.
	Certificate tls.Certificate `json:"-"`

	// Pinned is a certificate in DER that the server's is compared with as Usage says, or its hash if there
	// is Matching (Resource 0/x/4). Default: none, the server's chain has to lead to Roots.
	Pinned []byte
	// Usage says what Pinned is for (Resource 0/x/15). Default: model.DomainIssuedCertificate, the server has to
	// have that very certificate.
	Usage model.CertificateUsage
	// Matching is the hash that Pinned is: crypto.SHA256, SHA384 or SHA512 (Resource 0/x/13). Default:
	// none, Pinned is the whole certificate.
	Matching crypto.Hash
	// Roots are the authorities that a chain has to lead to. Default: those of the operating system.
	Roots *x509.CertPool
	// ServerName is the name that the server's certificate has to have, and that the server is told when
	// connecting (Resource 0/x/14). Default: the host of the URI.
	ServerName string

	// CipherSuites are the suites to offer by their IANA numbers, in order of preference (Resource 0/x/16).
	// Default: TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 (0xC0AE), ..._CCM (0xC0AC), ..._GCM_SHA256 (0xC02B),
	// ..._GCM_SHA384 (0xC02C), and the last two with RSA.
	CipherSuites []uint16
}

func (X509) mode() int64       { return modeCertificate }
func (X509) schemes() []string { return []string{link.SchemeDTLS} }

func (x X509) check(loadedLater bool) error {
	switch {
	case len(x.Certificate.Certificate) == 0 && !loadedLater:
		return errors.New("X509.Certificate is empty; the client proves by it who it is")
	case len(x.Certificate.Certificate) > 0 && x.Certificate.PrivateKey == nil && !loadedLater:
		return errors.New("X509.Certificate has no PrivateKey")
	case x.Usage > model.TrustAnchorAssertion:
		return fmt.Errorf("X509.Usage is %v, which does not exist", x.Usage)
	case x.Usage != 0 && len(x.Pinned) == 0:
		return fmt.Errorf("X509.Usage is %v, but there is no Pinned certificate", x.Usage)
	case !slices.Contains(matchingTypes[:], x.Matching):
		return fmt.Errorf("X509.Matching is %v; SHA-256, SHA-384 and SHA-512 are possible", x.Matching)
	}
	if err := x.trust().Check(); err != nil {
		return fmt.Errorf("X509.Pinned: %w", err)
	}
	return nil
}

// matchingTypes are the hashes by their numbers in Resource 0/x/13.
var matchingTypes = [...]crypto.Hash{0, crypto.SHA256, crypto.SHA384, crypto.SHA512}

// matching is the value of Resource 0/x/13.
func (x X509) matching() uint64 { return uint64(max(slices.Index(matchingTypes[:], x.Matching), 0)) }

// trust says which certificates of the server are accepted.
func (x X509) trust() *credentials.Trust {
	usage, _ := credentials.UsageOf(uint64(x.Usage.Number())) // checked before
	return &credentials.Trust{
		Reference: x.Pinned, Matching: credentials.Matching(x.matching()), Usage: usage, Roots: x.Roots,
	}
}

func (x X509) suites() []uint16 { return x.CipherSuites }

func (x X509) secure(d *link.DTLS) {
	d.Trust, d.ServerName, d.CipherSuites = x.trust(), x.ServerName, x.CipherSuites
	if len(x.Certificate.Certificate) > 0 {
		d.Certificate = &x.Certificate
	}
}

func (x X509) resources() []resourceValue {
	values := []resourceValue{{securityServerKey, model.OpaqueValue(x.Pinned)}}
	if chain := x.Certificate.Certificate; len(chain) > 0 {
		values = append(values, resourceValue{securityIdentity, model.OpaqueValue(chain[0])})
	}
	// A key that never leaves its hardware is not shown.
	if key, err := x509.MarshalPKCS8PrivateKey(x.Certificate.PrivateKey); err == nil {
		values = append(values, resourceValue{securitySecret, model.OpaqueValue(key)})
	}
	if len(x.Pinned) > 0 {
		values = append(values, resourceValue{securityMatchingType, model.UnsignedValue(x.matching())},
			resourceValue{securityCertificateUsage, model.UnsignedValue(uint64(x.Usage.Number()))})
	}
	if x.ServerName != "" {
		values = append(values, resourceValue{securitySNI, model.StringValue(x.ServerName)})
	}
	return values
}

func (x X509) same(other Security) bool {
	o, ok := other.(X509)
	return ok && slices.EqualFunc(x.Certificate.Certificate, o.Certificate.Certificate, bytes.Equal) &&
		bytes.Equal(x.Pinned, o.Pinned) && x.Usage == o.Usage && x.Matching == o.Matching &&
		(x.Roots == o.Roots || x.Roots != nil && x.Roots.Equal(o.Roots)) && x.ServerName == o.ServerName &&
		slices.Equal(x.CipherSuites, o.CipherSuites)
}

// Format prints whose certificate it is, whatever the verb.
func (x X509) Format(f fmt.State, _ rune) {
	name := "none"
	if chain := x.Certificate.Certificate; len(chain) > 0 {
		name = "unreadable"
		if leaf, err := x509.ParseCertificate(chain[0]); err == nil {
			name = fmt.Sprintf("%q", leaf.Subject.String())
		}
	}
	fmt.Fprintf(f, "X509{certificate %s}", name)
}
