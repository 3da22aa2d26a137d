package server

import (
	"context"
	"strings"

	"github.com/lwm2m-go/lwm2m/model"
)

// WriteAttributes sets and removes attributes (Core 1.1.1 §6.3.4).
func (d *Device) WriteAttributes(ctx context.Context, path model.Path, update model.AttributesUpdate) (*Response, error) {
	return d.writeAttributes(ctx, path, update.Queries())
}

// WriteAttributesQuery is [Device.WriteAttributes] by a query such as
// "pmin=5&pmax=60&gt", which is sent as it is.
func (d *Device) WriteAttributesQuery(ctx context.Context, path model.Path, query string) (*Response, error) {
	return d.writeAttributes(ctx, path, strings.Split(query, "&"))
}

func (d *Device) writeAttributes(ctx context.Context, path model.Path, queries []string) (*Response, error) {
	return d.do(ctx, "Write-Attributes", &Request{Method: PUT, Path: path.String(), Query: queries})
}
