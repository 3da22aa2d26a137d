package server

import (
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

// Security is how a Client protects its connection to a server, as a Bootstrap-Server tells it: [PSK], [X509] or,
// written out, [NoSec].
type Security interface {
	// security are the Resources of the Security Object that say it.
	security() resources
	// check says what is wrong.
	check() error
	// secure reports whether it goes with coaps:// rather than coap://.
	secure() bool
}

// Values of Resource 0/x/2, Security Mode (Core 1.1.1 Appendix E.1).
const (
	modePSK         = 0
	modeCertificate = 2
	modeNoSec       = 3
)

// NoSec leaves the connection unprotected.
type NoSec struct{}

func (NoSec) check() error { return nil }
func (NoSec) secure() bool { return false }

func (NoSec) security() resources { return securityResources(modeNoSec, nil, nil, nil, nil) }

// PSK protects the connection by a pre-shared key (Security Mode 0). Printed, it tells the length of the Key only.
type PSK struct {
	Identity []byte // 0/x/3, UTF-8 text of 1 to 128 bytes
	Key      []byte `json:"-"` // 0/x/5, 1 to 64 bytes
	// CipherSuites are the suites for the Client to offer by their IANA numbers (0/x/16, since LwM2M 1.1). Default:
	// the Client's choice.
	CipherSuites []uint16
}

func (PSK) secure() bool { return true }

func (p PSK) check() error {
	if err := credentials.CheckIdentity(p.Identity); err != nil {
		return fmt.Errorf("PSK.Identity: %w", err)
	}
	if err := credentials.CheckKey(p.Key); err != nil {
		return fmt.Errorf("PSK.Key: %w", err)
	}
	return nil
}

func (p PSK) security() resources {
	return securityResources(modePSK, p.Identity, nil, p.Key, p.CipherSuites)
}

// Format prints the identity and how long the key is, whatever the verb.
func (p PSK) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "PSK{identity %q, key of %d bytes}", p.Identity, len(p.Key))
}

// X509 protects the connection by certificates (Security Mode 2). Printed, it tells no secrets.
type X509 struct {
	// Certificate is the Client's chain, leaf first, with the private key of the leaf (0/x/3 and 0/x/5).
	Certificate tls.Certificate `json:"-"`
	// Pinned is what the Client compares the server's certificate with, as Usage says: a certificate in DER, or its
	// hash if there is Matching (0/x/4). It is required.
	Pinned []byte
	// Usage says what Pinned is for (0/x/15, since LwM2M 1.1). Default: model.DomainIssuedCertificate, the server has
	// to have that very certificate.
	Usage model.CertificateUsage
	// Matching is the hash that Pinned is: crypto.SHA256, SHA384 or SHA512 (0/x/13, since LwM2M 1.1). Default: none,
	// Pinned is the whole certificate.
	Matching crypto.Hash
	// ServerName is the name that the server's certificate has to have (0/x/14, since LwM2M 1.1). Default: the host of
	// the URI.
	ServerName string
	// CipherSuites are the suites for the Client to offer by their IANA numbers (0/x/16, since LwM2M 1.1). Default:
	// the Client's choice.
	CipherSuites []uint16
}

// matchingTypes are the hashes by their numbers in Resource 0/x/13.
var matchingTypes = [...]crypto.Hash{0, crypto.SHA256, crypto.SHA384, crypto.SHA512}

func (X509) secure() bool { return true }

func (x X509) check() error {
	switch {
	case len(x.Certificate.Certificate) == 0:
		return errors.New("X509.Certificate is empty; the Client proves by it who it is")
	case len(x.Pinned) == 0:
		return errors.New("X509.Pinned is empty; the server proves by it who it is")
	case x.Usage > model.TrustAnchorAssertion:
		return fmt.Errorf("X509.Usage is %v, which does not exist", x.Usage)
	case !slices.Contains(matchingTypes[:], x.Matching):
		return fmt.Errorf("X509.Matching is %v; SHA-256, SHA-384 and SHA-512 are possible", x.Matching)
	}
	if _, err := x509.MarshalPKCS8PrivateKey(x.Certificate.PrivateKey); err != nil {
		return fmt.Errorf("X509.Certificate: the private key cannot be written: %w", err)
	}
	return nil
}

func (x X509) security() resources {
	key, _ := x509.MarshalPKCS8PrivateKey(x.Certificate.PrivateKey) // checked before
	chain := slices.Concat(x.Certificate.Certificate...)
	r := securityResources(modeCertificate, chain, x.Pinned, key, x.CipherSuites)
	if x.Matching != 0 {
		r.add(securityMatching, model.UnsignedValue(uint64(slices.Index(matchingTypes[:], x.Matching))))
	}
	if x.Usage != model.DomainIssuedCertificate {
		r.add(securityUsage, model.UnsignedValue(uint64(x.Usage.Number())))
	}
	if x.ServerName != "" {
		r.add(securitySNI, model.StringValue(x.ServerName))
	}
	return r
}

// Format prints what there is, whatever the verb.
func (x X509) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "X509{chain of %d, server's certificate as %v}", len(x.Certificate.Certificate), x.Usage)
}

// Resources of the Security Object (Core 1.1.1 Appendix E.1).
const (
	securityURI            = 0
	securityBootstrap      = 1
	securityMode           = 2
	securityIdentity       = 3
	securityServerKey      = 4
	securitySecret         = 5
	securityServerID       = 10
	securityHoldOff        = 11
	securityAccountTimeout = 12
	securityMatching       = 13
	securitySNI            = 14
	securityUsage          = 15
	securitySuites         = 16
)

// resources are values within one Object Instance. Their paths are of one level, or of two for Resource Instances.
type resources []Node

// add adds a Resource.
func (r *resources) add(id uint16, v model.Value) {
	*r = append(*r, Node{Path: model.PathOf(id), Value: v})
}

// addInstance adds a Resource Instance.
func (r *resources) addInstance(id, instance uint16, v model.Value) {
	*r = append(*r, Node{Path: model.PathOf(id, instance), Value: v})
}

// securityResources are those that every Instance of the Security Object has, though some be empty.
func securityResources(mode int64, identity, serverKey, secret []byte, suites []uint16) resources {
	var r resources
	r.add(securityMode, model.IntegerValue(mode))
	r.add(securityIdentity, model.OpaqueValue(identity))
	r.add(securityServerKey, model.OpaqueValue(serverKey))
	r.add(securitySecret, model.OpaqueValue(secret))
	for i, suite := range suites {
		r.addInstance(securitySuites, uint16(i), model.UnsignedValue(uint64(suite)))
	}
	return r
}

// checkAccount reports why a URI and a security do not go together.
func checkAccount(uri string, s Security) error {
	if s == nil {
		return fmt.Errorf("no Security for %s; write server.NoSec{} if you want none", uri)
	}
	target, err := link.ParseURI(uri)
	if err != nil {
		return err
	}
	if target.Secure() != s.secure() {
		return fmt.Errorf("%T does not go with %s://", s, target.Scheme)
	}
	return s.check()
}
