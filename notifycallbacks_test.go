package lwm2m_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// Notifications ask the OnRead callbacks, and end when these fail.
func TestNotifyCallbacks(t *testing.T) {
	var fail error
	configure := func(_ *lwm2m.Config, f *fixture) {
		f.temp.SensorUnits.OnRead(func(context.Context) (string, error) {
			time.Sleep(500 * time.Millisecond)
			return "K", fail
		})
	}
	start(t, configure, func(f *fixture) {
		single := f.observe("/3303/0", server.ObserveOptions{})
		composite, err := f.peer.ObserveComposite(f.ctx, []lwm2m.Path{path("/3303"), path("/1/0/1")}, server.CompositeOptions{}, server.ObserveOptions{})
		must(t, err)
		must(t, f.temp.SensorValue.Set(1))
		f.next(single, "/3303/0/5700=1 /3303/0/5701=K")
		f.next(composite, "/1/0/1=86400 /3303/0/5700=1 /3303/0/5701=K")
		fail = lwm2m.ServiceUnavailable
		must(t, f.temp.SensorValue.Set(2))
		f.next(composite, "/1/0/1=86400 /3303/0/5700=2") // what fails is left out
		n, err := single.Next(f.ctx)
		if err != nil || n.Code != model.ServiceUnavailable {
			t.Errorf("last notification %v %v", n.Code, err)
		}
		if got := f.history.last(); got != "OBSERVER_REMOVED server 1 /3303/0: 5.03 Service Unavailable: /3303/0/5701" {
			t.Errorf("event %s", got)
		}
		// The first answer can fail as well; then there is no observation.
		o, err := f.peer.Observe(f.ctx, path("/3303/0"), server.ObserveOptions{})
		must(t, err)
		if o.Response.Code != model.ServiceUnavailable {
			t.Errorf("answer %v", o.Response.Code)
		}
		fail = nil
		must(t, f.temp.SensorValue.Set(3))
		f.next(composite, "/1/0/1=86400 /3303/0/5700=3 /3303/0/5701=K")
	})
}

// Once a day a notification is confirmable (RFC 7641 §4.5). If nobody confirms it, the client
// finds out by an Update whether the server is still there, and the observation goes on.
func TestNotifyConfirmable(t *testing.T) {
	start(t, nil, func(f *fixture) {
		o := f.observe("/3303/0/5700", server.ObserveOptions{})
		w := record(f.server.Network)
		must(t, f.temp.SensorValue.Set(1))
		f.next(o, "/3303/0/5700=1")
		f.passed(w, `0.0 -> NON 2.05`)
		sleep(25 * time.Hour)
		w.take()
		must(t, f.temp.SensorValue.Set(2))
		f.next(o, "/3303/0/5700=2")
		f.passed(w, `
			0.0 -> CON 2.05
			0.0 <- ACK`)
		sleep(25 * time.Hour)
		f.server.Network.SetState(serverAddress, lwm2mtest.Silent)
		must(t, f.temp.SensorValue.Set(3))
		sleep(time.Minute)
		w.take()
		f.server.Network.SetState(serverAddress, lwm2mtest.Up)
		must(t, f.temp.SensorValue.Set(4))
		sleep(time.Minute)
		if got := w.take(); !strings.Contains(got, "CON POST /rd/") || !strings.Contains(got, "CON 2.05") {
			t.Errorf("on the wire:\n%s", got)
		}
		for {
			n, err := o.Next(f.ctx)
			must(t, err)
			if nodes(n.Nodes) == "/3303/0/5700=4" {
				break
			}
		}
	})
}

// A log at level Debug has each message, and no value.
func TestLogger(t *testing.T) {
	var log bytes.Buffer
	configure := func(config *lwm2m.Config, f *fixture) {
		config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		f.device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error { panic("no reset") })
	}
	start(t, configure, func(f *fixture) {
		f.play(
			exchange{put("/3/0/15", text, "a-secret"), model.Changed, none, ""},
			exchange{get("/3/0/15", none), model.Content, text, "a-secret"},
			exchange{get("/3/0/99", none), model.NotFound, none, "/3/0/99: no such Resource"},
			exchange{post("/3/0/4", none, ""), model.InternalServerError, none, "/3/0/4: the application failed"},
		)
		f.stop()
		for _, want := range []string{
			"level=INFO msg=REGISTRATION_COMPLETE endpoint=thermo-1 server=1 ",
			`msg="message <-" endpoint=thermo-1 server=1 type=CON code=PUT`,
			`msg="message ->" endpoint=thermo-1 server=1 type=ACK code=2.05`,
			`msg="operation refused" endpoint=thermo-1 server=1 path=/3/0/99`,
			`level=ERROR msg="callback panicked" endpoint=thermo-1 path=/3/0/4`,
		} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no line with %s in\n%s", want, log.String())
			}
		}
		if strings.Contains(log.String(), "a-secret") {
			t.Errorf("a value is in the log:\n%s", log.String())
		}
	})
}
