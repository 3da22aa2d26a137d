// This example shows how to
//
//  1. keep the values of a Resource, each with its time, while nobody asks for them;
//  2. leave out samples that tell nothing new;
//  3. send all of them now and then, so that nothing is lost when the server does not answer;
//  4. send a sample that was taken at another time.
//
// Run it with the URI of an LwM2M Server:
//
//	go run ./examples/datalogger -server coap://localhost
package main

import (
	"context"
	"flag"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
)

func main() {
	server := flag.String("server", "coap://localhost", "URI of the LwM2M Server")
	endpoint := flag.String("endpoint", "datalogger", "name by which the server knows the device")
	limit := flag.Duration("for", 0, "end after this time (default: when interrupted)")
	measures := flag.Duration("measure", 10*time.Millisecond, "time between two measurements")
	sends := flag.Duration("send", 500*time.Millisecond, "time between two messages to the server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *limit > 0 {
		ctx, stop = context.WithTimeout(ctx, *limit)
		defer stop()
	}

	temperature := ipso.NewTemperature(0)
	temperature.SensorUnits.Set("Cel")
	last := math.Inf(-1)
	temperature.SensorValue.KeepHistoryAs(lwm2m.History[float64]{ // 1.
		Samples: 10_000,
		Admit: func(v float64, _ time.Time) bool { // 2.
			if math.Abs(v-last) < 0.1 {
				return false
			}
			last = v
			return true
		},
	})
	temperature.SensorValue.Set(20) // there is something to read from the start
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: *endpoint,
		Servers:  []lwm2m.ServerAccount{{URI: *server, Security: lwm2m.NoSec{}}},
		Objects:  []lwm2m.ObjectInstance{temperature},
		OnEvent:  func(e lwm2m.Event) { log.Print(e) },
	})
	if err != nil {
		log.Fatal(err)
	}
	go measure(ctx, temperature, *measures)
	go report(ctx, client, temperature, *sends)
	if err := client.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

func measure(ctx context.Context, temperature *ipso.Temperature, every time.Duration) {
	for ctx.Err() == nil {
		temperature.SensorValue.Set(20 + 2*rand.Float64())
		pause(ctx, every)
	}
}

// report sends what has been kept since the last time. 3.
func report(ctx context.Context, client *lwm2m.Client, temperature *ipso.Temperature, every time.Duration) {
	pause(ctx, every)
	lastYear(ctx, client, temperature)
	for ; ctx.Err() == nil; pause(ctx, every) {
		kept, dropped := temperature.SensorValue.History()
		if err := client.Send(ctx, temperature.SensorValue.Path()); err != nil {
			log.Printf("%d samples wait: %v", len(kept), err)
			continue
		}
		log.Printf("sent %d samples, %d were dropped so far", len(kept), dropped)
	}
}

// lastYear sends what a colleague has read off last year. 4.
func lastYear(ctx context.Context, client *lwm2m.Client, temperature *ipso.Temperature) {
	err := client.SendSamples(ctx, []lwm2m.Sample{{
		Path: temperature.SensorValue.Path(), Time: time.Now().AddDate(-1, 0, 0), Value: model.FloatValue(19.5),
	}})
	if err != nil {
		log.Printf("last year's temperature was not sent: %v", err)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
