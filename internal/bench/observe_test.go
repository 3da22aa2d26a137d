package bench

import (
	"context"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// BenchmarkSet measures what it costs to set a value: on a Resource that nobody observes, on one that is observed
// while pmin holds the notification back, and beside 1,000 other observations.
func BenchmarkSet(b *testing.B) {
	for _, c := range []struct {
		name     string
		observed []lwm2m.Path
		others   int
	}{
		{"unobserved", nil, 0},
		{"unobserved/1000-others", nil, 1000},
		{"observed", []lwm2m.Path{lwm2m.PathOf(3303, 0, 5700)}, 0},
		{"observed/1000-others", []lwm2m.Path{lwm2m.PathOf(3303, 0, 5700)}, 1000},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := observe(b, c.others)
			o.attributes("pmin=3600")
			for _, p := range c.observed {
				o.observe(p)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := o.temp.SensorValue.Set(float64(i)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNotify measures a change with its notification, from Set until the server has it, both in this process.
func BenchmarkNotify(b *testing.B) {
	for name, accept := range map[string]server.ContentFormat{"text": server.Text, "SenML-CBOR": server.SenMLCBOR} {
		b.Run(name, func(b *testing.B) {
			o := observe(b, 0)
			arrived := make(chan struct{}, 1)
			o.observeWith(lwm2m.PathOf(3303, 0, 5700), server.ObserveOptions{Accept: accept, OnNotify: func(server.Notification) { arrived <- struct{}{} }})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := o.temp.SensorValue.Set(float64(i + 1)); err != nil {
					b.Fatal(err)
				}
				<-arrived
			}
		})
	}
}

// TestSetAllocates holds the budget: a value that nobody observes costs no memory, one inside pmin next to none.
func TestSetAllocates(t *testing.T) {
	o := observe(t, 10)
	o.attributes("pmin=3600")
	value := 0.0
	set := func() {
		value++
		if err := o.temp.SensorValue.Set(value); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(1000, set); n > 0 {
		t.Errorf("Set on a Resource that nobody observes allocates %v times", n)
	}
	o.observe(lwm2m.PathOf(3303, 0, 5700))
	if n := testing.AllocsPerRun(10_000, set); n > 0 {
		t.Errorf("Set on an observed Resource inside pmin allocates %v times", n)
	}
}

// observed is a client and the server that observes it.
type observed struct {
	testing.TB
	temp *ipso.Temperature
	peer *server.Device
}

// observe runs a client with observations of as many other Object Instances, on the network in memory.
func observe(t testing.TB, others int) *observed {
	s := lwm2mtest.NewServer(t, lwm2mtest.Options{})
	o := &observed{TB: t, temp: ipso.NewTemperature(0)}
	objects := []lwm2m.ObjectInstance{o.temp}
	for i := range others {
		objects = append(objects, ipso.NewTemperature(uint16(i+1)))
	}
	for _, object := range objects {
		if err := object.Base().Set(5700, model.FloatValue(0)); err != nil {
			t.Fatal(err)
		}
	}
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "bench", Network: s.Network, Objects: objects, MaxObservations: others + 1,
		Servers: []lwm2m.ServerAccount{{URI: s.URI(), Security: lwm2m.NoSec{}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	o.peer = s.WaitRegistered("bench")
	for i := range others {
		o.observe(lwm2m.PathOf(3303, uint16(i+1), 5700))
	}
	return o
}

func (o *observed) attributes(query string) {
	r, err := o.peer.WriteAttributesQuery(context.Background(), lwm2m.PathOf(3303, 0, 5700), query)
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		o.Fatal(err)
	}
}

func (o *observed) observe(p lwm2m.Path) {
	o.observeWith(p, server.ObserveOptions{OnNotify: func(server.Notification) {}})
}

func (o *observed) observeWith(p lwm2m.Path, options server.ObserveOptions) {
	observation, err := o.peer.Observe(context.Background(), p, options)
	if err == nil {
		err = observation.Response.Err()
	}
	if err != nil {
		o.Fatal(err)
	}
}
