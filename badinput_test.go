package lwm2m_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// unharmed runs what should change nothing, and makes sure that it did not.
func (f *fixture) unharmed(name string, harm func()) {
	f.Helper()
	before, events := f.dump(), f.history.kinds()
	harm()
	sleep(5 * time.Minute)
	if after := f.dump(); after != before {
		f.Errorf("%s: the data has changed\nbefore %s\nafter  %s", name, before, after)
	}
	if after := f.history.kinds(); after != events {
		f.Errorf("%s: events %s", name, strings.TrimPrefix(after, events))
	}
}

// answers injects a datagram as from the server, and returns what the client sends in reply.
func (f *fixture) answers(datagram string, from netip.AddrPort) string {
	f.Helper()
	r, err := f.peer.Registration()
	must(f, err)
	w := record(f.server.Network)
	defer f.server.Network.SetFilter(nil)
	f.server.Network.Inject(from, netip.MustParseAddrPort(r.Address), []byte(datagram))
	sleep(3 * time.Second)
	return w.take()
}

// Datagrams that are no CoAP messages, or none that fits: the answer is a Reset or silence (RFC 7252 §4.2, §4.3).
func TestMalformedDatagrams(t *testing.T) {
	for _, c := range []struct{ name, datagram, answer string }{
		{"empty", "", ""},
		{"short", "40", ""},
		{"version 2", "8001000101", ""},
		{"token of 9", "4901000a010203040506070809", "RST"},
		{"token of 15", "4f01000b0102", "RST"},
		{"token cut off", "4401000c01", "RST"},
		{"marker without payload", "4001000dff", "RST"},
		{"option delta 15", "4001000ef0", "RST"},
		{"option length 15", "4001000f0f", "RST"},
		{"option cut off", "40010010b5616263", "RST"},
		{"extended delta cut off", "40010011d0", "RST"},
		{"NON with a bad option", "50010012f0", ""},
		{"empty with a token", "4100001301", "RST"},
		{"ping", "40000014", "RST"},
		{"reserved class 1", "40210015", "RST"},
		{"reserved class 7", "40e10016", "RST"},
		{"acknowledgement of nothing", "60000017", ""},
		{"piggybacked answer to nothing", "60450018ff31", ""},
		{"answer to nothing", "4145001901ff31", "RST"},
		{"reset of nothing", "7000001a", ""},
	} {
		start(t, nil, func(f *fixture) {
			f.unharmed(c.name, func() {
				got := f.answers(octets(c.datagram), serverAddress)
				lines := strings.Split(got, "\n")
				answer := ""
				for _, line := range lines {
					if strings.Contains(line, "-> ") {
						answer += strings.TrimSpace(line[strings.Index(line, "-> ")+3:])
					}
				}
				if answer != c.answer {
					t.Errorf("%s: answer %q, want %q", c.name, answer, c.answer)
				}
			})
		})
	}
}

// A stranger is not heard, whatever it says (it cannot know the port of another's link,
// but may guess).
func TestStranger(t *testing.T) {
	stranger := netip.MustParseAddrPort("203.0.113.66:5683")
	start(t, nil, func(f *fixture) {
		f.unharmed("requests of a stranger", func() {
			for _, datagram := range []string{
				"400100b3" + "b133" + "0130" + "0130",                   // Read /3/0/0
				"400300b4" + "b133" + "0130" + "023134" + "10" + "ff41", // Write /3/0/14
				"400400b5" + "b433333033" + "0130",                      // Delete /3303/0
				"400000b6", "f0f0f0",
			} {
				if got := f.answers(octets(datagram), stranger); got != "" {
					t.Errorf("%s: %s", datagram, got)
				}
			}
		})
	})
}

// Before the client has registered, a server's requests are not heard (Core 1.1.1 §6.2.1).
func TestRequestBeforeRegistration(t *testing.T) {
	start(t, nil, func(f *fixture) {
		r, err := f.peer.Registration()
		must(t, err)
		address := netip.MustParseAddrPort(r.Address)
		f.server.Network.SetState(serverAddress, lwm2mtest.Silent)
		go func() { _ = f.client.Update(f.ctx) }()
		sleep(100 * time.Second) // it has given up the Update, and registers
		f.server.Network.SetState(serverAddress, lwm2mtest.Up)
		w := record(f.server.Network)
		w.lose(func(p lwm2mtest.Packet, _ *coap.Message) bool { return p.Direction == lwm2mtest.ToClient })
		f.server.Network.Inject(serverAddress, address, []byte(octets("400100b3b13301300130")))
		sleep(time.Second)
		if got := w.take(); strings.Contains(got, "2.05") {
			t.Errorf("answered: %s", got)
		}
		f.server.Network.SetFilter(nil)
		sleep(10 * time.Minute)
		f.peer = f.server.WaitRegistered("thermo-1")
	})
}

func TestOptions(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.unharmed("options", func() {
			with := func(r server.Request, options ...server.Option) server.Request {
				r.Options = options
				return r
			}
			// Unknown critical options (odd numbers) are refused, unknown elective ones ignored.
			for _, c := range []struct {
				request server.Request
				code    model.Code
			}{
				{with(get("/3/0/0", none), server.Option{Number: 9999, Value: []byte("x")}), model.BadOption},
				{with(get("/3/0/0", none), server.Option{Number: 9}), model.BadOption},
				{with(put("/3/0/14", text, "x"), server.Option{Number: 65001}), model.BadOption},
				{with(get("/3/0/0", none), server.Option{Number: 9998, Value: []byte("x")}), model.Content},
			} {
				r, err := f.peer.Do(f.ctx, c.request)
				must(t, err)
				if r.Code != c.code {
					t.Errorf("%s with option %d: %v, want %v", describe(c.request), c.request.Options[0].Number, r.Code, c.code)
				}
			}
			f.play(
				exchange{server.Request{Method: server.Method(8), Path: "/3/0"}, model.MethodNotAllowed, none, "unknown method 0.08"},
				exchange{server.Request{Method: server.PATCH, Path: "/3/0"}, model.MethodNotAllowed, none, "no LwM2M operation uses PATCH"},
			)
		})
	})
}

// Payloads that are cut off or nonsense, in every format.
func TestTruncatedPayloads(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		whole := map[server.ContentFormat]string{
			server.TLV:       octets("c86e0f") + "fifteen letters" + octets("c47800009c40") + octets("a804600c"[:6]+"02") + octets("4101"),
			server.SenMLJSON: `[{"bn":"/3442/0/","n":"110","vs":"a"},{"n":"120","v":40000}]`,
			server.SenMLCBOR: octets("82a321692f333434322f302f0063313130036161a2006331323002199c40"),
			server.JSON:      `{"bn":"/3442/0/","e":[{"n":"110","sv":"a"},{"n":"120","v":40000}]}`,
		}
		f.unharmed("truncated payloads", func() {
			for format, payload := range whole {
				for n := range len(payload) {
					if format == server.TLV && (n == 0 || n == 18 || n == 24) {
						continue // a shorter list is a list
					}
					r, err := f.peer.Do(f.ctx, post("/3442/0", format, payload[:n]))
					must(t, err)
					if r.Code != model.BadRequest || len(r.Payload) == 0 {
						t.Errorf("%v, %d of %d bytes: %v %q, want 4.00 with a reason", format, n, len(payload), r.Code, r.Payload)
					}
				}
			}
			for _, payload := range []string{"", "\x18", "\x19\x01", "\x1b\x01\x02", "\x61", "\x82\x01", "\xff", "\x01\x01", "\xa1\x01"} {
				r, err := f.peer.Do(f.ctx, put("/3442/0/120", server.CBOR, payload))
				must(t, err)
				if r.Code != model.BadRequest {
					t.Errorf("CBOR %x: %v %q, want 4.00", payload, r.Code, r.Payload)
				}
			}
		})
	})
}

// The list of what decoders have to refuse.
func TestInvalidPayloads(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		f.unharmed("invalid payloads", func() {
			for _, c := range []struct {
				format  server.ContentFormat
				payload string
			}{
				{server.TLV, octets("c378000001")},                     // an Integer of three bytes
				{server.TLV, octets("4105" + "01")},                    // a Resource Instance without a Resource
				{server.TLV, octets("c17801" + "c17802")},              // twice
				{server.TLV, octets("c18c02")},                         // neither true nor false
				{server.TLV, octets("03ff" + "c17801")},                // another Object Instance
				{server.SenMLJSON, `[{"v":1}]`},                        // no name
				{server.SenMLJSON, `[{"n":"3442/0/120","v":1}]`},       // not absolute
				{server.SenMLJSON, `[{"n":"/3442/0/1120/1/1","v":1}]`}, // too deep
				{server.SenMLJSON, `[{"n":"/3442/0/65536","v":1}]`},    // no ID
				{server.SenMLJSON, `[{"n":"/3442/0/120","v":1,"xyz_":1}]`},
				{server.SenMLJSON, `[{"n":"/3442/0/120","v":1,"v":2}]`},
				{server.SenMLJSON, `[{"n":"/3442/0/120","v":1,"vs":"x"}]`},
				{server.SenMLJSON, `[{"n":"/3442/0/120"}]`}, // no value
				{server.SenMLJSON, `[{"n":"/3442/0/120","v":1e400}]`},
				{server.SenMLJSON, `[{"n":"/3442/0/120","v":1.5}]`},
				{server.SenMLJSON, strings.Repeat("[", 5000)},
				{server.SenMLCBOR, strings.Repeat("\x81", 5000)},
				{server.JSON, `{"bn":"/3442/0/","e":[{"n":"120","v":1}]}x`},
			} {
				r, err := f.peer.Do(f.ctx, post("/3442/0", c.format, c.payload))
				must(t, err)
				if r.Code != model.BadRequest || len(r.Payload) == 0 {
					t.Errorf("%v %.60q: %v %q, want 4.00 with a reason", c.format, c.payload, r.Code, r.Payload)
				}
			}
		})
	})
}

// A body beyond the limit is refused at its first block, or when it exceeds it.
func TestOversizedBody(t *testing.T) {
	limit := func(config *lwm2m.Config, f *fixture) {
		withTestObject(config, f)
		config.Transmission.MaxBody = 4096
	}
	start(t, limit, func(f *fixture) {
		f.unharmed("oversized bodies", func() {
			r, err := f.peer.Do(f.ctx, put("/3442/0/150", server.OctetStream, strings.Repeat("x", 4097)))
			must(t, err)
			if r.Code != model.RequestEntityTooLarge {
				t.Errorf("4097 bytes: %v %q, want 4.13", r.Code, r.Payload)
			}
		})
		f.play(
			exchange{put("/3442/0/150", server.OctetStream, strings.Repeat("x", 4096)), model.Changed, none, ""},
			exchange{get("/3442/0/150", none), model.Content, server.OctetStream, strings.Repeat("x", 4096)},
		)
	})
}

// What arrives while the client is gone is nobody's.
func TestDatagramAfterTheEnd(t *testing.T) {
	start(t, nil, func(f *fixture) {
		r, err := f.peer.Registration()
		must(t, err)
		f.stop()
		if f.server.Network.Inject(serverAddress, netip.MustParseAddrPort(r.Address), []byte(octets("40000014"))) {
			t.Error("somebody took it")
		}
		ctx, cancel := context.WithTimeout(f.ctx, time.Second)
		defer cancel()
		if _, err := f.peer.Do(ctx, get("/3/0", none)); err == nil {
			t.Error("a Read is answered")
		}
	})
}
