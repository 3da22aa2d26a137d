package link

import (
	"fmt"
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/pion/dtls/v3"
)

// pskSuites are the suites with a pre-shared key that the library has.
var pskSuites = [...]dtls.CipherSuiteID{
	dtls.TLS_PSK_WITH_AES_128_CCM_8, dtls.TLS_PSK_WITH_AES_128_CCM, dtls.TLS_PSK_WITH_AES_256_CCM_8,
	dtls.TLS_PSK_WITH_AES_128_GCM_SHA256, dtls.TLS_PSK_WITH_AES_128_CBC_SHA256,
	dtls.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256, dtls.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256,
	dtls.TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
}

// certificateSuites are the suites with certificates that the library has.
var certificateSuites = [...]dtls.CipherSuiteID{
	dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
	dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	dtls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, dtls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// DefaultPSKSuites are the suites offered with a pre-shared key: the mandatory
// TLS_PSK_WITH_AES_128_CCM_8 first (RFC 7925 §4.2), then CCM, GCM and CBC with
// SHA-256.
func DefaultPSKSuites() []uint16 { return []uint16{0xC0A8, 0xC0A4, 0x00A8, 0x00AE} }

// DefaultCertificateSuites are the suites offered with certificates: the
// mandatory TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 first (RFC 7925 §4.4), then CCM and
// GCM, and GCM for servers with RSA keys.
func DefaultCertificateSuites() []uint16 {
	return []uint16{0xC0AE, 0xC0AC, 0xC02B, 0xC02C, 0xC02F, 0xC030}
}

// CipherSuiteName gives the name of a suite, or its number if the library does
// not have it.
func CipherSuiteName(suite uint16) string { return dtls.CipherSuiteName(dtls.CipherSuiteID(suite)) }

// chooseSuites gives those of asked, or by default of otherwise, that are
// possible.
func chooseSuites(asked []uint16, possible []dtls.CipherSuiteID, otherwise []uint16) ([]dtls.CipherSuiteID, error) {
	if len(asked) == 0 {
		asked = otherwise
	}
	var suites []dtls.CipherSuiteID
	for _, number := range asked {
		if id := dtls.CipherSuiteID(number); slices.Contains(possible, id) {
			suites = append(suites, id)
		}
	}
	if len(suites) == 0 {
		names := make([]string, len(asked))
		for i, number := range asked {
			names[i] = CipherSuiteName(number)
		}
		return nil, fmt.Errorf("%w: none of the cipher suites asked for can be used with these credentials: %q; possible are %v",
			credentials.ErrInvalid, names, possible)
	}
	return suites, nil
}

// usesKey reports whether a suite authenticates by a pre-shared key.
func usesKey(suite dtls.CipherSuiteID) bool { return slices.Contains(pskSuites[:], suite) }
