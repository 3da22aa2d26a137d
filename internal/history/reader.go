package history

// reader is who takes samples: a Server, by its Short Server ID.
type reader struct {
	id uint16
	// All samples before next are acknowledged; those before taken are acknowledged or on
	// their way.
	next, taken uint64
	spans       []span // on their way, oldest first
}

// span is what one Take gave: the samples from number from up to to.
type span struct {
	mark         Mark
	from, to     uint64
	acknowledged bool
}

// Mark names what one Take gave to a reader.
type Mark struct {
	reader uint16
	serial uint32
}

func (r *Ring) reader(id uint16) *reader {
	for i := range r.readers {
		if r.readers[i].id == id {
			return &r.readers[i]
		}
	}
	return nil
}

// position is the number of the next sample for a reader.
func (r *Ring) position(id uint16) uint64 {
	if rd := r.reader(id); rd != nil {
		return max(rd.taken, r.head)
	}
	return r.head
}

// Pending is how many samples a reader can take.
func (r *Ring) Pending(id uint16) int {
	return int(r.head + uint64(r.n) - r.position(id))
}

// Take hands at most limit samples to a reader, from the oldest that it has not taken yet: they
// are those from At(first) on. They stay until the Mark is given to Commit or
// Rollback. The count is 0 if there is nothing to take; then there is no Mark.
func (r *Ring) Take(id uint16, limit int) (first, count int, m Mark) {
	from := r.position(id)
	count = min(r.Pending(id), limit)
	if count <= 0 {
		return 0, 0, Mark{}
	}
	rd := r.reader(id)
	if rd == nil {
		r.readers = append(r.readers, reader{id: id, next: r.head})
		rd = &r.readers[len(r.readers)-1]
	}
	r.takes++
	m = Mark{id, r.takes}
	rd.taken = from + uint64(count)
	rd.spans = append(rd.spans, span{mark: m, from: from, to: rd.taken})
	return int(from - r.head), count, m
}

// Commit tells that the reader has what was taken with the Mark. What all readers
// have is released. Unknown Marks are ignored.
func (r *Ring) Commit(m Mark) {
	rd, i := r.find(m)
	if rd == nil {
		return
	}
	rd.spans[i].acknowledged = true
	done := 0
	for done < len(rd.spans) && rd.spans[done].acknowledged {
		rd.next = rd.spans[done].to
		done++
	}
	rd.spans = append(rd.spans[:0], rd.spans[done:]...)
	r.releaseRead()
}

// Rollback tells that the reader did not get what was taken with the Mark. It is
// taken again, together with all that was taken after it, since samples are given
// in order: what arrived nevertheless arrives twice. Unknown Marks are ignored.
func (r *Ring) Rollback(m Mark) {
	rd, i := r.find(m)
	if rd == nil {
		return
	}
	rd.taken = rd.spans[i].from
	rd.spans = rd.spans[:i]
}

// Forget tells that a reader wants nothing more: samples need not wait for it.
func (r *Ring) Forget(id uint16) {
	for i := range r.readers {
		if r.readers[i].id == id {
			r.readers = append(r.readers[:i], r.readers[i+1:]...)
			r.releaseRead()
			return
		}
	}
}

func (r *Ring) find(m Mark) (*reader, int) {
	rd := r.reader(m.reader)
	if rd == nil {
		return nil, 0
	}
	for i := range rd.spans {
		if rd.spans[i].mark == m {
			return rd, i
		}
	}
	return nil, 0
}

// releaseRead releases what all readers have acknowledged.
func (r *Ring) releaseRead() {
	if len(r.readers) == 0 {
		return
	}
	least := r.readers[0].next
	for i := range r.readers {
		least = min(least, r.readers[i].next)
	}
	if least > r.head {
		r.release(int(min(least-r.head, uint64(r.n))))
	}
}
