package loop

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// alarmClock notes when it expires and may then do something.
type alarmClock struct {
	Timer
	fired  []time.Duration // since begin
	begin  time.Time
	expire func(now time.Time)
}

func newAlarmClock(expire func(time.Time)) *alarmClock {
	a := &alarmClock{begin: time.Now(), expire: expire}
	a.Owner = a
	return a
}

func (a *alarmClock) Expire(now time.Time) {
	a.fired = append(a.fired, now.Sub(a.begin))
	if a.expire != nil {
		a.expire(now)
	}
}

// do runs f on the loop and waits until all is quiet.
func do(l *Loop, f func(now time.Time)) {
	l.Post(Event{To: Func(f)})
	synctest.Wait()
}

// pass lets virtual time pass and waits until all is quiet.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestTimersExpireAtTheirInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		stop := start(t, l)
		defer stop()
		a, b, c := newAlarmClock(nil), newAlarmClock(nil), newAlarmClock(nil)
		do(l, func(now time.Time) {
			l.Schedule(&a.Timer, now.Add(24*time.Hour))
			l.Schedule(&b.Timer, now.Add(1))
			l.Schedule(&c.Timer, now.Add(time.Hour))
			l.Schedule(&c.Timer, now.Add(time.Minute)) // earlier after all
			l.Schedule(&a.Timer, now.Add(48*time.Hour))
		})
		pass(72 * time.Hour)
		for _, x := range []struct {
			got  []time.Duration
			want time.Duration
		}{{a.fired, 48 * time.Hour}, {b.fired, 1}, {c.fired, time.Minute}} {
			if !slices.Equal(x.got, []time.Duration{x.want}) {
				t.Errorf("fired at %v, want once at %v", x.got, x.want)
			}
		}
	})
}

func TestTimerAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		stop := start(t, l)
		defer stop()
		var a *alarmClock
		a = newAlarmClock(func(now time.Time) { l.Schedule(&a.Timer, now.Add(time.Minute)) })
		do(l, func(now time.Time) { l.Schedule(&a.Timer, now) })
		pass(24*time.Hour + time.Second)
		if len(a.fired) != 24*60+1 || a.fired[24*60] != 24*time.Hour {
			t.Errorf("fired %d times, last %v", len(a.fired), a.fired[len(a.fired)-1])
		}
		do(l, func(time.Time) { l.Unschedule(&a.Timer); l.Unschedule(&a.Timer) })
		fired := len(a.fired)
		pass(time.Hour)
		if len(a.fired) != fired || a.Scheduled() || l.Timers() != 0 {
			t.Errorf("fired %d times after Unschedule", len(a.fired)-fired)
		}
	})
}

// A timer that is always in the past must keep neither events nor other timers
// waiting.
func TestTimerInThePastLetsOthersThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		stop := start(t, l)
		defer stop()
		other := newAlarmClock(nil)
		var greedy *alarmClock
		greedy = newAlarmClock(func(now time.Time) {
			if len(other.fired) == 0 && len(greedy.fired) < 1000 {
				l.Schedule(&greedy.Timer, now.Add(-time.Hour))
			}
		})
		handled := false
		do(l, func(now time.Time) {
			l.Schedule(&greedy.Timer, now.Add(-time.Hour))
			l.Schedule(&other.Timer, now)
			l.Post(Event{To: Func(func(time.Time) { handled = true })})
		})
		if len(other.fired) != 1 || !handled || len(greedy.fired) > 3 {
			t.Errorf("other fired %d times, event handled: %v, greedy fired %d times",
				len(other.fired), handled, len(greedy.fired))
		}
	})
}

// ordered notes the order in which timers expire.
type ordered struct {
	Timer
	name  int
	order *[]int
}

func (o *ordered) Expire(time.Time) { *o.order = append(*o.order, o.name) }

func TestEqualDeadlinesKeepOrder(t *testing.T) {
	l := New()
	var order, want []int
	at := time.Now().Add(time.Second)
	for i := range 50 {
		o := &ordered{name: i, order: &order}
		o.Owner = o
		l.Schedule(&o.Timer, at)
		want = append(want, i)
	}
	l.expire(at)
	if !slices.Equal(order, want) {
		t.Errorf("expired in the order %v", order)
	}
}

// The heap agrees with a sorted list, whatever is scheduled, moved and taken
// off.
func TestHeapAgreesWithSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := New()
		var order []int
		timers := make([]*ordered, rapid.IntRange(1, 40).Draw(t, "timers"))
		deadlines := make([]int, len(timers)) // -1 when not scheduled
		for i := range timers {
			timers[i] = &ordered{name: i, order: &order}
			timers[i].Owner = timers[i]
			deadlines[i] = -1
		}
		for range rapid.IntRange(0, 120).Draw(t, "steps") {
			i := rapid.IntRange(0, len(timers)-1).Draw(t, "which")
			switch ms := rapid.IntRange(-3, 60).Draw(t, "deadline"); {
			case ms < 0:
				l.Unschedule(&timers[i].Timer)
				deadlines[i] = -1
			default:
				// Distinct deadlines, so that the order is determined.
				deadlines[i] = ms*len(timers) + i
				l.Schedule(&timers[i].Timer, l.epoch.Add(time.Duration(deadlines[i])*time.Millisecond))
			}
			if timers[i].Scheduled() != (deadlines[i] >= 0) {
				t.Fatalf("timer %d: Scheduled() = %v", i, timers[i].Scheduled())
			}
		}
		var want []int
		for i, d := range deadlines {
			if d >= 0 {
				want = append(want, i)
			}
		}
		slices.SortFunc(want, func(a, b int) int { return deadlines[a] - deadlines[b] })
		if next := l.expire(l.epoch.Add(time.Hour)); next != never {
			t.Fatalf("deadline %v left", next)
		}
		if !slices.Equal(order, want) {
			t.Fatalf("expired %v, want %v", order, want)
		}
	})
}
