// Package format maps values of the data model to and from payloads: it is the
// registry of Content-Formats (Core 1.1.1 §7.4) and the one place where a path
// and a type meet a wire format.
//
// A payload is a list of [Node]s. [Append] writes one for a request path, and
// [Decode] reads one with the help of [Types], which says what type a Resource
// has; a payload alone does not tell.
package format

import (
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// ContentFormat is a CoAP Content-Format number (RFC 7252 §12.3).
type ContentFormat uint16

// The Content-Formats of LwM2M. The Legacy numbers are from before the registration
// with IANA and still met.
const (
	Text          ContentFormat = 0     // text/plain
	Link          ContentFormat = 40    // application/link-format
	Opaque        ContentFormat = 42    // application/octet-stream
	CBOR          ContentFormat = 60    // application/cbor
	SenMLJSON     ContentFormat = 110   // application/senml+json
	SenMLCBOR     ContentFormat = 112   // application/senml+cbor
	SenMLETCHJSON ContentFormat = 320   // application/senml-etch+json (RFC 8790)
	SenMLETCHCBOR ContentFormat = 322   // application/senml-etch+cbor (RFC 8790)
	TLV           ContentFormat = 11542 // application/vnd.oma.lwm2m+tlv
	JSON          ContentFormat = 11543 // application/vnd.oma.lwm2m+json, of LwM2M 1.0
	LwM2MCBOR     ContentFormat = 11544 // application/vnd.oma.lwm2m+cbor
	LegacyText    ContentFormat = 1541
	LegacyTLV     ContentFormat = 1542
	LegacyJSON    ContentFormat = 1543
	LegacyOpaque  ContentFormat = 1544
)

// String is the format's usual name, such as "SenML JSON", or its number.
func (f ContentFormat) String() string {
	switch f.Canonical() {
	case Text:
		return "text"
	case Link:
		return "link-format"
	case Opaque:
		return "opaque"
	case CBOR:
		return "CBOR"
	case SenMLJSON:
		return "SenML JSON"
	case SenMLCBOR:
		return "SenML CBOR"
	case SenMLETCHJSON:
		return "SenML-ETCH JSON"
	case SenMLETCHCBOR:
		return "SenML-ETCH CBOR"
	case TLV:
		return "TLV"
	case JSON:
		return "JSON"
	case LwM2MCBOR:
		return "LwM2M CBOR"
	}
	return fmt.Sprintf("content format %d", uint16(f))
}

// Canonical maps the Legacy numbers to those in use; others it returns unchanged.
func (f ContentFormat) Canonical() ContentFormat {
	switch f {
	case LegacyText:
		return Text
	case LegacyTLV:
		return TLV
	case LegacyJSON:
		return JSON
	case LegacyOpaque:
		return Opaque
	}
	return f
}

// SingleValue reports whether f carries no more than one value, and so only a
// single-instance Resource or a Resource Instance.
func (f ContentFormat) SingleValue() bool {
	switch f.Canonical() {
	case Text, Opaque, CBOR:
		return true
	}
	return false
}

// Composite reports whether f may carry values of several Objects, and so those of
// composite operations and Send. Lists of paths are for SenML alone.
func (f ContentFormat) Composite() bool {
	switch f {
	case SenMLJSON, SenMLCBOR, SenMLETCHJSON, SenMLETCHCBOR, LwM2MCBOR:
		return true
	}
	return false
}

// RequestOnly reports whether f is for the requests of composite operations and
// nothing else: FETCH and iPATCH are what RFC 8790 has made SenML-ETCH for.
func (f ContentFormat) RequestOnly() bool { return f == SenMLETCHJSON || f == SenMLETCHCBOR }

// Answer is the format in which a composite request in format f is answered, unless
// it asks for another: the same, but plain SenML to SenML-ETCH.
func (f ContentFormat) Answer() ContentFormat {
	switch f {
	case SenMLETCHJSON:
		return SenMLJSON
	case SenMLETCHCBOR:
		return SenMLCBOR
	}
	return f
}

// Supported reports whether values can be carried in f by a Client of the given
// version of LwM2M: everything is supported from the version on that introduced
// it. JSON is accepted from Clients of every version, because conformance tests
// ask 1.1 Clients for it.
func Supported(f ContentFormat, v model.Version) bool {
	switch f.Canonical() {
	case Text, Opaque, TLV, JSON:
		return true
	case CBOR, SenMLJSON, SenMLCBOR:
		return v.Compare(model.Version11) >= 0
	case SenMLETCHJSON, SenMLETCHCBOR, LwM2MCBOR:
		return v.Compare(model.Version12) >= 0
	}
	return false
}

// Default is the format of an answer to a request without Accept. single says
// that the target is one value, of the given kind: a single-instance Resource or
// a Resource Instance. Otherwise LwM2M 1.0 demands TLV; later versions leave the
// choice to the Client, which here is SenML CBOR in 1.1 and since 1.2 the more
// compact LwM2M CBOR.
func Default(v model.Version, single bool, kind model.Kind) ContentFormat {
	switch {
	case single && kind == model.Opaque:
		return Opaque
	case single:
		return Text
	case v.Compare(model.Version11) < 0:
		return TLV
	case v.Compare(model.Version12) < 0:
		return SenMLCBOR
	}
	return LwM2MCBOR
}

// Node is one value at its place, which has three or four levels.
//
// A Value without type says that something is there, but empty: an Object
// without instances, an Object Instance without Resources, or (three levels) a
// multiple-instance Resource without instances. Only TLV can write these; LwM2M CBOR
// is read with them, as an empty map. In LwM2M CBOR and the two SenML-ETCH formats
// it stands for removal: of the Resource Instance at a path of four levels.
type Node struct {
	Path  model.Path
	Value model.Value

	// Time is when the value was taken; zero is now. Only SenML and JSON carry
	// it. Decoded times before [RelativeTime] are relative to the moment of
	// reception: see [Node.At].
	Time time.Time
}

// RelativeTime is the number of seconds since 1970 below which a time is
// relative to now (RFC 8428 §4.5.3): 2^28, mid 1978.
const RelativeTime = 1 << 28

// At is when the value was taken, given the time of reception.
func (n Node) At(now time.Time) time.Time {
	if n.Time.IsZero() {
		return now
	}
	if n.Time.Unix() >= RelativeTime {
		return n.Time
	}
	return now.Add(n.Time.Sub(time.Unix(0, 0)))
}

// Types tells the type of a Resource; ok is false when nothing is known about
// it. Values of such Resources, and of executable ones, are decoded to whatever
// type the wire suggests.
type Types interface {
	Resource(object, resource uint16) (kind model.Kind, multiple, ok bool)
}

// MaxNodes is the most nodes or paths that a payload may have to be decoded.
const MaxNodes = 1 << 16
