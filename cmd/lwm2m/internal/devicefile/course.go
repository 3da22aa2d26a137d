package devicefile

import (
	"math"
	"math/rand/v2"
	"sort"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Course is how a value changes: what it is at a time since the device was switched on. The same time gives the same
// value. A Course belongs to one goroutine.
type Course interface {
	At(elapsed time.Duration) model.Value
}

// constant stays.
type constant struct{ value model.Value }

// At is the value.
func (c constant) At(time.Duration) model.Value { return c.value }

// curve is a course of numbers, which the type of the Resource may round.
type curve struct {
	kind model.Kind
	at   func(elapsed time.Duration) float64
}

// At is the number, in the type of the Resource.
func (c curve) At(elapsed time.Duration) model.Value { return numeric(c.kind, c.at(elapsed)) }

// numeric is a number as a value of a numeric type, to a millionth.
func numeric(kind model.Kind, f float64) model.Value {
	switch kind {
	case model.Integer:
		return model.IntegerValue(int64(math.Round(f)))
	case model.Unsigned:
		return model.UnsignedValue(uint64(math.Round(max(f, 0))))
	case model.Time:
		return model.UnixValue(int64(math.Round(f)))
	}
	if r := math.Round(f * 1e6); math.Abs(r) < 1<<53 {
		f = r / 1e6
	}
	return model.FloatValue(f)
}

// What a ramp does once it is at its end.
const (
	rampRestart = "restart" // begin anew
	rampReturn  = "return"  // go back the same way
	rampStay    = "stay"
)

// ramp goes from one number to another in a time.
func ramp(from, to float64, in time.Duration, then string) func(time.Duration) float64 {
	return func(elapsed time.Duration) float64 {
		x := float64(elapsed) / float64(in)
		switch then {
		case rampRestart:
			x -= math.Floor(x)
		case rampReturn:
			x = 1 - math.Abs(math.Mod(x, 2)-1)
		default:
			x = min(x, 1)
		}
		return from*(1-x) + to*x
	}
}

// sine swings around a mean; it begins there, on its way up, or at another phase, of 0 to 1.
func sine(mean, amplitude float64, period time.Duration, phase float64) func(time.Duration) float64 {
	return func(elapsed time.Duration) float64 {
		turns := math.Mod(float64(elapsed)/float64(period)+phase, 1)
		return mean + amplitude*math.Sin(2*math.Pi*turns)
	}
}

// walk takes a random step with each sample, up or down, and turns at its bounds. The seed says which: it
// goes the same way each time.
type walk struct {
	start, step, least, most float64
	seed                     uint64
	every                    time.Duration

	random *rand.Rand
	taken  int64 // steps up to now
	value  float64
}

// at is where the steps up to a time have led. What is earlier than the last time is walked anew.
func (w *walk) at(elapsed time.Duration) float64 {
	n := int64(elapsed / w.every)
	if w.random == nil || n < w.taken {
		w.random = rand.New(rand.NewPCG(w.seed, 0))
		w.taken, w.value = 0, w.start
	}
	for ; w.taken < n; w.taken++ {
		next := w.value + (2*w.random.Float64()-1)*w.step
		if next > w.most {
			next = 2*w.most - next
		}
		if next < w.least {
			next = 2*w.least - next
		}
		w.value = min(max(next, w.least), w.most)
	}
	return w.value
}

// replay plays samples, each of which counts until the next.
type replay struct {
	times  []time.Duration // since the first, ascending
	values []model.Value
	length time.Duration // after which it begins anew; zero for never
}

// At is the last sample before or at a time.
func (p *replay) At(elapsed time.Duration) model.Value {
	if p.length > 0 {
		elapsed %= p.length
	}
	i := sort.Search(len(p.times), func(i int) bool { return p.times[i] > elapsed })
	return p.values[max(i-1, 0)]
}
