package linkformat

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Samples of Core 1.0.2 and 1.1.1, of RFC 6690 and of what devices send.
func TestParse(t *testing.T) {
	token := func(name, value string) Param { return Param{Name: name, Value: value, HasValue: true} }
	quoted := func(name, value string) Param {
		return Param{Name: name, Value: value, HasValue: true, Quoted: true}
	}
	for _, c := range []struct {
		payload string
		want    []Link
	}{
		{"", nil},
		{"</1/0>,</5>", []Link{{Target: "/1/0"}, {Target: "/5"}}},
		{"</1>;ver=1.1,</1/0>", []Link{{"/1", []Param{token("ver", "1.1")}}, {Target: "/1/0"}}},
		{`</44/0>;ver="2.2"`, []Link{{"/44/0", []Param{quoted("ver", "2.2")}}}},
		{`</>;rt="oma.lwm2m";ct="110 112 60",</3/0>`,
			[]Link{{"/", []Param{quoted("rt", "oma.lwm2m"), quoted("ct", "110 112 60")}}, {Target: "/3/0"}}},
		{"</3>;pmin=10,</3/0/7>;dim=2;gt=50;lt=42.2,</3/0/8>;obs",
			[]Link{{"/3", []Param{token("pmin", "10")}},
				{"/3/0/7", []Param{token("dim", "2"), token("gt", "50"), token("lt", "42.2")}},
				{"/3/0/8", []Param{{Name: "obs"}}}}},
		{`</0/0>;ssid=101;uri="coaps://server_1.example.com"`,
			[]Link{{"/0/0", []Param{token("ssid", "101"), quoted("uri", "coaps://server_1.example.com")}}}},
		{`<http://www.example.com/sensors/t123?a=1,2;b>;anchor="/sensors/temp";rel="a b",<>;title*=UTF-8''x`,
			[]Link{{"http://www.example.com/sensors/t123?a=1,2;b", []Param{quoted("anchor", "/sensors/temp"), quoted("rel", "a b")}},
				{"", []Param{token("title*", "UTF-8''x")}}}},
		{`</a>;title="a \"b\" \\, ü";x=""`, []Link{{"/a", []Param{quoted("title", `a "b" \, ü`), quoted("x", "")}}}},
	} {
		got, err := Parse([]byte(c.payload))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v %v", c.payload, got, err)
		}
		if again := Append(nil, got); string(again) != c.payload {
			t.Errorf("%s became %s", c.payload, again)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, c := range []struct {
		payload string
		offset  int
		reason  string
	}{
		{"x", 0, `'x', want '<'`},
		{"</3/0", 5, "unexpected end, want '>'"},
		{"</3/0 >", 5, "' ', want '>'"},
		{"<</3>", 1, "'<', want '>'"},
		{"</3>,", 5, "unexpected end, want '<'"},
		{"</3>, </4>", 5, "' ', want '<'"},
		{"</3></4>", 4, "'<', want ','"},
		{"</3>;", 5, "no parameter name"},
		{"</3>;=1", 5, "no parameter name"},
		{"</3>;a=", 7, `no value of parameter "a"`},
		{"</3>;a=,</4>", 7, `no value of parameter "a"`},
		{`</3>;a="b`, 7, "quoted string does not end"},
		{`</3>;a="b\`, 10, "no character after a backslash"},
		{"</3>;a=\"b\n\"", 9, "control character"},
		{`</3>;a="b"c`, 10, "'c', want ','"},
		{"</3>;a=b c", 8, "' ', want ','"},
		{"</3>\x00", 4, `'\x00', want ','`},
		{"</\xff>", 0, "not UTF-8"},
	} {
		_, err := Parse([]byte(c.payload))
		var e *Error
		if !errors.As(err, &e) || e.Offset != c.offset || !strings.Contains(e.Error(), c.reason) {
			t.Errorf("%q: %v, want offset %d: %s", c.payload, err, c.offset, c.reason)
		}
	}
}

func TestTooManyLinks(t *testing.T) {
	if _, err := Parse([]byte(strings.Repeat("<>,", MaxLinks) + "<>")); err == nil || !strings.Contains(err.Error(), "more than 65536 links") {
		t.Error(err)
	}
	if links, err := Parse([]byte(strings.Repeat("<>,", MaxLinks-1) + "<>")); err != nil || len(links) != MaxLinks {
		t.Errorf("%d %v", len(links), err)
	}
}

// Whatever it is given, Append writes links that parse.
func TestAppendRepairs(t *testing.T) {
	links := []Link{{"/a>b c", []Param{
		{Name: "bad name", Value: "x", HasValue: true},
		{Name: ""},
		{Name: "n", Value: "two words", HasValue: true},
		{Name: "c", Value: "a\nb", HasValue: true},
		{Name: "e", Value: "", HasValue: true},
	}}}
	if got, want := string(Append(nil, links)), `</a%3Eb%20c>;n="two words";c="a b";e=""`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestGet(t *testing.T) {
	l := Link{Params: []Param{{Name: "a", Value: "1", HasValue: true}, {Name: "a", Value: "2", HasValue: true}}}
	if p, ok := l.Get("a"); !ok || p.Value != "1" {
		t.Errorf("%+v %t", p, ok)
	}
	if p, ok := l.Get("b"); ok {
		t.Errorf("%+v", p)
	}
}

func TestRoundTrip(t *testing.T) {
	param := rapid.Custom(func(t *rapid.T) Param {
		p := Param{Name: rapid.StringMatching(`[a-z][a-z0-9-]{0,7}\*?`).Draw(t, "name")}
		if p.HasValue = rapid.Bool().Draw(t, "has value"); p.HasValue {
			if p.Quoted = rapid.Bool().Draw(t, "quoted"); p.Quoted {
				p.Value = rapid.StringMatching(`[ -~äß€😀]{0,20}`).Draw(t, "string")
			} else {
				p.Value = rapid.StringMatching(`[!#-+\--:<-\[\]-~]{1,10}`).Draw(t, "token")
			}
		}
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		var links []Link
		for range rapid.IntRange(0, 5).Draw(t, "links") {
			l := Link{Target: rapid.StringMatching(`(/[0-9a-z.?&=;,ü]{0,5}){0,4}`).Draw(t, "target")}
			for range rapid.IntRange(0, 4).Draw(t, "params") {
				l.Params = append(l.Params, param.Draw(t, "param"))
			}
			links = append(links, l)
		}
		payload := Append(nil, links)
		got, err := Parse(payload)
		if err != nil || !reflect.DeepEqual(got, links) {
			t.Fatalf("%s: %+v %v, want %+v", payload, got, err, links)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("</1>;ver=1.1,</1/0>,</3/0/7>;dim=2;gt=50;lt=42.2;obs"))
	f.Add([]byte(`</>;rt="oma.lwm2m";ct="110 112 60",<>;title="a \"b\" \\"`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		links, err := Parse(payload)
		if err != nil {
			return
		}
		once := Append(nil, links)
		again, err := Parse(once)
		if err != nil || !reflect.DeepEqual(again, links) {
			t.Fatalf("%q became %q: %v", payload, once, err)
		}
	})
}

const registration = `</>;rt="oma.lwm2m";ct="60 110 112 11542",</1>;ver=1.1,</1/0>,</3>;ver=1.1,</3/0>,</3303>;ver=1.1,</3303/0>,</3303/1>`

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	payload := []byte(registration)
	for b.Loop() {
		if _, err := Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	links, err := Parse([]byte(registration))
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 256)
	for b.Loop() {
		if got := Append(buf, links); len(got) != len(registration) {
			b.Fatalf("%s", got)
		}
	}
}
