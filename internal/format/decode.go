package format

import "github.com/lwm2m-go/lwm2m/model"

// Decode reads a payload in format f that was sent for base: the answer to a
// request for that path, or what is to be written there. base has one to four
// levels, or none for composite operations and Send. types may be nil.
//
// The nodes come in the order of the payload, and in SenML and JSON a path may come
// twice, as in a history. A path is checked against base and against types: a Resource that
// is known to have one instance takes no value at a path of four levels, one
// that is known to have many none at three. Whether Objects and Resources exist
// is for the caller to say. The nodes share no memory with the payload.
//
// Errors are [*Error] and wrap [ErrUnsupported], [ErrMalformed], [ErrType] or
// [ErrPath].
func Decode(f ContentFormat, base model.Path, payload []byte, types Types) ([]Node, error) {
	f = f.Canonical()
	d := decoder{format: f, base: base, types: types}
	if base.IsRoot() && !f.Composite() {
		return nil, unsupported(f, "cannot carry several objects")
	}
	if f.SingleValue() && base.Depth() < 3 {
		return nil, unsupported(f, "%v is not a single value", base)
	}
	var err error
	switch f {
	case Text:
		err = d.text(payload)
	case Opaque:
		err = d.opaque(payload)
	case CBOR:
		err = d.cbor(payload)
	case TLV:
		err = d.tlv(payload)
	case SenMLJSON, SenMLCBOR, SenMLETCHJSON, SenMLETCHCBOR, JSON:
		err = d.senml(payload)
	case LwM2MCBOR:
		err = d.lwm2mCBOR(payload)
	default:
		err = unsupported(f, "cannot carry values")
	}
	if err != nil {
		return nil, err
	}
	return d.nodes, nil
}

// DecodeCreate reads the payload of a Create on object, which describes one
// Object Instance (Core 1.1.1 §6.3.5). If the payload names its identifier,
// known is true. If not, the Client is to choose one, and the paths of the nodes
// have the identifier 0 in its place. [Append] writes the former for the path of
// the Object and the latter, in TLV only, for that of any Object Instance. Errors
// are those of [Decode]; more than one instance is an [ErrPath].
func DecodeCreate(f ContentFormat, object model.Path, payload []byte, types Types) (id uint16, known bool, nodes []Node, err error) {
	f = f.Canonical()
	if object.Depth() != 1 {
		return 0, false, nil, at(f, ErrPath, object, "Create needs the path of an object")
	}
	if f == TLV && !wrapped(payload) {
		nodes, err = Decode(f, object.Child(0), payload, types)
		return 0, false, nodes, err
	}
	nodes, err = Decode(f, object, payload, types)
	if err != nil || len(nodes) == 0 {
		return 0, false, nil, err
	}
	instance := nodes[0].Path.Prefix(2)
	for i := range nodes {
		if p := nodes[i].Path; !instance.Contains(p) {
			return 0, false, nil, at(f, ErrPath, p, "a second object instance; Create takes one")
		}
	}
	if nodes[0].Value.IsZero() && nodes[0].Path == instance {
		nodes = nodes[:0]
	}
	return instance.Instance(), true, nodes, nil
}

// decoder collects nodes.
type decoder struct {
	format ContentFormat
	base   model.Path
	types  Types
	nodes  []Node

	wrapped, bare bool  // TLV has shown Object Instances, or Resources without one
	start         start // of the paths in LwM2M CBOR
}

// add appends a node, unless there are too many.
func (d *decoder) add(n Node) error {
	if len(d.nodes) == MaxNodes {
		return at(d.format, ErrMalformed, n.Path, "more than %d values", MaxNodes)
	}
	d.nodes = append(d.nodes, n)
	return nil
}

// kind looks up the type of a Resource or Resource Instance and checks the
// number of levels of its path. The result is None if the type is not known.
func (d *decoder) kind(p model.Path) (model.Kind, error) {
	if d.types == nil {
		return model.None, nil
	}
	kind, multiple, ok := d.types.Resource(p.Object(), p.Resource())
	switch {
	case !ok || kind == model.None:
		return model.None, nil
	case multiple && p.Depth() == 3:
		return kind, at(d.format, ErrType, p, "a single value for a multiple-instance resource")
	case !multiple && p.Depth() == 4:
		return kind, at(d.format, ErrType, p, "a resource instance of a single-instance resource")
	}
	return kind, nil
}
