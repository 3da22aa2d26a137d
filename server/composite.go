package server

import (
	"context"

	"github.com/lwm2m-go/lwm2m/model"
)

// CompositeOptions says how to read or write at several paths.
type CompositeOptions struct {
	// Format of the request: SenML JSON or SenML CBOR, since LwM2M 1.2 also SenML-ETCH
	// JSON or CBOR, and of a Write-Composite LwM2M CBOR. Default: SenML JSON if the
	// Client has registered that one alone, else SenML CBOR; the same of SenML-ETCH
	// where a Write-Composite removes something.
	Format ContentFormat
	// Accept is the format of the answer to a Read-Composite or Observe-Composite.
	// Default: that of the request, plain SenML where that is SenML-ETCH.
	Accept ContentFormat
}

// ReadComposite reads several paths at once (Core 1.1.1 §6.3.8); LwM2M 1.1.
func (d *Device) ReadComposite(ctx context.Context, paths []model.Path, o CompositeOptions) (*Response, error) {
	r, err := d.fetch("Read-Composite", paths, o)
	if err != nil {
		return nil, err
	}
	return d.do(ctx, "Read-Composite", r)
}

// WriteComposite writes values anywhere, all or nothing (Core 1.1.1 §6.3.9); LwM2M
// 1.1. Since 1.2 a Resource Instance whose Node has no Value is removed.
func (d *Device) WriteComposite(ctx context.Context, nodes []Node, o CompositeOptions) (*Response, error) {
	r := &Request{Method: IPATCH, Path: "/", Format: d.compositeFormat(o, removes(nodes))}
	return d.encoded(ctx, "Write-Composite", r, model.Path{}, nodes)
}

// ObserveComposite observes several paths at once (Core 1.1.1 §6.4.5); LwM2M 1.1.
// The format is that of the composite options; Accept of the other options is not
// used.
func (d *Device) ObserveComposite(ctx context.Context, paths []model.Path, c CompositeOptions, o ObserveOptions) (*Observation, error) {
	r, err := d.fetch("Observe-Composite", paths, c)
	if err != nil {
		return nil, err
	}
	r.Query = o.Query
	return d.observe(ctx, "Observe-Composite", r, o.OnNotify)
}

// fetch makes the request that lists paths.
func (d *Device) fetch(operation string, paths []model.Path, o CompositeOptions) (*Request, error) {
	format := d.compositeFormat(o, false)
	payload, err := encodePaths(format, paths)
	if err != nil {
		return nil, &OperationError{Operation: operation, Endpoint: d.endpoint, Path: "/", Err: err}
	}
	r := &Request{Method: FETCH, Path: "/", Format: format, Accept: o.Accept, Payload: payload}
	if r.Accept == NoContentFormat {
		r.Accept = answerFormat(format)
	}
	return r, nil
}
