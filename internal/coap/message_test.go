package coap

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// vectors are LwM2M messages over UDP, with what they say.
var vectors = []struct{ name, hex, want string }{
	{"Register", "420212340102b272641128396c776d326d3d312e310d0e65703d75726e3a6465763a6f733a3030323343372d303030303031066c743d33303003623d55ff3c2f312f303e2c3c2f332f303e",
		`CON POST mid=1234 token=0102 Uri-Path=rd Content-Format=40 Uri-Query=lwm2m=1.1 Uri-Query=ep=urn:dev:os:0023C7-000001 Uri-Query=lt=300 Uri-Query=b=U "</1/0>,</3/0>"`},
	{"Created", "6241123401028272640435613366", `ACK 2.01 mid=1234 token=0102 Location-Path=rd Location-Path=5a3f`},
	{"Update", "420212350102b272640435613366", `CON POST mid=1235 token=0102 Uri-Path=rd Uri-Path=5a3f`},
	{"Update lifetime", "420212350102b272640435613366466c743d363030", `CON POST mid=1235 token=0102 Uri-Path=rd Uri-Path=5a3f Uri-Query=lt=600`},
	{"De-register", "420412360102b272640435613366", `CON DELETE mid=1236 token=0102 Uri-Path=rd Uri-Path=5a3f`},
	{"Bootstrap-Request", "420200010102b262734765703d64657631077063743d313132", `CON POST mid=0001 token=0102 Uri-Path=bs Uri-Query=ep=dev1 Uri-Query=pct=112`},
	{"Bootstrap-Pack", "420100010102b662737061636b4765703d64657631222d18", `CON GET mid=0001 token=0102 Uri-Path=bspack Uri-Query=ep=dev1 Accept=11544`},
	{"Bootstrap-Discover", "420100010102d10428", `CON GET mid=0001 token=0102 Accept=40`},
	{"Bootstrap-Finish", "420200010102b26273", `CON POST mid=0001 token=0102 Uri-Path=bs`},
	{"Read", "420100010102b1330130622d16", `CON GET mid=0001 token=0102 Uri-Path=3 Uri-Path=0 Accept=11542`},
	{"Read resource", "420100010102b1330130013060", `CON GET mid=0001 token=0102 Uri-Path=3 Uri-Path=0 Uri-Path=0 Accept=0`},
	{"Content", "624500010102c0ff4f70656e204d6f62696c6520416c6c69616e6365", `ACK 2.05 mid=0001 token=0102 Content-Format=0 "Open Mobile Alliance"`},
	{"Observe", "420100010102605433333033013004353730306170", `CON GET mid=0001 token=0102 Observe=0 Uri-Path=3303 Uri-Path=0 Uri-Path=5700 Accept=112`},
	{"Observed", "6245000101026060ff32322e35", `ACK 2.05 mid=0001 token=0102 Observe=0 Content-Format=0 "22.5"`},
	{"Notify", "524570010102610560ff32332e35", `NON 2.05 mid=7001 token=0102 Observe=5 Content-Format=0 "23.5"`},
	{"Reset", "70007001", `RST Empty mid=7001`},
	{"Write-Attributes", "420300010102b4333330330130043537303046706d696e3d3507706d61783d36300767743d32352e35",
		`CON PUT mid=0001 token=0102 Uri-Path=3303 Uri-Path=0 Uri-Path=5700 Uri-Query=pmin=5 Uri-Query=pmax=60 Uri-Query=gt=25.5`},
	{"Write", "420300010102b1310130013110ff3630", `CON PUT mid=0001 token=0102 Uri-Path=1 Uri-Path=0 Uri-Path=1 Content-Format=0 "60"`},
	{"Execute", "420200010102b13101300138", `CON POST mid=0001 token=0102 Uri-Path=1 Uri-Path=0 Uri-Path=8`},
	{"Execute arguments", "420200010102b533333632390130013210ff303d273c2f33333632392f313e27",
		`CON POST mid=0001 token=0102 Uri-Path=33629 Uri-Path=0 Uri-Path=2 Content-Format=0 "0='</33629/1>'"`},
	{"Discover", "420100010102b1334764657074683d312128", `CON GET mid=0001 token=0102 Uri-Path=3 Uri-Query=depth=1 Accept=40`},
	{"Read-Composite", "420500010102c16e516eff5b7b226e223a222f332f302f30227d2c7b226e223a222f332f302f39227d2c7b226e223a222f312f302f31227d5d",
		`CON FETCH mid=0001 token=0102 Content-Format=110 Accept=110 "[{\"n\":\"/3/0/0\"},{\"n\":\"/3/0/9\"},{\"n\":\"/1/0/1\"}]"`},
	{"Write-Composite", "420700010102c170ff81a200662f312f302f3102183d", `CON iPATCH mid=0001 token=0102 Content-Format=112 "\x81\xa2\x00f/1/0/1\x02\x18="`},
	{"Observe-Composite", "4205000101026061705170ff83a100662f332f302f30a100662f332f302f39a100662f312f302f31",
		`CON FETCH mid=0001 token=0102 Observe=0 Content-Format=112 Accept=112 "\x83\xa1\x00f/3/0/0\xa1\x00f/3/0/9\xa1\x00f/1/0/1"`},
	{"Send", "420200010102b264701170ff81a200662f332f302f3902185f", `CON POST mid=0001 token=0102 Uri-Path=dp Content-Format=112 "\x81\xa2\x00f/3/0/9\x02\x18_"`},
	{"Block1 first", "420300010102b13501300130112ad1020ed2140bb8", `CON PUT mid=0001 token=0102 Uri-Path=5 Uri-Path=0 Uri-Path=0 Content-Format=42 Block1=0/more/1024 Size1=3000`},
	{"Continue", "625f00010102d10e0e", `ACK 2.31 mid=0001 token=0102 Block1=0/more/1024`},
	{"Block1 last", "420300030102b13501300130112ad10226", `CON PUT mid=0003 token=0102 Uri-Path=5 Uri-Path=0 Uri-Path=0 Content-Format=42 Block1=2/last/1024`},
	{"Incomplete", "628800030102d10e26", `ACK 4.08 mid=0003 token=0102 Block1=2/last/1024`},
	{"Empty ACK", "60000001", `ACK Empty mid=0001`},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		b, err := hex.DecodeString(v.hex)
		if err != nil {
			t.Fatal(err)
		}
		var m Message
		if err := m.Parse(b); err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		if got := describe(&m); got != v.want {
			t.Errorf("%s: got\n%s\nwant\n%s", v.name, got, v.want)
		}
		if again, err := m.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: encoded %x (%v), want %s", v.name, again, err, v.hex)
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		hex, reason string
		header      bool
	}{
		{"", "shorter than the 4-byte header", false},
		{"400112", "shorter than the 4-byte header", false},
		{"80011234", "version is not 1", false},
		{"00011234", "version is not 1", false},
		{"490112340102030405060708ff", "token length over 8", true},
		{"4f011234", "token length over 8", true},
		{"4201123401", "token cut short", true},
		{"4000123400", "bytes after the header of an empty message", true},
		{"41001234aa", "bytes after the header of an empty message", true},
		{"60001234ff01", "bytes after the header of an empty message", true},
		{"70011234", "reset message that is not empty", true},
		{"40211234", "reserved code class", true},
		{"40c11234", "reserved code class", true},
		{"40e11234", "reserved code class", true},
		{"40011234ff", "payload marker without payload", true},
		{"40011234b133ff", "payload marker without payload", true},
		{"40011234f0", "option delta or length nibble 15", true},
		{"400112340f", "option delta or length nibble 15", true},
		{"40011234d0", "option header cut short", true},
		{"40011234e001", "option header cut short", true},
		{"400112340d", "option header cut short", true},
		{"400112340e00", "option header cut short", true},
		{"40011234b233", "option value cut short", true},
		{"40011234e0ffff", "option number over 65535", true},
		{"40011234e0fef210", "option number over 65535", true},
	}
	for _, tt := range tests {
		b, _ := hex.DecodeString(tt.hex)
		var m Message
		err := m.Parse(b)
		var format *FormatError
		if !errors.Is(err, ErrFormat) || !errors.As(err, &format) {
			t.Errorf("%s: %v, want a format error", tt.hex, err)
			continue
		}
		if format.Reason != tt.reason || format.HasHeader != tt.header {
			t.Errorf("%s: %q header %v, want %q %v", tt.hex, format.Reason, format.HasHeader, tt.reason, tt.header)
		}
		if tt.header && format.MessageID != 0x1234 {
			t.Errorf("%s: Message-ID %04x", tt.hex, format.MessageID)
		}
	}
}

func TestParseBounds(t *testing.T) {
	var m Message
	b, _ := hex.DecodeString("40011234e0fef2") // option 65535 without value
	if err := m.Parse(b); err != nil || m.Options[0].ID != 65535 {
		t.Fatalf("option 65535: %v %v", m.Options, err)
	}
	long := bytes.Repeat([]byte{7}, maxOptionLength)
	m = Message{Code: GET, Options: Options{{2048, long}}}
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Parse(b); err != nil || !bytes.Equal(m.Options[0].Value, long) {
		t.Fatalf("longest option: %v", err)
	}
}

func TestAppendErrors(t *testing.T) {
	for name, m := range map[string]Message{
		"type":          {Type: 4, Code: GET},
		"class":         {Code: 0xe1},
		"empty token":   {Code: Empty, Token: MakeToken([]byte{1})},
		"empty payload": {Code: Empty, Payload: []byte{1}},
		"reset":         {Type: Reset, Code: GET},
		"order":         {Code: GET, Options: Options{{UriPath, nil}, {ETag, nil}}},
		"long":          {Code: GET, Options: Options{{2048, make([]byte, maxOptionLength+1)}}},
	} {
		b, err := m.Append([]byte("kept"))
		if !errors.Is(err, ErrEncode) || string(b) != "kept" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func drawMessage(t *rapid.T) Message {
	m := Message{
		Type:      Type(rapid.IntRange(0, 2).Draw(t, "type")),
		Code:      Code(rapid.SampledFrom([]Code{GET, POST, FETCH, 31, Created, Content, BadRequest, 3 << 5}).Draw(t, "code")),
		MessageID: rapid.Uint16().Draw(t, "mid"),
		Token:     MakeToken(rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "token")),
	}
	for range rapid.IntRange(0, 5).Draw(t, "options") {
		id := rapid.OneOf(rapid.Uint16Range(0, 40), rapid.Uint16()).Draw(t, "id")
		length := rapid.SampledFrom([]int{0, 1, 12, 13, 268, 269, 400}).Draw(t, "length")
		m.Options.Add(OptionID(id), bytes.Repeat([]byte{byte(id)}, length))
	}
	if body := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "payload"); len(body) > 0 {
		m.Payload = body
	}
	return m
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		var got Message
		if err := got.Parse(b); err != nil {
			t.Fatal(err)
		}
		if describe(&got) != describe(&m) || !bytes.Equal(got.Payload, m.Payload) {
			t.Fatalf("got %s, want %s", describe(&got), describe(&m))
		}
		if len(b) > m.overhead()+len(m.Payload) {
			t.Fatalf("%d bytes, overhead says %d", len(b), m.overhead()+len(m.Payload))
		}
	})
}

func TestParseReuses(t *testing.T) {
	b, _ := hex.DecodeString(vectors[0].hex)
	var m Message
	buffer := make([]byte, 0, 200)
	if n := testing.AllocsPerRun(100, func() {
		if m.Parse(b) != nil {
			t.Fatal("parse failed")
		}
		buffer, _ = m.Append(buffer[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestToken(t *testing.T) {
	long := MakeToken([]byte("0123456789"))
	if long.Len() != 8 || long.String() != "3031323334353637" {
		t.Errorf("long token %s", long)
	}
	if MakeToken([]byte{0}) == MakeToken([]byte{0, 0}) || MakeToken(nil) != (Token{}) {
		t.Error("tokens of different length are equal")
	}
	if got := MakeToken([]byte{1, 2}).Append([]byte{9}); !reflect.DeepEqual(got, []byte{9, 1, 2}) {
		t.Errorf("appended %x", got)
	}
}

func TestCode(t *testing.T) {
	for code, want := range map[Code]string{
		Empty: "Empty Empty", GET: "GET GET", IPATCH: "iPATCH iPATCH", 12: "0.12 ", Content: "2.05 Content",
		Continue: "2.31 Continue", RequestEntityIncomplete: "4.08 Request Entity Incomplete",
		TooManyRequests: "4.29 Too Many Requests", HopLimitReached: "5.08 Hop Limit Reached", 0xff: "7.31 ",
	} {
		if got := code.String() + " " + code.Name(); got != want {
			t.Errorf("%d: %q, want %q", code, got, want)
		}
	}
	if !IPATCH.IsMethod() || Code(8).IsMethod() || !Code(8).IsRequest() || Empty.IsRequest() ||
		!Content.IsSuccess() || !BadGateway.IsResponse() || Code(6<<5).IsResponse() || Code(1<<5).IsResponse() {
		t.Error("classes of codes")
	}
}
