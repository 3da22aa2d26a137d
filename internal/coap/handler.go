package coap

import "time"

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
