package shell

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m"
)

// ServerStatus is how things are with one server.
type ServerStatus struct {
	Server    uint16 `json:"server"` // Short Server ID, 0 of the Bootstrap-Server
	URI       string `json:"uri,omitempty"`
	State     string `json:"state"` // in words, such as "registered"
	Location  string `json:"location,omitempty"`
	Handshake string `json:"handshake,omitempty"` // as in [lwm2m.Event]
	Binding   string `json:"binding,omitempty"`
	// Lifetime is that of the registration, and Left what is left of it.
	Lifetime Seconds `json:"lifetime_seconds,omitempty"`
	Left     Seconds `json:"left_seconds,omitempty"`
	// Next is when the next Update is due or the next attempt to register; zero if nothing is planned.
	Next time.Time `json:"next,omitzero"`
	// Reason is why the state is not "registered".
	Reason string `json:"reason,omitempty"`

	renewed time.Time
}

// Seconds is a Duration that is a number of seconds in JSON.
type Seconds time.Duration

// MarshalJSON gives whole seconds.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, int64(time.Duration(s).Round(time.Second)/time.Second), 10), nil
}

// String is that of a Duration in whole seconds.
func (s Seconds) String() string { return time.Duration(s).Round(time.Second).String() }

// statusBoard follows the state of each server by events.
type statusBoard struct {
	mu       sync.Mutex
	endpoint string
	running  bool
	paused   bool
	servers  map[uint16]*ServerStatus
	tap      func(server uint16, sent bool, datagram []byte)
}

// reset begins anew with a start.
func (b *statusBoard) reset(endpoint string, servers map[uint16]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endpoint, b.running, b.paused, b.servers = endpoint, true, false, map[uint16]*ServerStatus{}
	for id := range servers {
		b.servers[id] = &ServerStatus{Server: id, State: "waiting"}
	}
}

func (b *statusBoard) stopped() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = false
}

func (b *statusBoard) setPaused(paused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paused = paused
}

func (b *statusBoard) isPaused() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.paused
}

// setTracer has f see each message; nil ends that.
func (b *statusBoard) setTracer(f func(server uint16, sent bool, datagram []byte)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tap = f
}

func (b *statusBoard) tracer() func(server uint16, sent bool, datagram []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tap
}

// states are the words for what an event leads to; others change nothing.
func stateAfter(kind lwm2m.EventKind) (state string, ok bool) {
	switch kind {
	case lwm2m.Registered, lwm2m.Updated:
		return "registered", true
	case lwm2m.Updating:
		return "updating", true
	case lwm2m.RegistrationFailed:
		return "refused", true
	case lwm2m.RegistrationTimeout:
		return "no answer", true
	case lwm2m.NetworkError:
		return "unreachable", true
	case lwm2m.Deregistering:
		return "de-registering", true
	case lwm2m.Disconnected, lwm2m.DeregistrationFailed:
		return "not registered", true
	case lwm2m.ServerDisabled:
		return "disabled", true
	case lwm2m.Asleep:
		return "registered, asleep", true
	case lwm2m.BootstrapAccepted:
		return "bootstrapping", true
	case lwm2m.BootstrapFailed:
		return "bootstrap failed", true
	case lwm2m.Bootstrapped:
		return "bootstrapped", true
	}
	return "", false
}

// event takes note of what happened, with the lifetime that the account has.
func (b *statusBoard) event(e lwm2m.Event, lifetime time.Duration) {
	state, ok := stateAfter(e.Kind)
	if !ok {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.servers[e.Server]
	if s == nil {
		if b.servers == nil {
			b.servers = map[uint16]*ServerStatus{}
		}
		s = &ServerStatus{Server: e.Server}
		b.servers[e.Server] = s
	}
	if s.State == "disabled" && (e.Kind == lwm2m.Deregistering || e.Kind == lwm2m.Disconnected) {
		s.Location, s.renewed = "", time.Time{}
		return // it is why
	}
	s.State, s.Next, s.Reason = state, e.Next, ""
	if e.Err != nil {
		s.Reason = reason(e.Err)
	}
	if e.Handshake != "" {
		s.Handshake = e.Handshake
	}
	switch e.Kind {
	case lwm2m.Registered:
		s.Location, s.renewed, s.Lifetime = e.Location, e.Time, Seconds(lifetime)
	case lwm2m.Updated:
		s.renewed, s.Lifetime = e.Time, Seconds(lifetime)
	case lwm2m.Disconnected, lwm2m.RegistrationFailed:
		s.Location, s.renewed = "", time.Time{}
	}
}

// Status is how things are with a Device.
type Status struct {
	Running  bool           `json:"running"`
	Paused   bool           `json:"paused,omitempty"`
	Endpoint string         `json:"endpoint,omitempty"` // of the last start
	Servers  []ServerStatus `json:"servers,omitempty"`  // in order of their Short Server IDs
}

// Status tells how things are.
func (d *Device) Status() Status {
	var servers []ServerStatus
	d.status.mu.Lock()
	status := Status{Running: d.status.running, Paused: d.status.paused, Endpoint: d.status.endpoint}
	for _, s := range d.status.servers {
		servers = append(servers, *s)
	}
	d.status.mu.Unlock()
	uris := d.accounts()
	slices.SortFunc(servers, func(a, b ServerStatus) int { return int(a.Server) - int(b.Server) })
	for i := range servers {
		s := &servers[i]
		s.URI = uris[s.Server]
		if in, ok := d.account(s.Server); ok {
			binding, _ := in.Get(serverBinding)
			s.Binding = binding.Text()
		}
		if !s.renewed.IsZero() && s.Lifetime > 0 {
			s.Left = max(s.Lifetime-Seconds(time.Since(s.renewed)), 0)
		}
	}
	status.Servers = servers
	return status
}

// lifetime is that of the account of a server, Resource 1/x/1.
func (d *Device) lifetime(ssid uint16) time.Duration {
	in, ok := d.account(ssid)
	if !ok {
		return 0
	}
	v, _ := in.Get(serverLifetime)
	return time.Duration(min(max(v.Int(), 0), 1<<31)) * time.Second
}

// String is the status in a line or two.
func (s ServerStatus) String() string {
	line := fmt.Sprintf("server %d", s.Server)
	if s.Server == 0 {
		line = "Bootstrap-Server"
	}
	if s.URI != "" {
		line += "  " + s.URI
	}
	line += "  " + s.State
	if s.Location != "" {
		line += " at " + s.Location
	}
	if s.Binding != "" {
		line += ", binding " + s.Binding
	}
	if s.Left > 0 {
		line += fmt.Sprintf(", lifetime %v with %v left", s.Lifetime, s.Left)
	}
	if s.Handshake != "" {
		line += ", handshake: " + s.Handshake
	}
	if s.Reason != "" {
		line += "\n  because: " + s.Reason
	}
	if !s.Next.IsZero() {
		line += fmt.Sprintf("\n  next: %s at %s, in %v", s.next(), s.Next.Format("15:04:05"), max(time.Until(s.Next), 0).Round(time.Second))
	}
	return line
}

// next says what happens next.
func (s ServerStatus) next() string {
	switch s.State {
	case "registered", "registered, asleep":
		return "Update"
	case "disabled":
		return "Register, as the pause ends"
	}
	return "attempt"
}
