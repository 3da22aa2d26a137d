package link

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseURI(t *testing.T) {
	for _, test := range []struct {
		uri  string
		want Target
		back string // what String gives, if not uri
	}{
		{"coap://leshan.example.com", Target{Scheme: "coap", Host: "leshan.example.com", Port: 5683}, ""},
		{"coaps://leshan.example.com", Target{Scheme: "coaps", Host: "leshan.example.com", Port: 5684}, ""},
		{"coap+tcp://h", Target{Scheme: "coap+tcp", Host: "h", Port: 5683}, ""},
		{"coaps+tcp://h", Target{Scheme: "coaps+tcp", Host: "h", Port: 5684}, ""},
		{"coap://192.0.2.1:1", Target{Scheme: "coap", Host: "192.0.2.1", Port: 1}, ""},
		{"coap://[2001:db8::1]", Target{Scheme: "coap", Host: "2001:db8::1", Port: 5683}, ""},
		{"coaps://[2001:db8::1]:65535", Target{Scheme: "coaps", Host: "2001:db8::1", Port: 65535}, ""},
		{"coap://[fe80::1%25eth0]", Target{Scheme: "coap", Host: "fe80::1%eth0", Port: 5683}, ""},
		{"coap://[fe80::1%25eth0]:99", Target{Scheme: "coap", Host: "fe80::1%eth0", Port: 99}, ""},
		{"COAP://Host.Example:5683", Target{Scheme: "coap", Host: "host.example", Port: 5683}, "coap://host.example"},
		{"coap://h/", Target{Scheme: "coap", Host: "h", Port: 5683}, "coap://h"},
		{"coap://h:5684/some/path", Target{Scheme: "coap", Host: "h", Port: 5684}, "coap://h:5684"},
		{"coap://h:", Target{Scheme: "coap", Host: "h", Port: 5683}, "coap://h"},
		{"coap://my_server.local", Target{Scheme: "coap", Host: "my_server.local", Port: 5683}, ""},
	} {
		got, err := ParseURI(test.uri)
		if err != nil || got != test.want {
			t.Errorf("ParseURI(%q) = %+v, %v; want %+v", test.uri, got, err, test.want)
		}
		back := test.back
		if back == "" {
			back = test.uri
		}
		if want := strings.HasPrefix(got.Scheme, "coaps"); got.Secure() != want {
			t.Errorf("%s: Secure() = %v, want %v", got, got.Secure(), want)
		}
		if got.String() != back {
			t.Errorf("String() = %q, want %q", got, back)
		}
	}
}

func TestParseURIErrors(t *testing.T) {
	for uri, say := range map[string]string{
		"":                                    "want coap://HOST",
		"leshan.example.com":                  "want coap://HOST",
		"leshan.example.com:568":              "want coap://HOST",
		"http://h":                            `unknown scheme "http"`,
		"coap:":                               "host is missing",
		"coap://":                             "host is missing",
		"coap://:5683":                        "host is missing",
		"coap://h:0":                          "port 0 is not between",
		"coap://h:65536":                      "port 65536 is not between",
		"coap://h:x":                          "invalid port",
		"coap://2001:db8::1":                  "needs brackets",
		"coap://[192.0.2.1]":                  "IP",
		"coap://[2001:db8::1":                 "missing ']'",
		"coap://user@h":                       "user information",
		"coap://h?x=1":                        "query",
		"coap://h?":                           "query",
		"coap://h#part":                       "fragment",
		"coap://h#":                           "fragment",
		"coap://a b":                          "invalid character",
		"coap://a%2fb":                        "invalid URL escape",
		"coap://grün.example":                 "host contains",
		"coap://h\x00":                        "invalid control character",
		"coap://" + strings.Repeat("a.", 150): "longer than 253",
	} {
		got, err := ParseURI(uri)
		if !errors.Is(err, ErrURI) || !strings.Contains(err.Error(), say) {
			t.Errorf("ParseURI(%q) = %+v, %v; want an error that says %q", uri, got, err, say)
		}
		if got != (Target{}) {
			t.Errorf("ParseURI(%q) gave %+v with its error", uri, got)
		}
	}
}

func TestTargetRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Target{
			Scheme: rapid.SampledFrom([]string{SchemeUDP, SchemeDTLS, SchemeTCP, SchemeTLS}).Draw(t, "scheme"),
			Host: rapid.OneOf(
				rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]{1,10}){0,3}`),
				rapid.Just("2001:db8::17"), rapid.Just("fe80::1%eth0"),
			).Draw(t, "host"),
			Port: rapid.Uint16Min(1).Draw(t, "port"),
		}
		got, err := ParseURI(want.String())
		if err != nil || got != want {
			t.Fatalf("%q gives %+v, %v; want %+v", want.String(), got, err, want)
		}
	})
}

func FuzzParseURI(f *testing.F) {
	f.Add("coap://h")
	f.Add("coaps://[fe80::1%25eth0]:5684/")
	f.Fuzz(func(t *testing.T, uri string) {
		target, err := ParseURI(uri)
		if err != nil {
			if !errors.Is(err, ErrURI) {
				t.Fatalf("%q: %v does not wrap ErrURI", uri, err)
			}
			return
		}
		if target.Port == 0 || target.Host == "" {
			t.Fatalf("%q gives %+v", uri, target)
		}
		again, err := ParseURI(target.String())
		if err != nil || again != target {
			t.Fatalf("%q gives %+v, whose %q gives %+v, %v", uri, target, target, again, err)
		}
	})
}
