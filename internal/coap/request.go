package coap

import (
	"slices"
	"time"
)

// Handle identifies an outgoing request until its last result. The zero
// Handle identifies none.
type Handle uint64

// Outgoing is a request to the peer.
type Outgoing struct {
	Code        Code
	Confirmable bool
	// Options are copied, in any order. Block1 and Size1 are added as needed. With Observe 0 the
	// request registers an observation (RFC 7641 §3.1).
	Options Options
	// Payload is kept until the request is finished and must not change; beyond
	// a block it is sent by Block1.
	Payload []byte
	// Observation, if not zero, is the handle of a registered observation whose
	// token this request takes over: to end it by Observe 1 (RFC 7641 §3.6), or
	// to register again by Observe 0 (§3.3.1). The handle is forgotten, its Done
	// not called any more.
	Observation Handle
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
	// Confirmable tells, of a notification, that it came in a confirmable message.
	Confirmable bool
	// Err is why there is no response: ErrTimeout, ErrReset, ErrTooLarge,
	// ErrBlock, ErrOption, or the reason the Conn was reset for. Code, Options
	// and Payload are zero then. If Observing is true nevertheless, the body of
	// one notification could not be fetched and the observation stands.
	Err error
}

// exchange is an outgoing request until its response, or a registered
// observation until its end.
type exchange struct {
	handle   Handle
	out      Outgoing // Options are a copy
	params   *Params
	internal bool // fetches the rest of a notification: no handle, not counted

	token    Token
	keep     bool   // token was taken over from an observation
	mid      uint16 // of the latest message
	sending  *transmission
	queued   bool
	deadline time.Time // for the response, once the request is acknowledged

	echoed   bool // a 4.01 with Echo was answered
	upload   upstream
	download downstream

	observing  bool
	sequence   uint32 // of the freshest notification
	sequenceAt time.Time
	rest       *exchange // fetches the rest of the latest notification
}

// waiting reports that a request was sent and has no response yet.
func (e *exchange) waiting() bool { return e.sending != nil || !e.deadline.IsZero() }

// registers reports that the request asks for an observation.
func (e *exchange) registers() bool {
	v, ok := e.out.Options.Uint(Observe)
	return ok && v == 0 && (e.out.Code == GET || e.out.Code == FETCH)
}

// Do sends a request to the peer and returns at once; what becomes of it is
// told to out.Done. Requests beyond Params.NStart wait for their turn.
//
// A confirmable request that is not acknowledged fails with ErrTimeout 62 to
// 93 s after it was sent (with the defaults), one without a response after
// Params.ResponseTimeout. Errors: ErrClosed, ErrTooManyPending, ErrTooLarge
// (more blocks than RFC 7959 can number), ErrEncode. Done is not called then.
func (c *Conn) Do(now time.Time, out *Outgoing) (Handle, error) {
	if c.closed {
		return 0, ErrClosed
	}
	if c.pending() >= c.params.maxPending() {
		return 0, ErrTooManyPending
	}
	e := &exchange{out: *out, params: c.params}
	if out.Params != nil {
		e.params = out.Params
	}
	e.out.Options = out.Options.Clone()
	slices.SortStableFunc(e.out.Options, func(a, b Option) int { return int(a.ID) - int(b.ID) })
	if err := c.prepare(e); err != nil {
		return 0, err
	}
	e.handle = Handle(c.nextSerial())
	if observed := c.exchangeByHandle(out.Observation); observed != nil && observed.observing {
		e.token, e.keep = observed.token, true
		c.forget(observed)
	}
	c.start(now, e)
	return e.handle, nil
}

// prepare chooses the block size and finds out before anything is sent
// whether the request can be encoded.
func (c *Conn) prepare(e *exchange) error {
	if !e.out.Code.IsRequest() {
		return &EncodeError{"code " + e.out.Code.String() + " is not a request"}
	}
	if e.out.Done == nil {
		return &EncodeError{"Outgoing.Done is nil"}
	}
	m := Message{Code: e.out.Code, Token: Token{size: MaxTokenLength}, Options: e.out.Options}
	if err := m.validate(); err != nil {
		return err
	}
	szx, ok := e.params.fit(m.overhead()+blockOverhead, e.params.szx())
	if !ok {
		return &EncodeError{"options leave no room for a block in MaxMessageSize"}
	}
	b, _ := e.out.Options.Block(Block2)
	e.download.raw = b.Number > 0
	e.upload.szx = szx
	e.upload.blockwise = len(e.out.Payload) > 16<<szx
	if int64(len(e.out.Payload)) > (maxBlockNumber+1)<<(szx+4) {
		return ErrTooLarge
	}
	return nil
}

// start puts e on the list and sends it as soon as NStart allows.
func (c *Conn) start(now time.Time, e *exchange) {
	c.exchanges = append(c.exchanges, e)
	c.enqueue(now, e)
}

// enqueue has the next message of e sent in its turn. The blocks of a long
// transfer queue anew each time, so that other requests pass between them.
func (c *Conn) enqueue(now time.Time, e *exchange) {
	e.deadline = time.Time{}
	e.queued = true
	c.queue = append(c.queue, e)
	c.sendQueued(now)
}

// sendQueued sends from the queue. Only confirmable requests wait for NStart.
func (c *Conn) sendQueued(now time.Time) {
	for i := 0; i < len(c.queue); {
		e := c.queue[i]
		if e.out.Confirmable && c.outstanding() >= c.params.nStart() {
			i++
			continue
		}
		c.queue = slices.Delete(c.queue, i, i+1)
		e.queued = false
		c.sendRequest(now, e)
	}
}

// outstanding counts the requests that wait for an acknowledgement (RFC 7252
// §4.7).
func (c *Conn) outstanding() int {
	n := 0
	for _, e := range c.exchanges {
		if e.sending != nil {
			n++
		}
	}
	return n
}

// pending counts the unfinished requests of the owner.
func (c *Conn) pending() int {
	n := 0
	for _, e := range c.exchanges {
		if !e.observing && !e.internal {
			n++
		}
	}
	return n
}

// sendRequest sends the next message of e: the request, or its next block.
// Each has a token of its own, so that a late answer to an earlier one is not
// taken for this one's.
func (c *Conn) sendRequest(now time.Time, e *exchange) {
	f := c.frame()
	defer c.release(f)
	if !e.keep || len(e.download.body) > 0 {
		e.token = c.nextToken()
	}
	e.mid = c.nextMID()
	m := &f.msg
	*m = Message{Type: NonConfirmable, Code: e.out.Code, MessageID: e.mid, Token: e.token, Options: f.msg.Options[:0]}
	e.compose(m)
	if e.out.Confirmable {
		m.Type = Confirmable
		e.sending = c.sendReliably(now, f, m, e.params, e)
		return
	}
	c.transmit(f, m)
	e.deadline = now.Add(e.params.responseTimeout())
}

func (c *Conn) exchangeOf(t Token) *exchange {
	for _, e := range c.exchanges {
		if e.token == t {
			return e
		}
	}
	return nil
}

func (c *Conn) exchangeByHandle(h Handle) *exchange {
	for _, e := range c.exchanges {
		if e.handle == h && h != 0 {
			return e
		}
	}
	return nil
}

// acknowledged: the response will come in a message of its own.
func (e *exchange) acknowledged(c *Conn, now time.Time) {
	e.sending = nil
	e.deadline = now.Add(e.params.responseTimeout())
	c.sendQueued(now)
}

// failed ends e without a response.
func (e *exchange) failed(c *Conn, now time.Time, reason error) {
	c.finish(now, e, Result{Err: reason})
}

// receiveResponse takes the response m to e.
func (c *Conn) receiveResponse(now time.Time, e *exchange, m *Message) {
	c.drop(e.sending)
	e.sending, e.deadline = nil, time.Time{}
	if c.repeatWithEcho(now, e, m) {
		return
	}
	if e.upload.blockwise || len(e.out.Payload) > 0 {
		if c.continueUpload(now, e, m) {
			return
		}
	}
	if len(e.download.body) == 0 && (e.observing || e.registers()) {
		c.receiveObserved(now, e, m)
		return
	}
	c.receiveBody(now, e, m)
}

// repeatWithEcho sends the request again, once, with the Echo option that the
// peer asks for by 4.01, to show that it is fresh (RFC 9175 §2.3).
func (c *Conn) repeatWithEcho(now time.Time, e *exchange, m *Message) bool {
	value, ok := m.Options.Get(Echo)
	if !ok || m.Code != Unauthorized || e.echoed || e.observing {
		return false
	}
	e.echoed = true
	e.out.Options.Remove(Echo)
	e.out.Options.Add(Echo, append([]byte(nil), value...))
	c.enqueue(now, e)
	return true
}

// finish reports the last result of e.
func (c *Conn) finish(now time.Time, e *exchange, r Result) {
	c.forget(e)
	c.sendQueued(now)
	e.out.Done(now, r)
}

// forget takes e, and the fetching of a notification's rest, off all lists.
func (c *Conn) forget(e *exchange) {
	for ; e != nil; e = e.rest {
		c.drop(e.sending)
		e.sending = nil
		c.exchanges = remove(c.exchanges, e)
		c.queue = remove(c.queue, e)
	}
}

func (c *Conn) expireExchanges(now time.Time) {
	for {
		i := slices.IndexFunc(c.exchanges, func(e *exchange) bool {
			return !e.deadline.IsZero() && !now.Before(e.deadline)
		})
		if i < 0 {
			return
		}
		c.exchanges[i].failed(c, now, ErrTimeout)
	}
}

// Cancel forgets a request or an observation: its Done is not called any
// more. A response that comes nevertheless is reset or ignored; a notification
// is reset, which ends the observation at the peer. Unknown handles are
// ignored.
func (c *Conn) Cancel(now time.Time, h Handle) {
	if e := c.exchangeByHandle(h); e != nil {
		c.forget(e)
		c.sendQueued(now)
	}
}
