package server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/model"
)

// ObserveOptions says how to observe.
type ObserveOptions struct {
	Accept ContentFormat // default: the Client's choice
	// Query holds attributes for this observation alone, such as "pmin=5" (LwM2M
	// 1.2). Default: none.
	Query []string
	// OnNotify, if set, is called with each notification, one after another, instead
	// of keeping them for Next. It is called off the goroutine that runs the
	// protocol and may call any method of the Server.
	OnNotify func(Notification)
}

// Notification is a message of an observation after the first answer.
type Notification struct {
	Response
	Time     time.Time // when it arrived
	Sequence uint32    // value of the Observe option; 0 with an error or a body of several blocks
	// Confirmable tells that it came in a confirmable message, which has been acknowledged.
	Confirmable bool
	// Err says that the rest of a long notification could not be fetched; the
	// Response is then empty.
	Err error
}

// Observation is an observation of a device. It ends when it is cancelled, when the
// device answers or notifies with an error, when the Registration ends or moves to
// another address, and when the Server stops.
type Observation struct {
	// Response is the answer to the request. If it is an error, or the device
	// answered without observing, the observation has ended with it.
	Response *Response

	device   *Device
	exchange *exchange
	onNotify func(Notification)
	queue    *queue[Notification]
	lane     loop.Lane

	// Of the loop's goroutine:
	answered, ended bool
}

// Observe observes an Object, Object Instance, Resource or, since LwM2M 1.1,
// Resource Instance (Core 1.1.1 §6.4.1). If the device refuses, Observation.Response
// tells.
func (d *Device) Observe(ctx context.Context, path model.Path, o ObserveOptions) (*Observation, error) {
	return d.observe(ctx, "Observe", &Request{Method: GET, Path: path.String(), Accept: o.Accept, Query: o.Query}, o.OnNotify)
}

// observeOption is an Observe option with the value 0 to register or 1 to cancel
// (RFC 7641 §2).
func observeOption(v byte) Option {
	o := Option{Number: uint16(coap.Observe)}
	if v != 0 {
		o.Value = []byte{v}
	}
	return o
}

func (d *Device) observe(ctx context.Context, operation string, r *Request, onNotify func(Notification)) (*Observation, error) {
	r.Options = []Option{observeOption(0)}
	o := &Observation{
		device:   d,
		exchange: &exchange{server: d.server, request: r, to: d, result: make(chan outcome, 1)},
		onNotify: onNotify,
		queue:    newQueue[Notification](d.server.config.MaxWaiting),
	}
	response, err := o.exchange.wait(ctx, o.begin)
	if err != nil {
		d.server.do(func(now time.Time) { o.forget(now, err) })
		return nil, &OperationError{Operation: operation, Endpoint: d.endpoint, Path: r.Path, Err: err}
	}
	o.Response = response
	return o, nil
}

func (o *Observation) begin(now time.Time) {
	x := o.exchange
	x.begin(now, 0, o.receive)
	if p := x.contact.peer; p != nil && !x.finished {
		if p.observations == nil {
			p.observations = make(map[*Observation]struct{})
		}
		p.observations[o] = struct{}{}
	}
}

// receive takes the answer and then the notifications.
func (o *Observation) receive(now time.Time, r coap.Result) {
	x := o.exchange
	switch {
	case o.ended:
		return
	case !o.answered && r.Err != nil:
		x.finish(nil, r.Err)
	case !o.answered:
		o.answered = true
		x.finish(x.contact.dialect.response(x.request, r), nil)
	case r.Err != nil && !r.Observing:
		o.end(r.Err)
		return
	case r.Err != nil:
		o.deliver(Notification{Time: now, Err: r.Err})
	default:
		n := Notification{Response: *x.contact.dialect.response(x.request, r), Time: now, Confirmable: r.Confirmable}
		n.Sequence, _ = r.Options.Uint(coap.Observe)
		o.deliver(n)
	}
	if !r.Observing {
		o.end(ErrEnded)
	}
}

func (o *Observation) deliver(n Notification) {
	if o.onNotify == nil {
		o.queue.put(n)
		return
	}
	s := o.device.server
	run := func() error {
		s.guard("OnNotify", func() { o.onNotify(n) })
		return nil
	}
	if err := s.workers.Go(&o.lane, run, func(error) {}); err != nil {
		s.config.Logger.Error("notification lost", "endpoint", o.device.endpoint, "path", o.exchange.request.Path, "err", err)
	}
}

// end closes the books; the Conn does not know the observation any more.
func (o *Observation) end(reason error) {
	if o.ended {
		return
	}
	o.ended = true
	if p := o.exchange.contact.peer; p != nil {
		delete(p.observations, o)
	}
	if !errors.Is(reason, ErrEnded) {
		reason = fmt.Errorf("%w: %w", ErrEnded, reason)
	}
	o.queue.close(reason)
}

// forget gives the observation up without telling the device: its next notification
// is answered with a Reset, which ends it there (RFC 7641 §3.6).
func (o *Observation) forget(now time.Time, reason error) {
	x := o.exchange
	if o.ended {
		return
	}
	if p := x.contact.peer; p != nil && !p.gone {
		p.conn.Cancel(now, x.handle)
		p.schedule(now)
	}
	x.finish(nil, reason)
	o.end(reason)
}

// endObservations forgets what was observed in a Registration that ends or moves.
func (p *peer) endObservations(now time.Time, r *registration) {
	for o := range p.observations {
		if o.exchange.contact.registration == r {
			o.forget(now, ErrNotRegistered)
		}
	}
}

// Next takes the next notification, waiting for it if there is none. It returns
// ErrLost, an error that wraps ErrEnded when the observation has ended and nothing
// is left, or the error of ctx.
func (o *Observation) Next(ctx context.Context) (Notification, error) { return o.queue.next(ctx) }

// All iterates over the notifications until the observation ends, or ctx does.
// ErrLost is yielded in its place; the error at the end is not.
func (o *Observation) All(ctx context.Context) iter.Seq2[Notification, error] {
	return func(yield func(Notification, error) bool) {
		for {
			n, err := o.Next(ctx)
			if err != nil && !errors.Is(err, ErrLost) || !yield(n, err) {
				return
			}
		}
	}
}

// Forget ends the observation on this side only (passive cancellation): the device
// learns of it by the Reset that answers its next notification. When it has been
// called, nothing more is delivered that arrives later.
func (o *Observation) Forget() {
	o.device.server.do(func(now time.Time) { o.forget(now, ErrEnded) })
}
