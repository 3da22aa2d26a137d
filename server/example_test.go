package server_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// A program that reads the temperature of each device that registers.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	defer stop()
	var s *server.Server
	s, err := server.New(server.Config{OnEvent: func(e server.Event) {
		log.Print(e)
		if e.Kind != server.Registered {
			return
		}
		device, err := s.Device(e.Endpoint)
		if err != nil {
			return // gone already
		}
		path := model.PathOf(3303, 0, 5700)
		response, err := device.Read(ctx, path, server.ReadOptions{})
		if err == nil {
			err = response.Err()
		}
		if err != nil {
			log.Print(err)
			return
		}
		value, _ := response.Value(path)
		log.Printf("%s: %v Cel", e.Endpoint, value)
	}})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.ListenAndServe(ctx, ":5683"); err != nil {
		log.Fatal(err)
	}
}

// Observe a Resource until the context ends, then cancel.
func ExampleDevice_Observe() {
	var ctx context.Context
	var device *server.Device

	path := model.PathOf(3303, 0, 5700)
	observation, err := device.Observe(ctx, path, server.ObserveOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if err := observation.Response.Err(); err != nil {
		log.Fatal(err) // such as 4.04 Not Found
	}
	for n, err := range observation.All(ctx) {
		if err != nil {
			log.Print(err) // some were lost
			continue
		}
		value, _ := n.Value(path)
		fmt.Println(n.Time, value)
	}
	if _, err := observation.Cancel(context.Background()); err != nil && !errors.Is(err, server.ErrEnded) {
		log.Print(err)
	}
}

// Answer the first Update with 4.04, so that the Client has to register anew (ETS int-105).
func ExampleConfig_intercept() {
	var refused atomic.Bool
	s, err := server.New(server.Config{
		Intercept: func(_ context.Context, r server.Intercepted) server.Verdict {
			if r.Kind == server.UpdateRequest && !refused.Swap(true) {
				return server.Verdict{Code: model.NotFound}
			}
			return server.Verdict{}
		},
	})
	fmt.Println(s != nil, err)
	// Output: true <nil>
}

// Set and remove attributes, typed or as text.
func ExampleDevice_WriteAttributes() {
	var ctx context.Context
	var device *server.Device

	var attributes model.AttributesUpdate
	attributes = attributes.Set(model.MinPeriod, 5).Remove(model.MaxPeriod)
	response, err := device.WriteAttributes(ctx, model.PathOf(3303, 0), attributes)
	fmt.Println(response, err)

	response, err = device.WriteAttributesQuery(ctx, model.PathOf(3303, 0), "pmin=5&pmax")
	fmt.Println(response, err)
}

// Send a request that the other methods would not: a Read with an unknown
// critical option, to which the device should answer 4.02.
func ExampleDevice_Do() {
	var ctx context.Context
	var device *server.Device

	response, err := device.Do(ctx, server.Request{
		Path:    "/3/0/0",
		Options: []server.Option{{Number: 65001, Value: []byte("x")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Code == model.BadOption)
}

func ExampleFormatOf() {
	fmt.Println(server.FormatOf(11542) == server.TLV, server.Text, server.NoContentFormat)
	// Output: true 0 none
}

// Tell each device of a fleet its server and its key, by names that a directory knows.
func ExampleBootstrap() {
	keys := map[string][]byte{"thermo-1": []byte("0123456789abcdef")}
	s, err := server.New(server.Config{Bootstrap: &server.Bootstrap{
		Find: func(_ context.Context, client server.BootstrapClient) (server.BootstrapConfig, error) {
			key, ok := keys[client.Endpoint]
			if !ok {
				return server.BootstrapConfig{}, fmt.Errorf("%q is not one of ours", client.Endpoint)
			}
			return server.BootstrapConfig{Servers: []server.ServerAccount{{
				URI:      "coaps://lwm2m.example.com",
				Security: server.PSK{Identity: []byte(client.Endpoint), Key: key},
				Lifetime: time.Hour,
			}}}, nil
		},
	}})
	fmt.Println(s != nil, err)
	// Output: true <nil>
}

// A test of how a device deals with a configuration without any server: it should answer Bootstrap-Finish with 4.06
// (ETS int-9). The configuration of the endpoint is server.BootstrapConfig{Manual: true}.
func ExampleServer_WaitBootstrap() {
	var ctx context.Context
	var s *server.Server

	session, err := s.WaitBootstrap(ctx, "thermo-1")
	if err != nil {
		log.Fatal(err)
	}
	path := model.PathOf(1, 0, 5)
	if _, err := session.Write(ctx, path, model.IntegerValue(86400), server.WriteOptions{}); err != nil {
		log.Fatal(err)
	}
	response, err := session.Finish(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Code == model.NotAcceptable, response.Err())
}
