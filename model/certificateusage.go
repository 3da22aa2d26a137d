package model

import "strconv"

// CertificateUsage says what the certificate in Resource 0/x/4 means for the certificate that a
// server presents (Core 1.1.1 Appendix E.1, Resource 0/x/15, after RFC 6698 §2.1.1).
type CertificateUsage uint8

// The usages. The zero value is the default of the standard; see [CertificateUsage.Number] for the numbers
// there.
const (
	// DomainIssuedCertificate: the certificate is the server's own; no authority is asked.
	DomainIssuedCertificate CertificateUsage = iota
	// CAConstraint: the server's chain leads to a trusted authority, and the certificate is one of the
	// authorities in it.
	CAConstraint
	// ServiceCertificateConstraint: the server's chain leads to a trusted authority, and the certificate is the
	// server's own.
	ServiceCertificateConstraint
	// TrustAnchorAssertion: the server's chain leads to the certificate, which is the only authority.
	TrustAnchorAssertion
)

var certificateUsages = [...]string{
	"domain-issued certificate", "CA constraint", "service certificate constraint", "trust anchor assertion",
}

// Number is the value of the Resource: 3 for DomainIssuedCertificate, and 0 to 2 for the others in their order.
func (u CertificateUsage) Number() uint8 {
	if u == DomainIssuedCertificate {
		return 3
	}
	return uint8(u - 1)
}

// String is the usage in the words of the standard, such as "CA constraint".
func (u CertificateUsage) String() string {
	if int(u) < len(certificateUsages) {
		return certificateUsages[u]
	}
	return "CertificateUsage(" + strconv.Itoa(int(u)) + ")"
}
