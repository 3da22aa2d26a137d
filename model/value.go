package model

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Kind is a data type of Resources (Core 1.1.1 Appendix C).
type Kind uint8

// The data types. None is the type of executable Resources, and of the zero [Value].
const (
	None     Kind = iota
	String        // UTF-8 text
	Integer       // signed, 64 bits
	Unsigned      // Unsigned Integer, 64 bits; since LwM2M 1.1
	Float         // IEEE 754 double
	Boolean
	Opaque   // bytes
	Time     // seconds since 1970-01-01T00:00:00Z
	Objlnk   // reference to an Object Instance
	Corelnk  // CoRE Link text; since LwM2M 1.1
	numKinds // not a type
)

var kindNames = [numKinds]string{
	"none", "String", "Integer", "Unsigned Integer", "Float", "Boolean", "Opaque", "Time", "Objlnk", "Corelnk",
}

// String is the type's name in the specification, such as "Unsigned Integer".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// IsNumeric reports whether values of the type are numbers to which gt, lt and
// st apply: Integer, Unsigned Integer, Float and Time.
func (k Kind) IsNumeric() bool {
	return k == Integer || k == Unsigned || k == Float || k == Time
}

// ObjectLink is a value of type Objlnk: it names an Object Instance.
type ObjectLink struct {
	Object, Instance uint16
}

// NullLink is the Objlnk that refers to nothing, 65535:65535.
var NullLink = ObjectLink{MaxID, MaxID}

// String is the text form, such as "66:0".
func (l ObjectLink) String() string {
	return strconv.Itoa(int(l.Object)) + ":" + strconv.Itoa(int(l.Instance))
}

// CoreLink is a value of type Corelnk: text in CoRE Link Format (RFC 6690).
type CoreLink string

// Value is the value of one Resource or Resource Instance: a sum of the LwM2M
// data types. Values are immutable and comparable; the zero Value has no type
// and means "no value". Floats compare by their bits; use [Value.Equal] where
// numbers count.
type Value struct {
	text string // String, Opaque, Corelnk
	num  uint64 // the other kinds
	kind Kind
}

// StringValue returns a Value of type String.
func StringValue(v string) Value { return Value{kind: String, text: v} }

// IntegerValue returns a Value of type Integer.
func IntegerValue(v int64) Value { return Value{kind: Integer, num: uint64(v)} }

// UnsignedValue returns a Value of type Unsigned Integer.
func UnsignedValue(v uint64) Value { return Value{kind: Unsigned, num: v} }

// FloatValue returns a Value of type Float.
func FloatValue(v float64) Value { return Value{kind: Float, num: math.Float64bits(v)} }

// BooleanValue returns a Value of type Boolean.
func BooleanValue(v bool) Value {
	var n uint64
	if v {
		n = 1
	}
	return Value{kind: Boolean, num: n}
}

// OpaqueValue returns a Value of type Opaque that holds a copy of v.
func OpaqueValue(v []byte) Value { return Value{kind: Opaque, text: string(v)} }

// TimeValue returns a Value of type Time; parts of a second are cut off.
func TimeValue(v time.Time) Value { return UnixValue(v.Unix()) }

// UnixValue returns a Value of type Time from seconds since 1970.
func UnixValue(seconds int64) Value { return Value{kind: Time, num: uint64(seconds)} }

// LinkValue returns a Value of type Objlnk.
func LinkValue(v ObjectLink) Value {
	return Value{kind: Objlnk, num: uint64(v.Object)<<16 | uint64(v.Instance)}
}

// CoreLinkValue returns a Value of type Corelnk.
func CoreLinkValue(v CoreLink) Value { return Value{kind: Corelnk, text: string(v)} }

// Kind is the value's data type.
func (v Value) Kind() Kind { return v.kind }

// IsZero reports whether v is the zero Value, that is, no value.
func (v Value) IsZero() bool { return v.kind == None }

// Text is the value of a String or Corelnk; otherwise "".
func (v Value) Text() string {
	if v.kind == String || v.kind == Corelnk {
		return v.text
	}
	return ""
}

// Int is the value of an Integer or Time (seconds since 1970); otherwise 0.
func (v Value) Int() int64 {
	if v.kind == Integer || v.kind == Time {
		return int64(v.num)
	}
	return 0
}

// Uint is the value of an Unsigned Integer; otherwise 0.
func (v Value) Uint() uint64 {
	if v.kind == Unsigned {
		return v.num
	}
	return 0
}

// Float is the value of a Float; otherwise 0. See [Value.Number] for any number.
func (v Value) Float() float64 {
	if v.kind == Float {
		return math.Float64frombits(v.num)
	}
	return 0
}

// Bool is the value of a Boolean; otherwise false.
func (v Value) Bool() bool { return v.kind == Boolean && v.num != 0 }

// Bytes is a copy of the value of an Opaque; otherwise nil.
func (v Value) Bytes() []byte {
	if v.kind == Opaque {
		return []byte(v.text)
	}
	return nil
}

// AppendBytes appends the bytes of an Opaque, or the text of a String or
// Corelnk, to dst.
func (v Value) AppendBytes(dst []byte) []byte { return append(dst, v.text...) }

// Len is the length in bytes of a String, Opaque or Corelnk; otherwise 0.
func (v Value) Len() int { return len(v.text) }

// Time is the value of a Time, in UTC; otherwise the zero time.
func (v Value) Time() time.Time {
	if v.kind == Time {
		return time.Unix(int64(v.num), 0).UTC()
	}
	return time.Time{}
}

// Link is the value of an Objlnk; otherwise [NullLink].
func (v Value) Link() ObjectLink {
	if v.kind == Objlnk {
		return ObjectLink{Object: uint16(v.num >> 16), Instance: uint16(v.num)}
	}
	return NullLink
}

// Number is the value of any numeric type as a float64; ok is false for the
// other types.
func (v Value) Number() (f float64, ok bool) {
	switch v.kind {
	case Integer, Time:
		return float64(int64(v.num)), true
	case Unsigned:
		return float64(v.num), true
	case Float:
		return math.Float64frombits(v.num), true
	}
	return 0, false
}

// Equal reports whether v and w have the same type and value. Other than with
// ==, the float 0 equals -0, and NaN equals NaN.
func (v Value) Equal(w Value) bool { return v.Compare(w) == 0 }

// AppendText appends the value as it stands in a text/plain payload (Core 1.1.1
// §7.4.1): numbers in decimal, Boolean as 0 or 1, Opaque in Base64, Objlnk as
// "66:0". It never fails; the zero Value appends nothing.
func (v Value) AppendText(dst []byte) ([]byte, error) {
	switch v.kind {
	case String, Corelnk:
		dst = append(dst, v.text...)
	case Integer, Time:
		dst = strconv.AppendInt(dst, int64(v.num), 10)
	case Unsigned, Boolean:
		dst = strconv.AppendUint(dst, v.num, 10)
	case Float:
		dst = strconv.AppendFloat(dst, v.Float(), 'f', -1, 64)
	case Opaque:
		dst = base64.StdEncoding.AppendEncode(dst, []byte(v.text))
	case Objlnk:
		l := v.Link()
		dst = strconv.AppendUint(dst, uint64(l.Object), 10)
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, uint64(l.Instance), 10)
	}
	return dst, nil
}

// String is the value for people: as [Value.AppendText], but Boolean as true or
// false, Time in RFC 3339 and Opaque in hexadecimal.
func (v Value) String() string {
	switch v.kind {
	case String, Corelnk:
		return v.text
	case Boolean:
		return strconv.FormatBool(v.Bool())
	case Time:
		return v.Time().Format(time.RFC3339)
	case Opaque:
		return fmt.Sprintf("%x", v.text)
	}
	b, _ := v.AppendText(nil)
	return string(b)
}

// Compare orders two values of one type: numbers by size with NaN first, false
// before true, text and bytes lexically. Values of different types are ordered
// by type. It returns -1, 0 or 1.
func (v Value) Compare(w Value) int {
	switch {
	case v.kind != w.kind:
		return cmp.Compare(v.kind, w.kind)
	case v.kind == Integer || v.kind == Time:
		return cmp.Compare(int64(v.num), int64(w.num))
	case v.kind == Float:
		return cmp.Compare(v.Float(), w.Float())
	}
	if c := cmp.Compare(v.num, w.num); c != 0 {
		return c
	}
	return strings.Compare(v.text, w.text)
}
