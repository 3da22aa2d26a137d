// Package coap is a CoAP engine without I/O: the message codec, the exchange
// layer for one peer, block-wise transfers and observation bookkeeping
// (RFC 7252, RFC 7641, RFC 7959, RFC 8132).
//
// # Messages
//
// [Message.Parse] reads a datagram into views of it, [Message.Append] writes
// one. Neither allocates when the Message and the buffer are reused.
//
// # Exchanges
//
// A [Conn] speaks with one peer, in both roles at once. It is a plain value
// driven by its owner: datagrams go in by [Conn.Receive], time by
// [Conn.Expire], and datagrams, requests and results come out through the
// [Handler] and the callbacks of each request. A Conn starts no goroutine,
// takes no lock and never asks for the time, so all its timing can be tested
// by passing times by hand. One goroutine at a time may use it.
//
// Time must not run backwards between calls; pass values with a monotonic
// reading.
//
// # Views
//
// Everything a callback receives (options, payloads, tokens are values) is
// valid during the call only, unless its documentation says otherwise. Copy
// what must live longer.
package coap
