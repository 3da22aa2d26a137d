package shell

import (
	"context"
	"slices"
	"sync"

	"github.com/lwm2m-go/lwm2m"
)

// journalSize is how many events are remembered.
const journalSize = 1000

// journal remembers events.
type journal struct {
	mu      sync.Mutex
	events  []lwm2m.Event
	first   uint64        // the number of the first event that is remembered
	changed chan struct{} // closed and made anew with each event
}

func (j *journal) add(e lwm2m.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
	if over := len(j.events) - journalSize; over > 0 {
		j.events = slices.Delete(j.events, 0, over)
		j.first += uint64(over)
	}
	close(j.changed)
	j.changed = make(chan struct{})
}

// end is the number of the next event.
func (j *journal) end() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first + uint64(len(j.events))
}

// since returns the events from a number on, and what is closed when another comes.
func (j *journal) since(n uint64) ([]lwm2m.Event, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	skip := min(max(n, j.first)-j.first, uint64(len(j.events)))
	return slices.Clone(j.events[skip:]), j.changed
}

// wait waits for an event from a number on that is wanted, and returns it with the number after it.
func (j *journal) wait(ctx context.Context, from uint64, wanted func(lwm2m.Event) bool) (lwm2m.Event, uint64, error) {
	for {
		j.mu.Lock()
		from = max(from, j.first)
		j.mu.Unlock()
		events, changed := j.since(from)
		for i, e := range events {
			if wanted(e) {
				return e, from + uint64(i) + 1, nil
			}
		}
		from += uint64(len(events))
		select {
		case <-changed:
		case <-ctx.Done():
			return lwm2m.Event{}, from, ctx.Err()
		}
	}
}
