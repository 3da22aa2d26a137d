package history

import (
	"testing"

	"pgregory.net/rapid"
)

// oracle is a Ring written with no thought of cost: all samples ever appended, and what became of each.
type oracle struct {
	limit      int
	dropNewest bool
	fates      []fate
	readers    map[uint16]*reading
}

type fate uint8

const (
	isKept fate = iota
	isAcknowledged
	isDropped
)

type reading struct {
	next  int // the first that it does not have
	taken int
	takes []taking
}

type taking struct {
	mark     Mark
	from, to int // of kept numbers: to is the last one + 1
	done     bool
}

func (o *oracle) kept() (numbers []int) {
	for i, f := range o.fates {
		if f == isKept {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

func (o *oracle) append() {
	f := isKept
	if k := o.kept(); len(k) == o.limit {
		if o.dropNewest {
			f = isDropped
		} else {
			o.fates[k[0]] = isDropped
		}
	}
	o.fates = append(o.fates, f)
}

// pending are the numbers that a reader can take.
func (o *oracle) pending(id uint16) (numbers []int) {
	from := 0
	if rd := o.readers[id]; rd != nil {
		from = rd.taken
	}
	for _, i := range o.kept() {
		if i >= from {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

func (o *oracle) take(id uint16, limit int, m Mark) (numbers []int) {
	numbers = o.pending(id)
	numbers = numbers[:min(limit, len(numbers))]
	if len(numbers) == 0 {
		return nil
	}
	if o.readers[id] == nil {
		o.readers[id] = &reading{}
	}
	rd := o.readers[id]
	rd.taken = numbers[len(numbers)-1] + 1
	rd.takes = append(rd.takes, taking{mark: m, from: numbers[0], to: rd.taken})
	return numbers
}

func (o *oracle) commit(m Mark) {
	rd := o.readers[m.reader]
	if rd == nil {
		return
	}
	for i := range rd.takes {
		if rd.takes[i].mark == m {
			rd.takes[i].done = true
		}
	}
	for len(rd.takes) > 0 && rd.takes[0].done {
		rd.next = rd.takes[0].to
		rd.takes = rd.takes[1:]
	}
	o.settle()
}

func (o *oracle) rollback(m Mark) {
	rd := o.readers[m.reader]
	if rd == nil {
		return
	}
	for i, take := range rd.takes {
		if take.mark == m {
			rd.taken = take.from
			rd.takes = rd.takes[:i]
			return
		}
	}
}

func (o *oracle) forget(id uint16) {
	delete(o.readers, id)
	o.settle()
}

// settle acknowledges what all readers have.
func (o *oracle) settle() {
	if len(o.readers) == 0 {
		return
	}
	for _, i := range o.kept() {
		all := true
		for _, rd := range o.readers {
			all = all && i < rd.next
		}
		if all {
			o.fates[i] = isAcknowledged
		}
	}
}

func (o *oracle) count(f fate) (n uint64) {
	for _, g := range o.fates {
		if f == g {
			n++
		}
	}
	return n
}

// mirror is a Keeper in memory.
type mirror struct{ samples []Sample }

func (m *mirror) Appended(s Sample) { m.samples = append(m.samples, s) }
func (m *mirror) Released(n int)    { m.samples = m.samples[n:] }

// TestNothingIsLostInSilence lets readers take, acknowledge and fail in any order, and compares what becomes
// of each sample with the oracle.
func TestNothingIsLostInSilence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := &oracle{limit: rapid.IntRange(1, 9).Draw(t, "limit"), dropNewest: rapid.Bool().Draw(t, "drop newest"), readers: map[uint16]*reading{}}
		r := New(o.limit, o.dropNewest)
		copied := &mirror{}
		r.SetKeeper(copied)
		var marks []Mark
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				for range rapid.IntRange(1, 12).Draw(t, "samples") {
					r.Append(sample(len(o.fates)))
					o.append()
				}
			},
			"take": func(t *rapid.T) {
				id, limit := uint16(rapid.IntRange(1, 3).Draw(t, "reader")), rapid.IntRange(0, 10).Draw(t, "limit")
				first, count, m := r.Take(id, limit)
				want := o.take(id, limit, m)
				if len(want) != count {
					t.Fatalf("took %d samples, want %v", count, want)
				}
				for i := range count {
					if got := r.At(first + i).Value.Int(); got != int64(want[i]) {
						t.Fatalf("took sample %d, want %v", got, want)
					}
				}
				if count > 0 {
					marks = append(marks, m)
				}
			},
			"finish": func(t *rapid.T) {
				if len(marks) == 0 {
					t.Skip()
				}
				m := rapid.SampledFrom(marks).Draw(t, "mark") // maybe again, or too late
				if rapid.Bool().Draw(t, "acknowledged") {
					r.Commit(m)
					o.commit(m)
				} else {
					r.Rollback(m)
					o.rollback(m)
				}
			},
			"forget": func(t *rapid.T) {
				id := uint16(rapid.IntRange(1, 3).Draw(t, "reader"))
				r.Forget(id)
				o.forget(id)
			},
			"": func(t *rapid.T) {
				acknowledged, dropped := r.Counts()
				if acknowledged != o.count(isAcknowledged) || dropped != o.count(isDropped) || r.Len() != len(o.kept()) {
					t.Fatalf("%d acknowledged, %d dropped, %d kept; want %d, %d, %d", acknowledged, dropped, r.Len(),
						o.count(isAcknowledged), o.count(isDropped), len(o.kept()))
				}
				if int(acknowledged+dropped)+r.Len() != len(o.fates) {
					t.Fatalf("%d samples in all, want %d", int(acknowledged+dropped)+r.Len(), len(o.fates))
				}
				for i, n := range o.kept() {
					if got := r.At(i).Value.Int(); got != int64(n) {
						t.Fatalf("sample %d is %d, want %d", i, got, n)
					}
				}
				restored := New(o.limit, o.dropNewest) // after a restart
				for _, s := range copied.samples {
					restored.Append(s)
				}
				for i := range max(r.Len(), restored.Len()) {
					if i >= r.Len() || i >= restored.Len() || r.At(i) != restored.At(i) {
						t.Fatalf("%d samples are restored, want %d", restored.Len(), r.Len())
					}
				}
				for id := uint16(1); id <= 3; id++ {
					if got, want := r.Pending(id), len(o.pending(id)); got != want {
						t.Fatalf("%d pending for %d, want %d", got, id, want)
					}
				}
			},
		})
	})
}
