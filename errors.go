package lwm2m

import (
	"errors"
	"fmt"

	"github.com/lwm2m-go/lwm2m/model"
)

// Errors of this package, for errors.Is.
var (
	// ErrClosed: the client does not run: its Run has not been called, or has returned.
	ErrClosed = errors.New("lwm2m: client is not running")
	// ErrRunning: the client runs already, or has run before. A Client runs once.
	ErrRunning = errors.New("lwm2m: client runs already or has run before")
	// ErrNotRegistered: the operation needs a registration, and there is none at this moment.
	ErrNotRegistered = errors.New("lwm2m: not registered")
	// ErrMuted: the server wants no Send: Resource 1/x/23, Mute Send, is true, or absent, which means the same.
	ErrMuted = errors.New("lwm2m: Send is muted")
)

// errUnsent: the network did not take a datagram.
var errUnsent = errors.New("lwm2m: the network did not take the message")

// errNoTime is why a De-register failed that the client could not wait for.
var errNoTime = errors.New("no answer in time")

const maxID = model.MaxID

// panicError is what a panic of a callback is turned into.
type panicError struct {
	path  Path
	value error
}

func (e *panicError) Error() string { return fmt.Sprintf("callback of %v: %v", e.path, e.value) }
func (e *panicError) Unwrap() error { return e.value }
