package lwm2m_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// timed are nodes as "path=value" with "@seconds" since start if they have a time.
func timed(nodes []server.Node, start time.Time) string {
	var s []string
	for _, n := range nodes {
		one := fmt.Sprintf("%v=%v", n.Path, n.Value)
		if !n.Time.IsZero() {
			one += fmt.Sprintf("@%v", n.Time.Sub(start).Seconds())
		}
		s = append(s, one)
	}
	return strings.Join(s, " ")
}

// sendTest is a device that is registered, and all that the server hears from it.
type sendTest struct {
	*fixture
	events *server.Events
}

func startSend(t *testing.T, configure func(*lwm2m.Config, *fixture), test func(*sendTest)) {
	t.Helper()
	start(t, configure, func(f *fixture) {
		s := &sendTest{f, f.server.Events()}
		defer s.events.Close()
		test(s)
	})
}

// sent waits for the next Send and returns what is in it.
func (f *sendTest) sent() *server.Data {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, 10*time.Second)
	defer cancel()
	e, err := f.events.WaitFor(ctx, server.Sent, "")
	must(f, err)
	return e.Data
}

// expectSent waits for the next Send and compares it.
func (f *sendTest) expectSent(start time.Time, want string) {
	f.Helper()
	if got := timed(f.sent().Nodes, start); got != want {
		f.Errorf("sent %s\nwant %s", got, want)
	}
}

// nothingSent checks that there is no Send which the test has not looked at, now and for a minute.
func (f *sendTest) nothingSent() {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, time.Minute)
	defer cancel()
	if e, err := f.events.WaitFor(ctx, server.Sent, ""); err == nil {
		f.Errorf("sent %s", nodes(e.Data.Nodes))
	}
}

// silence has nothing arrive at the server, or all again.
func (f *fixture) silence(silent bool) {
	conditions := lwm2mtest.Conditions{}
	if silent {
		conditions.Loss = 1
	}
	f.server.Network.SetConditions(lwm2mtest.ToServer, conditions)
}

// ETS 306: the device sends values on its own, and the server has them all.
func TestETS306Send(t *testing.T) {
	startSend(t, nil, func(f *sendTest) {
		must(t, f.client.Send(f.ctx, path("/3303/0/5700"), path("/3/0/0")))
		data := f.sent()
		if data.Format != server.SenMLCBOR {
			t.Errorf("format %v", data.Format)
		}
		if got := timed(data.Nodes, time.Now()); got != "/3303/0/5700=22.5 /3/0/0=Acme" {
			t.Errorf("sent %s", got)
		}
		must(t, f.client.SendReport(f.ctx, lwm2m.Report{Paths: []lwm2m.Path{path("/3303")}, JSON: true}))
		data = f.sent()
		if want := `[{"bn":"/3303/0/","n":"5700","v":22.5},{"n":"5701","vs":"Cel"}]`; data.Format != server.SenMLJSON || string(data.Payload) != want {
			t.Errorf("sent %v %s", data.Format, data.Payload)
		}
	})
}

// ETS 307: the server mutes Send, and lets it speak again.
func TestETS307MutingSend(t *testing.T) {
	startSend(t, nil, func(f *sendTest) {
		write := func(v bool) {
			r, err := f.peer.Write(f.ctx, path("/1/0/23"), model.BooleanValue(v), server.WriteOptions{})
			f.want(r, err)(model.Changed, "")
		}
		write(true)
		err := f.client.Send(f.ctx, path("/3303/0/5700"))
		if !errors.Is(err, lwm2m.ErrMuted) || err.Error() != "lwm2m: Send to server 1: lwm2m: Send is muted by /1/0/23" {
			t.Errorf("muted: %v", err)
		}
		f.nothingSent()
		write(false)
		must(t, f.client.Send(f.ctx, path("/3303/0/5700")))
		f.expectSent(time.Now(), "/3303/0/5700=22.5")
		must(t, f.client.Apply(lwm2m.Change{Path: path("/1/0/23")}))
		if err := f.client.Send(f.ctx, path("/3303/0/5700")); !errors.Is(err, lwm2m.ErrMuted) {
			t.Errorf("without the Resource: %v", err)
		}
	})
}

// ETS 311: the device sends several values at the command of its user.
func TestETS311SendCommand(t *testing.T) {
	startSend(t, nil, func(f *sendTest) {
		begin := time.Now()
		must(t, f.client.SendSamples(f.ctx, []lwm2m.Sample{
			{Path: path("/3303/0/5700"), Time: begin.Add(-time.Hour), Value: model.FloatValue(20)},
			{Path: path("/3303/0/5700"), Time: begin.Add(-time.Minute), Value: model.FloatValue(21)},
			{Path: path("/3303/0/5700"), Value: model.FloatValue(22)},
		}))
		f.expectSent(begin, "/3303/0/5700=20@-3600 /3303/0/5700=21@-60 /3303/0/5700=22@0")
		if v, _ := f.temp.SensorValue.Get(); v != 22.5 {
			t.Errorf("the device's own value is %v", v)
		}
	})
}

// The bytes of the example in Core 1.1.1 §6.4.4.
func TestSendBytes(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		location, connectivity := newInstance(f, 6), newInstance(f, 4)
		must(f, location.Set(0, model.FloatValue(43.61092)))
		must(f, location.Set(1, model.FloatValue(3.87723)))
		must(f, connectivity.Set(2, model.IntegerValue(-49)))
		config.Objects = append(config.Objects, location, connectivity)
	}
	startSend(t, configure, func(f *sendTest) {
		paths := []lwm2m.Path{path("/6/0/0"), path("/6/0/1"), path("/4/0/2")}
		must(t, f.client.SendReport(f.ctx, lwm2m.Report{Paths: paths, JSON: true}))
		if got := string(f.sent().Payload); got != `[{"n":"/6/0/0","v":43.61092},{"n":"/6/0/1","v":3.87723},{"n":"/4/0/2","v":-49}]` {
			t.Errorf("sent %s", got)
		}
		must(t, f.client.Send(f.ctx, paths...))
		if got := string(f.sent().Payload); got != octets("83a200662f362f302f3002fb4045ce32a0663c75a200662f362f302f3102fb400f049129888f86a200662f342f302f32023830") {
			t.Errorf("sent %x", got)
		}
	})
}

// newInstance is instance 0 of an Object.
func newInstance(t testing.TB, object uint16) *lwm2m.Instance {
	t.Helper()
	def, ok := model.Embedded().Latest(object)
	if !ok {
		t.Fatalf("no definition of Object %d", object)
	}
	return lwm2m.NewInstance(def, 0)
}

func TestSendIsRefusedLocally(t *testing.T) {
	startSend(t, nil, func(f *sendTest) {
		for name, want := range map[string]struct {
			err     error
			code    lwm2m.Code
			message string
		}{
			"nothing":          {f.client.Send(f.ctx), lwm2m.BadRequest, "4.00 Bad Request: nothing to send: neither paths nor samples"},
			"no Object":        {f.client.Send(f.ctx, path("/4242/0/1")), lwm2m.NotFound, "lwm2m: Send to server 1: 4.04 Not Found: /4242/0/1: no such Object"},
			"no Instance":      {f.client.Send(f.ctx, path("/3303/1")), lwm2m.NotFound, "lwm2m: Send to server 1: 4.04 Not Found: /3303/1: no such Object Instance"},
			"no value":         {f.client.Send(f.ctx, path("/3303/0/5601")), lwm2m.NotFound, "lwm2m: Send to server 1: 4.04 Not Found: /3303/0/5601: the Resource has no value"},
			"no right":         {f.client.Send(f.ctx, path("/0/0/0")), model.Unauthorized, "lwm2m: Send to server 1: 4.01 Unauthorized: /0/0/0: the Object is closed to servers"},
			"executable":       {f.client.Send(f.ctx, path("/1/0/8")), lwm2m.MethodNotAllowed, "lwm2m: Send to server 1: 4.05 Method Not Allowed: /1/0/8: executable, has no value"},
			"root":             {f.client.Send(f.ctx, lwm2m.Path{}), lwm2m.BadRequest, "lwm2m: Send to server 1: 4.00 Bad Request: the path names no Object"},
			"sample":           {f.sample("/3303/1/5700", 1, time.Time{}), lwm2m.NotFound, "4.04 Not Found: /3303/1/5700: the client has no such Object Instance, so servers would refuse it"},
			"sample's level":   {f.sample("/3303/0", 1, time.Time{}), lwm2m.BadRequest, "4.00 Bad Request: /3303/0: a sample needs the path of a Resource or Resource Instance"},
			"sample's type":    {f.sample("/3303/0/5701", 1, time.Time{}), lwm2m.BadRequest, "4.00 Bad Request: /3303/0/5701: wrong data type: Sensor Units (5701) is String, not Float"},
			"sample's Object":  {f.sample("/0/0/1", 1, time.Time{}), model.Unauthorized, "4.01 Unauthorized: /0/0/1: the Object is closed to servers"},
			"sample's right":   {f.sample("/3303/0/5605", 1, time.Time{}), lwm2m.MethodNotAllowed, "4.05 Method Not Allowed: /3303/0/5605: not readable"},
			"sample's time":    {f.sample("/3303/0/5700", 1, time.Unix(100, 0).UTC()), lwm2m.BadRequest, "4.00 Bad Request: /3303/0/5700: a sample of 1970-01-01 00:01:40 +0000 UTC, which SenML would take for relative to now"},
			"sample's no such": {f.sample("/3303/0/9", 1, time.Time{}), lwm2m.NotFound, "4.04 Not Found: /3303/0/9: no such Resource"},
		} {
			var refusal *lwm2m.Error
			if !errors.As(want.err, &refusal) || refusal.Code != want.code || want.err.Error() != want.message {
				t.Errorf("%s: %v\nwant %s", name, want.err, want.message)
			}
		}
		if err := f.client.SendReport(f.ctx, lwm2m.Report{Server: 7, Paths: []lwm2m.Path{path("/3")}}); !errors.Is(err, lwm2m.ErrNotRegistered) {
			t.Errorf("to nobody: %v", err)
		}
		ended, cancel := context.WithCancel(f.ctx)
		cancel()
		if err := f.client.Send(ended, path("/3")); !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: %v", err)
		}
		f.nothingSent()
		f.stop()
		if err := f.client.Send(f.ctx, path("/3")); !errors.Is(err, lwm2m.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// sample sends a single sample.
func (f *sendTest) sample(p string, v float64, at time.Time) error {
	return f.client.SendSamples(f.ctx, []lwm2m.Sample{{Path: path(p), Value: model.FloatValue(v), Time: at}})
}

func TestSendNeedsVersion11(t *testing.T) {
	configure := func(config *lwm2m.Config, _ *fixture) { config.Version = lwm2m.Version10 }
	startSend(t, configure, func(f *sendTest) {
		if err := f.client.Send(f.ctx, path("/3303/0")); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Send in LwM2M 1.0: %v", err)
		}
		f.nothingSent()
	})
}

// The server's own refusal reaches the caller.
func TestSendIsRefused(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		f.server = lwm2mtest.NewServer(f.T, lwm2mtest.Options{Network: f.server.Network, Address: "198.51.100.9:5683", Config: server.Config{
			Intercept: func(_ context.Context, r server.Intercepted) (v server.Verdict) {
				if r.Kind == server.SendRequest {
					v = server.Verdict{Code: model.BadRequest, Reason: "no appetite"}
				}
				return v
			},
		}})
		config.Servers[0].URI = f.server.URI()
	}
	startSend(t, configure, func(f *sendTest) {
		var refusal *lwm2m.Error
		if err := f.client.Send(f.ctx, path("/3303/0")); !errors.As(err, &refusal) || refusal.Code != lwm2m.BadRequest ||
			err.Error() != "lwm2m: Send to server 1: 4.00 Bad Request: no appetite" {
			t.Errorf("refused: %v", err)
		}
		f.nothingSent()
	})
}

// So does its silence, after which an Update finds out whether it is there.
func TestSendIsNotAnswered(t *testing.T) {
	startSend(t, nil, func(f *sendTest) {
		f.silence(true)
		var timeout net.Error
		if err := f.client.Send(f.ctx, path("/3303/0")); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("unanswered: %v", err)
		}
		synctest.Wait()
		if got := f.history.last(); got != "REG_UPDATE server 1" {
			t.Errorf("last event %s", got)
		}
	})
}

func TestSendEndsWithContext(t *testing.T) {
	startSend(t, nil, func(f *sendTest) {
		f.silence(true)
		ctx, cancel := context.WithTimeout(f.ctx, 10*time.Second)
		defer cancel()
		begin := time.Now()
		if err := f.client.Send(ctx, path("/3303/0")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if d := time.Since(begin); d != 10*time.Second {
			t.Errorf("ended after %v", d)
		}
		synctest.Wait()
		f.silence(false)
		f.nothingSent()
	})
}

// OnRead callbacks are asked, and their errors are the caller's.
func TestSendAsksCallbacks(t *testing.T) {
	startSend(t, nil, func(f *sendTest) {
		g := newGate()
		answer := error(nil)
		f.temp.SensorValue.OnRead(func(ctx context.Context) (float64, error) { return 30, errors.Join(answer, g.pass(ctx)) })
		close(g.open)
		must(t, f.client.Send(f.ctx, path("/3/0/0"), path("/3303/0")))
		f.expectSent(time.Now(), "/3/0/0=Acme /3303/0/5700=30 /3303/0/5701=Cel")
		answer = fmt.Errorf("%w: sensor is off", lwm2m.ServiceUnavailable)
		if err := f.client.Send(f.ctx, path("/3303/0")); !errors.Is(err, lwm2m.ServiceUnavailable) || !strings.Contains(err.Error(), "sensor is off") {
			t.Errorf("error %v", err)
		}
		f.temp.SensorValue.OnRead(func(context.Context) (float64, error) { panic("broken") })
		if err := f.client.Send(f.ctx, path("/3303/0")); !errors.Is(err, lwm2m.InternalServerError) {
			t.Errorf("after a panic: %v", err)
		}
		synctest.Wait()
		if got := f.history.last(); !strings.HasPrefix(got, "CALLBACK_PANIC /3303/0/5700") {
			t.Errorf("last event %s", got)
		}
		f.nothingSent()
	})
}

// A server refuses what it has not been told of: Create, Update, Send is the order.
func TestSendWaitsForUpdate(t *testing.T) {
	startSend(t, nil, func(f *sendTest) {
		must(t, f.client.Update(f.ctx)) // so that the next may come in 15 s only
		begin := time.Now()
		must(t, f.client.Add(ipso.NewTemperature(1)))
		must(t, f.client.SendSamples(f.ctx, []lwm2m.Sample{{Path: path("/3303/1/5700"), Value: model.FloatValue(7)}}))
		if d := time.Since(begin); d != 15*time.Second {
			t.Errorf("sent after %v", d)
		}
		must(t, f.client.Add(ipso.NewTemperature(2))) // which does not concern what follows
		begin = time.Now()
		must(t, f.sample("/3303/1/5700", 8, time.Time{}))
		if d := time.Since(begin); d != 0 {
			t.Errorf("sent after %v", d)
		}
		must(t, f.client.Delete(path("/3303/2")))
		must(t, f.client.Send(f.ctx, path("/3/0/0"), path("/3303/0")))
		if d := time.Since(begin); d != 0 {
			t.Errorf("sent after %v", d)
		}
		var kinds []string
		for range 5 {
			e, err := f.events.Next(f.ctx)
			must(t, err)
			kinds = append(kinds, e.Kind.String())
		}
		if got := strings.Join(kinds, " "); got != "updated updated sent sent sent" {
			t.Errorf("server's events: %s", got)
		}
	})
}

// If the Update fails, the Register that follows counts.
func TestSendWaitsForRegister(t *testing.T) {
	startSend(t, nil, func(f *sendTest) {
		must(t, f.client.Add(ipso.NewTemperature(1)))
		f.server.Forget("thermo-1")
		must(t, f.sample("/3303/1/5700", 7, time.Time{}))
		f.expectSent(time.Now(), "/3303/1/5700=7@0")
	})
}

func TestSendBlockwise(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) { config.Transmission.BlockSize = 64 }
	startSend(t, configure, func(f *sendTest) {
		must(t, f.device.Manufacturer.Set(strings.Repeat("x", 1000)))
		must(t, f.client.Send(f.ctx, path("/3/0/0")))
		f.expectSent(time.Now(), "/3/0/0="+strings.Repeat("x", 1000))
	})
}

// What is longer than the limit goes out in several messages, nothing twice and nothing left out.
func TestSendSplits(t *testing.T) {
	const limit, count = 200, 100
	configure := func(config *lwm2m.Config, f *fixture) { config.Transmission.MaxReport = limit }
	startSend(t, configure, func(f *sendTest) {
		begin := time.Now()
		var samples []lwm2m.Sample
		for i := range count {
			samples = append(samples, lwm2m.Sample{Path: path("/3303/0/5700"), Time: begin.Add(time.Duration(i) * time.Second), Value: model.FloatValue(float64(i))})
		}
		must(t, f.device.Manufacturer.Set(strings.Repeat("y", 300))) // longer than the limit by itself
		must(t, f.client.SendReport(f.ctx, lwm2m.Report{Paths: []lwm2m.Path{path("/3/0/0"), path("/3303/0/5701")}, Samples: samples}))
		var got []server.Node
		messages := 0
		for ; len(got) < count+2; messages++ {
			data := f.sent()
			if len(data.Payload) > limit && len(data.Nodes) > 1 {
				t.Errorf("%d bytes with %d values", len(data.Payload), len(data.Nodes))
			}
			got = append(got, data.Nodes...)
		}
		if messages < 5 || messages > 25 {
			t.Errorf("%d messages", messages)
		}
		if len(got) != count+2 || !strings.HasPrefix(nodes(got[:1]), "/3/0/0=yyy") || nodes(got[1:2]) != "/3303/0/5701=Cel" {
			t.Fatalf("sent %s", nodes(got))
		}
		for i, n := range got[2:] {
			if n.Value.Float() != float64(i) || !n.Time.Equal(samples[i].Time) {
				t.Errorf("sample %d is %v at %v", i, n.Value, n.Time)
			}
		}
		f.nothingSent()
	})
}

// Send goes to all servers that want it.
func TestSendToSeveralServers(t *testing.T) {
	var second *lwm2mtest.Server
	configure := func(config *lwm2m.Config, f *fixture) {
		second = lwm2mtest.NewServer(f.T, lwm2mtest.Options{Network: f.server.Network, Address: "198.51.100.2:5683"})
		config.Servers = append(config.Servers, lwm2m.ServerAccount{URI: second.URI(), Security: lwm2m.NoSec{}, ShortServerID: 20})
	}
	startSend(t, configure, func(f *sendTest) {
		second.WaitRegistered("thermo-1")
		synctest.Wait()
		must(t, f.client.Send(f.ctx, path("/3303/0/5700")))
		f.expectSent(time.Now(), "/3303/0/5700=22.5")
		if got := nodes(second.WaitEvent(server.Sent, "thermo-1").Data.Nodes); got != "/3303/0/5700=22.5" {
			t.Errorf("the second server got %s", got)
		}
		must(t, f.client.SendReport(f.ctx, lwm2m.Report{Paths: []lwm2m.Path{path("/3/0/0")}, Server: 20}))
		if got := nodes(second.WaitEvent(server.Sent, "thermo-1").Data.Nodes); got != "/3/0/0=Acme" {
			t.Errorf("the second server got %s", got)
		}
		f.nothingSent()
		must(t, f.client.Apply(lwm2m.Change{Path: path("/1/0/23"), Value: model.BooleanValue(true)}))
		must(t, f.client.Send(f.ctx, path("/3303/0/5700"))) // the second is enough
		second.WaitEvent(server.Sent, "thermo-1")
		f.nothingSent()
		if err := f.client.SendReport(f.ctx, lwm2m.Report{Paths: []lwm2m.Path{path("/3")}, Server: 1}); !errors.Is(err, lwm2m.ErrMuted) {
			t.Errorf("to the muted one: %v", err)
		}
	})
}
