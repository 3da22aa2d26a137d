// This example shows how to test a device without a server, a network or waiting:
//
//  1. run a server within the test, and the device against it (lwm2mtest);
//  2. perform operations and check the answers, with code, format and values;
//  3. observe, and see what a change of the device leads to;
//  4. let hours pass in no time (testing/synctest);
//  5. lose messages, and have the server misbehave.
//
// What is tested is the thermostat in this file; the tests are in thermostat_test.go:
//
//	go test -v ./examples/testserver
package testserver

import (
	"context"
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/oma"
)

// Thermostat is a device with a temperature sensor.
type Thermostat struct {
	Device      *oma.Device
	Temperature *ipso.Temperature
	Client      *lwm2m.Client
}

// New makes a thermostat for a server. The network is nil for UDP.
func New(endpoint, server string, network lwm2m.Network) (*Thermostat, error) {
	t := &Thermostat{Device: oma.NewDevice(), Temperature: ipso.NewTemperature(0)}
	if err := t.Temperature.SensorValue.Set(20); err != nil {
		return nil, err
	}
	if err := t.Device.Timezone.Set("Etc/UTC"); err != nil {
		return nil, err
	}
	t.Device.Timezone.Validate(func(zone string) error {
		if len(zone) > 40 {
			return fmt.Errorf("%d letters are too many for the display", len(zone))
		}
		return nil
	})
	t.Device.CurrentTime.OnRead(func(context.Context) (time.Time, error) { return time.Now(), nil })
	var err error
	t.Client, err = lwm2m.NewClient(lwm2m.Config{
		Endpoint: endpoint,
		Servers:  []lwm2m.ServerAccount{{URI: server, Security: lwm2m.NoSec{}, Lifetime: time.Hour}},
		Objects:  []lwm2m.ObjectInstance{t.Device, t.Temperature},
		Network:  network,
	})
	return t, err
}
