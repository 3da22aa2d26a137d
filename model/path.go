package model

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
)

// MaxID is the reserved identifier 65535. It never names an Object, an Object
// Instance, a Resource or a Resource Instance (Core 1.1.1 §7.1).
const MaxID = 65535

// ErrPath is wrapped by every error of [ParsePath].
var ErrPath = errors.New("invalid LwM2M path")

// Path names a place in a client's data: the root, an Object, an Object
// Instance, a Resource or a Resource Instance, by zero to four identifiers.
// Paths are comparable, so that they can be map keys; the zero Path is the root.
type Path struct {
	ids   [4]uint16
	depth uint8
}

// PathOf builds a Path from zero to four identifiers: Object, Object Instance,
// Resource, Resource Instance. More than four are a mistake of the program, like
// an index out of range, and panic; use [ParsePath] for input.
func PathOf(ids ...uint16) Path {
	var p Path
	p.depth = uint8(copy(p.ids[:], ids))
	if len(ids) > len(p.ids) {
		panic("model: PathOf takes at most four identifiers")
	}
	return p
}

// ParsePath reads the text form of a Path, such as "/3303/0/5700". "/" and ""
// are the root. The leading slash may be absent. An identifier is a decimal
// number of 0 to 65534 without sign or leading zeros. Errors wrap [ErrPath].
func ParsePath(s string) (Path, error) {
	rest := s
	if rest != "" && rest[0] == '/' {
		rest = rest[1:]
	}
	var p Path
	if rest == "" {
		return p, nil
	}
	for {
		segment, tail, more := cutSegment(rest)
		id, ok := parseID(segment)
		if !ok {
			return Path{}, fmt.Errorf("%w %q: %q is not a number of 0 to 65534", ErrPath, s, segment)
		}
		if int(p.depth) == len(p.ids) {
			return Path{}, fmt.Errorf("%w %q: more than four levels", ErrPath, s)
		}
		p.ids[p.depth] = id
		p.depth++
		if !more {
			return p, nil
		}
		rest = tail
	}
}

func cutSegment(s string) (segment, tail string, more bool) {
	for i := range len(s) {
		if s[i] == '/' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// parseID reads one identifier; it takes string or bytes so that Uri-Path
// options need no copy.
func parseID[T string | []byte](s T) (uint16, bool) {
	if len(s) == 0 || len(s) > 5 || (len(s) > 1 && s[0] == '0') {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		d := s[i]
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + int(d-'0')
	}
	if n >= MaxID {
		return 0, false
	}
	return uint16(n), true
}

// AppendSegment returns p one level deeper, by a segment as it stands in a
// Uri-Path Option. It reports false when the segment is no identifier or p has
// four levels already.
func (p Path) AppendSegment(segment []byte) (Path, bool) {
	id, ok := parseID(segment)
	if !ok || int(p.depth) == len(p.ids) {
		return p, false
	}
	return p.Child(id), true
}

// Depth is the number of identifiers: 0 for the root, 1 for an Object, 2 for an
// Object Instance, 3 for a Resource, 4 for a Resource Instance.
func (p Path) Depth() int { return int(p.depth) }

// IsRoot reports whether p is "/".
func (p Path) IsRoot() bool { return p.depth == 0 }

// Object is the Object ID; 0 if the path is the root.
func (p Path) Object() uint16 { return p.ids[0] }

// Instance is the Object Instance ID; 0 if the path is shorter.
func (p Path) Instance() uint16 { return p.ids[1] }

// Resource is the Resource ID; 0 if the path is shorter.
func (p Path) Resource() uint16 { return p.ids[2] }

// ResourceInstance is the Resource Instance ID; 0 if the path is shorter.
func (p Path) ResourceInstance() uint16 { return p.ids[3] }

// Child returns the path one level below p. A path of four levels has no
// children: Child then returns p itself.
func (p Path) Child(id uint16) Path {
	if int(p.depth) < len(p.ids) {
		p.ids[p.depth] = id
		p.depth++
	}
	return p
}

// Parent returns the path one level above p; the root is its own parent.
func (p Path) Parent() Path { return p.Prefix(int(p.depth) - 1) }

// Prefix returns the first depth levels of p, or p itself if it has no more.
func (p Path) Prefix(depth int) Path {
	if depth >= int(p.depth) {
		return p
	}
	depth = max(depth, 0)
	clear(p.ids[depth:])
	p.depth = uint8(depth)
	return p
}

// Contains reports whether q is p or lies below p.
func (p Path) Contains(q Path) bool { return q.depth >= p.depth && q.Prefix(int(p.depth)) == p }

// Overlaps reports whether one of the two paths contains the other.
func (p Path) Overlaps(q Path) bool { return p.Contains(q) || q.Contains(p) }

// Compare orders paths by their identifiers, a parent before its children. It
// returns -1, 0 or 1.
func (p Path) Compare(q Path) int {
	for i := range min(p.depth, q.depth) {
		if c := cmp.Compare(p.ids[i], q.ids[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(p.depth, q.depth)
}

// AppendText appends the text form of p to dst. It never fails.
func (p Path) AppendText(dst []byte) ([]byte, error) {
	if p.depth == 0 {
		return append(dst, '/'), nil
	}
	for _, id := range p.ids[:p.depth] {
		dst = append(dst, '/')
		dst = strconv.AppendUint(dst, uint64(id), 10)
	}
	return dst, nil
}

// String is the text form of p, such as "/3303/0/5700".
func (p Path) String() string {
	var buf [24]byte
	b, _ := p.AppendText(buf[:0])
	return string(b)
}

// MarshalText is [Path.AppendText] for encoders.
func (p Path) MarshalText() ([]byte, error) { return p.AppendText(nil) }

// UnmarshalText is [ParsePath] for decoders.
func (p *Path) UnmarshalText(text []byte) error {
	q, err := ParsePath(string(text))
	if err != nil {
		return err
	}
	*p = q
	return nil
}
