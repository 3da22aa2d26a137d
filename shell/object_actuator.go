package shell

import (
	"context"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Resources of Light Control (3311) and Push Button (3347).
const (
	digitalState = 5500
	stateCounter = 5501
	onOff        = 5850
	onTime       = 5852
)

// stopwatch counts the seconds for which something is on.
type stopwatch struct {
	mu    sync.Mutex
	since time.Time // zero while it is off
	total time.Duration
}

func (w *stopwatch) turn(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case on && w.since.IsZero():
		w.since = time.Now()
	case !on && !w.since.IsZero():
		w.total += time.Since(w.since)
		w.since = time.Time{}
	}
}

func (w *stopwatch) read() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since.IsZero() {
		return w.total
	}
	return w.total + time.Since(w.since)
}

func (w *stopwatch) set(total time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total = total
	if !w.since.IsZero() {
		w.since = time.Now()
	}
}

// fillLight makes a Light Control (3311) that counts how long it is on.
func fillLight(in *lwm2m.Instance) (follow, error) {
	watch := &stopwatch{}
	lwm2m.ResourceOf[bool](in, onOff).OnWrite(func(_ context.Context, on bool) error {
		watch.turn(on)
		return nil
	})
	seconds := lwm2m.ResourceOf[int64](in, onTime)
	seconds.OnRead(func(context.Context) (int64, error) { return int64(watch.read() / time.Second), nil })
	seconds.OnWrite(func(_ context.Context, n int64) error {
		if n < 0 || n > maxOnTime {
			return lwm2m.BadRequest
		}
		watch.set(time.Duration(n) * time.Second)
		return nil
	})
	follow := func(c lwm2m.Change) []lwm2m.Change {
		switch c.Path.Resource() {
		case onOff:
			watch.turn(c.Value.Bool())
		case onTime:
			watch.set(time.Duration(min(max(c.Value.Int(), 0), maxOnTime)) * time.Second)
		}
		return nil
	}
	return follow, values{onOff: model.BooleanValue(false)}.set(in)
}

// maxOnTime is the most that On time can be set to, in seconds: what a Duration holds.
const maxOnTime = int64(1<<63-1) / int64(time.Second)

// fillButton makes a Push Button (3347) that counts how often it was pressed.
func fillButton(in *lwm2m.Instance) (follow, error) {
	follow := func(c lwm2m.Change) []lwm2m.Change {
		before, _ := in.Get(digitalState)
		if c.Path.Resource() != digitalState || !c.Value.Bool() || before.Bool() {
			return nil
		}
		count, _ := in.Get(stateCounter)
		return []lwm2m.Change{{Path: in.Path().Child(stateCounter), Value: model.IntegerValue(count.Int() + 1)}}
	}
	return follow, values{digitalState: model.BooleanValue(false), stateCounter: model.IntegerValue(0)}.set(in)
}
