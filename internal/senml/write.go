package senml

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
)

// Writer appends a pack to a buffer, record by record, in compact form: no white
// space in JSON, definite lengths in CBOR. Labels come in the order base name,
// base time, name, value, time.
type Writer struct {
	dst    []byte
	syntax Syntax
	n      int
	err    error
}

// NewWriter begins a pack of exactly the given number of records at the end of dst.
func NewWriter(dst []byte, s Syntax, records int) Writer {
	w := Writer{dst: dst, syntax: s}
	switch s {
	case JSON:
		w.dst = append(dst, '[')
	case CBOR:
		w.dst = cbor.AppendArray(dst, records)
	case OMA10: // begins with the base of the first record
	default:
		w.err = fmt.Errorf("%w %v", ErrSyntax, s)
	}
	return w
}

// Write appends a record.
func (w *Writer) Write(r *Record) {
	if w.err == nil {
		w.err = check(r)
	}
	if w.err != nil {
		return
	}
	switch w.syntax {
	case JSON:
		w.json(r)
	case CBOR:
		w.cbor(r)
	case OMA10:
		w.oma10(r)
	}
	w.n++
}

// Finish ends the pack and returns the buffer. The error is the first that a
// record caused: [ErrNumber], [ErrBase] or [ErrSyntax].
func (w *Writer) Finish() ([]byte, error) {
	switch w.syntax {
	case JSON:
		w.dst = append(w.dst, ']')
	case OMA10:
		if w.n == 0 {
			w.dst = append(w.dst, `{"e":[`...)
		}
		w.dst = append(w.dst, "]}"...)
	}
	return w.dst, w.err
}

// check refuses times that no syntax has.
func check(r *Record) error {
	if !finite(r.BaseTime) || !finite(r.Time) {
		return ErrNumber
	}
	return nil
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// cbor writes a record as a map, whose number of pairs comes first.
func (w *Writer) cbor(r *Record) {
	pairs := 0
	for _, present := range [...]bool{r.BaseName != nil, r.HasBaseTime, r.Name != nil, r.Value.Kind != None, r.HasTime} {
		if present {
			pairs++
		}
	}
	dst := cbor.AppendMap(w.dst, pairs)
	if r.BaseName != nil {
		dst = cbor.AppendText(cbor.AppendInt(dst, cborBaseName), r.BaseName)
	}
	if r.HasBaseTime {
		dst = cbor.AppendNumber(cbor.AppendInt(dst, cborBaseTime), seconds(r.BaseTime))
	}
	if r.Name != nil {
		dst = cbor.AppendText(cbor.AppendInt(dst, cborName), r.Name)
	}
	dst = appendCBORValue(dst, &r.Value)
	if r.HasTime {
		dst = cbor.AppendNumber(cbor.AppendInt(dst, cborTime), seconds(r.Time))
	}
	w.dst = dst
}

// seconds makes whole seconds integers, as RFC 8428 §6 recommends for compactness.
func seconds(f float64) cbor.Number {
	if n := cbor.FloatNumber(f); f != 0 {
		if i, ok := n.Int(); ok {
			return cbor.IntNumber(i)
		}
		return n
	}
	return cbor.IntNumber(0)
}

// appendCBORValue appends label and value, or nothing if there is no value.
func appendCBORValue(dst []byte, v *Value) []byte {
	switch v.Kind {
	case Null:
		return cbor.AppendNull(cbor.AppendInt(dst, cborNumber))
	case Number:
		return cbor.AppendNumber(cbor.AppendInt(dst, cborNumber), v.Number)
	case String:
		return cbor.AppendText(cbor.AppendInt(dst, cborString), v.Bytes)
	case Bool:
		return cbor.AppendBool(cbor.AppendInt(dst, cborBool), v.Bool)
	case Data:
		return cbor.AppendBytes(cbor.AppendInt(dst, cborData), v.Bytes)
	case Link:
		return cbor.AppendText(cbor.AppendText(dst, cborLink), v.Bytes)
	}
	return dst
}

func (w *Writer) json(r *Record) {
	if w.n > 0 {
		w.dst = append(w.dst, ',')
	}
	w.dst = append(w.dst, '{')
	w.base(r)
	w.jsonFields(r)
	w.dst = append(w.dst, '}')
}

// base writes the base fields, which OMA10 has in the object around the records.
func (w *Writer) base(r *Record) {
	if r.BaseName != nil {
		w.dst = appendJSONString(w.label("bn"), r.BaseName)
	}
	if r.HasBaseTime {
		w.dst = appendJSONNumber(w.label("bt"), seconds(r.BaseTime))
	}
}

// oma10 writes a record, before the first of them the head of the object around.
func (w *Writer) oma10(r *Record) {
	switch {
	case w.n == 0:
		w.dst = append(w.dst, '{')
		w.base(r)
		w.dst = append(w.label("e"), '[')
	case r.BaseName != nil || r.HasBaseTime:
		w.err = ErrBase
		return
	default:
		w.dst = append(w.dst, ',')
	}
	w.dst = append(w.dst, '{')
	w.jsonFields(r)
	w.dst = append(w.dst, '}')
}

func (w *Writer) jsonFields(r *Record) {
	if r.Name != nil {
		w.dst = appendJSONString(w.label("n"), r.Name)
	}
	w.jsonValue(&r.Value)
	if r.HasTime {
		w.dst = appendJSONNumber(w.label("t"), seconds(r.Time))
	}
}

// label writes a label, after a comma unless it is the first of its object.
func (w *Writer) label(name string) []byte {
	if w.dst[len(w.dst)-1] != '{' {
		w.dst = append(w.dst, ',')
	}
	w.dst = append(w.dst, '"')
	w.dst = append(w.dst, name...)
	return append(w.dst, '"', ':')
}

// jsonLabels has the labels of values in JSON and in OMA10.
var jsonLabels = [kinds][2]string{
	Null: {"v", "v"}, Number: {"v", "v"}, String: {"vs", "sv"}, Bool: {"vb", "bv"},
	Data: {"vd", "sv"}, Link: {"vlo", "ov"},
}

// jsonValue writes label and value, or nothing if there is no value.
func (w *Writer) jsonValue(v *Value) {
	if v.Kind == None || v.Kind >= kinds {
		return
	}
	labels := &jsonLabels[v.Kind]
	name, encoding := labels[0], base64.RawURLEncoding // RFC 8428 §4.3
	if w.syntax == OMA10 {
		name, encoding = labels[1], base64.StdEncoding
	}
	dst := w.label(name)
	switch v.Kind {
	case Null:
		dst = append(dst, "null"...)
	case Number:
		if !finite(v.Number.Float()) {
			w.err = ErrNumber
		}
		dst = appendJSONNumber(dst, v.Number)
	case Bool:
		dst = strconv.AppendBool(dst, v.Bool)
	case Data:
		if v.Base64 {
			dst = appendJSONString(dst, v.Bytes)
			break
		}
		dst = append(encoding.AppendEncode(append(dst, '"'), v.Bytes), '"')
	default:
		dst = appendJSONString(dst, v.Bytes)
	}
	w.dst = dst
}

// appendJSONNumber writes floats as ECMAScript does: without exponent between
// 1e-6 and 1e21, with the fewest digits that give the same float back.
func appendJSONNumber(dst []byte, n cbor.Number) []byte {
	if n.Kind != cbor.NumberFloat {
		if v, ok := n.Int(); ok {
			return strconv.AppendInt(dst, v, 10)
		}
		v, _ := n.Uint()
		return strconv.AppendUint(dst, v, 10)
	}
	f := n.Float()
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}

const hexDigits = "0123456789abcdef"

// appendJSONString writes a string with only the escapes that RFC 8259 §7
// demands. Bytes that are not UTF-8 become U+FFFD.
func appendJSONString(dst, text []byte) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		i++
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	return append(dst, '"')
}
