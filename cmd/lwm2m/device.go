package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/lwm2m-go/lwm2m"
)

// deviceOptions say what device to simulate. All fields are required but send, secured, and what says otherwise.
type deviceOptions struct {
	endpoint  string
	server    string // URI; may be empty if there are factoryData
	security  lwm2m.Security
	secured   string // the security in words
	bootstrap bool   // server is a Bootstrap-Server; then there is no lifetime
	pack      bool   // ask it for a Bootstrap-Pack
	lifetime  time.Duration
	queueMode bool
	awakeTime time.Duration // in queue mode. Default: that of the library
	version   lwm2m.Version
	// factoryData are accounts and other values from the factory. Default: none.
	factoryData []byte
	// store keeps what servers have made of the accounts. Default: nothing outlives a reboot, but for what settings are.
	store lwm2m.Store

	interval time.Duration // between samples
	seed     uint64        // of the temperatures
	logger   *slog.Logger
	network  lwm2m.Network

	// onEvent is told what happens, and the lifetime that the registration has at that moment.
	onEvent func(e lwm2m.Event, lifetime time.Duration)
	// say tells what the device does. It is called from any goroutine.
	say func(format string, args ...any)
	// send has the device send its last temperatures for each value; nil for never.
	send <-chan struct{}
}

// rebootDelay is what the answer to a Reboot gets to reach the server.
const rebootDelay = 500 * time.Millisecond

// runDevice runs a device, over reboots, until ctx ends. Then it de-registers.
func runDevice(ctx context.Context, o deviceOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	host := lwm2m.NewHost(lwm2m.HostConfig{Shards: 1})
	ended := make(chan error, 1)
	go func() { ended <- host.Run(ctx) }()
	err := reboots(ctx, host, o)
	cancel()
	return errors.Join(err, <-ended)
}

// forget has the store forget what servers have made of the accounts.
func (o *deviceOptions) forget(ctx context.Context) error {
	if o.store == nil {
		return nil
	}
	return o.store.Delete(ctx, o.endpoint+"/device")
}

// reboots starts the device again and again, until ctx ends.
func reboots(ctx context.Context, host *lwm2m.Host, o deviceOptions) error {
	kept := factorySettings(o)
	for sample := 0; ; {
		m, err := newMachine(o, kept, sample)
		if err != nil {
			return err
		}
		if err := host.Add(m.client); err != nil {
			if ctx.Err() != nil { // it was about to start again when it was to end
				return nil
			}
			return err
		}
		factory, ok := m.work(ctx, &sample)
		if !ok {
			return nil
		}
		m.powerOff(host)
		if kept.keep(m); factory {
			kept = factorySettings(o)
			if err := o.forget(ctx); err != nil {
				return err
			}
			o.say("starts with the settings of the factory")
		} else {
			o.say("starts again")
		}
	}
}

// work takes samples until the device is to reboot, or ctx ends; then ok is false.
func (m *machine) work(ctx context.Context, sample *int) (factory, ok bool) {
	tick := time.NewTicker(m.options.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, false
		case <-tick.C:
			*sample++
			m.measure(*sample)
		case <-m.options.send:
			m.send(ctx)
		case factory = <-m.reboot:
			m.options.say("reboots")
			select {
			case <-ctx.Done():
				return false, false
			case <-time.After(rebootDelay):
				return factory, true
			}
		}
	}
}

// powerOff ends the client without a word to the server, as a device does that reboots.
func (m *machine) powerOff(host *lwm2m.Host) {
	m.off.Store(true)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = host.Remove(ended, m.client) // the error is that it did not de-register
}
