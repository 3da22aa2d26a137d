package server

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/model"
)

// Response is the answer of a device, just as it was received, with what can be read
// out of it.
type Response struct {
	Code    model.Code
	Format  ContentFormat // NoContentFormat if the answer does not tell
	Payload []byte        // the whole body; with an error, often a text for people
	// Location is the Location-Path of a Create, such as "/3303/1"; empty if there
	// is none.
	Location string
	// Nodes are the values in the payload of a successful answer.
	Nodes []Node
	// Links are those of an answer in link format, from Discover.
	Links []Link
	// DecodeErr says why a payload is not understood; Nodes and Links are then
	// empty.
	DecodeErr error
	// Options are all options of the answer.
	Options []Option
}

// Err is nil for a successful answer whose payload is understood. For a refusal it
// is a *model.Error with the code and the text that came with it; errors.Is finds
// the code, as in errors.Is(err, model.NotFound).
func (r *Response) Err() error {
	switch {
	case !r.Code.IsSuccess():
		err := &model.Error{Code: r.Code}
		if r.Format == NoContentFormat || r.Format == Text {
			err.Reason = coap.Diagnostic(r.Payload)
		}
		return err
	case r.DecodeErr != nil:
		return r.DecodeErr
	}
	return nil
}

// Value is the value at a path; ok is false if the answer has none there. Of several
// with a time it is the last.
func (r *Response) Value(path model.Path) (v model.Value, ok bool) {
	for _, n := range r.Nodes {
		if n.Path == path && !n.Value.IsZero() {
			v, ok = n.Value, true
		}
	}
	return v, ok
}

// response makes a Response of what was received.
func (d dialect) response(request *Request, result coap.Result) *Response {
	response := &Response{
		Code:    model.Code(result.Code),
		Format:  formatOption(result.Options, coap.ContentFormat),
		Payload: slices.Clone(result.Payload),
	}
	if result.Options.Has(coap.LocationPath) {
		response.Location = d.withoutRoot(result.Options.Path(coap.LocationPath))
	}
	for _, o := range result.Options {
		response.Options = append(response.Options, Option{Number: uint16(o.ID), Value: slices.Clone(o.Value)})
	}
	if response.Code.IsSuccess() && len(response.Payload) > 0 {
		if response.Format == LinkFormat {
			response.Links, response.DecodeErr = d.parseDiscover(response.Payload)
		} else {
			response.Nodes, response.DecodeErr = d.decode(response.Format, request.target(), response.Payload)
		}
	}
	return response
}
