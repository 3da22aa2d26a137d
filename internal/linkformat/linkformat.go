// Package linkformat reads and writes the CoRE Link Format (Content-Format 40,
// RFC 6690 §2), in which clients list their Objects when they register and
// answer Discover. It knows links; what a target or a parameter means is for the
// caller.
package linkformat

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Link is one link of a list.
type Link struct {
	Target string // what stands between < and >
	Params []Param
}

// Param is one parameter of a link.
type Param struct {
	Name     string
	Value    string // without quotes and escapes
	HasValue bool   // false for a bare name, such as ;obs
	Quoted   bool   // the value is written in quotes
}

// Get returns the first parameter of the given name.
func (l *Link) Get(name string) (Param, bool) {
	for _, p := range l.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

// MaxLinks is the most links that a list may have to be parsed.
const MaxLinks = 1 << 16

// Error reports where a payload stops being a list of links.
type Error struct {
	Offset int // in the payload
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("link-format: offset %d: %s", e.Offset, e.Reason) }

// Parse reads a list of links; an empty payload is an empty list. The grammar is
// that of RFC 6690 without leniency: no white space between elements, no empty
// elements. Errors are [*Error].
func Parse(payload []byte) ([]Link, error) {
	if len(payload) == 0 {
		return nil, nil
	}
	if !utf8.Valid(payload) {
		return nil, &Error{0, "not UTF-8"}
	}
	p := parser{text: string(payload)}
	links := make([]Link, 0, min(strings.Count(p.text, "<"), MaxLinks))
	for {
		if len(links) == MaxLinks {
			return nil, p.errorf("more than %d links", MaxLinks)
		}
		link, err := p.link()
		if err != nil {
			return nil, err
		}
		links = append(links, link)
		if p.off == len(p.text) {
			return links, nil
		}
		if err := p.expect(','); err != nil {
			return nil, err
		}
	}
}

// parser holds the payload as a string, of which all results are parts.
type parser struct {
	text string
	off  int
}

func (p *parser) errorf(format string, args ...any) error {
	return &Error{p.off, fmt.Sprintf(format, args...)}
}

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.off < len(p.text) {
		return p.text[p.off]
	}
	return 0
}

func (p *parser) expect(c byte) error {
	if p.off == len(p.text) {
		return p.errorf("unexpected end, want %q", c)
	}
	if p.peek() != c {
		return p.errorf("%q, want %q", p.peek(), c)
	}
	p.off++
	return nil
}

func (p *parser) link() (Link, error) {
	if err := p.expect('<'); err != nil {
		return Link{}, err
	}
	start := p.off
	for isTarget(p.peek()) {
		p.off++
	}
	link := Link{Target: p.text[start:p.off]}
	if err := p.expect('>'); err != nil {
		return Link{}, err
	}
	for p.peek() == ';' {
		p.off++
		param, err := p.param()
		if err != nil {
			return Link{}, err
		}
		link.Params = append(link.Params, param)
	}
	return link, nil
}

func (p *parser) param() (param Param, err error) {
	start := p.off
	for isName(p.peek()) {
		p.off++
	}
	if p.off == start {
		return param, p.errorf("no parameter name")
	}
	param.Name = p.text[start:p.off]
	if p.peek() != '=' {
		return param, nil
	}
	p.off++
	param.HasValue = true
	if p.peek() == '"' {
		param.Quoted = true
		param.Value, err = p.quoted()
		return param, err
	}
	start = p.off
	for isToken(p.peek()) {
		p.off++
	}
	if p.off == start {
		return param, p.errorf("no value of parameter %q", param.Name)
	}
	param.Value = p.text[start:p.off]
	return param, nil
}

// quoted reads a quoted string (RFC 2616 §2.2), in which a backslash takes the
// next character for what it is.
func (p *parser) quoted() (string, error) {
	opening := p.off
	p.off++
	start := p.off
	var unescaped []byte // set from the first escape on
	for p.off < len(p.text) {
		c := p.text[p.off]
		switch {
		case c == '"':
			p.off++
			if unescaped != nil {
				return string(unescaped), nil
			}
			return p.text[start : p.off-1], nil
		case isControl(c):
			return "", p.errorf("control character in a quoted string")
		case c == '\\':
			if p.off++; p.off == len(p.text) || isControl(p.text[p.off]) {
				return "", p.errorf("no character after a backslash")
			}
			if unescaped == nil {
				unescaped = append(make([]byte, 0, 64), p.text[start:p.off-1]...)
			}
			c = p.text[p.off]
		}
		if unescaped != nil {
			unescaped = append(unescaped, c)
		}
		p.off++
	}
	p.off = opening
	return "", p.errorf("quoted string does not end")
}

// Append appends a list of links.
func Append(dst []byte, links []Link) []byte {
	for i := range links {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendLink(dst, &links[i])
	}
	return dst
}

// AppendLink appends one link. What cannot stand in a target is percent-encoded;
// values that are no token are quoted whether Quoted is set or not. A parameter
// whose Name is no parameter name of RFC 6690 is left out.
func AppendLink(dst []byte, l *Link) []byte {
	dst = append(dst, '<')
	for i := range len(l.Target) {
		if c := l.Target[i]; isTarget(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	dst = append(dst, '>')
	for i := range l.Params {
		dst = AppendParam(dst, &l.Params[i])
	}
	return dst
}

const hexDigits = "0123456789ABCDEF"

// AppendParam appends a semicolon and one parameter, as [AppendLink] does.
// Control characters in a value become spaces.
func AppendParam(dst []byte, p *Param) []byte {
	if !all(p.Name, isName) || p.Name == "" {
		return dst
	}
	dst = append(append(dst, ';'), p.Name...)
	if !p.HasValue {
		return dst
	}
	dst = append(dst, '=')
	if !p.Quoted && p.Value != "" && all(p.Value, isToken) {
		return append(dst, p.Value...)
	}
	dst = append(dst, '"')
	for i := range len(p.Value) {
		switch c := p.Value[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case isControl(c):
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

func all(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func isControl(c byte) bool { return c < ' ' || c == 0x7f }

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// isTarget tells the characters of a URI-Reference (RFC 3986 appendix A); beyond
// ASCII it is lenient.
func isTarget(c byte) bool {
	return c > ' ' && c != 0x7f && strings.IndexByte("<>\"\\^`{|}", c) < 0
}

// isName tells the characters of parmname (RFC 5987 §3.2.1) and the asterisk
// that may end an extended one.
func isName(c byte) bool { return isAlnum(c) || c != 0 && strings.IndexByte("!#$&+-.^_`|~*", c) >= 0 }

// isToken tells the characters of ptoken (RFC 6690 §2).
func isToken(c byte) bool {
	return isAlnum(c) || c != 0 && strings.IndexByte("!#$%&'()*+-./:<=>?@[]^_`{|}~", c) >= 0
}
