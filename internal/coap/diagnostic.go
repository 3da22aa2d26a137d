package coap

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// maxDiagnostic bounds the text of a diagnostic payload, in bytes.
const maxDiagnostic = 512

// Diagnostic is a diagnostic payload (RFC 7252 §5.5.2) as text for logs and errors. It comes from the peer: line breaks and
// whatever else cannot be printed, or is no UTF-8, is escaped, so that nobody can make up lines, and what is very long is cut off.
func Diagnostic(payload []byte) string {
	text := make([]byte, 0, min(len(payload), maxDiagnostic))
	for len(payload) > 0 {
		if len(text) >= maxDiagnostic {
			return string(text) + "…"
		}
		r, size := utf8.DecodeRune(payload)
		switch {
		case r == utf8.RuneError && size == 1:
			text = fmt.Appendf(text, `\x%02x`, payload[0])
		case unicode.IsPrint(r):
			text = append(text, payload[:size]...)
		case r < utf8.RuneSelf:
			text = fmt.Appendf(text, `\x%02x`, r)
		default:
			text = fmt.Appendf(text, `\u%04x`, r)
		}
		payload = payload[size:]
	}
	return string(text)
}
