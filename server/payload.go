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

// dialect is what the Server knows about how to speak with a Client.
type dialect struct {
	definitions *model.Registry
	inventory   *model.Inventory
}

// Resource tells how the values of a Resource are encoded, by the version of the
// Object that the Client has registered. It implements format.Types.
func (d dialect) Resource(object, resource uint16) (kind model.Kind, multiple, ok bool) {
	var version model.Version
	if o, ok := d.inventory.Object(object); ok {
		version = o.Version
	}
	definition, ok := d.definitions.Object(object, version)
	if !ok {
		definition, ok = d.definitions.Latest(object)
	}
	if !ok {
		return model.None, false, false
	}
	found, ok := definition.Resource(resource)
	if !ok {
		return model.None, false, false
	}
	return found.Kind, found.Multiple, true
}

// decode reads the values in a payload about base.
func (d dialect) decode(f ContentFormat, base model.Path, payload []byte) ([]Node, error) {
	number, _ := f.Number() // without one, text/plain is as good a guess as any
	return format.Decode(format.ContentFormat(number), base, payload, d)
}

// encoded sends a request with values at or below base as its payload.
func (d *Device) encoded(ctx context.Context, operation string, r *Request, base model.Path, nodes []Node) (*Response, error) {
	if r.Format == NoContentFormat {
		r.Format = d.formatFor(base, nodes)
	}
	var err error
	if r.Payload, err = encode(r.Format, base, nodes); err != nil {
		return nil, &OperationError{Operation: operation, Endpoint: d.endpoint, Path: r.Path, Err: err}
	}
	return d.do(ctx, operation, r)
}

// encode makes the payload with values at or below base, in any order.
func encode(f ContentFormat, base model.Path, nodes []Node) ([]byte, error) {
	nodes = slices.Clone(nodes)
	slices.SortStableFunc(nodes, func(a, b Node) int { return a.Path.Compare(b.Path) })
	number, _ := f.Number()
	return format.Append(nil, format.ContentFormat(number), base, nodes)
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
	for _, f := range []ContentFormat{LwM2MCBOR, SenMLCBOR, SenMLJSON, TLV} {
		if f == LwM2MCBOR && r.Version.Compare(model.Version12) < 0 {
			continue
		}
		if number, _ := f.Number(); slices.Contains(r.Inventory.Formats, number) {
			return f
		}
	}
	if r.Version.Compare(model.Version11) < 0 {
		return TLV
	}
	return SenMLCBOR
}

// compositeFormat chooses the format of a composite request. What is to be removed can
// be said since LwM2M 1.2, and not in plain SenML.
func (d *Device) compositeFormat(o CompositeOptions, removes bool) ContentFormat {
	if o.Format != NoContentFormat {
		return o.Format
	}
	asCBOR, asJSON := SenMLCBOR, SenMLJSON
	if removes {
		asCBOR, asJSON = SenMLETCHCBOR, SenMLETCHJSON
	}
	r, _ := d.Registration()
	knows := func(f ContentFormat) bool {
		number, _ := f.Number()
		return slices.Contains(r.Inventory.Formats, number)
	}
	if knows(asJSON) && !knows(asCBOR) {
		return asJSON
	}
	return asCBOR
}

// answerFormat is the format of the answer to a composite request in format f.
func answerFormat(f ContentFormat) ContentFormat {
	number, _ := f.Number()
	return FormatOf(uint16(format.ContentFormat(number).Answer()))
}

// removes reports whether nodes of a Write-Composite say that a Resource Instance is to go.
func removes(nodes []Node) bool {
	return slices.ContainsFunc(nodes, func(n Node) bool { return n.Value.IsZero() && n.Path.Depth() == 4 })
}

// encodePaths lists paths for a composite request.
func encodePaths(f ContentFormat, paths []model.Path) ([]byte, error) {
	number, _ := f.Number()
	return format.AppendPaths(nil, format.ContentFormat(number), paths)
}

var _ format.Types = dialect{}
