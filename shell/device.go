package shell

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// DeviceConfig describes a Device. The zero value of each field is its default.
type DeviceConfig struct {
	// Client is what the clients of the device have in common. Endpoint, Servers, Objects and Factories are filled in by
	// Start; OnEvent and OnMessage are called too. What its Store has of the accounts is read by the first Start; from
	// then on the device knows better, also what was written while it was stopped, and saves that.
	Client lwm2m.Config
	// Objects are the Object Instances that the device has at first, further ones or in place of the usual ones: an empty
	// Security Object /0/0, Device /3/0, Firmware Update /5/0 and Event Log /20/0.
	Objects []lwm2m.ObjectInstance
	// Definitions are those of further Objects that can be created, or in place of those that are known.
	Definitions []*model.Object
	// Firmware takes a package that a server has written to the Firmware Update Object. An error is told by the
	// Update Result. Default: packages are checked for being there, and dropped.
	Firmware func(ctx context.Context, pack []byte) error
	// OnLog is told what the log of an embedded device would say; see [Line]. It is called in order, but not from one
	// goroutine, must be quick, and must not call methods of the Device.
	OnLog func(Line)
	// StopTimeout bounds how long a stop waits for the De-register. Default: 5 s.
	StopTimeout time.Duration
}

// Device is a device that can be switched on and off: Objects that stay, and a client that has them while
// it runs. Its methods may be called from any goroutine.
type Device struct {
	config  DeviceConfig
	kinds   map[uint16]kind
	follows sync.Map // of instances that have one: *lwm2m.Instance to follow
	host    *lwm2m.Host
	ended   chan struct{} // closed when the Host has
	kept    *keptState    // nil if nothing is kept
	ctx     context.Context
	cancel  context.CancelFunc

	turn sync.Mutex // of what starts and stops the client

	mu        sync.Mutex
	client    *lwm2m.Client     // nil while the device is stopped
	instances []*lwm2m.Instance // while the device is stopped; sorted by path
	endpoint  string            // of the last start
	cached    map[lwm2m.Path]int
	locks     int
	pending   []lwm2m.Change // while it is locked

	journal journal
	status  statusBoard
	seed    seedLog
}

const (
	defaultStopTimeout = 5 * time.Second
	// rebootDelay is what the answer to a Reboot gets to reach the server.
	rebootDelay = 500 * time.Millisecond
)

// NewDevice makes a device that is stopped. Close ends it. The error is that of a kind of value in Objects that does not fit.
func NewDevice(config DeviceConfig) (*Device, error) {
	if config.StopTimeout <= 0 {
		config.StopTimeout = defaultStopTimeout
	}
	if config.Client.Version.IsZero() {
		config.Client.Version = lwm2m.Version11
	}
	d := &Device{config: config, ended: make(chan struct{}), cached: map[lwm2m.Path]int{}}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.kinds = d.allKinds()
	d.journal.changed = make(chan struct{})
	if config.OnLog != nil {
		d.logLikeSeed()
	}
	if config.Client.Store != nil {
		d.kept = &keptState{Store: config.Client.Store}
	}
	for _, o := range config.Objects {
		d.insert(o.Base())
	}
	for _, object := range []uint16{objectSecurity, objectDevice, objectFirmware, objectEventLog} {
		if _, ok := d.instance(lwm2m.PathOf(object, 0)); ok {
			continue
		}
		in, err := d.make(object, 0)
		if err != nil {
			d.cancel()
			return nil, err
		}
		d.insert(in)
	}
	d.host = lwm2m.NewHost(lwm2m.HostConfig{Shards: 1, ShutdownTimeout: config.StopTimeout})
	go func() {
		defer close(d.ended)
		_ = d.host.Run(d.ctx) // events have told of what did not end in time
	}()
	return d, nil
}

// logLikeSeed has the lines of an embedded device told, beside the log.
func (d *Device) logLikeSeed() {
	d.seed.log = d.config.OnLog
	h := &logHandler{lines: &d.seed, next: slog.DiscardHandler}
	if logger := d.config.Client.Logger; logger != nil {
		h.next = logger.Handler()
	}
	d.seed.object = d.accountID
	d.config.Client.Logger = slog.New(h)
}

// accountID is the instance of the Server Object that a server has; of 0, that of the Security Object of the
// Bootstrap-Server.
func (d *Device) accountID(server uint16) uint16 {
	for _, in := range d.Instances() {
		bootstrap, _ := in.Get(securityBootstrap)
		ssid, _ := in.Get(serverSSID)
		switch in.Object().ID {
		case objectSecurity:
			if server == 0 && bootstrap.Bool() {
				return in.Path().Instance()
			}
		case objectServer:
			if server != 0 && ssid.Int() == int64(server) {
				return in.Path().Instance()
			}
		}
	}
	return 0
}

// insert adds an instance while the device is stopped.
func (d *Device) insert(in *lwm2m.Instance) {
	i, _ := slices.BinarySearchFunc(d.instances, in.Path(), comparePath)
	d.instances = slices.Insert(d.instances, i, in)
}

func comparePath(in *lwm2m.Instance, p lwm2m.Path) int { return in.Path().Compare(p) }

// Client is the client that runs; nil while the device is stopped.
func (d *Device) Client() *lwm2m.Client {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.client
}

// Instances are the Object Instances that there are, in order of their paths.
func (d *Device) Instances() []*lwm2m.Instance {
	d.mu.Lock()
	client, all := d.client, slices.Clone(d.instances)
	d.mu.Unlock()
	if client == nil {
		return all
	}
	all = nil
	for _, def := range client.Objects() {
		all = append(all, client.Instances(def.ID)...)
	}
	return all
}

// instance finds the Object Instance at p or above it.
func (d *Device) instance(p lwm2m.Path) (*lwm2m.Instance, bool) {
	if p.Depth() < 2 {
		return nil, false
	}
	all := d.Instances()
	i, ok := slices.BinarySearchFunc(all, p.Prefix(2), comparePath)
	if !ok {
		return nil, false
	}
	return all[i], true
}

// resource finds the Object Instance and the definition of the Resource at p or above it.
func (d *Device) resource(p lwm2m.Path) (*lwm2m.Instance, *model.Resource, error) {
	in, ok := d.instance(p)
	if !ok {
		return nil, nil, &lwm2m.Error{Code: lwm2m.NotFound, Path: p, Reason: "no such Object Instance"}
	}
	if p.Depth() < 3 {
		return nil, nil, &lwm2m.Error{Code: lwm2m.BadRequest, Path: p, Reason: "want the path of a Resource"}
	}
	def, ok := in.Object().Resource(p.Resource())
	if !ok {
		return nil, nil, &lwm2m.Error{Code: lwm2m.NotFound, Path: p, Reason: "no such Resource"}
	}
	return in, def, nil
}

// Close stops the device, with a De-register, and ends it for good; it may be called again. Once ctx has ended it does not wait for the server.
func (d *Device) Close(ctx context.Context) {
	if d.Client() != nil {
		_ = d.Stop(ctx, ctx.Err() == nil)
	}
	d.cancel()
	<-d.ended
}
