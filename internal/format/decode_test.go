package format

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/model"
)

// deviceTypes is the part of the Device Object that the tests below use. Unknown
// to it: Resource 99.
var deviceTypes = typeMap{
	{3, 0}: {model.String, false}, {3, 4}: {model.None, false}, {3, 6}: {model.Integer, true},
	{3, 9}: {model.Integer, false}, {3, 10}: {model.Unsigned, false}, {3, 13}: {model.Time, false},
	{3, 20}: {model.Float, false}, {3, 21}: {model.Boolean, false}, {3, 22}: {model.Opaque, false},
	{3, 23}: {model.Objlnk, false}, {3, 24}: {model.Corelnk, false},
}

func payloadOf(t *testing.T, f ContentFormat, s string) []byte {
	t.Helper()
	switch f {
	case TLV, CBOR, SenMLCBOR, SenMLETCHCBOR, LwM2MCBOR, Opaque:
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return []byte(s)
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct {
		f             ContentFormat
		base, payload string
		want          error
		text          string
	}{
		{TLV, "/", "c000", ErrUnsupported, "TLV: cannot carry several objects"},
		{Text, "/3/0", "x", ErrUnsupported, "text: /3/0 is not a single value"},
		{Link, "/3/0", "", ErrUnsupported, "link-format: cannot carry values"},
		{12345, "/3/0", "", ErrUnsupported, "content format 12345: cannot carry values"},

		{TLV, "/3/0", "c109", ErrMalformed, "TLV, offset 0: length 1, but 0 bytes left"},
		{TLV, "/3/0", "c10964c2", ErrMalformed, "TLV, offset 3: header cut short"},
		{TLV, "/3/0", "80068206" + "4100", ErrMalformed, "TLV, offset 4: length 1, but 0 bytes left"},
		{TLV, "/3/0", "020041ff", ErrMalformed, "TLV, offset 2: length 1, but 0 bytes left"},
		{TLV, "/3/0", "410001", ErrMalformed, "TLV, offset 0: Resource Instance 0 below /3/0"},
		{TLV, "/3", "c10964", ErrMalformed, "TLV, offset 0: Resource 9 below /3"},
		{TLV, "/3", "0300410001", ErrMalformed, "TLV, offset 2: Resource Instance 0 below /3/0"},
		{TLV, "/3/0", "8206c000", ErrMalformed, "TLV, offset 2: Resource 0 below /3/0/6"},
		{TLV, "/3/0", "0000c10964", ErrMalformed, "TLV, offset 2: Resource 9 below /3/0"},
		{TLV, "/3/0", "c109640000", ErrMalformed, "TLV, offset 3: Object Instance 0 below /3/0"},
		{TLV, "/3/0/6", "0000", ErrMalformed, "TLV, offset 0: Object Instance 0 below /3/0/6"},
		{TLV, "/3/0/6", "410001", ErrMalformed, "TLV, offset 0: Resource Instance 0 below /3/0/6"},
		{TLV, "/3/0", "e0ffff", ErrMalformed, "TLV, offset 0: identifier 65535 is reserved"},
		{TLV, "/3", "0300e0ffff", ErrMalformed, "TLV, offset 2: identifier 65535 is reserved"},
		{TLV, "/3/0", "8306" + "60ffff", ErrMalformed, "TLV, offset 2: identifier 65535 is reserved"},
		{TLV, "/3/0", "0301c10964", ErrPath, "TLV, /3/1: not below /3/0"},
		{TLV, "/3/0/9", "c10a64", ErrPath, "TLV, /3/0/10: not below /3/0/9"},
		{TLV, "/3/0/6/0", "410101", ErrPath, "TLV, /3/0/6/1: not below /3/0/6/0"},
		{TLV, "/3/0/6/0", "8606410001410101", ErrPath, "TLV, /3/0/6/1: not below /3/0/6/0"},
		{TLV, "/3/0", "c309000001", ErrType, "TLV, /3/0/9: integer of 3 bytes, want 1, 2, 4 or 8"},
		{TLV, "/3/0", "c009", ErrType, "TLV, /3/0/9: integer of 0 bytes, want 1, 2, 4 or 8"},
		{TLV, "/3/0", "c30a000001", ErrType, "TLV, /3/0/10: unsigned integer of 3 bytes, want 1, 2, 4 or 8"},
		{TLV, "/3/0", "c2144141", ErrType, "TLV, /3/0/20: float of 2 bytes, want 4 or 8"},
		{TLV, "/3/0", "c11502", ErrType, "TLV, /3/0/21: boolean is 0x02, not 0 or 1"},
		{TLV, "/3/0", "c2170042", ErrType, "TLV, /3/0/23: object link of 2 bytes, want 4"},
		{TLV, "/3/0", "c100ff", ErrType, "TLV, /3/0/0: text is not UTF-8"},
		{TLV, "/3/0", "c10601", ErrType, "TLV, /3/0/6: a single value for a multiple-instance resource"},
		{TLV, "/3/0", "8309410001", ErrType, "TLV, /3/0/9/0: a resource instance of a single-instance resource"},
		{TLV, "/3/0", "8009", ErrType, "TLV, /3/0/9/0: a resource instance of a single-instance resource"},

		{SenMLJSON, "/3/0", `{}`, ErrMalformed, "SenML JSON, offset 0: '{', want '['"},
		{SenMLJSON, "/3/0", `[{"v":1}]`, ErrMalformed, `SenML JSON, offset 1: name "" does not begin with /`},
		{SenMLJSON, "/3/0", `[{"n":"3/0/9","v":1}]`, ErrMalformed, `SenML JSON, offset 1: name "3/0/9" does not begin with /`},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/6/0/1","v":1}]`, ErrMalformed, `SenML JSON, offset 1: name "/3/0/6/0/1" is no path`},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/65535","v":1}]`, ErrMalformed, `is no path`},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/65536","v":1}]`, ErrMalformed, `is no path`},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/9/","v":1}]`, ErrMalformed, `is no path`},
		{SenMLJSON, "/3/0", `[{"n":"/3//9","v":1}]`, ErrMalformed, `is no path`},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/09","v":1}]`, ErrMalformed, `is no path`},
		{SenMLJSON, "/3/0", `[{"n":"/` + strings.Repeat("3", 99) + `","v":1}]`, ErrMalformed, `name "/` + strings.Repeat("3", 28) + `..." is no path`},
		{SenMLJSON, "/3/0", `[{"n":"/4/0/9","v":1}]`, ErrPath, "SenML JSON, /4/0/9: not below /3/0"},
		{SenMLJSON, "/3", `[{"n":"/3/0","v":1}]`, ErrPath, "SenML JSON, /3/0: not the path of a resource"},
		{SenMLJSON, "/", `[{"n":"/","v":1}]`, ErrPath, "SenML JSON, /: not the path of a resource"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/9"}]`, ErrMalformed, "SenML JSON, /3/0/9: no value"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/6/0","v":null}]`, ErrMalformed, "SenML JSON, /3/0/6/0: null needs SenML-ETCH"},
		{SenMLETCHJSON, "/", `[{"n":"/3/0/9","v":null}]`, ErrPath, "SenML-ETCH JSON, /3/0/9: null removes only resource instances"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/9","v":1.5}]`, ErrType, "SenML JSON, /3/0/9: number 1.5, want Integer"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/9","v":9223372036854775808}]`, ErrType, "number 9.223372036854776e+18, want Integer"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/10","v":-1}]`, ErrType, "SenML JSON, /3/0/10: number -1, want Unsigned Integer"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/9","vs":"1"}]`, ErrType, "SenML JSON, /3/0/9: string, want Integer"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/0","v":1}]`, ErrType, "SenML JSON, /3/0/0: number 1, want String"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/21","v":1}]`, ErrType, "SenML JSON, /3/0/21: number 1, want Boolean"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/22","vs":"AA"}]`, ErrType, "SenML JSON, /3/0/22: string, want Opaque"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/22","vd":"A"}]`, ErrType, "SenML JSON, /3/0/22: invalid Base64"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/23","vlo":"66"}]`, ErrType, `SenML JSON, /3/0/23: "66" is not Objlnk`},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/23","vs":"66"}]`, ErrType, `SenML JSON, /3/0/23: "66" is not Objlnk`},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/6","v":1}]`, ErrType, "a single value for a multiple-instance resource"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/9","v":1,"t":1e11}]`, ErrMalformed, "SenML JSON, /3/0/9: time is out of range"},
		{SenMLJSON, "/3/0", `[{"n":"/3/0/9","v":1,"bt":1e308,"t":1e308}]`, ErrMalformed, "time is out of range"},
		{SenMLCBOR, "/3/0", "81a200662f332f302f3903", ErrMalformed, "SenML CBOR, offset 11: end of payload, want text string"},
		{JSON, "/3/0", `{"e":[{"n":"9","sv":"1"}]}`, ErrType, "JSON, /3/0/9: string, want Integer"},
		{JSON, "/3/0", `{"bn":"/4/0/","e":[{"n":"9","v":1}]}`, ErrPath, "JSON, /4/0/9: not below /3/0"},
		{JSON, "/3/0", `{"e":[{"n":"x","v":1}]}`, ErrMalformed, `JSON, offset 6: name "x" is no path`},

		{CBOR, "/3/0/9", "", ErrMalformed, "CBOR, offset 0: unexpected end"},
		{CBOR, "/3/0/9", "0101", ErrMalformed, "CBOR, offset 1: 1 bytes after the end"},
		{CBOR, "/3/0/9", "6131", ErrType, "CBOR, /3/0/9: text string, want number"},
		{CBOR, "/3/0/9", "f93e00", ErrType, "CBOR, /3/0/9: number 1.5, want Integer"},
		{CBOR, "/3/0/10", "20", ErrType, "CBOR, /3/0/10: number -1, want Unsigned Integer"},
		{CBOR, "/3/0/13", "c06131", ErrType, "CBOR, /3/0/13: text that is no date of RFC 3339, want Time"},
		{CBOR, "/3/0/13", "c001", ErrType, "CBOR, /3/0/13: unsigned integer, want text string"},
		{CBOR, "/3/0/21", "01", ErrType, "CBOR, /3/0/21: unsigned integer, want boolean"},
		{CBOR, "/3/0/22", "6131", ErrType, "CBOR, /3/0/22: text string, want byte string"},
		{CBOR, "/3/0/23", "6131", ErrType, `CBOR, /3/0/23: "1" is not Objlnk`},
		{CBOR, "/3/0/23", "01", ErrType, "CBOR, /3/0/23: unsigned integer, want text string"},
		{CBOR, "/3/0/99", "f6", ErrType, "CBOR, /3/0/99: null is no value of a resource"},
		{CBOR, "/3/0/99", "3bffffffffffffffff", ErrType, "integer -1-18446744073709551615 is out of range"},
		{CBOR, "/3/0/6", "01", ErrUnsupported, "CBOR: /3/0/6 is not a single value"},

		{Opaque, "/3/0/9", "01", ErrUnsupported, "opaque: /3/0/9 is Integer, not Opaque"},
		{Opaque, "/3/0/6", "01", ErrUnsupported, "opaque: /3/0/6 is not a single value"},
		{Text, "/3/0/9/0", "1", ErrType, "a resource instance of a single-instance resource"},
	} {
		base, err := model.ParsePath(c.base)
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := Decode(c.f, base, payloadOf(t, c.f, c.payload), deviceTypes)
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || nodes != nil {
			t.Errorf("%v %s %s: %v\nwant %s", c.f, c.base, c.payload, err, c.text)
		}
	}
}

func TestTextErrors(t *testing.T) {
	for kind, texts := range map[model.Kind][]string{
		model.String:   {"\xff"},
		model.Integer:  {"", "abc", " 1", "1 ", "+1", "1.0", "1e3", "0x1", "1_0", "9223372036854775808", "-"},
		model.Unsigned: {"", "-1", "+1", "18446744073709551616", "1.0"},
		model.Time:     {"", "2013-05-02", "1.5", "+1"},
		model.Float:    {"", "NaN", "Inf", "-Infinity", "0x1p-2", "1e999", "+1", "1,5", " 1", ".", "1e", "--1"},
		model.Boolean:  {"", "true", "2", "01", "0 "},
		model.Opaque:   {"A", "AB=", "AAAA====", "=", "A=AA", "AA\nAA", "-_+/", "AB", "AA==\n"},
		model.Objlnk:   {"", "66", ":", "66:", ":0", "65536:0", "+1:0", "1:-1", "1:2:3", "ffff:FFFF"},
		model.None:     {""},
	} {
		for _, text := range texts {
			if v, err := parseText(kind, []byte(text)); err == nil {
				t.Errorf("%q is %v %v", text, kind, v)
			}
		}
	}
}

func TestTextLenient(t *testing.T) {
	for text, want := range map[string]model.Value{
		"-_8":       model.OpaqueValue([]byte{0xfb, 0xff}),
		"+/8=":      model.OpaqueValue([]byte{0xfb, 0xff}),
		"-_8=":      model.OpaqueValue([]byte{0xfb, 0xff}),
		"":          model.OpaqueValue(nil),
		"FFFF:FFFF": model.LinkValue(model.NullLink),
		"-0012":     model.IntegerValue(-12),
		"1E3":       model.FloatValue(1000),
		"-.5":       model.FloatValue(-0.5),
	} {
		if got, err := parseText(want.Kind(), []byte(text)); err != nil || got != want {
			t.Errorf("%q: %v %v, want %v", text, got, err, want)
		}
	}
}

// Without a type, the wire decides; executable Resources have none either.
func TestNaturalTypes(t *testing.T) {
	for _, c := range []struct {
		f       ContentFormat
		payload string
		want    model.Value
	}{
		{Text, "12", model.StringValue("12")},
		{Opaque, "12", model.OpaqueValue([]byte{0x12})},
		{TLV, "c16312", model.OpaqueValue([]byte{0x12})},
		{CBOR, "12", model.IntegerValue(0x12)},
		{CBOR, "20", model.IntegerValue(-1)},
		{CBOR, "1bffffffffffffffff", model.UnsignedValue(1<<64 - 1)},
		{CBOR, "f93e00", model.FloatValue(1.5)},
		{CBOR, "c482200f", model.FloatValue(1.5)},
		{CBOR, "c101", model.UnixValue(1)},
		{CBOR, "f5", model.BooleanValue(true)},
		{CBOR, "4101", model.OpaqueValue([]byte{1})},
		{CBOR, "6131", model.StringValue("1")},
		{SenMLJSON, `[{"n":"/3/0/99","v":1}]`, model.IntegerValue(1)},
		{SenMLJSON, `[{"n":"/3/0/99","v":18446744073709551615}]`, model.UnsignedValue(1<<64 - 1)},
		{SenMLJSON, `[{"n":"/3/0/99","v":1.5}]`, model.FloatValue(1.5)},
		{SenMLJSON, `[{"n":"/3/0/99","vs":"1"}]`, model.StringValue("1")},
		{SenMLJSON, `[{"n":"/3/0/99","vb":true}]`, model.BooleanValue(true)},
		{SenMLJSON, `[{"n":"/3/0/99","vd":"AQ"}]`, model.OpaqueValue([]byte{1})},
		{SenMLJSON, `[{"n":"/3/0/99","vlo":"1:2"}]`, model.LinkValue(model.ObjectLink{Object: 1, Instance: 2})},
		{JSON, `{"bn":"/3/0/99/","e":[{"n":"","v":1}]}`, model.IntegerValue(1)},
	} {
		p := model.PathOf(3, 0, 99)
		for _, types := range []Types{nil, deviceTypes, oneType{}} {
			got, err := Decode(c.f, p, payloadOf(t, c.f, c.payload), types)
			if err != nil || !slices.Equal(got, []Node{{Path: p, Value: c.want}}) {
				t.Errorf("%v %s: %v %v, want %v %v", c.f, c.payload, got, err, c.want.Kind(), c.want)
			}
		}
	}
}

// Read of a Resource Instance is answered bare, but wrapped is understood too.
func TestResourceInstanceTLV(t *testing.T) {
	p := model.PathOf(3, 0, 6, 1)
	want := []Node{{Path: p, Value: model.IntegerValue(5)}}
	for _, payload := range []string{"410105", "8306410105", "c10105"} {
		if got, err := Decode(TLV, p, payloadOf(t, TLV, payload), deviceTypes); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v %v", payload, got, err)
		}
	}
}

// Links come as strings from some servers.
func TestLinkAsString(t *testing.T) {
	p := model.PathOf(3, 0, 23)
	want := []Node{{Path: p, Value: model.LinkValue(model.ObjectLink{Object: 66, Instance: 1})}}
	for f, payload := range map[ContentFormat]string{
		SenMLJSON: `[{"bn":"/3/0/23","vs":"66:1"}]`, JSON: `{"bn":"/3/0/23","e":[{"sv":"66:1"}]}`,
		SenMLCBOR: "81a2036436363a31" + "21672f332f302f3233",
	} {
		if got, err := Decode(f, p, payloadOf(t, f, payload), deviceTypes); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: %v %v", f, got, err)
		}
	}
}

func TestTooManyNodes(t *testing.T) {
	payload := []byte(strings.Repeat("\xc0\x00", MaxNodes))
	if nodes, err := Decode(TLV, model.PathOf(3, 0), payload, nil); err != nil || len(nodes) != MaxNodes {
		t.Errorf("%d %v", len(nodes), err)
	}
	payload = append(payload, 0xc0, 0)
	if _, err := Decode(TLV, model.PathOf(3, 0), payload, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("%v", err)
	}
	pack := append(cbor.AppendArray(nil, MaxNodes+1), strings.Repeat("\xa0", MaxNodes+1)...)
	if _, err := DecodePaths(SenMLCBOR, pack); !errors.Is(err, ErrMalformed) {
		t.Errorf("%v", err)
	}
}

func TestDecodeCreate(t *testing.T) {
	name := model.StringValue("U")
	for _, c := range []struct {
		f       ContentFormat
		payload string
		id      uint16
		known   bool
		nodes   []Node
	}{
		{TLV, "", 0, false, nil},
		{TLV, "c10055", 0, false, []Node{{Path: model.PathOf(3, 0, 0), Value: name}}},
		{TLV, "0305c10055", 5, true, []Node{{Path: model.PathOf(3, 5, 0), Value: name}}},
		{TLV, "0005", 5, true, nil},
		{SenMLJSON, `[]`, 0, false, nil},
		{SenMLJSON, `[{"bn":"/3/5/","n":"0","vs":"U"}]`, 5, true, []Node{{Path: model.PathOf(3, 5, 0), Value: name}}},
		{SenMLCBOR, "81a200662f332f352f30036155", 5, true, []Node{{Path: model.PathOf(3, 5, 0), Value: name}}},
		{JSON, `{"e":[{"n":"5/0","sv":"U"}]}`, 5, true, []Node{{Path: model.PathOf(3, 5, 0), Value: name}}},
	} {
		id, known, nodes, err := DecodeCreate(c.f, model.PathOf(3), payloadOf(t, c.f, c.payload), deviceTypes)
		if err != nil || id != c.id || known != c.known || !slices.Equal(nodes, c.nodes) {
			t.Errorf("%v %s: %d %t %v %v", c.f, c.payload, id, known, nodes, err)
		}
	}
	for _, c := range []struct {
		f             ContentFormat
		base, payload string
		want          error
	}{
		{TLV, "/3", "00050006", ErrPath},
		{TLV, "/3", "c100550305c10055", ErrMalformed},
		{TLV, "/3", "c2", ErrMalformed},
		{TLV, "/3/0", "0005", ErrPath},
		{SenMLJSON, "/3", `[{"n":"/3/5/0","vs":"U"},{"n":"/3/6/0","vs":"U"}]`, ErrPath},
		{SenMLJSON, "/3", `[{"n":"/4/5/0","vs":"U"}]`, ErrPath},
		{Text, "/3", "U", ErrUnsupported},
	} {
		base, _ := model.ParsePath(c.base)
		if _, _, _, err := DecodeCreate(c.f, base, payloadOf(t, c.f, c.payload), deviceTypes); !errors.Is(err, c.want) {
			t.Errorf("%v %s: %v", c.f, c.payload, err)
		}
	}
}
