package senml

import (
	"strconv"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
)

// Labels of RFC 8428 §6, table 4.
const (
	cborBaseVersion = -1
	cborBaseName    = -2
	cborBaseTime    = -3
	cborBaseUnit    = -4
	cborBaseValue   = -5
	cborBaseSum     = -6
	cborName        = 0
	cborUnit        = 1
	cborNumber      = 2
	cborString      = 3
	cborBool        = 4
	cborSum         = 5
	cborTime        = 6
	cborUpdateTime  = 7
	cborData        = 8
)

// cborLink is the label of object links, a text string in CBOR too.
const cborLink = "vlo"

// cborField tells what a label means.
func cborField(label int64) field {
	switch label {
	case cborBaseVersion:
		return field{bit: hasVersion}
	case cborBaseName:
		return field{bit: hasBaseName}
	case cborBaseTime:
		return field{bit: hasBaseTime}
	case cborName:
		return field{bit: hasName}
	case cborNumber:
		return field{hasValue, Number}
	case cborString:
		return field{hasValue, String}
	case cborBool:
		return field{hasValue, Bool}
	case cborTime:
		return field{bit: hasTime}
	case cborData:
		return field{hasValue, Data}
	case cborBaseUnit:
		return field{bit: hasBaseUnit}
	case cborBaseValue:
		return field{bit: hasBaseValue}
	case cborBaseSum:
		return field{bit: hasBaseSum}
	case cborUnit:
		return field{bit: hasUnit}
	case cborSum:
		return field{bit: hasSum}
	case cborUpdateTime:
		return field{bit: hasUpdateTime}
	}
	return field{}
}

// cborReader adds to a decoder of items what it takes to read records.
type cborReader struct{ cbor.Decoder }

// decodeCBOR reads a pack in the syntax of RFC 8428 §6, with arrays, maps and
// strings of definite or indefinite length.
func decodeCBOR(dst []Record, payload []byte) ([]Record, error) {
	d := cborReader{cbor.NewDecoder(payload)}
	dst, err := d.records(dst)
	if err == nil {
		err = d.Finish()
	}
	if e, ok := err.(*cbor.Error); ok {
		err = &Error{CBOR, e.Offset, e.Reason}
	}
	return dst, err
}

func (d *cborReader) records(dst []Record) ([]Record, error) {
	before := len(dst)
	items, err := d.Array()
	if err != nil {
		return dst, err
	}
	for d.More(&items) {
		if len(dst)-before == MaxRecords {
			return dst, errorAt(CBOR, d.Offset(), "more than %d records", MaxRecords)
		}
		dst = append(dst, Record{})
		if err := d.record(&dst[len(dst)-1]); err != nil {
			return dst[:len(dst)-1], err
		}
	}
	return dst, nil
}

func (d *cborReader) record(r *Record) error {
	r.Offset = d.Offset()
	pairs, err := d.Map()
	if err != nil {
		return err
	}
	var seen fields
	for d.More(&pairs) {
		f, err := d.label(&seen)
		if err != nil {
			return err
		}
		if err := d.field(r, f); err != nil {
			return err
		}
	}
	return nil
}

// label reads the key of a pair. Numbers beyond int64 cannot be labels that are
// known, and are passed over like any other that is not.
func (d *cborReader) label(seen *fields) (field, error) {
	start := d.Offset()
	if d.Peek() == cbor.Text {
		label, err := d.Text()
		if err != nil {
			return field{}, err
		}
		var f field
		if string(label) == cborLink {
			f = field{hasValue, Link}
		}
		if err := checkText(CBOR, start, label, f); err != nil {
			return field{}, err
		}
		if !seen.add(f) {
			return field{}, duplicate(CBOR, start, f, strconv.Quote(string(label)))
		}
		return f, nil
	}
	if kind := d.Peek(); kind != cbor.Uint && kind != cbor.NegInt {
		return field{}, errorAt(CBOR, start, "%v as a label", kind)
	}
	n, err := d.Number()
	if err != nil {
		return field{}, err
	}
	label, ok := n.Int()
	if !ok {
		return field{}, nil
	}
	f := cborField(label)
	if !seen.add(f) {
		return field{}, duplicate(CBOR, start, f, strconv.FormatInt(label, 10))
	}
	return f, nil
}

// field reads what follows a label.
func (d *cborReader) field(r *Record, f field) (err error) {
	switch f.bit {
	case hasBaseName:
		r.BaseName, err = d.text()
	case hasName:
		r.Name, err = d.text()
	case hasBaseTime:
		r.HasBaseTime = true
		r.BaseTime, err = d.seconds()
	case hasTime:
		r.HasTime = true
		r.Time, err = d.seconds()
	case hasVersion:
		start := d.Offset()
		n, err := d.Number()
		if v, ok := n.Int(); err == nil && (!ok || v > version) {
			return errorAt(CBOR, start, "version above %d", version)
		}
		return err
	case hasBaseValue:
		return errorAt(CBOR, d.Offset(), "base values are not supported")
	case hasValue:
		return d.value(&r.Value, f.kind)
	default:
		return d.Skip()
	}
	return err
}

// text is like Text, but gives an empty slice, not nil, for an empty string.
func (d *cborReader) text() ([]byte, error) {
	b, err := d.Text()
	if b == nil && err == nil {
		b = []byte{}
	}
	return b, err
}

// seconds reads a time; other than JSON, CBOR has numbers that are none.
func (d *cborReader) seconds() (float64, error) {
	start := d.Offset()
	n, err := d.Number()
	f := n.Float()
	if err == nil && f-f != 0 { // NaN or infinite
		return 0, errorAt(CBOR, start, "time is not finite")
	}
	return f, err
}

// value reads a value of the kind its label says, or null.
func (d *cborReader) value(v *Value, kind Kind) (err error) {
	if d.Peek() == cbor.Null {
		v.Kind = Null
		return d.Null()
	}
	v.Kind = kind
	switch kind {
	case Number:
		v.Number, err = d.Number()
	case Bool:
		v.Bool, err = d.Bool()
	case Data:
		v.Bytes, err = d.Bytes()
	default:
		v.Bytes, err = d.Text()
	}
	return err
}
