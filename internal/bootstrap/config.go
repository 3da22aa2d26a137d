package bootstrap

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// The defaults of [Config].
const (
	// DefaultWatchdog is CoAP's EXCHANGE_LIFETIME (RFC 7252 §4.8.2, Core 1.1.1 §6.1.7.2).
	DefaultWatchdog = 247 * time.Second
	// DefaultFarewell is how long after a Finish the client turns to other servers, so
	// that its answer arrives first.
	DefaultFarewell = time.Second
	// DefaultLinger is how long the link then stays open, to answer again a Finish whose answer
	// was lost: CoAP's MAX_TRANSMIT_SPAN (RFC 7252 §4.8.2).
	DefaultLinger = 45 * time.Second
	// DefaultRetryTimer is the shortest wait after a first attempt that failed.
	DefaultRetryTimer = 10 * time.Second
	// DefaultMaxRetryTimer is where the wait between attempts stops to grow.
	DefaultMaxRetryTimer = time.Hour
)

// Config is how to bootstrap. The zero value of each field is its default. It
// must not change while a Machine has it; see [Machine.Configure].
type Config struct {
	// Version is the version of the enabler that the client speaks. Default 1.1.
	Version model.Version
	// Formats are the Content-Formats that the client wants the Bootstrap-Server to
	// write in, by preference: pct of the Bootstrap-Request, since LwM2M 1.1. The
	// next one is asked for if the Bootstrap-Server refuses one with 4.15, at last
	// none. Default: SenML CBOR, SenML JSON, TLV.
	Formats []uint16
	// Pack asks for a Bootstrap-Pack first, since LwM2M 1.2 (Core 1.2 §6.1.7.8). Default false.
	Pack bool
	// HoldOff is the Client Hold Off Time, /0/x/11: the wait before a bootstrap that
	// the client begins by itself. Default none.
	HoldOff time.Duration
	// AccountTimeout is the Bootstrap-Server Account Timeout, /0/x/12: how long
	// after a success the account stays. Default for ever.
	AccountTimeout time.Duration
	// Watchdog is how long the Bootstrap-Server may be silent in a session. Default DefaultWatchdog.
	Watchdog time.Duration
	// RetryTimer is the wait after the first attempt that failed, unless HoldOff is
	// longer; it doubles with each further one, up to MaxRetryTimer or HoldOff. Default
	// DefaultRetryTimer and DefaultMaxRetryTimer.
	RetryTimer, MaxRetryTimer time.Duration
	// Jitter, if set, returns the wait to use instead of the computed one, so that a
	// fleet does not come all at once. It is asked about the hold off too, and must
	// not change anything that the Machine can see. What a Bootstrap-Server asks for
	// by Max-Age is waited for in any case.
	Jitter func(wait time.Duration) time.Duration
}

// The Content-Formats of bootstrap by default (Transport 1.1.1 §6.4.2).
const (
	formatSenMLJSON = 110
	formatSenMLCBOR = 112
	formatTLV       = 11542
	formatLwM2MCBOR = 11544
)

func (c *Config) version() model.Version {
	if c.Version.IsZero() {
		return model.Version11
	}
	return c.Version
}

func (c *Config) speaks(v model.Version) bool { return c.version().Compare(v) >= 0 }

// formats are those that can be asked for by pct, in order.
func (c *Config) formats() []uint16 {
	switch {
	case !c.speaks(model.Version11):
		return nil
	case c.Formats != nil:
		return slices.Clip(c.Formats)
	}
	return []uint16{formatSenMLCBOR, formatSenMLJSON, formatTLV}
}

// keepsLink reports whether the link stays after a session or a refusal. In LwM2M
// 1.0 there is no Bootstrap-Request Trigger: a Bootstrap-Server that wants to begin just
// sends, and has to find the client where it last was.
func (c *Config) keepsLink() bool { return !c.speaks(model.Version11) }

func (c *Config) watchdog() time.Duration { return orDefault(c.Watchdog, DefaultWatchdog) }

// holdOff is the wait before the first attempt.
func (c *Config) holdOff() time.Duration {
	if c.HoldOff <= 0 {
		return 0
	}
	return c.jitter(c.HoldOff)
}

// retry is the wait after the given attempt, from 1.
func (c *Config) retry(attempt int) time.Duration {
	d := max(orDefault(c.RetryTimer, DefaultRetryTimer), c.HoldOff)
	longest := max(orDefault(c.MaxRetryTimer, DefaultMaxRetryTimer), d)
	for range attempt - 1 {
		if d >= longest/2 {
			d = longest
			break
		}
		d *= 2
	}
	return c.jitter(d)
}

func (c *Config) jitter(d time.Duration) time.Duration {
	if c.Jitter != nil {
		d = c.Jitter(d)
	}
	return max(d, time.Second) // no setting makes a client hammer its server
}

func orDefault(d, standard time.Duration) time.Duration {
	if d <= 0 {
		return standard
	}
	return d
}
