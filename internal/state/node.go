package state

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// A node is [path, kind, value] and with a time [path, kind, value, microseconds since 1970]; a path is an
// array of numbers. Texts are byte strings: they come back as they were, whatever they are.

// kinds are the numbers of data types in documents, which must stay whatever model does.
var kinds = [...]model.Kind{
	model.None, model.String, model.Integer, model.Unsigned, model.Float, model.Boolean, model.Opaque, model.Time, model.Objlnk, model.Corelnk,
}

func appendNodes(dst []byte, nodes []format.Node) []byte {
	dst = cbor.AppendArray(dst, len(nodes))
	for i := range nodes {
		dst = appendNode(dst, &nodes[i])
	}
	return dst
}

func appendNode(dst []byte, n *format.Node) []byte {
	if n.Time.IsZero() {
		dst = cbor.AppendArray(dst, 3)
	} else {
		dst = cbor.AppendArray(dst, 4)
	}
	dst = appendValue(appendPath(dst, n.Path), n.Value)
	if !n.Time.IsZero() {
		dst = cbor.AppendInt(dst, n.Time.UnixMicro())
	}
	return dst
}

func (r *reader) nodes() []format.Node {
	var nodes []format.Node
	for all := r.list(); r.more(&all); {
		nodes = append(nodes, r.node())
	}
	return nodes
}

func (r *reader) node() (n format.Node) {
	parts := r.list()
	timed := parts.is(4)
	if !timed && !parts.is(3) {
		r.fail(fmt.Errorf("a value of %d parts, want 3 or 4", parts.left))
		return n
	}
	n.Path, n.Value = r.path(), r.value()
	if timed {
		n.Time = time.UnixMicro(r.int())
	}
	if r.err == nil && n.Path.IsRoot() {
		r.fail(fmt.Errorf("a value at %v", n.Path))
	}
	return n
}

func appendPath(dst []byte, p model.Path) []byte {
	ids := [...]func() uint16{p.Object, p.Instance, p.Resource, p.ResourceInstance}
	dst = cbor.AppendArray(dst, p.Depth())
	for _, id := range ids[:p.Depth()] {
		dst = cbor.AppendUint(dst, uint64(id()))
	}
	return dst
}

func (r *reader) path() (p model.Path) {
	levels := r.list()
	if levels.left > 4 {
		r.fail(errors.New("a path of more than four levels"))
	}
	for r.more(&levels) {
		p = p.Child(uint16(r.uint(model.MaxID - 1)))
	}
	return p
}

func appendValue(dst []byte, v model.Value) []byte {
	dst = cbor.AppendUint(dst, uint64(kindNumber(v.Kind())))
	switch v.Kind() {
	case model.String, model.Corelnk, model.Opaque:
		return v.AppendBytes(cbor.AppendBytesHead(dst, v.Len()))
	case model.Integer, model.Time:
		return cbor.AppendInt(dst, v.Int())
	case model.Unsigned:
		return cbor.AppendUint(dst, v.Uint())
	case model.Float:
		return cbor.AppendFloat(dst, v.Float())
	case model.Boolean:
		return cbor.AppendBool(dst, v.Bool())
	case model.Objlnk:
		return cbor.AppendUint(dst, uint64(v.Link().Object)<<16|uint64(v.Link().Instance))
	}
	return cbor.AppendNull(dst)
}

func kindNumber(k model.Kind) int {
	for i, known := range kinds {
		if k == known {
			return i
		}
	}
	return 0
}

func (r *reader) value() model.Value {
	switch kinds[r.uint(uint64(len(kinds)-1))] {
	case model.String:
		return model.StringValue(string(r.bytes()))
	case model.Corelnk:
		return model.CoreLinkValue(model.CoreLink(r.bytes()))
	case model.Opaque:
		return model.OpaqueValue(r.bytes())
	case model.Integer:
		return model.IntegerValue(r.int())
	case model.Time:
		return model.UnixValue(r.int())
	case model.Unsigned:
		return model.UnsignedValue(r.uint(math.MaxUint64))
	case model.Float:
		return model.FloatValue(r.number().Float())
	case model.Boolean:
		return model.BooleanValue(r.bool())
	case model.Objlnk:
		n := r.uint(math.MaxUint32)
		return model.LinkValue(model.ObjectLink{Object: uint16(n >> 16), Instance: uint16(n)})
	}
	if r.err == nil {
		r.fail(r.Null())
	}
	return model.Value{}
}
