package lwm2m

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A change set has each path once, in the order of the first change.
func TestChangeSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s changeSet
		for range 3 {
			var want []Path
			for range rapid.IntRange(0, 100).Draw(t, "changes") {
				p := PathOf(uint16(rapid.IntRange(0, 2).Draw(t, "object")), uint16(rapid.IntRange(0, 20).Draw(t, "instance")))
				s.add(p)
				if !slices.Contains(want, p) {
					want = append(want, p)
				}
			}
			got := s.take()
			if !slices.Equal(got, want) || len(s.paths) > 0 {
				t.Fatalf("%v, want %v", got, want)
			}
			s.keep(got)
			if len(s.paths) > 0 {
				t.Fatalf("%v left", s.paths)
			}
		}
	})
}

func TestChangeSetAllocations(t *testing.T) {
	var s changeSet
	p := PathOf(3303, 0, 5700)
	if n := testing.AllocsPerRun(100, func() {
		for range 1000 {
			s.add(p)
		}
		s.keep(s.take())
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
