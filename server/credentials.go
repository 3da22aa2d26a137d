package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// Credentials are how a Server and its Clients prove to each other who they are when they connect
// by DTLS. PSK, or Certificate and ClientCAs, are required; with all of them the Client chooses.
// Printed, they tell no secrets.
type Credentials struct {
	// PSK finds the pre-shared key of an identity; false refuses it. It is called during handshakes, on several
	// goroutines at the same time. [Keys] is the simple case.
	PSK func(identity string) (key []byte, ok bool) `json:"-"`
	// Certificate is the Server's chain, leaf first, with the private key of the leaf.
	Certificate tls.Certificate `json:"-"`
	// ClientCAs are the authorities that a Client's chain has to lead to.
	ClientCAs *x509.CertPool
	// MayRegister reports whether a Client may use an endpoint name to register or to be bootstrapped; if not, its
	// request is answered 4.03. It is also asked about Clients without security, whose Identity is zero. It is called on the
	// goroutine that runs the protocol and must be quick. Default: with security, the name has to be the PSK identity, or
	// the common name, a DNS name or a URI of the certificate; without, any name. Beyond that, whoever is not the one
	// who registered cannot touch the Registration.
	MayRegister func(client Identity, endpoint string) bool `json:"-"`
	// CipherSuites are the suites to accept by their IANA numbers. Default: with PSK AES-128 in the modes CCM_8, CCM,
	// GCM and CBC with SHA-256; with Certificate ECDHE and AES in the modes CCM_8, CCM and GCM.
	CipherSuites []uint16
	// NoConnectionID gives Clients no connection ID, so that a new address is a new session for them (RFC 9146).
	// Default: they get one if they offer that.
	NoConnectionID bool
}

// Keys is a [Credentials].PSK for keys by their identities. The map must not be changed.
func Keys(keys map[string][]byte) func(identity string) ([]byte, bool) {
	return func(identity string) ([]byte, bool) {
		key, ok := keys[identity]
		return key, ok
	}
}

// Format prints what kinds of credentials there are, whatever the verb.
func (c Credentials) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "Credentials{PSK %t, certificate %t}", c.PSK != nil, len(c.Certificate.Certificate) > 0)
}

func (c *Credentials) validate() error {
	certificate := len(c.Certificate.Certificate) > 0
	switch {
	case c.PSK == nil && !certificate:
		return fmt.Errorf("%w: Credentials has neither PSK nor Certificate", ErrConfig)
	case certificate && c.Certificate.PrivateKey == nil:
		return fmt.Errorf("%w: Credentials.Certificate has no PrivateKey", ErrConfig)
	case certificate && c.ClientCAs == nil:
		return fmt.Errorf("%w: Credentials.Certificate needs ClientCAs, by which Clients' certificates are judged", ErrConfig)
	}
	return nil
}

// Identity is who a Client has proven to be. The zero Identity is a Client without security.
type Identity struct {
	PSK         string            // the identity that goes with its pre-shared key
	Certificate *x509.Certificate // the leaf of its chain; do not change it
}

// IsZero reports whether the Client has proven nothing.
func (i Identity) IsZero() bool { return i.PSK == "" && i.Certificate == nil }

// String is the PSK identity, or the common name of the certificate.
func (i Identity) String() string {
	if i.Certificate != nil {
		return i.Certificate.Subject.CommonName
	}
	return i.PSK
}

func (i Identity) equal(other Identity) bool {
	return i.PSK == other.PSK && (i.Certificate == nil) == (other.Certificate == nil) &&
		(i.Certificate == nil || i.Certificate.Equal(other.Certificate))
}

// has reports whether a name is one of those that the Client has proven.
func (i Identity) has(name string) bool {
	if i.Certificate == nil {
		return i.PSK == name
	}
	c := i.Certificate
	if name != "" && c.Subject.CommonName == name || slices.Contains(c.DNSNames, name) {
		return true
	}
	for _, uri := range c.URIs {
		if uri.String() == name { // such as urn:dev:os:32473-123456
			return true
		}
	}
	return false
}

// mayUseName reports whether a Client may use an endpoint name.
func (s *Server) mayUseName(who Identity, endpoint string) bool {
	if c := s.config.Credentials; c != nil && c.MayRegister != nil {
		return c.MayRegister(who, endpoint)
	}
	return who.IsZero() || who.has(endpoint)
}

// mayRegister refuses a Register under a name that is not the Client's.
func (s *Server) mayRegister(p *peer, endpoint string) *model.Error {
	who := p.identity
	allowed := s.mayUseName(who, endpoint)
	if old := s.directory.byEndpoint[endpoint]; old != nil && who.IsZero() && !old.Identity.IsZero() {
		allowed = false // nobody without keys takes the place of a Client that has some
	}
	if !allowed {
		return &model.Error{Code: model.Forbidden, Reason: fmt.Sprintf("%s may not register as %q", who.describe(), endpoint)}
	}
	return nil
}

func (i Identity) describe() string {
	if i.IsZero() {
		return "a Client without security"
	}
	return fmt.Sprintf("%q", i.String())
}

// mayUse refuses a request about a Registration that is another Client's.
func (r *request) mayUse(reg *registration) *model.Error {
	if r.peer.identity.equal(reg.Identity) {
		return nil
	}
	return &model.Error{Code: model.Forbidden, Reason: "the registration is another Client's"}
}
