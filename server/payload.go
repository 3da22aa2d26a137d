package server

import (
	"context"
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// Node is a value at its place: a Path of three or four levels, a Value, and the
// Time when it was taken, if the payload tells. A zero Value stands for something
// that is there, but empty, such as a Multiple-Instance Resource without instances.
// Times before 1978 are relative to the moment of reception; Node.At gives the time.
type Node = format.Node

// Resource tells how the values of a Resource are encoded, by the version of the
// Object that the Client has registered. It implements format.Types.
func (r *registration) Resource(object, resource uint16) (kind model.Kind, multiple, ok bool) {
	definitions := r.server.config.Definitions
	var version model.Version
	if o, ok := r.Inventory.Object(object); ok {
		version = o.Version
	}
	definition, ok := definitions.Object(object, version)
	if !ok {
		definition, ok = definitions.Latest(object)
	}
	if !ok {
		return model.None, false, false
	}
	d, ok := definition.Resource(resource)
	if !ok {
		return model.None, false, false
	}
	return d.Kind, d.Multiple, true
}

// decode reads the values in a payload about base.
func (r *registration) decode(f ContentFormat, base model.Path, payload []byte) ([]Node, error) {
	number, _ := f.Number() // without one, text/plain is as good a guess as any
	return format.Decode(format.ContentFormat(number), base, payload, r)
}

// encoded sends a request with values at or below base as its payload.
func (d *Device) encoded(ctx context.Context, operation string, r *Request, base model.Path, nodes []Node) (*Response, error) {
	if r.Format == NoContentFormat {
		r.Format = d.formatFor(base, nodes)
	}
	nodes = slices.Clone(nodes)
	slices.SortStableFunc(nodes, func(a, b Node) int { return a.Path.Compare(b.Path) })
	number, _ := r.Format.Number()
	var err error
	if r.Payload, err = format.Append(nil, format.ContentFormat(number), base, nodes); err != nil {
		return nil, &OperationError{Operation: operation, Endpoint: d.endpoint, Path: r.Path, Err: err}
	}
	return d.do(ctx, operation, r)
}

// formatFor chooses the format of values at base.
func (d *Device) formatFor(base model.Path, nodes []Node) ContentFormat {
	isSingle := len(nodes) == 1 && nodes[0].Path == base && base.Depth() >= 3
	switch {
	case isSingle && nodes[0].Value.Kind() == model.Opaque:
		return OctetStream
	case isSingle:
		return Text
	}
	r, _ := d.Registration()
	for _, f := range []ContentFormat{SenMLCBOR, SenMLJSON, TLV} {
		if number, _ := f.Number(); slices.Contains(r.Inventory.Formats, number) {
			return f
		}
	}
	if r.Version.Compare(model.Version11) < 0 {
		return TLV
	}
	return SenMLCBOR
}

// compositeFormat chooses the format of a composite request.
func (d *Device) compositeFormat(o CompositeOptions) ContentFormat {
	if o.Format != NoContentFormat {
		return o.Format
	}
	r, _ := d.Registration()
	knows := func(f format.ContentFormat) bool { return slices.Contains(r.Inventory.Formats, uint16(f)) }
	if knows(format.SenMLJSON) && !knows(format.SenMLCBOR) {
		return SenMLJSON
	}
	return SenMLCBOR
}

// encodePaths lists paths for a composite request.
func encodePaths(f ContentFormat, paths []model.Path) ([]byte, error) {
	number, _ := f.Number()
	return format.AppendPaths(nil, format.ContentFormat(number), paths)
}

var _ format.Types = (*registration)(nil)
