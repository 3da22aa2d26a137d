package server

import (
	"context"

	"github.com/lwm2m-go/lwm2m/model"
)

// ReadOptions says how to read.
type ReadOptions struct {
	Accept ContentFormat // default: the Client's choice (Core 1.1.1 §7.4)
}

// Read reads an Object, Object Instance, Resource or, since LwM2M 1.1, Resource
// Instance (Core 1.1.1 §6.3.1). The values are in Response.Nodes.
func (d *Device) Read(ctx context.Context, path model.Path, o ReadOptions) (*Response, error) {
	return d.do(ctx, "Read", &Request{Method: GET, Path: path.String(), Accept: o.Accept})
}
