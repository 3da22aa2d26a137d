package server

import (
	"context"

	"github.com/lwm2m-go/lwm2m/model"
)

// CreateOptions says how to create.
type CreateOptions struct {
	Format ContentFormat // default as that of WriteOptions for several values
}

// Create creates an Object Instance with the values of nodes (Core 1.1.1 §6.3.6). A
// path of two levels says which ID it gets. With the path of the Object alone the
// Client chooses one, which is then in Response.Location; only TLV can say so, and
// is the default then. The nodes then lie below Instance 0.
func (d *Device) Create(ctx context.Context, path model.Path, nodes []Node, o CreateOptions) (*Response, error) {
	r := &Request{Method: POST, Path: path.Prefix(1).String(), Format: o.Format}
	base := path.Prefix(1)
	if path.Depth() == 1 {
		base = path.Child(0) // the payload then does not name an Instance
		if r.Format == NoContentFormat {
			r.Format = TLV
		}
	}
	if path.Depth() == 2 && len(nodes) == 0 { // the ID alone, which only TLV can tell
		nodes = []Node{{Path: path}}
		if r.Format == NoContentFormat {
			r.Format = TLV
		}
	}
	return d.encoded(ctx, "Create", r, base, nodes)
}

// CreatePayload creates an Object Instance with a payload as it is.
func (d *Device) CreatePayload(ctx context.Context, object uint16, payload []byte, o CreateOptions) (*Response, error) {
	return d.do(ctx, "Create", &Request{Method: POST, Path: model.PathOf(object).String(), Format: o.Format, Payload: payload})
}
