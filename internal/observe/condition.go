package observe

import (
	"math"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// Crossing is how gt and lt are read, on which the texts of the specification do not
// agree: its prose has a notification whenever a value crosses the threshold (Core 1.1.1
// §5.1.2), its examples only when the value goes beyond (Transport 1.1.1 §6.4.4).
type Crossing uint8

const (
	// Bidirectional is the default: gt and lt notify when the value goes from one side of
	// the threshold to the other, or leaves the threshold itself, in either direction.
	Bidirectional Crossing = iota
	// OneDirectional has gt notify only when the value rises from at most to above the
	// threshold, and lt when it falls from at least to below.
	OneDirectional
)

// String describes how gt and lt are read.
func (x Crossing) String() string {
	if x == OneDirectional {
		return "one-directional"
	}
	return "bidirectional"
}

// crosses reports whether going from last to v meets a threshold, gt if upper.
func (x Crossing) crosses(last, v, threshold float64, upper bool) bool {
	rises := last <= threshold && v > threshold
	falls := last >= threshold && v < threshold
	if x == OneDirectional {
		return upper && rises || !upper && falls
	}
	return rises || falls
}

// content is what an observed path has.
type content struct {
	digest uint64
	value  model.Value // if it is a single one that does not need memory, see single
}

// evaluate reports whether the content is worth a notification, pmin aside.
func (c *component) evaluate(crossing Crossing, x content) bool {
	before, changed := c.seen, x.digest != c.digest
	c.seen = x.value
	due := changed && c.meets(crossing, x.value)
	if edge, ok := c.attributes.Get(model.Edge); ok && before.Kind() == model.Boolean && x.value.Kind() == model.Boolean {
		// An edge is one of the value itself, not of what was sent: with edge=1 only true
		// is ever sent.
		due = before != x.value && x.value.Bool() == (edge == 1)
	}
	c.held = changed && !due
	return due
}

// meets reports whether going from the last value to v, which differs, meets any of gt, lt
// and st. Without thresholds for such values each change does.
func (c *component) meets(crossing Crossing, v model.Value) bool {
	last, wasNumber := c.last.Number()
	number, isNumber := v.Number()
	if c.last.Kind() != v.Kind() || !wasNumber || !isNumber || math.IsNaN(last) || math.IsNaN(number) {
		return true
	}
	gt, hasGt := c.attributes.Get(model.GreaterThan)
	lt, hasLt := c.attributes.Get(model.LessThan)
	st, hasSt := c.attributes.Get(model.Step)
	return !hasGt && !hasLt && !hasSt ||
		hasGt && crossing.crosses(last, number, gt, true) ||
		hasLt && crossing.crosses(last, number, lt, false) ||
		hasSt && distance(c.last, v) >= st
}

// distance is |a - b| of two numbers of the same type. That of floats is rounded up by
// the imprecision of their last digits: from 22.1 to 22.2 it is a step of 0.1.
func distance(a, b model.Value) float64 {
	if a.Compare(b) < 0 {
		a, b = b, a
	}
	switch a.Kind() {
	case model.Integer, model.Time:
		return float64(uint64(a.Int()) - uint64(b.Int()))
	case model.Unsigned:
		return float64(a.Uint() - b.Uint())
	}
	x, y := a.Float(), b.Float()
	const imprecision = 0x1p-52
	return x - y + max(math.Abs(x), math.Abs(y))*imprecision
}

// content sums up those of the nodes that belong to an observed path.
func (e *Engine[T]) content(p model.Path, nodes []format.Node) content {
	d := newDigest()
	x, count := content{}, 0
	for i := range nodes {
		n := &nodes[i]
		if !p.Contains(n.Path) {
			continue
		}
		count++
		e.scratch = n.Value.AppendBytes(e.scratch[:0])
		d.add(n.Path, n.Value, e.scratch)
		x.value = model.Value{}
		if count == 1 && n.Path == p && n.Value.Len() == 0 {
			x.value = n.Value
		}
	}
	x.digest = uint64(d)
	return x
}

// digest is FNV-1a of paths and values, 64 bits. Equal values have equal digests.
type digest uint64

func newDigest() digest { return 14695981039346656037 }

func (d *digest) byte(b byte) { *d = (*d ^ digest(b)) * 1099511628211 }

func (d *digest) uint(n uint64) {
	for range 8 {
		d.byte(byte(n))
		n >>= 8
	}
}

func (d *digest) add(p model.Path, v model.Value, text []byte) {
	d.byte(byte(p.Depth()))
	for _, id := range [...]uint16{p.Object(), p.Instance(), p.Resource(), p.ResourceInstance()} {
		d.byte(byte(id))
		d.byte(byte(id >> 8))
	}
	d.byte(byte(v.Kind()))
	switch v.Kind() {
	case model.Float:
		d.uint(floatBits(v.Float()))
	case model.Boolean:
		if v.Bool() {
			d.byte(1)
		}
	case model.Objlnk:
		l := v.Link()
		d.uint(uint64(l.Object)<<16 | uint64(l.Instance))
	case model.Integer, model.Time, model.Unsigned:
		d.uint(uint64(v.Int()) | v.Uint())
	default:
		d.uint(uint64(len(text)))
		for _, b := range text {
			d.byte(b)
		}
	}
}

// floatBits are the same for all NaNs, and for 0 and -0.
func floatBits(f float64) uint64 {
	switch {
	case f == 0:
		return 0
	case math.IsNaN(f):
		return math.Float64bits(math.NaN())
	}
	return math.Float64bits(f)
}
