package server

import (
	"context"

	"github.com/lwm2m-go/lwm2m/model"
)

// Execute runs an executable Resource (Core 1.1.1 §6.3.5). Arguments are such as
// "0='x',3", or empty for none; they are sent as they are.
func (d *Device) Execute(ctx context.Context, path model.Path, arguments string) (*Response, error) {
	r := &Request{Method: POST, Path: path.String()}
	if arguments != "" {
		r.Format, r.Payload = Text, []byte(arguments)
	}
	return d.do(ctx, "Execute", r)
}
