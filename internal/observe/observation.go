package observe

import (
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// ConfirmInterval is the longest time in which a Server may get nothing but
// non-confirmable notifications (RFC 7641 §4.5).
const ConfirmInterval = 24 * time.Hour

// maxSequence is the highest value of the Observe option: 24 bits.
const maxSequence = 1<<24 - 1

// Request is what a Server asks to observe. T is the type of CoAP tokens.
type Request[T comparable] struct {
	Server    uint16       // Short Server ID
	Token     T            // of the request; it comes back in each notification
	Paths     []model.Path // one, or with Composite one or more; kept, not to be changed
	Format    uint16       // the Content-Format of the notifications
	Composite bool         // Observe-Composite (Core 1.1.1 §6.4.5)
	Context   any          // what the owner wants to keep with the observation
}

// Observation is one thing that a Server observes. It belongs to its [Engine];
// the Request in it must not be changed.
type Observation[T comparable] struct {
	Request[T]

	sequence    uint32    // of the next notification
	confirmBy   time.Time // from then on a notification must be confirmable
	due         time.Time // when to notify; valid while queued
	index       int       // in the queue; -1: not queued
	changed     bool      // there is something new to tell
	busy        bool      // being sent, or waits for its acknowledgement
	confirmable bool      // the notification that was sent is confirmable
	removed     bool
}

// Sequence is the value of the Observe option of the notification that is being
// made: 24 bits, which grow with each and wrap around (RFC 7641 §3.4).
func (o *Observation[T]) Sequence() uint32 { return o.sequence }

// MustConfirm reports whether the notification that is being made has to be
// confirmable, as the last one that was acknowledged is a day old or one was
// lost since.
func (o *Observation[T]) MustConfirm(now time.Time) bool { return !now.Before(o.confirmBy) }

// IsRemoved reports whether the observation was cancelled.
func (o *Observation[T]) IsRemoved() bool { return o.removed }
