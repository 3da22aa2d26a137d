package server

import (
	"context"

	"github.com/lwm2m-go/lwm2m/model"
)

// Delete deletes an Object Instance (Core 1.1.1 §6.3.7) or, since LwM2M 1.2, a
// Resource Instance.
func (d *Device) Delete(ctx context.Context, path model.Path) (*Response, error) {
	return d.do(ctx, "Delete", &Request{Method: DELETE, Path: path.String()})
}
