package lwm2m_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
)

// A device with a temperature sensor, which runs until it is interrupted.
func Example() {
	device := oma.NewDevice()
	_ = device.Manufacturer.Set("Acme")
	device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error {
		time.AfterFunc(time.Second, func() { log.Print("rebooting") }) // answer first
		return nil
	})
	temp := ipso.NewTemperature(0)
	_ = temp.SensorUnits.Set("Cel")
	_ = temp.SensorValue.Set(22.5)

	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "thermo-1",
		Servers:  []lwm2m.ServerAccount{{URI: "coap://lwm2m.example.com", Security: lwm2m.NoSec{}}},
		Objects:  []lwm2m.ObjectInstance{device, temp},
		OnEvent:  func(e lwm2m.Event) { log.Print(e) },
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := client.Run(ctx); err != nil { // registers, serves, de-registers
		log.Fatal(err)
	}
}

// A device that shares a key with its server. It tells how each connection came about.
func ExamplePSK() {
	key, err := os.ReadFile("/etc/thermo-1/psk") // 16 bytes
	if err != nil {
		log.Fatal(err)
	}
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "thermo-1",
		Servers: []lwm2m.ServerAccount{{
			URI:      "coaps://lwm2m.example.com",
			Security: lwm2m.PSK{Identity: []byte("thermo-1"), Key: key},
		}},
		OnEvent: func(e lwm2m.Event) {
			if e.Handshake != "" {
				log.Printf("server %d: handshake: %s", e.Server, e.Handshake)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Print(client.Run(context.Background()))
}

// A device with a certificate, which trusts the authority of its operator alone.
func ExampleX509() {
	pair, err := tls.LoadX509KeyPair("/etc/thermo-1/cert.pem", "/etc/thermo-1/key.pem")
	if err != nil {
		log.Fatal(err)
	}
	authority, err := os.ReadFile("/etc/thermo-1/ca.pem")
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "thermo-1",
		Servers: []lwm2m.ServerAccount{{
			URI:      "coaps://lwm2m.example.com",
			Security: lwm2m.X509{Certificate: pair, Roots: roots},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Print(client.Run(context.Background()))
}

// example makes a client that is not running.
func example(objects ...lwm2m.ObjectInstance) *lwm2m.Client {
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "thermo-1",
		Servers:  []lwm2m.ServerAccount{{URI: "coap://lwm2m.example.com", Security: lwm2m.NoSec{}}},
		Objects:  objects,
	})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// A client and a server in one process, over UDP.
func ExampleClient_Run() {
	srv, err := server.New(server.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	serverCtx, stopServer := context.WithCancel(ctx)
	serverEnded := make(chan error, 1)
	go func() { serverEnded <- srv.Run(serverCtx) }()

	temp := ipso.NewTemperature(0)
	_ = temp.SensorValue.Set(22.5)
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "thermo-1",
		Servers:  []lwm2m.ServerAccount{{URI: srv.URI(), Security: lwm2m.NoSec{}}},
		Objects:  []lwm2m.ObjectInstance{temp},
	})
	if err != nil {
		log.Fatal(err)
	}
	clientCtx, stopClient := context.WithCancel(ctx)
	clientEnded := make(chan error, 1)
	go func() { clientEnded <- client.Run(clientCtx) }()

	device, err := srv.WaitRegistered(ctx, "thermo-1")
	if err != nil {
		log.Fatal(err)
	}
	response, err := device.Read(ctx, lwm2m.PathOf(3303, 0, 5700), server.ReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Code, response.Nodes[0].Value)
	stopClient()
	fmt.Println(<-clientEnded, len(srv.Registrations()))
	stopServer()
	<-serverEnded
	// Output:
	// 2.05 Content 22.5
	// <nil> 0
}

// Several changes at once are one notification; if one of them is wrong, none is made.
func ExampleClient_Apply() {
	temp := ipso.NewTemperature(0)
	client := example(temp)
	fmt.Println(client.Apply(temp.SensorValue.To(21.5), temp.MinMeasuredValue.To(20)))
	fmt.Println(client.Apply(
		temp.SensorValue.To(99),
		lwm2m.Change{Path: lwm2m.PathOf(3303, 0, 1), Value: model.IntegerValue(1)},
	))
	fmt.Println(temp.SensorValue.Get())
	// Output:
	// <nil>
	// 4.04 Not Found: /3303/0/1: no such Resource
	// 21.5 true
}

// Programs that know paths only need no typed objects.
func ExampleClient_Get() {
	client := example()
	v, err := client.Get(lwm2m.PathOf(1, 0, 1))
	fmt.Println(v, v.Kind(), err)
	_, err = client.Get(lwm2m.PathOf(3303, 0, 5700))
	fmt.Println(errors.Is(err, lwm2m.NotFound), err)
	// Output:
	// 86400 Integer <nil>
	// true 4.04 Not Found: /3303/0/5700: no value here
}

// An Object that nobody has made a type for, from its definition.
func ExampleNewInstance() {
	const definition = `<?xml version="1.0" encoding="UTF-8"?>
<LWM2M><Object ObjectType="MODefinition">
	<Name>Gate</Name><Description1/><ObjectID>30000</ObjectID><ObjectURN>urn:oma:lwm2m:x:30000</ObjectURN>
	<MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory>
	<Resources><Item ID="1"><Name>Open</Name><Operations>RW</Operations><MultipleInstances>Single</MultipleInstances>
		<Mandatory>Mandatory</Mandatory><Type>Boolean</Type><RangeEnumeration/><Units/><Description/></Item></Resources>
	<Description2/>
</Object></LWM2M>`
	objects, err := model.ReadObjects(strings.NewReader(definition), "gate.xml")
	if err != nil {
		log.Fatal(err)
	}
	gate := lwm2m.NewInstance(objects[0], 0)
	open := lwm2m.ResourceOf[bool](gate, 1)
	_ = open.Set(true)
	client := example(gate)
	fmt.Println(client.Get(lwm2m.PathOf(30000, 0, 1)))
	fmt.Println(gate.Set(1, model.StringValue("half")))
	// Output:
	// true <nil>
	// 4.00 Bad Request: /30000/0/1: wrong data type: Open (1) is Boolean, not String
}

// A callback gives the value whenever a server reads.
func ExampleResource_OnRead() {
	device := oma.NewDevice()
	device.CurrentTime.OnRead(func(context.Context) (time.Time, error) { return time.Now(), nil })
	example(device)
}

// An error of the callback rejects the whole Write; its code is the answer.
func ExampleResource_OnWrite() {
	device := oma.NewDevice()
	device.Timezone.OnWrite(func(_ context.Context, zone string) error {
		if _, err := time.LoadLocation(zone); err != nil {
			return fmt.Errorf("%w: %v", lwm2m.BadRequest, err)
		}
		return nil
	})
	example(device)
}

func ExampleMultiResource() {
	device := oma.NewDevice()
	_ = device.PowerSourceVoltage.Set(0, 3800)
	_ = device.PowerSourceVoltage.Set(1, 5000)
	device.PowerSourceVoltage.Remove(0)
	fmt.Println(device.PowerSourceVoltage.All())
	// Output:
	// map[1:5000]
}

// With a Factory, servers can create instances.
func ExampleFactory() {
	config := lwm2m.Config{Factories: []lwm2m.Factory{{
		Object: ipso.NewTemperature(0).Object(),
		New: func(_ context.Context, id uint16) (lwm2m.ObjectInstance, error) {
			if id > 3 {
				return nil, fmt.Errorf("%w: there are four sensors", lwm2m.BadRequest)
			}
			temp := ipso.NewTemperature(id)
			return temp, temp.SensorUnits.Set("Cel")
		},
	}}}
	made, err := config.Factories[0].New(context.Background(), 2)
	fmt.Println(made.Base().Path(), err)
	// Output:
	// /3303/2 <nil>
}

// Many clients on a few goroutines.
func ExampleHost() {
	host := lwm2m.NewHost(lwm2m.HostConfig{})
	for range 3 {
		if err := host.Add(example()); err != nil {
			log.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // at once: an example has no server
	fmt.Println(host.Run(ctx))
	// Output:
	// <nil>
}

func ExampleParseArguments() {
	args, err := lwm2m.ParseArguments("7,0='https://example.com/fw'")
	fmt.Println(len(args), err)
	fmt.Println(args.Get(0))
	_, err = lwm2m.ParseArguments("0=5")
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// https://example.com/fw true
	// 4.00 Bad Request: arguments "0=5", character 3: want a value in single quotes, of printable characters but " ' \
}
