package loop

// batch is a run of events with the bytes of their datagrams. A Loop has two:
// one is filled while the other is worked off, and neither allocates once it
// has grown to the size of the load.
type batch struct {
	events    []Event
	bytes     []byte // the datagrams, one after another
	datagrams int
}

// room reports whether one more datagram of size bytes may wait.
func (b *batch) room(size, maxDatagrams, maxBytes int) bool {
	if maxDatagrams == 0 {
		maxDatagrams = DefaultMaxDatagrams
	}
	if maxBytes == 0 {
		maxBytes = DefaultMaxBytes
	}
	return b.datagrams < maxDatagrams && size <= maxBytes-len(b.bytes)
}

// addDatagram appends e with a copy of datagram. The place is kept as indexes, as
// the bytes move when they grow.
func (b *batch) addDatagram(e Event, datagram []byte) {
	e.from = len(b.bytes)
	b.bytes = append(b.bytes, datagram...)
	e.to = len(b.bytes)
	b.events = append(b.events, e)
	b.datagrams++
}

// event gives the i-th event with its Data.
func (b *batch) event(i int) Event {
	e := b.events[i]
	if e.to > e.from {
		e.Data = b.bytes[e.from:e.to:e.to]
	}
	return e
}

// Capacities that a batch keeps however little it is used.
const (
	keepEvents = 1024
	keepBytes  = 64 << 10
)

// reset empties the batch and drops what it refers to. Room that a burst
// needed is given back with the first batch that uses less than a quarter of it.
func (b *batch) reset() {
	if c := cap(b.events); c > keepEvents && len(b.events) < c/4 {
		b.events = nil
	}
	if c := cap(b.bytes); c > keepBytes && len(b.bytes) < c/4 {
		b.bytes = nil
	}
	clear(b.events)
	b.events, b.bytes, b.datagrams = b.events[:0], b.bytes[:0], 0
}
