package observe

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
)

// DefaultBacklog is how many notifications a [Backlog] holds unless the Engine's
// MaxBacklog says otherwise.
const DefaultBacklog = 100

// Record is a notification that could not be sent at its time.
type Record struct {
	Time  time.Time
	Nodes []format.Node // nodes without a time were valid at Time
}

// Backlog holds the notifications of one observation that came due while its Server
// was out of reach, the oldest first.
//
// Its size is the hqmax in force at the path (Core 1.2 §5.1.2), of several paths the
// largest; without hqmax, and at most, the MaxBacklog of the Engine. It is 0, and
// nothing is kept, if hqmax is 0 or the account does not have notifications stored
// (Resource 6 of the Server Object). Then the Server gets the newest state when it is
// back, if that is worth a notification. When the Backlog is full, the oldest record
// gives way to the new one and is counted as dropped; so a size of 1 keeps the latest.
type Backlog struct {
	records  []Record
	inFlight int // of the oldest, sent and not acknowledged yet
	dropped  uint64
}

// Len is the number of records.
func (b *Backlog) Len() int { return len(b.records) }

// Records returns the records, the oldest first. They are valid until the Engine is
// used again and must not be changed.
func (b *Backlog) Records() []Record { return b.records }

// Dropped is the number of records that gave way to others since the last call.
func (b *Backlog) Dropped() uint64 {
	n := b.dropped
	b.dropped = 0
	return n
}

// add appends a record and drops the oldest beyond capacity, which is at least 1. Those
// in flight count as dropped too, as it is not known whether they arrived.
func (b *Backlog) add(r Record, capacity int) {
	b.records = append(b.records, r)
	if extra := len(b.records) - capacity; extra > 0 {
		b.inFlight = max(b.inFlight-extra, 0)
		b.remove(extra)
		b.dropped += uint64(extra)
	}
}

// remove takes the n oldest records out.
func (b *Backlog) remove(n int) {
	b.records = slices.Delete(b.records, 0, min(n, len(b.records)))
	if len(b.records) == 0 {
		b.records = nil
	}
}
