// Package tlv reads and writes the OMA-TLV structure of LwM2M (Content-Format
// 11542, Core 1.1.1 §7.4.3): a sequence of entries, each a type byte, an
// identifier of one or two bytes, a length and a value. It knows bytes only;
// what an identifier means is for the caller.
//
// Reading never copies: an entry's value is a part of the payload, and the
// entries nested in it are read by another [Decoder] over that value.
package tlv

import (
	"errors"
	"fmt"
)

// Kind is the first two bits of the type byte: what an entry stands for.
type Kind uint8

// The four kinds of entries.
const (
	ObjectInstance   Kind = 0x00 // contains Resource and MultipleResource entries
	ResourceInstance Kind = 0x40 // one value of a multiple-instance resource
	MultipleResource Kind = 0x80 // contains ResourceInstance entries
	Resource         Kind = 0xc0 // one value
)

// String returns the name of the kind as the OMA text writes it.
func (k Kind) String() string {
	switch k {
	case ObjectInstance:
		return "Object Instance"
	case ResourceInstance:
		return "Resource Instance"
	case MultipleResource:
		return "Multiple Resource"
	case Resource:
		return "Resource"
	}
	return fmt.Sprintf("Kind(%#02x)", uint8(k))
}

// MaxLength is the longest value, in bytes, that the 24-bit length field can state.
const MaxLength = 1<<24 - 1

// Bits of the type byte below the kind.
const (
	longID     = 0x20 // the identifier has two bytes
	lengthType = 0x18 // how many bytes the length field has
	shortMask  = 0x07 // the length itself, when there is no length field
)

// ErrTooLong is returned for a value of more than [MaxLength] bytes.
var ErrTooLong = errors.New("tlv: value exceeds 16777215 bytes")

// Error reports where a payload stops being TLV.
type Error struct {
	Offset int // of the type byte of the entry concerned, from the start of the payload
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("tlv: offset %d: %s", e.Offset, e.Reason)
}

// Entry is one TLV.
type Entry struct {
	Kind   Kind
	ID     uint16
	Value  []byte // a part of the payload, not a copy
	Offset int    // of the type byte, from the start of the whole payload

	header int // bytes before the value
}

// Contents returns a decoder of the entries nested in e. Offsets keep counting
// from the start of the whole payload.
func (e Entry) Contents() Decoder {
	return Decoder{data: e.Value, base: e.Offset + e.header}
}

// Decoder reads entries one after the other. The zero value is a decoder of an
// empty payload.
type Decoder struct {
	data []byte
	off  int
	base int // offset of data in the whole payload
}

// NewDecoder returns a decoder of payload, which must not change while entries
// of it are in use.
func NewDecoder(payload []byte) Decoder { return Decoder{data: payload} }

// More reports whether bytes are left to read.
func (d *Decoder) More() bool { return d.off < len(d.data) }

// Next reads one entry. The error is an [*Error]: an entry that ends before its
// identifier, length or value does. After an error, or when [Decoder.More] is
// false, there is nothing more to read.
func (d *Decoder) Next() (Entry, error) {
	start, rest := d.base+d.off, d.data[d.off:]
	if len(rest) == 0 {
		return Entry{}, &Error{start, "no entry left"}
	}
	typ := rest[0]
	idBytes := 1
	if typ&longID != 0 {
		idBytes = 2
	}
	lengthBytes := int(typ&lengthType) >> 3
	header := 1 + idBytes + lengthBytes
	if len(rest) < header {
		return Entry{}, d.fail(start, "header cut short")
	}
	id := bigEndian(rest[1 : 1+idBytes])
	length := int(typ & shortMask) // bits 2-0 mean nothing when there is a length field
	if lengthBytes > 0 {
		length = int(bigEndian(rest[1+idBytes : header]))
	}
	if left := len(rest) - header; length > left {
		return Entry{}, d.fail(start, fmt.Sprintf("length %d, but %d bytes left", length, left))
	}
	d.off += header + length
	return Entry{
		Kind:   Kind(typ & 0xc0),
		ID:     uint16(id),
		Value:  rest[header : header+length : header+length],
		Offset: start,
		header: header,
	}, nil
}

func (d *Decoder) fail(offset int, reason string) error {
	d.off = len(d.data)
	return &Error{offset, reason}
}

func bigEndian(b []byte) (v uint32) {
	for _, c := range b {
		v = v<<8 | uint32(c)
	}
	return v
}
