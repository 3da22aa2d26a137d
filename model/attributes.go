package model

import (
	"math"
	"strconv"
	"time"
)

// Attribute is one of the attributes that Write-Attributes sets and Discover
// shows (Core 1.1.1 §5.1.2).
type Attribute uint8

// The attributes of notifications, in the order in which they are printed.
const (
	MinPeriod     Attribute = iota // pmin: seconds between notifications, at least
	MaxPeriod                      // pmax: seconds between notifications, at most
	MinEvalPeriod                  // epmin: seconds between evaluations, at least; since LwM2M 1.1
	MaxEvalPeriod                  // epmax: seconds between evaluations, at most; since LwM2M 1.1
	GreaterThan                    // gt: notify when the value crosses this number
	LessThan                       // lt: notify when the value crosses this number
	Step                           // st: notify when the value changed by this much
	Edge                           // edge: notify when a Boolean falls (0) or rises (1); since LwM2M 1.2
	Confirmable                    // con: notify by confirmable messages (1) or not (0); since LwM2M 1.2
	MaxHistory                     // hqmax: values to keep while offline; since LwM2M 1.2
	numAttributes                  // not an attribute
)

var attributeNames = [numAttributes]string{
	"pmin", "pmax", "epmin", "epmax", "gt", "lt", "st", "edge", "con", "hqmax",
}

// ParseAttribute finds an attribute by its name, such as "pmin".
func ParseAttribute(name string) (a Attribute, ok bool) {
	for i, n := range attributeNames {
		if n == name {
			return Attribute(i), true
		}
	}
	return numAttributes, false
}

// Name is the attribute's name in messages, such as "pmin".
func (a Attribute) Name() string {
	if a < numAttributes {
		return attributeNames[a]
	}
	return "Attribute(" + strconv.Itoa(int(a)) + ")"
}

// String is [Attribute.Name].
func (a Attribute) String() string { return a.Name() }

// Since is the version of the enabler that introduced the attribute.
func (a Attribute) Since() Version {
	switch a {
	case MinEvalPeriod, MaxEvalPeriod:
		return Version11
	case Edge, Confirmable, MaxHistory:
		return Version12
	}
	return Version10
}

// IsThreshold reports whether the attribute is a condition on the value itself
// (gt, lt, st, edge), which only Resources and Resource Instances can have.
func (a Attribute) IsThreshold() bool { return a >= GreaterThan && a <= Edge }

// Attributes is a set of attributes with their values, as attached to one path
// by one Server. It is a comparable value; the zero Attributes are empty.
type Attributes struct {
	set    attributeSet
	values [numAttributes]float64 // 0 where not set
}

// attributeSet has bit a for Attribute a.
type attributeSet uint16

func (s attributeSet) has(a Attribute) bool             { return s>>a&1 != 0 }
func (s attributeSet) with(a Attribute) attributeSet    { return s | 1<<a }
func (s attributeSet) without(a Attribute) attributeSet { return s &^ (1 << a) }

// IsZero reports whether no attribute is set.
func (a Attributes) IsZero() bool { return a.set == 0 }

// Get returns the value of an attribute; ok is false if it is not set.
func (a Attributes) Get(attr Attribute) (value float64, ok bool) {
	if !a.set.has(attr) {
		return 0, false
	}
	return a.values[attr], true
}

// Has reports whether an attribute is set.
func (a Attributes) Has(attr Attribute) bool { return a.set.has(attr) }

// Period returns an attribute that counts seconds, such as MinPeriod, as a
// duration; ok is false if it is not set.
func (a Attributes) Period(attr Attribute) (d time.Duration, ok bool) {
	seconds, ok := a.Get(attr)
	// Above 2^32 seconds a value is not valid, and would overflow.
	return time.Duration(min(seconds, math.MaxUint32) * float64(time.Second)), ok
}

// With returns a copy of a in which an attribute is set. It does not check the
// value; [Attributes.Validate] does.
func (a Attributes) With(attr Attribute, value float64) Attributes {
	if attr < numAttributes {
		a.set = a.set.with(attr)
		a.values[attr] = value
	}
	return a
}

// Without returns a copy of a in which an attribute is not set.
func (a Attributes) Without(attr Attribute) Attributes {
	if attr < numAttributes {
		a.set = a.set.without(attr)
		a.values[attr] = 0
	}
	return a
}

// Inherit returns a with those attributes of the level above it that a does not
// set itself (Core 1.1.1 §5.1.1).
func (a Attributes) Inherit(parent Attributes) Attributes {
	for attr := range numAttributes {
		if v, ok := parent.Get(attr); ok && !a.Has(attr) {
			a = a.With(attr, v)
		}
	}
	return a
}

// AppendText appends the attributes as link parameters, such as
// ";pmin=10;pmax=60", in the order of the constants. It never fails.
func (a Attributes) AppendText(dst []byte) ([]byte, error) {
	for attr := range numAttributes {
		if v, ok := a.Get(attr); ok {
			dst = append(dst, ';')
			dst = append(dst, attributeNames[attr]...)
			dst = append(dst, '=')
			dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
		}
	}
	return dst, nil
}

// String is the text of [Attributes.AppendText].
func (a Attributes) String() string {
	b, _ := a.AppendText(nil)
	return string(b)
}
