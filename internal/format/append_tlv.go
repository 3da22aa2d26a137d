package format

import (
	"github.com/lwm2m-go/lwm2m/internal/tlv"
	"github.com/lwm2m-go/lwm2m/model"
)

// appendTLV writes entries below base: Object Instances if it is an Object,
// Resources if it is an Object Instance or a Resource, and one Resource Instance
// if it is that (Core 1.1.1 §7.4.3).
func appendTLV(dst []byte, base model.Path, nodes []Node) ([]byte, error) {
	for i := 1; i < len(nodes); i++ {
		switch c := nodes[i-1].Path.Compare(nodes[i].Path); {
		case c == 0:
			return dst, at(TLV, ErrUnsupported, nodes[i].Path, "more than one value; a history needs SenML")
		case c > 0:
			return dst, at(TLV, ErrPath, nodes[i].Path, "out of order")
		}
	}
	var err error
	switch base.Depth() {
	case 1:
		dst, err = appendInstances(dst, nodes)
	case 4:
		if len(nodes) > 0 && !nodes[0].Value.IsZero() {
			dst, err = appendEntry(dst, tlv.ResourceInstance, base.ResourceInstance(), nodes[0].Value)
		}
	default:
		dst, err = appendResources(dst, nodes)
	}
	if err != nil {
		return dst, at(TLV, ErrUnsupported, base, "%v", err)
	}
	return dst, nil
}

func appendInstances(dst []byte, nodes []Node) (_ []byte, err error) {
	for len(nodes) > 0 {
		path := nodes[0].Path.Prefix(2)
		n := countBelow(path, nodes)
		if path.Depth() == 2 { // one level alone is the empty Object
			start := len(dst)
			if dst, err = appendResources(dst, nodes[:n]); err != nil {
				return dst, err
			}
			if dst, err = tlv.Wrap(dst, start, tlv.ObjectInstance, path.Instance()); err != nil {
				return dst, err
			}
		}
		nodes = nodes[n:]
	}
	return dst, nil
}

// countBelow counts the first nodes that are at or below path; for a path of one
// level only the Object itself counts.
func countBelow(path model.Path, nodes []Node) int {
	n := 1
	for n < len(nodes) && path.Depth() > 1 && path.Contains(nodes[n].Path) {
		n++
	}
	return n
}

func appendResources(dst []byte, nodes []Node) (_ []byte, err error) {
	for len(nodes) > 0 && err == nil {
		n := 1
		path := nodes[0].Path
		switch {
		case path.Depth() == 4:
			n = countBelow(path.Parent(), nodes)
			dst, err = appendMultiple(dst, path.Resource(), nodes[:n])
		case path.Depth() == 3 && nodes[0].Value.IsZero():
			// Instances may follow if the caller lists the Resource as well.
			n = countBelow(path, nodes)
			dst, err = appendMultiple(dst, path.Resource(), nodes[1:n])
		case path.Depth() == 3:
			dst, err = appendEntry(dst, tlv.Resource, path.Resource(), nodes[0].Value)
		}
		nodes = nodes[n:]
	}
	return dst, err
}

func appendMultiple(dst []byte, resource uint16, nodes []Node) (_ []byte, err error) {
	start := len(dst)
	for i := range nodes {
		if nodes[i].Value.IsZero() {
			continue
		}
		dst, err = appendEntry(dst, tlv.ResourceInstance, nodes[i].Path.ResourceInstance(), nodes[i].Value)
		if err != nil {
			return dst, err
		}
	}
	return tlv.Wrap(dst, start, tlv.MultipleResource, resource)
}

func appendEntry(dst []byte, kind tlv.Kind, id uint16, v model.Value) ([]byte, error) {
	switch v.Kind() {
	case model.String, model.Opaque, model.Corelnk:
		dst, err := tlv.AppendHeader(dst, kind, id, v.Len())
		if err != nil {
			return dst, err
		}
		return v.AppendBytes(dst), nil
	}
	start := len(dst)
	switch v.Kind() {
	case model.Integer, model.Time:
		dst = tlv.AppendInt(dst, v.Int())
	case model.Unsigned:
		dst = tlv.AppendUint(dst, v.Uint())
	case model.Float:
		dst = tlv.AppendFloat(dst, v.Float())
	case model.Boolean:
		dst = tlv.AppendBool(dst, v.Bool())
	case model.Objlnk:
		dst = tlv.AppendObjlnk(dst, v.Link().Object, v.Link().Instance)
	}
	return tlv.Wrap(dst, start, kind, id)
}
