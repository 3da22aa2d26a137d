package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/cmd/lwm2m/internal/devicefile"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/shell"
	"github.com/spf13/cobra"
)

// described is the device file, in which the flags have won.
func (f *clientFlags) described(cmd *cobra.Command) (*devicefile.File, error) {
	for _, flag := range []string{"interval", "seed"} {
		if cmd.Flags().Changed(flag) {
			return nil, usagef("--%s is for the simulated thermometer; with --file, the file says how values change", flag)
		}
	}
	file, err := readDeviceFile(cmd, f.file)
	if err != nil {
		return nil, err
	}
	given := cmd.Flags().Changed
	if given("version") || file.Version.IsZero() {
		if file.Version, err = parseVersion(f.version); err != nil {
			return nil, err
		}
	}
	if given("endpoint") {
		file.Endpoint = f.endpoint
	}
	if given("state") {
		file.State = f.state
	}
	if given("queue-mode") {
		file.QueueMode = f.queue
	}
	if given("awake") {
		file.AwakeTime = f.awake
	}
	f.log.prefer(cmd, file)
	for _, err := range []error{
		checkEndpoint(file.Endpoint), checkAtLeast("for", f.limit, 0), checkAtLeast("awake", f.awake, 0), f.overrideAccounts(cmd, file),
	} {
		if err != nil {
			return nil, err
		}
	}
	if file.AwakeTime != 0 && !file.QueueMode {
		return nil, usagef("--awake needs --queue-mode, or queue-mode: true in the file")
	}
	return file, nil
}

// overrideAccounts has the servers of the command line take the place of those in the file.
func (f *clientFlags) overrideAccounts(cmd *cobra.Command, file *devicefile.File) error {
	a := &f.accounts
	if a.server == "" && a.bootstrap == "" && a.factoryData == "" {
		switch {
		case a.pack || a.security.keyed() || a.security.certified():
			return usagef("keys and --bootstrap-pack on the command line go with --server or --bootstrap there")
		case len(file.Servers) == 0 && len(file.FactoryData) == 0:
			return usagef("%s names no server; add servers: or bootstrap:, or --server", f.file)
		case cmd.Flags().Changed("lifetime"):
			for i := range file.Servers {
				if !file.Servers[i].Bootstrap {
					file.Servers[i].Lifetime = time.Duration(a.lifetime)
				}
			}
		}
		return nil
	}
	if err := a.check(cmd); err != nil {
		return err
	}
	o := deviceOptions{endpoint: file.Endpoint}
	if err := a.complete(&o); err != nil {
		return err
	}
	kept := factorySettings(o)
	file.Servers, file.FactoryData, file.BootstrapPack = kept.accounts(), o.factoryData, o.pack
	return nil
}

// runFile runs the device that a file describes.
func (f *clientFlags) runFile(cmd *cobra.Command) error {
	file, err := f.described(cmd)
	if err != nil {
		return err
	}
	logger, lines, err := f.log.open(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	out := newTerminal(cmd.OutOrStdout())
	n := newFileNarrator(file)
	watch := &registrationWatch{}
	var d *describedDevice
	tell := func(e lwm2m.Event) {
		watch.event(e)
		if words := n.words(e, d.lifetime(e.Server)); words != "" {
			out.line(colourOf(e), "%s", words)
		}
	}
	d, err = newDescribed(file, shell.DeviceConfig{
		Client: lwm2m.Config{Logger: logger, Network: &link.UDP{KeepPort: true}, OnEvent: tell},
		OnLog:  lines,
	}, out)
	if err != nil {
		return told(cmd.ErrOrStderr(), err)
	}
	ctx, cancel := limited(cmd.Context(), f.limit)
	defer cancel()
	out.line(noColour, "%s as %s", n.beginning(), file.Endpoint)
	d.simulate(ctx)
	if err := d.Start(file.Endpoint, false); err != nil {
		d.end(ctx)
		return err
	}
	<-ctx.Done()
	d.end(context.Background())
	return watch.result(errors.Is(ctx.Err(), context.DeadlineExceeded), n.target())
}

// lifetime is that of the registration with a server.
func (d *describedDevice) lifetime(server uint16) time.Duration {
	for _, in := range d.Instances() {
		ssid, _ := in.Get(0)
		if in.Object().ID == 1 && ssid.Int() == int64(server) {
			lifetime, _ := in.Get(serverLifetime)
			return time.Duration(lifetime.Int()) * time.Second
		}
	}
	return 0
}

// newFileNarrator makes what puts the events of a device of a file into words.
func newFileNarrator(file *devicefile.File) *narrator {
	n := &narrator{endpoint: file.Endpoint}
	for _, a := range file.Servers {
		if a.Bootstrap {
			n.bootstrap = a.URI
		}
	}
	if len(file.Servers) == 1 && n.bootstrap == "" {
		n.server = file.Servers[0].URI
	}
	n.several = len(file.Servers)
	return n
}

// target says where the device is to register.
func (n *narrator) target() string {
	switch {
	case n.server != "":
		return n.server
	case n.bootstrap != "":
		return "the server that " + n.bootstrap + " tells of"
	case n.several > 0:
		return fmt.Sprintf("one of %d servers", n.several)
	}
	return "a server of the factory data"
}

// beginning says what the device does first.
func (n *narrator) beginning() string {
	switch {
	case n.server != "":
		return "Registering with " + n.server
	case n.bootstrap != "" && n.several == 1:
		return "Asking " + n.bootstrap + " for a bootstrap"
	case n.several > 0:
		return fmt.Sprintf("Registering with %s", counted(n.several, "server"))
	}
	return "Beginning with the factory data"
}
