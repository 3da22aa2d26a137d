package main

import (
	"fmt"
	"regexp"
	"time"

	"github.com/lwm2m-go/lwm2m"
)

// settings are what a device keeps while it reboots; a factory reset makes them anew.
type settings struct {
	account   lwm2m.ServerAccount // with the values of the Server Object; empty if it is among the factory data
	timezone  string
	utcOffset string
	clock     time.Duration // of the device, beside that of the computer
}

func factorySettings(o deviceOptions) settings {
	s := settings{timezone: "Etc/UTC", utcOffset: "+00:00"}
	switch {
	case o.server == "":
	case o.bootstrap:
		s.account = lwm2m.ServerAccount{URI: o.server, Security: o.security, Bootstrap: true}
	default:
		s.account = lwm2m.ServerAccount{
			URI: o.server, Security: o.security, ShortServerID: shortServerID, Lifetime: o.lifetime,
		}
	}
	return s
}

// accounts are those that the device knows when it starts.
func (s *settings) accounts() []lwm2m.ServerAccount {
	if s.account.URI == "" {
		return nil
	}
	return []lwm2m.ServerAccount{s.account}
}

const shortServerID = 1

// Resources of the Server Object that servers can write (Core 1.1.1 Appendix E.2).
const (
	serverLifetime       = 1
	serverMinPeriod      = 2
	serverMaxPeriod      = 3
	serverDisableTimeout = 5
)

// keep takes over what servers have written since the device started. What a Bootstrap-Server has written, it
// will write again.
func (s *settings) keep(m *machine) {
	s.timezone, _ = m.device.Timezone.Get()
	s.utcOffset, _ = m.device.UTCOffset.Get()
	s.clock = time.Duration(m.clock.Load())
	if s.account.URI == "" || s.account.Bootstrap {
		return
	}
	server := lwm2m.PathOf(1, 0)
	for resource, field := range map[uint16]*time.Duration{
		serverLifetime:       &s.account.Lifetime,
		serverMinPeriod:      &s.account.DefaultMinPeriod,
		serverMaxPeriod:      &s.account.DefaultMaxPeriod,
		serverDisableTimeout: &s.account.DisableTimeout,
	} {
		if v, err := m.client.Get(server.Child(resource)); err == nil {
			*field = time.Duration(v.Int()) * time.Second
		}
	}
}

// checkUTCOffset accepts the offsets of ISO 8601, such as +02:00.
func checkUTCOffset(offset string) error {
	ok, err := regexp.MatchString(`^(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)$`, offset)
	if err != nil || !ok {
		return fmt.Errorf("%w: want an offset such as +02:00", lwm2m.BadRequest)
	}
	return nil
}
