package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Numbers of errors, as scripts of embedded devices know them: those of newlib.
const (
	numPermission   = 1   // EPERM: not in this state
	numNotFound     = 2   // ENOENT
	numIO           = 5   // EIO
	numNotExecuted  = 8   // ENOEXEC
	numDenied       = 13  // EACCES
	numExists       = 17  // EEXIST
	numInvalid      = 22  // EINVAL
	numNoData       = 61  // ENODATA
	numTimeout      = 116 // ETIMEDOUT
	numInProgress   = 119 // EINPROGRESS
	numNotSupported = 134 // ENOTSUP
	numCanceled     = 140 // ECANCELED
)

// Error is why a command failed.
type Error struct {
	// Number is that of the errno of embedded systems, such as 22 for EINVAL.
	Number int
	// Returns is what the verb retval shows, negated, if that is not Number: read and write return the same
	// whatever the reason.
	Returns int
	// Text is the message for the user, in one or several lines.
	Text string
	// Err is the reason, if it has one.
	Err error
}

// Error is the Text.
func (e *Error) Error() string { return e.Text }

// Unwrap is the reason.
func (e *Error) Unwrap() error { return e.Err }

// IsUsage reports whether the command makes no sense, rather than that it did not work.
func (e *Error) IsUsage() bool { return e.Number == numInvalid }

func failf(number int, format string, args ...any) *Error {
	return &Error{Number: number, Text: fmt.Sprintf(format, args...)}
}

// returning has the verb retval show another number.
func (e *Error) returning(number int) *Error {
	e.Returns = number
	return e
}

// because is the failure of an operation: the message with the number that scripts know, and the reason.
func because(err error, message string) *Error {
	n := numberOf(err)
	return &Error{Number: n, Text: fmt.Sprintf("%s (err %d): %s", message, -n, reason(err)), Err: err}
}

// numberOf is the number of an error, also of those of package lwm2m.
func numberOf(err error) int {
	if own, ok := errors.AsType[*Error](err); ok {
		return own.Number
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return numTimeout
	case errors.Is(err, context.Canceled):
		return numCanceled
	case errors.Is(err, lwm2m.ErrClosed), errors.Is(err, lwm2m.ErrNotRegistered), errors.Is(err, lwm2m.ErrMuted):
		return numPermission
	case errors.Is(err, errors.ErrUnsupported):
		return numNotSupported
	}
	switch codeOf(err) {
	case lwm2m.NotFound:
		return numNotFound
	case lwm2m.MethodNotAllowed:
		return numPermission
	case lwm2m.BadRequest:
		return numInvalid
	case lwm2m.Unauthorized:
		return numDenied
	case model.NotImplemented:
		return numNotSupported
	}
	return numIO
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

// reason is the text of an error without the name of the package.
func reason(err error) string {
	if err == context.DeadlineExceeded {
		return "no answer in time"
	}
	return strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", "; "), "lwm2m: ")
}

// codeOf is the response code that an error tells of; 0 if there is none.
func codeOf(err error) lwm2m.Code {
	if refusal, ok := asRefusal(err); ok {
		return refusal.Code
	}
	code, _ := errors.AsType[lwm2m.Code](err)
	return code
}

// asRefusal finds the refusal of an operation in an error.
func asRefusal(err error) (*lwm2m.Error, bool) { return errors.AsType[*lwm2m.Error](err) }
