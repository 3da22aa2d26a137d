package lwm2m_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// writtenKey is a key that a Bootstrap-Server writes; writtenHex is what it is in a JSON payload.
var writtenKey = []byte("a key that is written")

const writtenBase64 = "YSBrZXkgdGhhdCBpcyB3cml0dGVu"

// nonsense is what a Bootstrap-Server does that makes no sense: requests with the answers to them, then a Bootstrap-Finish.
type nonsense struct {
	name     string
	requests []exchange
	finish   string // the diagnostic of the answer to Bootstrap-Finish, which is 4.06; "" if there is none
}

func senml(p, records string) server.Request { return put(p, server.SenMLJSON, records) }

func changed(r server.Request) exchange { return exchange{r, model.Changed, none, ""} }

func refusedWith(r server.Request, code model.Code, diagnostic string) exchange {
	return exchange{r, code, none, diagnostic}
}

// accountOf is a Bootstrap-Write of an instance of the Security Object.
func accountOf(records string) exchange {
	return changed(senml("/0/5", `[{"bn":"/0/5/",`+records[1:]+`]`))
}

var bootstrapNonsense = []nonsense{
	{"payloads that are none", []exchange{
		refusedWith(senml("/0/5", `[{`), model.BadRequest, "/0/5: SenML JSON, offset 2: unexpected end"),
		refusedWith(put("/0/5", server.TLV, "\xff\xff\xff"), model.BadRequest, ""),
		refusedWith(put("/0/5", server.SenMLCBOR, "\x9f\xff\xff"), model.BadRequest, ""),
		refusedWith(put("/0/5", server.LinkFormat, "</0/5>"), model.UnsupportedContentFormat, ""),
		refusedWith(put("/0/5", none, "x"), model.UnsupportedContentFormat, ""),
		refusedWith(senml("/0/5", `[{"n":"/0/6/0","vs":"coap://a"}]`), model.BadRequest, ""),
		refusedWith(senml("/0/5", `[{"n":"/0/5/0","v":7}]`), model.BadRequest, ""),
		refusedWith(senml("/0/5", `[{"n":"/0/5/0","vs":"`+strings.Repeat("x", 256)+`"}]`), model.BadRequest, ""),
		refusedWith(senml("/0/5", `[{"n":"/0/5/10","v":70000}]`), model.BadRequest, ""),
	}, ""},
	{"places that are none", []exchange{
		refusedWith(senml("/", `[{"n":"/0/5/0","vs":"coap://a"}]`), model.BadRequest, ""),
		refusedWith(senml("/4242/0", `[{"n":"/4242/0/0","v":1}]`), model.NotFound, ""),
		refusedWith(senml("/3/1", `[{"n":"/3/1/0","vs":"x"}]`), model.BadRequest, ""),
		refusedWith(server.Request{Method: server.GET, Path: "/0", Accept: server.SenMLJSON}, model.Unauthorized, ""),
		refusedWith(server.Request{Method: server.GET, Path: "/3/0", Accept: server.SenMLJSON}, model.MethodNotAllowed, ""),
		refusedWith(server.Request{Method: server.DELETE, Path: "/3/0/1"}, model.MethodNotAllowed, ""),
		refusedWith(post("/3/0/4", none, ""), model.MethodNotAllowed, ""),
		refusedWith(post("/3303", server.SenMLJSON, `[]`), model.MethodNotAllowed, ""),
		refusedWith(post("/bs", text, "x"), model.BadRequest, ""),
		refusedWith(fetch(server.SenMLJSON, `[{"n":"/0"}]`), model.MethodNotAllowed, ""),
		refusedWith(ipatch(server.SenMLJSON, `[{"n":"/0/5/0","vs":"coap://a"}]`), model.MethodNotAllowed, ""),
	}, ""},
	{"half an account", []exchange{accountOf(`{"n":"0","vs":"coap://a"}`)}, "/0/5/1: the mandatory Resource Bootstrap-Server is missing"},
	{"an account without a server", []exchange{
		accountOf(`{"n":"0","vs":"coap://a"},{"n":"1","vb":false},{"n":"2","v":3},{"n":"10","v":9}`),
	}, "/0/5: no instance of the Server Object has its Short Server ID 9"},
	{"a URI that is none", []exchange{
		accountOf(`{"n":"0","vs":"http://a/b?c"},{"n":"1","vb":false},{"n":"2","v":3},{"n":"10","v":9}`),
		changed(senml("/1/5", `[{"bn":"/1/5/","n":"0","v":9},{"n":"1","v":60},{"n":"6","vb":true},{"n":"7","vs":"U"}]`)),
	}, `/0/5: link: invalid server URI "http://a/b?c": unknown scheme "http", want coap, coaps, coap+tcp or coaps+tcp`},
	{"a mode that is none", []exchange{
		accountOf(`{"n":"0","vs":"coaps://a"},{"n":"1","vb":false},{"n":"2","v":4},{"n":"10","v":9}`),
		changed(senml("/1/5", `[{"bn":"/1/5/","n":"0","v":9},{"n":"1","v":60},{"n":"6","vb":true},{"n":"7","vs":"U"}]`)),
	}, "/0/5: security mode 4 is not supported; 0, 2 and 3 are"},
	{"a key without an identity", []exchange{
		accountOf(`{"n":"0","vs":"coaps://a"},{"n":"1","vb":false},{"n":"2","v":0},{"n":"5","vd":"` + writtenBase64 + `"},{"n":"10","v":9}`),
		changed(senml("/1/5", `[{"bn":"/1/5/","n":"0","v":9},{"n":"1","v":60},{"n":"6","vb":true},{"n":"7","vs":"U"}]`)),
	}, "/0/5: PSK.Identity: credentials: not usable: the PSK identity is empty"},
	{"a key as certificate", []exchange{
		accountOf(`{"n":"0","vs":"coaps://a"},{"n":"1","vb":false},{"n":"2","v":2},{"n":"3","vd":"` + writtenBase64 + `"},{"n":"5","vd":"` + writtenBase64 + `"},{"n":"10","v":9}`),
		changed(senml("/1/5", `[{"bn":"/1/5/","n":"0","v":9},{"n":"1","v":60},{"n":"6","vb":true},{"n":"7","vs":"U"}]`)),
	}, "/0/5: certificate: credentials: not recognised: 21 bytes that are no certificate in PEM or DER: x509: malformed certificate"},
	{"a second Bootstrap-Server", []exchange{
		accountOf(`{"n":"0","vs":"coap://a"},{"n":"1","vb":true},{"n":"2","v":3}`),
		changed(senml("/0/6", `[{"bn":"/0/6/","n":"0","vs":"coap://b"},{"n":"1","vb":true},{"n":"2","v":3}]`)),
	}, "/0/5: /0/0 is the account of the Bootstrap-Server already"},
	{"a server twice", []exchange{
		accountOf(`{"n":"0","vs":"coap://a"},{"n":"1","vb":false},{"n":"2","v":3},{"n":"10","v":2}`),
	}, "/0/5: /0/1 has the same Short Server ID 2"},
	{"a binding that is none", []exchange{changed(put("/1/0/7", text, "XYZ"))}, `/1/0/7: there is no binding "XYZ"`},
	{"rights to nothing", []exchange{
		changed(senml("/2/0", `[{"bn":"/2/0/","n":"0","v":999},{"n":"1","v":0},{"n":"3","v":2}]`)),
	}, "/2/0: it is about the Object 999, which does not exist"},
	{"rights for nobody", []exchange{
		changed(senml("/2/0", `[{"bn":"/2/0/","n":"0","v":3},{"n":"1","v":0},{"n":"3","v":77}]`)),
	}, "/2/0/3: no account has the Short Server ID 77 of the owner"},
	{"nothing left", []exchange{{server.Request{Method: server.DELETE, Path: "/"}, model.Deleted, none, ""}}, "/1: there is no account of an LwM2M Server"},
}

// A Bootstrap-Server that writes nonsense: it is told what is wrong, the application hears of it, and when it gives up
// everything is as before.
func TestHostileBootstrap(t *testing.T) {
	for _, test := range bootstrapNonsense {
		t.Run(test.name, func(t *testing.T) {
			hostileBootstrap(t, func(f *bootstrapFixture, session *server.BootstrapSession) {
				for _, x := range test.requests {
					r, err := session.Do(f.ctx, x.request)
					must(t, err)
					if r.Code != x.code || !strings.Contains(string(r.Payload), x.payload) || r.Code.IsSuccess() != (len(r.Payload) == 0) {
						t.Errorf("%s: %v %q, want %v %q", describe(x.request), r.Code, r.Payload, x.code, x.payload)
					}
				}
				if test.finish == "" {
					return
				}
				r, err := session.Finish(f.ctx)
				must(t, err)
				if r.Code != model.NotAcceptable || string(r.Payload) != test.finish {
					t.Errorf("Bootstrap-Finish: %v %q, want 4.06 %q", r.Code, r.Payload, test.finish)
				}
				var refusal *lwm2m.Error
				if e := f.last(); e.Kind != lwm2m.BootstrapFailed || !errors.As(e.Err, &refusal) || !errors.Is(e.Err, model.NotAcceptable) ||
					!strings.Contains(e.Err.Error(), test.finish) {
					t.Errorf("event %v", e)
				}
			})
		})
	}
}

// hostileBootstrap runs a session of a device that is registered, which is given up in the end, and makes sure that
// nothing has changed, and that no key got into a log.
func hostileBootstrap(t *testing.T, test func(*bootstrapFixture, *server.BootstrapSession)) {
	t.Helper()
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		log := &transcript{}
		f.config.Logger = log.logger()
		f.config.OnEvent = func(e lwm2m.Event) { f.history.add(e); log.note(e); log.note(e.Err) }
		f.config.Servers = append(f.config.Servers, lwm2m.ServerAccount{URI: f.server.URI(), Security: lwm2m.NoSec{}})
		f.run()
		peer := f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		before := data(f.client)
		was, err := peer.Registration()
		must(t, err)
		failed := make(chan error, 1)
		go func() { failed <- f.client.Bootstrap(f.ctx) }()
		session := f.bs.WaitBootstrap("thermo-1")
		test(f, session)
		session.Close()
		sleep(5 * time.Minute)
		err = <-failed
		log.note(err)
		if err == nil || f.history.err(lwm2m.BootstrapFailed) == nil {
			t.Errorf("Bootstrap: %v; events %s", err, f.history.kinds())
		}
		if after := data(f.client); after != before {
			t.Errorf("the data have changed\nbefore %s\nafter %s", before, after)
		}
		now, err := peer.Registration()
		must(t, err)
		if now.ID != was.ID {
			t.Errorf("registration %+v\nwas %+v", now, was)
		}
		r, err := peer.Read(f.ctx, path("/3/0/0"), server.ReadOptions{})
		f.answers(r, err)(model.Content, "Acme")
		f.stop()
		log.wantSecret(t, writtenKey)
	})
}

// A Bootstrap-Server that answers a Bootstrap-Request with nonsense: it ends with an error that says so, and nothing
// changes.
func TestHostileBootstrapAnswers(t *testing.T) {
	reply := func(code byte, payload string) func(*coap.Message) []byte {
		return func(m *coap.Message) []byte {
			b := append([]byte{0x60 | byte(m.Token.Len()), code, byte(m.MessageID >> 8), byte(m.MessageID)}, m.Token.Append(nil)...)
			if payload != "" {
				b = append(append(b, 0xff), payload...)
			}
			return b
		}
	}
	const noAnswer = "Bootstrap-Request: coap: no answer from the peer in time"
	for name, test := range map[string]struct {
		answer func(*coap.Message) []byte
		want   string
	}{
		"reset":                {func(m *coap.Message) []byte { return []byte{0x70, 0, byte(m.MessageID >> 8), byte(m.MessageID)} }, "Bootstrap-Request: coap: peer sent a reset"},
		"content":              {reply(0x45, "\xff\xff"), "Bootstrap-Request: unexpected answer 2.05 Content"},
		"refusal":              {reply(0x83, "go\naway\x00"), `Bootstrap-Request: 4.03 Forbidden: go\x0aaway\x00`},
		"a class that is none": {reply(0xe0, ""), noAnswer},
		"another token":        {func(m *coap.Message) []byte { return []byte{0x61, 0x44, byte(m.MessageID >> 8), byte(m.MessageID), 7} }, noAnswer},
		"nothing":              {func(*coap.Message) []byte { return nil }, noAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			bootstrapped(t, manual, func(f *bootstrapFixture) {
				l, err := f.server.Network.Listen(f.ctx, "198.51.100.66:5683", &babbler{func(b []byte) (answers [][]byte) {
					var m coap.Message
					if m.Parse(b) == nil && m.Code.IsRequest() {
						answers = append(answers, test.answer(&m))
					}
					return answers
				}})
				must(t, err)
				defer func() { must(t, l.Close()) }()
				f.config.Servers[0].URI = "coap://198.51.100.66"
				f.config.Servers = append(f.config.Servers, lwm2m.ServerAccount{URI: f.server.URI(), Security: lwm2m.NoSec{}})
				f.run()
				defer f.stop()
				peer := f.server.WaitRegistered("thermo-1")
				synctest.Wait()
				before := data(f.client)
				was, err := peer.Registration()
				must(t, err)
				err = f.client.Bootstrap(f.ctx)
				if err == nil || err.Error() != test.want {
					t.Errorf("error %q\nwant %s", err, test.want)
				}
				sleep(time.Minute)
				if told := f.history.err(lwm2m.BootstrapFailed); told == nil || told.Error() != test.want {
					t.Errorf("events %s", f.history.kinds())
				}
				sleep(time.Minute)
				now, err := peer.Registration()
				must(t, err)
				if after := data(f.client); after != before || now.ID != was.ID {
					t.Errorf("the data have changed\nbefore %s\nafter %s\nregistration %v", before, after, now)
				}
			})
		})
	}
}

// A server that is none of the Bootstrap's can do nothing of it.
func TestServerAsBootstrapServer(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.unharmed("commands of a bootstrap", func() {
			f.play(
				refusedWith(senml("/0/0", `[{"n":"/0/0/0","vs":"coap://evil"}]`), model.Unauthorized, "/0/0: the Object is closed to servers"),
				refusedWith(server.Request{Method: server.DELETE, Path: "/"}, model.BadRequest, "the path names no Object"),
				refusedWith(server.Request{Method: server.DELETE, Path: "/0/0"}, model.Unauthorized, "/0/0: the Object is closed to servers"),
				refusedWith(server.Request{Method: server.GET, Path: "/", Accept: server.LinkFormat}, model.BadRequest, "the path names no Object"),
				refusedWith(post("/bs", none, ""), model.NotFound, "the next segment is no identifier of 0 to 65534"),
			)
		})
	})
}
