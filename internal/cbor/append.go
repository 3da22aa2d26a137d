// Package cbor reads and writes CBOR (RFC 8949), as much of it as LwM2M carries:
// single values (Content-Format 60), SenML packs (112) and maps keyed by numbers.
// It knows bytes only.
//
// The Append functions write the preferred serialization (RFC 8949 §4.1):
// shortest heads, definite lengths, floats as short as they can be without loss.
// [Decoder] accepts any well-formed CBOR within its limits and copies nothing
// but strings that arrive in chunks.
package cbor

import (
	"encoding/binary"
	"math"
)

// Major types, in the place they have in the initial byte (RFC 8949 §3.1).
const (
	majorUint   = 0 << 5
	majorNegInt = 1 << 5
	majorBytes  = 2 << 5
	majorText   = 3 << 5
	majorArray  = 4 << 5
	majorMap    = 5 << 5
	majorTag    = 6 << 5
	majorOther  = 7 << 5 // simple values, floats, break
	majorMask   = 7 << 5
)

// Additional information, the low five bits of the initial byte.
const (
	infoUint8      = 24
	infoUint16     = 25
	infoUint32     = 26
	infoUint64     = 27
	infoIndefinite = 31
	infoMask       = 31
)

// Initial bytes of the simple values, floats and the break.
const (
	codeFalse     = majorOther | 20
	codeTrue      = majorOther | 21
	codeNull      = majorOther | 22
	codeUndefined = majorOther | 23
	codeHalf      = majorOther | infoUint16
	codeSingle    = majorOther | infoUint32
	codeDouble    = majorOther | infoUint64
	codeBreak     = majorOther | infoIndefinite
)

// Tags that LwM2M payloads use (RFC 8949 §3.4).
const (
	TagDateTime        = 0 // text string of RFC 3339
	TagEpochTime       = 1 // number of seconds since 1970-01-01T00:00Z
	TagDecimalFraction = 4 // array of exponent to base 10 and mantissa
)

func appendHead(dst []byte, major byte, arg uint64) []byte {
	switch {
	case arg < infoUint8:
		return append(dst, major|byte(arg))
	case arg <= math.MaxUint8:
		return append(dst, major|infoUint8, byte(arg))
	case arg <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|infoUint16), uint16(arg))
	case arg <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|infoUint32), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|infoUint64), arg)
}

// AppendUint appends an unsigned integer.
func AppendUint(dst []byte, v uint64) []byte { return appendHead(dst, majorUint, v) }

// AppendInt appends an integer of either sign.
func AppendInt(dst []byte, v int64) []byte {
	if v < 0 {
		return appendHead(dst, majorNegInt, uint64(^v))
	}
	return appendHead(dst, majorUint, uint64(v))
}

// AppendBytes appends a byte string.
func AppendBytes(dst, v []byte) []byte {
	return append(appendHead(dst, majorBytes, uint64(len(v))), v...)
}

// AppendText appends a text string. v must be valid UTF-8.
func AppendText[T string | []byte](dst []byte, v T) []byte {
	return append(appendHead(dst, majorText, uint64(len(v))), v...)
}

// AppendTextHead appends the head of a text string of length bytes, which the
// caller appends next.
func AppendTextHead(dst []byte, length int) []byte {
	return appendHead(dst, majorText, uint64(length))
}

// AppendBytesHead appends the head of a byte string of length bytes, which the
// caller appends next.
func AppendBytesHead(dst []byte, length int) []byte {
	return appendHead(dst, majorBytes, uint64(length))
}

// AppendArray appends the head of an array of n items, which the caller appends next.
func AppendArray(dst []byte, n int) []byte { return appendHead(dst, majorArray, uint64(n)) }

// AppendMap appends the head of a map of n pairs, which the caller appends next.
func AppendMap(dst []byte, n int) []byte { return appendHead(dst, majorMap, uint64(n)) }

// AppendTag appends a tag of the item that the caller appends next.
func AppendTag(dst []byte, tag uint64) []byte { return appendHead(dst, majorTag, tag) }

// AppendBool appends true or false.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, codeTrue)
	}
	return append(dst, codeFalse)
}

// AppendNull appends null.
func AppendNull(dst []byte) []byte { return append(dst, codeNull) }

// AppendFloat appends v in half, single or double precision, the shortest that
// keeps its value. Every NaN is written as the one of half precision.
func AppendFloat(dst []byte, v float64) []byte {
	if v != v {
		return append(dst, codeHalf, 0x7e, 0x00)
	}
	single := float32(v)
	if float64(single) != v {
		return binary.BigEndian.AppendUint64(append(dst, codeDouble), math.Float64bits(v))
	}
	if half, ok := toHalf(single); ok {
		return binary.BigEndian.AppendUint16(append(dst, codeHalf), half)
	}
	return binary.BigEndian.AppendUint32(append(dst, codeSingle), math.Float32bits(single))
}
