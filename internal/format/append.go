package format

import (
	"math"
	"unicode/utf8"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/internal/senml"
	"github.com/lwm2m-go/lwm2m/model"
)

// Append appends the payload in format f that answers a request for base, or
// that is written to it: base has one to four levels, or none for a composite
// operation and Send. nodes are at or below base. For TLV they are sorted by path, and
// for LwM2M CBOR those of each Object are; several of one path are a history, which
// only SenML and JSON carry. It allocates nothing if dst has room, unless Opaque or
// very long values are written in SenML.
//
// Errors are [*Error]: [ErrUnsupported] if f cannot carry the nodes, [ErrPath]
// if nodes are out of order or not below base, [ErrType] if a value has no
// representation, such as NaN in JSON.
func Append(dst []byte, f ContentFormat, base model.Path, nodes []Node) ([]byte, error) {
	f = f.Canonical()
	if err := check(f, base, nodes); err != nil {
		return dst, err
	}
	switch f {
	case Text, Opaque, CBOR:
		return appendSingle(dst, f, base, nodes)
	case SenMLJSON, SenMLETCHJSON:
		return appendSenML(dst, f, senml.JSON, base, nodes)
	case SenMLCBOR, SenMLETCHCBOR:
		return appendSenML(dst, f, senml.CBOR, base, nodes)
	case JSON:
		return appendSenML(dst, f, senml.OMA10, base, nodes)
	case TLV:
		return appendTLV(dst, base, nodes)
	case LwM2MCBOR:
		return appendLwM2MCBOR(dst, nodes)
	}
	return dst, unsupported(f, "cannot carry values")
}

func check(f ContentFormat, base model.Path, nodes []Node) error {
	if base.IsRoot() && !f.Composite() {
		return unsupported(f, "cannot carry several objects")
	}
	for i := range nodes {
		n := &nodes[i]
		if !base.Contains(n.Path) {
			return at(f, ErrPath, n.Path, "not below %v", base)
		}
		if !n.Value.IsZero() && n.Path.Depth() < 3 {
			return at(f, ErrPath, n.Path, "a value needs the path of a resource")
		}
		if err := checkValue(f, n); err != nil {
			return err
		}
	}
	return nil
}

// checkValue finds values that have no representation in f.
func checkValue(f ContentFormat, n *Node) error {
	switch n.Value.Kind() {
	case model.String, model.Corelnk:
		if !utf8.ValidString(n.Value.Text()) {
			return at(f, ErrType, n.Path, "%v is not UTF-8", n.Value.Kind())
		}
	case model.Float:
		if v := n.Value.Float(); finite(v) {
			return nil
		}
		switch f {
		case Text, JSON, SenMLJSON, SenMLETCHJSON:
			return at(f, ErrType, n.Path, "%v cannot be written", n.Value.Float())
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// appendSingle writes the formats of a single value.
func appendSingle(dst []byte, f ContentFormat, base model.Path, nodes []Node) ([]byte, error) {
	if len(nodes) != 1 || nodes[0].Path != base || nodes[0].Value.IsZero() {
		return dst, unsupported(f, "%v is not a single value", base)
	}
	v := nodes[0].Value
	switch f {
	case Text:
		return v.AppendText(dst)
	case CBOR:
		return appendCBOR(dst, v), nil
	}
	if v.Kind() != model.Opaque {
		return dst, unsupported(f, "%v is %v, not Opaque", base, v.Kind())
	}
	return v.AppendBytes(dst), nil
}

// appendCBOR writes a value as one data item (Core 1.1.1 §7.4.3 table).
func appendCBOR(dst []byte, v model.Value) []byte {
	switch v.Kind() {
	case model.Integer:
		return cbor.AppendInt(dst, v.Int())
	case model.Unsigned:
		return cbor.AppendUint(dst, v.Uint())
	case model.Time:
		return cbor.AppendInt(cbor.AppendTag(dst, cbor.TagEpochTime), v.Int())
	case model.Float:
		return cbor.AppendFloat(dst, v.Float())
	case model.Boolean:
		return cbor.AppendBool(dst, v.Bool())
	case model.Opaque:
		return v.AppendBytes(cbor.AppendBytesHead(dst, v.Len()))
	case model.Objlnk:
		var text [len("65535:65535")]byte
		link, _ := v.AppendText(text[:0])
		return cbor.AppendText(dst, link)
	}
	return cbor.AppendText(dst, v.Text())
}
