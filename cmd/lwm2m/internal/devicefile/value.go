package devicefile

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/lwm2m-go/lwm2m/model"
)

// value reads a value of a Resource, and checks it against the definition.
func (r *reader) value(n *node, def *model.Resource) (model.Value, bool) {
	text, ok := r.scalar(n, "one value")
	if !ok {
		return model.Value{}, false
	}
	v, wrong := r.parseValue(text, def.Kind)
	if wrong != "" {
		r.fail(n, "%s: %s: %s", def.Name, shown(text, def.Kind), wrong)
		return v, false
	}
	if err := def.Check(v); err != nil {
		r.fail(n, "%v", err)
		return v, false
	}
	return v, true
}

// shown is a value as it stands in a message. Bytes may be secrets.
func shown(text string, kind model.Kind) string {
	if kind == model.Opaque {
		return "bytes"
	}
	return quoted(text)
}

// parseValue reads a value of a type; wrong says why it cannot.
func (r *reader) parseValue(text string, kind model.Kind) (v model.Value, wrong string) {
	switch kind {
	case model.String, model.Corelnk:
		if !utf8.ValidString(text) {
			return v, "want valid UTF-8"
		}
		if kind == model.Corelnk {
			return model.CoreLinkValue(model.CoreLink(text)), ""
		}
		return model.StringValue(text), ""
	case model.Opaque:
		return r.parseBytes(text)
	case model.Boolean:
		if b, ok := truth(text); ok {
			return model.BooleanValue(b), ""
		}
		return v, "want true or false"
	case model.Time:
		return parseTime(text)
	case model.Objlnk:
		return parseLink(text)
	}
	return parseNumber(text, kind)
}

func parseNumber(text string, kind model.Kind) (v model.Value, wrong string) {
	digits := strings.ReplaceAll(text, "_", "")
	switch kind {
	case model.Integer:
		if n, err := strconv.ParseInt(digits, 0, 64); err == nil {
			return model.IntegerValue(n), ""
		}
		return v, "want a whole number"
	case model.Unsigned:
		if n, err := strconv.ParseUint(digits, 0, 64); err == nil {
			return model.UnsignedValue(n), ""
		}
		return v, "want a whole number, not negative"
	case model.Float:
		if f, err := strconv.ParseFloat(digits, 64); err == nil {
			return model.FloatValue(f), ""
		}
		return v, "want a number"
	}
	return v, "the Resource has no value; it can be executed only"
}

func (r *reader) parseBytes(text string) (v model.Value, wrong string) {
	if text == "" {
		return model.OpaqueValue(nil), ""
	}
	data, _, err := credentials.Bytes(r.located(text))
	if err != nil {
		return v, plainly(err)
	}
	return model.OpaqueValue(data), ""
}

// located has a text of the form file:NAME name the file where it is.
func (r *reader) located(text string) string {
	if name, ok := strings.CutPrefix(text, "file:"); ok {
		return "file:" + r.path(name)
	}
	return text
}

// plainly is an error of the package credentials without its name.
func plainly(err error) string { return strings.ReplaceAll(err.Error(), "credentials: ", "") }

func parseTime(text string) (v model.Value, wrong string) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return model.TimeValue(t), ""
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return model.UnixValue(n), ""
	}
	return v, "want a time such as 2025-01-31T12:00:00Z, or seconds since 1970"
}

func parseLink(text string) (v model.Value, wrong string) {
	object, instance, ok := strings.Cut(text, ":")
	o, err := strconv.ParseUint(object, 10, 16)
	i, err2 := strconv.ParseUint(instance, 10, 16)
	if !ok || err != nil || err2 != nil {
		return v, "want an Object Instance as OBJECT:INSTANCE, such as 3303:0"
	}
	return model.LinkValue(model.ObjectLink{Object: uint16(o), Instance: uint16(i)}), ""
}
