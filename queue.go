package lwm2m

import (
	"time"

	"github.com/lwm2m-go/lwm2m/internal/registration"
)

// awake is what a session in queue mode has more than others (Core 1.1.1 §6.5).
type awake struct {
	until time.Time // when the client stops listening
}

// defaultAwakeTime is MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2).
const defaultAwakeTime = 93 * time.Second

func (c *Client) awakeTime() time.Duration {
	if c.pace == nil || c.pace.awakeTime == 0 {
		return defaultAwakeTime
	}
	return c.pace.awakeTime
}

// fallAsleep gives up the connection if the client is in queue mode, nothing was said for a while, and nothing
// is left to do. It reports whether it did.
func (s *session) fallAsleep(now time.Time) bool {
	if !s.reg.InQueueMode() {
		return false
	}
	if s.awake == nil {
		s.awake = new(awake)
	}
	if s.spoke {
		s.spoke = false
		s.awake.until = now.Add(s.client.awakeTime())
	}
	if now.Before(s.awake.until) || s.isBusy() {
		return false
	}
	return s.reg.Sleep(now)
}

// isBusy reports whether something is under way with the server, or about to be.
func (s *session) isBusy() bool {
	return s.conn == nil || s.conn.Busy() || s.doubted || s.outbox != nil || s.disabled != nil || s.client.stopping
}

// bedtime is when fallAsleep has to be asked again; zero if something else will happen before.
func (s *session) bedtime(now time.Time) time.Time {
	if s.awake == nil || s.conn == nil || !now.Before(s.awake.until) || !s.reg.InQueueMode() {
		return time.Time{}
	}
	return s.awake.until
}

// isAsleep reports whether the client sleeps, as far as the server is concerned.
func (s *session) isAsleep() bool { return s.reg.State() == registration.StateAsleep }

// isWaking reports whether the Update that tells the server that the client is awake is still to be answered.
func (s *session) isWaking() bool { return s.awake != nil && s.doubted }
