package format

import (
	"bytes"
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/model"
)

// singleKind is the type at the request path, which must be that of one value.
func (d *decoder) singleKind() (model.Kind, error) {
	kind, err := d.kind(d.base)
	if err != nil && d.base.Depth() == 3 {
		return kind, unsupported(d.format, "%v is not a single value", d.base)
	}
	return kind, err
}

// text reads a text/plain payload; without a known type it is a String.
func (d *decoder) text(payload []byte) error {
	kind, err := d.singleKind()
	if err != nil {
		return err
	}
	if kind == model.None {
		kind = model.String
	}
	v, err := parseText(kind, payload)
	if err != nil {
		return valueError(Text, d.base, err)
	}
	return d.add(Node{Path: d.base, Value: v})
}

// opaque takes a payload as it is.
func (d *decoder) opaque(payload []byte) error {
	kind, err := d.singleKind()
	if err != nil {
		return err
	}
	if kind != model.Opaque && kind != model.None {
		return unsupported(Opaque, "%v is %v, not Opaque", d.base, kind)
	}
	return d.add(Node{Path: d.base, Value: model.OpaqueValue(payload)})
}

// cbor reads exactly one data item.
func (d *decoder) cbor(payload []byte) error {
	kind, err := d.singleKind()
	if err != nil {
		return err
	}
	if err := wellFormed(payload); err != nil {
		return malformed(CBOR, err)
	}
	in := cbor.NewDecoder(payload)
	v, err := cborValue(kind, &in)
	if err != nil {
		return valueError(CBOR, d.base, err)
	}
	return d.add(Node{Path: d.base, Value: v})
}

func wellFormed(payload []byte) error {
	d := cbor.NewDecoder(payload)
	if err := d.Skip(); err != nil {
		return err
	}
	return d.Finish()
}

func cborValue(kind model.Kind, d *cbor.Decoder) (model.Value, error) {
	item := d.Peek()
	if kind == model.None {
		if isNumber(*d) {
			n, err := d.Number()
			if err != nil {
				return model.Value{}, err
			}
			return fromNumber(naturalNumber(n), n)
		}
		kind = naturalItem(item)
	}
	switch kind {
	case model.Integer, model.Unsigned, model.Float:
		n, err := d.Number()
		if err != nil {
			return model.Value{}, err
		}
		return fromNumber(kind, n)
	case model.Time:
		return cborTime(d)
	case model.Boolean:
		v, err := d.Bool()
		return model.BooleanValue(v), err
	case model.Opaque:
		v, err := d.Bytes()
		return model.OpaqueValue(v), err
	case model.Objlnk:
		v, err := d.Text()
		if err != nil {
			return model.Value{}, err
		}
		return parseLink(v)
	case model.String, model.Corelnk:
		v, err := d.Text()
		return textValue(kind, v), err
	}
	return model.Value{}, fmt.Errorf("%v is no value of a resource", item)
}

// isNumber tells whether an integer, a float or a decimal fraction comes next.
func isNumber(d cbor.Decoder) bool {
	switch d.Peek() {
	case cbor.Uint, cbor.NegInt, cbor.Float:
		return true
	case cbor.Tag:
		tag, err := d.Tag()
		return err == nil && tag == cbor.TagDecimalFraction
	}
	return false
}

// naturalItem is the type to take for an item that is no number, when nothing is
// known about the Resource.
func naturalItem(item cbor.Kind) model.Kind {
	switch item {
	case cbor.Bool:
		return model.Boolean
	case cbor.Bytes:
		return model.Opaque
	case cbor.Text:
		return model.String
	case cbor.Tag:
		return model.Time
	}
	return model.None
}

// cborTime reads seconds with or without tag 1, or a date of tag 0, which some
// clients send.
func cborTime(d *cbor.Decoder) (model.Value, error) {
	ahead := *d
	if ahead.Peek() == cbor.Tag {
		switch tag, err := ahead.Tag(); {
		case err != nil:
			return model.Value{}, err
		case tag == cbor.TagEpochTime:
			*d = ahead
		case tag == cbor.TagDateTime:
			*d = ahead
			return cborDate(d)
		}
	}
	n, err := d.Number()
	if err != nil {
		return model.Value{}, err
	}
	return fromNumber(model.Time, n)
}

func cborDate(d *cbor.Decoder) (model.Value, error) {
	text, err := d.Text()
	if err != nil {
		return model.Value{}, err
	}
	// RFC 3339 writes an unknown local offset as -00:00, which package time refuses.
	if utc, ok := bytes.CutSuffix(text, []byte("-00:00")); ok {
		text = append(utc[:len(utc):len(utc)], 'Z')
	}
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return model.Value{}, mismatch("text that is no date of RFC 3339", model.Time)
	}
	return model.TimeValue(t), nil
}
