package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/lwm2m-go/lwm2m"
)

// narrator puts the events of a device into words, in the order in which they happen.
type narrator struct {
	server    string // URI; empty if the device is told its servers
	bootstrap string // URI of the Bootstrap-Server
	endpoint  string
	several   int // servers that a device file names, with the Bootstrap-Server

	leaving bool // a De-register is under way
}

// name is what a server is called.
func (n *narrator) name(e lwm2m.Event) string {
	if n.server == "" {
		return fmt.Sprintf("server %d", e.Server)
	}
	return n.server
}

// words says in one line what happened, why, and what comes next; "" for events that are not worth one.
func (n *narrator) words(e lwm2m.Event, lifetime time.Duration) string {
	switch e.Kind {
	case lwm2m.Registered:
		return fmt.Sprintf("Registered with %s as %s, lifetime %v, location %s%s%s",
			n.name(e), n.endpoint, lifetime, e.Location, handshake(e), next(e, "Update"))
	case lwm2m.RegistrationFailed:
		return fmt.Sprintf("%s refused: %s%s", n.name(e), reason(e.Err), next(e, "attempt"))
	case lwm2m.RegistrationTimeout:
		return fmt.Sprintf("%s does not answer: %s%s", n.name(e), reason(e.Err), next(e, "attempt"))
	case lwm2m.Updated:
		return fmt.Sprintf("Updated the registration%s%s", handshake(e), next(e, "Update"))
	case lwm2m.Deregistering:
		n.leaving = true
		return fmt.Sprintf("De-registering from %s", n.name(e))
	case lwm2m.DeregistrationFailed:
		n.leaving = false
		return fmt.Sprintf("The De-register failed: %s", reason(e.Err))
	case lwm2m.Disconnected:
		return n.farewell(e)
	case lwm2m.ServerDisabled:
		return fmt.Sprintf("The server disabled itself%s", next(e, "Register"))
	case lwm2m.NetworkError:
		after := next(e, "attempt")
		if after == "" {
			after = "; trying on"
		}
		return fmt.Sprintf("Cannot reach %s: %s%s", n.name(e), reason(e.Err), after)
	case lwm2m.Observed:
		return fmt.Sprintf("The server observes %s", named(e.Path))
	case lwm2m.ObservationEnded:
		return fmt.Sprintf("The server no longer observes %s", named(e.Path))
	case lwm2m.CallbackPanicked:
		return fmt.Sprintf("The device failed at %v: %s", e.Path, reason(e.Err))
	case lwm2m.Asleep:
		return fmt.Sprintf("Asleep: %s is not heard until the device wakes%s", n.name(e), next(e, "Update"))
	case lwm2m.BootstrapAccepted:
		return fmt.Sprintf("The Bootstrap-Server %s accepted %s%s, and begins to write", n.bootstrap, n.endpoint, handshake(e))
	case lwm2m.Bootstrapped:
		return "Bootstrapped: what it has written is in force"
	case lwm2m.BootstrapFailed:
		return fmt.Sprintf("The bootstrap by %s failed: %s%s", n.bootstrap, reason(e.Err), next(e, "attempt"))
	case lwm2m.Updating:
		return "" // Updated follows, or what went wrong
	}
	return e.String()
}

// farewell says how the device left the server.
func (n *narrator) farewell(e lwm2m.Event) string {
	if n.leaving {
		n.leaving = false
		return fmt.Sprintf("De-registered from %s", n.name(e))
	}
	return fmt.Sprintf("Left %s", n.name(e))
}

// handshake says how a protected connection came about.
func handshake(e lwm2m.Event) string {
	switch e.Handshake {
	case "":
		return ""
	case "full":
		return ", after a full handshake"
	case "resumed":
		return ", in the former session, after a short handshake"
	}
	return ", in the former session, without a handshake (" + e.Handshake + ")"
}

// next says when something is due.
func next(e lwm2m.Event, what string) string {
	if e.Next.IsZero() {
		return ""
	}
	s := fmt.Sprintf("; next %s in %v", what, e.Next.Sub(e.Time).Round(time.Second))
	if e.Attempt > 0 && e.Err != nil {
		s = fmt.Sprintf("; that was attempt %d%s", e.Attempt, strings.Replace(s, ";", ",", 1))
	}
	return s
}

// reason says in words what people understand why something failed.
func reason(err error) string {
	var (
		name    *net.DNSError
		timeout interface{ Timeout() bool }
		refusal *lwm2m.Error
	)
	switch {
	case err == nil:
		return "for no known reason"
	case errors.As(err, &refusal):
		return refusal.Error()
	case errors.As(err, &name):
		return fmt.Sprintf("the name %q is not known (%s)", name.Name, name.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused, no server listens there"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	return err.Error()
}
