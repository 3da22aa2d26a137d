package observe

import (
	"container/heap"
	"time"
)

// queue is a heap of observations by due time; see container/heap.
type queue[T comparable] []*Observation[T]

// set has an observation due at a time; the zero time takes it out.
func (q *queue[T]) set(o *Observation[T], due time.Time) {
	switch {
	case due.IsZero():
		if o.index >= 0 {
			heap.Remove(q, o.index)
		}
	case o.index < 0:
		o.due = due
		heap.Push(q, o)
	case !o.due.Equal(due):
		o.due = due
		heap.Fix(q, o.index)
	}
}

// Len is the number of observations.
func (q queue[T]) Len() int { return len(q) }

// Less reports whether observation i comes first: it is due before j, or older.
func (q queue[T]) Less(i, j int) bool {
	if c := q[i].due.Compare(q[j].due); c != 0 {
		return c < 0
	}
	return q[i].serial < q[j].serial
}

// Swap exchanges two observations.
func (q queue[T]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push adds an observation at the end.
func (q *queue[T]) Push(x any) {
	o := x.(*Observation[T])
	o.index = len(*q)
	*q = append(*q, o)
}

// Pop removes the observation at the end.
func (q *queue[T]) Pop() any {
	last := len(*q) - 1
	o := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	o.index = -1
	return o
}
