package interop

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/model"
)

func TestRegistration(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		change   func(*lwm2m.Config)
		version  string
		lifetime time.Duration
		binding  string
		queue    bool
		root     map[string]string
	}{
		{"defaults", func(*lwm2m.Config) {}, "1.1", 24 * time.Hour, "U", false,
			map[string]string{"rt": "oma.lwm2m", "ct": "60 110 112 11542 11543"}},
		{"lifetime", func(c *lwm2m.Config) { c.Servers[0].Lifetime = 300 * time.Second }, "1.1", 300 * time.Second, "U", false,
			map[string]string{"rt": "oma.lwm2m", "ct": "60 110 112 11542 11543"}},
		{"queue mode", func(c *lwm2m.Config) { c.Servers[0].QueueMode = true }, "1.1", 24 * time.Hour, "U", true,
			map[string]string{"rt": "oma.lwm2m", "ct": "60 110 112 11542 11543"}},
		{"version 1.0", func(c *lwm2m.Config) { c.Version = lwm2m.Version10 }, "1.0", 24 * time.Hour, "U", false, nil},
		{"version 1.0, queue mode", func(c *lwm2m.Config) { c.Version, c.Servers[0].QueueMode = lwm2m.Version10, true },
			"1.0", 24 * time.Hour, "UQ", false, nil}, // Leshan has it from the binding
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := connect(t, func(d *device) { test.change(&d.config) })
			r := d.registered
			if r.Version != test.version || r.Lifetime != test.lifetime || r.Binding != test.binding || r.QueueMode != test.queue {
				t.Errorf("registration %+v", r)
			}
			same(t, "instances", r.Instances, map[int][]int{1: {0}, 3: {0}, 3303: {0}, 3442: {0}})
			root := slices.IndexFunc(r.ObjectLinks, func(l leshan.Link) bool { return l.URL == "/" })
			if test.root == nil && root >= 0 || test.root != nil && root != 0 {
				t.Fatalf("links %+v", r.ObjectLinks)
			}
			if root == 0 {
				same(t, "root", r.ObjectLinks[0].Attributes, test.root)
			}
			same(t, "Portfolio", objects(r)["/16"], map[string]string{"ver": "1.0"})
			same(t, "Temperature", objects(r)["/3303"], map[string]string{"ver": "1.1"})
			d.read("2.05", "/3303/0/5700", leshan.TEXT)
		})
	}
}

// objects is the attributes of the links to Objects.
func objects(r *leshan.Registration) map[string]map[string]string {
	found := map[string]map[string]string{}
	for _, link := range r.ObjectLinks {
		if strings.Count(link.URL, "/") == 1 {
			found[link.URL] = link.Attributes
		}
	}
	return found
}

func TestDeregistersWhenItEnds(t *testing.T) {
	t.Parallel()
	d := connect(t)
	d.stop()
	gone := d.event(leshan.Deregistered).Registration
	if gone.ID != d.registered.ID || gone.Expired || gone.Replaced {
		t.Errorf("deregistered %+v", gone)
	}
	if r, err := d.leshan.Client(d.ctx, d.ep); r != nil || err != nil {
		t.Errorf("still registered: %+v, %v", r, err)
	}
	d.history.wait(d.ctx, t, lwm2m.Deregistering)
	d.history.wait(d.ctx, t, lwm2m.Disconnected)
}

// The short lifetime would run out twice while the test looks on.
func TestRegistrationIsKept(t *testing.T) {
	t.Parallel()
	d := connect(t, lifetime(3*time.Second))
	for range 2 {
		if r := d.update(""); r.ID != d.registered.ID {
			t.Errorf("another registration: %+v", r)
		}
	}
	d.read("2.05", "/3/0/0", leshan.TEXT)
}

func TestUpdateTellsNewInstances(t *testing.T) {
	t.Parallel()
	d := connect(t, lifetime(4*time.Second)) // which allows an Update each 3 s
	must(t, d.client.Add(portfolio(t, 5, "one")))
	updated := d.event(leshan.Updated)
	if updated.Update.ObjectLinks == nil || updated.Update.Lifetime != nil {
		t.Errorf("Update %+v, want links only", updated.Update)
	}
	same(t, "instances", updated.Registration.Instances[16], []int{5})
	d.reads("/16/5/0/0", leshan.TEXT, leshan.ResourceInstance(0, leshan.String, "one"))

	must(t, d.client.Delete(lwm2m.PathOf(16, 5)))
	for {
		r := d.event(leshan.Updated).Registration
		if _, still := r.Instances[16]; !still {
			break
		}
	}
	d.read("4.04", "/16/5/0/0", leshan.TEXT)
}

// The links of so many instances need several blocks.
func TestRegisterInBlocks(t *testing.T) {
	t.Parallel()
	const count = 500
	var ids []int
	d := connect(t, func(d *device) {
		for i := range count {
			ids = append(ids, i)
			d.config.Objects = append(d.config.Objects, portfolio(t, uint16(i), fmt.Sprint(i)))
		}
	})
	same(t, "instances", d.registered.Instances[16], ids)
	must(t, d.client.Add(portfolio(t, count, "last")))
	same(t, "instances", d.event(leshan.Updated).Registration.Instances[16], append(ids, count))
	d.reads(fmt.Sprintf("/16/%d/0/0", count), leshan.TEXT, leshan.ResourceInstance(0, leshan.String, "last"))
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	d := connectTo(t, start(t, "[::1]:0"))
	if !strings.HasPrefix(d.config.Servers[0].URI, "coap://[::1]:") {
		t.Fatalf("server at %s", d.config.Servers[0].URI)
	}
	d.reads("/3/0/0", leshan.TEXT, leshan.Single(0, leshan.String, "Open Mobile Alliance"))
	d.write("2.04", "/3442/0/110", leshan.Replace, leshan.TEXT, leshan.Single(110, leshan.String, "six"))
	d.holds("/3442/0/110=six")
}

// A new Leshan at the address of the old one knows no registrations.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	server := start(t, "")
	d := connectTo(t, server)
	d.want("2.05")(server.Observe(d.ctx, d.ep, "/3303/0/5700", leshan.TEXT))
	d.history.wait(d.ctx, t, lwm2m.Observed)
	must(t, server.Close())
	d.leshan = start(t, server.CoAP)
	d.events = d.leshan.MustEvents(t, d.ep)

	must(t, d.client.Update(d.ctx)) // the Register that follows counts
	d.event(leshan.Registered)
	d.history.wait(d.ctx, t, lwm2m.RegistrationFailed)
	d.history.wait(d.ctx, t, lwm2m.Registered)
	if e := d.history.wait(d.ctx, t, lwm2m.ObservationEnded); e.Path != lwm2m.PathOf(3303, 0, 5700) {
		t.Errorf("observation ended: %v", e)
	}
	d.reads("/3/0/0", leshan.TEXT, leshan.Single(0, leshan.String, "Open Mobile Alliance"))
}

// A client whose server is not there yet goes on asking.
func TestServerStartsLate(t *testing.T) {
	t.Parallel()
	leshan.Require(t, errOfShared)
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	address := packets.LocalAddr().String()
	must(t, packets.Close())
	d := newDevice(t, &leshan.Server{CoAP: address})
	d.run()
	d.history.wait(d.ctx, t, lwm2m.NetworkError)
	d.leshan = start(t, address)
	d.history.wait(d.ctx, t, lwm2m.Registered)
	d.reads("/3/0/0", leshan.TEXT, leshan.Single(0, leshan.String, "Open Mobile Alliance"))
}

func TestVersion10(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) {
		d.config.Version = lwm2m.Version10
		must(d, d.device.AvailablePowerSources.SetAll(map[uint16]int64{0: 1, 1: 5}))
		must(d, d.values.Set(150, model.OpaqueValue([]byte{1, 2})))
	})
	for path, format := range map[string]leshan.Format{
		"/3": leshan.TLV, "/3/0": leshan.TLV, "/3/0/6": leshan.TLV, "/3/0/0": leshan.TEXT, "/3442/0/150": leshan.OPAQUE,
	} {
		if r := d.read("2.05", path, ""); r.ContentFormat != formatNumbers[format] {
			t.Errorf("Read %s without Accept: format %d, want %s", path, r.ContentFormat, format)
		}
	}
	for _, format := range []leshan.Format{leshan.TLV, leshan.JSON} {
		d.reads("/3/0/6", format, leshan.Multi(6, leshan.Integer, map[int]any{0: int64(1), 1: int64(5)}))
		d.write("2.04", "/3442/0", leshan.Partial, format, leshan.Instance(0, leshan.Single(110, leshan.String, string(format))))
		d.holds("/3442/0/110=" + string(format))
	}
	d.write("2.04", "/3442/0/120", leshan.Replace, "", leshan.Single(120, leshan.Integer, 5))
	d.holds("/3442/0/120=5")
	d.read("4.06", "/3/0", leshan.SenMLCBOR)
	d.read("4.06", "/3/0/0", leshan.CBOR)
	d.write("4.15", "/3442/0/110", leshan.Replace, leshan.SenMLJSON, leshan.Single(110, leshan.String, "no"))
	d.read("4.05", "/3/0/6/1", leshan.TLV)
	d.readComposite("4.05", leshan.SenMLCBOR, "/3/0/0", "/1/0/1")
	d.discovers("/3/0/6", "/3/0/6 dim=2")
	d.writeAttributes("2.04", "/3/0/6", "pmin=5")
	d.writeAttributes("4.00", "/3/0/6", "epmin=5")
	d.discovers("/3/0/6", "/3/0/6 dim=2 pmin=5")
}
