package senml

import (
	"bytes"
	"math"
	"strconv"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
)

// jsonField tells what a label of RFC 8428 §4 means in JSON.
func jsonField(label []byte) field {
	switch string(label) {
	case "bn":
		return field{bit: hasBaseName}
	case "bt":
		return field{bit: hasBaseTime}
	case "bver":
		return field{bit: hasVersion}
	case "n":
		return field{bit: hasName}
	case "t":
		return field{bit: hasTime}
	case "v":
		return field{hasValue, Number}
	case "vs":
		return field{hasValue, String}
	case "vb":
		return field{hasValue, Bool}
	case "vd":
		return field{hasValue, Data}
	case "vlo":
		return field{hasValue, Link}
	case "u":
		return field{bit: hasUnit}
	case "bu":
		return field{bit: hasBaseUnit}
	case "bv":
		return field{bit: hasBaseValue}
	case "bs":
		return field{bit: hasBaseSum}
	case "s":
		return field{bit: hasSum}
	case "ut":
		return field{bit: hasUpdateTime}
	}
	return field{}
}

// decodeJSON reads a pack in the syntax of RFC 8428 §5.
func decodeJSON(dst []Record, payload []byte) ([]Record, error) {
	s := scanner{data: payload, syntax: JSON}
	dst, err := s.records(dst, jsonField)
	if err == nil {
		err = s.finish()
	}
	return dst, err
}

// records reads an array of records.
func (s *scanner) records(dst []Record, meaning func([]byte) field) ([]Record, error) {
	before := len(dst)
	for more, err := s.open('['); ; more, err = s.next(']') {
		if err != nil || !more {
			return dst, err
		}
		if len(dst)-before == MaxRecords {
			return dst, s.errorf(s.off, "more than %d records", MaxRecords)
		}
		dst = append(dst, Record{})
		if err := s.record(&dst[len(dst)-1], meaning); err != nil {
			return dst[:len(dst)-1], err
		}
	}
}

// record reads one object. Labels may come in any order.
func (s *scanner) record(r *Record, meaning func([]byte) field) error {
	s.space()
	r.Offset = s.off
	var seen fields
	for more, err := s.open('{'); ; more, err = s.next('}') {
		if err != nil || !more {
			return err
		}
		f, err := s.label(&seen, meaning)
		if err != nil {
			return err
		}
		if err := s.field(r, f); err != nil {
			return err
		}
	}
}

// label reads a label with its colon.
func (s *scanner) label(seen *fields, meaning func([]byte) field) (field, error) {
	s.space()
	start := s.off
	label, err := s.str()
	if err != nil {
		return field{}, err
	}
	f := meaning(label)
	if err := checkText(s.syntax, start, label, f); err != nil {
		return field{}, err
	}
	if !seen.add(f) {
		return field{}, duplicate(s.syntax, start, f, strconv.Quote(string(label)))
	}
	return f, s.expect(':')
}

// field reads what follows a label.
func (s *scanner) field(r *Record, f field) (err error) {
	s.space()
	start := s.off
	switch f.bit {
	case hasBaseName:
		r.BaseName, err = s.str()
	case hasName:
		r.Name, err = s.str()
	case hasBaseTime:
		r.HasBaseTime = true
		r.BaseTime, err = s.seconds()
	case hasTime:
		r.HasTime = true
		r.Time, err = s.seconds()
	case hasVersion:
		err = s.version(start)
	case hasBaseValue:
		err = s.errorf(start, "base values are not supported")
	case hasValue:
		err = s.value(&r.Value, f.kind)
	default:
		err = s.skip(maxDepth)
	}
	return err
}

// version reads bver.
func (s *scanner) version(start int) error {
	n, err := s.number()
	if err != nil {
		return err
	}
	if v, ok := n.Int(); !ok || v > version {
		return s.errorf(start, "version above %d", version)
	}
	return nil
}

// seconds reads a time, which may have a fraction.
func (s *scanner) seconds() (float64, error) {
	n, err := s.number()
	return n.Float(), err
}

// value reads a value of the kind its label says, or null, which RFC 8790 allows
// in the place of any.
func (s *scanner) value(v *Value, kind Kind) (err error) {
	if s.peek() == 'n' {
		v.Kind = Null
		return s.literal("null")
	}
	v.Kind = kind
	switch kind {
	case Number:
		v.Number, err = s.number()
	case Bool:
		v.Bool = s.peek() == 't'
		if v.Bool {
			return s.literal("true")
		}
		return s.literal("false")
	case Data:
		v.Base64 = true
		v.Bytes, err = s.str()
	default:
		v.Bytes, err = s.str()
	}
	return err
}

// number reads a JSON number. Integers stay integers; those that neither int64
// nor uint64 can hold become floats.
func (s *scanner) number() (cbor.Number, error) {
	s.space()
	start := s.off
	text, err := s.numeral()
	if err != nil {
		return cbor.Number{}, err
	}
	if !bytes.ContainsAny(text, ".eE") && string(text) != "-0" {
		if v, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return cbor.IntNumber(v), nil
		}
		if v, err := strconv.ParseUint(string(text), 10, 64); err == nil {
			return cbor.UintNumber(v), nil
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(f, 0) {
		return cbor.Number{}, s.errorf(start, "number is out of range")
	}
	return cbor.FloatNumber(f), nil
}
