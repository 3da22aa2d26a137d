package main

import (
	"context"
	"errors"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/store"
	"github.com/spf13/cobra"
)

// clientFlags are the flags of lwm2m client.
type clientFlags struct {
	accounts accountFlags
	endpoint string
	state    string
	version  string
	file     string
	log      logFlags
	interval time.Duration
	seed     uint64
	queue    bool
	awake    time.Duration
	limit    time.Duration
}

const (
	defaultLifetime = 5 * time.Minute
	defaultInterval = 5 * time.Second
	leastInterval   = 10 * time.Millisecond
)

func newClientCommand() *cobra.Command {
	f := clientFlags{accounts: accountFlags{lifetime: seconds(defaultLifetime)}}
	cmd := &cobra.Command{
		Use:   "client {-f DEVICE.yaml | --endpoint NAME {--server | --bootstrap} coaps://HOST[:PORT]}",
		Short: "Run a simulated device",
		Long: `Runs a device with a temperature sensor: it registers with a server and lets
itself be managed until it is interrupted (Ctrl-C). Then it de-registers. A
second interrupt ends it at once.

What servers find:

  /1     Server: lifetime and other settings of the registration
  /3     Device: what it is, battery, memory, clock; Timezone and UTC Offset can
         be written; Reboot, Factory Reset and Reset Error Code can be executed
  /3303  Temperature: a sensor, with minimum and maximum; further ones can be
         created and deleted

With coaps:// the connection is protected by DTLS, either by a key that the server
knows too, or by certificates. A key on the command line can be seen by other
users of the computer: @FILE takes it from a file. With coap:// there is no
protection at all.

With --bootstrap instead of --server the device knows a Bootstrap-Server only,
which tells it its servers. With --factory-data it has from the factory what a
file says: accounts of servers and values of other Objects, in SenML JSON, SenML
CBOR or LwM2M CBOR, as in a Bootstrap-Pack. What servers have made of all that is
kept in the folder of --state, and stands when the device is started again; a
Factory Reset brings back the beginning.

With -f the device is another one: what a file says about its endpoint, servers,
Objects and values, which may change by themselves. Flags win over what stands
there; servers of the command line take the place of all in the file. lwm2m schema
prints the form of such files.

What happens is told on standard output, line by line. With --for, a device
that could not register within that time is a failure (exit code 1).`,
		Example: `  lwm2m client --server coap://localhost --endpoint thermo-1
  lwm2m client --server coap://leshan.eclipseprojects.io --endpoint my-thermometer-42 --lifetime 60s
  lwm2m client --server coaps://lwm2m.example.com --endpoint thermo-1 --psk-key @thermo-1.key
  lwm2m client --server coaps://lwm2m.example.com --endpoint thermo-1 --cert thermo-1.pem --key thermo-1-key.pem --ca ca.pem
  lwm2m client --bootstrap coaps://bootstrap.example.com --endpoint thermo-1 --psk-key @thermo-1.key
  lwm2m client --factory-data thermo-1.json --endpoint thermo-1 --state /var/lib/thermo-1
  lwm2m client -f examples/thermometer.yaml
  lwm2m client --server coap://[::1]:5683 --endpoint thermo-1 --log-level debug --for 30s`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	f.accounts.add(cmd)
	flags.StringVar(&f.endpoint, "endpoint", "", "`name` by which servers know the device")
	flags.StringVar(&f.state, "state", "", "`folder` that keeps what servers have changed over restarts (default: nothing is kept)")
	flags.StringVar(&f.version, "version", "1.1", "`version` of LwM2M: 1.0, 1.1 or 1.2")
	flags.DurationVar(&f.interval, "interval", defaultInterval, "time between two measurements")
	flags.BoolVar(&f.queue, "queue-mode", false, "listen only for a while after a message, and tell servers so")
	flags.DurationVar(&f.awake, "awake", 0, "how long the device listens in queue mode (default: 93s)")
	flags.Uint64Var(&f.seed, "seed", 1, "`number` that the temperatures depend on")
	flags.DurationVar(&f.limit, "for", 0, "end by itself after this time (default: never)")
	addDeviceFile(cmd, &f.file)
	f.log.add(cmd)
	return cmd
}

// options checks the flags.
func (f *clientFlags) options(cmd *cobra.Command) (deviceOptions, error) {
	o := deviceOptions{
		endpoint: f.endpoint, interval: f.interval, seed: f.seed, queueMode: f.queue, awakeTime: f.awake,
		network: &link.UDP{KeepPort: true},
	}
	var logErr, versionErr error
	o.logger, logErr = f.log.logger(cmd.ErrOrStderr())
	o.version, versionErr = parseVersion(f.version)
	for _, err := range []error{
		f.accounts.check(cmd), checkEndpoint(f.endpoint), versionErr, logErr,
		checkAtLeast("interval", f.interval, leastInterval), checkAtLeast("for", f.limit, 0),
		checkAtLeast("awake", f.awake, 0), f.checkAwake(),
	} {
		if err != nil {
			return o, err
		}
	}
	return o, f.accounts.complete(&o)
}

func (f *clientFlags) checkAwake() error {
	if f.awake != 0 && !f.queue {
		return usagef("--awake needs --queue-mode")
	}
	return nil
}

func (f *clientFlags) run(cmd *cobra.Command) error {
	if f.file != "" {
		return f.runFile(cmd)
	}
	o, err := f.options(cmd)
	if err != nil {
		return err
	}
	out := newTerminal(cmd.OutOrStdout())
	if f.state != "" {
		folder, err := openState(f.state, out)
		if err != nil {
			return err
		}
		defer folder.Close()
		o.store = folder
	}
	watch := &registrationWatch{}
	n := &narrator{server: f.accounts.server, bootstrap: f.accounts.bootstrap, endpoint: f.endpoint}
	o.say = func(format string, args ...any) { out.line(noColour, "The device: "+format, args...) }
	o.onEvent = func(e lwm2m.Event, lifetime time.Duration) {
		watch.event(e)
		if words := n.words(e, lifetime); words != "" {
			out.line(colourOf(e), "%s", words)
		}
	}
	out.line(noColour, "%s as %s", f.accounts.beginning(), f.endpoint)
	if o.secured != "" {
		out.line(noColour, "Security: %s", o.secured)
	}
	ctx, cancel := limited(cmd.Context(), f.limit)
	defer cancel()
	if err := runDevice(ctx, o); err != nil {
		return err
	}
	return watch.result(errors.Is(ctx.Err(), context.DeadlineExceeded), f.accounts.servers())
}

// openState opens the folder of --state, and tells what was wrong with it.
func openState(name string, out *terminal) (*store.Folder, error) {
	folder, err := store.Open(name)
	if err != nil {
		return nil, usagef("--state: %v", err)
	}
	for _, line := range folder.Mended() {
		out.line(noColour, "State: %s", line)
	}
	return folder, nil
}

// limited is a context that ends after a time, if that is not zero.
func limited(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}
