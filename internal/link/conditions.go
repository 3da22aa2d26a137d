package link

import (
	"math/bits"
	"time"
)

// Direction tells the two ways through a Memory network apart.
type Direction int

const (
	ToServer Direction = iota // from a dialled Link to a Listener
	ToClient                  // from a Listener's peer Link to a dialled one
)

// String gives "to server" or "to client".
func (d Direction) String() string {
	if d == ToServer {
		return "to server"
	}
	return "to client"
}

// Conditions of one direction. The zero value is a perfect network. Chances are
// between 0 (never) and 1 (always) for each datagram, and independent of each
// other.
type Conditions struct {
	Loss      float64 // chance of not arriving
	Duplicate float64 // chance of arriving twice, each copy with a jitter of its own
	Reorder   float64 // chance of being held back by HoldBack, so that later ones overtake it
	Corrupt   float64 // chance of arriving with one to three bits flipped

	Delay    time.Duration // of every datagram; with none, delivery is a direct call
	Jitter   time.Duration // added to Delay, evenly spread from 0 up to this; it reorders too
	HoldBack time.Duration // see Reorder. Default: DefaultHoldBack
}

// DefaultHoldBack is longer than the jitter of common networks and shorter than
// the acknowledgement timeout of RFC 7252.
const DefaultHoldBack = 500 * time.Millisecond

// fate is what the conditions do to one datagram.
type fate struct {
	lost, duplicated, reordered bool
	delay, delayOfCopy          time.Duration
	flips                       [3]uint32 // bits to flip, modulo the length
	flipped                     int       // how many of flips count
}

// decide draws the fate of a datagram. It depends on nothing but its arguments,
// so that concurrent senders do not disturb each other's luck.
func (c *Conditions) decide(luck dice) fate {
	var f fate
	if f.lost = luck.chance(c.Loss); f.lost {
		return f
	}
	f.duplicated = luck.chance(c.Duplicate)
	f.delay, f.delayOfCopy = c.Delay+luck.upTo(c.Jitter), c.Delay+luck.upTo(c.Jitter)
	if f.reordered = luck.chance(c.Reorder); f.reordered {
		hold := c.HoldBack
		if hold <= 0 {
			hold = DefaultHoldBack
		}
		f.delay += hold
	}
	if luck.chance(c.Corrupt) {
		f.flipped = 1 + int(luck.next()%3)
		for i := range f.flips {
			f.flips[i] = uint32(luck.next())
		}
	}
	return f
}

// corrupt flips bits of b, at least one if b is not empty.
func (f *fate) corrupt(b []byte) {
	if len(b) == 0 {
		return
	}
	seen := uint32(len(b) * 8) // no bit twice in a row, which would restore it
	for _, bit := range f.flips[:f.flipped] {
		bit %= uint32(len(b) * 8)
		if bit == seen {
			continue
		}
		seen = bit
		b[bit/8] ^= 1 << (bit % 8)
	}
}

// dice is the SplitMix64 generator: one word of state, good bits from any seed.
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// mix folds n into the state.
func (d *dice) mix(n uint64) {
	*d ^= dice(n)
	*d = dice(d.next())
}

// chance draws in any case, so that changing one condition does not change what
// the others bring.
func (d *dice) chance(p float64) bool {
	return float64(d.next()>>11)/(1<<53) < p
}

// upTo gives a duration from 0 to below limit.
func (d *dice) upTo(limit time.Duration) time.Duration {
	n := d.next()
	if limit <= 0 {
		return 0
	}
	hi, _ := bits.Mul64(n, uint64(limit))
	return time.Duration(hi)
}
