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
	limit     time.Duration
	port      uint16
	secure    bool
	bootstrap bool
	log       logFlags
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

With --bootstrap the device knows a Bootstrap-Server only, which tells it the account
of the server first: a third party in this program.

If something does not work as it should, the exit code is 1.`,
		Example: `  lwm2m demo
  lwm2m demo --for 10s
  lwm2m demo --secure
  lwm2m demo --bootstrap --secure
  lwm2m demo --port 5683    # and in another terminal: lwm2m client --server coap://127.0.0.1 --endpoint mine`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.DurationVar(&f.limit, "for", 0, "end by itself after this time (default: never)")
	flags.BoolVar(&f.secure, "secure", false, "protect the connection by DTLS with a pre-shared key")
	flags.BoolVar(&f.bootstrap, "bootstrap", false, "have a Bootstrap-Server tell the device the account of the server")
	flags.Uint16Var(&f.port, "port", 0, "UDP `port` of the server (default: a free one)")
	f.log.add(cmd)
	return cmd
}

func (f *demoFlags) run(cmd *cobra.Command) error {
	logger, err := f.log.logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if err := checkAtLeast("for", f.limit, 0); err != nil {
		return err
	}
	d := newDemo(newTerminal(cmd.OutOrStdout()), logger)
	if err := f.prepare(d); err != nil {
		return err
	}
	if f.limit > 0 {
		d.pace = min(demoPace, f.limit/pacesInTime)
		d.interval = max(min(demoInterval, f.limit/samplesInTime), leastInterval)
	}
	ctx, cancel := limited(cmd.Context(), f.limit)
	defer cancel()
	return d.run(ctx)
}

// prepare makes the server, and the Bootstrap-Server if one is wanted.
func (f *demoFlags) prepare(d *demo) (err error) {
	config := server.Config{Logger: d.logger.With("side", "server")}
	account := server.ServerAccount{Security: server.NoSec{}, Lifetime: demoLifetime, AllowSend: true}
	if f.secure {
		key := newDemoKey()
		config.Credentials = key.credentials()
		d.security, account.Security = key.device(), key.account()
	}
	if d.server, err = start(server.New, config, f.port); err != nil || !f.bootstrap {
		return err
	}
	account.URI = d.server.URI()
	config = server.Config{Logger: d.logger.With("side", "bootstrap server")}
	if f.secure { // each server has a key of its own
		key := newDemoKey()
		config.Credentials = key.credentials()
		d.security = key.device()
	}
	d.bootstrap, err = start(func(c server.Config) (*server.Server, error) { return newBootstrapServer(c, account) }, config, 0)
	return err
}

// start makes a server that listens, with security if there are credentials.
func start(make func(server.Config) (*server.Server, error), config server.Config, port uint16) (*server.Server, error) {
	srv, err := make(config)
	if err != nil {
		return nil, err
	}
	listen := srv.Listen
	if config.Credentials != nil {
		listen = srv.ListenSecure
	}
	if err := listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))); err != nil {
		return nil, fmt.Errorf("cannot start the server: %w", err)
	}
	return srv, nil
}

// demoKey is what the device and a server share.
type demoKey []byte

func newDemoKey() demoKey {
	key := make(demoKey, 16)
	_, _ = rand.Read(key) // never fails
	return key
}

func (k demoKey) credentials() *server.Credentials {
	return &server.Credentials{PSK: server.Keys(map[string][]byte{demoEndpoint: k})}
}

func (k demoKey) device() lwm2m.Security   { return lwm2m.PSK{Identity: []byte(demoEndpoint), Key: k} }
func (k demoKey) account() server.Security { return server.PSK{Identity: []byte(demoEndpoint), Key: k} }

// demo is a demonstration: a server, a device, and what the server does with it.
type demo struct {
	out            *conversation
	server         *server.Server
	bootstrap      *server.Server // nil without one
	logger         *slog.Logger
	pace, interval time.Duration
	security       lwm2m.Security // of the device and the first server that it speaks with

	bootstrapped chan error // how the first bootstrap of the device ended

	device     *server.Device
	arrived    chan struct{} // closed when the device has registered
	gone       chan struct{} // closed when it has de-registered
	deviceDone chan error
	notified   chan struct{} // closed at the first notification
	send       chan struct{} // tells the device to send
	sent       chan struct{} // closed when that has arrived
}

func newDemo(out *terminal, logger *slog.Logger) *demo {
	return &demo{
		out: &conversation{terminal: out}, logger: logger, pace: demoPace, interval: demoInterval,
		security: lwm2m.NoSec{}, bootstrapped: make(chan error, 1),
		arrived: make(chan struct{}), gone: make(chan struct{}), notified: make(chan struct{}),
		send: make(chan struct{}, 1), sent: make(chan struct{}),
		deviceDone: make(chan error, 1),
	}
}

// run shows everything until ctx ends, then ends the device and at last the servers.
func (d *demo) run(ctx context.Context) error {
	serving, stopServers := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServers()
	served := []<-chan error{runWatched(serving, d.server, d.watch)}
	if d.bootstrap != nil {
		served = append(served, runWatched(serving, d.bootstrap, d.watchBootstrap))
	}
	d.introduce()
	working, stopDevice := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDevice()
	go func() { d.deviceDone <- runDevice(working, d.deviceOptions()) }()

	err := d.script(ctx, d.steps())
	if err == nil && ctx.Err() == nil {
		d.out.note("The temperature is observed%s", untilWhen(ctx))
		<-ctx.Done()
	}
	stopDevice()
	err = errors.Join(err, d.goodbye())
	stopServers()
	for _, ended := range served {
		err = errors.Join(err, <-ended)
	}
	return err
}

// runWatched runs a server and has its events watched. Both have ended when there is a result.
func runWatched(ctx context.Context, srv *server.Server, watch func(context.Context, *server.Events)) <-chan error {
	ended := make(chan error, 1)
	watched := make(chan struct{})
	events := srv.Events()
	go func() { defer close(watched); watch(ctx, events) }()
	go func() {
		err := srv.Run(ctx)
		<-watched
		ended <- err
	}()
	return ended
}

// introduce tells who takes part, and who knows what.
func (d *demo) introduce() {
	d.out.note("An LwM2M Server listens at %s", d.server.URI())
	secured := d.security != lwm2m.Security(lwm2m.NoSec{})
	if d.bootstrap == nil {
		d.out.note("A device named %s is switched on", demoEndpoint)
		if secured {
			d.out.note("Both know a key that was made for today: %v", d.security)
		}
		return
	}
	d.out.note("A Bootstrap-Server (BS) listens at %s", d.bootstrap.URI())
	d.out.note("A device named %s is switched on, which knows the Bootstrap-Server only", demoEndpoint)
	if secured {
		d.out.note("These two know a key that was made for today: %v", d.security)
		d.out.note("The server has another one, which the device has to be told")
	}
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
	o := deviceOptions{
		endpoint: demoEndpoint, server: d.server.URI(), lifetime: demoLifetime, version: lwm2m.Version11,
		security: d.security, interval: d.interval, seed: 1, logger: d.logger.With("side", "device"), network: &link.UDP{KeepPort: true},
		onEvent: d.deviceEvent, say: d.out.device, send: d.send,
	}
	if d.bootstrap != nil {
		o.server, o.bootstrap, o.lifetime = d.bootstrap.URI(), true, 0
	}
	return o
}

// deviceEvent tells what only the device knows.
func (d *demo) deviceEvent(e lwm2m.Event, _ time.Duration) {
	if e.Handshake != "" {
		with := ""
		if d.bootstrap != nil {
			with = " with the server"
		}
		if e.Server == 0 {
			with = " with the Bootstrap-Server"
		}
		d.out.note("The connection%s is protected by DTLS%s", with, handshake(e))
	}
	if e.Err != nil && e.Kind != lwm2m.ObservationEnded { // all else shows at the servers
		n := &narrator{server: d.server.URI(), endpoint: demoEndpoint}
		if d.bootstrap != nil {
			n.bootstrap = d.bootstrap.URI()
		}
		d.out.device("%s", n.words(e, demoLifetime))
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
