package interop

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
)

// device is a client of this module that is registered with Leshan. Its methods
// perform operations through Leshan and fail the test if the answer is not the wanted one.
type device struct {
	*testing.T
	ctx     context.Context
	leshan  *leshan.Server
	ep      string
	client  *lwm2m.Client
	device  *oma.Device
	temp    *ipso.Temperature
	values  *lwm2m.Instance // /3442/0, which has each data type
	config  lwm2m.Config
	history *history
	events  *leshan.Stream // of this endpoint
	// registered is Leshan's record of the first registration.
	registered *leshan.Registration
	stop       func() // ends the client, which de-registers
}

// connect starts a client with an endpoint named like the test, and returns once
// it is registered. Each change adapts it before that.
func connect(t *testing.T, changes ...func(*device)) *device {
	t.Helper()
	leshan.Require(t, errOfShared)
	shared.LogTo(t)
	return connectTo(t, shared, changes...)
}

func connectTo(t *testing.T, server *leshan.Server, changes ...func(*device)) *device {
	t.Helper()
	d := newDevice(t, server)
	for _, change := range changes {
		change(d)
	}
	d.events = server.MustEvents(t, d.ep)
	d.run()
	d.registered = d.event(leshan.Registered).Registration
	d.history.wait(d.ctx, t, lwm2m.Registered)
	return d
}

// newDevice prepares a client with the objects Server, Device, Temperature, Portfolio and
// the test object; servers can create the latter two.
func newDevice(t *testing.T, server *leshan.Server) *device {
	t.Helper()
	d := &device{
		T: t, ctx: testContext(t), leshan: server, ep: strings.ReplaceAll(t.Name(), "/", "-"),
		device: oma.NewDevice(), temp: ipso.NewTemperature(0), history: newHistory(),
	}
	must(t, d.device.Manufacturer.Set("Open Mobile Alliance"))
	must(t, d.device.ModelNumber.Set("Lightweight M2M Client"))
	must(t, d.device.SerialNumber.Set("345000123"))
	must(t, d.device.FirmwareVersion.Set("1.0"))
	must(t, d.temp.SensorValue.Set(22.5))
	d.values = lwm2m.NewInstance(definition(3442), 0)
	d.config = lwm2m.Config{
		Endpoint:  d.ep,
		Servers:   []lwm2m.ServerAccount{{URI: "coap://" + server.CoAP, Security: lwm2m.NoSec{}}},
		Objects:   []lwm2m.ObjectInstance{d.device, d.temp, d.values},
		Factories: []lwm2m.Factory{{Object: definition(3442)}, {Object: definition(16)}},
		OnEvent:   d.history.add,
	}
	if os.Getenv("LWM2M_TRACE") != "" {
		d.config.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return d
}

func definition(object uint16) *model.Object {
	def, ok := model.Embedded().Latest(object)
	if !ok {
		panic(fmt.Sprintf("no definition of object %d", object))
	}
	return def
}

// run starts the client, to be stopped at the end of the test.
func (d *device) run() {
	d.Helper()
	client, err := lwm2m.NewClient(d.config)
	must(d, err)
	d.client = client
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	d.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			d.Errorf("Run: %v", err)
		}
	})
	d.Cleanup(d.stop)
	d.Cleanup(func() {
		if d.Failed() {
			d.Logf("client's events: %s", d.history)
		}
	})
}

// portfolio gives the device an instance of the Portfolio Object.
func portfolio(t *testing.T, id uint16, identities ...string) *lwm2m.Instance {
	t.Helper()
	in := lwm2m.NewInstance(definition(16), id)
	for i, identity := range identities {
		must(t, in.SetItem(0, uint16(i), model.StringValue(identity)))
	}
	return in
}

// event waits for something to happen in Leshan.
func (d *device) event(kind leshan.EventKind) leshan.Event {
	d.Helper()
	event, err := d.events.Wait(d.ctx, kind, nil)
	must(d, err)
	return event
}

// message waits for a CoAP message between Leshan and the device.
func (d *device) message(what string, match func(*leshan.Message) bool) *leshan.Message {
	d.Helper()
	event, err := d.events.Wait(d.ctx, leshan.CoAPLog, func(e leshan.Event) bool { return match(e.CoAP) })
	if err != nil {
		d.Fatalf("%s: %v", what, err)
	}
	return event.CoAP
}

// want returns a check of the code of an answer: want("2.05")(server.Read(…)).
func (d *device) want(code string) func(*leshan.Result, error) *leshan.Result {
	d.Helper()
	return func(r *leshan.Result, err error) *leshan.Result {
		d.Helper()
		must(d, err)
		if r.Code != code {
			d.Fatalf("answer %s %q, want %s", r.Status, r.ErrorMessage, code)
		}
		if strings.HasPrefix(code, "4") && code != "4.13" && r.ErrorMessage == "" { // 4.13 has an option
			d.Errorf("answer %s without a diagnostic message", code)
		}
		return r
	}
}

func (d *device) read(code, path string, format leshan.Format) *leshan.Result {
	d.Helper()
	return d.want(code)(d.leshan.Read(d.ctx, d.ep, path, format))
}

func (d *device) write(code, path string, mode leshan.WriteMode, format leshan.Format, node *leshan.Node) {
	d.Helper()
	d.want(code)(d.leshan.Write(d.ctx, d.ep, path, mode, format, node))
}

func (d *device) execute(code, path, arguments string) {
	d.Helper()
	d.want(code)(d.leshan.Execute(d.ctx, d.ep, path, arguments))
}

func (d *device) discover(code, path string) []leshan.Link {
	d.Helper()
	return d.want(code)(d.leshan.Discover(d.ctx, d.ep, path)).ObjectLinks
}

func (d *device) readComposite(code string, format leshan.Format, paths ...string) *leshan.Result {
	d.Helper()
	return d.want(code)(d.leshan.ReadComposite(d.ctx, d.ep, paths, format, format))
}

func (d *device) writeComposite(code string, format leshan.Format, nodes map[string]*leshan.Node) {
	d.Helper()
	d.want(code)(d.leshan.WriteComposite(d.ctx, d.ep, nodes, format))
}

// holds checks values in the client, each "path=value"; "path=" means that there is none.
func (d *device) holds(values ...string) {
	d.Helper()
	for _, pair := range values {
		path, want, _ := strings.Cut(pair, "=")
		p, err := lwm2m.ParsePath(path)
		must(d, err)
		v, err := d.client.Get(p)
		got := v.String()
		if err != nil {
			got = ""
		}
		if got != want {
			d.Errorf("client has %s = %q, want %q", path, got, want)
		}
	}
}

// same compares what Leshan understood with what it should have.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n got %s\nwant %s", what, show(got), show(want))
	}
}

// show follows the pointers of nodes, which %+v does not.
func show(v any) string {
	switch v := v.(type) {
	case *leshan.Node:
		if v == nil {
			return "nothing"
		}
		s := fmt.Sprintf("%s %d %s %v %v", v.Kind, v.ID, v.Type, v.Value, v.Values)
		for _, child := range v.Children {
			s += " (" + show(child) + ")"
		}
		return s
	case map[string]*leshan.Node:
		var s string
		for path, node := range v {
			s += fmt.Sprintf("%s: %s; ", path, show(node))
		}
		return s
	}
	return fmt.Sprintf("%+v", v)
}
