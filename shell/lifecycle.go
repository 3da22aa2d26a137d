package shell

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m"
)

// Errors of Device.
var (
	// ErrStarted: the device has been started already.
	ErrStarted = errors.New("the device is started already")
	// ErrStopped: the device is stopped.
	ErrStopped = errors.New("the device is stopped")
)

// Start makes a client of the device's Objects and starts it: it registers with the servers for which there are
// accounts, instances of the Security Object (0) and of the Server Object (1) with the same Short Server ID. With
// bootstrap, the Bootstrap-Server is asked for these accounts first; its own is an instance of the Security Object
// with Resource 1 true. Start does not wait for the outcome.
func (d *Device) Start(endpoint string, bootstrap bool) error {
	d.turn.Lock()
	defer d.turn.Unlock()
	switch {
	case d.Client() != nil:
		return ErrStarted
	case bootstrap && !d.hasBootstrapServer():
		d.seed.client(levelErr, "No Bootstrap servers found.")
		return failf(numInvalid, "no instance of the Security Object is that of a Bootstrap-Server, with Resource 1 true")
	}
	if err := d.start(endpoint); err != nil {
		d.seedWhyNot()
		return err
	}
	if client := d.Client(); bootstrap && d.hasAccount(false) { // else the client asks by itself
		go func() { _ = client.Bootstrap(d.ctx) }() // events tell of the outcome
	}
	return nil
}

func (d *Device) hasBootstrapServer() bool { return d.hasAccount(true) }

// hasAccount reports whether there is an instance of the Security Object that is the Bootstrap-Server's, or another server's.
func (d *Device) hasAccount(bootstrap bool) bool {
	for _, in := range d.Instances() {
		if v, _ := in.Get(securityBootstrap); in.Object().ID == objectSecurity && v.Bool() == bootstrap {
			return true
		}
	}
	return false
}

// seedWhyNot has the log of an embedded device say what is missing for a start, if it is a part of an account.
func (d *Device) seedWhyNot() {
	servers, secured := map[int64]bool{}, false
	for _, in := range d.Instances() {
		if v, ok := in.Get(serverSSID); ok && in.Object().ID == objectServer {
			servers[v.Int()] = true
		}
	}
	for _, in := range d.Instances() {
		v, _ := in.Get(securitySSID)
		secured = secured || in.Object().ID == objectSecurity && servers[v.Int()]
	}
	switch {
	case d.hasBootstrapServer():
	case len(servers) == 0:
		d.seed.client(levelErr, "No server candidate found")
	case !secured:
		d.seed.client(levelErr, "Unable to find a valid security instance.")
	}
}

// start is called in turn.
func (d *Device) start(endpoint string) error {
	config := d.config.Client
	config.Endpoint, config.Servers, config.Objects = endpoint, nil, nil
	d.mu.Lock()
	for _, in := range d.instances {
		config.Objects = append(config.Objects, in)
	}
	d.mu.Unlock()
	config.Factories = d.factories()
	config.OnEvent, config.OnMessage = d.event, d.message
	if d.kept != nil {
		config.Store = d.kept
		if err := d.kept.prepare(d.ctx, endpoint, d.Instances()); err != nil {
			return fmt.Errorf("the state: %w", err)
		}
	}
	client, err := lwm2m.NewClient(config)
	if err != nil {
		return err
	}
	if d.kept != nil {
		d.kept.has()
	}
	d.seed.started(endpoint)
	d.status.reset(endpoint, d.accounts())
	err = d.host.Add(client)
	if err != nil { // it has been closed
		d.status.stopped()
		_, releaseErr := client.Release(d.ctx)
		return errors.Join(err, releaseErr)
	}
	d.mu.Lock()
	d.client, d.instances, d.endpoint = client, nil, endpoint
	d.mu.Unlock()
	return nil
}

// factories let servers create instances of the Objects that the device knows, but of those about servers.
func (d *Device) factories() (all []lwm2m.Factory) {
	for _, k := range d.kinds {
		if k.object.ID <= objectAccessControl || !k.object.Multiple {
			continue
		}
		all = append(all, lwm2m.Factory{
			Object: d.Definition(k.object.ID),
			New:    func(_ context.Context, id uint16) (lwm2m.ObjectInstance, error) { return d.make(k.object.ID, id) },
		})
	}
	return all
}

// Stop ends the client, and waits until it has de-registered, but at most until ctx ends or the StopTimeout is over.
// Without deregister, servers are not told, as if the power was lost. The error is [ErrStopped], or
// tells that the De-register was not answered in time; the device is stopped all the same.
func (d *Device) Stop(ctx context.Context, deregister bool) error {
	d.turn.Lock()
	defer d.turn.Unlock()
	if d.Client() != nil {
		d.seed.stopped(d.lastEndpoint())
	}
	return d.stop(ctx, deregister)
}

// stop is called in turn.
func (d *Device) stop(ctx context.Context, deregister bool) error {
	client := d.Client()
	if client == nil {
		return ErrStopped
	}
	leave, cancel := context.WithTimeout(ctx, d.config.StopTimeout)
	defer cancel()
	if !deregister {
		cancel()
	}
	err := d.host.Remove(leave, client)
	if !deregister {
		err = nil
	}
	// The client ends at once now: only the loop has to come round to it, and OnEvent to hear of it.
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.config.StopTimeout)
	defer cancel()
	instances, releaseErr := client.Release(release)
	if releaseErr != nil {
		return fmt.Errorf("the client does not end: %w", releaseErr)
	}
	d.mu.Lock()
	d.client, d.instances = nil, instances
	d.mu.Unlock()
	d.status.stopped()
	return err
}

func (d *Device) lastEndpoint() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.endpoint
}

// Reboot ends the client without a word to servers, as a device does that loses its power, and starts it
// again. Values stay. A device that is stopped stays so.
func (d *Device) Reboot(ctx context.Context) error {
	d.turn.Lock()
	defer d.turn.Unlock()
	if d.Client() == nil {
		return ErrStopped
	}
	d.seed.say(levelInfo, logApplication, "DEVICE: REBOOT")
	if err := d.stop(ctx, false); err != nil {
		return err
	}
	return d.start(d.lastEndpoint())
}

// rebootSoon reboots once the answer to the server has gone.
func (d *Device) rebootSoon() {
	time.AfterFunc(rebootDelay, func() {
		if d.ctx.Err() == nil {
			_ = d.Reboot(d.ctx) // stopped meanwhile
		}
	})
}

// Pause suspends the client; see [lwm2m.Client.Pause]. It does nothing if that is so already.
func (d *Device) Pause(ctx context.Context) error {
	d.turn.Lock()
	defer d.turn.Unlock()
	client := d.Client()
	if client == nil {
		return ErrStopped
	}
	d.status.setPaused(true)
	return client.Pause(ctx)
}

// Resume ends a pause; see [lwm2m.Client.Resume]. The error is that there is none.
func (d *Device) Resume(ctx context.Context) error {
	d.turn.Lock()
	defer d.turn.Unlock()
	client := d.Client()
	switch {
	case client == nil:
		return ErrStopped
	case !d.status.isPaused():
		return failf(numPermission, "the device is not paused")
	}
	d.status.setPaused(false)
	d.seed.client(levelInfo, "Resume Client state")
	return client.Resume(ctx)
}

// Update sends a Registration Update to each server and waits for the answers.
func (d *Device) Update(ctx context.Context) error {
	client := d.Client()
	if client == nil {
		return ErrStopped
	}
	return client.Update(ctx)
}

// Send sends the values at the paths to the servers, with their histories, and waits for the answers.
func (d *Device) Send(ctx context.Context, paths ...lwm2m.Path) error {
	client := d.Client()
	if client == nil {
		return ErrStopped
	}
	d.seed.say(levelInfo, logMessages, "Send op to server (/dp)")
	err := client.Send(ctx, paths...)
	switch {
	case err == nil:
		d.seed.say(levelInfo, logMessages, "Send done!")
	case isTimeout(err):
		d.seed.say(levelWarn, logMessages, "Send Timeout")
	case errors.Is(err, lwm2m.ErrMuted):
		d.seed.say(levelWarn, logMessages, "Send operation is muted by server")
	}
	return err
}

// event hears what happens to the client.
func (d *Device) event(e lwm2m.Event) {
	d.status.event(e, d.lifetime(e.Server))
	d.journal.add(e)
	if d.config.Client.OnEvent != nil {
		d.config.Client.OnEvent(e)
	}
}

// message sees each message of the client.
func (d *Device) message(server uint16, sent bool, datagram []byte) {
	if tap := d.status.tracer(); tap != nil {
		tap(server, sent, datagram)
	}
	if d.config.Client.OnMessage != nil {
		d.config.Client.OnMessage(server, sent, datagram)
	}
}
