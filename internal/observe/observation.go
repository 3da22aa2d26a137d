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

	// Sequence is the value of the Observe option to begin with: that of an observation from before a restart, else 0.
	Sequence uint32

	// Attributes came with the request and replace those attached to the paths, if
	// HasOwn is set (Core 1.2 §6.4.1). The owner checks that they apply.
	Attributes model.Attributes
	HasOwn     bool
}

// Observation is one thing that a Server observes. It belongs to its [Engine];
// the Request in it must not be changed, except for Format and Context.
type Observation[T comparable] struct {
	Request[T]

	// Backlog holds what could not be sent while the Server was out of reach. It
	// may be moved to another observation of the same paths that the Server makes
	// after a new Register.
	Backlog Backlog

	components []component // one for each of Paths
	serial     uint64      // in the order of Add
	sequence   uint32      // of the next notification
	sentAt     time.Time   // when the last notification, or the response, was decided on
	confirmBy  time.Time   // from then on a notification must be confirmable
	due        time.Time   // when to evaluate; valid while queued
	index      int         // in the queue; -1: not queued
	phase      phase
	lost       bool // the last notification did not reach the Server
	more       bool // the last notification did not have all there is to tell
	stalled    bool // sending failed; waits for SetReachable
	withheld   bool // the Server may not read it; waits for RightsChanged
	removed    bool
}

// phase is how far the current notification of an observation is.
type phase uint8

const (
	idle      phase = iota
	reading         // from Add or Due until Evaluate
	sending         // from Evaluate until Sent
	replaying       // from Due until SentStored
	awaiting        // sent, until Acknowledged or Unacknowledged
)

// component is one of the paths of an observation.
type component struct {
	attributes model.Attributes // in force
	last       model.Value      // sent last, if it was a single number, Boolean or Objlnk
	seen       model.Value      // evaluated last, likewise
	digest     uint64           // of all values sent last
	evaluated  time.Time        // when it was evaluated last
	pending    bool             // changed since, to be evaluated
	again      bool             // changed while it was being read
	held       bool             // found to be changed, but not enough for its thresholds
}

// Sequence is the value of the Observe option of the notification that is being
// made: 24 bits, which grow with each and wrap around (RFC 7641 §3.4).
func (o *Observation[T]) Sequence() uint32 { return o.sequence }

// MustConfirm reports whether the notification that is being made has to be
// confirmable: as con is 1 in the attributes in force at any of the paths, which
// include the Default Notification Mode of the account (Core 1.2 §5.1.2); as the
// last one that was acknowledged is [ConfirmInterval] ago; or as one was lost since.
func (o *Observation[T]) MustConfirm(now time.Time) bool {
	for i := range o.components {
		if v, _ := o.components[i].attributes.Get(model.Confirmable); v == 1 {
			return true
		}
	}
	return !now.Before(o.confirmBy)
}

// IsReplaying reports whether an observation that came from Due is there for what is in
// its Backlog: the owner sends some of that instead of reading.
func (o *Observation[T]) IsReplaying() bool { return o.phase == replaying }

// IsWaiting reports whether there is something to say that did not reach the Server.
func (o *Observation[T]) IsWaiting() bool { return o.lost || o.Backlog.Len() > 0 }

// IsRemoved reports whether the observation was cancelled.
func (o *Observation[T]) IsRemoved() bool { return o.removed }

// period is an attribute in seconds; 0 if it is not set.
func (c *component) period(a model.Attribute) time.Duration {
	d, _ := c.attributes.Period(a)
	return d
}

// maxPeriod is the pmax in force; 0 if there is none.
func (c *component) maxPeriod() time.Duration {
	if d := c.period(model.MaxPeriod); d >= c.period(model.MinPeriod) {
		return d
	}
	return 0
}

// maxEvaluation is the epmax in force; 0 if there is none.
func (c *component) maxEvaluation() time.Duration {
	if d := c.period(model.MaxEvalPeriod); d > c.period(model.MinEvalPeriod) {
		return d
	}
	return 0
}
