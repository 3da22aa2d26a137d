package registration

// AlertReaction is what a client does about a TLS alert of a Server.
type AlertReaction uint8

// The reactions to alerts.
const (
	AlertRetry  AlertReaction = iota // another attempt may succeed
	AlertFail                        // no attempt will: the credentials are not accepted
	AlertIgnore                      // it says nothing about the connection
)

// ReactionTo gives the reaction to an alert by its number, as the Transport
// specification lists them (names: RFC 5246 §7.2). Others are retried.
func ReactionTo(alert uint8) AlertReaction {
	switch alert {
	case 42, 43, 44, 45, 46, // a certificate that is bad, unsupported, revoked, expired or unknown
		48, 49, // unknown_ca, access_denied
		112, 113, 114, 115: // unrecognized_name, bad certificate status or hash, unknown_psk_identity
		return AlertFail
	case 30, 41, 60, 110: // decompression_failure, no_certificate, export_restriction, unsupported_extension
		return AlertIgnore
	}
	return AlertRetry
}
