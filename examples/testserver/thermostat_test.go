package testserver_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m/examples/testserver"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// start runs a thermostat against a server until the test ends. 1.
func start(t *testing.T, srv *lwm2mtest.Server) (*testserver.Thermostat, *server.Device) {
	thermostat, err := testserver.New("thermostat", srv.URI(), srv.Network)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- thermostat.Client.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return thermostat, srv.WaitRegistered("thermostat")
}

// Operations are answered as the standard says. 2.
func TestWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, device := start(t, lwm2mtest.NewServer(t, lwm2mtest.Options{}))
		timezone := model.PathOf(3, 0, 15)
		for _, test := range []struct {
			value string
			want  model.Code
		}{
			{"Europe/Paris", model.Changed},
			{strings.Repeat("x", 41), model.BadRequest},
		} {
			response, err := device.Write(t.Context(), timezone, model.StringValue(test.value), server.WriteOptions{})
			if err != nil || response.Code != test.want {
				t.Errorf("%q: %v, %v; want %v", test.value, response, err, test.want)
			}
		}
		response, err := device.Read(t.Context(), timezone, server.ReadOptions{Accept: server.Text})
		if err != nil || string(response.Payload) != "Europe/Paris" {
			t.Errorf("%v, %v", response, err)
		}
	})
}

// Who observes is told of changes. 3.
func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		thermostat, device := start(t, lwm2mtest.NewServer(t, lwm2mtest.Options{}))
		temperature := thermostat.Temperature.SensorValue.Path()
		observation, err := device.Observe(t.Context(), temperature, server.ObserveOptions{})
		if err != nil || observation.Response.Err() != nil {
			t.Fatal(observation, err)
		}
		if err := thermostat.Temperature.SensorValue.Set(23.5); err != nil {
			t.Fatal(err)
		}
		notification, err := observation.Next(t.Context())
		if v, _ := notification.Value(temperature); err != nil || v.Float() != 23.5 {
			t.Errorf("%v, %v", notification, err)
		}
	})
}

// A registration of an hour is renewed before it ends, for a day. 4.
func TestStaysRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		_, device := start(t, srv)
		time.Sleep(24 * time.Hour)
		registration, err := device.Registration()
		if err != nil {
			t.Fatal(err)
		}
		if registration.Updates < 24 || registration.Updates > 26 {
			t.Errorf("%d Updates in a day", registration.Updates)
		}
	})
}

// A third of all messages is lost, and yet it registers. 5.
func TestBadNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lwm2mtest.NewServer(t, lwm2mtest.Options{Timeout: 10 * time.Minute})
		lossy := lwm2mtest.Conditions{Loss: 1.0 / 3, Delay: 100 * time.Millisecond}
		srv.Network.SetConditions(lwm2mtest.ToServer, lossy)
		srv.Network.SetConditions(lwm2mtest.ToClient, lossy)
		_, device := start(t, srv)
		if _, err := device.Registration(); err != nil {
			t.Error(err)
		}
	})
}

// A server that has lost its memory gets a new registration with the next Update. 5.
func TestServerForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lwm2mtest.NewServer(t, lwm2mtest.Options{Timeout: 2 * time.Hour})
		start(t, srv)
		srv.WaitEvent(server.Registered, "thermostat")
		if !srv.Forget("thermostat") {
			t.Fatal("there was nothing to forget")
		}
		srv.WaitEvent(server.Registered, "thermostat")
	})
}
