package state

import (
	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// Device is what servers have made of a client: its accounts and their attributes.
type Device struct {
	// Nodes are the values of the Objects that are kept, sorted by path. Ahead of what is in an Object, an Object
	// Instance or a Multiple-Instance Resource comes a node without type, as there may be nothing in it.
	Nodes []format.Node
	// Attributes are those that servers have attached, in any order.
	Attributes []Attached
}

// Attached are the attributes that one server has attached to one path.
type Attached struct {
	Server     uint16 // Short Server ID
	Path       model.Path
	Attributes model.Attributes
}

// Encode writes the document.
func (d *Device) Encode() []byte {
	dst := appendNodes(begin(nameDevice, 2), d.Nodes)
	dst = cbor.AppendArray(dst, len(d.Attributes))
	for i := range d.Attributes {
		a := &d.Attributes[i]
		dst = cbor.AppendUint(cbor.AppendArray(dst, 3), uint64(a.Server))
		dst = appendAttributes(appendPath(dst, a.Path), a.Attributes)
	}
	return dst
}

// DecodeDevice reads what Encode wrote. The error wraps [ErrVersion] or [ErrMalformed].
func DecodeDevice(data []byte) (d Device, err error) {
	r := open(nameDevice, 2, data)
	d.Nodes = r.nodes()
	for all := r.list(); r.more(&all); {
		r.tuple(3)
		d.Attributes = append(d.Attributes, Attached{uint16(r.uint(model.MaxID)), r.path(), r.attributes()})
	}
	return d, r.close()
}

// appendAttributes writes attributes as pairs of name and value.
func appendAttributes(dst []byte, a model.Attributes) []byte {
	n := 0
	for attr := model.MinPeriod; attr <= model.MaxHistory; attr++ {
		if a.Has(attr) {
			n++
		}
	}
	dst = cbor.AppendArray(dst, 2*n)
	for attr := model.MinPeriod; attr <= model.MaxHistory; attr++ {
		if v, ok := a.Get(attr); ok {
			dst = cbor.AppendFloat(cbor.AppendText(dst, attr.Name()), v)
		}
	}
	return dst
}

func (r *reader) attributes() (a model.Attributes) {
	for all := r.list(); r.more(&all); {
		attr, ok := model.ParseAttribute(string(r.text()))
		if !r.more(&all) || !ok {
			r.fail(errAttribute)
			return a
		}
		a = a.With(attr, r.number().Float())
	}
	return a
}

// History are samples that Resources keep.
type History struct {
	// Nodes are the samples of each path, the oldest first, each with its time.
	Nodes []format.Node
}

// Encode writes the document.
func (h *History) Encode() []byte { return appendNodes(begin(nameHistory, 1), h.Nodes) }

// DecodeHistory reads what Encode wrote. The error wraps [ErrVersion] or [ErrMalformed].
func DecodeHistory(data []byte) (h History, err error) {
	r := open(nameHistory, 1, data)
	h.Nodes = r.nodes()
	for i := range h.Nodes {
		if r.err == nil && h.Nodes[i].Time.IsZero() {
			r.fail(errUntimed)
		}
	}
	return h, r.close()
}
