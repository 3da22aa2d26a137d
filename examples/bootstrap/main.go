// This example shows how to
//
//  1. run a device that knows a Bootstrap-Server only, which tells it its servers and their keys;
//  2. keep what it was told in a folder, so that it need not ask again when it restarts;
//  3. hear how the bootstrap and then the registration went;
//  4. run a Bootstrap-Server with a configuration for each device (servers.go).
//
// Without flags the servers are in the same process:
//
//	go run ./examples/bootstrap
//	go run ./examples/bootstrap -server coaps://bootstrap.example.com -key thermo.key -state thermo
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/store"
)

func main() {
	uri := flag.String("server", "", "URI of the Bootstrap-Server (default: one in this process)")
	key := flag.String("key", "", "file with the key that the device shares with it, for coaps://")
	endpoint := flag.String("endpoint", "thermo-1", "name by which the servers know the device")
	state := flag.String("state", "", "folder for what the device is told (default: it forgets)")
	limit := flag.Duration("for", 0, "end after this time (default: when interrupted)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *limit > 0 {
		ctx, stop = context.WithTimeout(ctx, *limit)
		defer stop()
	}

	account := lwm2m.ServerAccount{URI: *uri, Security: lwm2m.NoSec{}, Bootstrap: true}
	switch {
	case *uri == "":
		servers, err := startServers(context.WithoutCancel(ctx), *endpoint) // 4.
		if err != nil {
			log.Fatal(err)
		}
		defer servers.stop()
		account.URI, account.Security = servers.uri, lwm2m.PSK{Identity: []byte(*endpoint), Key: servers.key}
	case *key != "":
		secret, err := os.ReadFile(*key)
		if err != nil {
			log.Fatal(err)
		}
		account.Security = lwm2m.PSK{Identity: []byte(*endpoint), Key: secret}
	}
	if err := run(ctx, *endpoint, *state, account); err != nil {
		log.Print(err)
	}
}

// run runs the device until ctx ends.
func run(ctx context.Context, endpoint, state string, account lwm2m.ServerAccount) error {
	temperature := ipso.NewTemperature(0)
	temperature.SensorValue.Set(20)
	config := lwm2m.Config{
		Endpoint: endpoint,
		Servers:  []lwm2m.ServerAccount{account}, // 1. No other server is known.
		Objects:  []lwm2m.ObjectInstance{oma.NewDevice(), temperature},
		OnEvent:  tell,
	}
	if state != "" { // 2.
		folder, err := store.Open(state)
		if err != nil {
			return err
		}
		defer folder.Close()
		config.Store = folder
	}
	client, err := lwm2m.NewClient(config)
	if err != nil {
		return err
	}
	return client.Run(ctx)
}

// tell tells what happens to the device. 3.
func tell(e lwm2m.Event) {
	switch e.Kind {
	case lwm2m.BootstrapAccepted:
		log.Print("the Bootstrap-Server begins to write")
	case lwm2m.Bootstrapped:
		log.Print("what it has written is consistent, and in force")
	case lwm2m.BootstrapFailed:
		log.Printf("the bootstrap failed, nothing has changed: %v", e.Err)
	case lwm2m.Registered:
		log.Printf("registered with server %d", e.Server)
	default:
		log.Print(e)
	}
}
