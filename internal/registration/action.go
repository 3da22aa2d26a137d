package registration

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Action is what the owner of a [Machine] is to do: a [Connect], [Suspend],
// [Close], [Request], [Cancel] or [Event].
type Action interface{ action() }

// Connect asks for a link to the Server: resolve the name, connect, shake
// hands. The owner answers with LinkUp, or with LinkDown if it fails. It must
// end by itself, in a time that the owner chooses. An older link is to be closed.
type Connect struct {
	// Anew tells that the Server did not answer over the last link: a session
	// that was kept must not go on without a new handshake.
	Anew bool
}

// Close asks the owner to close the link, or to give up connecting. It is not
// answered.
type Close struct{}

// Suspend is a Close that leaves the Server believing in the session of the
// link, so that the next Connect can go on with it.
type Suspend struct{}

// Cancel tells that a Request is given up: it is not retransmitted any more and
// its answer is not wanted.
type Cancel struct{ ID uint32 }

// Request is a message to send, confirmable (Core 1.1.1 §6.2). The owner answers
// with Response or Failed.
type Request struct {
	ID   uint32 // to be given to Response and Failed; never 0
	Kind RequestKind
	// Path is the Uri-Path: "rd", or what the Server gave as Location. Do not change it.
	Path []string
	// Queries are the Uri-Query options in order.
	Queries []string
	// WithObjects tells to add the list of Objects and Instances as payload.
	WithObjects bool
	// Version is the version of LwM2M that the Server is told or was told: the
	// payload has to be as it says.
	Version model.Version
}

// RequestKind is an operation of the registration interface.
type RequestKind uint8

// The operations of the registration interface.
const (
	Register   RequestKind = iota + 1 // POST /rd, answered 2.01 (Core 1.1.1 §6.2.1)
	Update                            // POST to the location, answered 2.04 (§6.2.2)
	Deregister                        // DELETE of the location, answered 2.02 (§6.2.3)
)

// String is the operation's name, such as "De-register".
func (k RequestKind) String() string {
	switch k {
	case Register:
		return "Register"
	case Update:
		return "Update"
	case Deregister:
		return "De-register"
	}
	return "RequestKind(" + strconv.Itoa(int(k)) + ")"
}

// Answer is the Server's answer to a [Request].
type Answer struct {
	Code     model.Code
	Location []string // the Location-Path options
	// MaxAge is the Max-Age option, 0 if absent. It counts with 4.29 (RFC 8516)
	// and 5.03 (RFC 7252 §5.9.3.4).
	MaxAge time.Duration
	// Diagnostic is the payload of an error (RFC 7252 §5.5.2).
	Diagnostic string
}

// Event tells the user what happened.
type Event struct {
	Kind EventKind
	// Err is the reason of a failure: an [*Error] for a Request, otherwise what
	// LinkDown was given. It is nil if nothing failed.
	Err error
	// Attempt is the number of the attempt in its sequence, from 1; 0 if the
	// event is not about a Register or Connect.
	Attempt int
	// Next is when the Machine acts by itself again: the next attempt, or the
	// next Update. The zero time means never.
	Next time.Time
	// Served tells with Registered and Updated which calls of Trigger are
	// answered, see [Machine.Trigger].
	Served uint32
}

// EventKind is the kind of an [Event].
type EventKind uint8

// The events of a registration.
const (
	// Registered: the Server accepted a Register. Observations made before are void.
	Registered EventKind = iota + 1
	// RegistrationFailed: a Register or an Update was refused.
	RegistrationFailed
	// RegistrationTimeout: a Register or an Update was not answered.
	RegistrationTimeout
	// Updating: an Update is about to be sent.
	Updating
	// Updated: the Server accepted an Update.
	Updated
	// Deregistering: a De-register is about to be sent.
	Deregistering
	// DeregistrationFailed: a De-register was refused or not answered;
	// Disconnected follows all the same.
	DeregistrationFailed
	// Disconnected: the Machine stopped as it was told.
	Disconnected
	// NetworkError: there is no link to the Server, or with ErrExhausted: all
	// attempts to register are used up.
	NetworkError
	// Asleep: the link is about to be given up, in queue mode; the registration
	// stays.
	Asleep
)

var eventNames = [...]string{
	Registered: "Registered", RegistrationFailed: "RegistrationFailed", RegistrationTimeout: "RegistrationTimeout",
	Updating: "Updating", Updated: "Updated", Deregistering: "Deregistering",
	DeregistrationFailed: "DeregistrationFailed", Disconnected: "Disconnected", NetworkError: "NetworkError",
	Asleep: "Asleep",
}

// String is the name of the constant.
func (k EventKind) String() string {
	if k == 0 || int(k) >= len(eventNames) {
		return "EventKind(" + strconv.Itoa(int(k)) + ")"
	}
	return eventNames[k]
}

func (Connect) action() {}
func (Close) action()   {}
func (Suspend) action() {}
func (Cancel) action()  {}
func (Request) action() {}
func (Event) action()   {}

// ErrExhausted is wrapped by the error of a [NetworkError] event after the last
// attempt of the last sequence.
var ErrExhausted = errors.New("all attempts to register failed")

// ErrNoLocation is the reason of a RegistrationFailed event if the Server
// accepts a Register without saying where the registration is.
var ErrNoLocation = errors.New("the Server's 2.01 has no Location-Path: without it the registration cannot be updated")

// ErrVersion is wrapped by the error of a RegistrationFailed event if the Server
// refuses the version of LwM2M (4.12).
var ErrVersion = errors.New("the Server does not speak LwM2M")

// ErrExpired is the reason of a RegistrationFailed event if the lifetime passed
// before an Update was sent.
var ErrExpired = errors.New("the lifetime of the registration has passed")

// Error is the failure of a Request.
type Error struct {
	Kind RequestKind
	Err  error // a [*model.Error] if the Server refused, otherwise what Failed was given
}

// Error is the operation and the reason in one line.
func (e *Error) Error() string { return e.Kind.String() + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// refusal is the error for an answer that is not the expected one.
func refusal(kind RequestKind, a Answer) error {
	if a.Code.IsSuccess() {
		return &Error{kind, fmt.Errorf("unexpected answer %w", &model.Error{Code: a.Code, Reason: a.Diagnostic})}
	}
	return &Error{kind, &model.Error{Code: a.Code, Reason: a.Diagnostic}}
}

// isTimeout reports whether err says so as a net.Error does.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
