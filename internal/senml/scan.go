package senml

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep the values of unknown labels may be nested.
const maxDepth = 16

// scanner reads JSON (RFC 8259) strictly and in place: a string without escapes
// is a part of the payload. Package encoding/json would copy each of them, and
// does not notice a name that occurs twice.
type scanner struct {
	data   []byte
	off    int
	syntax Syntax
}

func (s *scanner) errorf(offset int, format string, args ...any) error {
	return errorAt(s.syntax, offset, format, args...)
}

// space passes over white space (RFC 8259 §2).
func (s *scanner) space() {
	for s.off < len(s.data) {
		switch s.data[s.off] {
		case ' ', '\t', '\n', '\r':
			s.off++
		default:
			return
		}
	}
}

// peek returns the next byte after white space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.off < len(s.data) {
		return s.data[s.off]
	}
	return 0
}

// unexpected says that something else should stand here.
func (s *scanner) unexpected(want string) error {
	if s.off >= len(s.data) {
		return s.errorf(s.off, "unexpected end, want %s", want)
	}
	return s.errorf(s.off, "%q, want %s", s.data[s.off], want)
}

// expect reads c after white space. A zero byte in the payload must not pass for
// the end of it, nor the other way round.
func (s *scanner) expect(c byte) error {
	if s.peek() != c || s.off >= len(s.data) {
		return s.unexpected(fmt.Sprintf("%q", c))
	}
	s.off++
	return nil
}

// open reads the bracket that begins an array or object, and reports whether it
// has anything inside; if not, it reads the closing bracket too.
func (s *scanner) open(bracket byte) (more bool, err error) {
	if err := s.expect(bracket); err != nil {
		return false, err
	}
	closing := bracket + 2 // in ASCII for both pairs
	if s.peek() == closing {
		s.off++
		return false, nil
	}
	return true, nil
}

// next reads the comma before another element, or the closing bracket.
func (s *scanner) next(closing byte) (more bool, err error) {
	switch s.peek() {
	case ',':
		s.off++
		return true, nil
	case closing:
		s.off++
		return false, nil
	}
	return false, s.unexpected(fmt.Sprintf("',' or %q", closing))
}

// finish checks that nothing but white space is left.
func (s *scanner) finish() error {
	if s.space(); s.off < len(s.data) {
		return s.errorf(s.off, "%d bytes after the end", len(s.data)-s.off)
	}
	return nil
}

// literal reads true, false or null.
func (s *scanner) literal(want string) error {
	if end := s.off + len(want); end > len(s.data) || string(s.data[s.off:end]) != want {
		return s.unexpected(want)
	}
	s.off += len(want)
	return nil
}

// numeral reads the text of a number (RFC 8259 §6).
func (s *scanner) numeral() ([]byte, error) {
	start := s.off
	if s.peekRaw() == '-' {
		s.off++
	}
	if s.peekRaw() == '0' {
		s.off++
	} else if !s.digits() {
		return nil, s.unexpected("a number")
	}
	if s.peekRaw() == '.' {
		s.off++
		if !s.digits() {
			return nil, s.unexpected("a digit")
		}
	}
	if s.peekRaw()|0x20 == 'e' {
		s.off++
		if c := s.peekRaw(); c == '+' || c == '-' {
			s.off++
		}
		if !s.digits() {
			return nil, s.unexpected("a digit")
		}
	}
	return s.data[start:s.off], nil
}

// peekRaw returns the next byte, 0 at the end; white space counts.
func (s *scanner) peekRaw() byte {
	if s.off < len(s.data) {
		return s.data[s.off]
	}
	return 0
}

func (s *scanner) digits() bool {
	start := s.off
	for c := s.peekRaw(); c >= '0' && c <= '9'; c = s.peekRaw() {
		s.off++
	}
	return s.off > start
}

// str reads a string. The result is not nil.
func (s *scanner) str() ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	start := s.off
	for s.off < len(s.data) {
		switch c := s.data[s.off]; {
		case c == '"':
			text := s.data[start:s.off:s.off]
			s.off++
			if !utf8.Valid(text) {
				return nil, s.errorf(start, "string is not UTF-8")
			}
			return text, nil
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			return nil, s.errorf(s.off, "control character in a string")
		}
		s.off++
	}
	return nil, s.errorf(start-1, "string does not end")
}

// escaped goes on reading a string from its first escape.
func (s *scanner) escaped(start int) ([]byte, error) {
	text := append([]byte(nil), s.data[start:s.off]...)
	for s.off < len(s.data) {
		c := s.data[s.off]
		switch {
		case c == '"':
			s.off++
			if !utf8.Valid(text) {
				return nil, s.errorf(start, "string is not UTF-8")
			}
			return text, nil
		case c < ' ':
			return nil, s.errorf(s.off, "control character in a string")
		case c == '\\':
			var err error
			if text, err = s.escape(text); err != nil {
				return nil, err
			}
		default:
			text = append(text, c)
			s.off++
		}
	}
	return nil, s.errorf(start-1, "string does not end")
}

// escape reads one escape sequence (RFC 8259 §7).
func (s *scanner) escape(text []byte) ([]byte, error) {
	start := s.off
	if start+1 >= len(s.data) {
		return nil, s.errorf(start, "string does not end")
	}
	s.off += 2
	switch c := s.data[start+1]; c {
	case '"', '\\', '/':
		return append(text, c), nil
	case 'b':
		return append(text, '\b'), nil
	case 'f':
		return append(text, '\f'), nil
	case 'n':
		return append(text, '\n'), nil
	case 'r':
		return append(text, '\r'), nil
	case 't':
		return append(text, '\t'), nil
	case 'u':
		r, ok := s.unicode()
		if !ok {
			return nil, s.errorf(start, "invalid \\u escape")
		}
		return utf8.AppendRune(text, r), nil
	}
	return nil, s.errorf(start, "invalid escape")
}

// unicode reads the digits after \u and, if they are half of a surrogate pair,
// the other half.
func (s *scanner) unicode() (rune, bool) {
	r, ok := s.hex4()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if s.off+2 > len(s.data) || string(s.data[s.off:s.off+2]) != `\u` {
		return 0, false
	}
	s.off += 2
	low, ok := s.hex4()
	r = utf16.DecodeRune(r, low)
	return r, ok && r != utf8.RuneError
}

func (s *scanner) hex4() (r rune, ok bool) {
	if s.off+4 > len(s.data) {
		return 0, false
	}
	for _, c := range s.data[s.off : s.off+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	s.off += 4
	return r, true
}

// skip reads a value of any kind.
func (s *scanner) skip(depth int) error {
	if depth == 0 {
		return s.errorf(s.off, "nested deeper than %d", maxDepth)
	}
	switch s.peek() {
	case '"':
		_, err := s.str()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	case '[':
		return s.skipInside('[', func() error { return s.skip(depth - 1) })
	case '{':
		return s.skipInside('{', func() error {
			if _, err := s.str(); err != nil {
				return err
			}
			if err := s.expect(':'); err != nil {
				return err
			}
			return s.skip(depth - 1)
		})
	}
	_, err := s.numeral()
	return err
}

// skipInside reads an array or object, its elements by the given function.
func (s *scanner) skipInside(bracket byte, element func() error) error {
	for more, err := s.open(bracket); ; more, err = s.next(bracket + 2) {
		if err != nil || !more {
			return err
		}
		if err := element(); err != nil {
			return err
		}
	}
}
