package lwm2m_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// What a callback returns is the answer.
func TestCallbackErrors(t *testing.T) {
	var verdict error
	configure := func(_ *lwm2m.Config, f *fixture) {
		f.device.UTCOffset.OnWrite(func(context.Context, string) error { return verdict })
		f.device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error { return verdict })
		f.device.BatteryLevel.OnRead(func(context.Context) (int64, error) { return 50, verdict })
		must(f, f.device.UTCOffset.Set("+00:00"))
	}
	start(t, configure, func(f *fixture) {
		for _, c := range []struct {
			verdict    error
			code       model.Code
			diagnostic string
		}{
			{lwm2m.BadRequest, model.BadRequest, ""},
			{lwm2m.MethodNotAllowed, model.MethodNotAllowed, ""},
			{lwm2m.ServiceUnavailable, model.ServiceUnavailable, ""},
			{fmt.Errorf("%w: the valve is stuck", lwm2m.NotFound), model.NotFound, ": 4.04 Not Found: the valve is stuck"},
			{errors.New("secret: disk /dev/sda1"), model.InternalServerError, ": refused by the application"},
			{&lwm2m.Error{Code: model.NotImplemented, Path: path("/3/0"), Reason: "later"}, model.NotImplemented, "/3/0: later"},
		} {
			verdict = c.verdict
			want := func(p string) string {
				if strings.HasPrefix(c.diagnostic, "/") {
					return c.diagnostic
				}
				return p + c.diagnostic
			}
			f.play(
				exchange{put("/3/0/14", text, "+02:00"), c.code, none, want("/3/0/14")},
				exchange{post("/3/0/4", none, ""), c.code, none, want("/3/0/4")},
				exchange{get("/3/0/9", none), c.code, none, want("/3/0/9")},
			)
		}
		if v, _ := f.device.UTCOffset.Get(); v != "+00:00" {
			t.Errorf("a rejected value is stored: %q", v)
		}
	})
}

func TestCallbackPanics(t *testing.T) {
	configure := func(_ *lwm2m.Config, f *fixture) {
		f.device.UTCOffset.OnWrite(func(context.Context, string) error { panic("no clock") })
		f.device.Timezone.Validate(func(string) error { panic("no zones") })
		f.device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error { panic("no reset") })
		f.device.BatteryLevel.OnRead(func(context.Context) (int64, error) { panic("no battery") })
		f.temp.OnDelete(func(context.Context) error { panic("glued") })
	}
	start(t, configure, func(f *fixture) {
		for _, c := range []struct {
			request server.Request
			event   string
		}{
			{put("/3/0/14", text, "+02:00"), "no clock"},
			{put("/3/0/15", text, "Europe/Paris"), "no zones"},
			{post("/3/0/4", none, ""), "no reset"},
			{get("/3/0/9", none), "no battery"},
			{remove("/3303/0"), "glued"},
		} {
			r, err := f.peer.Do(f.ctx, c.request)
			must(t, err)
			sleep(0)
			if r.Code != model.InternalServerError || strings.Contains(string(r.Payload), c.event) {
				t.Errorf("%s: %v %q, want 5.00 that does not tell", describe(c.request), r.Code, r.Payload)
			}
			if got := f.history.last(); !strings.HasPrefix(got, "CALLBACK_PANIC "+c.request.Path) || !strings.Contains(got, c.event) {
				t.Errorf("%s: event %q", describe(c.request), got)
			}
		}
		f.play(exchange{get("/3303/0/5700", none), model.Content, text, "22.5"})
	})
}

// A Write with several callbacks is all or nothing: those that took their value
// are called again with the former one.
func TestWriteUndo(t *testing.T) {
	var log []string
	var refuse string
	configure := func(_ *lwm2m.Config, f *fixture) {
		note := func(name string) func(context.Context, string) error {
			return func(_ context.Context, v string) error {
				log = append(log, name+"="+v)
				if v == refuse {
					return fmt.Errorf("%w: not %s", lwm2m.BadRequest, v)
				}
				return nil
			}
		}
		must(f, f.device.UTCOffset.Set("+00:00"))
		must(f, f.device.Timezone.Set("UTC"))
		f.device.UTCOffset.OnWrite(note("offset"))
		f.device.Timezone.OnWrite(note("zone"))
		f.device.UTCOffset.Validate(func(v string) error {
			log = append(log, "valid?"+v)
			if len(v) != 6 {
				return errors.New("want ±hh:mm")
			}
			return nil
		})
	}
	start(t, configure, func(f *fixture) {
		both := func(offset, zone string) server.Request {
			return post("/3/0", server.SenMLJSON, `[{"bn":"/3/0/","n":"13","v":7},{"n":"14","vs":"`+offset+`"},{"n":"15","vs":"`+zone+`"}]`)
		}
		check := func(want, offset, zone string, times int64) {
			f.Helper()
			if got := strings.Join(log, " "); got != want {
				f.Errorf("called %s, want %s", got, want)
			}
			log = nil
			o, _ := f.device.UTCOffset.Get()
			z, _ := f.device.Timezone.Get()
			if at, _ := f.device.CurrentTime.Get(); o != offset || z != zone || max(at.Unix(), 0) != times {
				f.Errorf("stored %q %q %v", o, z, at)
			}
		}
		f.play(exchange{both("+1", "Mars"), model.BadRequest, none, "/3/0/14: refused by the application"})
		check("valid?+1", "+00:00", "UTC", 0)
		refuse = "Mars"
		f.play(exchange{both("+01:00", "Mars"), model.BadRequest, none, "/3/0/15: 4.00 Bad Request: not Mars"})
		check("valid?+01:00 offset=+01:00 zone=Mars offset=+00:00", "+00:00", "UTC", 0)
		f.play(exchange{both("+01:00", "CET"), model.Changed, none, ""})
		check("valid?+01:00 offset=+01:00 zone=CET", "+01:00", "CET", 7)
		// The same by a composite.
		f.play(exchange{ipatch(server.SenMLJSON, `[{"n":"/3/0/14","vs":"+09:00"},{"n":"/3/0/15","vs":"Mars"}]`), model.BadRequest, none, "/3/0/15: 4.00 Bad Request: not Mars"})
		check("valid?+09:00 offset=+09:00 zone=Mars offset=+01:00", "+01:00", "CET", 7)
	})
}

// A callback that takes its time: an empty acknowledgement, then the answer on its own.
// Repetitions of the request do not run it again, and other requests are served.
func TestSlowCallback(t *testing.T) {
	calls := 0
	configure := func(_ *lwm2m.Config, f *fixture) {
		f.device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error {
			calls++
			time.Sleep(10 * time.Second)
			return nil
		})
	}
	start(t, configure, func(f *fixture) {
		w := record(f.server.Network)
		done := f.background(post("/3/0/4", none, ""))
		sleep(4 * time.Second)
		f.play(exchange{get("/3303/0/5700", none), model.Content, text, "22.5"})
		if r := <-done; r.err != nil || r.Code != model.Changed {
			t.Errorf("answer %v %v", r.Response, r.err)
		}
		f.passed(w, `
			0.0 <- CON POST /3/0/4
			1.0 -> ACK
			4.0 <- CON GET /3303/0/5700
			4.0 -> ACK 2.05
			10.0 -> CON 2.04
			10.0 <- ACK`)

		// The acknowledgement is lost: the server repeats its request.
		lost := false
		w.lose(func(p lwm2mtest.Packet, m *coap.Message) bool {
			if !lost && p.Direction == lwm2mtest.ToServer && m.Type == coap.Acknowledgement {
				lost = true
				return false
			}
			return true
		})
		if r := <-f.background(post("/3/0/4", none, "")); r.err != nil || r.Code != model.Changed {
			t.Errorf("answer %v %v", r.Response, r.err)
		}
		if got := w.take(); strings.Count(got, "POST /3/0/4") != 2 || calls != 2 {
			t.Errorf("called %d times in all, on the wire:\n%s", calls, got)
		}
	})
}

// Callbacks of one Object Instance that change something run one after another, those
// that read run beside them.
func TestCallbackOrder(t *testing.T) {
	var reboot *gate
	read := 0
	var order []string
	configure := func(_ *lwm2m.Config, f *fixture) {
		reboot = newGate()
		f.device.Reboot.OnExecute(func(ctx context.Context, _ lwm2m.Arguments) error {
			defer func() { order = append(order, "reboot") }()
			return reboot.pass(ctx)
		})
		f.device.UTCOffset.OnWrite(func(context.Context, string) error {
			order = append(order, "write")
			return nil
		})
		f.device.BatteryLevel.OnRead(func(context.Context) (int64, error) { read++; return 7, nil })
	}
	start(t, configure, func(f *fixture) {
		first := f.background(post("/3/0/4", none, ""))
		sleep(2 * time.Second)
		second := f.background(put("/3/0/14", text, "+02:00"))
		sleep(2 * time.Second)
		f.play(exchange{get("/3/0/9", none), model.Content, text, "7"})
		if len(order) > 0 || read != 1 {
			t.Errorf("order %v, %d reads", order, read)
		}
		close(reboot.open)
		for _, done := range []<-chan result{first, second} {
			if r := <-done; r.err != nil || r.Code != model.Changed {
				t.Errorf("answer %v %v", r.Response, r.err)
			}
		}
		if fmt.Sprint(order) != "[reboot write]" {
			t.Errorf("order %v", order)
		}
	})
}

// Callbacks may call the client.
func TestCallbacksCallTheClient(t *testing.T) {
	configure := func(_ *lwm2m.Config, f *fixture) {
		f.device.Reboot.OnExecute(func(ctx context.Context, _ lwm2m.Arguments) error {
			if err := f.temp.SensorValue.Set(1); err != nil {
				return err
			}
			if err := f.client.Apply(f.temp.SensorValue.To(2), f.device.BatteryLevel.To(3)); err != nil {
				return err
			}
			second := ipso.NewTemperature(1)
			if err := errors.Join(second.SensorValue.Set(4), f.client.Add(second)); err != nil {
				return err
			}
			return f.client.Update(ctx)
		})
		f.device.UTCOffset.OnWrite(func(context.Context, string) error { return f.client.Delete(path("/3303/1")) })
		f.temp.OnDelete(func(context.Context) error { return f.device.BatteryLevel.Set(9) })
		f.device.MemoryFree.OnRead(func(context.Context) (int64, error) {
			v, err := f.client.Get(path("/3/0/9"))
			return v.Int() * 100, err
		})
	}
	start(t, configure, func(f *fixture) {
		f.play(
			exchange{post("/3/0/4", none, ""), model.Changed, none, ""},
			exchange{get("/3303/0/5700", none), model.Content, text, "2"},
			exchange{get("/3303/1/5700", none), model.Content, text, "4"},
			exchange{get("/3/0/10", none), model.Content, text, "300"},
			exchange{put("/3/0/14", text, "+02:00"), model.Changed, none, ""},
			exchange{get("/3303/1/5700", none), model.NotFound, none, "/3303/1/5700: no such Object Instance"},
			exchange{remove("/3303/0"), model.Deleted, none, ""},
			exchange{get("/3/0/9", none), model.Content, text, "9"},
		)
	})
}

// The context of callbacks ends with the client, which does not wait for those that ignore it.
func TestCallbackContextEnds(t *testing.T) {
	var g *gate
	var end error
	var ended time.Time
	configure := func(_ *lwm2m.Config, f *fixture) {
		g = newGate()
		f.device.Reboot.OnExecute(func(ctx context.Context, _ lwm2m.Arguments) error {
			end = g.pass(ctx)
			ended = time.Now()
			return end
		})
	}
	start(t, configure, func(f *fixture) {
		done := f.background(post("/3/0/4", none, ""))
		sleep(5 * time.Second)
		if g.count() != 1 {
			t.Fatal("the callback does not run")
		}
		stopped := time.Now()
		f.stop()
		if !errors.Is(end, context.Canceled) || ended.Sub(stopped) > 5*time.Second {
			t.Errorf("the callback ended with %v, %v after the client", end, ended.Sub(stopped))
		}
		<-done
	})
}

// The callback of a multiple Resource gets all Resource Instances as they will be.
func TestMultiResourceOnWrite(t *testing.T) {
	var got []map[uint16]int64
	configure := func(config *lwm2m.Config, f *fixture) {
		in := newTestObject(f, 0)
		config.Objects = append(config.Objects, in)
		r := lwm2m.MultiResourceOf[int64](in, 1120)
		r.OnWrite(func(_ context.Context, v map[uint16]int64) error {
			got = append(got, v)
			return nil
		})
		r.Validate(func(v int64) error {
			if v > 100 {
				return lwm2m.MethodNotAllowed
			}
			return nil
		})
	}
	start(t, configure, func(f *fixture) {
		f.play(
			exchange{post("/3442/0", server.SenMLJSON, `[{"n":"/3442/0/1120/9","v":1}]`), model.Changed, none, ""},
			exchange{put("/3442/0/1120/9", text, "2"), model.Changed, none, ""},
			exchange{put("/3442/0/1120/9", text, "101"), model.MethodNotAllowed, none, "/3442/0/1120/9"},
			exchange{put("/3442/0/1120", server.SenMLJSON, `[{"n":"/3442/0/1120/1","v":3}]`), model.Changed, none, ""},
		)
		want := "[map[0:-40000 7:-40000 9:1] map[0:-40000 7:-40000 9:2] map[1:3]]"
		if fmt.Sprint(got) != want {
			t.Errorf("called with %v, want %s", got, want)
		}
	})
}
