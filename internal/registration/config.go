package registration

import (
	"math"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// The defaults of [Config] and [Retry].
const (
	// DefaultLifetime is the lifetime of a registration if none is given
	// (Core 1.1.1 §6.2.1).
	DefaultLifetime = 86400 * time.Second
	// DefaultUpdateMargin is CoAP's MAX_TRANSMIT_WAIT: the longest time in which
	// an Update and all its retransmissions stay unanswered (RFC 7252 §4.8.2).
	DefaultUpdateMargin = 93 * time.Second
	// DefaultMinUpdateInterval is the shortest time between two Updates.
	DefaultMinUpdateInterval = 15 * time.Second
	// DefaultStopGrace is how long Stop waits for the answer to a Register.
	DefaultStopGrace = 2 * time.Second

	DefaultRetryCount    = 5                   // of Retry.Count
	DefaultRetryTimer    = 60 * time.Second    // of Retry.Timer
	DefaultSequenceDelay = 86400 * time.Second // of Retry.SequenceDelay
	DefaultSequences     = 1                   // of Retry.Sequences
)

// Infinite is the lifetime of a registration that never expires. It exists since
// LwM2M 1.2, where it is sent as 0; before, it stands for [DefaultLifetime].
const Infinite time.Duration = -1

// Never is the sequence delay that ends all attempts: the highest value of
// /1/x/19.
const Never = math.MaxUint32 * time.Second

// minWait keeps settings of zero from making a client hammer its Server.
const minWait = time.Second

// Config is how to register. The zero value of each field is its default. Many
// Machines may share one Config, which must not change while they live.
type Config struct {
	// Version is the version of the enabler that is registered, lwm2m. Default 1.1.
	Version model.Version
	// MinVersion is the lowest version to register when the Server refuses higher
	// ones by 4.12 (Core 1.1.1 §6.2.1). Default Version: no other is tried.
	MinVersion model.Version
	// Lifetime is /1/x/1 at the start, in whole seconds. Default
	// DefaultLifetime; see also Infinite.
	Lifetime time.Duration
	// MinLifetime is the shortest lifetime to register: a shorter one is raised
	// to it, see [Machine.Lifetime]. Default 1 s.
	MinLifetime time.Duration
	// Binding is /1/x/7 at the start: the transports the client can be reached
	// by, such as "U" or "UT". A Q in it, as LwM2M 1.0 has, means QueueMode.
	// Default "U".
	Binding string
	// QueueMode tells the Server to hold requests until the client shows up
	// (Core 1.1.1 §6.5), whatever the binding says. Default false.
	QueueMode bool
	// SMS is the number by which SMS reach the client, without "+". Default none.
	SMS string
	// ExtraQueries are added to Register as they are, such as "pid=6:27354b9a".
	ExtraQueries []string

	// UpdateMargin is the time left of the lifetime when an Update is sent. A
	// lifetime shorter than two margins is updated at half of it. Default
	// DefaultUpdateMargin.
	UpdateMargin time.Duration
	// UpdatePeriod is the longest time between two Updates, however long the
	// lifetime is. Default: no limit.
	UpdatePeriod time.Duration
	// MinUpdateInterval is the shortest time between two Updates; what changes
	// meanwhile goes with the next. Short lifetimes reduce it to three quarters
	// of the lifetime. Default DefaultMinUpdateInterval.
	MinUpdateInterval time.Duration
	// Retry says when a failed Register is repeated.
	Retry Retry
	// StopGrace is how long Stop waits for the answer to a Register that was
	// sent already, so that it can be undone. Default DefaultStopGrace.
	StopGrace time.Duration
}

// Retry is the procedure of Core 1.1.1 §6.2.1.1, by the resources 17 to 20 of
// the Server object. No wait is shorter than a second.
type Retry struct {
	// Count is the number of attempts in a sequence, /1/x/17. Default DefaultRetryCount.
	Count int
	// Timer is the wait after the first attempt, /1/x/18; it doubles with each
	// further one. Default DefaultRetryTimer; below zero: the shortest wait.
	Timer time.Duration
	// SequenceDelay is the wait between two sequences, /1/x/19. Never (or more)
	// means that there is no other sequence. Default DefaultSequenceDelay; below
	// zero: the shortest wait.
	SequenceDelay time.Duration
	// Sequences is the number of sequences, /1/x/20. Default DefaultSequences.
	Sequences int
	// Jitter, if set, returns the wait to use instead of the computed one, so
	// that a fleet does not come back all at once. It must not change anything
	// that the Machine can see. What a Server asks for by Max-Age is waited for
	// in any case.
	Jitter func(wait time.Duration) time.Duration
}

func (c *Config) version() model.Version {
	if c.Version.IsZero() {
		return model.Version11
	}
	return c.Version
}

// lifetime resolves a lifetime as it was set to one as it is meant with a version.
func (c *Config) lifetime(d time.Duration, version model.Version) time.Duration {
	switch {
	case d > 0:
		return max(d.Truncate(time.Second), time.Second, c.MinLifetime)
	case d < 0 && version.Compare(model.Version12) >= 0:
		return Infinite
	}
	return max(DefaultLifetime, c.MinLifetime)
}

// binding splits a binding into transports and queue mode.
func (c *Config) binding(s string) (transports string, queue bool) {
	transports = strings.ReplaceAll(s, "Q", "")
	if transports == "" {
		transports = "U"
	}
	return transports, c.QueueMode || strings.Contains(s, "Q")
}

func (c *Config) stopGrace() time.Duration { return orDefault(c.StopGrace, DefaultStopGrace) }

// orDefault replaces the zero value.
func orDefault[T int | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}
