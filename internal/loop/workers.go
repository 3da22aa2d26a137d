package loop

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Limits of Workers when its fields are zero.
const (
	DefaultMaxWorkers = 16
	DefaultMaxWaiting = 4096
)

// Errors of Workers.
var (
	// ErrBusy says that too many tasks wait for a worker.
	ErrBusy = errors.New("loop: too many callbacks are waiting")
	// ErrStopped says that a task was not run since Close had been called.
	ErrStopped = errors.New("loop: callbacks are no longer run")
	// ErrExited says that a task ended its goroutine (runtime.Goexit, or
	// FailNow in a test).
	ErrExited = errors.New("loop: callback called runtime.Goexit")
)

// PanicError is what a task's done function gets when the task panicked.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // of the goroutine that panicked, as debug.Stack gives it
}

// Panicked makes a *PanicError of what recover gave. It is to be called in the
// deferred function that recovered, so that the stack shows who panicked.
func Panicked(value any) error { return &PanicError{Value: value, Stack: debug.Stack()} }

// Error gives the panic's value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("callback panicked: %v", e.Value) }

// Unwrap gives the panic's value if that was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Workers runs tasks on goroutines that start when there is something to do and
// end when there is not. The zero value is ready; its methods may be called
// from any goroutine.
type Workers struct {
	// Max bounds the tasks that run at the same time. Default:
	// DefaultMaxWorkers.
	Max int
	// MaxWaiting bounds the tasks that wait for a free worker. Default:
	// DefaultMaxWaiting.
	MaxWaiting int

	mu      sync.Mutex
	waiting []task // for a worker, in order
	running int
	laned   int // tasks waiting in Lanes, counted towards MaxWaiting
	stopped bool
	idle    chan struct{} // made by Close, closed when nothing runs any more
}

// Lane keeps tasks in order: those of one Lane run one after another, while
// those of different Lanes, and those without one, run side by side. The zero
// value is ready; it belongs to one Workers.
type Lane struct {
	busy    bool
	waiting []task
}

type task struct {
	lane *Lane
	run  func() error
	done func(error)
}

// Go runs run and then done with its error, both on a worker. A panic in run
// becomes a *PanicError, runtime.Goexit becomes ErrExited; done itself must not
// panic. With a lane, the task waits for those of the lane before it. Go does
// not wait; it returns ErrBusy or ErrStopped, without calling either function,
// if the task cannot be taken.
func (w *Workers) Go(lane *Lane, run func() error, done func(error)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := task{lane, run, done}
	limit := w.limit(w.MaxWaiting, DefaultMaxWaiting)
	full := len(w.waiting)+w.laned >= limit
	switch {
	case w.stopped:
		return ErrStopped
	case lane != nil && lane.busy:
		if full {
			return ErrBusy
		}
		lane.waiting = append(lane.waiting, t)
		w.laned++
		return nil
	case w.running >= w.limit(w.Max, DefaultMaxWorkers):
		if full {
			return ErrBusy
		}
		w.waiting = append(w.waiting, t)
	default:
		w.running++
		go w.work(t)
	}
	if lane != nil {
		lane.busy = true
	}
	return nil
}

func (w *Workers) limit(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// work runs t and then whatever waits. If t ends the goroutine, another one
// takes over.
func (w *Workers) work(t task) {
	exited := true
	defer func() {
		if exited {
			if t, ok := w.next(t.lane); ok {
				go w.work(t)
			}
		}
	}()
	for ok := true; ok; t, ok = w.next(t.lane) {
		t.call()
	}
	exited = false
}

// call runs the task and reports how it ended.
func (t task) call() {
	err := ErrExited
	defer func() {
		if v := recover(); v != nil {
			err = Panicked(v)
		}
		t.done(err)
	}()
	err = t.run()
}

// next takes the task to run after one of the given lane, or ends the worker. A
// lane's next task goes to the end of the queue, so that a busy lane does not
// keep the worker to itself.
func (w *Workers) next(lane *Lane) (task, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if lane != nil {
		if len(lane.waiting) > 0 {
			w.waiting = append(w.waiting, pop(&lane.waiting))
			w.laned--
		} else {
			lane.busy, lane.waiting = false, nil
		}
	}
	if len(w.waiting) > 0 {
		return pop(&w.waiting), true
	}
	w.waiting = nil
	w.running--
	if w.running == 0 && w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
	return task{}, false
}

// pop takes out the first task. The room it leaves is given back when append
// next moves the rest.
func pop(tasks *[]task) task {
	t := (*tasks)[0]
	(*tasks)[0] = task{}
	*tasks = (*tasks)[1:]
	return t
}

// Close makes Go refuse tasks from now on and waits until those that were taken
// have ended or ctx has; in the latter case it returns an error that says how
// many are left, and they end on their own.
func (w *Workers) Close(ctx context.Context) error {
	w.mu.Lock()
	w.stopped = true
	if w.running == 0 {
		w.mu.Unlock()
		return nil
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	idle := w.idle
	w.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		return fmt.Errorf("loop: %d callbacks still running: %w", w.running, ctx.Err())
	}
}
