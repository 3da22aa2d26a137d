package server

import (
	"context"

	"github.com/lwm2m-go/lwm2m/model"
)

// WriteOptions says how to write.
type WriteOptions struct {
	// Format of the payload. Default for a single value: text/plain, or octet-stream
	// for Opaque. Default for several: the best format that the Client has
	// registered, LwM2M CBOR of a Client of LwM2M 1.2 before SenML CBOR before SenML
	// JSON before TLV; if it has registered none of them, TLV in LwM2M 1.0 and SenML
	// CBOR since 1.1.
	Format ContentFormat
	// Partial adds and updates (POST) instead of replacing (PUT): Resources of an
	// Object Instance or, since LwM2M 1.2, instances of a Resource.
	Partial bool
}

func (o WriteOptions) method() Method {
	if o.Partial {
		return POST
	}
	return PUT
}

// Write writes one value to a Resource or Resource Instance (Core 1.1.1 §6.3.3).
func (d *Device) Write(ctx context.Context, path model.Path, value model.Value, o WriteOptions) (*Response, error) {
	return d.WriteNodes(ctx, path, []Node{{Path: path, Value: value}}, o)
}

// WriteNodes writes values at or below path: to an Object Instance, or to a
// Multiple-Instance Resource. A Node whose Value is zero stands for a
// Multiple-Instance Resource without instances.
func (d *Device) WriteNodes(ctx context.Context, path model.Path, nodes []Node, o WriteOptions) (*Response, error) {
	return d.encoded(ctx, "Write", &Request{Method: o.method(), Path: path.String(), Format: o.Format}, path, nodes)
}

// WritePayload writes a payload as it is, in the format of the options.
func (d *Device) WritePayload(ctx context.Context, path model.Path, payload []byte, o WriteOptions) (*Response, error) {
	return d.do(ctx, "Write", &Request{Method: o.method(), Path: path.String(), Format: o.Format, Payload: payload})
}
