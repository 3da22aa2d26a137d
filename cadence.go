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
}

// retry is registration.Retry without what cannot be compared.
type retry struct {
	count, sequences     int
	timer, sequenceDelay time.Duration
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
			Retry: registration.Retry{
				Count: key.retry.count, Timer: key.retry.timer,
				SequenceDelay: key.retry.sequenceDelay, Sequences: key.retry.sequences,
				Jitter: s.jitter,
			},
		}
		s.registrations[key] = config
	}
	return config
}

// maxJitter is the longest time that an attempt to register is put off, so that the clients of a server that
// was away do not come back all at once.
const maxJitter = 5 * time.Minute

// jitter makes a wait longer by up to a quarter, at random.
func (s *shard) jitter(wait time.Duration) time.Duration {
	var random [8]byte
	_, _ = s.random.Read(random[:]) // never fails
	span := uint64(min(wait/4, maxJitter))
	return wait + time.Duration(binary.LittleEndian.Uint64(random[:])%(span+1))
}

// writeBackLifetime has Resource 1/x/1 say what is registered, if that is more (Config.MinLifetime).
func (s *session) writeBackLifetime() {
	c := s.client
	if c.pace.minLifetime == 0 {
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
