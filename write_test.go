package lwm2m_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// TestETS205SetPlainText writes values of the Server Object and reads them back, as
// the cases 205 and 212 of the conformance tests do.
func TestETS205SetPlainText(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.play(
			exchange{put("/1/0/2", text, "101"), model.Changed, none, ""},
			exchange{put("/1/0/3", text, "1010"), model.Changed, none, ""},
			exchange{put("/1/0/5", text, "2000"), model.Changed, none, ""},
			exchange{get("/1/0/2", text), model.Content, text, "101"},
			exchange{get("/1/0/3", text), model.Content, text, "1010"},
			exchange{get("/1/0/5", text), model.Content, text, "2000"},
			exchange{put("/1/0/2", server.CBOR, "\x01"), model.Changed, none, ""},
			exchange{put("/1/0/6", server.CBOR, "\xf4"), model.Changed, none, ""},
			exchange{get("/1/0/6", server.CBOR), model.Content, server.CBOR, "\xf4"},
			// A payload without a format is text.
			exchange{put("/1/0/2", none, "7"), model.Changed, none, ""},
			exchange{get("/1/0/2", none), model.Content, text, "7"},
		)
	})
}

func TestETS215SetTLV(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.play(
			exchange{post("/1/0", server.TLV, octets("c10265c20303f2c20507d0c10601c10755")), model.Changed, none, ""},
			exchange{get("/1/0/2", none), model.Content, text, "101"},
			exchange{get("/1/0/3", none), model.Content, text, "1010"},
			exchange{get("/1/0/5", none), model.Content, text, "2000"},
			exchange{get("/1/0/1", none), model.Content, text, "86400"},
		)
	})
}

func TestETS651SetDeviceTLV(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.play(exchange{post("/3/0", server.TLV, octets("c40d5182428fc60e2b30323a3030c80f0c4575726f70652f5061726973")), model.Changed, none, ""})
		if v, _ := f.device.CurrentTime.Get(); v.Unix() != 0x5182428f {
			t.Errorf("time %v", v)
		}
		if v, _ := f.device.UTCOffset.Get(); v != "+02:00" {
			t.Errorf("offset %q", v)
		}
		if v, _ := f.device.Timezone.Get(); v != "Europe/Paris" {
			t.Errorf("zone %q", v)
		}
	})
}

func TestETS256WriteFailure(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.play(
			exchange{put("/1/0/0", text, "123"), model.MethodNotAllowed, none, "/1/0/0: read-only"},
			exchange{get("/1/0/0", none), model.Content, text, "1"},
		)
	})
}

// Every type of value, in every format that carries it.
func TestWriteTypes(t *testing.T) {
	blank := func(config *lwm2m.Config, _ *fixture) {
		config.Objects = append(config.Objects, lwm2m.NewInstance(testDefinition(), 0))
	}
	start(t, blank, func(f *fixture) {
		in := f.client.Instances(testObject)[0]
		for _, c := range []struct{ resource, text, cbor, tlv, json string }{
			{"110", "Grüße", "674772c3bcc39f65", "c76e4772c3bcc39f65", `"vs":"Grüße"`},
			{"120", "-40000", "399c3f", "c478ffff63c0", `"v":-40000`},
			{"125", "9223372036854775808", "1b8000000000000000", "c87d088000000000000000", `"v":9223372036854775808`},
			{"130", "22.5", "f94da0", "c48241b40000", `"v":2.25e1`},
			{"140", "1", "f5", "c18c01", `"vb":true`},
			{"150", "AQIDBAU=", "450102030405", "c5960102030405", `"vd":"AQIDBAU="`},
			{"160", "1367491215", "c11a5182428f", "c4a05182428f", `"v":1367491215`},
			{"170", "3:0", "63333a30", "c4aa00030000", `"vlo":"3:0"`},
			{"180", "</3/0>", "663c2f332f303e", "c6b43c2f332f303e", `"vs":"</3/0>"`},
		} {
			p, id := "/3442/0/"+c.resource, path("/3442/0/"+c.resource).Resource()
			write := func(format server.ContentFormat, payload string) {
				f.Helper()
				f.play(exchange{put(p, format, payload), model.Changed, none, ""})
				if v, _ := in.Get(id); v != testValues()[id] {
					f.Errorf("%s by %v: %v, want %v", p, format, v, testValues()[id])
				}
				must(f, in.Remove(id))
			}
			write(text, c.text)
			write(server.CBOR, octets(c.cbor))
			write(server.TLV, octets(c.tlv))
			write(server.SenMLJSON, `[{"n":"`+p+`",`+c.json+`}]`)
			write(server.SenMLJSON, `[{"bn":"/3442/0/","n":"`+c.resource+`",`+c.json+`}]`)
		}
		f.play(
			exchange{put("/3442/0/150", server.OctetStream, "\x00\xff"), model.Changed, none, ""},
			exchange{get("/3442/0/150", none), model.Content, server.OctetStream, "\x00\xff"},
			exchange{put("/3442/0/150", server.FormatOf(1544), "\x01"), model.Changed, none, ""},
			exchange{put("/3442/0/120", server.FormatOf(1541), "5"), model.Changed, none, ""},
			exchange{put("/3442/0/120", server.FormatOf(1542), "\xc1\x78\x06"), model.Changed, none, ""},
			exchange{put("/3442/0/120", server.FormatOf(1543), `{"bn":"/3442/0/120","e":[{"v":7}]}`), model.Changed, none, ""},
			exchange{put("/3442/0/120", server.SenMLCBOR, octets("81a22169")+"/3442/0/9\x02\x07"), model.BadRequest, none,
				"SenML CBOR, /3442/0/9: not below /3442/0/120"},
			exchange{get("/3442/0/120", none), model.Content, text, "7"},
		)
	})
}

func TestWriteInstance(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		f.play(
			// Partial: adds and updates, and keeps the other Resource Instances.
			exchange{post("/3442/0", server.SenMLJSON, `[{"bn":"/3442/0/","n":"110","vs":"a"},{"n":"1120/7","v":1},{"n":"1120/9","v":2},{"n":"9999","v":3}]`), model.Changed, none, ""},
			exchange{get("/3442/0/110", none), model.Content, text, "a"},
			exchange{get("/3442/0/120", none), model.Content, text, "-40000"},
			exchange{get("/3442/0/1120", server.SenMLJSON), model.Content, server.SenMLJSON,
				`[{"bn":"/3442/0/1120/","n":"0","v":-40000},{"n":"7","v":1},{"n":"9","v":2}]`},
			// A Resource Instance.
			exchange{put("/3442/0/1120/7", text, "8"), model.Changed, none, ""},
			exchange{get("/3442/0/1120/7", none), model.Content, text, "8"},
			exchange{put("/3442/0/1120/8", text, "8"), model.NotFound, none, "/3442/0/1120/8: no such Resource Instance"},
			// Replace of a multiple Resource: the others go.
			exchange{put("/3442/0/1120", server.TLV, octets("a804"+"60"+"03"+"410105")), model.Changed, none, ""},
			exchange{get("/3442/0/1120", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3442/0/1120/","n":"1","v":5}]`},
			exchange{put("/3442/0/1120", server.TLV, octets("a00460")), model.Changed, none, ""},
			exchange{get("/3442/0/1120", server.TLV), model.Content, server.TLV, octets("a00460")},
			// Replace of an Object Instance: what is not named goes.
			exchange{put("/3442/0", server.SenMLJSON, `[{"n":"/3442/0/120","v":5}]`), model.Changed, none, ""},
			exchange{get("/3442/0", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3442/0/","n":"120","v":5}]`},
			// An Object Instance around the Resources, as TLV may have it.
			exchange{post("/3442/0", server.TLV, octets("0300c17806")), model.Changed, none, ""},
			exchange{get("/3442/0/120", none), model.Content, text, "6"},
		)
	})
}

func TestWriteRefusals(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		before := f.dump()
		f.play(
			// The checks in the order of Core 1.1.1: what there is, then level, kind, format and value.
			exchange{put("/99/0/0", server.FormatOf(9999), "x"), model.NotFound, none, "/99/0/0: no such Object"},
			exchange{put("/0/0/0", text, "coap://evil"), model.Unauthorized, none, "/0/0/0: the Object is closed to servers"},
			exchange{put("/0/0/0", server.FormatOf(9999), "x"), model.Unauthorized, none, "/0/0/0: the Object is closed to servers"},
			exchange{put("/3", text, "x"), model.MethodNotAllowed, none, "/3: not possible on an Object"},
			exchange{put("/", text, "x"), model.BadRequest, none, "the path names no Object"},
			exchange{put("/3442/9/110", text, "x"), model.NotFound, none, "/3442/9/110: no such Object Instance"},
			exchange{post("/3442/9", server.TLV, ""), model.NotFound, none, "/3442/9: no such Object Instance"},
			exchange{put("/3442/0/9", text, "x"), model.NotFound, none, "/3442/0/9: no such Resource"},
			exchange{put("/3442/0/0", text, "x"), model.MethodNotAllowed, none, "/3442/0/0: executable, has no value"},
			exchange{put("/3442/0/4", text, "x"), model.MethodNotAllowed, none, "/3442/0/4: read-only"},
			exchange{put("/3442/0/110/0", text, "x"), model.MethodNotAllowed, none, "/3442/0/110/0: the Resource has no Resource Instances"},
			exchange{post("/3442/0/110", text, "x"), model.MethodNotAllowed, none, "/3442/0/110: not executable"},
			exchange{put("/3442/0/120", text, "1.5"), model.BadRequest, none, "text, /3442/0/120: \"1.5\" is not Integer"},
			// All or nothing.
			exchange{post("/3442/0", server.SenMLJSON, `[{"bn":"/3442/0/","n":"110","vs":"a"},{"n":"4/0","vs":"b"}]`), model.MethodNotAllowed, none, "/3442/0/4: read-only"},
			exchange{post("/3442/0", server.SenMLJSON, `[{"n":"/3442/0/110","vs":"a"},{"n":"/3442/1/110","vs":"b"}]`), model.BadRequest, none,
				"SenML JSON, /3442/1/110: not below /3442/0"},
			exchange{post("/3442/0", server.SenMLJSON, `[{"n":"/3442/0/110","vs":"a"},{"n":"/3442/0/110","vs":"b"}]`), model.BadRequest, none, "/3442/0/110: given twice"},
			exchange{put("/3442/0/170", text, "99:0"), model.BadRequest, none, "/3442/0/170: link to 99:0, which does not exist"},
			exchange{put("/1/0", server.TLV, octets("c10265")), model.BadRequest, none, "/1/0/1: mandatory Resource missing"},
		)
		unsupported := func(r server.Request) {
			f.Helper()
			if answer, err := f.peer.Do(f.ctx, r); err != nil || answer.Code != model.UnsupportedContentFormat || len(answer.Payload) == 0 {
				f.Errorf("%s: %v %v, want 4.15 with a reason", describe(r), answer, err)
			}
		}
		unsupported(put("/3442/0/110", server.FormatOf(9999), "x"))
		unsupported(put("/3442/0/110", server.LinkFormat, "x"))
		unsupported(put("/3442/0/110", server.LwM2MCBOR, "\xa0"))
		unsupported(put("/3442/0/110", server.OctetStream, "x"))
		unsupported(put("/3442/0", text, "x"))
		unsupported(put("/3442/0", none, "x"))
		unsupported(post("/3442/0", server.CBOR, "\x01"))
		if after := f.dump(); after != before {
			f.Errorf("the data has changed\nbefore %s\nafter  %s", before, after)
		}
	})
}

func TestWriteRanges(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		for _, c := range []struct{ resource, payload, reason string }{
			{"120", "9223372036854775808", "Integer"},
			{"120", "", "Integer"},
			{"120", " 5", "Integer"},
			{"125", "-1", "Unsigned"},
			{"125", "18446744073709551616", "Unsigned"},
			{"130", "warm", "Float"},
			{"130", "NaN", "Float"},
			{"140", "true", "Boolean"},
			{"140", "2", "Boolean"},
			{"150", "***", "Base64"},
			{"160", "yesterday", "Time"},
			{"170", "66", "Objlnk"},
			{"170", "65536:0", "Objlnk"},
			{"110", "\xff\xfe", "UTF-8"},
		} {
			r, err := f.peer.Do(f.ctx, put("/3442/0/"+c.resource, text, c.payload))
			must(f, err)
			if r.Code != model.BadRequest || !strings.Contains(string(r.Payload), c.reason) {
				f.Errorf("%s %q: %v %q, want 4.00 about %s", c.resource, c.payload, r.Code, r.Payload, c.reason)
			}
		}
		f.play(exchange{get("/3442/0/140", none), model.Content, text, "1"})
	})
}

// A written value reaches whoever asks: the handle, Get, and a later Read.
func TestWriteIsSeen(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.want(f.peer.Write(f.ctx, path("/3/0/13"), model.UnixValue(5), server.WriteOptions{}))(model.Changed, "")
		if v, ok := f.device.CurrentTime.Get(); !ok || !v.Equal(time.Unix(5, 0)) {
			t.Errorf("handle: %v %v", v, ok)
		}
		if v, err := f.client.Get(path("/3/0/13")); err != nil || v != model.UnixValue(5) {
			t.Errorf("Get: %v %v", v, err)
		}
		if _, err := f.client.Get(path("/3/0/14")); err == nil || err.Error() != "4.04 Not Found: /3/0/14: no value here" {
			t.Errorf("Get of nothing: %v", err)
		}
	})
}
