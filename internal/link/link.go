// Package link carries datagrams between this process and its peers.
//
// A [Link] is one peer: a LwM2M Server as a client sees it, or one device as a
// server sees it. What a Link receives goes to a [Sink]; whoever owns the
// protocol state implements it, and only queues there. A [Network] opens Links
// as a client; a [Listener] is the server's end, where each new source address
// appears as a Link the sink has not seen before.
//
// Two transports live here: [UDP] over sockets and [Memory], a network without
// sockets that loses, delays, repeats and damages datagrams as it is told, and
// that works in virtual time. [DTLS] and [DTLSServer] protect what goes over
// either: Dial does the handshake under its context, Input gives what was
// decrypted, and an alert that ends the session arrives as Down with an error
// that wraps [ErrClosed] and an [AlertError].
//
// # Other transports
//
// The interfaces leave room for what RFC 8323 asks for:
//
//   - One socket for many clients: a Network that owns the socket and gives out
//     Links that hold a local and a remote address only; nothing here supposes
//     a socket or a goroutine for each Link.
//   - TCP and TLS: the Link does the framing of RFC 8323 §3, so that one call
//     of Input is one whole message; Reliable reports true, which switches
//     off retransmission and duplicate detection above; Send queues a bounded
//     amount rather than wait; the end of the stream is Down with ErrClosed.
package link

import (
	"context"
	"errors"
	"net"
)

// Link carries datagrams to and from one peer. Its methods may be called from
// any goroutine, also from within a Sink's methods.
//
// Links are compared with ==: one Link value is one peer for as long as it
// lives.
type Link interface {
	// Send hands one datagram to the transport. It neither keeps nor changes
	// the slice and does not wait for the peer. A nil error says that the
	// datagram left, not that it arrived. After an error that does not wrap
	// ErrClosed the Link stays usable and a later datagram may well get
	// through. Send may call the Sink before it returns.
	Send(datagram []byte) error
	// MTU is the size in bytes of the largest datagram that is advisable (RFC
	// 7252 §4.6). Larger ones are not refused; they may be fragmented or lost.
	MTU() int
	// Reliable reports whether the transport itself retransmits and keeps
	// order.
	Reliable() bool
	// Local is the address of this end. The value is not shared; it may be
	// allocated.
	Local() net.Addr
	// Remote is the address of the peer. The value is not shared; it may be
	// allocated.
	Remote() net.Addr
	// Close ends the Link and frees what it holds. It may be called more than
	// once and always returns the result of the first call. It does not wait
	// for the Sink: a call of Input or Down that is under way on another
	// goroutine may still be seen after Close returned, so an owner compares
	// the Link it is given with the one it holds. Close itself does not cause a
	// call of Down.
	Close() error
}

// Sink gets what Links receive. Its methods are called on goroutines of the
// transport or from within Send, several at the same time. They must be quick
// and must not wait: an implementation copies the datagram into a queue and
// returns.
type Sink interface {
	// Input gives one datagram from the peer of l. The slice belongs to the
	// transport and is valid during the call only.
	Input(l Link, datagram []byte)
	// Down reports trouble: an ICMP error (ErrUnreachable), a datagram that was
	// too large (ErrTooLarge), a failing interface. It is news, not the end: l
	// stays usable, unless err wraps ErrClosed, in which case l is closed
	// already and this is its last call.
	Down(l Link, err error)
}

// Network opens Links as a client does.
type Network interface {
	// Dial opens a Link to t. It looks the host name up anew each time it is
	// called and may wait for that, and for a handshake, until ctx ends; so it
	// is never called on an event loop. For datagrams without a handshake
	// success does not mean that anyone listens there. Ending ctx after Dial
	// has returned does not touch the Link.
	Dial(ctx context.Context, t Target, s Sink) (Link, error)
}

// Listener is the server's end of a transport. Its peers appear as Links in
// Sink.Input; to forget a peer, close its Link: the next datagram from that
// address then arrives on a new one.
type Listener interface {
	// Addr is the local address, with the port that was chosen if 0 was asked
	// for.
	Addr() net.Addr
	// Peer gives the Link to the peer at remote, opening it if there is none,
	// so that a server can speak first.
	Peer(remote net.Addr) (Link, error)
	// Close ends the Listener and all its peer Links, without calls of Down.
	Close() error
}

// Errors of this package, for errors.Is. Errors that are returned wrap one of
// these or one of the standard library's (net.OpError, net.DNSError).
var (
	// ErrClosed says that the Link or Listener is closed and will not come
	// back.
	ErrClosed = errors.New("link: closed")
	// ErrUnreachable says that the network reported the peer as unreachable: an
	// ICMP error came back, or there is no route.
	ErrUnreachable = errors.New("link: peer unreachable")
	// ErrTooLarge says that a datagram is larger than the transport carries or
	// than this end accepts.
	ErrTooLarge = errors.New("link: datagram too large")
	// ErrPeerLimit says that a Listener closed its longest idle peer Link to
	// make room for a new one.
	ErrPeerLimit = errors.New("link: too many peers")
	// ErrScheme says that a transport does not carry the URI scheme of a
	// Target.
	ErrScheme = errors.New("link: scheme not supported by this transport")
)
