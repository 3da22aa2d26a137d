package loop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a loop in the current synctest bubble and gives a function that
// ends it and checks how Run returned.
func start(t *testing.T, l *Loop) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- l.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-result; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// collector notes the events it gets.
type collector struct {
	events []Event
	at     []time.Time
}

func (c *collector) Handle(now time.Time, e Event) {
	e.Data = slices.Clone(e.Data)
	c.events = append(c.events, e)
	c.at = append(c.at, now)
}

func TestEventsArriveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		stop := start(t, l)
		var c collector
		for i := range 100 {
			if i%2 == 0 {
				l.Post(Event{To: &c, Kind: i, Arg: "call"})
			} else {
				l.PostDatagram(&c, i, "datagram", fmt.Appendf(nil, "number %d", i))
			}
		}
		synctest.Wait()
		if len(c.events) != 100 {
			t.Fatalf("%d events, want 100", len(c.events))
		}
		for i, e := range c.events {
			if e.Kind != i {
				t.Errorf("event %d is number %d", i, e.Kind)
			}
			if want := fmt.Sprintf("number %d", i); i%2 == 1 && string(e.Data) != want {
				t.Errorf("event %d has data %q, want %q", i, e.Data, want)
			}
			if !c.at[i].Equal(time.Now()) {
				t.Errorf("event %d handled at %v, want %v", i, c.at[i], time.Now())
			}
		}
		stop()
	})
}

func TestPostFromManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		stop := start(t, l)
		var c collector
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 1000 {
					l.PostDatagram(&c, g, nil, []byte{byte(g), byte(i)})
				}
			})
		}
		wg.Wait()
		stop()
		got := make([]int, 8)
		for _, e := range c.events {
			if e.Data[0] != byte(e.Kind) || e.Data[1] != byte(got[e.Kind]) {
				t.Fatalf("event of %d with data %v, want number %d", e.Kind, e.Data, got[e.Kind])
			}
			got[e.Kind]++
		}
		if !slices.Equal(got, []int{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}) {
			t.Errorf("got %v of each, want 1000", got)
		}
	})
}

func TestDatagramsAreBounded(t *testing.T) {
	l := New()
	l.MaxDatagrams, l.MaxBytes = 3, 100
	var c collector
	for i, want := range []bool{true, true, true, false, false} {
		if got := l.PostDatagram(&c, i, nil, []byte("x")); got != want {
			t.Errorf("datagram %d taken: %v, want %v", i, got, want)
		}
	}
	if !l.Post(Event{To: &c, Kind: 99}) {
		t.Error("a call was dropped")
	}
	if got := l.Dropped(); got != 2 {
		t.Errorf("Dropped() = %d, want 2", got)
	}
	l = New()
	l.MaxBytes = 100
	if !l.PostDatagram(&c, 0, nil, make([]byte, 60)) || l.PostDatagram(&c, 0, nil, make([]byte, 41)) ||
		!l.PostDatagram(&c, 0, nil, make([]byte, 40)) {
		t.Error("MaxBytes not kept to")
	}
}

func TestEndHandlesWhatWasPosted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New()
		var c collector
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		// A chain of events, each posted by the one before.
		l.Post(Event{To: Func(func(time.Time) {
			l.Post(Event{To: Func(func(time.Time) { l.Post(Event{To: &c, Kind: 3}) })})
		})})
		if err := l.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if len(c.events) != 1 {
			t.Errorf("%d events handled, want the end of the chain", len(c.events))
		}
		select {
		case <-l.Done():
		default:
			t.Error("Done is open after Run")
		}
		if l.Post(Event{To: &c}) || l.PostDatagram(&c, 0, nil, []byte("x")) {
			t.Error("an event was taken after the end")
		}
		if err := l.Run(context.Background()); !errors.Is(err, ErrStarted) {
			t.Errorf("second Run: %v, want ErrStarted", err)
		}
	})
}

func TestBatchGivesRoomBack(t *testing.T) {
	var b batch
	big := bytes.Repeat([]byte("x"), keepBytes*4)
	b.addDatagram(Event{}, big)
	for range keepEvents * 4 {
		b.events = append(b.events, Event{Arg: "kept alive"})
	}
	b.reset()
	if cap(b.events) == 0 || cap(b.bytes) == 0 {
		t.Error("room in use was given back")
	}
	if full := b.events[:keepEvents]; full[keepEvents-1].Arg != nil {
		t.Error("a handled event is kept alive")
	}
	for range keepFor {
		b.addDatagram(Event{}, []byte("small"))
		b.reset()
	}
	if cap(b.events) != 0 || cap(b.bytes) != 0 {
		t.Errorf("room for %d events and %d bytes kept", cap(b.events), cap(b.bytes))
	}
}
