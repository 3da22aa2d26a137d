package lwm2m_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(killedEnv); what != "" {
		if err := runKilledDevice(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// exchange is a request and the answer to it, exactly.
type exchange struct {
	request server.Request
	code    model.Code
	format  server.ContentFormat
	payload string // of an error: the diagnostic text
}

// play sends the requests one after another and compares the answers.
func (f *fixture) play(exchanges ...exchange) {
	f.Helper()
	for _, x := range exchanges {
		f.playTo(f.peer, x)
	}
}

func (f *fixture) playTo(peer *server.Device, x exchange) {
	f.Helper()
	label := describe(x.request)
	r, err := peer.Do(f.ctx, x.request)
	switch {
	case err != nil:
		f.Errorf("%s: %v", label, err)
	case r.Code != x.code:
		f.Errorf("%s: code %v %q, want %v", label, r.Code, r.Payload, x.code)
	case r.Format != x.format:
		f.Errorf("%s: format %v, want %v", label, r.Format, x.format)
	case string(r.Payload) != x.payload:
		f.Errorf("%s: payload %q (%x), want %q (%x)", label, r.Payload, r.Payload, x.payload, x.payload)
	}
}

func describe(r server.Request) string {
	s := r.Method.String()
	if s == "" || r.Method == 0 {
		s = "GET"
	}
	s += " " + r.Path
	if len(r.Query) > 0 {
		s += "?" + strings.Join(r.Query, "&")
	}
	if n, ok := r.Accept.Number(); ok {
		s += fmt.Sprintf(" accept %d", n)
	}
	if n, ok := r.Format.Number(); ok {
		s += fmt.Sprintf(" format %d", n)
	}
	if len(r.Payload) > 0 {
		s += fmt.Sprintf(" %.60q", r.Payload)
	}
	return s
}

// get is a Read or, with LinkFormat, a Discover.
func get(path string, accept server.ContentFormat) server.Request {
	return server.Request{Method: server.GET, Path: path, Accept: accept}
}

func put(path string, format server.ContentFormat, payload string) server.Request {
	return server.Request{Method: server.PUT, Path: path, Format: format, Payload: []byte(payload)}
}

func post(path string, format server.ContentFormat, payload string) server.Request {
	return server.Request{Method: server.POST, Path: path, Format: format, Payload: []byte(payload)}
}

func fetch(format server.ContentFormat, payload string) server.Request {
	return server.Request{Method: server.FETCH, Path: "/", Format: format, Payload: []byte(payload)}
}

func ipatch(format server.ContentFormat, payload string) server.Request {
	return server.Request{Method: server.IPATCH, Path: "/", Format: format, Payload: []byte(payload)}
}

func attributes(path string, query ...string) server.Request {
	return server.Request{Method: server.PUT, Path: path, Query: query}
}

// octets are bytes as they stand in the examples of the specifications.
func octets(s string) string {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

const (
	none = server.NoContentFormat
	text = server.Text
)

// dump is all that a server can read of the device, and what it can discover.
func (f *fixture) dump() string {
	f.Helper()
	r, err := f.peer.ReadComposite(f.ctx, []lwm2m.Path{{}}, server.CompositeOptions{Format: server.SenMLJSON})
	must(f, err)
	must(f, r.Err())
	s := nodes(r.Nodes)
	reg, err := f.peer.Registration()
	must(f, err)
	for _, o := range reg.Inventory.Objects {
		if len(o.Instances) == 0 {
			continue
		}
		d, err := f.peer.Discover(f.ctx, lwm2m.PathOf(o.ID), server.DiscoverOptions{})
		must(f, err)
		must(f, d.Err())
		s += "\n" + string(d.Payload)
	}
	return s + "\n" + reg.Links
}

// fill gives a device the values of the example in Core 1.1.1 §7.4.3.
func fill(t testing.TB, d *oma.Device) {
	t.Helper()
	must(t, d.Manufacturer.Set("Open Mobile Alliance"))
	must(t, d.ModelNumber.Set("Lightweight M2M Client"))
	must(t, d.SerialNumber.Set("345000123"))
	must(t, d.FirmwareVersion.Set("1.0"))
	must(t, d.AvailablePowerSources.SetAll(map[uint16]int64{0: 1, 1: 5}))
	must(t, d.PowerSourceVoltage.SetAll(map[uint16]int64{0: 3800, 1: 5000}))
	must(t, d.PowerSourceCurrent.SetAll(map[uint16]int64{0: 125, 1: 900}))
	must(t, d.BatteryLevel.Set(100))
	must(t, d.MemoryFree.Set(15))
	must(t, d.CurrentTime.Set(time.Unix(1367491215, 0)))
	must(t, d.UTCOffset.Set("+02:00"))
}

// The Test Object of LwM2M has a Resource of each type, single and multiple.
const testObject = 3442

func testDefinition() *model.Object {
	def, ok := model.Embedded().Latest(testObject)
	if !ok {
		panic("no definition of the Test Object")
	}
	return def
}

func newTestObject(t testing.TB, id uint16) *lwm2m.Instance {
	t.Helper()
	in := lwm2m.NewInstance(testDefinition(), id)
	for resource, v := range testValues() {
		must(t, in.Set(resource, v))
		must(t, in.SetItem(resource+1000, 0, v))
		must(t, in.SetItem(resource+1000, 7, v))
	}
	return in
}

func testValues() map[uint16]lwm2m.Value {
	return map[uint16]lwm2m.Value{
		110: model.StringValue("Grüße"),
		120: model.IntegerValue(-40000),
		125: model.UnsignedValue(1 << 63),
		130: model.FloatValue(22.5),
		140: model.BooleanValue(true),
		150: model.OpaqueValue([]byte{1, 2, 3, 4, 5}),
		160: model.UnixValue(1367491215),
		170: model.LinkValue(lwm2m.ObjectLink{Object: 3, Instance: 0}),
		180: model.CoreLinkValue("</3/0>"),
	}
}

func withTestObject(config *lwm2m.Config, f *fixture) {
	config.Objects = append(config.Objects, newTestObject(f, 0))
}

// gate lets callbacks wait until it is opened, and tells how many came.
type gate struct {
	mu     sync.Mutex
	passed int
	open   chan struct{}
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) pass(ctx context.Context) error {
	g.mu.Lock()
	g.passed++
	g.mu.Unlock()
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed
}

// sleep lets virtual time go by and everything settle.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// result is what an operation in the background ends with.
type result struct {
	*server.Response
	err error
	at  time.Time
}

// background performs a request while the test goes on.
func (f *fixture) background(r server.Request) <-chan result {
	done := make(chan result, 1)
	go func() {
		response, err := f.peer.Do(f.ctx, r)
		done <- result{response, err, time.Now()}
	}()
	synctest.Wait()
	return done
}

// portfolio is an Object that servers may create: strings and nothing else.
func portfolio() *model.Object {
	def, ok := model.Embedded().Latest(16)
	if !ok {
		panic("no definition of the Portfolio Object")
	}
	return def
}

// refused checks the error of a call of the program.
func (f *fixture) refused(name string, err error, code lwm2m.Code, message string) {
	f.Helper()
	var refusal *lwm2m.Error
	if !errors.As(err, &refusal) || !errors.Is(err, code) || err.Error() != message {
		f.Errorf("%s: %v, want %s", name, err, message)
	}
}

// last is the last event, in words.
func (h *history) last() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.events) == 0 {
		return ""
	}
	return h.events[len(h.events)-1].String()
}
