package coap

import (
	"io"
	"time"
)

// Source is where a Conn draws tokens, its first Message-ID and the random
// part of timeouts from. Tokens must be unguessable (RFC 7252 §5.3.1): use a
// cryptographic generator such as math/rand/v2's ChaCha8 outside of tests.
type Source interface{ Uint64() uint64 }

// Handler is the owner of a Conn.
type Handler interface {
	// Transmit sends a datagram to the peer. It is valid during the call only.
	// Transmit must not call any method of the Conn.
	Transmit(datagram []byte)
	// ServeRequest hands over a complete request: its body assembled from
	// Block1, its duplicates and unrecognized options dealt with. r and all it
	// refers to are valid during the call only. Each request is to be answered
	// once by Conn.Respond(r.Ref), at once or later; the peer gets an empty
	// acknowledgement meanwhile.
	ServeRequest(now time.Time, r *Request)
	// ObservationEnded tells that the peer is no longer interested in
	// notifications with the token: reason is ErrReset if it answered one with
	// a Reset, ErrTimeout if a confirmable one was not acknowledged.
	ObservationEnded(now time.Time, token Token, reason error)
}

// StreamHandler is an optional interface of a Handler.
type StreamHandler interface {
	// StreamRequest is asked at the first block of a request whose body comes
	// in several: r has its options, Payload is empty. A Sink receives the body
	// block by block; nil has it assembled in memory for ServeRequest.
	StreamRequest(now time.Time, r *Request) Sink
}

// Sink receives a request body block by block, in order and each once.
type Sink interface {
	// Block hands over the bytes at offset, valid during the call only. The
	// owner answers each block, at once or later: by Conn.Continue to have the
	// next, by Conn.Respond after the last or to end the transfer early. No
	// other block comes before that.
	Block(now time.Time, ref Ref, offset int64, data []byte, last bool)
	// Abort tells that no more blocks come: the peer started again (ErrBlock),
	// went silent for ExchangeLifetime (ErrTimeout), or the Conn was reset. A
	// block not answered yet is not to be answered any more. Abort is not
	// called after the last block, nor after Respond.
	Abort(now time.Time, reason error)
}

// Ref identifies a request of the peer until it is answered. The zero Ref
// identifies none.
type Ref uint64

// Key identifies what a request asks for: its method and all options but
// those of block-wise transfer and Observe. It links the blocks of a body
// with the request or observation it belongs to. Keys are comparable; the
// zero Key belongs to no request.
type Key struct{ options, body uint64 }

// Request is a request of the peer.
type Request struct {
	Ref     Ref
	Type    Type // Confirmable or NonConfirmable
	Code    Code
	Token   Token
	Options Options
	Payload []byte
	// Key is to be kept with an observation for Notification.Key.
	Key Key
}

// Response answers a request of the peer.
type Response struct {
	Code    Code
	Options Options // in ascending order; read during the call only
	// Payload is the body, read during the call only. Beyond a block it is
	// copied and served by Block2; that of an error is cut.
	Payload []byte
	// Body takes the place of Payload if it is not nil: Size bytes that are
	// read as the peer asks for them, up to ExchangeLifetime after its last
	// request. They must not change meanwhile. Add an ETag if the body has one
	// that outlives the transfer; a random one is made otherwise. A read error
	// is answered 5.00.
	Body io.ReaderAt
	Size int64
}

// Handle identifies an outgoing request until its last result. The zero
// Handle identifies none.
type Handle uint64

// Outgoing is a request to the peer.
type Outgoing struct {
	Code        Code
	Confirmable bool
	// Options are copied. Block1, Size1 are added as needed. With Observe 0 the
	// request registers an observation (RFC 7641 §3.1).
	Options Options
	// Payload is kept until the request is finished and must not change; beyond
	// a block it is sent by Block1.
	Payload []byte
	// Params replace those of the Conn for this request, if not nil.
	Params *Params
	// Done is called once with the response or an error; for a registered
	// observation again for each notification, until a Result that is not
	// Observing. It may call any method of the Conn.
	Done func(now time.Time, r Result)
}

// Result is the outcome of an outgoing request, or a notification. Options
// and Payload are valid during the call only.
type Result struct {
	Code    Code
	Options Options
	Payload []byte // whole body, assembled from Block2
	// Observing tells that the observation stands: Done will be called again.
	Observing bool
	// Err is why there is no response: ErrTimeout, ErrReset, ErrClosed,
	// ErrTooLarge, ErrBlock, ErrOption. The other fields are zero then.
	Err error
}

// Notification is a response sent to an observer (RFC 7641 §3.2).
type Notification struct {
	Token       Token // of the request that registered the observation
	Key         Key   // of that request; without it the rest of a large body is asked of ServeRequest
	Confirmable bool
	Sequence    uint32 // value of the Observe option, see ObserveSequence; left out with an error Code
	Code        Code
	Options     Options // without Observe; copied
	// Payload is copied. Beyond a block its first block is sent and the rest
	// served by Block2.
	Payload []byte
	// Done, if not nil, is called once: with nil when the peer acknowledged, or
	// at once for a non-confirmable one; otherwise with ErrReset, ErrTimeout,
	// ErrSuperseded or the reason the Conn was reset for. It may be called
	// before Notify returns.
	Done func(now time.Time, err error)
}
