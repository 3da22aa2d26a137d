package format

import (
	"time"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/internal/senml"
	"github.com/lwm2m-go/lwm2m/model"
)

// appendSenML writes a pack. Below a request path all records share a base name:
// the path itself if it is that of the value, else the path with a slash. In
// composite operations every record has its full name. If all values have a
// time, the first one's is the base time. Times are told to the microsecond: common servers
// refuse a sum of base time and time that has more than nine decimals.
func appendSenML(dst []byte, f ContentFormat, s senml.Syntax, base model.Path, nodes []Node) ([]byte, error) {
	etch := f == SenMLETCHJSON || f == SenMLETCHCBOR
	count, timed := 0, true
	for i := range nodes {
		if hasRecord(&nodes[i], etch) {
			count++
			timed = timed && !nodes[i].Time.IsZero()
		}
	}
	var baseBuf, nameBuf [32]byte
	var valueBuf [128]byte
	var baseTime int64 // in microseconds
	first := true
	w := senml.NewWriter(dst, s, count)
	for i := range nodes {
		n := &nodes[i]
		if !hasRecord(n, etch) {
			continue
		}
		r := senml.Record{Value: wireValue(n.Value, valueBuf[:0])}
		if r.Name = name(nameBuf[:0], base, n.Path); len(r.Name) == 0 {
			r.Name = nil
		}
		if first && !base.IsRoot() {
			r.BaseName = baseName(baseBuf[:0], base, n.Path)
		}
		if first && timed {
			baseTime = n.Time.UnixMicro()
			r.HasBaseTime, r.BaseTime = true, seconds(n.Time)
		}
		if timed && n.Time.UnixMicro() != baseTime {
			r.HasTime, r.Time = true, float64(n.Time.UnixMicro()-baseTime)/1e6
		} else if !timed && !n.Time.IsZero() {
			r.HasTime, r.Time = true, seconds(n.Time)
		}
		w.Write(&r)
		first = false
	}
	out, err := w.Finish()
	if err != nil {
		return dst, at(f, ErrType, base, "%v", err)
	}
	return out, nil
}

// hasRecord reports whether a node can be said in SenML.
func hasRecord(n *Node, etch bool) bool {
	return !n.Value.IsZero() || etch && n.Path.Depth() == 4
}

func baseName(dst []byte, base, path model.Path) []byte {
	dst, _ = base.AppendText(dst)
	if path != base {
		dst = append(dst, '/')
	}
	return dst
}

// name appends the name of path below base: relative, but absolute in a
// composite operation.
func name(dst []byte, base, path model.Path) []byte {
	if base.IsRoot() {
		dst, _ = path.AppendText(dst)
		return dst
	}
	var buf [32]byte
	full, _ := path.AppendText(buf[:0])
	prefix, _ := base.AppendText(dst)
	if len(full) == len(prefix) {
		return dst
	}
	return append(dst, full[len(prefix)+1:]...)
}

func seconds(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond()/1000)/1e6
}

// wireValue makes a record's value of v. Text goes to scratch.
func wireValue(v model.Value, scratch []byte) senml.Value {
	switch v.Kind() {
	case model.Integer, model.Time:
		return senml.Value{Kind: senml.Number, Number: cbor.IntNumber(v.Int())}
	case model.Unsigned:
		return senml.Value{Kind: senml.Number, Number: cbor.UintNumber(v.Uint())}
	case model.Float:
		return senml.Value{Kind: senml.Number, Number: cbor.FloatNumber(v.Float())}
	case model.Boolean:
		return senml.Value{Kind: senml.Bool, Bool: v.Bool()}
	case model.Opaque:
		return senml.Value{Kind: senml.Data, Bytes: v.AppendBytes(scratch)}
	case model.Objlnk:
		text, _ := v.AppendText(scratch)
		return senml.Value{Kind: senml.Link, Bytes: text}
	case model.String, model.Corelnk:
		return senml.Value{Kind: senml.String, Bytes: v.AppendBytes(scratch)}
	}
	return senml.Value{Kind: senml.Null}
}

// AppendPaths appends the payload of a Read-Composite or Observe-Composite
// request in one of the SenML formats: a list of names. The only error is an
// [*Error] that wraps [ErrUnsupported].
func AppendPaths(dst []byte, f ContentFormat, paths []model.Path) ([]byte, error) {
	s, ok := syntax(f)
	if !ok || !f.Composite() {
		return dst, unsupported(f, "cannot carry a list of paths")
	}
	var buf [32]byte
	w := senml.NewWriter(dst, s, len(paths))
	for _, p := range paths {
		name, _ := p.AppendText(buf[:0])
		w.Write(&senml.Record{Name: name})
	}
	return w.Finish()
}

// syntax tells how packs are written in f.
func syntax(f ContentFormat) (s senml.Syntax, ok bool) {
	switch f.Canonical() {
	case SenMLJSON, SenMLETCHJSON:
		return senml.JSON, true
	case SenMLCBOR, SenMLETCHCBOR:
		return senml.CBOR, true
	case JSON:
		return senml.OMA10, true
	}
	return 0, false
}
