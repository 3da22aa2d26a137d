package bootstrap

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Action is what the owner of a [Machine] is to do: a [Connect], [Close],
// [Request], [Cancel], [Begin], [Judge], [Drop], [End], [Purge] or [Event].
type Action interface{ action() }

// Connect asks for a link to the Bootstrap-Server. The owner answers with LinkUp,
// or with LinkDown if it fails. It must end by itself, in a time that the owner chooses.
type Connect struct{}

// Close asks the owner to close the link, or to give up connecting. It is not answered.
type Close struct{}

// Cancel tells that a Request is given up: it is not retransmitted any more and
// its answer is not wanted.
type Cancel struct{ ID uint32 }

// Begin tells that a session begins: the owner makes a copy of the Objects, on
// which the commands work, and does not listen to other servers meanwhile.
type Begin struct{}

// Judge asks whether what the session has written can be used. If Pack is set,
// the owner first reads the Bootstrap-Pack that it has received into the copy. If it can
// be used, the owner puts it in force; then it calls [Machine.Judged].
type Judge struct{ Pack bool }

// Drop tells that the session ends without effect: the copy is forgotten, and
// the owner goes on as before Begin.
type Drop struct{}

// End tells that the session has ended: the owner goes on with what is now in force.
type End struct{}

// Purge tells that the account of the Bootstrap-Server is to be removed, as its
// time is up. The Machine has done its duty then.
type Purge struct{}

// Request is a message to send, confirmable (Core 1.1.1 §6.1.7). The owner answers
// with Response or Failed.
type Request struct {
	ID   uint32 // to be given to Response and Failed; never 0
	Kind RequestKind
	// Path is the Uri-Path. Do not change it.
	Path []string
	// Queries are the Uri-Query options in order.
	Queries []string
	// Accept is the Content-Format of the answer; 0 if none is asked for.
	Accept uint16
}

// RequestKind is an operation of the bootstrap interface that the client begins.
type RequestKind uint8

// The operations of the bootstrap interface that the client begins.
const (
	BootstrapRequest     RequestKind = iota + 1 // POST /bs, answered 2.04 (Core 1.1.1 §6.1.7.1)
	BootstrapPackRequest                        // GET /bspack, answered 2.05 (Core 1.2 §6.1.7.8)
)

// String is the operation's name, such as "Bootstrap-Request".
func (k RequestKind) String() string {
	switch k {
	case BootstrapRequest:
		return "Bootstrap-Request"
	case BootstrapPackRequest:
		return "Bootstrap-Pack-Request"
	}
	return "RequestKind(" + strconv.Itoa(int(k)) + ")"
}

// Answer is the Bootstrap-Server's answer to a [Request].
type Answer struct {
	Code model.Code
	// MaxAge is the Max-Age option, 0 if absent. It counts with 4.29 (RFC 8516)
	// and 5.03 (RFC 7252 §5.9.3.4).
	MaxAge time.Duration
	// Diagnostic is the payload of an error (RFC 7252 §5.5.2).
	Diagnostic string
}

// deferral is how long the Bootstrap-Server wants to be left alone.
func (a Answer) deferral() time.Duration {
	if a.Code == model.TooManyRequests || a.Code == model.ServiceUnavailable {
		return max(a.MaxAge, 0)
	}
	return 0
}

// Event tells the user what happened.
type Event struct {
	Kind EventKind
	// Err is the reason of a failure; nil if nothing failed.
	Err error
	// Attempt is the number of the attempt, from 1.
	Attempt int
	// Next is when the next attempt is made; the zero time if none is planned, or if the
	// session goes on.
	Next time.Time
}

// EventKind is the kind of an [Event].
type EventKind uint8

// The events of a bootstrap.
const (
	// Accepted: the Bootstrap-Server accepted the Bootstrap-Request, or has sent a Bootstrap-Pack.
	Accepted EventKind = iota + 1
	// Failed: the Bootstrap-Server cannot be reached, refuses, fell silent, or has
	// written what cannot be used.
	Failed
	// Finished: what the Bootstrap-Server has written is in force.
	Finished
)

// String is the name of the constant.
func (k EventKind) String() string {
	switch k {
	case Accepted:
		return "Accepted"
	case Failed:
		return "Failed"
	case Finished:
		return "Finished"
	}
	return "EventKind(" + strconv.Itoa(int(k)) + ")"
}

func (Connect) action() {}
func (Close) action()   {}
func (Cancel) action()  {}
func (Begin) action()   {}
func (Judge) action()   {}
func (Drop) action()    {}
func (End) action()     {}
func (Purge) action()   {}
func (Request) action() {}
func (Event) action()   {}

// ErrSilent is the reason of a Failed event if the Bootstrap-Server fell silent in the
// middle of a session.
var ErrSilent = errors.New("the Bootstrap-Server fell silent before Bootstrap-Finish; nothing it has written is in force")

// Error is the failure of a Request.
type Error struct {
	Kind RequestKind
	Err  error // a [*model.Error] if the Bootstrap-Server refused, otherwise what Failed was given
}

// Error is the operation and the reason in one line.
func (e *Error) Error() string { return e.Kind.String() + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// refusal is the error for an answer that is not the expected one.
func refusal(kind RequestKind, a Answer) error {
	var err error = &model.Error{Code: a.Code, Reason: a.Diagnostic}
	if a.Code.IsSuccess() {
		err = fmt.Errorf("unexpected answer %w", err)
	}
	return &Error{kind, err}
}
