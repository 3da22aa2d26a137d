package lwm2m_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
)

// byHand are accounts as instances of the Objects 0 and 1.
func byHand(t testing.TB, uri string) []lwm2m.ObjectInstance {
	def, _ := model.Core(lwm2m.Version11).Latest(0)
	security, account := lwm2m.NewInstance(def, 0), oma.NewServer(0, 7)
	must(t, security.Set(0, model.StringValue(uri)))
	must(t, security.Set(1, model.BooleanValue(false)))
	must(t, security.Set(2, model.IntegerValue(3)))
	must(t, security.Set(10, model.IntegerValue(7)))
	must(t, account.Lifetime.Set(300))
	return []lwm2m.ObjectInstance{security, account}
}

// A device is used by one client after another, with what the servers made of it, and with accounts that are Objects.
func TestRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		objects := append(byHand(t, srv.URI()), newTestObject(t, 0))
		config := lwm2m.Config{Endpoint: "thermo-1", Network: srv.Network, Factories: []lwm2m.Factory{{Object: testDefinition()}}}
		ctx, cancel := context.WithCancel(t.Context())
		host, done := lwm2m.NewHost(lwm2m.HostConfig{Shards: 1}), make(chan error)
		go func() { done <- host.Run(ctx) }()
		for round := range 2 {
			var told []string
			config.OnEvent = func(e lwm2m.Event) { told = append(told, e.Kind.String()) }
			config.Objects = objects
			client, err := lwm2m.NewClient(config)
			must(t, err)
			must(t, host.Add(client))
			peer := srv.WaitRegistered("thermo-1")
			synctest.Wait()
			if round == 0 {
				_, err = peer.Create(ctx, lwm2m.PathOf(testObject, 5), []server.Node{{Path: lwm2m.PathOf(testObject, 5, 110), Value: model.StringValue("made")}}, server.CreateOptions{})
				must(t, err)
			}
			r, err := peer.Read(ctx, lwm2m.PathOf(testObject, 5, 110), server.ReadOptions{})
			if must(t, err); string(r.Payload) != "made" {
				t.Errorf("round %d: %v %q", round, r.Code, r.Payload)
			}
			if _, err := client.Release(expired()); !errors.Is(err, context.Canceled) {
				t.Errorf("a running client is released: %v", err)
			}
			go func() { _ = host.Remove(ctx, client) }()
			released, err := client.Release(ctx)
			must(t, err)
			if last := told[len(told)-1]; last != "DISCONNECT" {
				t.Errorf("released after %s", last)
			}
			if n := len(client.Instances(testObject)); n != 0 {
				t.Errorf("the client has %d instances still", n)
			}
			objects = nil
			var paths []string
			for _, in := range released {
				objects, paths = append(objects, in), append(paths, in.Path().String())
			}
			if got := strings.Join(paths, " "); got != "/0/0 /1/0 /3/0 /3442/0 /3442/5" {
				t.Errorf("round %d: released %s", round, got)
			}
		}
		cancel()
		must(t, <-done)
	})
}

func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestAccountsAsObjects(t *testing.T) {
	for _, c := range []struct {
		spoil func(security, account *lwm2m.Instance)
		want  string
	}{
		{func(s, _ *lwm2m.Instance) {}, ""},
		{func(s, _ *lwm2m.Instance) { _ = s.Set(0, model.StringValue("http://x")) }, `lwm2m: account /0/0: link: invalid server URI "http://x": unknown scheme "http"`},
		{func(s, _ *lwm2m.Instance) { _ = s.Set(2, model.IntegerValue(4)) }, "lwm2m: account /0/0: security mode 4 is not supported; 0, 2 and 3 are"},
		{func(_, a *lwm2m.Instance) { _ = a.Set(0, model.IntegerValue(8)) }, "lwm2m: account /0/0: no instance of the Server Object has its Short Server ID 7"},
	} {
		objects := byHand(t, "coap://192.0.2.1")
		c.spoil(objects[0].Base(), objects[1].Base())
		_, err := lwm2m.NewClient(lwm2m.Config{Endpoint: "x", Objects: objects})
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") && !strings.HasPrefix(got, c.want) {
			t.Errorf("error %q, want %q", got, c.want)
		}
	}
	second := byHand(t, "coap://192.0.2.2")[0].Base()
	def := second.Object()
	twin := lwm2m.NewInstance(def, 1)
	for _, resource := range []uint16{0, 1, 2, 10} {
		v, _ := second.Get(resource)
		must(t, twin.Set(resource, v))
	}
	_, err := lwm2m.NewClient(lwm2m.Config{Endpoint: "x", Objects: append(byHand(t, "coap://192.0.2.1"), twin)})
	if got := fmt.Sprint(err); got != "lwm2m: accounts /0/0 and /0/1 have the same Short Server ID 7" {
		t.Error(got)
	}
}

// What a program does with paths is what servers do.
func TestLocalOperations(t *testing.T) {
	var executed []string
	configure := func(config *lwm2m.Config, f *fixture) {
		withTestObject(config, f)
		f.device.CurrentTime.OnRead(func(context.Context) (time.Time, error) { return time.Unix(1000, 0), nil })
		f.device.Timezone.OnRead(func(context.Context) (string, error) { return "", lwm2m.ServiceUnavailable })
		f.device.Reboot.OnExecute(func(_ context.Context, a lwm2m.Arguments) error {
			executed = append(executed, a.String())
			return nil
		})
	}
	start(t, configure, func(f *fixture) {
		device, test := f.device.Instance, f.client.Instances(testObject)[0]
		for _, c := range []struct {
			in       *lwm2m.Instance
			resource uint16
			want     string
		}{
			{device, 13, "[{/3/0/13 0001-01-01 00:00:00 +0000 UTC 1970-01-01T00:16:40Z}] <nil>"},
			{test, 1120, "[{/3442/0/1120/0 0001-01-01 00:00:00 +0000 UTC -40000} {/3442/0/1120/7 0001-01-01 00:00:00 +0000 UTC -40000}] <nil>"},
			{device, 15, "[] 5.03 Service Unavailable: /3/0/15"},
			{device, 17, "[] 4.04 Not Found: /3/0/17: no value here"},
			{device, 4, "[] 4.05 Method Not Allowed: /3/0/4: executable, has no value"},
			{device, 99, "[] 4.04 Not Found: /3/0/99: no such Resource"},
		} {
			values, err := c.in.Read(f.ctx, c.resource)
			if got := fmt.Sprint(values, err); got != c.want {
				t.Errorf("%v/%d: %s, want %s", c.in.Path(), c.resource, got, c.want)
			}
		}
		must(t, device.Execute(f.ctx, 4, "1='a'"))
		for _, c := range []struct {
			resource  uint16
			arguments string
			want      string
		}{
			{4, "x", `4.00 Bad Request: arguments "x", character 1: want a digit`},
			{5, "", "4.04 Not Found: /3/0/5: the Resource is not supported"},
			{0, "", "4.05 Method Not Allowed: /3/0/0: not executable"},
			{99, "", "4.04 Not Found: /3/0/99: no such Resource"},
		} {
			if got := fmt.Sprint(device.Execute(f.ctx, c.resource, c.arguments)); got != c.want {
				t.Errorf("execute %d: %s, want %s", c.resource, got, c.want)
			}
		}
		if got := fmt.Sprint(executed); got != "[1='a']" {
			t.Error(got)
		}
		// The client does its part.
		before := f.history.kinds()
		must(t, f.client.Instances(1)[0].Execute(f.ctx, 8, ""))
		sleep(time.Minute)
		if after := strings.TrimPrefix(f.history.kinds(), before); after != " REG_UPDATE REG_UPDATE_COMPLETE" {
			t.Error(after)
		}
	})
}

func TestLocalAttributes(t *testing.T) {
	p := lwm2m.PathOf(testObject, 0, 130)
	start(t, withTestObject, func(f *fixture) {
		if a := f.client.Attributes(1, p); !a.IsZero() {
			t.Error(a)
		}
		update := model.AttributesUpdate{}.Set(model.MinPeriod, 5).Set(model.Step, 2)
		must(t, f.client.WriteAttributes(f.ctx, 1, p, update))
		if got := f.client.Attributes(1, p).String(); got != ";pmin=5;st=2" {
			t.Error(got)
		}
		if got := fmt.Sprint(f.client.WriteAttributes(f.ctx, 1, p.Parent(), update)); !strings.HasPrefix(got, "4.00 Bad Request: /3442/0: ") {
			t.Error(got)
		}
		r, err := f.peer.Discover(f.ctx, p, server.DiscoverOptions{})
		must(t, err)
		if got := string(r.Payload); got != "</3442/0/130>;pmin=5;st=2" {
			t.Error(got)
		}
	})
}

// Each message passes OnMessage.
func TestOnMessage(t *testing.T) {
	var sent, received int
	configure := func(config *lwm2m.Config, _ *fixture) {
		config.OnMessage = func(server uint16, out bool, datagram []byte) {
			if server != 1 || len(datagram) < 4 {
				t.Errorf("server %d: %x", server, datagram)
			}
			if out {
				sent++
			} else {
				received++
			}
		}
	}
	start(t, configure, func(f *fixture) {
		if sent != 1 || received != 1 { // Register
			t.Errorf("%d sent, %d received", sent, received)
		}
		f.play(exchange{get("/3303/0/5700", text), model.Content, text, "22.5"})
		if sent != 2 || received != 2 {
			t.Errorf("%d sent, %d received", sent, received)
		}
	})
}
