package lwm2m

import (
	"context"
	"log/slog"
	"sync"
)

// events hands events to the application: one at a time, in order, none lost, on
// a goroutine that lives while there are any.
type events struct {
	deliver func(Event)

	mu      sync.Mutex
	queue   []Event
	running bool
	idle    chan struct{} // made by wait, closed when the queue is empty
}

// emit tells the application about an event.
func (c *Client) emit(e Event) {
	level := slog.LevelInfo
	if e.Kind == NotifyAcknowledged { // all is well, many times
		level = slog.LevelDebug
	}
	if c.log.Enabled(context.Background(), level) {
		c.log.Log(context.Background(), level, e.Kind.String(), eventAttrs(e)...)
	}
	q := &c.events
	if q.deliver == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = append(q.queue, e)
	if !q.running {
		q.running = true
		go q.run(c)
	}
}

// emitNow tells about events that happened just now, if any. c may be nil.
func (c *Client) emitNow(events ...Event) {
	if c == nil {
		return
	}
	for _, e := range events {
		if e.Kind != 0 {
			c.mu.Lock()
			e.Time = c.now()
			c.mu.Unlock()
			c.emit(e)
		}
	}
}

func eventAttrs(e Event) []any {
	var attrs []any
	if e.Server != 0 {
		attrs = append(attrs, "server", e.Server)
	}
	if !e.Path.IsRoot() {
		attrs = append(attrs, "path", e.Path.String())
	}
	if e.Location != "" {
		attrs = append(attrs, "location", e.Location)
	}
	if e.Handshake != "" {
		attrs = append(attrs, "handshake", e.Handshake)
	}
	if e.Err != nil {
		attrs = append(attrs, "err", e.Err)
	}
	if e.Attempt > 0 {
		attrs = append(attrs, "attempt", e.Attempt)
	}
	if !e.Next.IsZero() {
		attrs = append(attrs, "next", e.Next)
	}
	return attrs
}

func (q *events) run(c *Client) {
	for {
		q.mu.Lock()
		if len(q.queue) == 0 {
			q.queue, q.running = nil, false
			if q.idle != nil {
				close(q.idle)
				q.idle = nil
			}
			q.mu.Unlock()
			return
		}
		e := q.queue[0]
		q.queue = q.queue[1:]
		q.mu.Unlock()
		q.handOver(c, e)
	}
}

func (q *events) handOver(c *Client, e Event) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("OnEvent panicked", "event", e.Kind.String(), "panic", v)
		}
	}()
	q.deliver(e)
}

// wait waits until all events have been handed over, or ctx ends.
func (q *events) wait(ctx context.Context) {
	q.mu.Lock()
	if !q.running {
		q.mu.Unlock()
		return
	}
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	idle := q.idle
	q.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
