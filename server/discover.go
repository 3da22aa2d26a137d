package server

import (
	"context"
	"strconv"

	"github.com/lwm2m-go/lwm2m/model"
)

// DiscoverOptions says how to discover.
type DiscoverOptions struct {
	// Depth is the number of levels below the path to list, plus one: 1 lists the
	// path itself (LwM2M 1.2). Default: the Client's choice.
	Depth int
}

// Discover lists what is at path and below, with attributes (Core 1.1.1 §6.3.2), in
// Response.Links.
func (d *Device) Discover(ctx context.Context, path model.Path, o DiscoverOptions) (*Response, error) {
	r := &Request{Method: GET, Path: path.String(), Accept: LinkFormat}
	if o.Depth > 0 {
		r.Query = []string{"depth=" + strconv.Itoa(o.Depth-1)}
	}
	return d.do(ctx, "Discover", r)
}
