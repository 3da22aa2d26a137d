package lwm2m

import (
	"encoding/binary"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/registration"
	"github.com/lwm2m-go/lwm2m/model"
)

// registrationKey tells apart the settings of registrations, of which a shard with
// many clients needs few.
type registrationKey struct {
	pace
	version   Version
	lifetime  time.Duration
	binding   string
	queueMode bool
	retry     retry
	jitter    float64 // what waits are drawn longer by, at most, as a part of them
}

// retry is registration.Retry without what cannot be compared.
type retry struct {
	count, sequences     int
	timer, sequenceDelay time.Duration
}

func (r retry) settings() registration.Retry {
	return registration.Retry{Count: r.count, Timer: r.timer, SequenceDelay: r.sequenceDelay, Sequences: r.sequences}
}

// registration returns settings that clients share. The loop calls it.
func (s *shard) registration(key registrationKey) *registration.Config {
	config := s.registrations[key]
	if config == nil {
		config = &registration.Config{
			Version: key.version, MinVersion: key.minVersion,
			Lifetime: key.lifetime, MinLifetime: key.minLifetime,
			Binding: key.binding, QueueMode: key.queueMode,
			UpdateMargin: key.updateMargin, UpdatePeriod: key.updatePeriod, MinUpdateInterval: key.updateInterval,
			Retry: key.retry.settings(),
		}
		config.Retry.Jitter = func(wait time.Duration) time.Duration { return s.spread(wait, key.jitter) }
		s.registrations[key] = config
	}
	return config
}

// maxSpread is the longest time that an attempt to register is put off at random, so that the clients of a
// server that was away do not come back all at once.
const maxSpread = 5 * time.Minute

// jitter is how much longer the waits between attempts to register may be drawn: a quarter by default.
func (s *settings) jitter() float64 {
	if factor := s.transmission.AckRandomFactor; factor != 0 {
		return max(factor-1, 0) / 2
	}
	return 0.25
}

// spread makes a wait longer at random.
func (s *shard) spread(wait time.Duration, jitter float64) time.Duration {
	var random [8]byte
	_, _ = s.random.Read(random[:]) // never fails
	span := uint64(min(time.Duration(float64(wait)*jitter), maxSpread))
	return wait + time.Duration(binary.LittleEndian.Uint64(random[:])%(span+1))
}

// writeBackLifetime has Resource 1/x/1 say what is registered, if that is more (Config.MinLifetime).
func (s *session) writeBackLifetime() {
	c := s.client
	if c.pace == nil || c.pace.minLifetime == 0 {
		return
	}
	c.mu.Lock()
	in := c.serverInstance(s.ssid)
	set := registeredLifetime(c.value(s.server.Child(serverLifetime)))
	c.mu.Unlock()
	if lifetime := s.reg.Lifetime(); in != nil && set > 0 && set < lifetime {
		_ = in.Set(serverLifetime, model.IntegerValue(int64(lifetime/time.Second))) // it is there already
	}
}
