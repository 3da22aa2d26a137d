package lwm2m_test

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
)

// moment is a point in the life of a client. enter leads there from before the start.
type moment struct {
	name      string
	enter     func(*caller)
	configure func(*lwm2m.Config, *caller) // may be nil
}

func (c *caller) run() {
	ctx, cancel := context.WithCancel(c.ctx)
	ended := make(chan struct{})
	go func() {
		_ = c.host.Run(ctx)
		close(ended)
	}()
	c.cancel = cancel
	c.stop = func() { cancel(); <-ended }
	synctest.Wait()
}

func (c *caller) silent(s lwm2mtest.State) {
	c.server.Network.SetState(serverAddress, s)
}

var moments = []moment{
	{name: "new", enter: func(c *caller) { c.host = lwm2m.NewHost(lwm2m.HostConfig{}) }},
	{name: "added", enter: func(*caller) {}},
	{"looking up a name", (*caller).run, func(config *lwm2m.Config, _ *caller) {
		config.Servers[0].URI = "coap://silent.example"
		config.Network = silence{config.Network, "silent.example"}
	}},
	{"shaking hands", (*caller).run, func(config *lwm2m.Config, c *caller) {
		config.Servers[0] = lwm2m.ServerAccount{URI: "coaps://198.51.100.99", Security: testPSK()}
		c.server.Network.SetState(netip.MustParseAddrPort("198.51.100.99:5684"), lwm2mtest.Silent)
	}},
	{"waiting to be bootstrapped", (*caller).run, func(config *lwm2m.Config, c *caller) {
		config.Servers[0] = lwm2m.ServerAccount{URI: "coap://198.51.100.99", Security: lwm2m.NoSec{}, Bootstrap: true}
		c.server.Network.SetState(netip.MustParseAddrPort("198.51.100.99:5683"), lwm2mtest.Silent)
	}},
	{name: "registering", enter: func(c *caller) {
		c.silent(lwm2mtest.Silent)
		c.run()
	}},
	{name: "registered", enter: (*caller).run},
	{name: "updating", enter: func(c *caller) {
		c.run()
		c.silent(lwm2mtest.Silent)
		c.update()
	}},
	{name: "waiting", enter: func(c *caller) {
		c.silent(lwm2mtest.Silent)
		c.run()
		sleep(2 * time.Minute)
	}},
	{"asleep", func(c *caller) {
		c.run()
		sleep(5 * time.Minute)
	}, func(config *lwm2m.Config, _ *caller) { config.QueueMode = true }},
	{name: "paused", enter: func(c *caller) {
		c.run()
		must(c.T, c.client.Pause(c.ctx))
		synctest.Wait()
	}},
	{name: "disabled", enter: func(c *caller) {
		c.run()
		_, err := c.server.WaitRegistered("thermo-1").Execute(c.ctx, path("/1/0/4"), "")
		must(c.T, err)
		sleep(3 * time.Second)
	}},
	{name: "stopping", enter: func(c *caller) {
		c.run()
		c.silent(lwm2mtest.Silent)
		c.cancel()
		sleep(time.Second)
	}},
	{name: "stopped", enter: func(c *caller) {
		c.run()
		c.stop()
	}},
}

// caller is a client at some moment of its life, and what its methods are called on and with.
type caller struct {
	*testing.T
	ctx     context.Context
	server  *lwm2mtest.Server
	client  *lwm2m.Client
	host    *lwm2m.Host
	device  *oma.Device
	temp    *ipso.Temperature
	stop    func()
	cancel  context.CancelFunc
	bounded context.Context // of the calls
}

func (c *caller) update() {
	go func() {
		ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
		defer cancel()
		_ = c.client.Update(ctx)
	}()
	synctest.Wait()
}

// callTime bounds the calls that have a context.
const callTime = time.Second

// at runs a test with a client at a moment of its life.
func at(t *testing.T, m moment, test func(*caller)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &caller{T: t, ctx: t.Context(), stop: func() {}, device: oma.NewDevice(), temp: ipso.NewTemperature(0)}
		c.server = lwm2mtest.NewServer(t, lwm2mtest.Options{})
		config := lwm2m.Config{
			Endpoint: "thermo-1", Servers: []lwm2m.ServerAccount{{URI: c.server.URI(), Security: lwm2m.NoSec{}}},
			Objects: []lwm2m.ObjectInstance{c.device, c.temp}, Network: c.server.Network, OnEvent: func(lwm2m.Event) {},
		}
		if m.configure != nil {
			m.configure(&config, c)
		}
		client, err := lwm2m.NewClient(config)
		must(t, err)
		c.client, c.host = client, lwm2m.NewHost(lwm2m.HostConfig{Shards: 1})
		must(t, c.host.Add(client))
		m.enter(c)
		defer func() { c.stop() }()
		ctx, cancel := context.WithTimeout(c.ctx, callTime)
		defer cancel()
		c.bounded = ctx
		test(c)
	})
}

// receivers are what has methods that an application calls.
func (c *caller) receivers() []reflect.Value {
	return []reflect.Value{
		reflect.ValueOf(c.client), reflect.ValueOf(c.host), reflect.ValueOf(c.temp.Base()),
		reflect.ValueOf(c.temp.SensorValue), reflect.ValueOf(c.device.AvailablePowerSources), reflect.ValueOf(c.device.Reboot),
	}
}

// arguments are for one call, by type.
func (c *caller) arguments(method reflect.Type) []reflect.Value {
	other, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "other", Servers: []lwm2m.ServerAccount{{URI: c.server.URI(), Security: lwm2m.NoSec{}}}, Network: c.server.Network,
	})
	must(c.T, err)
	known := []any{
		c.bounded, other, c.temp.SensorValue.Path(), model.FloatValue(1), float64(1), int64(1), map[uint16]int64{1: 1}, time.Now(), "",
		uint16(1), 1, lwm2m.History[float64]{Samples: 3}, lwm2m.History[int64]{Samples: 3},
		lwm2m.Report{Paths: []lwm2m.Path{c.temp.SensorValue.Path()}}, []lwm2m.Sample{{Path: c.temp.SensorValue.Path(), Value: model.FloatValue(1)}},
		[]lwm2m.Change{c.temp.SensorValue.To(2)}, []lwm2m.Path{c.temp.SensorValue.Path()}, model.AttributesUpdate{},
	}
	var arguments []reflect.Value
	for i := range method.NumIn() {
		in := method.In(i)
		j := slices.IndexFunc(known, func(v any) bool { return reflect.TypeOf(v).AssignableTo(in) })
		switch {
		case in.Kind() == reflect.Func:
			arguments = append(arguments, reflect.MakeFunc(in, func([]reflect.Value) (zeros []reflect.Value) {
				for i := range in.NumOut() {
					zeros = append(zeros, reflect.Zero(in.Out(i)))
				}
				return zeros
			}))
		case in == reflect.TypeFor[lwm2m.ObjectInstance]():
			arguments = append(arguments, reflect.ValueOf(ipso.NewTemperature(9)))
		case j < 0:
			c.Fatalf("there is no argument of the type %v yet: add one here", in)
		default:
			arguments = append(arguments, reflect.ValueOf(known[j]))
		}
	}
	return arguments
}

// call calls a method and returns how long that took, and how long it may take.
func (c *caller) call(method reflect.Value, name string, arguments []reflect.Value) (took, limit time.Duration) {
	began := time.Now()
	if method.Type().IsVariadic() {
		method.CallSlice(arguments)
	} else {
		method.Call(arguments)
	}
	took = time.Since(began)
	if slices.ContainsFunc(arguments, func(v reflect.Value) bool { return v.Interface() == c.bounded }) {
		limit = callTime
	}
	if name == "Run" { // until the end of ctx, and then De-registers
		limit += 5 * time.Second
	}
	return took, limit
}

// Every method returns at once or when its context ends, wherever the client stands and whatever the network does.
func TestCallsAreNotHeldUp(t *testing.T) {
	methods := 0
	for _, m := range moments {
		t.Run(m.name, func(t *testing.T) {
			var names [][2]int
			at(t, moments[0], func(c *caller) {
				for i, r := range c.receivers() {
					for j := range r.NumMethod() {
						names = append(names, [2]int{i, j})
					}
				}
			})
			methods = len(names)
			for _, n := range names {
				at(t, m, func(c *caller) {
					receiver := c.receivers()[n[0]]
					name := receiver.Type().Method(n[1]).Name
					method := receiver.Method(n[1])
					took, limit := c.call(method, name, c.arguments(method.Type()))
					if took > 0 && took != callTime && name != "Run" || took > limit {
						t.Errorf("%v.%s took %v", receiver.Type(), name, took)
					}
				})
			}
		})
	}
	if methods < 60 {
		t.Errorf("only %d methods found", methods)
	}
}

// A client is let go of when the context ends, wherever it stands; and at once if the context has ended.
func TestRemoveIsNotHeldUp(t *testing.T) {
	for _, m := range moments {
		for _, limit := range []time.Duration{callTime, 0} {
			at(t, m, func(c *caller) {
				ctx, cancel := context.WithTimeout(c.ctx, limit)
				defer cancel()
				began := time.Now()
				err := c.host.Remove(ctx, c.client)
				if took := time.Since(began); took > limit {
					t.Errorf("%s: took %v: %v", m.name, took, err)
				}
				synctest.Wait()
				if _, err := c.server.Device("thermo-1"); err == nil && m.name == "registered" && limit > 0 {
					t.Errorf("%s: still registered", m.name)
				}
				c.silent(lwm2mtest.Up)
				sent := c.server.Network.Stats(lwm2mtest.ToServer).Sent
				sleep(48 * time.Hour)
				if n := c.server.Network.Stats(lwm2mtest.ToServer).Sent - sent; n > 0 && m.name != "new" && m.name != "stopping" {
					t.Errorf("%s: the client is gone, and sends %d datagrams", m.name, n)
				}
			})
		}
	}
}

// All methods at the same time, from goroutines of their own, wherever the client stands.
func TestCallsAtTheSameTime(t *testing.T) {
	for _, m := range moments {
		t.Run(m.name, func(t *testing.T) {
			at(t, m, func(c *caller) {
				var calls sync.WaitGroup
				var mu sync.Mutex
				var late []string
				for range 3 {
					for _, r := range c.receivers() {
						for j := range r.NumMethod() {
							method, name := r.Method(j), r.Type().Method(j).Name
							arguments := c.arguments(method.Type())
							if name == "OnCreate" || name == "OnDelete" {
								continue // to be set before
							}
							calls.Go(func() {
								if took, limit := c.call(method, name, arguments); took > limit {
									mu.Lock()
									defer mu.Unlock()
									late = append(late, fmt.Sprintf("%v.%s took %v", r.Type(), name, took))
								}
							})
						}
					}
				}
				calls.Wait()
				if len(late) > 0 {
					t.Errorf("late: %v", late)
				}
			})
		})
	}
}
