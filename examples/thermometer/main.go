// This example shows how to
//
//  1. describe a device with typed objects: Device and a Temperature sensor;
//  2. run a client that registers, serves, and de-registers when it is interrupted;
//  3. set new values, of which servers that observe them are notified;
//  4. hear what happens to the registration.
//
// Run it with the URI of an LwM2M Server:
//
//	go run ./examples/thermometer -server coap://localhost
package main

import (
	"context"
	"flag"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/oma"
)

func main() {
	server := flag.String("server", "coap://localhost", "URI of the LwM2M Server")
	endpoint := flag.String("endpoint", "thermometer", "name by which the server knows the device")
	limit := flag.Duration("for", 0, "end after this time (default: when interrupted)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *limit > 0 {
		ctx, stop = context.WithTimeout(ctx, *limit)
		defer stop()
	}

	// 1. What the device is and has. A Resource is there for servers once it has a value.
	device := oma.NewDevice()
	device.Manufacturer.Set("Acme")
	device.ModelNumber.Set("Thermometer 1")
	device.CurrentTime.OnRead(func(context.Context) (time.Time, error) { return time.Now(), nil })
	device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error {
		log.Print("a real device would reboot in a moment, after its answer has left")
		return nil
	})
	temperature := ipso.NewTemperature(0)
	temperature.SensorUnits.Set("Cel")
	temperature.SensorValue.Set(20)

	// 2. The client. NewClient does no I/O; Run returns when ctx ends.
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: *endpoint,
		Servers:  []lwm2m.ServerAccount{{URI: *server, Security: lwm2m.NoSec{}}},
		Objects:  []lwm2m.ObjectInstance{device, temperature},
		OnEvent:  func(e lwm2m.Event) { log.Print(e) }, // 4.
	})
	if err != nil {
		log.Fatal(err)
	}
	go measure(ctx, temperature)
	if err := client.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// measure sets a new temperature now and then. 3.
func measure(ctx context.Context, temperature *ipso.Temperature) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
			temperature.SensorValue.Set(20 + 2*rand.Float64())
		}
	}
}
