package history

import (
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Sample is a value and when it was taken, to the microsecond.
type Sample struct {
	Time  time.Time
	Value model.Value
}

// Ring holds the samples of one Resource in the order in which they were
// appended. Its memory grows with what is in it, up to the limit. Make it by [New].
//
// A sample is released once all readers have acknowledged it. A reader is known
// from its first Take on, which begins with the oldest sample there is.
type Ring struct {
	limit      int
	dropNewest bool

	samples []entry // circular; its length is its capacity
	start   int     // index of the oldest
	n       int

	// Samples are numbered from 0 as they are appended; head is the number of the oldest.
	head    uint64
	refused uint64 // dropped by Append, without a number
	dropped uint64 // all that were dropped

	keeper  Keeper // may be nil
	readers []reader
	takes   uint32 // counted, to tell them apart
}

// entry is a sample in compact form.
type entry struct {
	micros int64
	value  model.Value
}

// New returns an empty Ring for at most limit samples, at least one. When it is full, a
// new sample takes the place of the oldest or, with dropNewest, is not taken in.
func New(limit int, dropNewest bool) *Ring {
	return &Ring{limit: max(limit, 1), dropNewest: dropNewest}
}

// Len is the number of samples that are kept.
func (r *Ring) Len() int { return r.n }

// Limit is the most samples that are kept.
func (r *Ring) Limit() int { return r.limit }

// Counts tells of all samples ever appended how many were acknowledged by all
// readers, and how many were dropped unacknowledged; the others are kept. A sample
// that had to make room while it was on its way counts as dropped.
func (r *Ring) Counts() (acknowledged, dropped uint64) {
	return r.head - (r.dropped - r.refused), r.dropped
}

// At returns a sample; 0 is the oldest.
func (r *Ring) At(i int) Sample {
	e := &r.samples[(r.start+i)%len(r.samples)]
	return Sample{time.UnixMicro(e.micros), e.value}
}

// Append takes a sample in. It reports true if one was dropped for that, this or
// the oldest. It allocates nothing once the Ring has been full.
func (r *Ring) Append(s Sample) (dropped bool) {
	if r.n == r.limit {
		dropped = true
		r.dropped++
		if r.dropNewest {
			r.refused++
			return true
		}
		r.release(1)
	}
	if r.n == len(r.samples) {
		r.grow()
	}
	r.samples[(r.start+r.n)%len(r.samples)] = entry{s.Time.UnixMicro(), s.Value}
	r.n++
	if r.keeper != nil {
		r.keeper.Appended(s)
	}
	return dropped
}

// Refuse counts a sample that never comes in as dropped.
func (r *Ring) Refuse() {
	r.dropped++
	r.refused++
}

// grow doubles the room.
func (r *Ring) grow() {
	larger := make([]entry, min(max(2*r.n, 8), r.limit))
	for i := range r.n {
		larger[i] = r.samples[(r.start+i)%len(r.samples)]
	}
	r.samples, r.start = larger, 0
}

// release lets the oldest samples go.
func (r *Ring) release(n int) {
	for range n {
		r.samples[r.start] = entry{}
		r.start = (r.start + 1) % len(r.samples)
	}
	r.head += uint64(n)
	r.n -= n
	if r.keeper != nil && n > 0 {
		r.keeper.Released(n)
	}
}

// Resize changes the limit and the policy. If fewer samples fit than there are,
// the oldest are dropped; it returns how many.
func (r *Ring) Resize(limit int, dropNewest bool) (dropped int) {
	r.limit, r.dropNewest = max(limit, 1), dropNewest
	if over := r.n - r.limit; over > 0 {
		r.release(over)
		r.dropped += uint64(over)
		dropped = over
	}
	if len(r.samples) > r.limit {
		fitting := make([]entry, r.limit)
		for i := range r.n {
			fitting[i] = r.samples[(r.start+i)%len(r.samples)]
		}
		r.samples, r.start = fitting, 0
	}
	return dropped
}
