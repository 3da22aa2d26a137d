package format

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/model"
)

func mismatch(got string, want model.Kind) error {
	return fmt.Errorf("%s, want %v", got, want)
}

// textValue makes a String or Corelnk of valid UTF-8.
func textValue(kind model.Kind, text []byte) model.Value {
	if kind == model.Corelnk {
		return model.CoreLinkValue(model.CoreLink(text))
	}
	return model.StringValue(string(text))
}

// fromNumber makes a value of a numeric type, provided that nothing is lost:
// 1.0 is an Integer, 1.5 is not.
func fromNumber(kind model.Kind, n cbor.Number) (model.Value, error) {
	switch kind {
	case model.Integer:
		if v, ok := n.Int(); ok {
			return model.IntegerValue(v), nil
		}
	case model.Unsigned:
		if v, ok := n.Uint(); ok {
			return model.UnsignedValue(v), nil
		}
	case model.Time:
		if v, ok := n.Int(); ok {
			return model.UnixValue(v), nil
		}
	case model.Float:
		return model.FloatValue(n.Float()), nil
	}
	return model.Value{}, mismatch("number "+strconv.FormatFloat(n.Float(), 'g', -1, 64), kind)
}

// naturalNumber is the type to take for a number whose Resource is not known.
func naturalNumber(n cbor.Number) model.Kind {
	switch n.Kind {
	case cbor.NumberInt:
		return model.Integer
	case cbor.NumberUint:
		return model.Unsigned
	}
	return model.Float
}

// parseText reads the text form of a value (Core 1.1.1 §7.4.1) strictly: no
// white space, no plus sign, nothing after the end.
func parseText(kind model.Kind, text []byte) (model.Value, error) {
	switch kind {
	case model.String, model.Corelnk:
		if !utf8.Valid(text) {
			return model.Value{}, errNotUTF8
		}
		return textValue(kind, text), nil
	case model.Integer, model.Time:
		v, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil || text[0] == '+' {
			return model.Value{}, textError(text, kind)
		}
		if kind == model.Time {
			return model.UnixValue(v), nil
		}
		return model.IntegerValue(v), nil
	case model.Unsigned:
		v, err := strconv.ParseUint(string(text), 10, 64)
		if err != nil {
			return model.Value{}, textError(text, kind)
		}
		return model.UnsignedValue(v), nil
	case model.Float:
		v, err := strconv.ParseFloat(string(text), 64)
		if err != nil || !isDecimal(text) || math.IsInf(v, 0) {
			return model.Value{}, textError(text, kind)
		}
		return model.FloatValue(v), nil
	case model.Boolean:
		if len(text) != 1 || text[0] != '0' && text[0] != '1' {
			return model.Value{}, textError(text, kind)
		}
		return model.BooleanValue(text[0] == '1'), nil
	case model.Opaque:
		return parseBase64(text)
	case model.Objlnk:
		return parseLink(text)
	}
	return model.Value{}, textError(text, kind)
}

func textError(text []byte, kind model.Kind) error {
	return fmt.Errorf("%q is not %v", clip(text), kind)
}

// isDecimal tells decimal fractions with or without exponent from the other
// things that strconv takes for a float: hexadecimal, Inf and NaN, a plus sign.
func isDecimal(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			return false
		}
	}
	return text[0] != '+'
}

// parseLink reads an object link, such as 66:0. The null link is 65535:65535,
// also met as FFFF:FFFF.
func parseLink(text []byte) (model.Value, error) {
	if string(text) == "FFFF:FFFF" {
		return model.LinkValue(model.NullLink), nil
	}
	object, instance, ok := bytes.Cut(text, []byte{':'})
	o, ok1 := parseID(object)
	i, ok2 := parseID(instance)
	if !ok || !ok1 || !ok2 {
		return model.Value{}, textError(text, model.Objlnk)
	}
	return model.LinkValue(model.ObjectLink{Object: o, Instance: i}), nil
}

func parseID(text []byte) (id uint16, ok bool) {
	v, err := strconv.ParseUint(string(text), 10, 16)
	return uint16(v), err == nil
}

// parseBase64 reads the standard and the URL alphabet, with or without padding.
func parseBase64(text []byte) (model.Value, error) {
	trimmed := bytes.TrimRight(text, "=")
	padding := len(text) - len(trimmed)
	encoding := strictStd
	if bytes.ContainsAny(trimmed, "-_") {
		encoding = strictURL
	}
	if padding > 0 && (padding > 2 || len(text)%4 != 0) || bytes.ContainsAny(trimmed, "\r\n") {
		return model.Value{}, errBase64
	}
	data, err := encoding.AppendDecode(nil, trimmed)
	if err != nil {
		return model.Value{}, errBase64
	}
	return model.OpaqueValue(data), nil
}

// Both alphabets, refusing bits that are left over at the end.
var (
	strictStd = base64.RawStdEncoding.Strict()
	strictURL = base64.RawURLEncoding.Strict()
)

var errBase64 = errors.New("invalid Base64")
