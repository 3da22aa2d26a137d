package interop

import (
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// The cases of information reporting. Periods are a fifth of those in the test specification
// where they would take too long.

// voltages and currents are /3/0/7 and /3/0/8 of configuration C.4.
func voltages(first, second int64) *leshan.Node {
	return leshan.Multi(7, leshan.Integer, map[int]any{0: first, 1: second})
}

func currents(first, second int64) *leshan.Node {
	return leshan.Multi(8, leshan.Integer, map[int]any{0: first, 1: second})
}

func TestETS301ObservationAndNotification(t *testing.T) {
	t.Parallel()
	d := connect(t, c4)
	d.writeAttributes("2.04", "/3/0/7", "pmin=1&pmax=3")
	d.writeAttributes("2.04", "/3/0/8", "pmin=2&pmax=4")
	d.discovers("/3/0/7", "/3/0/7 dim=2 pmax=3 pmin=1", "/3/0/7/0", "/3/0/7/1")
	voltage, first := d.follow("/3/0/7", leshan.TLV)
	same(t, "voltages", first.Content, voltages(3800, 5000))
	current, first := d.follow("/3/0/8", leshan.TLV)
	same(t, "currents", first.Content, currents(125, 900))

	must(t, d.device.PowerSourceVoltage.Set(0, 3750))
	must(t, d.device.PowerSourceVoltage.Set(0, 3700)) // the newest counts
	must(t, d.device.PowerSourceCurrent.Set(1, 800))
	voltage.after(time.Second, voltages(3700, 5000))
	current.after(2*time.Second, currents(125, 800))
	voltage.after(3*time.Second, voltages(3700, 5000))
	current.after(4*time.Second, currents(125, 800))
}

func TestETS302CancelByReset(t *testing.T) {
	t.Parallel()
	d := connect(t, c4)
	d.writeAttributes("2.04", "/3/0/7", "pmin=1&pmax=1")
	voltage, _ := d.follow("/3/0/7", leshan.TLV)
	voltage.after(time.Second, voltages(3800, 5000))
	must(t, d.leshan.ForgetObserve(d.ctx, d.ep, "/3/0/7"))
	d.reset(t)
	if e := d.history.wait(d.ctx, t, lwm2m.ObservationEnded); e.Path != d.device.PowerSourceVoltage.Path() {
		t.Errorf("ended: %v", e)
	}
	voltage.last = d.message("notification that was reset", voltage.carries).Time
	must(t, d.device.PowerSourceVoltage.Set(0, 3700))
	d.pass()
	voltage.quiet()
}

func TestETS303CancelByObserve1(t *testing.T) {
	t.Parallel()
	d := connect(t, c4)
	d.writeAttributes("2.04", "/3/0/7", "pmin=1&pmax=1")
	voltage, _ := d.follow("/3/0/7", leshan.TLV)
	voltage.after(time.Second, voltages(3800, 5000))
	last := d.want("2.05")(d.leshan.CancelObserve(d.ctx, d.ep, "/3/0/7"))
	same(t, "answer", last.Content, voltages(3800, 5000))
	d.history.wait(d.ctx, t, lwm2m.ObservationEnded)
	must(t, d.device.PowerSourceVoltage.Set(0, 3700))
	d.pass()
	voltage.quiet()
}

// lifetimeAnd is what a composite observation of /1/0/1 and another path has.
func lifetimeAnd(lifetime int64, path string, node *leshan.Node) map[string]*leshan.Node {
	return map[string]*leshan.Node{"/1/0/1": leshan.Single(1, leshan.Integer, lifetime), path: node}
}

func errorCode(code int64) *leshan.Node { return leshan.ResourceInstance(0, leshan.Integer, code) }

var compositeFormats = []leshan.Format{leshan.SenMLJSON, leshan.SenMLCBOR}

func TestETS304ObserveComposite(t *testing.T) {
	t.Parallel()
	for _, format := range compositeFormats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t, c1)
			d.writeAttributes("2.04", "/1/0/1", "pmin=2&pmax=3")
			o, first := d.followComposite(format, "/1/0/1", "/3/0/11/0")
			same(t, "first values", first.Composite, lifetimeAnd(86400, "/3/0/11/0", errorCode(0)))
			d.write("2.04", "/1/0/1", leshan.Replace, leshan.TLV, leshan.Single(1, leshan.Integer, 4000))
			o.after(2*time.Second, lifetimeAnd(4000, "/3/0/11/0", errorCode(0)))
			o.after(3*time.Second, lifetimeAnd(4000, "/3/0/11/0", errorCode(0)))
		})
	}
}

func TestETS305CancelObserveComposite(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.writeAttributes("2.04", "/1/0/1", "pmin=1&pmax=1")
	o, _ := d.followComposite(leshan.SenMLCBOR, "/1/0/1", "/3/0/11/0")
	o.after(time.Second, lifetimeAnd(86400, "/3/0/11/0", errorCode(0)))
	last := d.want("2.05")(d.leshan.CancelObserveComposite(d.ctx, d.ep, o.paths))
	same(t, "answer", last.Composite, lifetimeAnd(86400, "/3/0/11/0", errorCode(0)))
	for range o.paths {
		d.history.wait(d.ctx, t, lwm2m.ObservationEnded)
	}
	must(t, d.device.ErrorCode.Set(0, 3))
	d.pass()
	o.quiet()
}

// What is not there when the observation begins shows up when it is created.
func TestETS308ObserveCompositeAndCreate(t *testing.T) {
	t.Parallel()
	for _, format := range compositeFormats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t, c1)
			o, first := d.followComposite(format, "/1/0/1", "/16/0")
			same(t, "first values", first.Composite, lifetimeAnd(86400, "/16/0", nil))
			identities := leshan.Instance(0, leshan.Multi(0, leshan.String, map[int]any{0: "Host Device ID #1", 1: "Host Device Model #1"}))
			d.create("2.01", "/16", format, identities)
			o.next(lifetimeAnd(86400, "/16/0", identities))
			d.write("2.04", "/16/0/0/0", leshan.Replace, leshan.TEXT, leshan.ResourceInstance(0, leshan.String, "Host Device ID #2"))
			identities = leshan.Instance(0, leshan.Multi(0, leshan.String, map[int]any{0: "Host Device ID #2", 1: "Host Device Model #1"}))
			o.next(lifetimeAnd(86400, "/16/0", identities))
			o.quiet()
		})
	}
}

func TestETS309ObserveCompositeAndDelete(t *testing.T) {
	t.Parallel()
	for _, format := range compositeFormats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t, c12)
			o, first := d.followComposite(format, "/1/0/1", "/16/0/0/2")
			model := leshan.ResourceInstance(2, leshan.String, "Host Device Model #1")
			same(t, "first values", first.Composite, lifetimeAnd(86400, "/16/0/0/2", model))
			d.delete("2.02", "/16/0")
			o.next(lifetimeAnd(86400, "/16/0/0/2", nil))
			d.write("2.04", "/1/0/1", leshan.Replace, leshan.TLV, leshan.Single(1, leshan.Integer, 4000)) // it goes on
			o.next(lifetimeAnd(4000, "/16/0/0/2", nil))
			o.quiet()
		})
	}
}

// Attributes that are written later act on an observation that is there.
func TestETS310ObserveCompositeAndAttributes(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	o, first := d.followComposite(leshan.SenMLCBOR, "/1/0/1", "/3/0/11/0")
	values := lifetimeAnd(86400, "/3/0/11/0", errorCode(0))
	same(t, "first values", first.Composite, values)
	d.pass() // without attributes there is nothing to tell
	o.quiet()
	d.writeAttributes("2.04", "/1/0/1", "pmax=1")
	o.next(values)
	o.after(time.Second, values)
	d.writeAttributes("2.04", "/1/0/1", "pmax=2")
	o.after(2*time.Second, values)
	d.writeAttributes("2.04", "/1/0/1", "pmax")
	d.discovers("/1/0/1", "/1/0/1")
	d.pass()
	o.quiet()
}
