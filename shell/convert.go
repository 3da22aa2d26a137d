package shell

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// integerOption reads an option such as -u8 or -s32.
func integerOption(option string) (bits int, signed, ok bool) {
	rest, found := strings.CutPrefix(option, "-u")
	if !found {
		rest, signed = strings.CutPrefix(option, "-s")
		found = signed
	}
	switch rest {
	case "8", "16", "32", "64":
		bits, _ = strconv.Atoi(rest)
		return bits, signed, found
	}
	return 0, false, false
}

// fits reports whether an integer fits an option. Those above the largest int64 are given as unsigned.
func fits(n int64, large uint64, bits int, signed bool) bool {
	switch {
	case signed && large > 0:
		return false
	case signed:
		return bits == 64 || n >= -1<<(bits-1) && n < 1<<(bits-1)
	case large > 0:
		return bits == 64
	}
	return n >= 0 && (bits == 64 || n < 1<<bits)
}

// integer is the value of an integer Resource of any kind; large is it above the largest int64.
func integer(v model.Value) (n int64, large uint64, ok bool) {
	switch v.Kind() {
	case model.Integer, model.Time:
		return v.Int(), 0, true
	case model.Unsigned:
		if u := v.Uint(); u > math.MaxInt64 {
			return 0, u, true
		}
		return int64(v.Uint()), 0, true
	case model.Boolean:
		if v.Bool() {
			n = 1
		}
		return n, 0, true
	}
	return 0, 0, false
}

// formatValue is a value as an option of the verb read wants it.
func formatValue(option string, v model.Value) (string, error) {
	mismatch := func() (string, error) {
		return "", failf(numInvalid, "a value of type %v cannot be read with %s", v.Kind(), option)
	}
	if bits, signed, ok := integerOption(option); ok {
		n, large, ok := integer(v)
		switch {
		case !ok:
			return mismatch()
		case !fits(n, large, bits, signed):
			return "", failf(numInvalid, "%v does not fit %s", v, option)
		}
		return plainText(v), nil
	}
	switch option {
	case "-x":
		return hexdump(stored(v)), nil
	case "-s":
		return plainText(v), nil
	case "-crc32":
		return strconv.FormatUint(uint64(crc32.ChecksumIEEE(stored(v))), 10), nil
	case "-b":
		if v.Kind() == model.Boolean {
			return plainText(v), nil
		}
	case "-t":
		if v.Kind() == model.Time {
			return plainText(v), nil
		}
	case "-f":
		if n, ok := v.Number(); ok && v.Kind() != model.Time {
			return fmt.Sprintf("%f", n), nil
		}
	}
	return mismatch()
}

// plainText is a value without ornament: numbers in decimal, Boolean as 0 or 1, Opaque as the bytes themselves.
func plainText(v model.Value) string {
	if v.Kind() == model.Opaque {
		return string(v.Bytes())
	}
	text, _ := v.AppendText(nil)
	return string(text)
}

// stored are the bytes of a value: those of a text or Opaque, else the number in little-endian order, 8 bytes long
// but for Boolean with one and Objlnk with four.
func stored(v model.Value) []byte {
	switch v.Kind() {
	case model.Boolean:
		n, _, _ := integer(v)
		return []byte{byte(n)}
	case model.Integer, model.Time:
		return binary.LittleEndian.AppendUint64(nil, uint64(v.Int()))
	case model.Unsigned:
		return binary.LittleEndian.AppendUint64(nil, v.Uint())
	case model.Float:
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v.Float()))
	case model.Objlnk:
		b := binary.LittleEndian.AppendUint16(nil, v.Link().Object)
		return binary.LittleEndian.AppendUint16(b, v.Link().Instance)
	}
	return v.AppendBytes(nil)
}

// hexdump shows bytes, 16 in a line.
func hexdump(b []byte) string {
	var lines []string
	for offset := 0; offset < len(b); offset += 16 {
		row := b[offset:min(offset+16, len(b))]
		var codes, text strings.Builder
		for i := range 16 {
			if i == 8 {
				codes.WriteByte(' ')
				text.WriteByte(' ')
			}
			switch {
			case i >= len(row):
				codes.WriteString("   ")
				text.WriteByte(' ')
			case row[i] < ' ' || row[i] > '~':
				fmt.Fprintf(&codes, "%02x ", row[i])
				text.WriteByte('.')
			default:
				fmt.Fprintf(&codes, "%02x ", row[i])
				text.WriteByte(row[i])
			}
		}
		lines = append(lines, fmt.Sprintf("%08X: %s|%s|", offset, &codes, &text))
	}
	return strings.Join(lines, "\n")
}

// parseValue reads the text that the verb write was given with an option.
func parseValue(option, text string, kind model.Kind) (model.Value, error) {
	bits, signed, isInteger := integerOption(option)
	switch {
	case isInteger:
		return parseInteger(text, option, bits, signed, kind)
	case option == "-x":
		return parseHex(text, kind)
	case option == "-b" && kind != model.Boolean, option == "-f" && kind != model.Float, option == "-t" && kind != model.Time:
		return model.Value{}, failf(numInvalid, "the Resource is of type %v, which cannot be written with %s", kind, option)
	}
	return parseText(text, kind)
}

func parseInteger(text, option string, bits int, signed bool, kind model.Kind) (v model.Value, err error) {
	digits, base := text, 10
	if after, ok := strings.CutPrefix(strings.ToLower(text), "0x"); ok {
		digits, base = after, 16
	}
	n, err := strconv.ParseInt(digits, base, 64)
	large := uint64(0)
	if err != nil {
		if large, err = strconv.ParseUint(digits, base, 64); err != nil {
			return v, failf(numInvalid, "Invalid number: %s", text)
		}
	}
	if !fits(n, large, bits, signed) {
		return v, failf(numInvalid, "%s does not fit %s", text, option)
	}
	switch {
	case kind == model.Unsigned && n >= 0:
		return model.UnsignedValue(max(large, uint64(n))), nil
	case large > 0 || kind == model.Unsigned:
	case kind == model.Integer:
		return model.IntegerValue(n), nil
	case kind == model.Time:
		return model.UnixValue(n), nil
	case kind == model.Boolean && (n == 0 || n == 1):
		return model.BooleanValue(n == 1), nil
	default:
		return v, failf(numInvalid, "the Resource is of type %v, which cannot be written with %s", kind, option)
	}
	return v, failf(numInvalid, "%s is not in the range of type %v", text, kind)
}

func parseHex(text string, kind model.Kind) (v model.Value, err error) {
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", ":", "").Replace(text))
	switch {
	case err != nil:
		return v, failf(numInvalid, "Invalid number: want hexadecimal digits, two for each byte") // not shown, as it may be a key
	case kind == model.Opaque:
		return model.OpaqueValue(b), nil
	case kind == model.String:
		return model.StringValue(string(b)), nil
	}
	return v, failf(numInvalid, "the Resource is of type %v, which cannot be written with -x", kind)
}

// parseText reads the text form of a value: that of its type.
func parseText(text string, kind model.Kind) (v model.Value, err error) {
	switch kind {
	case model.String:
		return model.StringValue(text), nil
	case model.Corelnk:
		return model.CoreLinkValue(model.CoreLink(text)), nil
	case model.Opaque:
		return model.OpaqueValue([]byte(text)), nil
	case model.Integer:
		return parseInteger(text, "-s64", 64, true, kind)
	case model.Unsigned:
		return parseInteger(text, "-u64", 64, false, kind)
	case model.Float:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return v, failf(numInvalid, "Invalid number: %s", text)
		}
		return model.FloatValue(n), nil
	case model.Boolean:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return v, failf(numInvalid, "Invalid number: %s: want 0 or 1", text)
		}
		return model.BooleanValue(b), nil
	case model.Time:
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return model.TimeValue(at), nil
		}
		return parseInteger(text, "-s64", 64, true, kind)
	case model.Objlnk:
		return parseLink(text)
	}
	return v, failf(numPermission, "the Resource is executable and has no value")
}

func parseLink(text string) (v model.Value, err error) {
	object, instance, ok := strings.Cut(text, ":")
	o, err1 := strconv.ParseUint(object, 10, 16)
	i, err2 := strconv.ParseUint(instance, 10, 16)
	if !ok || err1 != nil || err2 != nil {
		return v, failf(numInvalid, "Invalid number: %s: want a link such as 3:0", text)
	}
	return model.LinkValue(lwm2m.ObjectLink{Object: uint16(o), Instance: uint16(i)}), nil
}

// listed is a value as listings show it. Bytes are counted and not shown, as they may be keys.
func listed(v model.Value) string {
	switch v.Kind() {
	case model.Opaque:
		return fmt.Sprintf("OPAQUE(%d/%[1]d)", v.Len())
	case model.Float:
		return fmt.Sprintf("%f", v.Float())
	}
	return plainText(v)
}

// data is a value for JSON. That of an Opaque in a listing is its length only.
func data(v model.Value) any {
	switch v.Kind() {
	case model.Integer:
		return v.Int()
	case model.Unsigned:
		return v.Uint()
	case model.Float:
		if n := v.Float(); !math.IsNaN(n) && !math.IsInf(n, 0) {
			return n
		}
	case model.Boolean:
		return v.Bool()
	case model.Opaque:
		return v.Bytes()
	case model.Time:
		return v.Time()
	}
	return plainText(v)
}

// isNumberComplaint reports whether an error is about the text of a number, which is told as it is.
func isNumberComplaint(e *Error) bool { return strings.HasPrefix(e.Text, "Invalid number: ") }
