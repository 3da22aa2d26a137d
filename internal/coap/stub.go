package coap

import "time"

// Conn is the exchange layer for one peer.
type Conn struct{}

// Scratch is memory that Conns driven by the same goroutine share.
type Scratch struct{}

func NewConn(p *Params, h Handler, rng Source) *Conn                          { return &Conn{} }
func (c *Conn) UseScratch(s *Scratch)                                         {}
func (c *Conn) Receive(now time.Time, datagram []byte)                        {}
func (c *Conn) Expire(now time.Time)                                          {}
func (c *Conn) Deadline() time.Time                                           { return time.Time{} }
func (c *Conn) Respond(now time.Time, ref Ref, resp *Response)                {}
func (c *Conn) Continue(now time.Time, ref Ref)                               {}
func (c *Conn) Do(now time.Time, out *Outgoing) (Handle, error)               { return 0, nil }
func (c *Conn) Cancel(now time.Time, h Handle)                                {}
func (c *Conn) Notify(now time.Time, n *Notification) error                   { return nil }
func (c *Conn) Ping(now time.Time, done func(now time.Time, err error)) error { return nil }
func (c *Conn) Reset(now time.Time, reason error)                             {}
func (c *Conn) Close(now time.Time, reason error)                             {}

// ObserveSequence returns the 24-bit value after v.
func ObserveSequence(v uint32) uint32 { return (v + 1) & 0xffffff }
