package interop

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/oma"
)

// The configurations of the test specification that the cases start from. Its
// security is left out: these clients have none.

// c1 is configuration C.1: a lifetime of a day, no notification storing.
func c1(d *device) {
	server := oma.NewServer(0, 1)
	must(d, server.NotificationStoring.Set(false))
	d.config.Objects = append(d.config.Objects, server)
	d.config.Servers[0].Lifetime = 24 * time.Hour
	d.config.Servers[0].DisableTimeout = 24 * time.Hour
}

// c3 is configuration C.3: C.1 with periods for observations.
func c3(d *device) {
	c1(d)
	d.config.Servers[0].DefaultMinPeriod = 3 * time.Second
	d.config.Servers[0].DefaultMaxPeriod = 10 * time.Second
}

// c4 is configuration C.4: C.1 and a device with two power sources.
func c4(d *device) {
	c1(d)
	must(d, d.device.AvailablePowerSources.SetAll(map[uint16]int64{0: 1, 1: 2}))
	must(d, d.device.PowerSourceVoltage.SetAll(map[uint16]int64{0: 3800, 1: 5000}))
	must(d, d.device.PowerSourceCurrent.SetAll(map[uint16]int64{0: 125, 1: 900}))
	must(d, d.device.BatteryLevel.Set(95))
}

// c12 is configuration C.12: C.1 and a Portfolio Object with four identities.
func c12(d *device) {
	c1(d)
	d.config.Objects = append(d.config.Objects,
		portfolio(d.T, 0, "Host Device ID #1", "Host Device Manufacturer #1", "Host Device Model #1", "Host Device Software Version #1"))
}

// lifetime changes the lifetime of a configuration.
func lifetime(l time.Duration) func(*device) {
	return func(d *device) { d.config.Servers[0].Lifetime = l }
}

// eager has changes told by an Update at once, as a rule.
func eager(d *device) { d.config.MinUpdateInterval = 100 * time.Millisecond }

// serverNode is what Leshan should see of the Server Object of C.1, with other resources.
func serverNode(others ...*leshan.Node) *leshan.Node {
	return leshan.Instance(0, sorted(append(others,
		leshan.Single(0, leshan.Integer, int64(1)),
		leshan.Single(1, leshan.Integer, int64(86400)),
		leshan.Single(5, leshan.Integer, int64(86400)),
		leshan.Single(6, leshan.Boolean, false),
		leshan.Single(7, leshan.String, "U"),
		leshan.Single(23, leshan.Boolean, false),
	))...)
}

// deviceNode is what Leshan should see of the Device Object of C.1, with other resources.
func deviceNode(others ...*leshan.Node) *leshan.Node {
	return leshan.Instance(0, sorted(append(others,
		leshan.Single(0, leshan.String, "Open Mobile Alliance"),
		leshan.Single(1, leshan.String, "Lightweight M2M Client"),
		leshan.Single(2, leshan.String, "345000123"),
		leshan.Single(3, leshan.String, "1.0"),
		leshan.Multi(11, leshan.Integer, map[int]any{0: int64(0)}),
		leshan.Single(16, leshan.String, "U"),
	))...)
}

func sorted(nodes []*leshan.Node) []*leshan.Node {
	byID := func(a, b *leshan.Node) int { return a.ID - b.ID }
	slices.SortFunc(nodes, byID)
	return nodes
}
