package cbor

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep arrays, maps and tags may be nested in what
// [Decoder.Skip] passes over.
const MaxDepth = 16

// Error reports where a payload stops being CBOR, or what was asked for.
type Error struct {
	Offset int // of the item concerned, from the start of the payload
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("cbor: offset %d: %s", e.Offset, e.Reason) }

// Kind is what sort of item comes next.
type Kind uint8

// The kinds of items. Break ends an array, map or string of indefinite length.
const (
	Uint Kind = iota
	NegInt
	Bytes
	Text
	Array
	Map
	Tag
	Bool
	Null // null or undefined
	Float
	Simple
	Break
	End // of the payload
)

var kindNames = [...]string{
	"unsigned integer", "negative integer", "byte string", "text string", "array", "map", "tag",
	"boolean", "null", "float", "simple value", "break", "end of payload",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Decoder reads items one after the other. The zero value is a decoder of an
// empty payload. All errors are [*Error]; after one, nothing more is to be read.
type Decoder struct {
	data []byte
	off  int
}

// NewDecoder returns a decoder of payload, which must not change while strings
// read from it are in use.
func NewDecoder(payload []byte) Decoder { return Decoder{data: payload} }

// Offset is the number of bytes read.
func (d *Decoder) Offset() int { return d.off }

// Finish returns an error if anything is left to read.
func (d *Decoder) Finish() error {
	if left := len(d.data) - d.off; left > 0 {
		return d.errorf(d.off, "%d bytes after the end", left)
	}
	return nil
}

// Peek tells the kind of the next item without reading it.
func (d *Decoder) Peek() Kind {
	if d.off >= len(d.data) {
		return End
	}
	initial := d.data[d.off]
	if initial&majorMask != majorOther {
		return Kind(initial >> 5)
	}
	switch initial {
	case codeFalse, codeTrue:
		return Bool
	case codeNull, codeUndefined:
		return Null
	case codeHalf, codeSingle, codeDouble:
		return Float
	case codeBreak:
		return Break
	}
	return Simple
}

// head reads an initial byte and its argument.
func (d *Decoder) head() (initial byte, arg uint64, err error) {
	start := d.off
	if start >= len(d.data) {
		return 0, 0, d.errorf(start, "unexpected end")
	}
	initial = d.data[start]
	info := initial & infoMask
	rest := d.data[start+1:]
	size := 0
	switch {
	case info < infoUint8:
		arg = uint64(info)
	case info <= infoUint64:
		size = 1 << (info - infoUint8)
		if len(rest) < size {
			return 0, 0, d.errorf(start, "head cut short")
		}
		for _, b := range rest[:size] {
			arg = arg<<8 | uint64(b)
		}
	case info != infoIndefinite:
		return 0, 0, d.errorf(start, "reserved initial byte %#02x", initial)
	case initial == majorUint|infoIndefinite, initial == majorNegInt|infoIndefinite, initial == majorTag|infoIndefinite:
		return 0, 0, d.errorf(start, "indefinite length of %v", Kind(initial>>5))
	}
	if initial == majorOther|infoUint8 && arg < 32 {
		return 0, 0, d.errorf(start, "simple value %d in two bytes", arg)
	}
	d.off = start + 1 + size
	return initial, arg, nil
}

// expect reads the head of an item of one major type.
func (d *Decoder) expect(want Kind) (initial byte, arg uint64, err error) {
	if got := d.Peek(); got != want {
		return 0, 0, d.errorf(d.off, "%v, want %v", got, want)
	}
	return d.head()
}

// Text reads a text string. Unless it arrived in chunks, the result is a part of
// the payload. Text that is not UTF-8 is an error.
func (d *Decoder) Text() ([]byte, error) {
	start := d.off
	b, err := d.str(Text)
	if err == nil && !utf8.Valid(b) {
		return nil, d.errorf(start, "text is not UTF-8")
	}
	return b, err
}

// Bytes reads a byte string. Unless it arrived in chunks, the result is a part
// of the payload.
func (d *Decoder) Bytes() ([]byte, error) { return d.str(Bytes) }

func (d *Decoder) str(kind Kind) ([]byte, error) {
	start := d.off
	initial, arg, err := d.expect(kind)
	if err != nil {
		return nil, err
	}
	if initial&infoMask != infoIndefinite {
		return d.take(start, arg)
	}
	var joined []byte // RFC 8949 §3.2.3: chunks are definite and of the same type
	for d.Peek() != Break {
		start := d.off
		initial, arg, err := d.expect(kind)
		if err != nil {
			return nil, err
		}
		if initial&infoMask == infoIndefinite {
			return nil, d.errorf(start, "indefinite length inside a chunked string")
		}
		chunk, err := d.take(start, arg)
		if err != nil {
			return nil, err
		}
		joined = append(joined, chunk...)
	}
	d.off++
	return joined, nil
}

func (d *Decoder) take(start int, n uint64) ([]byte, error) {
	if left := len(d.data) - d.off; n > uint64(left) {
		return nil, d.errorf(start, "length %d, but %d bytes left", n, left)
	}
	b := d.data[d.off : d.off+int(n) : d.off+int(n)]
	d.off += int(n)
	return b, nil
}

// Items counts down the items of an array or the pairs of a map; see [Decoder.More].
type Items struct {
	left       uint64
	indefinite bool
}

// Left is how many items are left to count; definite is false if only the end will tell.
func (it *Items) Left() (n int, definite bool) { return int(it.left), !it.indefinite }

// Array reads the head of an array. Read its items while [Decoder.More].
func (d *Decoder) Array() (Items, error) { return d.container(Array, 1) }

// Map reads the head of a map. Read a key and a value while [Decoder.More].
func (d *Decoder) Map() (Items, error) { return d.container(Map, 2) }

func (d *Decoder) container(kind Kind, perItem uint64) (Items, error) {
	start := d.off
	initial, arg, err := d.expect(kind)
	if err != nil {
		return Items{}, err
	}
	if initial&infoMask == infoIndefinite {
		return Items{indefinite: true}, nil
	}
	// An item has one byte at least: a count that cannot be true is refused
	// before anyone reserves memory for it.
	if left := uint64(len(d.data) - d.off); arg > left/perItem {
		return Items{}, d.errorf(start, "%v of %d, but %d bytes left", kind, arg, left)
	}
	return Items{left: arg}, nil
}

// More reports whether the array or map has another item, and counts it. At the
// end of one of indefinite length it reads the break.
func (d *Decoder) More(it *Items) bool {
	if it.indefinite {
		if d.Peek() == Break {
			d.off++
			return false
		}
		return true // at the end of the payload, reading the item will fail
	}
	if it.left == 0 {
		return false
	}
	it.left--
	return true
}

// Tag reads a tag; the item it belongs to comes next.
func (d *Decoder) Tag() (uint64, error) {
	_, arg, err := d.expect(Tag)
	return arg, err
}

// Bool reads true or false.
func (d *Decoder) Bool() (bool, error) {
	initial, _, err := d.expect(Bool)
	return initial == codeTrue, err
}

// Null reads null or undefined.
func (d *Decoder) Null() error {
	_, _, err := d.expect(Null)
	return err
}

// Skip reads one item of any kind with all that it contains.
func (d *Decoder) Skip() error { return d.skip(MaxDepth) }

func (d *Decoder) skip(depth int) error {
	if depth == 0 {
		return d.errorf(d.off, "nested deeper than %d", MaxDepth)
	}
	switch kind := d.Peek(); kind {
	case Bytes:
		_, err := d.Bytes()
		return err
	case Text:
		_, err := d.Text()
		return err
	case Tag:
		if _, err := d.Tag(); err != nil {
			return err
		}
		return d.skip(depth - 1)
	case Array, Map:
		return d.skipItems(kind, depth-1)
	case Break:
		return d.errorf(d.off, "break outside an indefinite length")
	}
	_, _, err := d.head()
	return err
}

func (d *Decoder) skipItems(kind Kind, depth int) error {
	perItem := 1
	if kind == Map {
		perItem = 2
	}
	items, err := d.container(kind, uint64(perItem))
	if err != nil {
		return err
	}
	for d.More(&items) {
		for range perItem {
			if err := d.skip(depth); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Decoder) errorf(offset int, format string, args ...any) error {
	return &Error{offset, fmt.Sprintf(format, args...)}
}

// float reads a float of any width.
func (d *Decoder) float() (float64, error) {
	start := d.off
	initial, _, err := d.expect(Float)
	if err != nil {
		return 0, err
	}
	arg := d.data[start+1 : d.off]
	switch initial {
	case codeHalf:
		return fromHalf(binary.BigEndian.Uint16(arg)), nil
	case codeSingle:
		return float64(single(arg)), nil
	}
	return double(arg), nil
}
