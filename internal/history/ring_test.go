package history

import (
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

var epoch = time.Unix(1700000000, 0)

// sample number i was taken i seconds after the first.
func sample(i int) Sample {
	return Sample{epoch.Add(time.Duration(i) * time.Second), model.IntegerValue(int64(i))}
}

func filled(limit, samples int, dropNewest bool) *Ring {
	r := New(limit, dropNewest)
	for i := range samples {
		r.Append(sample(i))
	}
	return r
}

// kept lists the numbers of the samples in r, and checks their times.
func kept(t testing.TB, r *Ring) []int64 {
	t.Helper()
	var all []int64
	for i := range r.Len() {
		s := r.At(i)
		if n := s.Value.Int(); !s.Time.Equal(epoch.Add(time.Duration(n) * time.Second)) {
			t.Errorf("sample %d has the time %v", n, s.Time)
		}
		all = append(all, s.Value.Int())
	}
	return all
}

func expectKept(t testing.TB, r *Ring, want ...int64) {
	t.Helper()
	got := kept(t, r)
	if len(got) != len(want) {
		t.Fatalf("kept %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("kept %v, want %v", got, want)
		}
	}
}

func expectCounts(t testing.TB, r *Ring, acknowledged, dropped uint64) {
	t.Helper()
	if a, d := r.Counts(); a != acknowledged || d != dropped {
		t.Errorf("%d acknowledged, %d dropped; want %d, %d", a, d, acknowledged, dropped)
	}
}

func TestDropOldest(t *testing.T) {
	r := filled(3, 5, false)
	expectKept(t, r, 2, 3, 4)
	expectCounts(t, r, 0, 2)
}

func TestDropNewest(t *testing.T) {
	r := New(3, true)
	for i := range 5 {
		if dropped := r.Append(sample(i)); dropped != (i >= 3) {
			t.Errorf("Append %d: dropped %v", i, dropped)
		}
	}
	expectKept(t, r, 0, 1, 2)
	expectCounts(t, r, 0, 2)
}

func TestTakeAndCommit(t *testing.T) {
	r := filled(10, 5, false)
	first, count, a := r.Take(1, 2)
	if first != 0 || count != 2 || r.Pending(1) != 3 {
		t.Errorf("took %d from %d, %d left", count, first, r.Pending(1))
	}
	first, count, b := r.Take(1, 100)
	if first != 2 || count != 3 || r.Pending(1) != 0 {
		t.Errorf("took %d from %d, %d left", count, first, r.Pending(1))
	}
	if _, count, _ := r.Take(1, 1); count != 0 {
		t.Errorf("took %d from nothing", count)
	}
	r.Commit(b)
	expectKept(t, r, 0, 1, 2, 3, 4) // as those before are still on their way
	r.Commit(a)
	expectKept(t, r)
	expectCounts(t, r, 5, 0)
	r.Append(sample(5))
	if first, count, _ := r.Take(1, 9); first != 0 || count != 1 {
		t.Errorf("took %d from %d", count, first)
	}
}

func TestRollback(t *testing.T) {
	r := filled(10, 5, false)
	_, _, a := r.Take(1, 2)
	_, _, b := r.Take(1, 2)
	r.Rollback(a)
	if first, count, c := r.Take(1, 9); first != 0 || count != 5 {
		t.Errorf("took %d from %d", count, first)
	} else {
		r.Commit(b) // which no longer counts
		r.Rollback(a)
		expectKept(t, r, 0, 1, 2, 3, 4)
		r.Commit(c)
		expectCounts(t, r, 5, 0)
	}
}

func TestRoomIsMadeWhileUnderWay(t *testing.T) {
	r := filled(3, 3, false)
	_, _, m := r.Take(1, 2)
	r.Append(sample(3))
	r.Append(sample(4))
	r.Rollback(m)
	expectKept(t, r, 2, 3, 4)
	if first, count, m := r.Take(1, 9); first != 0 || count != 3 {
		t.Errorf("took %d from %d", count, first)
	} else {
		r.Append(sample(5))
		r.Commit(m)
	}
	expectKept(t, r, 5)
	expectCounts(t, r, 2, 3)
}

func TestSeveralReaders(t *testing.T) {
	r := filled(4, 2, false)
	_, _, a := r.Take(1, 9)
	_, _, b := r.Take(2, 1)
	r.Commit(a)
	expectKept(t, r, 0, 1)
	r.Commit(b)
	expectKept(t, r, 1)
	if r.Pending(1) != 0 || r.Pending(2) != 1 || r.Pending(3) != 1 {
		t.Errorf("pending %d, %d, %d", r.Pending(1), r.Pending(2), r.Pending(3))
	}
	r.Forget(3)
	r.Forget(2)
	expectKept(t, r)
	r.Commit(b)
	r.Forget(1)
	r.Append(sample(2))
	expectKept(t, r, 2)
}

func TestResize(t *testing.T) {
	r := filled(8, 8, false)
	if dropped := r.Resize(3, true); dropped != 5 {
		t.Errorf("dropped %d", dropped)
	}
	expectKept(t, r, 5, 6, 7)
	if !r.Append(sample(8)) {
		t.Error("a full ring took a sample in")
	}
	r.Resize(5, false)
	for i := 9; i < 13; i++ {
		r.Append(sample(i))
	}
	expectKept(t, r, 7, 9, 10, 11, 12)
	expectCounts(t, r, 0, 8)
}

func TestRefuse(t *testing.T) {
	r := filled(1, 2, false)
	r.Refuse()
	expectKept(t, r, 1)
	expectCounts(t, r, 0, 2)
}

// A Ring takes no more memory than its samples need, and none to append once it
// has been full.
func TestMemory(t *testing.T) {
	r := New(1<<20, false)
	r.Append(sample(0))
	if len(r.samples) > 8 {
		t.Errorf("room for %d samples, with one in it", len(r.samples))
	}
	small := filled(10, 10, false)
	n := 10
	if allocs := testing.AllocsPerRun(100, func() {
		small.Append(sample(n))
		n++
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	small.Take(1, 9)
	if allocs := testing.AllocsPerRun(100, func() {
		small.Append(sample(n))
		_, _, m := small.Take(1, 1)
		small.Commit(m)
	}); allocs > 0.5 {
		t.Errorf("%v allocations to take and commit", allocs)
	}
}

func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	r := New(1000, false)
	s := sample(1)
	for b.Loop() {
		r.Append(s)
	}
}
