// This example shows how to
//
//  1. read the definition of an Object from XML at run time, as OMA's registry has it;
//  2. fill instances of it by paths and values, without types made for it;
//  3. let servers create and delete instances, and limit that (Factory, OnCreate, OnDelete);
//  4. change several values at once, for one notification (Apply).
//
// The Object is a bin that reports how full it is. Give another definition by -model.
//
//	go run ./examples/customobject -server coap://localhost
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

//go:embed bin.xml
var binXML string

// Resources of the Object.
const (
	location = 0
	level    = 1
	emptied  = 2
)

// maxBins is how many instances servers can have.
const maxBins = 4

func main() {
	server := flag.String("server", "coap://localhost", "URI of the LwM2M Server")
	endpoint := flag.String("endpoint", "customobject", "name by which the server knows the device")
	file := flag.String("model", "", "file with the definition of the Object (default: the one in this example)")
	limit := flag.Duration("for", 0, "end after this time (default: when interrupted)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *limit > 0 {
		ctx, stop = context.WithTimeout(ctx, *limit)
		defer stop()
	}

	object, err := readObject(*file)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("Object %d is %s with %d Resources", object.ID, object.Name, len(object.Resources))
	first, err := newBin(object, 0, "Main Street 1")
	if err != nil {
		log.Fatal(err)
	}
	var client *lwm2m.Client
	client, err = lwm2m.NewClient(lwm2m.Config{
		Endpoint: *endpoint,
		Servers:  []lwm2m.ServerAccount{{URI: *server, Security: lwm2m.NoSec{}}},
		Objects:  []lwm2m.ObjectInstance{first},
		// 3. A server that creates an instance gives its location, as that is mandatory.
		Factories: []lwm2m.Factory{{Object: object, New: func(_ context.Context, id uint16) (lwm2m.ObjectInstance, error) {
			if len(client.Instances(object.ID)) >= maxBins {
				return nil, fmt.Errorf("%w: there are %d bins already", lwm2m.BadRequest, maxBins)
			}
			return newBin(object, id, "")
		}}},
		OnEvent: func(e lwm2m.Event) { log.Print(e) },
	})
	if err != nil {
		log.Fatal(err)
	}
	go fill(ctx, client, object.ID)
	if err := client.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// readObject reads a definition. 1. Errors tell file, line and reason.
func readObject(name string) (*model.Object, error) {
	source := strings.NewReader(binXML)
	if name == "" {
		name = "bin.xml"
	} else {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		source = strings.NewReader(string(text))
	}
	objects, err := model.ReadObjects(source, name)
	if err != nil {
		return nil, err
	}
	if len(objects) != 1 {
		return nil, fmt.Errorf("%s defines %d Objects, want one", name, len(objects))
	}
	return objects[0], nil
}

// newBin makes an instance. 2. Set checks type and range of the definition.
func newBin(object *model.Object, id uint16, at string) (*lwm2m.Instance, error) {
	bin := lwm2m.NewInstance(object, id)
	for resource, v := range map[uint16]lwm2m.Value{
		location: model.StringValue(at),
		level:    model.IntegerValue(0),
		emptied:  model.TimeValue(time.Now()),
	} {
		if err := bin.Set(resource, v); err != nil {
			return nil, err
		}
	}
	bin.OnCreate(func(context.Context) error {
		at, _ := bin.Get(location)
		log.Printf("bin %d was set up at %v", id, at)
		return nil
	})
	bin.OnDelete(func(context.Context) error {
		if id == 0 {
			return fmt.Errorf("%w: the first bin stays", lwm2m.MethodNotAllowed)
		}
		log.Printf("bin %d was taken away", id)
		return nil
	})
	return bin, nil
}

// fill fills the bins, and empties those that are full. 4.
func fill(ctx context.Context, client *lwm2m.Client, object uint16) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(500 * time.Millisecond):
		}
		var changes []lwm2m.Change
		for _, bin := range client.Instances(object) {
			before, _ := bin.Get(level)
			after := before.Int() + 10
			if after > 100 {
				after = 0
				changes = append(changes, lwm2m.Change{Path: bin.Path().Child(emptied), Value: model.TimeValue(time.Now())})
			}
			changes = append(changes, lwm2m.Change{Path: bin.Path().Child(level), Value: model.IntegerValue(after)})
		}
		if err := client.Apply(changes...); err != nil {
			log.Print(err) // such as a bin that a server deleted in between
		}
	}
}
