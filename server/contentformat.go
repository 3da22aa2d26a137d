package server

import (
	"strconv"

	"github.com/lwm2m-go/lwm2m/internal/coap"
)

// ContentFormat is a Content-Format of CoAP (RFC 7252 §5.10.3), or none: the zero
// value stands for an option that is not given, so that it differs from text/plain,
// whose number is 0.
type ContentFormat uint32 // number + 1

// The Content-Formats of LwM2M (Core 1.1.1 §7.4, Core 1.2 §7.4).
const (
	Text            ContentFormat = 1 + 0     // text/plain
	LinkFormat      ContentFormat = 1 + 40    // application/link-format
	OctetStream     ContentFormat = 1 + 42    // application/octet-stream
	CBOR            ContentFormat = 1 + 60    // application/cbor; since LwM2M 1.1
	SenMLJSON       ContentFormat = 1 + 110   // application/senml+json; since LwM2M 1.1
	SenMLCBOR       ContentFormat = 1 + 112   // application/senml+cbor; since LwM2M 1.1
	SenMLETCHJSON   ContentFormat = 1 + 320   // application/senml-etch+json; composite requests since LwM2M 1.2
	SenMLETCHCBOR   ContentFormat = 1 + 322   // application/senml-etch+cbor; composite requests since LwM2M 1.2
	TLV             ContentFormat = 1 + 11542 // application/vnd.oma.lwm2m+tlv
	JSON            ContentFormat = 1 + 11543 // application/vnd.oma.lwm2m+json; LwM2M 1.0
	LwM2MCBOR       ContentFormat = 1 + 11544 // application/vnd.oma.lwm2m+cbor; since LwM2M 1.2
	NoContentFormat ContentFormat = 0
)

// FormatOf is the ContentFormat with a number.
func FormatOf(number uint16) ContentFormat { return ContentFormat(number) + 1 }

// Number is the Content-Format's number; ok is false for NoContentFormat.
func (f ContentFormat) Number() (number uint16, ok bool) {
	if f == NoContentFormat || f > 1<<16 {
		return 0, false
	}
	return uint16(f - 1), true
}

// String is the number, or "none".
func (f ContentFormat) String() string {
	number, ok := f.Number()
	if !ok {
		return "none"
	}
	return strconv.Itoa(int(number))
}

// formatOption reads a Content-Format or Accept option.
func formatOption(options coap.Options, id coap.OptionID) ContentFormat {
	v, ok := options.Uint(id)
	if !ok || v > 0xffff {
		return NoContentFormat
	}
	return FormatOf(uint16(v))
}

// add adds f as a Content-Format or Accept option, if it is one.
func (f ContentFormat) add(options *coap.Options, id coap.OptionID) {
	if number, ok := f.Number(); ok {
		options.AddUint(id, uint32(number))
	}
}
