// Package loop runs the protocol state of many clients on one goroutine.
//
// A [Loop] is a shard: whatever belongs to it is touched by its goroutine only
// and needs no locks. Other goroutines reach it by posting: datagrams from a
// link, calls of the API, results of callbacks. Deadlines are [Timer] values
// embedded in their owners and kept in one heap behind one time.Timer, so an
// idle client costs neither a goroutine nor a runtime timer.
//
// [Workers] runs the callbacks of users elsewhere, since they may take their
// time.
package loop

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Receiver is what events are posted to. Handle is called on the loop's
// goroutine; it must not wait for anything.
type Receiver interface {
	Handle(now time.Time, e Event)
}

// Func is a Receiver that calls itself and ignores the event. Converting a func
// to it costs nothing: l.Post(loop.Event{To: loop.Func(f)}).
type Func func(now time.Time)

// Handle calls f.
func (f Func) Handle(now time.Time, _ Event) { f(now) }

// Event is one thing for the loop to do. Kind, Arg and Data mean what the
// receiver says they mean.
type Event struct {
	To   Receiver
	Kind int
	Arg  any
	// Data is kept as it is by Post. With PostDatagram it is a copy that the
	// loop owns and reuses: valid until Handle returns.
	Data []byte

	from, to int // place of Data in the batch's bytes, when to > from
}

// Limits of datagrams waiting in a Loop, when its fields are zero.
const (
	DefaultMaxDatagrams = 8192
	DefaultMaxBytes     = 8 << 20
)

// ErrStarted is returned by Run when the Loop runs already or has run before.
var ErrStarted = errors.New("loop: started twice")

// Loop owns the state of its receivers. Make one with New.
type Loop struct {
	// MaxDatagrams and MaxBytes bound what PostDatagram lets wait, in number
	// and in bytes; beyond either, datagrams are dropped and counted, as a full
	// socket buffer would. Zero means DefaultMaxDatagrams and DefaultMaxBytes.
	// They must not be changed once the Loop is in use.
	MaxDatagrams, MaxBytes int

	mu    sync.Mutex
	inbox batch // filled by Post and PostDatagram
	ended bool

	clock func() time.Time

	wake    chan struct{} // holds a token while there may be something in the inbox
	done    chan struct{}
	started atomic.Bool
	dropped atomic.Uint64

	// The following belong to the loop's goroutine.
	epoch   time.Time     // deadlines are kept as time since then
	elapsed time.Duration // since epoch, when timers were last looked at
	timers  heap
}

// New makes a Loop that waits for Run. Events may be posted and, by the
// goroutine that will call Run, timers scheduled before that.
func New() *Loop {
	return &Loop{
		clock: time.Now,
		wake:  make(chan struct{}, 1),
		done:  make(chan struct{}),
		epoch: time.Now(),
	}
}

// SetClock has another clock tell the time than time.Now, for tests in which the wall clock
// is set. Its times must have monotonic readings that keep pace with real time. It
// is to be called before anything is posted or scheduled.
func (l *Loop) SetClock(clock func() time.Time) { l.clock, l.epoch = clock, clock() }

// Now is the time that receivers are told: the wall clock stamps values, its monotonic
// reading decides about deadlines. It may be called from any goroutine.
func (l *Loop) Now() time.Time { return l.clock() }

// Post queues an event. It never waits and never drops: its callers are bounded
// by themselves. It reports false when the Loop has ended, and then e will not
// be handled. An event for which it reported true is handled, also if the loop
// is just ending.
func (l *Loop) Post(e Event) bool {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return false
	}
	l.inbox.events = append(l.inbox.events, e)
	l.mu.Unlock()
	l.notify()
	return true
}

// PostDatagram queues a copy of datagram as the Data of an event. It reports
// false when it was dropped because too many wait or the Loop has ended.
func (l *Loop) PostDatagram(to Receiver, kind int, arg any, datagram []byte) bool {
	l.mu.Lock()
	if l.ended || !l.inbox.room(len(datagram), l.MaxDatagrams, l.MaxBytes) {
		l.mu.Unlock()
		l.dropped.Add(1)
		return false
	}
	l.inbox.addDatagram(Event{To: to, Kind: kind, Arg: arg}, datagram)
	l.mu.Unlock()
	l.notify()
	return true
}

// Dropped is the number of datagrams that PostDatagram dropped.
func (l *Loop) Dropped() uint64 { return l.dropped.Load() }

// Done is closed when Run has returned. Who waits for an answer from the loop
// waits for Done too.
func (l *Loop) Done() <-chan struct{} { return l.done }

func (l *Loop) notify() {
	select {
	case l.wake <- struct{}{}:
	default: // a token is there already
	}
}

// Run handles events and expires timers until ctx ends. Then it handles the
// events that are posted already, and those that they post in turn, refuses
// further ones and returns nil; timers that are not due yet stay where they
// are. A Loop runs once: a second call returns ErrStarted.
func (l *Loop) Run(ctx context.Context) error {
	if l.started.Swap(true) {
		return ErrStarted
	}
	defer close(l.done)
	alarm := alarm{at: never}
	defer alarm.stop()
	var work batch
	for ctx.Err() == nil {
		l.swap(&work, false)
		l.handle(&work)
		alarm.set(l.expire(l.Now()), l)
		select {
		case <-l.wake:
		case <-alarm.ring():
			alarm.rang()
		case <-ctx.Done():
		}
	}
	for l.swap(&work, true) {
		l.handle(&work)
	}
	return nil
}

// swap trades the emptied batch for the filled inbox. With last set, it marks
// the Loop as ended once nothing is left, and reports whether there is
// something to do.
func (l *Loop) swap(work *batch, last bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	*work, l.inbox = l.inbox, *work
	if len(work.events) > 0 {
		return true
	}
	l.ended = last
	return false
}

// nowEvery is the number of events handled before the clock is read again:
// reading it costs about as much as a small event.
const nowEvery = 16

// handle gives each event of the batch to its receiver and empties the batch.
func (l *Loop) handle(work *batch) {
	var now time.Time
	for i := range work.events {
		if i%nowEvery == 0 {
			now = l.Now()
		}
		e := work.event(i)
		e.To.Handle(now, e)
	}
	work.reset()
}
