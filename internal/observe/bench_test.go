package observe

import (
	"fmt"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

// populated is an Engine with n observations, each of another Resource.
func populated(n int) *Engine[int] {
	e := &Engine[int]{}
	for i := range n {
		p := model.PathOf(3303, uint16(i/10), uint16(i%10))
		e.Sent(epoch, e.Add(epoch, Request[int]{Server: 1, Token: i, Paths: []model.Path{p}}), false)
	}
	return e
}

// BenchmarkChanged is a change of one observed Resource among others, up to the
// notification: its cost must not grow with the others.
func BenchmarkChanged(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("observations=%d", n), func(b *testing.B) {
			e := populated(n)
			changed := []model.Path{model.PathOf(3303, 0, 0)}
			var due []*Observation[int]
			b.ReportAllocs()
			for b.Loop() {
				e.Changed(epoch, changed)
				due = e.Due(epoch, due[:0])
				e.Sent(epoch, due[0], false)
			}
		})
	}
}

// BenchmarkIsObserved is what a change of a Resource costs that nobody observes.
func BenchmarkIsObserved(b *testing.B) {
	for _, n := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("observations=%d", n), func(b *testing.B) {
			e := populated(n)
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
	e := populated(10_000)
	request := Request[int]{Server: 1, Token: -1, Paths: []model.Path{model.PathOf(3304, 0, 5700)}}
	b.ReportAllocs()
	for b.Loop() {
		e.Add(epoch, request)
		e.Cancel(1, -1)
	}
}

// A change costs no memory, whether observed or not.
func TestChangesDoNotAllocate(t *testing.T) {
	e := populated(100)
	observed, other := []model.Path{model.PathOf(3303, 0, 0)}, []model.Path{model.PathOf(3304, 0, 0)}
	due := make([]*Observation[int], 0, 1)
	allocs := testing.AllocsPerRun(100, func() {
		if e.IsObserved(other[0]) || !e.IsObserved(observed[0]) {
			t.Error("wrong path observed")
		}
		e.Changed(epoch, other)
		e.Changed(epoch, observed)
		due = e.Due(epoch, due[:0])
		e.Sent(epoch, due[0], false)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
}
