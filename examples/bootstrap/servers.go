package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m/server"
)

// servers are a Bootstrap-Server and the server that it tells devices of, in this process.
type servers struct {
	uri  string // of the Bootstrap-Server
	key  []byte // that the device shares with it
	stop func()
}

// startServers starts both servers for one device. 4.
func startServers(ctx context.Context, endpoint string) (*servers, error) {
	bootstrapKey, serverKey := newKey(), newKey()
	management, err := server.New(server.Config{
		Credentials: &server.Credentials{PSK: server.Keys(map[string][]byte{endpoint: serverKey})},
		OnEvent:     func(e server.Event) { log.Printf("server: %v", e) },
	})
	if err != nil {
		return nil, err
	}
	if err := management.ListenSecure("127.0.0.1:0"); err != nil {
		return nil, err
	}
	bootstrap, err := server.New(server.Config{
		Credentials: &server.Credentials{PSK: server.Keys(map[string][]byte{endpoint: bootstrapKey})},
		OnEvent:     func(e server.Event) { log.Printf("Bootstrap-Server: %v", e) },
		Bootstrap: &server.Bootstrap{
			// A real one would ask a database. An error refuses the device.
			Find: func(_ context.Context, client server.BootstrapClient) (server.BootstrapConfig, error) {
				if client.Endpoint != endpoint {
					return server.BootstrapConfig{}, fmt.Errorf("%q is not one of ours", client.Endpoint)
				}
				return server.BootstrapConfig{Servers: []server.ServerAccount{{
					URI:       management.URI(),
					Security:  server.PSK{Identity: []byte(endpoint), Key: serverKey},
					Lifetime:  time.Minute,
					AllowSend: true,
				}}}, nil
			},
		},
	})
	if err != nil {
		return nil, err
	}
	if err := bootstrap.ListenSecure("127.0.0.1:0"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, s := range []*server.Server{management, bootstrap} {
		running.Go(func() {
			if err := s.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				log.Print(err)
			}
		})
	}
	return &servers{uri: bootstrap.URI(), key: bootstrapKey, stop: func() { cancel(); running.Wait() }}, nil
}

func newKey() []byte {
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails
	return key
}
