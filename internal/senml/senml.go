// Package senml reads and writes packs of Sensor Measurement Lists (RFC 8428) as
// LwM2M uses them: in JSON (Content-Format 110) and CBOR (112), and in the JSON
// of LwM2M 1.0 (11543), which is an early draft of the same idea. It knows
// records; what a name means is for the caller.
//
// Names, strings and data of decoded records are parts of the payload wherever
// that is possible; they live as long as the payload is not changed.
package senml

import (
	"errors"
	"fmt"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
)

// Syntax is a representation of a pack.
type Syntax uint8

// The representations.
const (
	JSON  Syntax = iota // RFC 8428 §5
	CBOR                // RFC 8428 §6
	OMA10               // JSON of LwM2M 1.0 §6.4.4: {"bn":…,"e":[{"n":…,"sv":…}]}
	syntaxes
)

var syntaxNames = [syntaxes]string{"SenML JSON", "SenML CBOR", "LwM2M 1.0 JSON"}

func (s Syntax) String() string {
	if s < syntaxes {
		return syntaxNames[s]
	}
	return fmt.Sprintf("Syntax(%d)", uint8(s))
}

// MaxRecords is the most records that a pack may have to be decoded.
const MaxRecords = 1 << 16

// Errors of [Writer.Finish] and [Decode] that are the caller's mistake.
var (
	ErrNumber = errors.New("senml: NaN and infinity have no place in JSON or as a time")
	ErrBase   = errors.New("senml: only the first record may have a base in LwM2M 1.0 JSON")
	ErrSyntax = errors.New("senml: unknown syntax")
)

// Error reports where and why a payload is no pack.
type Error struct {
	Syntax Syntax
	Offset int // in the payload
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%v: offset %d: %s", e.Syntax, e.Offset, e.Reason)
}

// Kind is the type of a record's value.
type Kind uint8

// The types of values. The zero Kind is that of a record without a value, as in
// a list of names.
const (
	None   Kind = iota
	Null        // removes what is named (RFC 8790, SenML-ETCH)
	Number      // v
	String      // vs, in OMA10 sv
	Bool        // vb, in OMA10 bv
	Data        // vd
	Link        // vlo, in OMA10 ov; LwM2M's label for an object link, "66:0"
	kinds
)

var kindNames = [kinds]string{"no value", "null", "number", "string", "boolean", "data", "object link"}

func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Value is the value of a record; Kind tells which field has it.
type Value struct {
	Kind   Kind
	Bool   bool
	Number cbor.Number
	// Bytes has strings, data and links. The data of JSON is the Base64 text as
	// it was received when Base64 is set: who wants the data decodes it.
	Bytes  []byte
	Base64 bool
}

// Record is one element of a pack. Base fields hold for this record and those
// after it (RFC 8428 §4.1); a [Resolver] applies them.
type Record struct {
	BaseName []byte // nil when absent
	Name     []byte // nil when absent
	BaseTime float64
	Time     float64 // seconds; see [Resolver.Resolve]
	Value    Value
	Offset   int // of the record in the payload; not written

	HasBaseTime, HasTime bool
}

// Resolver applies base fields to the records that follow them. The zero value
// is ready for the first record of a pack.
type Resolver struct {
	base     []byte
	baseTime float64
	name     []byte
}

// Resolve returns the full name of r and its time. The name is valid until the
// next call. Time is in seconds: from 2^28 upwards since 1970, below that
// relative to now, negative in the past (RFC 8428 §4.5.3). A record without
// time and base time has the time 0, that is, now.
func (rs *Resolver) Resolve(r *Record) (name []byte, seconds float64) {
	if r.BaseName != nil {
		rs.base = r.BaseName
	}
	if r.HasBaseTime {
		rs.baseTime = r.BaseTime
	}
	rs.name = append(append(rs.name[:0], rs.base...), r.Name...)
	seconds = rs.baseTime
	if r.HasTime {
		seconds += r.Time
	}
	return rs.name, seconds
}

// Decode reads a pack and appends its records to dst, which may be nil. Unknown
// labels are passed over, except those that end in "_" and so must be
// understood (RFC 8428 §4.4). A label that occurs twice in a record, a second
// value, a base value (which LwM2M does not use, and which would change all
// values after it) and a version above 10 are errors too. Errors are [*Error],
// but [ErrSyntax] for an unknown syntax.
//
// Records of a pack in OMA10 are given the base name and base time of the
// object around them in the first record; if there is none, names are relative
// to whatever the caller takes for the base.
func Decode(dst []Record, s Syntax, payload []byte) ([]Record, error) {
	switch s {
	case JSON:
		return decodeJSON(dst, payload)
	case CBOR:
		return decodeCBOR(dst, payload)
	case OMA10:
		return decodeOMA10(dst, payload)
	}
	return dst, fmt.Errorf("%w %v", ErrSyntax, s)
}

// fields collects what a record has, so that nothing occurs twice.
type fields uint16

// Bits of fields, one a label. All values share a bit: a record has one value.
const (
	hasBaseName fields = 1 << iota
	hasBaseTime
	hasVersion
	hasName
	hasTime
	hasValue
	hasUnit
	hasBaseUnit
	hasBaseValue
	hasBaseSum
	hasSum
	hasUpdateTime
	hasElements
)

// version is the highest bver that is understood, that of RFC 8428. Higher ones
// may have changed anything (RFC 8428 §4.4).
const version = 10

// field is what a label stands for: its bit and, for values, its type.
type field struct {
	bit  fields
	kind Kind
}

// add notes that a record has f; it reports false if it has it already.
func (fs *fields) add(f field) bool {
	twice := *fs&f.bit != 0
	*fs |= f.bit
	return !twice
}

func errorAt(s Syntax, offset int, format string, args ...any) error {
	return &Error{s, offset, fmt.Sprintf(format, args...)}
}

func duplicate(s Syntax, offset int, f field, label string) error {
	if f.kind != None {
		return errorAt(s, offset, "a second value, %s", label)
	}
	return errorAt(s, offset, "label %s occurs twice", label)
}

// checkText refuses a label in text that is not known but must be understood.
func checkText(s Syntax, offset int, label []byte, f field) error {
	if n := len(label); f.bit == 0 && n > 0 && label[n-1] == '_' {
		return errorAt(s, offset, "label %q must be understood, but is not", label)
	}
	return nil
}
