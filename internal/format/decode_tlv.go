package format

import (
	"unicode/utf8"

	"github.com/lwm2m-go/lwm2m/internal/tlv"
	"github.com/lwm2m-go/lwm2m/model"
)

// wrapped reports whether a payload begins with an Object Instance entry.
func wrapped(payload []byte) bool {
	d := tlv.NewDecoder(payload)
	e, err := d.Next()
	return err == nil && e.Kind == tlv.ObjectInstance
}

// tlv reads entries below the request path. For an Object Instance they may or
// may not be wrapped in an Object Instance entry; both occur, but not mixed.
func (d *decoder) tlv(payload []byte) error {
	for in := tlv.NewDecoder(payload); in.More(); {
		e, err := in.Next()
		if err != nil {
			return malformed(TLV, err)
		}
		if e.ID == model.MaxID {
			return atOffset(TLV, ErrMalformed, e.Offset, "identifier 65535 is reserved")
		}
		if err := d.topEntry(e); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) topEntry(e tlv.Entry) error {
	switch depth := d.base.Depth(); {
	case depth <= 2 && e.Kind == tlv.ObjectInstance && !d.bare:
		d.wrapped = true
		return d.instance(e)
	case depth == 2 && isResource(e) && !d.wrapped:
		d.bare = true
		return d.resource(d.base, e)
	case depth == 3 && isResource(e):
		return d.resource(d.base.Parent(), e)
	case depth == 4 && e.Kind == tlv.MultipleResource:
		return d.resource(d.base.Prefix(2), e)
	case depth == 4 && (e.Kind == tlv.ResourceInstance || e.Kind == tlv.Resource):
		return d.value(d.base.Parent().Child(e.ID), e)
	}
	return d.misplaced(e, d.base)
}

func isResource(e tlv.Entry) bool {
	return e.Kind == tlv.Resource || e.Kind == tlv.MultipleResource
}

func (d *decoder) misplaced(e tlv.Entry, parent model.Path) error {
	return atOffset(TLV, ErrMalformed, e.Offset, "%v %d below %v", e.Kind, e.ID, parent)
}

func (d *decoder) instance(e tlv.Entry) error {
	p := model.PathOf(d.base.Object(), e.ID)
	if !d.base.Overlaps(p) {
		return at(TLV, ErrPath, p, "not below %v", d.base)
	}
	if len(e.Value) == 0 {
		return d.add(Node{Path: p})
	}
	for in := e.Contents(); in.More(); {
		r, err := in.Next()
		if err != nil {
			return malformed(TLV, err)
		}
		if err := d.resource(p, r); err != nil {
			return err
		}
	}
	return nil
}

// resource reads an entry of kind Resource or MultipleResource.
func (d *decoder) resource(instance model.Path, e tlv.Entry) error {
	p := instance.Child(e.ID)
	switch {
	case !isResource(e):
		return d.misplaced(e, instance)
	case e.ID == model.MaxID:
		return atOffset(TLV, ErrMalformed, e.Offset, "identifier 65535 is reserved")
	case !d.base.Overlaps(p):
		return at(TLV, ErrPath, p, "not below %v", d.base)
	case e.Kind == tlv.Resource:
		return d.value(p, e)
	}
	return d.multiple(p, e)
}

func (d *decoder) multiple(p model.Path, e tlv.Entry) error {
	if len(e.Value) == 0 {
		if _, err := d.kind(p.Child(0)); err != nil {
			return err
		}
		if !d.base.Contains(p) {
			return nil // asked for one instance of it, which is not there
		}
		return d.add(Node{Path: p})
	}
	for in := e.Contents(); in.More(); {
		r, err := in.Next()
		if err != nil {
			return malformed(TLV, err)
		}
		if r.Kind != tlv.ResourceInstance {
			return d.misplaced(r, p)
		}
		if r.ID == model.MaxID {
			return atOffset(TLV, ErrMalformed, r.Offset, "identifier 65535 is reserved")
		}
		if err := d.value(p.Child(r.ID), r); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) value(p model.Path, e tlv.Entry) error {
	if !d.base.Contains(p) {
		return at(TLV, ErrPath, p, "not below %v", d.base)
	}
	kind, err := d.kind(p)
	if err != nil {
		return err
	}
	v, err := tlvValue(kind, e.Value)
	if err != nil {
		return valueError(TLV, p, err)
	}
	return d.add(Node{Path: p, Value: v})
}

// tlvValue reads a value. Without a known type it is the bytes themselves.
func tlvValue(kind model.Kind, b []byte) (model.Value, error) {
	switch kind {
	case model.String, model.Corelnk:
		if !utf8.Valid(b) {
			return model.Value{}, errNotUTF8
		}
		return textValue(kind, b), nil
	case model.Integer:
		v, err := tlv.ParseInt(b)
		return model.IntegerValue(v), err
	case model.Unsigned:
		v, err := tlv.ParseUint(b)
		return model.UnsignedValue(v), err
	case model.Float:
		v, err := tlv.ParseFloat(b)
		return model.FloatValue(v), err
	case model.Boolean:
		v, err := tlv.ParseBool(b)
		return model.BooleanValue(v), err
	case model.Time:
		v, err := tlv.ParseInt(b)
		return model.UnixValue(v), err
	case model.Objlnk:
		o, i, err := tlv.ParseObjlnk(b)
		return model.LinkValue(model.ObjectLink{Object: o, Instance: i}), err
	}
	return model.OpaqueValue(b), nil
}
