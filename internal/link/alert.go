package link

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/pion/dtls/v3/pkg/protocol/alert"
	"github.com/pion/logging"
)

// Numbers of alerts that are used here (RFC 5246 §7.2, RFC 4279 §2).
const (
	AlertCloseNotify        = 0
	AlertHandshakeFailure   = 40
	AlertUnknownPSKIdentity = 115
)

// AlertError is an alert that the peer sent: the end of a session, or of the
// attempt to make one. Number is the value for Resource /1/x/11.
type AlertError struct {
	Number uint8
}

// Error gives the number, its name and, where it can be told, what to look at.
func (e *AlertError) Error() string {
	if e.Number == AlertCloseNotify {
		return "the peer closed the session (alert 0, close_notify)"
	}
	text := fmt.Sprintf("the peer sent alert %d, %s", e.Number, AlertName(e.Number))
	switch e.Number {
	case 20, 21, 51:
		text += ": the pre-shared keys differ, or something damages records on the way"
	case 40:
		text += ": there is no common cipher suite, or the peer wants a certificate that was not sent"
	case 42, 43, 44, 46, 48:
		text += ": the peer does not accept the certificate of this side"
	case 45:
		text += ": the certificate of this side has expired, or the peer's clock is wrong"
	case 49:
		text += ": the peer knows the credentials and does not admit them"
	case 70:
		text += ": the peer does not speak DTLS 1.2"
	case 71:
		text += ": the peer asks for other cipher suites"
	case 80:
		text += ": something failed in the peer; some answer so to an unknown PSK identity"
	case 115:
		text += ": the peer does not know the PSK identity"
	}
	return text
}

// AlertName is the name of an alert in RFC 5246 §7.2, or its number.
func AlertName(number uint8) string {
	switch number {
	case 48:
		return "unknown_ca"
	case AlertUnknownPSKIdentity:
		return "unknown_psk_identity"
	}
	name := alert.Description(number).String()
	if strings.Contains(name, " ") { // the library's word for numbers it does not know
		return "number " + strconv.Itoa(int(number))
	}
	var b strings.Builder
	for i, r := range name {
		if 'A' <= r && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// alertIn finds the alert in an error of the library, which has a type for it
// that cannot be named from outside.
func alertIn(err error) (*AlertError, bool) {
	var received interface {
		error
		IsFatalOrCloseNotify() bool
		Marshal() ([]byte, error)
	}
	if !errors.As(err, &received) {
		return nil, false
	}
	raw, err := received.Marshal()
	if err != nil || len(raw) != 2 {
		return nil, false
	}
	return &AlertError{Number: raw[1]}, true
}

// explain says why a client's handshake failed: for the reason that this side
// had, that the peer gave, or by how far it got.
func explain(err error, r *records, refused error, psk bool) error {
	if refused != nil {
		return refused
	}
	if a, ok := alertIn(err); ok {
		return a
	}
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	p := r.progress()
	switch {
	case p.trouble != nil:
		return fmt.Errorf("%w; the network reported: %w", err, p.trouble)
	case !p.heard:
		return fmt.Errorf("no answer: %w", err)
	case p.finished && psk:
		return fmt.Errorf("no answer to the end of the handshake: the server does not have this key for the PSK identity: %w", err)
	}
	return fmt.Errorf("it stopped half-way, the server did not go on answering: %w", err)
}

// lastAlert is a logger that keeps the last alert received and nothing else: the
// library tells of an alert that ends an established session by its log alone.
type lastAlert struct {
	silentLogger
	mu    sync.Mutex
	alert *AlertError
}

// NewLogger makes lastAlert the factory of itself.
func (l *lastAlert) NewLogger(string) logging.LeveledLogger { return l }

// Tracef looks for the line that shows an alert.
func (l *lastAlert) Tracef(format string, args ...any) {
	if format != "%s: <- %s" || len(args) != 2 {
		return
	}
	text, ok := args[1].(string)
	if !ok {
		return
	}
	for n := range 256 {
		a := alert.Alert{Level: alert.Fatal, Description: alert.Description(n)}
		w := alert.Alert{Level: alert.Warning, Description: alert.Description(n)}
		if text == a.String() || text == w.String() {
			l.mu.Lock()
			l.alert = &AlertError{Number: uint8(n)}
			l.mu.Unlock()
			return
		}
	}
}

// take gives the alert, if there was one.
func (l *lastAlert) take() *AlertError {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.alert
}

// silentLogger drops everything: what a peer sends must not write logs, and
// secrets are not to be found in any.
type silentLogger struct{}

func (silentLogger) Trace(string)          {}
func (silentLogger) Tracef(string, ...any) {}
func (silentLogger) Debug(string)          {}
func (silentLogger) Debugf(string, ...any) {}
func (silentLogger) Info(string)           {}
func (silentLogger) Infof(string, ...any)  {}
func (silentLogger) Warn(string)           {}
func (silentLogger) Warnf(string, ...any)  {}
func (silentLogger) Error(string)          {}
func (silentLogger) Errorf(string, ...any) {}
