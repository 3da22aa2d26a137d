package store_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/store"
)

// A device keeps its state in a folder.
func Example() {
	parent, err := os.MkdirTemp("", "example") // a device has a place that lasts, such as /var/lib/thermo
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(parent) }()

	folder, err := store.Open(filepath.Join(parent, "thermo"))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	for _, line := range folder.Mended() {
		log.Print(line)
	}
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "thermo-1",
		Servers:  []lwm2m.ServerAccount{{URI: "coap://lwm2m.example.com", Security: lwm2m.NoSec{}}},
		Store:    folder,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(client.Instances(1)), "account") // client.Run(ctx) comes next
	// Output: 1 account
}
