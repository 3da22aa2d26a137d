package observe

import (
	"fmt"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// populated is an Engine with n observations, each of another Resource with a number.
func populated(n int, a model.Attributes) *Engine[int] {
	e := &Engine[int]{}
	for i := range n {
		p := model.PathOf(3303, uint16(i/10), uint16(i%10))
		o := e.Add(epoch, Request[int]{Server: 1, Token: i, Paths: []model.Path{p}, HasOwn: true, Attributes: a})
		e.Evaluate(epoch, o, []format.Node{{Path: p, Value: model.FloatValue(20)}})
		e.Sent(epoch, o, false)
	}
	return e
}

// notifier changes the first Resource of a populated Engine again and again.
type notifier struct {
	engine  *Engine[int]
	now     time.Time
	value   float64
	changed []model.Path
	nodes   []format.Node
	due     []*Observation[int]
}

func newNotifier(e *Engine[int]) *notifier {
	p := model.PathOf(3303, 0, 0)
	return &notifier{engine: e, now: epoch, changed: []model.Path{p}, nodes: []format.Node{{Path: p}}}
}

// notify is all that the Engine does for a notification, one second after the last.
func (n *notifier) notify() bool {
	n.now, n.value = n.now.Add(time.Second), n.value+1
	n.nodes[0].Value = model.FloatValue(n.value)
	n.engine.Changed(n.now, n.changed)
	n.due = n.engine.Due(n.now, n.due[:0])
	if len(n.due) != 1 || n.engine.Evaluate(n.now, n.due[0], n.nodes) != Send {
		return false
	}
	n.engine.Sent(n.now, n.due[0], false)
	return true
}

var sizes = []int{1, 100, 10_000}

// BenchmarkNotification is a change of one observed Resource among others, up to the
// notification: its cost must not grow with the others.
func BenchmarkNotification(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("observations=%d", size), func(b *testing.B) {
			n := newNotifier(populated(size, attributesOf(b, "pmin=1 pmax=4294967295 st=1 gt=1000000")))
			b.ReportAllocs()
			for b.Loop() {
				if !n.notify() {
					b.Fatal("not notified")
				}
			}
		})
	}
}

// BenchmarkChangedInsidePmin is one of the changes of an observed Resource that come
// before pmin has passed.
func BenchmarkChangedInsidePmin(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("observations=%d", size), func(b *testing.B) {
			e := populated(size, attributesOf(b, "pmin=10 pmax=60"))
			changed := []model.Path{model.PathOf(3303, 0, 0)}
			b.ReportAllocs()
			for b.Loop() {
				e.Changed(epoch, changed)
			}
		})
	}
}

// BenchmarkChangedUnobserved is what a change of a Resource costs that nobody observes.
func BenchmarkChangedUnobserved(b *testing.B) {
	for _, size := range append(sizes, 0) {
		b.Run(fmt.Sprintf("observations=%d", size), func(b *testing.B) {
			e := populated(size, model.Attributes{})
			p := model.PathOf(3304, 0, 5700)
			b.ReportAllocs()
			for b.Loop() {
				if e.IsObserved(p) {
					b.Fatal("observed")
				}
			}
		})
	}
}

// BenchmarkAdd is the life of an observation among 10,000 others.
func BenchmarkAdd(b *testing.B) {
	e := populated(10_000, model.Attributes{})
	request := Request[int]{Server: 1, Token: -1, Paths: []model.Path{model.PathOf(3304, 0, 5700)}}
	b.ReportAllocs()
	for b.Loop() {
		o := e.Add(epoch, request)
		e.Evaluate(epoch, o, nil)
		e.Sent(epoch, o, false)
		e.Cancel(1, -1)
	}
}

// A change costs no memory, whether observed or not, notified or not.
func TestChangesDoNotAllocate(t *testing.T) {
	n := newNotifier(populated(100, attributesOf(t, "pmin=1 pmax=60 st=1")))
	n.due = make([]*Observation[int], 0, 1)
	other := []model.Path{model.PathOf(3304, 0, 0)}
	n.notify()
	for what, f := range map[string]func(){
		"unobserved": func() {
			if n.engine.IsObserved(other[0]) || !n.engine.IsObserved(n.changed[0]) {
				t.Error("wrong path observed")
			}
			n.engine.Changed(n.now, other)
		},
		"inside pmin": func() { n.engine.Changed(n.now, n.changed) },
	} {
		if allocs := testing.AllocsPerRun(100, f); allocs != 0 {
			t.Errorf("%s: %v allocations, want none", what, allocs)
		}
	}
	n = newNotifier(populated(100, attributesOf(t, "pmin=1 st=1")))
	n.due = make([]*Observation[int], 0, 1)
	if allocs := testing.AllocsPerRun(100, func() {
		if !n.notify() {
			t.Error("not notified")
		}
	}); allocs != 0 {
		t.Errorf("notified: %v allocations, want none", allocs)
	}
}

// A hundred thousand changes a second of one Resource, for an hour, are no more than
// what pmin lets through, and leave nothing behind.
func TestBurst(t *testing.T) {
	n := newNotifier(populated(3, attributesOf(t, "pmin=10")))
	sent := 0
	for range 3600 {
		for range 1000 { // the rest are the same
			n.engine.Changed(n.now, n.changed)
		}
		if n.notify() {
			sent++
		}
	}
	if sent != 360 {
		t.Errorf("%d notifications in an hour, want one in 10 s", sent)
	}
	if l := len(n.engine.queue); l > 1 || cap(n.engine.queue) > 4 {
		t.Errorf("queue of %d (capacity %d)", l, cap(n.engine.queue))
	}
}
