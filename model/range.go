package model

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Range says which values a Resource may take: the RangeEnumeration of its
// definition. The registry has no grammar for it, so only what can be read in
// one way is enforced; anything else is text for people. The zero Range allows
// every value.
type Range struct {
	text    string
	measure measure
	allowed []interval
}

// measure is what the numbers of a Range limit.
type measure uint8

const (
	unenforced measure = iota
	number
	lengthInBytes
	lengthInCharacters
)

// interval includes both ends. Bounds are float64, which is exact up to 2^53;
// no registered Object has finite bounds beyond that.
type interval struct{ min, max float64 }

// ParseRange reads the RangeEnumeration text of a Resource of the given type:
// "0..4", "1-65534", "-273.15..", "0,1,4..7" limit numbers, and the length of
// String and Opaque, there with an optional unit: "0..255 bytes". A single
// number is an upper bound of a length and not enforced for numbers, where it
// may mean anything.
func ParseRange(text string, kind Kind) Range {
	r := Range{text: strings.TrimSpace(text)}
	s, unit := cutUnit(r.text)
	isLength := kind == String || kind == Opaque
	isNumber := kind == Integer || kind == Unsigned || kind == Float
	if !isLength && (!isNumber || unit != unenforced) {
		return r
	}
	allowed, ok := parseIntervals(s)
	if !ok {
		return r
	}
	single := len(allowed) == 1 && allowed[0].min == allowed[0].max
	if isNumber {
		if !single {
			r.measure, r.allowed = number, allowed
		}
		return r
	}
	// A list such as "0,1" without a unit may be a String's values.
	if kind == String && len(allowed) > 1 && unit == unenforced {
		return r
	}
	if single {
		allowed[0].min = 0
	}
	r.measure, r.allowed = max(unit, lengthInBytes), allowed
	return r
}

// cutUnit removes the unit of a length from the end of s.
func cutUnit(s string) (rest string, unit measure) {
	for _, u := range [...]struct {
		name    string
		measure measure
	}{
		{"bytes", lengthInBytes}, {"byte", lengthInBytes}, {"octets", lengthInBytes},
		{"characters", lengthInCharacters}, {"chars", lengthInCharacters},
	} {
		if n := len(s) - len(u.name); n > 0 && strings.EqualFold(s[n:], u.name) {
			return strings.TrimSpace(s[:n]), u.measure
		}
	}
	return s, unenforced
}

func parseIntervals(s string) ([]interval, bool) {
	var all []interval
	for part := range strings.SplitSeq(s, ",") {
		i, ok := parseInterval(strings.TrimSpace(part))
		if !ok {
			return nil, false
		}
		all = append(all, i)
	}
	return all, true
}

// parseInterval reads "5", "0..4", "0-4", "0.." or "..4".
func parseInterval(s string) (interval, bool) {
	i := interval{math.Inf(-1), math.Inf(1)}
	from := numberPrefix(s)
	rest := strings.TrimSpace(s[len(from):])
	if from != "" && rest == "" {
		n, err := strconv.ParseFloat(from, 64)
		return interval{n, n}, err == nil
	}
	upper, dots := strings.CutPrefix(rest, "..")
	if !dots {
		var dash bool
		if upper, dash = strings.CutPrefix(rest, "-"); !dash || from == "" || upper == "" {
			return i, false
		}
	}
	upper = strings.TrimSpace(upper)
	if numberPrefix(upper) != upper || from == "" && upper == "" {
		return i, false
	}
	var err1, err2 error
	if from != "" {
		i.min, err1 = strconv.ParseFloat(from, 64)
	}
	if upper != "" {
		i.max, err2 = strconv.ParseFloat(upper, 64)
	}
	return i, err1 == nil && err2 == nil && i.min <= i.max
}

// numberPrefix is the decimal number at the start of s, or "". The dots of "0..4"
// are not part of the number.
func numberPrefix(s string) string {
	n := 0
	if n < len(s) && (s[n] == '-' || s[n] == '+') {
		n++
	}
	first := n
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n == first {
		return ""
	}
	if n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) {
		for n++; n < len(s) && isDigit(s[n]); {
			n++
		}
	}
	return s[:n]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// String is the RangeEnumeration text as it stands in the definition.
func (r Range) String() string { return r.text }

// Enforced reports whether [Range.Check] can fail.
func (r Range) Enforced() bool { return r.measure != unenforced }

// Check reports whether v is in the range. The error wraps [ErrRange]. Values of
// a type to which the range does not apply pass.
func (r Range) Check(v Value) error {
	var n float64
	switch r.measure {
	case number:
		var ok bool
		if n, ok = v.Number(); !ok {
			return nil
		}
		if !r.allows(n) {
			return fmt.Errorf("%w: %v is not in %s", ErrRange, v, r.text)
		}
		return nil
	case lengthInBytes, lengthInCharacters:
		return r.checkLength(v)
	}
	return nil
}

func (r Range) checkLength(v Value) error {
	if v.Kind() != String && v.Kind() != Opaque {
		return nil
	}
	n, unit := v.Len(), "bytes"
	if r.measure == lengthInCharacters {
		n, unit = utf8.RuneCountInString(v.text), "characters"
	}
	if !r.allows(float64(n)) {
		return fmt.Errorf("%w: a length of %d %s is not in %s", ErrRange, n, unit, r.text)
	}
	return nil
}

func (r Range) allows(n float64) bool {
	return slices.ContainsFunc(r.allowed, func(i interval) bool { return i.min <= n && n <= i.max })
}
