package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/model"
)

// Method is a CoAP method (RFC 7252 §5.8, RFC 8132).
type Method uint8

// The methods.
const (
	GET    = Method(coap.GET)
	POST   = Method(coap.POST)
	PUT    = Method(coap.PUT)
	DELETE = Method(coap.DELETE)
	FETCH  = Method(coap.FETCH)
	PATCH  = Method(coap.PATCH)
	IPATCH = Method(coap.IPATCH)
)

// String is the method's name, such as "GET".
func (m Method) String() string { return coap.Code(m).String() }

// Option is a CoAP option by its number.
type Option struct {
	Number uint16
	Value  []byte
}

// Request is a request to a device, for what the methods of [Device] do not say:
// [Device.Do] sends it just as it stands, right or wrong.
type Request struct {
	Method Method // default: GET
	// Path is the Uri-Path: "/3/0/1", or anything else. The alternate path of the
	// Registration comes before it, unless Absolute is set.
	Path     string
	Absolute bool
	Query    []string      // Uri-Query options, such as "pmin=5"
	Accept   ContentFormat // default: none
	Format   ContentFormat // Content-Format of Payload; default: none
	Payload  []byte
	// Options are added as they are. Those of block-wise transfer are the Server's
	// own business; with Observe the answer counts, and notifications are reset.
	Options []Option
	// NonConfirmable sends it as NON, without retransmission.
	NonConfirmable bool
}

// Do sends any request and returns the answer.
func (d *Device) Do(ctx context.Context, r Request) (*Response, error) {
	if r.Method == 0 {
		r.Method = GET
	}
	return d.do(ctx, r.Method.String(), &r)
}

// options makes the options of a request.
func (r *Request) options(alternatePath string) coap.Options {
	var o coap.Options
	if !r.Absolute {
		o.AddPath(coap.UriPath, alternatePath)
	}
	o.AddPath(coap.UriPath, r.Path)
	for _, query := range r.Query {
		o.AddString(coap.UriQuery, query)
	}
	r.Accept.add(&o, coap.Accept)
	r.Format.add(&o, coap.ContentFormat)
	for _, option := range r.Options {
		o.Add(coap.OptionID(option.Number), option.Value)
	}
	return o
}

// target is the path that payloads are about; the root if r.Path is none of LwM2M.
func (r *Request) target() model.Path {
	path, err := model.ParsePath(r.Path)
	if err != nil {
		return model.Path{}
	}
	return path
}

// OperationError says that an operation got no answer: the device is not registered,
// did not answer in time, or the like. A refusal is none of these; see
// [Response.Err].
type OperationError struct {
	Operation string // such as "Read"
	Endpoint  string
	Path      string
	Err       error // for errors.Is: ErrTimeout, ErrNotRegistered, context.Canceled, ...
}

// Error is the message of the error.
func (e *OperationError) Error() string {
	reason := strings.TrimPrefix(e.Err.Error(), "server: ")
	return fmt.Sprintf("server: %s %s of %q: %s", e.Operation, e.Path, e.Endpoint, reason)
}

// Unwrap returns Err.
func (e *OperationError) Unwrap() error { return e.Err }

// outcome is what an exchange ends with.
type outcome struct {
	response *Response
	err      error
}

// exchange is a request under way. All but result belongs to the loop's goroutine.
type exchange struct {
	server   *Server
	request  *Request
	to       party
	contact  contact
	handle   coap.Handle
	result   chan outcome           // has room for the one outcome
	report   func(*Response, error) // is told of the outcome before it is in result; nil for nobody
	finished bool
}

// party is whom a request goes to.
type party interface {
	// reach finds the way there. It is called on the loop's goroutine.
	reach(now time.Time) (contact, error)
}

// contact is where a Client is and how it is spoken to.
type contact struct {
	peer         *peer
	dialect      dialect
	registration *registration // nil if it is not registered
}

// do sends a request and waits for the answer.
func (d *Device) do(ctx context.Context, operation string, r *Request) (*Response, error) {
	x := &exchange{server: d.server, request: r, to: d, result: make(chan outcome, 1)}
	response, err := x.wait(ctx, func(now time.Time) { x.begin(now, 0, x.done) })
	if err != nil {
		return nil, &OperationError{Operation: operation, Endpoint: d.endpoint, Path: r.Path, Err: err}
	}
	return response, nil
}

// wait lets begin run on the loop and waits for the outcome.
func (x *exchange) wait(ctx context.Context, begin func(now time.Time)) (*Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x.request.Payload = slices.Clone(x.request.Payload) // the caller's own again when ctx ends
	if !x.server.do(begin) {
		return nil, ErrClosed
	}
	select {
	case o := <-x.result:
		return o.response, o.err
	case <-ctx.Done():
		x.server.do(x.cancel)
		return nil, ctx.Err()
	case <-x.server.loop.Done():
		select {
		case o := <-x.result:
			return o.response, o.err
		default:
			return nil, ErrClosed
		}
	}
}

// begin sends the request, in the place of the observation takesOver if that is not
// 0.
func (x *exchange) begin(now time.Time, takesOver coap.Handle, done func(time.Time, coap.Result)) {
	var err error
	if x.contact, err = x.to.reach(now); err != nil {
		x.finish(nil, err)
		return
	}
	p := x.contact.peer
	handle, err := p.conn.Do(now, &coap.Outgoing{
		Code:        coap.Code(x.request.Method),
		Confirmable: !x.request.NonConfirmable,
		Options:     x.request.options(x.contact.dialect.inventory.Root),
		Payload:     x.request.Payload,
		Observation: takesOver,
		Done:        done,
	})
	if err != nil {
		x.finish(nil, err)
		return
	}
	x.handle = handle
	p.schedule(now)
}

func (x *exchange) done(now time.Time, r coap.Result) {
	if r.Err != nil {
		x.finish(nil, r.Err)
		return
	}
	x.finish(x.contact.dialect.response(x.request, r), nil)
	if r.Observing { // by an Observe option that Do was given
		x.contact.peer.conn.Cancel(now, x.handle)
	}
}

func (x *exchange) finish(r *Response, err error) {
	if !x.finished {
		x.finished = true
		if x.report != nil {
			x.report(r, err)
		}
		x.result <- outcome{r, err}
	}
}

// cancel gives the exchange up.
func (x *exchange) cancel(now time.Time) {
	if p := x.contact.peer; p != nil && !p.gone && !x.finished {
		p.conn.Cancel(now, x.handle)
		p.schedule(now)
	}
	x.finished = true
}
