package tlv

// Append appends an entry with a complete value. The only error is [ErrTooLong].
func Append(dst []byte, kind Kind, id uint16, value []byte) ([]byte, error) {
	dst, err := AppendHeader(dst, kind, id, len(value))
	if err != nil {
		return dst, err
	}
	return append(dst, value...), nil
}

// AppendHeader appends type byte, identifier and length of an entry whose value
// of the given length the caller appends next. Identifier and length take as
// few bytes as they can. The only error is [ErrTooLong].
func AppendHeader(dst []byte, kind Kind, id uint16, length int) ([]byte, error) {
	if length > MaxLength {
		return dst, ErrTooLong
	}
	n := lengthBytes(length)
	typ := byte(kind) | byte(n)<<3
	if n == 0 {
		typ |= byte(length)
	}
	if id > 0xff {
		dst = append(dst, typ|longID, byte(id>>8), byte(id))
	} else {
		dst = append(dst, typ, byte(id))
	}
	for shift := 8 * (n - 1); shift >= 0; shift -= 8 {
		dst = append(dst, byte(length>>shift))
	}
	return dst, nil
}

// Wrap makes what was appended since len(dst) was start the value of an entry:
// it moves those bytes up and puts the header before them. So nested entries
// are written first and wrapped afterwards:
//
//	start := len(dst)
//	dst, err = tlv.Append(dst, tlv.ResourceInstance, 0, value)
//	dst, err = tlv.Wrap(dst, start, tlv.MultipleResource, 6)
//
// The only error is [ErrTooLong]; dst is then returned unchanged.
func Wrap(dst []byte, start int, kind Kind, id uint16) ([]byte, error) {
	end := len(dst)
	dst, err := AppendHeader(dst, kind, id, end-start)
	if err != nil {
		return dst, err
	}
	var header [6]byte
	n := copy(header[:], dst[end:])
	copy(dst[start+n:], dst[start:end])
	copy(dst[start:], header[:n])
	return dst, nil
}

func lengthBytes(length int) int {
	switch {
	case length < 8:
		return 0
	case length < 1<<8:
		return 1
	case length < 1<<16:
		return 2
	}
	return 3
}
