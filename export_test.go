package lwm2m

import (
	"math/rand/v2"
	"time"
)

// SetClock has the clients of a Host live by another clock, for tests in which the wall clock is set while
// they run. It is to be called before clients are added.
func SetClock(h *Host, now func() time.Time) {
	for _, s := range h.shards {
		s.loop.SetClock(now)
	}
}

// SetSeed makes what the clients of a Host leave to chance repeatable. It is to be called before
// clients are added.
func SetSeed(h *Host, seed uint64) {
	for i, s := range h.shards {
		s.random = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(i)})
	}
}
