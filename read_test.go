package lwm2m_test

import (
	"context"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// The Device Object of the examples in Core 1.1.1 §7.4, in each format.
var (
	deviceTLV = octets("c800144f70656e204d6f62696c6520416c6c69616e6365c801164c69676874776569676874204d324d20436c69656e74c80209333435303030313233" +
		"c303312e30860641000141010588070842000ed842011388870841007d42010384c10964c10a0f830b410000c40d5182428fc60e2b30323a3030c11055")
	deviceSenMLJSON = `[{"bn":"/3/0/","n":"0","vs":"Open Mobile Alliance"},{"n":"1","vs":"Lightweight M2M Client"},{"n":"2","vs":"345000123"},` +
		`{"n":"3","vs":"1.0"},{"n":"6/0","v":1},{"n":"6/1","v":5},{"n":"7/0","v":3800},{"n":"7/1","v":5000},{"n":"8/0","v":125},{"n":"8/1","v":900},` +
		`{"n":"9","v":100},{"n":"10","v":15},{"n":"11/0","v":0},{"n":"13","v":1367491215},{"n":"14","vs":"+02:00"},{"n":"16","vs":"U"}]`
	deviceSenMLCBOR = octets("90a321652f332f302f00613003744f70656e204d6f62696c6520416c6c69616e6365a200613103764c69676874776569676874204d324d20436c69656e74" +
		"a20061320369333435303030313233a20061330363312e30a20063362f300201a20063362f310205a20063372f3002190ed8a20063372f3102191388a20063382f3002187d" +
		"a20063382f3102190384a2006139021864a200623130020fa2006431312f300200a200623133021a5182428fa20062313403662b30323a3030a200623136036155")
	deviceJSON = `{"bn":"/3/0/","e":[{"n":"0","sv":"Open Mobile Alliance"},{"n":"1","sv":"Lightweight M2M Client"},{"n":"2","sv":"345000123"},` +
		`{"n":"3","sv":"1.0"},{"n":"6/0","v":1},{"n":"6/1","v":5},{"n":"7/0","v":3800},{"n":"7/1","v":5000},{"n":"8/0","v":125},{"n":"8/1","v":900},` +
		`{"n":"9","v":100},{"n":"10","v":15},{"n":"11/0","v":0},{"n":"13","v":1367491215},{"n":"14","sv":"+02:00"},{"n":"16","sv":"U"}]}`
)

func withDevice(_ *lwm2m.Config, f *fixture) { fill(f, f.device) }

func TestReadExamples(t *testing.T) {
	start(t, withDevice, func(f *fixture) {
		f.play(
			exchange{get("/3/0", server.TLV), model.Content, server.TLV, deviceTLV},
			exchange{get("/3", server.TLV), model.Content, server.TLV, octets("080079") + deviceTLV},
			exchange{get("/3/0", server.SenMLJSON), model.Content, server.SenMLJSON, deviceSenMLJSON},
			exchange{get("/3/0", server.SenMLCBOR), model.Content, server.SenMLCBOR, deviceSenMLCBOR},
			exchange{get("/3/0", server.JSON), model.Content, server.JSON, deviceJSON},
			exchange{get("/3/0", none), model.Content, server.SenMLCBOR, deviceSenMLCBOR},
			exchange{get("/3303/0/5700", server.TLV), model.Content, server.TLV, octets("e81644084036800000000000")},
		)
	})
}

// TestETS201QueryPlainText reads as the cases 201, 203, 204, 211, 231, 232 and 237 of
// the conformance tests do.
func TestETS201QueryPlainText(t *testing.T) {
	start(t, withDevice, func(f *fixture) {
		f.play(
			exchange{get("/3/0/0", text), model.Content, text, "Open Mobile Alliance"},
			exchange{get("/3/0/1", text), model.Content, text, "Lightweight M2M Client"},
			exchange{get("/3/0/2", text), model.Content, text, "345000123"},
			exchange{get("/1/0/0", server.CBOR), model.Content, server.CBOR, "\x01"},
			exchange{get("/1/0/6", server.CBOR), model.Content, server.CBOR, "\xf5"},
			exchange{get("/1/0/7", server.CBOR), model.Content, server.CBOR, "aU"},
			exchange{get("/3/0/16", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3/0/16","vs":"U"}]`},
			exchange{get("/3/0/11/0", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3/0/11/0","v":0}]`},
			exchange{get("/3/0/11", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3/0/11/","n":"0","v":0}]`},
			exchange{get("/3/0/16", server.SenMLCBOR), model.Content, server.SenMLCBOR, octets("81a221672f332f302f3136036155")},
		)
	})
}

// Every type of value, in every format that carries one value.
func TestReadTypes(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		for _, c := range []struct{ resource, text, cbor, tlv, json string }{
			{"110", "Grüße", "674772c3bcc39f65", "c76e4772c3bcc39f65", `"vs":"Grüße"`},
			{"120", "-40000", "399c3f", "c478ffff63c0", `"v":-40000`},
			{"125", "9223372036854775808", "1b8000000000000000", "c87d088000000000000000", `"v":9223372036854775808`},
			{"130", "22.5", "f94da0", "c882084036800000000000", `"v":22.5`},
			{"140", "1", "f5", "c18c01", `"vb":true`},
			{"150", "AQIDBAU=", "450102030405", "c5960102030405", `"vd":"AQIDBAU"`},
			{"160", "1367491215", "c11a5182428f", "c4a05182428f", `"v":1367491215`},
			{"170", "3:0", "63333a30", "c4aa00030000", `"vlo":"3:0"`},
			{"180", "</3/0>", "663c2f332f303e", "c6b43c2f332f303e", `"vs":"</3/0>"`},
		} {
			p := "/3442/0/" + c.resource
			f.play(
				exchange{get(p, text), model.Content, text, c.text},
				exchange{get(p, server.CBOR), model.Content, server.CBOR, octets(c.cbor)},
				exchange{get(p, server.TLV), model.Content, server.TLV, octets(c.tlv)},
				exchange{get(p, server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"` + p + `",` + c.json + `}]`},
			)
		}
		f.play(
			exchange{get("/3442/0/150", server.OctetStream), model.Content, server.OctetStream, "\x01\x02\x03\x04\x05"},
			exchange{get("/3442/0/150", none), model.Content, server.OctetStream, "\x01\x02\x03\x04\x05"},
			exchange{get("/3442/0/1150/7", none), model.Content, server.OctetStream, "\x01\x02\x03\x04\x05"},
			exchange{get("/3442/0/1120/7", none), model.Content, text, "-40000"},
			exchange{get("/3442/0/1120", server.TLV), model.Content, server.TLV, octets("a8" + "0460" + "0c" + "4400ffff63c0" + "4407ffff63c0")},
			exchange{get("/3442/0/1120/7", server.TLV), model.Content, server.TLV, octets("4407ffff63c0")},
		)
	})
}

func TestReadRefusals(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		f.device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error { return nil })
		withTestObject(config, f)
		config.Factories = []lwm2m.Factory{{Object: portfolio()}}
	}
	start(t, configure, func(f *fixture) {
		f.play(
			exchange{get("/", none), model.BadRequest, none, "the path names no Object"},
			exchange{get("/99", none), model.NotFound, none, "/99: no such Object"},
			exchange{get("/0", none), model.Unauthorized, none, "/0: the Object is closed to servers"},
			exchange{get("/0/0/0", none), model.Unauthorized, none, "/0/0/0: the Object is closed to servers"},
			exchange{get("/0/77/0/0", none), model.Unauthorized, none, "/0/77/0/0: the Object is closed to servers"},
			exchange{get("/21/0", none), model.NotFound, none, "/21/0: no such Object"},
			exchange{get("/3/1", none), model.NotFound, none, "/3/1: no such Object Instance"},
			exchange{get("/3/1/99", none), model.NotFound, none, "/3/1/99: no such Object Instance"},
			exchange{get("/3/0/99", none), model.NotFound, none, "/3/0/99: no such Resource"},
			exchange{get("/3/0/9", none), model.NotFound, none, "/3/0/9: the Resource has no value"},
			exchange{get("/3/0/4", none), model.MethodNotAllowed, none, "/3/0/4: executable, has no value"},
			exchange{get("/3/0/11/5", none), model.NotFound, none, "/3/0/11/5: no such Resource Instance"},
			exchange{get("/3/0/0/0", none), model.MethodNotAllowed, none, "/3/0/0/0: the Resource has no Resource Instances"},
			exchange{get("/3/0/11/0/0", none), model.MethodNotAllowed, none, "/3/0/11/0: a path has at most four levels"},
			exchange{get("/3/0/x", none), model.NotFound, none, "/3/0: the next segment is no identifier of 0 to 65534"},
			exchange{get("/3/0/65535", none), model.NotFound, none, "/3/0: the next segment is no identifier of 0 to 65534"},
			exchange{get("/3/00", none), model.NotFound, none, "/3: the next segment is no identifier of 0 to 65534"},
			exchange{get("/rd", none), model.NotFound, none, "the next segment is no identifier of 0 to 65534"},
			// An Object without instances is there, but empty.
			exchange{get("/16", none), model.Content, server.SenMLCBOR, "\x80"},
			exchange{get("/16", server.TLV), model.Content, server.TLV, ""},
		)
	})
}

func TestReadAccept(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		refused := func(path string, accept server.ContentFormat) {
			f.Helper()
			r, err := f.peer.Do(f.ctx, get(path, accept))
			must(f, err)
			if r.Code != model.NotAcceptable || len(r.Payload) == 0 || r.Format != none {
				f.Errorf("%s: %v %v %q, want 4.06 with a reason", describe(get(path, accept)), r.Code, r.Format, r.Payload)
			}
		}
		refused("/3/0", text)
		refused("/3/0", server.CBOR)
		refused("/3/0", server.OctetStream)
		refused("/3", text)
		refused("/3/0/11", text)
		refused("/3/0/0", server.OctetStream)
		refused("/3/0/0", server.LwM2MCBOR)
		refused("/3/0/0", server.FormatOf(320))
		refused("/3/0/0", server.FormatOf(9999))
		f.play(
			// The check of the path comes before that of the format.
			exchange{get("/3/0/99", server.FormatOf(9999)), model.NotFound, none, "/3/0/99: no such Resource"},
			// Numbers from before the registration with IANA.
			exchange{get("/3/0/0", server.FormatOf(1541)), model.Content, text, "Acme"},
			exchange{get("/3/0/0", server.FormatOf(1542)), model.Content, server.TLV, "\xc4\x00Acme"},
			exchange{get("/3/0/0", server.FormatOf(1543)), model.Content, server.JSON, `{"bn":"/3/0/0","e":[{"sv":"Acme"}]}`},
			exchange{get("/3442/0/150", server.FormatOf(1544)), model.Content, server.OctetStream, "\x01\x02\x03\x04\x05"},
		)
	})
}

func TestReadVersion10(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		config.Version = lwm2m.Version10
		fill(f, f.device)
	}
	start(t, configure, func(f *fixture) {
		f.play(
			exchange{get("/3/0", none), model.Content, server.TLV, deviceTLV},
			exchange{get("/3/0/0", none), model.Content, text, "Open Mobile Alliance"},
			exchange{get("/3/0/11", none), model.Content, server.TLV, octets("830b410000")},
			exchange{get("/3/0", server.JSON), model.Content, server.JSON, deviceJSON},
			// Of LwM2M 1.1.
			exchange{get("/3/0/11/0", none), model.MethodNotAllowed, none, "/3/0/11/0: not possible on a Resource Instance"},
		)
		for _, accept := range []server.ContentFormat{server.CBOR, server.SenMLCBOR, server.SenMLJSON} {
			r, err := f.peer.Do(f.ctx, get("/3/0/0", accept))
			must(f, err)
			if r.Code != model.NotAcceptable {
				f.Errorf("%v: %v, want 4.06", accept, r.Code)
			}
		}
	})
}

func TestReadCallbacks(t *testing.T) {
	configure := func(_ *lwm2m.Config, f *fixture) {
		f.temp.SensorValue.OnRead(func(context.Context) (float64, error) { return 24.25, nil })
		f.device.CurrentTime.OnRead(func(context.Context) (time.Time, error) { return time.Unix(1367491215, 0), nil })
		f.device.PowerSourceVoltage.OnRead(func(context.Context) (map[uint16]int64, error) {
			return map[uint16]int64{0: 3800, 1: 5000}, nil
		})
	}
	start(t, configure, func(f *fixture) {
		f.play(
			exchange{get("/3303/0/5700", none), model.Content, text, "24.25"},
			exchange{get("/3303/0", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3303/0/","n":"5700","v":24.25},{"n":"5701","vs":"Cel"}]`},
			exchange{get("/3303", server.SenMLJSON), model.Content, server.SenMLJSON, `[{"bn":"/3303/","n":"0/5700","v":24.25},{"n":"0/5701","vs":"Cel"}]`},
			exchange{get("/3/0/13", none), model.Content, text, "1367491215"},
			exchange{get("/3/0/7", server.TLV), model.Content, server.TLV, octets("88070842000ed842011388")},
			exchange{get("/3/0/7/1", none), model.Content, text, "5000"},
			exchange{get("/3/0/7/2", none), model.NotFound, none, "/3/0/7/2: no such Resource Instance"},
		)
		if v, ok := f.temp.SensorValue.Get(); !ok || v != 22.5 {
			f.Errorf("Get asked the callback: %v %v", v, ok)
		}
	})
}
