package lwm2m

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/model"
)

// Security protects the connection to a server: [PSK], [X509], or, written out, [NoSec].
type Security interface {
	// mode is the value of Resource 0/x/2.
	mode() int64
	// schemes are the URI schemes that go with it.
	schemes() []string
	// check says what is wrong. Secrets may be missing if they are loaded later.
	check(loadedLater bool) error
	// resources are those of the Security Object that hold what it says.
	resources() []resourceValue
	// suites are those to offer, of Resource 0/x/16; none for the default.
	suites() []uint16
	// secure fills in what a handshake needs.
	secure(d *link.DTLS)
	// same reports whether other proves the same to the same server.
	same(other Security) bool
}

// Values of Resource 0/x/2, Security Mode (Core 1.1.1 Appendix E.1).
const (
	modePSK          = 0
	modeRawPublicKey = 1
	modeCertificate  = 2
	modeNoSec        = 3
)

// NoSec leaves the connection unprotected: anyone on the way can read and change
// what is said. It is for tests, and for networks that are safe by other means.
type NoSec struct{}

func (NoSec) mode() int64                { return modeNoSec }
func (NoSec) schemes() []string          { return []string{link.SchemeUDP} }
func (NoSec) check(bool) error           { return nil }
func (NoSec) resources() []resourceValue { return nil }
func (NoSec) suites() []uint16           { return nil }
func (NoSec) secure(*link.DTLS)          {}
func (NoSec) same(other Security) bool   { return other == Security(NoSec{}) }

// PSK protects the connection by a key that client and server share: DTLS 1.2 with a pre-shared
// key (Security Mode 0, Transport 1.1.1 §5.2.8). Identity and Key are required, but the Key may be
// left to Config.LoadCredentials. It goes with coaps:// URIs. Printed, it tells the length of the Key only.
type PSK struct {
	// Identity tells the server which key it is, UTF-8 text of 1 to 128 bytes. Anyone on the way can read
	// it. Servers often want it to be the endpoint's name.
	Identity []byte
	// Key is the secret, 1 to 64 bytes; 16 random bytes are customary.
	Key []byte `json:"-"`
	// CipherSuites are the suites to offer by their IANA numbers, in order of preference (Resource 0/x/16).
	// Default: TLS_PSK_WITH_AES_128_CCM_8 (0xC0A8), ..._CCM (0xC0A4), ..._GCM_SHA256 (0x00A8) and
	// ..._CBC_SHA256 (0x00AE).
	CipherSuites []uint16
}

func (PSK) mode() int64       { return modePSK }
func (PSK) schemes() []string { return []string{link.SchemeDTLS} }

func (p PSK) check(loadedLater bool) error {
	if len(p.Identity) > 0 || !loadedLater {
		if err := credentials.CheckIdentity(p.Identity); err != nil {
			return fmt.Errorf("PSK.Identity: %w", err)
		}
	}
	if len(p.Key) > 0 || !loadedLater {
		if err := credentials.CheckKey(p.Key); err != nil {
			return fmt.Errorf("PSK.Key: %w", err)
		}
	}
	return nil
}

func (p PSK) resources() []resourceValue {
	return []resourceValue{
		{securityIdentity, model.OpaqueValue(p.Identity)},
		{securitySecret, model.OpaqueValue(p.Key)},
	}
}

func (p PSK) suites() []uint16 { return p.CipherSuites }

func (p PSK) secure(d *link.DTLS) {
	d.PSK, d.CipherSuites = &link.PSK{Identity: p.Identity, Key: p.Key}, p.CipherSuites
}

func (p PSK) same(other Security) bool {
	o, ok := other.(PSK)
	return ok && bytes.Equal(p.Identity, o.Identity) && bytes.Equal(p.Key, o.Key) &&
		slices.Equal(p.CipherSuites, o.CipherSuites)
}

// Format prints the identity and how long the key is, whatever the verb.
func (p PSK) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "PSK{identity %q, key of %d bytes}", p.Identity, len(p.Key))
}

// plain is the security that a pointer points to, so that there is one form of each; nil if it is nil.
func plain(s Security) Security {
	switch p := s.(type) {
	case *NoSec:
		return pointed(p)
	case *PSK:
		return pointed(p)
	case *X509:
		return pointed(p)
	}
	return s
}

func pointed[S Security](p *S) Security {
	if p == nil {
		return nil
	}
	return *p
}

// checkSecurity reports why a security does not go with a server.
func checkSecurity(s Security, target link.Target, loadedLater bool) error {
	schemes := s.schemes()
	for _, scheme := range schemes {
		if target.Scheme == scheme {
			return s.check(loadedLater)
		}
	}
	return fmt.Errorf("lwm2m.%s does not go with %s://; it needs %s://",
		strings.TrimPrefix(fmt.Sprintf("%T", s), "lwm2m."), target.Scheme, strings.Join(schemes, ":// or "))
}
