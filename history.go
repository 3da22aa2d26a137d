package lwm2m

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/history"
	"github.com/lwm2m-go/lwm2m/internal/tree"
)

// Sample is a value of a Resource or Resource Instance at a point in time.
type Sample struct {
	Path Path
	// Time is when the value was taken, to the microsecond; zero is now. Times before mid 1978
	// are refused, as SenML takes them for relative (RFC 8428 §4.5.3).
	Time  time.Time
	Value Value
}

// History says how a Resource keeps samples until servers have them.
type History[T Type] struct {
	// Samples is the most samples that are kept, of a Multiple-Instance Resource for each Resource
	// Instance. Zero or less ends the history.
	Samples int
	// DropNewest has a full history refuse new samples. Default: the oldest make room.
	DropNewest bool
	// Admit, if not nil, is asked before a sample is kept; false leaves it out of the history, while the
	// value is set all the same. It is called by who sets the value, without locks.
	Admit func(v T, at time.Time) bool
}

// histories are the Resources of an Instance that keep a history. The map is
// replaced, never written.
type histories map[uint16]*keeping

// keeping is how a Resource keeps its history, and the samples themselves, which the lock of
// the Instance guards.
type keeping struct {
	limit      int
	dropNewest bool
	admit      func(v Value, at time.Time) bool
	series     []*series // sorted by path; a single-instance Resource has one
}

// series is the history at one path that has a value.
type series struct {
	path     Path
	ring     *history.Ring
	latest   time.Time // when the current value was taken
	reported uint64    // drops that events have told of
	dropping bool      // since the last acknowledgement
}

// KeepHistory has the n last values that are set kept, each with the time when it was set, until the servers that
// observe the Resource, or that are sent it, have acknowledged them. Values that servers write are
// not kept. Zero ends the history. See [Resource.KeepHistoryAs] for more choice.
func (r Resource[T]) KeepHistory(n int) { r.KeepHistoryAs(History[T]{Samples: n}) }

// KeepHistoryAs is KeepHistory in all detail. What is kept already stays, as far as it fits.
func (r Resource[T]) KeepHistoryAs(h History[T]) { keepHistory(r.in, r.id, h) }

// SetAt is Set for a value that was taken at another time than now. A value older than the last one
// just joins the history. Without a history the time is not kept.
func (r Resource[T]) SetAt(v T, at time.Time) error {
	return r.in.set(r.Path(), valueOf(v), at)
}

// History returns the samples that are kept, oldest first, and how many were dropped so far since the
// history was full. What is kept can be given to SetAt after a restart.
func (r Resource[T]) History() (kept []Sample, dropped uint64) { return r.in.History(r.Path()) }

// KeepHistory has the n last values of each Resource Instance kept. See [Resource.KeepHistory].
func (r MultiResource[T]) KeepHistory(n int) { r.KeepHistoryAs(History[T]{Samples: n}) }

// KeepHistoryAs is KeepHistory in all detail. See [Resource.KeepHistoryAs].
func (r MultiResource[T]) KeepHistoryAs(h History[T]) { keepHistory(r.in, r.id, h) }

// SetAt is Set for a value that was taken at another time than now. See [Resource.SetAt].
func (r MultiResource[T]) SetAt(item uint16, v T, at time.Time) error {
	return r.in.set(r.Path().Child(item), valueOf(v), at)
}

// History returns the samples that are kept of one Resource Instance. See [Resource.History].
func (r MultiResource[T]) History(item uint16) (kept []Sample, dropped uint64) {
	return r.in.History(r.Path().Child(item))
}

func keepHistory[T Type](in *Instance, resource uint16, h History[T]) {
	k := keeping{limit: h.Samples, dropNewest: h.DropNewest}
	if h.Admit != nil {
		k.admit = func(v Value, at time.Time) bool { return h.Admit(goValue[T](v), at) }
	}
	in.keepHistory(resource, k)
}

// KeepHistory has the n last values of a Resource kept, of each of its Resource Instances if it is multiple. See
// [Resource.KeepHistory]. The error is a [*Error]: the Resource is not defined or has no values.
func (in *Instance) KeepHistory(resource uint16, n int) error {
	def, ok := in.Object().Resource(resource)
	switch {
	case !ok:
		return &Error{Code: NotFound, Path: in.Path().Child(resource), Reason: "no such Resource"}
	case def.Kind == 0:
		return &Error{Code: MethodNotAllowed, Path: in.Path().Child(resource), Reason: "executable, has no value"}
	}
	in.keepHistory(resource, keeping{limit: n})
	return nil
}

func (in *Instance) keepHistory(resource uint16, k keeping) {
	c := in.lock()
	defer in.unlock(c)
	next := histories{}
	if old := in.histories.Load(); old != nil {
		next = maps.Clone(*old)
	}
	if old := next[resource]; old != nil {
		k.series = old.series
	}
	delete(next, resource)
	if k.limit > 0 {
		next[resource] = &k
		for _, s := range k.series {
			s.ring.Resize(k.limit, k.dropNewest)
		}
	}
	in.histories.Store(&next)
	if c != nil {
		c.persist.claimHistories(in)
	}
}

// History returns the samples that are kept at the path of a single-instance Resource or of a Resource
// Instance. See [Resource.History].
func (in *Instance) History(p Path) (kept []Sample, dropped uint64) {
	c := in.lock()
	defer in.unlock(c)
	s := in.series(p)
	if s == nil {
		return nil, 0
	}
	kept = make([]Sample, s.ring.Len())
	for i := range kept {
		sample := s.ring.At(i)
		kept[i] = Sample{Path: p, Time: sample.Time, Value: sample.Value}
	}
	_, dropped = s.ring.Counts()
	return kept, dropped
}

// keeping returns how a Resource keeps its history; nil if it has none.
func (in *Instance) keeping(resource uint16) *keeping {
	h := in.histories.Load()
	if h == nil {
		return nil
	}
	return (*h)[resource]
}

// series finds the history at a path; nil if there is none. It is called with the lock held.
func (in *Instance) series(p Path) *series {
	if p.Depth() < 3 {
		return nil
	}
	k := in.keeping(p.Resource())
	if k == nil {
		return nil
	}
	if i, ok := k.search(p); ok {
		return k.series[i]
	}
	return nil
}

func (k *keeping) search(p Path) (int, bool) {
	return slices.BinarySearchFunc(k.series, p, func(s *series, p Path) int { return s.path.Compare(p) })
}

// ensure finds the history at a path or begins it.
func (k *keeping) ensure(p Path) *series {
	i, ok := k.search(p)
	if !ok {
		k.series = slices.Insert(k.series, i, &series{path: p, ring: history.New(k.limit, k.dropNewest)})
	}
	return k.series[i]
}

// sampling is how a value that is set joins the history of its Resource.
type sampling struct {
	at    time.Time // zero if there is no history
	given bool      // the application told the time
	keep  bool      // Admit has nothing against it
}

// sample prepares a value that was taken at a time, zero for now, for the history. As it may ask
// the application, no lock must be held.
func (in *Instance) sample(resource uint16, v Value, at, now time.Time) sampling {
	k := in.keeping(resource)
	if k == nil {
		return sampling{}
	}
	s := sampling{at: at, given: !at.IsZero()}
	if !s.given {
		s.at = now
	}
	s.keep = k.admit == nil || k.admit(v, s.at)
	return s
}

// now is the time where the instance lives. No lock must be held.
func (in *Instance) now() time.Time {
	c := in.lock()
	defer in.unlock(c)
	return c.now()
}

// sampleItems prepares the instances of a Multiple-Instance Resource for the history, or returns nil.
func (in *Instance) sampleItems(resource uint16, content tree.Content) []sampling {
	if in.keeping(resource) == nil {
		return nil
	}
	now := in.now()
	samples := make([]sampling, len(content.Items()))
	for i, item := range content.Items() {
		samples[i] = in.sample(resource, item.Value, time.Time{}, now)
	}
	return samples
}

// sampleChanges prepares changes for the histories, or returns nil if there are none. All that have no time
// get the same.
func (c *Client) sampleChanges(changes []Change) []sampling {
	var samples []sampling
	var now time.Time
	for i, change := range changes {
		in := change.in
		if in == nil {
			c.mu.Lock()
			in = c.instance(change.Path)
			c.mu.Unlock()
		}
		if in == nil || change.Path.Depth() < 3 || change.Value.IsZero() || in.keeping(change.Path.Resource()) == nil {
			continue
		}
		if samples == nil {
			samples, now = make([]sampling, len(changes)), in.now()
		}
		samples[i] = in.sample(change.Path.Resource(), change.Value, change.Time, now)
	}
	return samples
}

// isStale reports whether a value was taken before the last one, which stays the current one then. What is
// set without a time is the newest, whatever the wall clock has been before. It is called with the lock held.
func (in *Instance) isStale(p Path, s sampling) bool {
	if !s.given {
		return false
	}
	series := in.series(p)
	return series != nil && s.at.Before(series.latest)
}

// record adds a value to the history at p. It returns the event that tells of the
// first sample that is dropped, to be emitted without the lock; else its Kind is zero. It is called with the lock held.
func (in *Instance) record(p Path, v Value, s sampling) (e Event) {
	if !s.keep {
		return e
	}
	k := in.keeping(p.Resource())
	if k == nil {
		return e
	}
	series := k.ensure(p)
	if c := in.owner.Load(); c != nil && c.persist != nil {
		series.ring.SetKeeper((*historyKeeper)(c))
	}
	if !s.given || s.at.After(series.latest) {
		series.latest = s.at
	}
	if isRelativeTime(s.at) {
		series.ring.Refuse() // the clock of the device is not set
		return series.drops("lwm2m: a sample of %v is not kept, as its time is %v", p, s.at)
	}
	if series.ring.Append(history.Sample{Time: s.at, Value: v}) && !series.dropping {
		return series.drops("lwm2m: the history is full with %d samples that servers have not acknowledged, so samples are dropped", series.ring.Limit())
	}
	return e
}

// drops makes the event about the first of several drops.
func (s *series) drops(reason string, args ...any) (e Event) {
	if s.dropping {
		return e
	}
	s.dropping = true
	return Event{Kind: HistoryDropped, Path: s.path, Err: fmt.Errorf(reason, args...)}
}

// isRelativeTime reports whether SenML would take the time for relative to now.
func isRelativeTime(t time.Time) bool { return t.Unix() < format.RelativeTime }
