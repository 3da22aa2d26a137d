package loop

// batch is a run of events with the bytes of their datagrams. A Loop has two:
// one is filled while the other is worked off, and neither allocates once it
// has grown to the size of the load.
type batch struct {
	events    []Event
	bytes     []byte // the datagrams, one after another
	datagrams int
	slack     int // batches in a row that used little of the room there is
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

// addDatagram appends e with a copy of datagram. The place is kept as indexes,
// as the bytes move when they grow.
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

// Room that a batch keeps however little it is used, and the number of batches
// in a row that must use less than a quarter of the rest before it is given
// back.
const (
	keepEvents = 1024
	keepBytes  = 64 << 10
	keepFor    = 64
)

// reset empties the batch and drops what it refers to, and at times the room
// that a burst needed.
func (b *batch) reset() {
	if mostlyUnused(len(b.events), cap(b.events), keepEvents) || mostlyUnused(len(b.bytes), cap(b.bytes), keepBytes) {
		b.slack++
	} else {
		b.slack = 0
	}
	if b.slack >= keepFor {
		*b = batch{}
		return
	}
	clear(b.events)
	b.events, b.bytes, b.datagrams = b.events[:0], b.bytes[:0], 0
}

func mostlyUnused(used, room, keep int) bool { return room > keep && used < room/4 }
