package lwm2m

import "time"

// SetClock has the clients of a Host live by another clock, for tests in which the wall clock is set while
// they run. It is to be called before clients are added.
func SetClock(h *Host, now func() time.Time) {
	for _, s := range h.shards {
		s.loop.SetClock(now)
	}
}
