package lwm2m_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// What a Bootstrap-Server does to the application's Objects goes through the callbacks, when it finishes.
func TestBootstrapCallbacks(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		var calls []string
		refuse := map[string]error{}
		call := func(what string) error {
			calls = append(calls, what)
			return refuse[what]
		}
		expect := func(want string) {
			f.Helper()
			if got := strings.Join(calls, ", "); got != want {
				f.Errorf("called %s, want %s", got, want)
			}
			calls = nil
		}
		f.device.Timezone.Validate(func(zone string) error { return call("validate " + zone) })
		f.device.Timezone.OnWrite(func(_ context.Context, zone string) error { return call("write " + zone) })
		must(f, f.device.Timezone.Set("UTC"))
		f.temp.OnDelete(func(context.Context) error { return call("delete") })
		def := f.temp.Object()
		f.config.Factories = []lwm2m.Factory{{Object: def, New: func(_ context.Context, id uint16) (lwm2m.ObjectInstance, error) {
			made := ipso.NewTemperature(id)
			made.OnCreate(func(context.Context) error { return call(fmt.Sprint("create ", id)) })
			return made, call(fmt.Sprint("make ", id))
		}}}
		session := f.session()
		must(f, session.Configure(f.ctx))
		f.answers(session.Write(f.ctx, path("/3/0/15"), model.StringValue("Europe/Paris"), server.WriteOptions{}))(model.Changed, "")
		f.answers(session.Write(f.ctx, path("/3303/7/5700"), model.FloatValue(7), server.WriteOptions{}))(model.Changed, "")
		f.answers(session.Write(f.ctx, path("/3303/7/5701"), model.StringValue("Cel"), server.WriteOptions{}))(model.Changed, "")
		expect("")
		refuse["make 7"] = errors.New("no room")
		f.answers(session.Finish(f.ctx))(model.NotAcceptable, "/3303/7")
		expect("make 7")
		refuse = map[string]error{"create 7": fmt.Errorf("%w: broken", lwm2m.ServiceUnavailable)}
		f.answers(session.Finish(f.ctx))(model.NotAcceptable, "broken")
		expect("make 7, create 7")
		refuse = map[string]error{"validate Europe/Paris": fmt.Errorf("%w: no such zone", lwm2m.BadRequest)}
		f.answers(session.Finish(f.ctx))(model.NotAcceptable, "/3/0/15: 4.00 Bad Request: no such zone")
		expect("make 7, create 7, validate Europe/Paris")
		refuse = map[string]error{"write Europe/Paris": errors.New("no power")}
		f.answers(session.Finish(f.ctx))(model.NotAcceptable, "/3/0/15: refused by the application")
		expect("make 7, create 7, validate Europe/Paris, write Europe/Paris")
		if zone, _ := f.device.Timezone.Get(); zone != "UTC" || len(f.client.Instances(3303)) != 1 || len(f.client.Instances(1)) != 0 {
			f.Errorf("a refused session has an effect: %s", f.all())
		}
		refuse = map[string]error{"delete": errors.New("it is soldered")}
		f.answers(session.Delete(f.ctx, path("/3303/0")))(model.Deleted, "")
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		expect("make 7, create 7, validate Europe/Paris, write Europe/Paris, delete")
		f.has("/3/0/15", "Europe/Paris")
		f.has("/3303/7/5700", "7")
		f.has("/3303/0/5700", "22.5") // it stays
		f.server.WaitRegistered("thermo-1")
	})
}

// finishHeldUp has the Bootstrap-Server finish a session that writes the time zone, which was UTC. The callback, which
// has been told of the new value, waits for proceed; reached gets what else it is told.
func (f *bootstrapFixture) finishHeldUp() (session *server.BootstrapSession, reached chan string, proceed chan struct{}) {
	f.Helper()
	reached, proceed = make(chan string, 10), make(chan struct{})
	f.device.Timezone.OnWrite(func(_ context.Context, zone string) error {
		reached <- zone
		<-proceed
		return nil
	})
	must(f, f.device.Timezone.Set("UTC"))
	session = f.session()
	must(f, session.Configure(f.ctx))
	f.answers(session.Write(f.ctx, path("/3/0/15"), model.StringValue("Europe/Paris"), server.WriteOptions{}))(model.Changed, "")
	go func() { _, _ = session.Finish(f.ctx) }()
	if zone := <-reached; zone != "Europe/Paris" {
		f.Errorf("told %q", zone)
	}
	return session, reached, proceed
}

// A session that ends while the callbacks run has no effect, and what they were told is taken back.
func TestBootstrapEndsDuringCallbacks(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		session, _, proceed := f.finishHeldUp()
		f.answers(session.Write(f.ctx, path("/3/0/15"), model.StringValue("x"), server.WriteOptions{}))(lwm2m.ServiceUnavailable, "being checked")
		stopped := make(chan struct{})
		go func() {
			f.stop()
			close(stopped)
		}()
		synctest.Wait()
		close(proceed)
		<-stopped
		if zone, _ := f.device.Timezone.Get(); zone != "UTC" || len(f.client.Instances(1)) != 0 {
			f.Errorf("a session that has ended has an effect: %s", f.all())
		}
	})
}

// If a session fails while the callbacks run, they are told of what was there before.
func TestBootstrapUndoesCallbacks(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		_, reached, proceed := f.finishHeldUp()
		must(f, f.client.Pause(f.ctx)) // which gives up the connection
		close(proceed)
		if zone := <-reached; zone != "UTC" {
			f.Errorf("told %q at last", zone)
		}
		synctest.Wait()
		if zone, _ := f.device.Timezone.Get(); zone != "UTC" || len(f.client.Instances(1)) != 0 {
			f.Errorf("a session that has failed has an effect: %s", f.all())
		}
		must(f, f.client.Resume(f.ctx))
		session := f.session()
		must(f, session.Configure(f.ctx))
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitRegistered("thermo-1")
	})
}

// Whatever a Bootstrap-Server sends, it is answered with a code of the specification, and nothing has an effect before
// a Finish that makes sense.
func TestBootstrapNonsense(t *testing.T) {
	codes := []model.Code{
		model.BadRequest, model.Unauthorized, model.NotFound, model.MethodNotAllowed, model.NotAcceptable,
		model.UnsupportedContentFormat, model.RequestEntityTooLarge, model.Changed, model.Deleted, model.Content,
	}
	for seed := range uint64(5) {
		bootstrapped(t, manual, func(f *bootstrapFixture) {
			random := rand.New(rand.NewPCG(seed, 1))
			pick := func(list ...string) string { return list[random.IntN(len(list))] }
			session := f.session()
			before := f.all()
			for range 400 {
				r := server.Request{
					Method: []server.Method{server.GET, server.PUT, server.POST, server.DELETE, server.FETCH, server.IPATCH}[random.IntN(6)],
					Path: pick("/", "/0", "/1", "/2", "/3", "/21", "/77", "/bs") +
						pick("", "", "/0", "/1", "/65534") + pick("", "", "/0", "/5", "/10", "/99") + pick("", "", "", "/0", "/0/0"),
					Format: server.FormatOf([]uint16{0, 40, 42, 60, 110, 112, 320, 11542, 11543, 11544, 9999}[random.IntN(11)]),
					Payload: []byte(pick("", "x", "-1", "99999999999999999999", `[{"n":"/0/0/0","vs":"coap://evil"}]`, `[{"bn":"/0/0/0"`,
						"\xc1\x00\x01", "\x08\x00\x03\xc1\x00\x01", "\xa1\x00\x80", "\x82\xa2\x21", strings.Repeat("long ", 2000), string([]byte{byte(random.Uint32()), byte(random.Uint32()), 0, 1}))),
				}
				if r.Method == server.GET || r.Method == server.DELETE {
					r.Format, r.Payload = server.NoContentFormat, nil
				}
				if r.Path == "/bs" && r.Method == server.POST {
					continue // that may make sense
				}
				answer, err := session.Do(f.ctx, r)
				must(f, err)
				if !slices.Contains(codes, answer.Code) {
					f.Errorf("%s: %v %q", describe(r), answer.Code, answer.Payload)
				}
			}
			if after := f.all(); after != before {
				f.Errorf("nonsense has an effect:\n%s\nwant\n%s", after, before)
			}
			f.answers(session.Delete(f.ctx, path("/")))(model.Deleted, "")
			must(f, session.Configure(f.ctx))
			f.answers(session.Finish(f.ctx))(model.Changed, "")
			f.server.WaitRegistered("thermo-1")
		})
	}
}

// Endless instances and values are refused before they use up memory.
func TestBootstrapWithoutEnd(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		session := f.session()
		refused := 0
		for i := range uint16(2000) {
			r, err := session.Write(f.ctx, lwm2m.PathOf(0, i, 5), model.OpaqueValue(make([]byte, 900)), server.WriteOptions{})
			must(f, err)
			if r.Code == model.RequestEntityTooLarge {
				refused++
			}
		}
		if refused < 900 || refused > 1100 {
			f.Errorf("%d of 2000 refused", refused)
		}
		f.answers(session.Delete(f.ctx, path("/0")))(model.Deleted, "")
		must(f, session.Configure(f.ctx))
		f.answers(session.Finish(f.ctx))(model.Changed, "")
	})
}
