package tlv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrValue is wrapped by the errors of the Parse functions: a value whose size
// or content does not fit the type asked for (Core 1.1.1 appendix C).
var ErrValue = errors.New("tlv: invalid value")

// AppendInt appends v in two's complement with the fewest of 1, 2, 4 or 8 bytes.
func AppendInt(dst []byte, v int64) []byte {
	switch {
	case v == int64(int8(v)):
		return append(dst, byte(v))
	case v == int64(int16(v)):
		return binary.BigEndian.AppendUint16(dst, uint16(v))
	case v == int64(int32(v)):
		return binary.BigEndian.AppendUint32(dst, uint32(v))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(v))
}

// AppendUint appends v in 1, 2, 4 or 8 bytes: the fewest in which its top bit is
// zero, if there are such. Thus servers that take each integer for a signed one,
// as Eclipse Leshan does, read the same number.
func AppendUint(dst []byte, v uint64) []byte {
	if v <= math.MaxInt64 {
		return AppendInt(dst, int64(v))
	}
	return binary.BigEndian.AppendUint64(dst, v)
}

// AppendFloat appends v as IEEE 754 double precision, 8 bytes.
func AppendFloat(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
}

// AppendBool appends one byte, 0 or 1.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendObjlnk appends an object link: Object ID and Object Instance ID, two
// bytes each.
func AppendObjlnk(dst []byte, object, instance uint16) []byte {
	dst = binary.BigEndian.AppendUint16(dst, object)
	return binary.BigEndian.AppendUint16(dst, instance)
}

// ParseInt reads a signed integer of 1, 2, 4 or 8 bytes.
func ParseInt(b []byte) (int64, error) {
	switch len(b) {
	case 1:
		return int64(int8(b[0])), nil
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b))), nil
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b))), nil
	case 8:
		return int64(binary.BigEndian.Uint64(b)), nil
	}
	return 0, sizeError("integer", "1, 2, 4 or 8", b)
}

// ParseUint reads an unsigned integer of 1, 2, 4 or 8 bytes.
func ParseUint(b []byte) (uint64, error) {
	switch len(b) {
	case 1:
		return uint64(b[0]), nil
	case 2:
		return uint64(binary.BigEndian.Uint16(b)), nil
	case 4:
		return uint64(binary.BigEndian.Uint32(b)), nil
	case 8:
		return binary.BigEndian.Uint64(b), nil
	}
	return 0, sizeError("unsigned integer", "1, 2, 4 or 8", b)
}

// ParseFloat reads an IEEE 754 number of 4 or 8 bytes.
func ParseFloat(b []byte) (float64, error) {
	switch len(b) {
	case 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b))), nil
	case 8:
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	}
	return 0, sizeError("float", "4 or 8", b)
}

// ParseBool reads one byte, 0 or 1.
func ParseBool(b []byte) (bool, error) {
	if len(b) != 1 {
		return false, sizeError("boolean", "1", b)
	}
	if b[0] > 1 {
		return false, fmt.Errorf("%w: boolean is %#02x, not 0 or 1", ErrValue, b[0])
	}
	return b[0] == 1, nil
}

// ParseObjlnk reads an object link of 4 bytes.
func ParseObjlnk(b []byte) (object, instance uint16, err error) {
	if len(b) != 4 {
		return 0, 0, sizeError("object link", "4", b)
	}
	return binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), nil
}

func sizeError(what, want string, b []byte) error {
	return fmt.Errorf("%w: %s of %d bytes, want %s", ErrValue, what, len(b), want)
}
