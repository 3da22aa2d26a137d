package server

import (
	"context"
	"time"
)

// Cancel ends the observation by a request with the same token and Observe set to 1
// (active cancellation, Core 1.1.1 §6.4.2, RFC 7641 §3.6), and returns the answer.
// Whatever that is, the observation has ended. Cancelling an observation that has
// ended already is an error that wraps ErrEnded.
func (o *Observation) Cancel(ctx context.Context) (*Response, error) {
	r := *o.exchange.request
	r.Options = []Option{observeOption(1)}
	x := &exchange{server: o.device.server, request: &r, to: o.device, result: make(chan outcome, 1)}
	response, err := x.wait(ctx, func(now time.Time) {
		if o.ended {
			x.finish(nil, ErrEnded)
			return
		}
		x.begin(now, o.exchange.handle, x.done)
		o.end(ErrEnded)
	})
	if err != nil {
		return nil, &OperationError{Operation: "Cancel", Endpoint: o.device.endpoint, Path: r.Path, Err: err}
	}
	return response, nil
}
