package cbor

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Number is an integer or a float as it was written: integers are exact, they
// never pass through a float.
type Number struct {
	Kind NumberKind
	bits uint64
}

// NumberKind tells which accessor of a [Number] has its value.
type NumberKind uint8

// The kinds of numbers. NumberUint is only for integers beyond the range of int64.
const (
	NumberInt NumberKind = iota
	NumberUint
	NumberFloat
)

// IntNumber, UintNumber and FloatNumber make a Number. UintNumber gives one of
// kind NumberInt where that can hold v, so that equal integers are equal Numbers.
func IntNumber(v int64) Number { return Number{NumberInt, uint64(v)} }

// UintNumber is described at [IntNumber].
func UintNumber(v uint64) Number {
	if v <= math.MaxInt64 {
		return Number{NumberInt, v}
	}
	return Number{NumberUint, v}
}

// FloatNumber is described at [IntNumber].
func FloatNumber(v float64) Number { return Number{NumberFloat, math.Float64bits(v)} }

// Float is the number as a float64, rounded if it must be.
func (n Number) Float() float64 {
	switch n.Kind {
	case NumberInt:
		return float64(int64(n.bits))
	case NumberUint:
		return float64(n.bits)
	}
	return math.Float64frombits(n.bits)
}

// Int is the number as an int64; ok is false if that would change its value.
func (n Number) Int() (v int64, ok bool) {
	switch n.Kind {
	case NumberInt:
		return int64(n.bits), true
	case NumberUint:
		return 0, false
	}
	f := n.Float()
	// -2^63 is a float64, 2^63-1 is not: the upper bound is exclusive.
	if f != math.Trunc(f) || f < -1<<63 || f >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

// Uint is the number as a uint64; ok is false if that would change its value.
func (n Number) Uint() (v uint64, ok bool) {
	switch n.Kind {
	case NumberInt:
		return n.bits, int64(n.bits) >= 0
	case NumberUint:
		return n.bits, true
	}
	f := n.Float()
	if f != math.Trunc(f) || f < 0 || f >= 1<<64 {
		return 0, false
	}
	return uint64(f), true
}

// AppendNumber appends n as an integer or, if it is a float, as [AppendFloat] does.
func AppendNumber(dst []byte, n Number) []byte {
	switch n.Kind {
	case NumberInt:
		return AppendInt(dst, int64(n.bits))
	case NumberUint:
		return AppendUint(dst, n.bits)
	}
	return AppendFloat(dst, n.Float())
}

// Number reads an integer, a float, or a decimal fraction (tag 4). An integer
// below the range of int64 is an error.
func (d *Decoder) Number() (Number, error) {
	switch start := d.off; d.Peek() {
	case Float:
		f, err := d.float()
		return FloatNumber(f), err
	case Tag:
		tag, err := d.Tag()
		if err != nil {
			return Number{}, err
		}
		if tag != TagDecimalFraction {
			return Number{}, d.errorf(start, "tag %d, want a number", tag)
		}
		return d.decimalFraction(start)
	default:
		return d.integer("number")
	}
}

func (d *Decoder) integer(want string) (Number, error) {
	start := d.off
	kind := d.Peek()
	if kind != Uint && kind != NegInt {
		return Number{}, d.errorf(start, "%v, want %s", kind, want)
	}
	_, arg, err := d.head()
	switch {
	case err != nil:
		return Number{}, err
	case kind == Uint:
		return UintNumber(arg), nil
	case arg > math.MaxInt64:
		return Number{}, d.errorf(start, "integer -1-%d is out of range", arg)
	}
	return IntNumber(int64(^arg)), nil
}

// decimalFraction reads the array [exponent, mantissa] of tag 4 (RFC 8949
// §3.4.4). The decimal text of it goes through strconv, whose rounding is right.
func (d *Decoder) decimalFraction(start int) (Number, error) {
	items, err := d.Array()
	if err != nil {
		return Number{}, err
	}
	var parts [2]Number
	n := 0
	for ; d.More(&items); n++ {
		if n == len(parts) {
			return Number{}, d.errorf(start, "decimal fraction of more than 2 items")
		}
		if parts[n], err = d.integer("integer"); err != nil {
			return Number{}, err
		}
	}
	if n != len(parts) {
		return Number{}, d.errorf(start, "decimal fraction of %d items, want 2", n)
	}
	exponent, ok := parts[0].Int()
	if !ok || exponent < -400 || exponent > 400 {
		return Number{}, d.errorf(start, "exponent of a decimal fraction is out of range")
	}
	if exponent == 0 {
		return parts[1], nil
	}
	var buf [48]byte
	text := parts[1].appendInteger(buf[:0])
	text = strconv.AppendInt(append(text, 'e'), exponent, 10)
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return Number{}, d.errorf(start, "decimal fraction is out of range")
	}
	return FloatNumber(f), nil
}

func (n Number) appendInteger(dst []byte) []byte {
	if n.Kind == NumberUint {
		return strconv.AppendUint(dst, n.bits, 10)
	}
	return strconv.AppendInt(dst, int64(n.bits), 10)
}

func single(b []byte) float32 { return math.Float32frombits(binary.BigEndian.Uint32(b)) }

func double(b []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(b)) }
