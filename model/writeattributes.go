package model

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
)

// The faults of Write-Attributes requests; each error about attributes is an
// [*AttributeError] that wraps one of them. All mean 4.00 Bad Request.
var (
	ErrUnknownAttribute  = errors.New("unknown attribute")
	ErrRepeatedAttribute = errors.New("attribute given twice")
	ErrAttributeValue    = errors.New("invalid attribute value")
	ErrAttributeConflict = errors.New("attributes contradict each other")
	ErrAttributeLevel    = errors.New("attribute does not apply here")
)

// AttributeError says what is wrong with an attribute.
type AttributeError struct {
	Name   string // of the attribute, as it was given
	Detail string // what is wrong and what is allowed
	Err    error  // one of the Err variables
}

// Error is the message of the error.
func (e *AttributeError) Error() string {
	msg := fmt.Sprintf("%v: %.32q", e.Err, e.Name)
	if e.Detail != "" {
		msg += ": " + e.Detail
	}
	return msg
}

// Unwrap returns Err.
func (e *AttributeError) Unwrap() error { return e.Err }

// AttributesUpdate is what a Write-Attributes request says: which attributes to
// set and which to remove. It is a comparable value; the zero AttributesUpdate
// changes nothing.
type AttributesUpdate struct {
	set     Attributes
	removed attributeSet
}

// Set returns a copy of u that sets an attribute.
func (u AttributesUpdate) Set(attr Attribute, value float64) AttributesUpdate {
	if attr < numAttributes {
		u.set = u.set.With(attr, value)
		u.removed = u.removed.without(attr)
	}
	return u
}

// Remove returns a copy of u that removes an attribute.
func (u AttributesUpdate) Remove(attr Attribute) AttributesUpdate {
	if attr < numAttributes {
		u.set = u.set.Without(attr)
		u.removed = u.removed.with(attr)
	}
	return u
}

// IsZero reports whether u changes nothing.
func (u AttributesUpdate) IsZero() bool { return u == AttributesUpdate{} }

// Queries returns the Uri-Query options of the request, such as "pmin=10" to set
// and "pmax" to remove.
func (u AttributesUpdate) Queries() []string {
	var queries []string
	for attr := range numAttributes {
		if v, ok := u.set.Get(attr); ok {
			queries = append(queries, attr.Name()+"="+strconv.FormatFloat(v, 'f', -1, 64))
		} else if u.removed.has(attr) {
			queries = append(queries, attr.Name())
		}
	}
	return queries
}

// ParseAttributes reads the Uri-Query options of a Write-Attributes request for
// a Client that speaks the given version; the zero Version stands for 1.0.
// "name=value" sets an attribute and "name" alone removes it. Unknown and
// repeated names and values that are not well-formed are errors of type
// [*AttributeError]. Other than in the grammar of Core 1.1.1 §5.1.2, gt and lt
// may be negative.
func ParseAttributes[T ~string | ~[]byte](queries iter.Seq[T], version Version) (AttributesUpdate, error) {
	var u AttributesUpdate
	if version.IsZero() {
		version = Version10
	}
	for query := range queries {
		name, text, hasValue := bytes.Cut([]byte(query), []byte("="))
		attr, ok := ParseAttribute(string(name))
		if !ok || attr.Since().Compare(version) > 0 {
			return AttributesUpdate{}, &AttributeError{Name: string(name), Err: ErrUnknownAttribute}
		}
		if u.set.Has(attr) || u.removed.has(attr) {
			return AttributesUpdate{}, &AttributeError{Name: attr.Name(), Err: ErrRepeatedAttribute}
		}
		if !hasValue {
			u = u.Remove(attr)
			continue
		}
		value, err := parseAttributeValue(attr, string(text))
		if err != nil {
			return AttributesUpdate{}, err
		}
		u = u.Set(attr, value)
	}
	return u, nil
}

// parseAttributeValue accepts only what AppendText may print, and exponents,
// which Servers written in Java send for large numbers.
func parseAttributeValue(attr Attribute, text string) (float64, error) {
	value, err := strconv.ParseFloat(text, 64)
	for _, c := range []byte(text) {
		isFraction := c == '-' || c == '.' || c == 'e' || c == 'E' || c == '+'
		if !isDigit(c) && !(isFraction && attr.isFloat()) {
			err = strconv.ErrSyntax
		}
	}
	if err != nil || text[0] == '+' {
		return 0, attr.valueError(text)
	}
	return value, attr.check(value)
}

func (a Attribute) isFloat() bool { return a == GreaterThan || a == LessThan || a == Step }

// check reports whether the value alone is valid.
func (a Attribute) check(value float64) error {
	highest := float64(math.MaxUint32)
	switch a {
	case GreaterThan, LessThan:
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			return nil
		}
	case Step:
		if value >= 0 && !math.IsInf(value, 0) {
			return nil
		}
	case Edge, Confirmable:
		highest = 1
		fallthrough
	default:
		if value >= 0 && value <= highest && value == math.Trunc(value) {
			return nil
		}
	}
	return a.valueError(strconv.FormatFloat(value, 'f', -1, 64))
}

func (a Attribute) valueError(text string) error {
	want := "a whole number of 0 to 4294967295"
	switch a {
	case GreaterThan, LessThan:
		want = "a decimal number"
	case Step:
		want = "a decimal number of at least 0"
	case Edge, Confirmable:
		want = "0 or 1"
	}
	return &AttributeError{Name: a.Name(), Detail: fmt.Sprintf("%.32q is not %s", text, want), Err: ErrAttributeValue}
}

// Apply returns the attributes that a path has after the update. The result is
// checked by [Attributes.Validate]; if that fails, nothing is to change.
func (u AttributesUpdate) Apply(old Attributes) (Attributes, error) {
	updated := old
	for attr := range numAttributes {
		if v, ok := u.set.Get(attr); ok {
			updated = updated.With(attr, v)
		} else if u.removed.has(attr) {
			updated = updated.Without(attr)
		}
	}
	if err := updated.Validate(); err != nil {
		return old, err
	}
	return updated, nil
}

// Validate checks each value and the rules between values: lt < gt,
// lt + 2·st < gt, epmin < epmax (Core 1.1.1 §5.1.2). A pmax below pmin is valid,
// and is to be ignored. Errors are of type [*AttributeError].
func (a Attributes) Validate() error {
	for attr := range numAttributes {
		if v, ok := a.Get(attr); ok {
			if err := attr.check(v); err != nil {
				return err
			}
		}
	}
	// An absent st is 0 here and leaves lt < gt.
	if a.Has(LessThan) && a.Has(GreaterThan) && a.values[LessThan]+2*a.values[Step] >= a.values[GreaterThan] {
		if a.values[LessThan] >= a.values[GreaterThan] {
			return conflict(LessThan, "lt must be less than gt")
		}
		return conflict(Step, "lt + 2*st must be less than gt")
	}
	if a.Has(MinEvalPeriod) && a.Has(MaxEvalPeriod) && a.values[MinEvalPeriod] >= a.values[MaxEvalPeriod] {
		return conflict(MinEvalPeriod, "epmin must be less than epmax")
	}
	return nil
}

// ValidateStrict is [Attributes.Validate] for Clients that refuse a pmax below
// pmin instead of ignoring it.
func (a Attributes) ValidateStrict() error {
	if err := a.Validate(); err != nil {
		return err
	}
	if a.Has(MinPeriod) && a.Has(MaxPeriod) && a.values[MinPeriod] > a.values[MaxPeriod] {
		return conflict(MaxPeriod, "pmax must not be less than pmin")
	}
	return nil
}

func conflict(attr Attribute, detail string) error {
	return &AttributeError{Name: attr.Name(), Detail: detail, Err: ErrAttributeConflict}
}

// CheckLevel reports whether the attributes of the update apply to a path. The
// root has none. gt, lt and st are for readable numbers, edge is for readable
// Booleans, each a Resource or a Resource Instance. The definition of the
// Resource may be nil if it is not known; only the level is checked then.
func (u AttributesUpdate) CheckLevel(path Path, resource *Resource) error {
	for attr := range numAttributes {
		if !u.set.Has(attr) && !u.removed.has(attr) {
			continue
		}
		if detail := levelFault(attr, path, resource); detail != "" {
			return &AttributeError{Name: attr.Name(), Detail: detail, Err: ErrAttributeLevel}
		}
	}
	return nil
}

func levelFault(attr Attribute, path Path, resource *Resource) string {
	switch {
	case path.IsRoot():
		return "the root has no attributes"
	case !attr.IsThreshold():
		return ""
	case path.Depth() < 3:
		return path.String() + " is not a Resource or Resource Instance"
	case resource == nil:
		return ""
	case !resource.Operations.Has(Readable):
		return resource.Name + " is not readable"
	case attr == Edge && resource.Kind != Boolean:
		return resource.Name + " is not Boolean but " + resource.Kind.String()
	case attr != Edge && !resource.Kind.IsNumeric():
		return resource.Name + " is not a number but " + resource.Kind.String()
	}
	return ""
}
