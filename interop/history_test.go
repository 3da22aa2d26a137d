package interop

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/lwm2m-go/lwm2m"
)

// history is what Config.OnEvent was told. As with leshan.Stream, a wait takes
// the first event that no wait has taken before.
type history struct {
	mu      sync.Mutex
	events  []lwm2m.Event
	used    []bool
	changed chan struct{}
}

func newHistory() *history { return &history{changed: make(chan struct{})} }

func (h *history) add(e lwm2m.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events, h.used = append(h.events, e), append(h.used, false)
	close(h.changed)
	h.changed = make(chan struct{})
}

// wait returns the next event of a kind.
func (h *history) wait(ctx context.Context, t testing.TB, kind lwm2m.EventKind) lwm2m.Event {
	t.Helper()
	for {
		event, found, changed := h.take(kind)
		if found {
			return event
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("no event %v: %v; came: %s", kind, ctx.Err(), h)
		}
	}
}

func (h *history) take(kind lwm2m.EventKind) (event lwm2m.Event, found bool, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, e := range h.events {
		if e.Kind == kind && !h.used[i] {
			h.used[i] = true
			return e, true, nil
		}
	}
	return lwm2m.Event{}, false, h.changed
}

// String is the kinds of all events.
func (h *history) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var kinds []string
	for _, e := range h.events {
		kinds = append(kinds, fmt.Sprint(e))
	}
	return strings.Join(kinds, "; ")
}
