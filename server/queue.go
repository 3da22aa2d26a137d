package server

import (
	"context"
	"sync"
)

// queue hands values from the goroutine of the protocol, which must not wait, to
// goroutines that take their time. It is bounded: what is put into a full queue
// pushes out the oldest, and who takes is told once.
type queue[T any] struct {
	mu    sync.Mutex
	limit int
	items []T
	lost  bool
	end   error         // what next returns when nothing is left; nil while open
	ready chan struct{} // closed and replaced when there is something new
}

func newQueue[T any](limit int) *queue[T] {
	return &queue[T]{limit: limit, ready: make(chan struct{})}
}

func (q *queue[T]) put(v T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.end != nil {
		return
	}
	if len(q.items) == q.limit {
		var zero T
		q.items[0] = zero
		q.items = q.items[1:]
		q.lost = true
	}
	q.items = append(q.items, v)
	q.wake()
}

// close lets next return err once nothing is left. Only the first call counts.
func (q *queue[T]) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.end == nil {
		q.end = err
		q.wake()
	}
}

func (q *queue[T]) wake() {
	close(q.ready)
	q.ready = make(chan struct{})
}

func (q *queue[T]) next(ctx context.Context) (T, error) {
	for {
		v, ready, err := q.take()
		if ready == nil {
			return v, err
		}
		select {
		case <-ready:
		case <-ctx.Done():
			var zero T
			return zero, ctx.Err()
		}
	}
}

// take returns the next value or error, or what to wait for.
func (q *queue[T]) take() (v T, ready <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.lost:
		q.lost = false
		return v, nil, ErrLost
	case len(q.items) > 0:
		v = q.items[0]
		var zero T
		q.items[0] = zero
		q.items = q.items[1:]
		return v, nil, nil
	case q.end != nil:
		return v, nil, q.end
	}
	return v, q.ready, nil
}
