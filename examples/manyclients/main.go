// This example shows how to
//
//  1. run a thousand clients in one process, on a few goroutines (Host);
//
//  2. connect them by a network in memory to a server in the same process, so that no
//     socket is needed; or by UDP to any server (-server);
//
//  3. perform an operation on all of them and count the answers.
//
//     go run ./examples/manyclients
//     go run ./examples/manyclients -clients 200 -server coap://localhost
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// address is where the server is in the network in memory.
const address = "198.51.100.1:5683"

func main() {
	uri := flag.String("server", "", "URI of the LwM2M Server (default: one in this process)")
	endpoint := flag.String("endpoint", "client", "beginning of the names of the clients")
	clients := flag.Int("clients", 1000, "number of clients")
	limit := flag.Duration("for", 0, "end after this time (default: when interrupted)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *limit > 0 {
		ctx, stop = context.WithTimeout(ctx, *limit)
		defer stop()
	}
	if err := run(ctx, *uri, *endpoint, *clients); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, uri, endpoint string, clients int) error {
	var network lwm2m.Network // UDP, unless there is another one
	var srv *server.Server
	if uri == "" {
		memory := lwm2mtest.NewNetwork(1)
		var err error
		if srv, err = startServer(context.WithoutCancel(ctx), memory); err != nil {
			return err
		}
		network, uri = memory, "coap://"+address
	}

	// 1. A Host takes clients before and while it runs.
	host := lwm2m.NewHost(lwm2m.HostConfig{})
	var registered atomic.Int64
	all := make(chan struct{})
	for i := range clients {
		client, err := newClient(fmt.Sprintf("%s-%04d", endpoint, i), uri, network, func(e lwm2m.Event) {
			switch {
			case e.Kind == lwm2m.Registered && registered.Add(1) == int64(clients):
				close(all)
			case e.Err != nil:
				log.Print(e)
			}
		})
		if err != nil {
			return err
		}
		if err := host.Add(client); err != nil {
			return err
		}
	}
	start := time.Now()
	go func() {
		select {
		case <-all:
			log.Printf("%d clients have registered in %v, there are %d goroutines",
				clients, time.Since(start).Round(time.Millisecond), runtime.NumGoroutine())
			if srv != nil {
				readAll(ctx, srv)
			}
		case <-ctx.Done():
			log.Printf("%d of %d clients have registered", registered.Load(), clients)
		}
	}()
	err := host.Run(ctx) // de-registers all at the end
	if srv != nil {
		log.Printf("%d clients are still registered", len(srv.Registrations()))
	}
	return err
}

// startServer runs a server in the network in memory. 2.
func startServer(ctx context.Context, memory *lwm2mtest.Network) (*server.Server, error) {
	srv, err := server.New(server.Config{})
	if err != nil {
		return nil, err
	}
	if err := srv.ListenOn(memory, address); err != nil {
		return nil, err
	}
	go srv.Run(ctx)
	return srv, nil
}

func newClient(endpoint, uri string, network lwm2m.Network, onEvent func(lwm2m.Event)) (*lwm2m.Client, error) {
	temperature := ipso.NewTemperature(0)
	temperature.SensorValue.Set(20)
	return lwm2m.NewClient(lwm2m.Config{
		Endpoint: endpoint,
		Servers:  []lwm2m.ServerAccount{{URI: uri, Security: lwm2m.NoSec{}, Lifetime: time.Hour}},
		Objects:  []lwm2m.ObjectInstance{temperature},
		Network:  network,
		OnEvent:  onEvent,
	})
}

// readAll reads the temperature of each client. 3.
func readAll(ctx context.Context, srv *server.Server) {
	start, answers := time.Now(), 0
	for _, registration := range srv.Registrations() {
		device, err := srv.Device(registration.Endpoint)
		if err != nil {
			continue // it has left meanwhile
		}
		response, err := device.Read(ctx, model.PathOf(3303, 0, 5700), server.ReadOptions{})
		if err == nil && response.Err() == nil {
			answers++
		}
	}
	log.Printf("%d have told their temperature, in %v", answers, time.Since(start).Round(time.Millisecond))
}
