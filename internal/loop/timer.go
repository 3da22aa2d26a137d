package loop

import (
	"math"
	"time"
)

// Expirer owns a Timer. Expire is called on the loop's goroutine with the timer
// off the heap, so that it may be scheduled anew.
type Expirer interface {
	Expire(now time.Time)
}

// Timer is a deadline, to be embedded in its owner: 40 bytes and no allocation,
// ever. The zero Timer with an Owner is ready to be scheduled.
type Timer struct {
	Owner Expirer

	at    time.Duration // since the Loop's epoch
	seq   uint64        // orders equal deadlines as they were scheduled
	place int           // index in the heap + 1, 0 when not scheduled
}

// Scheduled reports whether the timer waits for its deadline.
func (t *Timer) Scheduled() bool { return t.place != 0 }

// Schedule sets the deadline of t, which may be scheduled already; its owner's
// Expire is called once the time has come, at once if at has passed. Equal
// deadlines expire in the order they were scheduled. Only the loop's goroutine
// may call it.
func (l *Loop) Schedule(t *Timer, at time.Time) {
	l.timers.scheduled++
	t.at, t.seq = max(at.Sub(l.epoch), l.elapsed), l.timers.scheduled
	if t.place == 0 {
		l.timers.push(t)
		return
	}
	l.timers.fix(t.place - 1)
}

// Unschedule takes t off; it does nothing if t is not scheduled. Only the
// loop's goroutine may call it.
func (l *Loop) Unschedule(t *Timer) {
	if t.place != 0 {
		l.timers.remove(t.place - 1)
	}
}

// Timers is the number of timers scheduled. Only the loop's goroutine may call
// it.
func (l *Loop) Timers() int { return len(l.timers.items) }

// never is the next deadline when there is none.
const never = time.Duration(math.MaxInt64)

// expire calls the owners of all timers that are due and gives the next
// deadline. A timer that is scheduled for now or the past meanwhile has to wait
// for the next round, so that events get their turn; Schedule sees to it that
// it does not overtake those that are due already.
func (l *Loop) expire(now time.Time) (next time.Duration) {
	l.elapsed = now.Sub(l.epoch)
	last := l.timers.scheduled
	for len(l.timers.items) > 0 {
		t := l.timers.items[0]
		if t.at > l.elapsed || t.seq > last {
			return t.at
		}
		l.timers.remove(0)
		t.Owner.Expire(now)
	}
	return never
}

// alarm is the one time.Timer of a Loop. It is left alone while the next
// deadline stays the same, which is most of the time under load.
type alarm struct {
	timer *time.Timer
	at    time.Duration // since the epoch, never when it is not set
}

// set makes the alarm ring when the given time since the Loop's epoch has passed.
func (a *alarm) set(at time.Duration, l *Loop) {
	if at == a.at {
		return
	}
	if at == never {
		a.stop()
		return
	}
	wait := at - l.Now().Sub(l.epoch)
	if a.timer == nil {
		a.timer = time.NewTimer(wait)
	} else {
		a.timer.Reset(wait)
	}
	a.at = at
}

// stop keeps the alarm from ringing.
func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.at = never
}

func (a *alarm) ring() <-chan time.Time {
	if a.timer == nil {
		return nil
	}
	return a.timer.C
}

// rang says that the timer needs to be set anew, whatever the next deadline.
func (a *alarm) rang() { a.at = never }

// heap is a 4-ary min-heap of timers: half as deep as a binary one, and the
// children of a node share a cache line. Timers know their place in it.
type heap struct {
	items     []*Timer
	scheduled uint64 // calls of Schedule so far
}

func before(a, b *Timer) bool {
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (h *heap) push(t *Timer) {
	h.items = append(h.items, t)
	h.up(len(h.items)-1, t)
}

// remove takes out the timer at index i and fills the gap with the last one.
func (h *heap) remove(i int) {
	n := len(h.items) - 1
	last := h.items[n]
	h.items[i].place = 0
	h.items[n] = nil
	h.items = h.items[:n]
	if i < n {
		h.items[i], last.place = last, i+1
		h.fix(i)
	}
}

// fix restores the order after the deadline at index i changed.
func (h *heap) fix(i int) {
	t := h.items[i]
	if h.up(i, t) == i {
		h.down(i, t)
	}
}

// up moves t from the gap at i towards the root and gives its index.
func (h *heap) up(i int, t *Timer) int {
	for i > 0 {
		parent := (i - 1) / 4
		if !before(t, h.items[parent]) {
			break
		}
		h.items[i] = h.items[parent]
		h.items[i].place = i + 1
		i = parent
	}
	h.items[i], t.place = t, i+1
	return i
}

// down moves t from the gap at i towards the leaves.
func (h *heap) down(i int, t *Timer) {
	for {
		first := 4*i + 1
		if first >= len(h.items) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(h.items)); c++ {
			if before(h.items[c], h.items[least]) {
				least = c
			}
		}
		if !before(h.items[least], t) {
			break
		}
		h.items[i] = h.items[least]
		h.items[i].place = i + 1
		i = least
	}
	h.items[i], t.place = t, i+1
}
