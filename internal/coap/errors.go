package coap

import "errors"

// Errors of this package, for errors.Is.
var (
	// ErrFormat: a datagram is no CoAP message. Wrapped by [*FormatError].
	ErrFormat = errors.New("coap: message format error")
	// ErrEncode: a message cannot be written. Wrapped by [*EncodeError].
	ErrEncode = errors.New("coap: message cannot be encoded")
	// ErrTimeout: the peer did not acknowledge or answer in time. It satisfies
	// net.Error with Timeout() == true.
	ErrTimeout error = timeoutError{}
	// ErrReset: the peer answered with a Reset message.
	ErrReset = errors.New("coap: peer sent a reset")
	// ErrClosed: the Conn was closed.
	ErrClosed = errors.New("coap: connection closed")
	// ErrCanceled: the exchange was given up by its owner.
	ErrCanceled = errors.New("coap: canceled")
	// ErrSuperseded: a newer notification of the same observation took the
	// place of this one before the peer acknowledged it (RFC 7641 §4.5.2).
	ErrSuperseded = errors.New("coap: superseded by a newer notification")
	// ErrTooManyPending: Params.MaxPending requests are waiting already.
	ErrTooManyPending = errors.New("coap: too many requests pending; wait for one to finish or raise MaxPending")
	// ErrTooLarge: a body is over Params.MaxBody, or over what block numbers
	// can count.
	ErrTooLarge = errors.New("coap: body too large")
	// ErrBlock: the peer broke the rules of block-wise transfer (RFC 7959).
	ErrBlock = errors.New("coap: block-wise transfer failed")
	// ErrOption: a response has a critical option that is not understood.
	ErrOption = errors.New("coap: response with an unrecognized critical option")
)

// FormatError says why a datagram is not a CoAP message. It matches
// [ErrFormat].
type FormatError struct {
	Reason string
	// HasHeader reports that the version is 1 and the header was read: Type and
	// MessageID are valid. Only then may the message be answered: a Confirmable
	// one with a Reset, others not at all (RFC 7252 §4.2, §4.3).
	HasHeader bool
	Type      Type
	MessageID uint16
}

func (e *FormatError) Error() string { return ErrFormat.Error() + ": " + e.Reason }

// Unwrap returns [ErrFormat].
func (e *FormatError) Unwrap() error { return ErrFormat }

// EncodeError says why a message cannot be written. It matches [ErrEncode].
type EncodeError struct{ Reason string }

func (e *EncodeError) Error() string { return ErrEncode.Error() + ": " + e.Reason }

// Unwrap returns [ErrEncode].
func (e *EncodeError) Unwrap() error { return ErrEncode }

type timeoutError struct{}

func (timeoutError) Error() string   { return "coap: no answer from the peer in time" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
