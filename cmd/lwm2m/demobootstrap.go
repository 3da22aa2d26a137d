package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// Where lines begin between the Bootstrap-Server and the device.
const (
	bootstrapToDevice = "BS     → device  "
	deviceToBootstrap = "device → BS      "
)

// newBootstrapServer makes a Bootstrap-Server that tells devices the account of the demonstration's server. Without
// security it tells everybody, with security the device alone, as the key is for that one.
func newBootstrapServer(config server.Config, account server.ServerAccount) (*server.Server, error) {
	told := server.BootstrapConfig{
		Servers: []server.ServerAccount{account},
		Verify:  []model.Path{{}},
	}
	config.Bootstrap = &server.Bootstrap{Find: func(_ context.Context, c server.BootstrapClient) (server.BootstrapConfig, error) {
		if config.Credentials != nil && c.Endpoint != demoEndpoint {
			return told, fmt.Errorf("%w: there is no key for %q", model.BadRequest, c.Endpoint)
		}
		return told, nil
	}}
	return server.New(config)
}

// awaitBootstrap waits until the device has accepted what it was told.
func (d *demo) awaitBootstrap(ctx context.Context) error {
	select {
	case err := <-d.bootstrapped:
		return err
	case err := <-d.deviceDone:
		d.deviceDone <- nil
		return fmt.Errorf("the device ended: %w", err)
	case <-ctx.Done():
		return fmt.Errorf("the device was not bootstrapped within %v", stepTimeout)
	}
}

// watchBootstrap tells what passes between the Bootstrap-Server and devices, until it stops.
func (d *demo) watchBootstrap(ctx context.Context, events *server.Events) {
	for {
		e, err := events.Next(ctx)
		switch {
		case errors.Is(err, server.ErrLost):
			continue
		case err != nil:
			return
		}
		d.out.bootstrap(e)
		if e.Endpoint != demoEndpoint || e.Kind != server.BootstrapFinished && e.Kind != server.BootstrapFailed {
			continue
		}
		select {
		case d.bootstrapped <- e.Err:
		default: // nobody waits for a second one
		}
	}
}

// bootstrap tells what a device did at the Bootstrap-Server.
func (c *conversation) bootstrap(e server.Event) {
	c.turn.Lock()
	defer c.turn.Unlock()
	switch e.Kind {
	case server.BootstrapRequested:
		c.line(green, deviceToBootstrap+"Bootstrap-Request, %s", strings.Join(e.Query, ", "))
		c.line(cyan, bootstrapToDevice+"2.04 Changed")
	case server.BootstrapAnswered:
		c.step(e.Step)
	case server.BootstrapFinished:
		c.note("The bootstrap of %s is complete", e.Endpoint)
	case server.Refused:
		c.line(red, deviceToBootstrap+"a request that the Bootstrap-Server refuses")
		c.line(red, bootstrapToDevice+"%v", e.Err)
	default:
		c.note("%v", e)
	}
}

// step tells an operation of a bootstrap and its answer.
func (c *conversation) step(s *server.BootstrapStep) {
	what := s.Operation
	if path, err := lwm2m.ParsePath(s.Path); err == nil {
		what += " " + named(path)
	}
	if s.Size > 0 {
		what += fmt.Sprintf(", %d bytes of %s", s.Size, formatName(s.Format))
	}
	c.line(cyan, bootstrapToDevice+"%s", what)
	if s.Err != nil {
		c.line(red, deviceToBootstrap+"no answer: %v", s.Err)
		return
	}
	c.answer(deviceToBootstrap, "", s.Response)
}
