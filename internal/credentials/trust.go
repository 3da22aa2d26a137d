package credentials

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Usage says what the certificate of an account stands for (Core 1.1.1 §E.1,
// Resource /0/x/15; RFC 6698 §2.1.1). The zero value is the standard's default,
// which has the number 3; UsageOf and Number translate.
type Usage int

// The usages.
const (
	// DomainIssued (3): the server must present just this certificate. Nothing
	// else is asked of it but its name: it may be self-signed, and the device
	// needs no clock.
	DomainIssued Usage = iota
	// CAConstraint (0): the server's chain must lead to one of Roots and contain
	// this certificate.
	CAConstraint
	// ServiceConstraint (1): the server must present just this certificate, and
	// its chain must lead to one of Roots.
	ServiceConstraint
	// TrustAnchor (2): the server's chain must lead to this certificate, that of
	// a private certification authority.
	TrustAnchor
)

// UsageOf gives the usage with a number of Resource /0/x/15.
func UsageOf(number uint64) (Usage, error) {
	for _, u := range []Usage{DomainIssued, CAConstraint, ServiceConstraint, TrustAnchor} {
		if u.Number() == number {
			return u, nil
		}
	}
	return 0, fmt.Errorf("%w: certificate usage %d is not between 0 and 3", ErrInvalid, number)
}

// Number is the value of Resource /0/x/15.
func (u Usage) Number() uint64 {
	switch u {
	case CAConstraint:
		return 0
	case ServiceConstraint:
		return 1
	case TrustAnchor:
		return 2
	}
	return 3
}

// String gives the name of the standard.
func (u Usage) String() string {
	switch u {
	case CAConstraint:
		return "CA constraint"
	case ServiceConstraint:
		return "service certificate constraint"
	case TrustAnchor:
		return "trust anchor assertion"
	}
	return "domain-issued certificate"
}

// Matching says what Trust.Reference holds (Core 1.1.1 §E.1, Resource /0/x/13,
// whose numbers these are).
type Matching uint64

// The matching types.
const (
	Exact  Matching = iota // the certificate in DER, or PEM
	SHA256                 // the digest of the certificate
	SHA384
	SHA512
)

// Trust says which certificates of a peer are accepted.
type Trust struct {
	// Reference is the certificate of Resource /0/x/4 or, by Matching, its
	// digest. Without it the chain must lead to one of Roots and Usage is not
	// looked at.
	Reference []byte
	Matching  Matching
	Usage     Usage
	// Roots are the authorities of CAConstraint, ServiceConstraint and of a Trust
	// without Reference. Default: those of the system.
	Roots *x509.CertPool
	// AnyName accepts a certificate that equals Reference whatever name is in it.
	AnyName bool
}

// CertificateError says why a peer's certificate is refused. Alert is the number
// that the peer is told (RFC 5246 §7.2.2).
type CertificateError struct {
	Certificate *x509.Certificate // the peer's own; nil if it could not be read
	Alert       uint8
	Reason      string
	Err         error // may be nil
}

// Error is the reason with the certificate's names.
func (e *CertificateError) Error() string {
	text := "the peer's certificate is refused: " + e.Reason
	if e.Certificate != nil {
		text += " (" + describe(e.Certificate) + ")"
	}
	return text
}

// Unwrap gives the error of crypto/x509, if there is one.
func (e *CertificateError) Unwrap() error { return e.Err }

// Alert numbers of RFC 5246 §7.2.2 that a refusal is told with.
const (
	alertBadCertificate     = 42
	alertCertificateExpired = 45
	alertCertificateUnknown = 46
	alertUnknownCA          = 48
)

// Check refuses a Trust that could accept nothing, or not what it says.
func (t *Trust) Check() error {
	if len(t.Reference) == 0 {
		return nil
	}
	if want := t.Matching.size(); want > 0 {
		if len(t.Reference) != want {
			return fmt.Errorf("%w: matching type %d wants a digest of %d bytes, there are %d", ErrInvalid, t.Matching, want, len(t.Reference))
		}
		return nil
	}
	if t.Matching != Exact {
		return fmt.Errorf("%w: matching type %d is not between 0 and 3", ErrInvalid, t.Matching)
	}
	_, _, err := Certificates(t.Reference)
	return err
}

func (m Matching) size() int {
	switch m {
	case SHA256:
		return sha256.Size
	case SHA384:
		return sha512.Size384
	case SHA512:
		return sha512.Size
	}
	return 0
}

// matches reports whether c is the certificate that Reference means.
func (t *Trust) matches(c *x509.Certificate) bool {
	switch t.Matching {
	case SHA256:
		sum := sha256.Sum256(c.Raw)
		return bytes.Equal(sum[:], t.Reference)
	case SHA384:
		sum := sha512.Sum384(c.Raw)
		return bytes.Equal(sum[:], t.Reference)
	case SHA512:
		sum := sha512.Sum512(c.Raw)
		return bytes.Equal(sum[:], t.Reference)
	}
	chain, _, err := Certificates(t.Reference)
	return err == nil && chain[0].Equal(c)
}

// Verify checks what a peer presented, its own certificate first, at the time
// now. host is the name or IP address that the certificate must be for; "" asks
// for none. client tells that the peer is one. Errors are of type
// *CertificateError.
func (t *Trust) Verify(presented [][]byte, host string, now time.Time, client bool) error {
	chain := make([]*x509.Certificate, 0, len(presented))
	for _, der := range presented {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return &CertificateError{Alert: alertBadCertificate, Reason: "it cannot be read: " + err.Error(), Err: err}
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return &CertificateError{Alert: alertBadCertificate, Reason: "there is none"}
	}
	if err := t.verifyChain(chain, now, client); err != nil {
		return err
	}
	if host == "" || t.AnyName && t.pins() {
		return nil
	}
	return verifyName(chain[0], host)
}

// pins reports whether only one certificate is accepted.
func (t *Trust) pins() bool {
	return len(t.Reference) > 0 && (t.Usage == DomainIssued || t.Usage == ServiceConstraint)
}

func (t *Trust) verifyChain(chain []*x509.Certificate, now time.Time, client bool) error {
	leaf := chain[0]
	if len(t.Reference) == 0 {
		_, err := chainsTo(chain, t.Roots, now, client)
		return err
	}
	if t.pins() && !t.matches(leaf) {
		return &CertificateError{Certificate: leaf, Alert: alertCertificateUnknown,
			Reason: "it is not the one that the account names (Resource 4, usage " + t.Usage.String() + ")"}
	}
	switch t.Usage {
	case CAConstraint:
		return t.verifyConstraint(chain, now, client)
	case ServiceConstraint:
		_, err := chainsTo(chain, t.Roots, now, client)
		return err
	case TrustAnchor:
		return t.verifyAnchor(chain, now, client)
	}
	return nil
}

// verifyConstraint wants the reference in one of the chains that lead to a root.
func (t *Trust) verifyConstraint(chain []*x509.Certificate, now time.Time, client bool) error {
	chains, err := chainsTo(chain, t.Roots, now, client)
	if err != nil {
		return err
	}
	for _, verified := range chains {
		for _, c := range verified[1:] {
			if t.matches(c) {
				return nil
			}
		}
	}
	return &CertificateError{Certificate: chain[0], Alert: alertUnknownCA,
		Reason: "its chain does not contain the authority that the account names (usage CA constraint)"}
}

// verifyAnchor makes the reference the only root. Of an anchor that is known by
// its digest alone, the peer has to send the certificate.
func (t *Trust) verifyAnchor(chain []*x509.Certificate, now time.Time, client bool) error {
	roots := x509.NewCertPool()
	if t.Matching == Exact {
		anchors, _, err := Certificates(t.Reference)
		if err != nil {
			return &CertificateError{Certificate: chain[0], Alert: alertUnknownCA,
				Reason: "the account's own certificate cannot be read: " + err.Error(), Err: err}
		}
		for _, a := range anchors {
			roots.AddCert(a)
		}
	} else {
		for _, c := range chain {
			if t.matches(c) {
				roots.AddCert(c)
			}
		}
	}
	_, err := chainsTo(chain, roots, now, client)
	return err
}

// chainsTo builds chains to the roots (RFC 5280 §6).
func chainsTo(chain []*x509.Certificate, roots *x509.CertPool, now time.Time, client bool) ([][]*x509.Certificate, error) {
	opts := x509.VerifyOptions{Roots: roots, CurrentTime: now, Intermediates: x509.NewCertPool()}
	if client {
		opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	chains, err := chain[0].Verify(opts)
	if err == nil {
		return chains, nil
	}
	refusal := &CertificateError{Certificate: chain[0], Alert: alertBadCertificate, Reason: err.Error(), Err: err}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		refusal.Alert = alertCertificateExpired
		refusal.Reason = "it or an authority of its chain is not valid at " + now.UTC().Format(time.RFC3339) +
			", which is what the clock here says"
	case errors.As(err, &unknown):
		refusal.Alert = alertUnknownCA
		refusal.Reason = "it was issued by an authority that is not trusted: " + chain[0].Issuer.String()
	}
	return nil, refusal
}

// verifyName wants host among the alternative names or, if there are none at
// all, to be the common name (RFC 7252 §9.1.3.3).
func verifyName(c *x509.Certificate, host string) error {
	if len(c.DNSNames) == 0 && len(c.IPAddresses) == 0 && len(c.URIs) == 0 && len(c.EmailAddresses) == 0 {
		if c.Subject.CommonName != "" && strings.EqualFold(c.Subject.CommonName, host) {
			return nil
		}
	} else if c.VerifyHostname(host) == nil {
		return nil
	}
	hint := "set the SNI of the account (Resource 14) to a name in it, or correct the server URI"
	if net.ParseIP(host) != nil {
		hint = "an IP address must be in it as such; " + hint
	}
	return &CertificateError{Certificate: c, Alert: alertBadCertificate,
		Reason: fmt.Sprintf("it is not for %q; %s", host, hint),
		Err:    x509.HostnameError{Certificate: c, Host: host}}
}
