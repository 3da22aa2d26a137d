package senml

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"pgregory.net/rapid"
)

// show writes resolved records in one line: name=value@time, separated by spaces.
func show(records []Record) string {
	var rs Resolver
	var out []string
	for i := range records {
		r := &records[i]
		name, seconds := rs.Resolve(r)
		text := string(name)
		switch v := r.Value; v.Kind {
		case None:
		case Null:
			text += "=null"
		case Number:
			text += "=" + string(appendJSONNumber(nil, v.Number))
		case Bool:
			text += fmt.Sprintf("=%t", v.Bool)
		case Data:
			text += fmt.Sprintf("=x%x", v.Bytes)
			if v.Base64 {
				text = strings.TrimSuffix(text, fmt.Sprintf("x%x", v.Bytes)) + "b" + string(v.Bytes)
			}
		case String:
			text += fmt.Sprintf("=%q", v.Bytes)
		case Link:
			text += "=" + string(v.Bytes)
		}
		if seconds != 0 {
			text += fmt.Sprintf("@%v", seconds)
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func write(t interface{ Fatal(...any) }, s Syntax, records []Record) []byte {
	w := NewWriter(nil, s, len(records))
	for i := range records {
		w.Write(&records[i])
	}
	b, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The samples of Core 1.1.1 §7.4.4 and 1.0.2 §6.4.4, and of the conformance tests.
func TestPacks(t *testing.T) {
	for _, c := range []struct {
		syntax        Syntax
		payload, want string
	}{
		{JSON, `[{"bn":"/72/","bt":25462634,"n":"1/2","v":22.4,"t":-5},{"n":"1/2","v":22.9,"t":-30},{"n":"1/2","v":24.1,"t":-50}]`,
			"/72/1/2=22.4@2.5462629e+07 /72/1/2=22.9@2.5462604e+07 /72/1/2=24.1@2.5462584e+07"},
		{JSON, `[{"bn":"/3/0/0","vs":"Open Mobile Alliance"}]`, `/3/0/0="Open Mobile Alliance"`},
		{JSON, `[{"n":"/3/0/0"},{"n":"/3/0/9"},{"n":"/1/0/1"}]`, "/3/0/0 /3/0/9 /1/0/1"},
		{JSON, `[{"bn":"/4/0/","n":"0"},{"n":"1"},{"n":"2"},{"bn":"/6/","n":"0"}]`, "/4/0/0 /4/0/1 /4/0/2 /6/0"},
		{JSON, `[{"bn":"/","n":"1/0/2","v":101},{"n":"1/0/6","vb":true},{"n":"3/0/13","v":0}]`, "/1/0/2=101 /1/0/6=true /3/0/13=0"},
		{JSON, `[{"n":"/34/0/1/0","v":null}]`, "/34/0/1/0=null"},
		{JSON, `[{"n":"/0/1/5","vd":"AQIDBAU"}]`, "/0/1/5=bAQIDBAU"},
		{JSON, `[{"n":"/65/0/0/0","vlo":"66:0"}]`, "/65/0/0/0=66:0"},
		{JSON, `[]`, ""},
		{JSON, `[{"n":"/1/0/1","v":9007199254740993},{"n":"/1/0/2","v":18446744073709551615},{"n":"/1/0/3","v":-9223372036854775808}]`,
			"/1/0/1=9007199254740993 /1/0/2=18446744073709551615 /1/0/3=-9223372036854775808"},
		{CBOR, "84a321612f0065312f302f32021865a20065312f302f3604f5a20066332f302f31330200" + "a10060", "/1/0/2=101 /1/0/6=true /3/0/13=0 /"},
		{CBOR, "81a200692f33342f302f312f3002f6", "/34/0/1/0=null"},
		{CBOR, "81a200662f302f312f3508450102030405", "/0/1/5=x0102030405"},
		{CBOR, "81a321662f36352f302f0063302f3063766c6f6436363a30", "/65/0/0/0=66:0"},
		{CBOR, "83a521642f37322f221a0184876a0063312f3202fb40366666666666660624a30063312f3202fb4036e6666666666606381da30063312f3202fb403819999999999a063831",
			"/72/1/2=22.4@2.5462629e+07 /72/1/2=22.9@2.5462604e+07 /72/1/2=24.1@2.5462584e+07"},
		{CBOR, "80", ""},
		{OMA10, `{"bn":"/3/0/","e":[{"n":"0","sv":"Open Mobile Alliance"},{"n":"9","v":100},{"n":"21","bv":true},{"n":"22","ov":"66:0"}]}`,
			`/3/0/0="Open Mobile Alliance" /3/0/9=100 /3/0/21=true /3/0/22=66:0`},
		{OMA10, `{"bn":"/72/","bt":25462634,"e":[{"n":"1/2","v":22.4,"t":-5}]}`, "/72/1/2=22.4@2.5462629e+07"},
		{OMA10, `{"e":[]}`, ""},
	} {
		payload := []byte(c.payload)
		if c.syntax == CBOR {
			payload, _ = hex.DecodeString(c.payload)
		}
		records, err := Decode(nil, c.syntax, payload)
		if err != nil || show(records) != c.want {
			t.Errorf("%v %s:\n%s %v, want\n%s", c.syntax, c.payload, show(records), err, c.want)
		}
		if got := write(t, c.syntax, records); string(got) != string(payload) {
			t.Errorf("%v written again:\n%s\n%x, want\n%s", c.syntax, got, got, c.payload)
		}
	}
}

// What is legal, but not what the writer would write.
func TestLenient(t *testing.T) {
	for _, c := range []struct {
		syntax        Syntax
		payload, want string
	}{
		{JSON, " [ { \"v\" : 1.0e2 , \"n\" : \"\\u002f3\\/0\" } ] \n", "/3/0=100"},
		{JSON, `[{"n":"/1","vs":"\"\\\b\f\n\r\té\ud83d\ude00"}]`, `/1="\"\\\b\f\n\r\té😀"`},
		{JSON, `[{"n":"/1","u":"Cel","bu":"m","bver":10,"s":1,"x":[1,{"a":[null,true,false,"b"]}],"bs":3,"ut":4}]`, "/1"},
		{JSON, `[{"n":"/1","v":123456789012345678901234567890}]`, "/1=1.2345678901234568e+29"},
		{CBOR, "9fbf00622f3102f93c00ffff", "/1=1"},
		{CBOR, "81a202c48221186400622f31", "/1=1"},
		{CBOR, "81a400622f31016343656c6178817f6161ff" + "20" + "0a", "/1"},
		{CBOR, "81a21bffffffffffffffff0000622f31", "/1"},
		{OMA10, `{"e":[{"n":"0","v":1}],"bn":"/3/0/","x":1}`, "/3/0/0=1"},
	} {
		payload := []byte(c.payload)
		if c.syntax == CBOR {
			payload, _ = hex.DecodeString(c.payload)
		}
		records, err := Decode(nil, c.syntax, payload)
		if err != nil || show(records) != c.want {
			t.Errorf("%v %s:\n%s %v, want\n%s", c.syntax, c.payload, show(records), err, c.want)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, c := range []struct {
		syntax          Syntax
		payload, reason string
	}{
		{JSON, ``, "offset 0: unexpected end, want '['"},
		{JSON, `{}`, "offset 0: '{', want '['"},
		{JSON, `[{}`, "offset 3: unexpected end, want ',' or ']'"},
		{JSON, `[{},]`, "offset 4: ']', want '{'"},
		{JSON, `[{"n":"/1",}]`, `offset 11: '}', want '"'`},
		{JSON, `[{}]x`, "offset 4: 1 bytes after the end"},
		{JSON, `[{"n":"/1","n":"/2"}]`, `offset 11: label "n" occurs twice`},
		{JSON, `[{"n":"/1","u":"m","u":"m"}]`, `label "u" occurs twice`},
		{JSON, `[{"v":1,"vs":"a"}]`, `a second value, "vs"`},
		{JSON, `[{"n":"/1","xyz_":1}]`, `label "xyz_" must be understood`},
		{JSON, `[{"bver":11}]`, "version above 10"},
		{JSON, `[{"bv":1}]`, "offset 7: base values are not supported"},
		{CBOR, "81a12401", "offset 3: base values are not supported"},
		{CBOR, "81a263766c6f6063766c6f60", `a second value, "vlo"`},
		{JSON, `[{"n":1}]`, `'1', want '"'`},
		{JSON, `[{"v":"1"}]`, "want a number"},
		{JSON, `[{"v":01}]`, "want ',' or '}'"},
		{JSON, `[{"v":1.}]`, "want a digit"},
		{JSON, `[{"v":1e}]`, "want a digit"},
		{JSON, `[{"v":1e999}]`, "number is out of range"},
		{JSON, `[{"v":NaN}]`, "want a number"},
		{JSON, `[{"vb":1}]`, "want false"},
		{JSON, `[{"vb":nul}]`, "want null"},
		{JSON, `[{"vs":"a}]`, "string does not end"},
		{JSON, `[{"vs":"\n}]`, "string does not end"},
		{JSON, `[{"vs":"\`, "string does not end"},
		{JSON, `[{"vs":"\x"}]`, "invalid escape"},
		{JSON, `[{"vs":"\ud800"}]`, "invalid \\u escape"},
		{JSON, `[{"vs":"\u12g4"}]`, "invalid \\u escape"},
		{JSON, "[{\"vs\":\"\n\"}]", "control character"},
		{JSON, "[{\"vs\":\"\\n\n\"}]", "control character"},
		{JSON, "[{\"vs\":\"\xff\"}]", "not UTF-8"},
		{JSON, "[{\"vs\":\"\\n\xff\"}]", "not UTF-8"},
		{JSON, `[{"x":` + strings.Repeat("[", 20), "nested deeper than 16"},
		{JSON, `[{"x":{"a" 1}}]`, "want ':'"},
		{JSON, `[{"x":{1:1}}]`, `want '"'`},
		{CBOR, "", "offset 0: end of payload, want array"},
		{CBOR, "a0", "offset 0: map, want array"},
		{CBOR, "8180", "offset 1: array, want map"},
		{CBOR, "8000", "offset 1: 1 bytes after the end"},
		{CBOR, "81a10061", "offset 3: length 1, but 0 bytes left"},
		{CBOR, "81a200600060", "label 0 occurs twice"},
		{CBOR, "81a202010360", "a second value, 3"},
		{CBOR, "81a163785f5f00", `label "x__" must be understood`},
		{CBOR, "81a1f400", "boolean as a label"},
		{CBOR, "81a16103", "offset 4: unexpected end"},
		{CBOR, "81a1200b", "version above 10"},
		{CBOR, "81a106f97e00", "time is not finite"},
		{CBOR, "81a10201" + "f6", "after the end"},
		{CBOR, "9a00ffffff", "but 0 bytes left"},
		{OMA10, `[]`, "want '{'"},
		{OMA10, `{}`, `no "e"`},
		{OMA10, `{"e":[],"e":[]}`, "occurs twice"},
		{OMA10, `{"e":{}}`, "want '['"},
		{OMA10, `{"e":[{"v":1,"bv":true}]}`, "a second value"},
		{OMA10, `{"e":[]}]`, "after the end"},
		{OMA10, `{"e":[],}`, `want '"'`},
	} {
		payload := []byte(c.payload)
		if c.syntax == CBOR {
			payload, _ = hex.DecodeString(c.payload)
		}
		_, err := Decode(nil, c.syntax, payload)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), c.reason) {
			t.Errorf("%v %s: %v, want %s", c.syntax, c.payload, err, c.reason)
		}
	}
}

func TestTooManyRecords(t *testing.T) {
	json := "[" + strings.Repeat("{},", MaxRecords) + "{}]"
	cborPack := append(cbor.AppendArray(nil, MaxRecords+1), strings.Repeat("\xa0", MaxRecords+1)...)
	for s, payload := range map[Syntax][]byte{JSON: []byte(json), CBOR: cborPack, OMA10: []byte(`{"e":` + json + `}`)} {
		if _, err := Decode(nil, s, payload); err == nil || !strings.Contains(err.Error(), "more than 65536 records") {
			t.Errorf("%v: %v", s, err)
		}
	}
}

func TestWriterErrors(t *testing.T) {
	inf := Record{Value: Value{Kind: Number, Number: cbor.FloatNumber(math.Inf(1))}}
	base := Record{BaseName: []byte("/3/")}
	for _, c := range []struct {
		syntax  Syntax
		records []Record
		want    error
	}{
		{JSON, []Record{inf}, ErrNumber},
		{CBOR, []Record{{Time: inf.Value.Number.Float()}}, ErrNumber},
		{OMA10, []Record{base, base}, ErrBase},
		{99, nil, ErrSyntax},
	} {
		w := NewWriter(nil, c.syntax, len(c.records))
		for i := range c.records {
			w.Write(&c.records[i])
		}
		if _, err := w.Finish(); !errors.Is(err, c.want) {
			t.Errorf("%v: %v, want %v", c.syntax, err, c.want)
		}
	}
	if _, err := Decode(nil, 99, nil); !errors.Is(err, ErrSyntax) {
		t.Error(err)
	}
	w := NewWriter(nil, CBOR, 1)
	w.Write(&inf) // has a place in CBOR
	if got, err := w.Finish(); err != nil || hex.EncodeToString(got) != "81a102f97c00" {
		t.Errorf("%x %v", got, err)
	}
}

// drawRecord draws a record that says the same in every syntax.
func drawRecord(t *rapid.T, s Syntax, first bool) Record {
	text := func(name string) []byte { return []byte(rapid.String().Draw(t, name)) }
	r := Record{Name: text("name")}
	if (s != OMA10 || first) && rapid.Bool().Draw(t, "based") {
		r.BaseName = text("base name")
		r.HasBaseTime, r.BaseTime = true, float64(rapid.Int32().Draw(t, "base time"))
	}
	if rapid.Bool().Draw(t, "timed") {
		r.HasTime, r.Time = true, rapid.Float64().Draw(t, "time")
	}
	r.Value.Kind = Kind(rapid.IntRange(0, int(kinds)-1).Draw(t, "kind"))
	switch r.Value.Kind {
	case Number:
		r.Value.Number = rapid.OneOf(
			rapid.Map(rapid.Int64(), cbor.IntNumber),
			rapid.Map(rapid.Uint64(), cbor.UintNumber),
			rapid.Map(rapid.Float64(), cbor.FloatNumber),
		).Draw(t, "number")
	case Bool:
		r.Value.Bool = rapid.Bool().Draw(t, "bool")
	case String, Link:
		r.Value.Bytes = text("text")
	case Data:
		r.Value.Bytes = rapid.SliceOf(rapid.Byte()).Draw(t, "data")
	}
	return r
}

// What is written reads back the same, and writing that gives the same bytes.
func TestRoundTrip(t *testing.T) {
	for s := range syntaxes {
		rapid.Check(t, func(t *rapid.T) {
			records := make([]Record, rapid.IntRange(0, 5).Draw(t, "records"))
			for i := range records {
				records[i] = drawRecord(t, s, i == 0)
			}
			payload := write(t, s, records)
			got, err := Decode(nil, s, payload)
			if err != nil || len(got) != len(records) {
				t.Fatalf("%s: %v", payload, err)
			}
			if again := write(t, s, got); !slices.Equal(again, payload) {
				t.Fatalf("%v %s became %s", s, payload, again)
			}
			for i := range got {
				compare(t, s, records[i], got[i])
			}
		})
	}
}

func compare(t *rapid.T, s Syntax, want, got Record) {
	if s != CBOR && want.Value.Kind == Data || want.Value.Kind == Number {
		if s != OMA10 && got.Value.Kind != want.Value.Kind || got.Value.Number.Float() != want.Value.Number.Float() {
			t.Fatalf("%+v became %+v", want.Value, got.Value)
		}
		want.Value, got.Value = Value{}, Value{} // how it is written differs
	}
	if len(want.Value.Bytes) == 0 {
		want.Value.Bytes, got.Value.Bytes = nil, nil
	}
	got.Offset = 0
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("%+v became %+v", want, got)
	}
}

func TestNames(t *testing.T) {
	if CBOR.String() != "SenML CBOR" || Syntax(9).String() != "Syntax(9)" || Link.String() != "object link" || Kind(9).String() != "Kind(9)" {
		t.Errorf("%v %v %v %v", CBOR, Syntax(9), Link, Kind(9))
	}
}
