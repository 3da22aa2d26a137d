package shell

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"

	"github.com/lwm2m-go/lwm2m"
)

// Line is what the log of an embedded device says at a moment: test benches wait for such lines.
type Line struct {
	Level  slog.Level
	Logger string // the module that says it, such as "net_lwm2m_rd_client"
	Text   string
}

const (
	levelInfo = slog.LevelInfo
	levelWarn = slog.LevelWarn
	levelErr  = slog.LevelError
)

// The modules that lines come from.
const (
	logClient      = "net_lwm2m_rd_client"
	logEngine      = "net_lwm2m_engine"
	logMessages    = "net_lwm2m_message_handling"
	logApplication = "net_lwm2m_client_app"
	logFirmware    = "app_fw_update"
	logShell       = "net_lwm2m_shell"
)

// seedLog says the lines of an embedded device.
type seedLog struct {
	log func(Line)
	// object gives the instance of the Server Object that a server has; of 0, the instance of the Security Object
	// that the Bootstrap-Server has.
	object func(server uint16) uint16

	mu      sync.Mutex
	servers map[uint16]*seedState
}

// seedState is what the lines depend on.
type seedState struct {
	connected bool
	updating  bool
	leaving   bool
	disabled  bool
	failed    bool // to de-register
	retries   int
	register  any // Message-ID of the last Register, which may be repeated
}

func (l *seedLog) say(level slog.Level, logger, text string) {
	if l.log != nil {
		l.log(Line{level, logger, text})
	}
}

func (l *seedLog) client(level slog.Level, format string, args ...any) {
	l.say(level, logClient, fmt.Sprintf(format, args...))
}

func (l *seedLog) application(format string, args ...any) {
	l.say(levelInfo, logApplication, fmt.Sprintf(format, args...))
}

func (l *seedLog) started(endpoint string) {
	l.mu.Lock()
	l.servers = map[uint16]*seedState{}
	l.mu.Unlock()
	l.client(levelInfo, "Start LWM2M Client: %s", endpoint)
}

func (l *seedLog) stopped(endpoint string) { l.client(levelInfo, "Stop LWM2M Client: %s", endpoint) }

// state is that of a server. It is called with l.mu held.
func (l *seedLog) state(server uint16) *seedState {
	s := l.servers[server]
	if s == nil {
		if l.servers == nil {
			l.servers = map[uint16]*seedState{}
		}
		s = &seedState{}
		l.servers[server] = s
	}
	return s
}

// event says what goes with an event.
func (l *seedLog) event(e lwm2m.Event, endpoint string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state(e.Server)
	switch e.Kind {
	case lwm2m.Registered:
		*s = seedState{connected: true, register: s.register}
		l.client(levelInfo, "Registration Done (EP='%s')", endpoint)
		l.application("Registration complete")
	case lwm2m.Updating:
		s.updating = true
	case lwm2m.Updated:
		s.updating = false
		l.client(levelInfo, "Update callback (code:2.4)")
		l.client(levelInfo, "Update Done")
		l.application("Registration update complete")
	case lwm2m.RegistrationFailed, lwm2m.RegistrationTimeout, lwm2m.NetworkError:
		l.trouble(s, e)
	case lwm2m.Deregistering, lwm2m.DeregistrationFailed, lwm2m.Disconnected, lwm2m.ServerDisabled:
		l.leaving(s, e, endpoint)
	case lwm2m.Asleep:
		l.application("Queue mode RX window closed")
	case lwm2m.Suspended:
		l.client(levelInfo, "Suspend client")
		l.say(levelInfo, logEngine, "LWM2M engine thread paused")
		for _, s := range l.servers {
			s.connected = false
		}
	case lwm2m.BootstrapAccepted:
		l.client(levelInfo, "Bootstrap registration done!")
		l.application("Bootstrap registration complete")
	case lwm2m.Bootstrapped:
		l.servers = map[uint16]*seedState{}
		l.client(levelInfo, "Bootstrap data transfer done!")
		l.application("Bootstrap transfer complete")
	case lwm2m.BootstrapFailed:
		if codeOf(e.Err) == 0 {
			l.client(levelWarn, "Bootstrap Timeout")
		} else {
			l.client(levelErr, "Failed with code %s.%s", seedCode(e.Err), retrying(e))
		}
		l.application("Bootstrap registration failure!")
	case lwm2m.Observed:
		l.application("Observer added for %s", seedPath(e.Path))
	case lwm2m.ObservationEnded:
		l.application("Observer removed for %s", seedPath(e.Path))
	case lwm2m.NotifyAcknowledged:
		l.application("Notify acknowledged for %s", seedPath(e.Path))
	case lwm2m.NotifyTimeout:
		l.application("Notify timeout for %s, trying registration update", seedPath(e.Path))
	}
}

// retrying says whether the client tries again.
func retrying(e lwm2m.Event) string {
	if e.Next.IsZero() {
		return " Not Retrying."
	}
	return " Retrying registration."
}

// trouble says why there is no registration.
func (l *seedLog) trouble(s *seedState, e lwm2m.Event) {
	switch {
	case e.Kind == lwm2m.NetworkError:
		s.connected = false
		l.client(levelErr, "sm_do_network_error, retries %d", s.retries)
		s.retries++
	case e.Kind == lwm2m.RegistrationFailed:
		l.client(levelErr, "Failed with code %s.%s", seedCode(e.Err), retrying(e))
	case s.updating:
		l.client(levelWarn, "Registration Update Timeout")
		l.client(levelWarn, "Confirmable Timeout -> Re-connect and register")
		s.connected = false
	default:
		l.client(levelWarn, "Registration Timeout")
		s.connected = false
	}
	s.updating = false
}

// leaving says how the registration ends.
func (l *seedLog) leaving(s *seedState, e lwm2m.Event, endpoint string) {
	switch e.Kind {
	case lwm2m.ServerDisabled:
		s.disabled = true
		l.client(levelInfo, "Server disabled, deregister")
		l.application("LwM2M server disabled")
	case lwm2m.Deregistering:
		s.leaving = true
		l.client(levelInfo, "Deregister from '%s'", endpoint)
		if !s.disabled {
			l.application("Client De-register")
		}
	case lwm2m.DeregistrationFailed:
		s.failed = true
		if codeOf(e.Err) == 0 {
			l.client(levelWarn, "De-Registration Timeout")
		} else {
			l.client(levelErr, "Failed with code %s. Not Retrying.", seedCode(e.Err))
		}
	case lwm2m.Disconnected:
		if s.leaving && !s.failed {
			l.client(levelInfo, "Deregistration success")
		}
		if s.disabled {
			l.client(levelInfo, "Server disabled")
		} else {
			l.application("Disconnected")
		}
		*s = seedState{}
	}
}

// seedCode is the answer of a server, such as "4.4 (Not Found)".
func seedCode(err error) string {
	code := codeOf(err)
	if code == 0 {
		return "0.0 (Unknown)"
	}
	name := "Unknown"
	switch code {
	case 0x80:
		name = "Bad Request"
	case 0x83:
		name = "Forbidden"
	case 0x84:
		name = "Not Found"
	case 0x8c:
		name = "Precondition Failed"
	}
	return fmt.Sprintf("%d.%d (%s)", code>>5, code&0x1f, name)
}

// seedPath is a path without the slash in front.
func seedPath(p lwm2m.Path) string { return strings.TrimPrefix(p.String(), "/") }

// registering says that a Register is being sent.
func (l *seedLog) registering(server uint16, messageID any, query string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state(server)
	if s.register == messageID {
		return
	}
	s.register = messageID
	if !s.connected {
		s.connected = true
		l.say(levelInfo, logEngine, "Connected, sock id 0")
	}
	if s.updating {
		s.updating = false
		l.client(levelWarn, "Registration Update fail -> trigger full registration")
	}
	object := uint16(0)
	if l.object != nil {
		object = l.object(server)
	}
	parameters, _ := url.ParseQuery(query)
	l.client(levelInfo, "RD Client started with endpoint '%s' with client lifetime %s using server object %d",
		parameters.Get("ep"), parameters.Get("lt"), object)
}

// bootstrapping says that a Bootstrap-Request is being sent.
func (l *seedLog) bootstrapping(messageID any, query string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state(0)
	if s.register == messageID {
		return
	}
	s.register = messageID
	object := uint16(0)
	if l.object != nil {
		object = l.object(0)
	}
	parameters, _ := url.ParseQuery(query)
	l.client(levelInfo, "Bootstrap started with endpoint '%s' using security object %d", parameters.Get("ep"), object)
}
