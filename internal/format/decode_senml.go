package format

import (
	"bytes"
	"errors"
	"math"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/senml"
	"github.com/lwm2m-go/lwm2m/model"
)

// senml reads a pack.
func (d *decoder) senml(payload []byte) error {
	s, _ := syntax(d.format)
	var buf [16]senml.Record
	records, err := senml.Decode(buf[:0], s, payload)
	if err != nil {
		return malformed(d.format, err)
	}
	d.nodes = make([]Node, 0, len(records))
	var rs senml.Resolver
	for i := range records {
		r := &records[i]
		name, seconds := rs.Resolve(r)
		p, err := d.path(name, r)
		if err != nil {
			return err
		}
		v, err := d.recordValue(p, r)
		if err != nil {
			return err
		}
		t, ok := recordTime(seconds)
		if !ok {
			return at(d.format, ErrMalformed, p, "time is out of range")
		}
		if err := d.add(Node{Path: p, Value: v, Time: t}); err != nil {
			return err
		}
	}
	return nil
}

// path reads the resolved name of a record. In the JSON of LwM2M 1.0 it may be
// relative to the request path.
func (d *decoder) path(name []byte, r *senml.Record) (model.Path, error) {
	var start model.Path
	full := name
	if d.format == JSON && (len(name) == 0 || name[0] != '/') {
		start = d.base
	} else if len(name) > 0 && name[0] == '/' {
		name = name[1:]
	} else {
		return start, atOffset(d.format, ErrMalformed, r.Offset, "name %q does not begin with /", clip(name))
	}
	if d.format == JSON { // "bn":"/3/0/0/" with an empty name
		name = bytes.TrimSuffix(name, []byte{'/'})
	}
	p, ok := parsePath(start, name)
	switch {
	case !ok:
		return p, atOffset(d.format, ErrMalformed, r.Offset, "name %q is no path", clip(full))
	case !d.base.Contains(p):
		return p, at(d.format, ErrPath, p, "not below %v", d.base)
	}
	return p, nil
}

// parsePath reads identifiers separated by slashes; none is the path start itself.
func parsePath(start model.Path, name []byte) (p model.Path, ok bool) {
	p = start
	for len(name) > 0 {
		end := 0
		for end < len(name) && name[end] != '/' {
			end++
		}
		if p, ok = p.AppendSegment(name[:end]); !ok {
			return p, false
		}
		if end == len(name) {
			return p, true
		}
		if name = name[end+1:]; len(name) == 0 {
			return p, false // a slash at the end
		}
	}
	return p, true
}

// clip shortens what is quoted in an error.
func clip(b []byte) []byte {
	if len(b) > 32 {
		return append(b[:29:29], "..."...)
	}
	return b
}

// recordTime converts a time of SenML, of at most some thousand years and at
// least a microsecond.
func recordTime(seconds float64) (t time.Time, ok bool) {
	if seconds == 0 {
		return time.Time{}, true
	}
	if !(math.Abs(seconds) < 1e11) {
		return time.Time{}, false
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1000).UTC(), true
}

func (d *decoder) recordValue(p model.Path, r *senml.Record) (model.Value, error) {
	if p.Depth() < 3 {
		return model.Value{}, at(d.format, ErrPath, p, "not the path of a resource")
	}
	switch r.Value.Kind {
	case senml.None:
		return model.Value{}, at(d.format, ErrMalformed, p, "no value")
	case senml.Null:
		if d.format != SenMLETCHJSON && d.format != SenMLETCHCBOR {
			return model.Value{}, at(d.format, ErrMalformed, p, "null needs SenML-ETCH")
		}
		if p.Depth() != 4 {
			return model.Value{}, at(d.format, ErrPath, p, "null removes only resource instances")
		}
		return model.Value{}, nil
	}
	kind, err := d.kind(p)
	if err != nil {
		return model.Value{}, err
	}
	v, err := fromWire(kind, &r.Value, d.format == JSON)
	if err != nil {
		return v, valueError(d.format, p, err)
	}
	return v, nil
}

// fromWire reads a record's value; without a known type it takes the type that
// the label suggests. oma10 says that opaque data comes as a string.
func fromWire(kind model.Kind, v *senml.Value, oma10 bool) (model.Value, error) {
	if kind == model.None {
		kind = naturalKind(v)
	}
	switch {
	case v.Kind == senml.Number:
		return fromNumber(kind, v.Number)
	case v.Kind == senml.Bool && kind == model.Boolean:
		return model.BooleanValue(v.Bool), nil
	case (v.Kind == senml.Link || v.Kind == senml.String) && kind == model.Objlnk:
		return parseLink(v.Bytes) // Eclipse Leshan writes links as strings
	case v.Kind == senml.String && (kind == model.String || kind == model.Corelnk):
		return textValue(kind, v.Bytes), nil
	case v.Kind == senml.String && kind == model.Opaque && oma10:
		return parseBase64(v.Bytes)
	case v.Kind == senml.Data && kind == model.Opaque:
		if v.Base64 {
			return parseBase64(v.Bytes)
		}
		return model.OpaqueValue(v.Bytes), nil
	}
	return model.Value{}, mismatch(v.Kind.String(), kind)
}

func naturalKind(v *senml.Value) model.Kind {
	switch v.Kind {
	case senml.Number:
		return naturalNumber(v.Number)
	case senml.Bool:
		return model.Boolean
	case senml.Data:
		return model.Opaque
	case senml.Link:
		return model.Objlnk
	}
	return model.String
}

// DecodePaths reads the payload of a Read-Composite or Observe-Composite
// request: a list of names in one of the SenML formats. Values beside them mean
// nothing. Errors are those of [Decode].
func DecodePaths(f ContentFormat, payload []byte) ([]model.Path, error) {
	s, ok := syntax(f)
	if !ok || !f.Composite() {
		return nil, unsupported(f, "cannot carry a list of paths")
	}
	var buf [16]senml.Record
	records, err := senml.Decode(buf[:0], s, payload)
	if err != nil {
		return nil, malformed(f, err)
	}
	d := decoder{format: f}
	var rs senml.Resolver
	paths := make([]model.Path, 0, len(records))
	for i := range records {
		name, _ := rs.Resolve(&records[i])
		p, err := d.path(name, &records[i])
		if err != nil {
			return nil, err
		}
		paths = append(paths, p)
	}
	return paths, nil
}

var errNotUTF8 = errors.New("text is not UTF-8")
