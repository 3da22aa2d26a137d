package senml

// oma10Field tells what a label of the JSON of LwM2M 1.0 §6.4.4 means.
func oma10Field(label []byte) field {
	switch string(label) {
	case "n":
		return field{bit: hasName}
	case "t":
		return field{bit: hasTime}
	case "v":
		return field{hasValue, Number}
	case "sv":
		return field{hasValue, String}
	case "bv":
		return field{hasValue, Bool}
	case "ov":
		return field{hasValue, Link}
	}
	return field{}
}

// oma10Outer tells what a label of the object around the records means.
func oma10Outer(label []byte) field {
	switch string(label) {
	case "bn":
		return field{bit: hasBaseName}
	case "bt":
		return field{bit: hasBaseTime}
	case "e":
		return field{bit: hasElements}
	}
	return field{}
}

// decodeOMA10 reads an object with an array "e" of records, whose base may stand
// before or after them.
func decodeOMA10(dst []Record, payload []byte) ([]Record, error) {
	s := scanner{data: payload, syntax: OMA10}
	s.space()
	first, start := len(dst), s.off
	var base Record // collects bn and bt, which may come after e
	var seen fields
	for more, err := s.open('{'); more || err != nil; more, err = s.next('}') {
		if err != nil {
			return dst, err
		}
		f, err := s.label(&seen, oma10Outer)
		if err != nil {
			return dst, err
		}
		if f.bit == hasElements {
			dst, err = s.records(dst, oma10Field)
		} else {
			err = s.field(&base, f)
		}
		if err != nil {
			return dst, err
		}
	}
	if err := s.finish(); err != nil {
		return dst, err
	}
	if seen&hasElements == 0 {
		return dst, s.errorf(start, `no "e"`)
	}
	if len(dst) > first {
		r := &dst[first]
		r.BaseName, r.BaseTime, r.HasBaseTime = base.BaseName, base.BaseTime, base.HasBaseTime
	}
	return dst, nil
}
