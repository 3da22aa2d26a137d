package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/spf13/cobra"
)

// demoFlags are the flags of lwm2m demo.
type demoFlags struct {
	limit    time.Duration
	port     uint16
	secure   bool
	logLevel string
}

const (
	demoEndpoint = "thermo-1"
	demoLifetime = time.Minute
	// The pace at which the server does one thing after another, and the device measures, for those
	// who watch. A short demonstration is quicker.
	demoPace       = 300 * time.Millisecond
	demoInterval   = time.Second
	pacesInTime    = 40
	samplesInTime  = 10
	stepTimeout    = 5 * time.Second // for one thing that the server does
	goodbyeTimeout = 6 * time.Second // for the De-register to arrive
	demoKey        = 16              // bytes
)

func newDemoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show how a server manages a device",
		Long: `Starts an LwM2M Server and a device with a temperature sensor in this program and
shows what passes between them, over UDP on this computer: the device registers;
the server reads, discovers, writes, executes, creates, deletes and observes,
and the device sends values on its own.
Then the temperature is notified until you interrupt it (Ctrl-C) or the time of
--for is over, and the device de-registers.

If something does not work as it should, the exit code is 1.`,
		Example: `  lwm2m demo
  lwm2m demo --for 10s
  lwm2m demo --secure
  lwm2m demo --port 5683    # and in another terminal: lwm2m client --server coap://127.0.0.1 --endpoint mine`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.limit, "for", 0, "end by itself after this time (default: never)")
	flags.BoolVar(&f.secure, "secure", false, "protect the connection by DTLS with a pre-shared key")
	flags.Uint16Var(&f.port, "port", 0, "UDP `port` of the server (default: a free one)")
	addLogLevel(cmd, &f.logLevel)
	return cmd
}

func (f *demoFlags) run(cmd *cobra.Command) error {
	logger, err := newLogger(cmd.ErrOrStderr(), f.logLevel)
	if err != nil {
		return err
	}
	if err := checkAtLeast("for", f.limit, 0); err != nil {
		return err
	}
	config := server.Config{Logger: logger.With("side", "server")}
	var security lwm2m.Security = lwm2m.NoSec{}
	if f.secure {
		key := make([]byte, demoKey)
		_, _ = rand.Read(key) // never fails
		security = lwm2m.PSK{Identity: []byte(demoEndpoint), Key: key}
		config.Credentials = &server.Credentials{PSK: server.Keys(map[string][]byte{demoEndpoint: key})}
	}
	srv, err := server.New(config)
	if err != nil {
		return err
	}
	listen := srv.Listen
	if f.secure {
		listen = srv.ListenSecure
	}
	if err := listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(int(f.port)))); err != nil {
		return fmt.Errorf("cannot start the server: %w", err)
	}
	d := newDemo(srv, newTerminal(cmd.OutOrStdout()), logger)
	d.security = security
	if f.limit > 0 {
		d.pace = min(demoPace, f.limit/pacesInTime)
		d.interval = max(min(demoInterval, f.limit/samplesInTime), leastInterval)
	}
	ctx, cancel := limited(cmd.Context(), f.limit)
	defer cancel()
	return d.run(ctx)
}

// demo is a demonstration: a server, a device, and what the server does with it.
type demo struct {
	out            *conversation
	server         *server.Server
	logger         *slog.Logger
	pace, interval time.Duration
	security       lwm2m.Security

	device     *server.Device
	arrived    chan struct{} // closed when the device has registered
	gone       chan struct{} // closed when it has de-registered
	deviceDone chan error
	notified   chan struct{} // closed at the first notification
	send       chan struct{} // tells the device to send
	sent       chan struct{} // closed when that has arrived
}

func newDemo(srv *server.Server, out *terminal, logger *slog.Logger) *demo {
	return &demo{
		out: &conversation{terminal: out}, server: srv, logger: logger, pace: demoPace, interval: demoInterval,
		security: lwm2m.NoSec{},
		arrived:  make(chan struct{}), gone: make(chan struct{}), notified: make(chan struct{}),
		send: make(chan struct{}, 1), sent: make(chan struct{}),
		deviceDone: make(chan error, 1),
	}
}

// run shows everything until ctx ends, then ends the device and at last the server.
func (d *demo) run(ctx context.Context) error {
	serving, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	served := make(chan error, 1)
	go func() { served <- d.server.Run(serving) }()
	watched := make(chan struct{})
	events := d.server.Events()
	go func() { defer close(watched); d.watch(serving, events) }()

	d.out.note("An LwM2M Server listens at %s", d.server.URI())
	working, stopDevice := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDevice()
	d.out.note("A device named %s is switched on", demoEndpoint)
	if d.security != lwm2m.Security(lwm2m.NoSec{}) {
		d.out.note("Both know a key that was made for today: %v", d.security)
	}
	go func() { d.deviceDone <- runDevice(working, d.deviceOptions()) }()

	err := d.script(ctx, d.steps())
	if err == nil && ctx.Err() == nil {
		d.out.note("The temperature is observed%s", untilWhen(ctx))
		<-ctx.Done()
	}
	stopDevice()
	err = errors.Join(err, d.goodbye())
	stopServer()
	<-watched
	return errors.Join(err, <-served)
}

func untilWhen(ctx context.Context) string {
	if deadline, ok := ctx.Deadline(); ok {
		return fmt.Sprintf(" for another %v", time.Until(deadline).Round(100*time.Millisecond))
	}
	return "; press Ctrl-C to end"
}

// goodbye waits until the device has ended and the server has heard of it.
func (d *demo) goodbye() error {
	if err := <-d.deviceDone; err != nil {
		return err
	}
	select {
	case <-d.arrived:
	default:
		return nil // that it never registered is known by now
	}
	select {
	case <-d.gone:
		d.out.note("The device has said goodbye and is switched off")
		return nil
	case <-time.After(goodbyeTimeout):
		return errors.New("the device did not de-register")
	}
}

func (d *demo) deviceOptions() deviceOptions {
	return deviceOptions{
		endpoint: demoEndpoint, server: d.server.URI(), lifetime: demoLifetime, version: lwm2m.Version11,
		security: d.security, interval: d.interval, seed: 1, logger: d.logger.With("side", "device"), network: &link.UDP{KeepPort: true},
		onEvent: func(e lwm2m.Event, _ time.Duration) {
			if e.Handshake != "" {
				d.out.note("The connection is protected by DTLS%s", handshake(e))
			}
			if e.Err != nil && e.Kind != lwm2m.ObservationEnded { // all else shows at the server
				d.out.device("%s", (&narrator{server: d.server.URI(), endpoint: demoEndpoint}).words(e, demoLifetime))
			}
		},
		say: d.out.device, send: d.send,
	}
}

// watch tells what devices do by themselves, until the server stops.
func (d *demo) watch(ctx context.Context, events *server.Events) {
	for {
		e, err := events.Next(ctx)
		switch {
		case errors.Is(err, server.ErrLost):
			continue
		case err != nil:
			return
		}
		d.out.event(e)
		if e.Endpoint != demoEndpoint {
			continue
		}
		switch e.Kind {
		case server.Registered:
			closeOnce(d.arrived)
		case server.Deregistered:
			closeOnce(d.gone)
		case server.Sent:
			closeOnce(d.sent)
		}
	}
}

// closeOnce closes a channel unless it is closed. Calls for one channel must not overlap.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}
