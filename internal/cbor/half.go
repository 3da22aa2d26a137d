package cbor

import "math"

// Half precision (IEEE 754 binary16): 1 sign bit, 5 bits of exponent biased by
// 15, 10 bits of fraction.

// toHalf converts v, which is not NaN, if half precision can hold it exactly.
func toHalf(v float32) (half uint16, ok bool) {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	exponent := int(bits>>23&0xff) - 127
	fraction := bits & (1<<23 - 1)
	switch {
	case exponent == -127 && fraction == 0: // zero
		return sign, true
	case exponent == 128 && fraction == 0: // infinity
		return sign | 0x7c00, true
	case exponent >= -14 && exponent <= 15: // normal
		return sign | uint16(exponent+15)<<10 | uint16(fraction>>13), fraction&(1<<13-1) == 0
	case exponent >= -24 && exponent < -14: // subnormal: make the leading 1 explicit
		fraction |= 1 << 23
		shift := -exponent - 1 // 14 at exponent -15, 23 at -24
		return sign | uint16(fraction>>shift), fraction&(1<<shift-1) == 0
	}
	return 0, false
}

func fromHalf(half uint16) float64 {
	exponent := int(half >> 10 & 0x1f)
	fraction := float64(half & (1<<10 - 1))
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 31:
		v = math.Inf(1)
		if fraction != 0 {
			return math.NaN()
		}
	default:
		v = math.Ldexp(fraction+1<<10, exponent-25)
	}
	if half&0x8000 != 0 {
		v = -v
	}
	return v
}
