package loop

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// echo answers each datagram by waking who waits for it.
type echo chan int

func (e echo) Handle(_ time.Time, ev Event) { e <- len(ev.Data) }

func runForBenchmark(b *testing.B, l *Loop) {
	ctx, cancel := context.WithCancel(context.Background())
	go l.Run(ctx)
	b.Cleanup(func() { cancel(); <-l.Done() })
	b.ReportAllocs()
	b.ResetTimer()
}

// BenchmarkPingPong is one datagram at a time: two changes of goroutine each.
func BenchmarkPingPong(b *testing.B) {
	l, e, datagram := New(), make(echo), make([]byte, 64)
	runForBenchmark(b, l)
	for b.Loop() {
		l.PostDatagram(e, 0, l, datagram)
		if <-e != len(datagram) {
			b.Fatal("datagram changed its length")
		}
	}
}

// BenchmarkPingPongBare is the same with a channel in place of the loop, for
// comparison.
func BenchmarkPingPongBare(b *testing.B) {
	there, back := make(chan []byte, 1), make(chan int)
	go func() {
		for d := range there {
			back <- len(d)
		}
	}()
	defer close(there)
	datagram := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		there <- datagram
		<-back
	}
}

// count ends when it has handled enough.
type count struct {
	left int
	done chan struct{}
}

func (c *count) Handle(time.Time, Event) {
	if c.left--; c.left == 0 {
		close(c.done)
	}
}

// BenchmarkStream is one goroutine that posts as fast as the loop takes it.
func BenchmarkStream(b *testing.B) {
	l, datagram := New(), make([]byte, 64)
	c := &count{left: b.N, done: make(chan struct{})}
	l.MaxDatagrams = 1024
	runForBenchmark(b, l)
	for range b.N {
		for !l.PostDatagram(c, 0, nil, datagram) {
			runtime.Gosched()
		}
	}
	<-c.done
}

// BenchmarkReschedule moves one of 100,000 timers, as each exchange of a fleet
// does.
func BenchmarkReschedule(b *testing.B) {
	l, now, random := New(), time.Now(), rand.New(rand.NewPCG(1, 2))
	timers := make([]alarmClock, 100_000)
	for i := range timers {
		timers[i].Owner = &timers[i]
		l.Schedule(&timers[i].Timer, now.Add(time.Duration(random.Int64N(int64(time.Hour)))))
	}
	b.ReportAllocs()
	for b.Loop() {
		t := &timers[random.IntN(len(timers))]
		l.Schedule(&t.Timer, now.Add(time.Duration(random.Int64N(int64(time.Hour)))))
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	l, e, datagram := New(), make(echo, 1), make([]byte, 64)
	ctx, cancel := context.WithCancel(context.Background())
	go l.Run(ctx)
	defer func() { cancel(); <-l.Done() }()
	got := testing.AllocsPerRun(1000, func() {
		l.PostDatagram(e, 0, l, datagram)
		<-e
		l.Post(Event{To: e})
		<-e
	})
	if got != 0 {
		t.Errorf("%v allocations for a datagram and a call, want 0", got)
	}
}
