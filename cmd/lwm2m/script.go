package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// step is one thing that the server does in the demonstration.
type step struct {
	name string
	do   func(context.Context) error
}

// Places that the demonstration goes to.
var (
	deviceObject  = lwm2m.PathOf(3, 0)
	manufacturer  = lwm2m.PathOf(3, 0, 0)
	batteryLevel  = lwm2m.PathOf(3, 0, 9)
	currentTime   = lwm2m.PathOf(3, 0, 13)
	timezone      = lwm2m.PathOf(3, 0, 15)
	updateTrigger = lwm2m.PathOf(1, 0, 8)
	temperatures  = lwm2m.PathOf(3303)
	sensorValue   = lwm2m.PathOf(3303, 0, 5700)
	resetMinMax   = lwm2m.PathOf(3303, 0, 5605)
	second        = lwm2m.PathOf(3303, 1)
)

// steps are what the server does, in order. Each checks what the device answers.
func (d *demo) steps() []step {
	steps := []step{
		{"Register", d.awaitRegistration},
		{"Read", d.read},
		{"Discover", d.discover},
		{"Write", d.write},
		{"refused Write", d.refusedWrite},
		{"Execute", d.execute},
		{"Create", d.create},
		{"Delete", d.delete},
		{"Write-Attributes", d.writeAttributes},
		{"Read-Composite", d.readComposite},
		{"Send", d.awaitSend},
		{"Observe", d.observe},
		{"Notify", d.awaitNotification},
	}
	if d.bootstrap != nil {
		steps = append([]step{{"Bootstrap", d.awaitBootstrap}}, steps...)
	}
	return steps
}

// script does the steps one after another, until one fails or ctx ends.
func (d *demo) script(ctx context.Context, steps []step) error {
	for i, s := range steps {
		err := d.do(ctx, s)
		if ctx.Err() != nil && i+1 == len(steps) && err == nil {
			return nil
		}
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return fmt.Errorf("the time was too short to show: %s", names(steps[i:]))
		case ctx.Err() != nil:
			return nil // interrupted: who did that has seen enough
		case err != nil:
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func names(steps []step) string {
	var all []string
	for _, s := range steps {
		all = append(all, s.name)
	}
	return strings.Join(all, ", ")
}

func (d *demo) do(ctx context.Context, s step) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	if err := s.do(ctx); err != nil {
		return err
	}
	select {
	case <-time.After(d.pace):
	case <-ctx.Done():
	}
	return nil
}

func (d *demo) awaitRegistration(ctx context.Context) (err error) {
	select {
	case <-d.arrived:
		d.device, err = d.server.Device(demoEndpoint)
		return err
	case err := <-d.deviceDone:
		d.deviceDone <- nil
		return fmt.Errorf("the device ended: %w", err)
	case <-ctx.Done():
		return fmt.Errorf("the device did not register within %v", stepTimeout)
	}
}

// ask performs an operation and shows it.
func (d *demo) ask(operation string, p lwm2m.Path, more string, do func() (*server.Response, error)) (*server.Response, error) {
	return d.out.request(strings.TrimRight(operation+" "+named(p)+" "+more, " "), do)
}

func (d *demo) read(ctx context.Context) error {
	read := func(p lwm2m.Path) (*server.Response, error) {
		return d.ask("Read", p, "", func() (*server.Response, error) {
			return d.device.Read(ctx, p, server.ReadOptions{})
		})
	}
	if _, err := read(manufacturer); err != nil {
		return err
	}
	response, err := read(deviceObject)
	if err != nil {
		return err
	}
	if _, ok := response.Value(manufacturer); !ok {
		return fmt.Errorf("the answer has no %s", named(manufacturer))
	}
	return nil
}

func (d *demo) discover(ctx context.Context) error {
	response, err := d.ask("Discover", temperatures, "", func() (*server.Response, error) {
		return d.device.Discover(ctx, temperatures, server.DiscoverOptions{})
	})
	if err != nil {
		return err
	}
	for _, l := range response.Links {
		if l.Path == sensorValue {
			return nil
		}
	}
	return fmt.Errorf("the answer does not list %s", named(sensorValue))
}

func (d *demo) write(ctx context.Context) error {
	value := model.StringValue("Europe/Paris")
	_, err := d.ask("Write", timezone, "= "+valued(timezone, value), func() (*server.Response, error) {
		return d.device.Write(ctx, timezone, value, server.WriteOptions{})
	})
	if err != nil {
		return err
	}
	response, err := d.ask("Read", timezone, "", func() (*server.Response, error) {
		return d.device.Read(ctx, timezone, server.ReadOptions{})
	})
	if err != nil {
		return err
	}
	if got, _ := response.Value(timezone); got != value {
		return fmt.Errorf("%s is %v after %v was written", named(timezone), got, value)
	}
	return nil
}

// refusedWrite shows what happens to a request that the device cannot allow.
func (d *demo) refusedWrite(ctx context.Context) error {
	value := model.StringValue("Somebody Else")
	_, err := d.ask("Write", manufacturer, "= "+valued(manufacturer, value), func() (*server.Response, error) {
		return d.device.Write(ctx, manufacturer, value, server.WriteOptions{})
	})
	if !errors.Is(err, model.MethodNotAllowed) {
		return fmt.Errorf("want %v, as the Resource is read-only, got: %w", model.MethodNotAllowed, err)
	}
	return nil
}

func (d *demo) execute(ctx context.Context) error {
	for _, p := range []lwm2m.Path{resetMinMax, updateTrigger} {
		_, err := d.ask("Execute", p, "", func() (*server.Response, error) { return d.device.Execute(ctx, p, "") })
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) create(ctx context.Context) error {
	units := second.Child(5701)
	nodes := []server.Node{{Path: units, Value: model.StringValue("Cel")}}
	_, err := d.ask("Create", second, "(a second sensor)", func() (*server.Response, error) {
		return d.device.Create(ctx, second, nodes, server.CreateOptions{})
	})
	if err != nil {
		return err
	}
	_, err = d.ask("Read", second, "", func() (*server.Response, error) {
		return d.device.Read(ctx, second, server.ReadOptions{})
	})
	return err
}

func (d *demo) delete(ctx context.Context) error {
	_, err := d.ask("Delete", second, "", func() (*server.Response, error) { return d.device.Delete(ctx, second) })
	return err
}

func (d *demo) writeAttributes(ctx context.Context) error {
	update := model.AttributesUpdate{}.Set(model.MaxPeriod, 60).Set(model.Step, 0.1)
	_, err := d.ask("Write-Attributes", sensorValue, strings.Join(update.Queries(), " "), func() (*server.Response, error) {
		return d.device.WriteAttributes(ctx, sensorValue, update)
	})
	if err != nil {
		return err
	}
	response, err := d.ask("Discover", sensorValue, "", func() (*server.Response, error) {
		return d.device.Discover(ctx, sensorValue, server.DiscoverOptions{})
	})
	if err != nil {
		return err
	}
	for _, l := range response.Links {
		if _, ok := l.Get("st"); ok && l.Path == sensorValue {
			return nil
		}
	}
	return errors.New("the attributes do not show in the answer to Discover")
}

func (d *demo) readComposite(ctx context.Context) error {
	paths := []lwm2m.Path{batteryLevel, currentTime, sensorValue}
	what := make([]string, len(paths))
	for i, p := range paths {
		what[i] = named(p)
	}
	response, err := d.out.request("Read-Composite "+strings.Join(what, ", "), func() (*server.Response, error) {
		return d.device.ReadComposite(ctx, paths, server.CompositeOptions{})
	})
	if err != nil {
		return err
	}
	for _, p := range paths {
		if _, ok := response.Value(p); !ok {
			return fmt.Errorf("the answer has no %s", named(p))
		}
	}
	return nil
}

func (d *demo) observe(ctx context.Context) error {
	_, err := d.ask("Observe", sensorValue, "", func() (*server.Response, error) {
		o, err := d.device.Observe(ctx, sensorValue, server.ObserveOptions{OnNotify: d.notification})
		if err != nil {
			return nil, err
		}
		return o.Response, nil
	})
	return err
}

func (d *demo) notification(n server.Notification) {
	d.out.notification(n)
	if n.Err == nil && n.Code.IsSuccess() {
		closeOnce(d.notified)
	}
}

func (d *demo) awaitNotification(ctx context.Context) error {
	select {
	case <-d.notified:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no notification within %v", stepTimeout)
	}
}
