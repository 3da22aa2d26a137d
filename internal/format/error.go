package format

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/internal/senml"
	"github.com/lwm2m-go/lwm2m/internal/tlv"
	"github.com/lwm2m-go/lwm2m/model"
)

// The reasons that an [Error] wraps one of.
var (
	// ErrUnsupported: the format is not known, or cannot carry what is asked of
	// it (4.15 for a request with a payload, 4.06 for an answer).
	ErrUnsupported = errors.New("unsupported content format")
	// ErrMalformed: the payload breaks the rules of its format (4.00).
	ErrMalformed = errors.New("malformed payload")
	// ErrType: a value does not fit the type of its Resource (4.00).
	ErrType = errors.New("wrong type")
	// ErrPath: the payload names something that is not at or below the request
	// path, or the number of levels is wrong (4.00).
	ErrPath = errors.New("wrong path")
)

// Error says what is wrong with a payload and where. The text is short enough
// for a diagnostic payload.
type Error struct {
	Err    error // one of the Err variables of this package
	Format ContentFormat
	Where  string // a path or an offset in the payload; may be empty
	Reason string
}

func (e *Error) Error() string {
	if e.Where == "" {
		return fmt.Sprintf("%v: %s", e.Format, e.Reason)
	}
	return fmt.Sprintf("%v, %s: %s", e.Format, e.Where, e.Reason)
}

// Unwrap returns the reason, for errors.Is.
func (e *Error) Unwrap() error { return e.Err }

func unsupported(f ContentFormat, format string, args ...any) error {
	return &Error{Err: ErrUnsupported, Format: f, Reason: fmt.Sprintf(format, args...)}
}

func at(f ContentFormat, err error, p model.Path, format string, args ...any) error {
	return &Error{Err: err, Format: f, Where: p.String(), Reason: fmt.Sprintf(format, args...)}
}

func atOffset(f ContentFormat, err error, offset int, format string, args ...any) error {
	return &Error{Err: err, Format: f, Where: fmt.Sprintf("offset %d", offset), Reason: fmt.Sprintf(format, args...)}
}

// malformed translates the errors of the codecs.
func malformed(f ContentFormat, err error) error {
	var te *tlv.Error
	var ce *cbor.Error
	var se *senml.Error
	switch {
	case errors.As(err, &te):
		return atOffset(f, ErrMalformed, te.Offset, "%s", te.Reason)
	case errors.As(err, &ce):
		return atOffset(f, ErrMalformed, ce.Offset, "%s", ce.Reason)
	case errors.As(err, &se):
		return atOffset(f, ErrMalformed, se.Offset, "%s", se.Reason)
	}
	return &Error{Err: ErrMalformed, Format: f, Reason: err.Error()}
}

// valueError says that a value at a path does not fit. The prefix of the codec
// is left out: the format is named already.
func valueError(f ContentFormat, p model.Path, err error) error {
	reason := strings.TrimPrefix(err.Error(), tlv.ErrValue.Error()+": ")
	var ce *cbor.Error
	if errors.As(err, &ce) {
		reason = ce.Reason
	}
	return at(f, ErrType, p, "%s", reason)
}
