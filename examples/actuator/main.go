// This example shows how to
//
//  1. refuse values that make no sense, before anything happens (Validate);
//  2. act on what a server writes, and refuse it if that fails (OnWrite);
//  3. execute something, with arguments;
//  4. choose the answer that the server gets by the error that a callback returns.
//
// The actuator is a heater with an Object of its own: its setpoint in degrees Celsius,
// whether it is on, and a boost for some minutes. Try it with a server that writes
// /33400/0/1 and executes /33400/0/3 with the arguments 0='10'.
//
//	go run ./examples/actuator -server coap://localhost
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// heaterObject is the definition of the Object. Package oma and ipso have those of OMA.
func heaterObject() *model.Object {
	return &model.Object{
		ID: 33400, Name: "Heater", URN: "urn:oma:lwm2m:x:33400", Version: model.Version{Major: 1}, LwM2MVersion: lwm2m.Version10,
		Resources: []model.Resource{
			{ID: 1, Name: "Setpoint", Kind: model.Float, Units: "Cel", Operations: model.Readable | model.Writable, Mandatory: true},
			{ID: 2, Name: "On", Kind: model.Boolean, Operations: model.Readable | model.Writable, Mandatory: true},
			{ID: 3, Name: "Boost", Operations: model.Executable},
		},
	}
}

// Heater is an instance of the Object with handles to its Resources.
type Heater struct {
	*lwm2m.Instance
	Setpoint lwm2m.Resource[float64]
	On       lwm2m.Resource[bool]
	Boost    lwm2m.Executable
}

func newHeater() *Heater {
	in := lwm2m.NewInstance(heaterObject(), 0)
	h := &Heater{
		Instance: in,
		Setpoint: lwm2m.ResourceOf[float64](in, 1),
		On:       lwm2m.ResourceOf[bool](in, 2),
		Boost:    lwm2m.ExecutableOf(in, 3),
	}
	h.Setpoint.Set(18)
	h.On.Set(false)

	// 1. An error of Validate is answered 4.00 Bad Request, with the reason as text.
	h.Setpoint.Validate(func(t float64) error {
		if t < 5 || t > 30 {
			return fmt.Errorf("%.1f Cel is not between 5 and 30", t)
		}
		return nil
	})
	// 2. The value is stored when OnWrite returns nil. 4. This error is answered 4.05 Method Not Allowed.
	h.On.OnWrite(func(_ context.Context, on bool) error {
		if setpoint, _ := h.Setpoint.Get(); on && setpoint < 10 {
			return fmt.Errorf("%w: not below a setpoint of 10 Cel", lwm2m.MethodNotAllowed)
		}
		log.Printf("the relay is switched to %v", on)
		return nil
	})
	// 3. Arguments are digits with optional values, such as 0='10'.
	h.Boost.OnExecute(h.boost)
	return h
}

func (h *Heater) boost(_ context.Context, arguments lwm2m.Arguments) error {
	text, ok := arguments.Get(0)
	minutes, err := strconv.Atoi(text)
	if !ok || err != nil || minutes < 1 || minutes > 60 {
		return fmt.Errorf("%w: want the argument 0='MINUTES', 1 to 60", lwm2m.BadRequest)
	}
	log.Printf("boost for %d minutes", minutes)
	time.AfterFunc(time.Duration(minutes)*time.Minute, func() { log.Print("the boost is over") })
	return h.On.Set(true) // who observes it is notified
}

func main() {
	server := flag.String("server", "coap://localhost", "URI of the LwM2M Server")
	endpoint := flag.String("endpoint", "actuator", "name by which the server knows the device")
	limit := flag.Duration("for", 0, "end after this time (default: when interrupted)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *limit > 0 {
		ctx, stop = context.WithTimeout(ctx, *limit)
		defer stop()
	}
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: *endpoint,
		Servers:  []lwm2m.ServerAccount{{URI: *server, Security: lwm2m.NoSec{}}},
		Objects:  []lwm2m.ObjectInstance{newHeater()},
		OnEvent:  func(e lwm2m.Event) { log.Print(e) },
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
