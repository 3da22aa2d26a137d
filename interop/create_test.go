package interop

import (
	"context"
	"fmt"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

func (d *device) create(code, path string, format leshan.Format, instance *leshan.Node) *leshan.Result {
	d.Helper()
	return d.want(code)(d.leshan.Create(d.ctx, d.ep, path, format, instance))
}

func (d *device) delete(code, path string) {
	d.Helper()
	d.want(code)(d.leshan.Delete(d.ctx, d.ep, path))
}

func TestCreateAndDelete(t *testing.T) {
	t.Parallel()
	for i, format := range structured {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t, eager)
			id := 100 + i
			instance := leshan.Instance(id, leshan.Single(110, leshan.String, "created"),
				leshan.Multi(1120, leshan.Integer, map[int]any{0: int64(1), 9: int64(-1)}))
			path := fmt.Sprintf("/3442/%d", id)
			if r := d.create("2.01", "/3442", format, instance); r.Location != path[1:] {
				t.Errorf("location %q, want %s", r.Location, path[1:])
			}
			d.holds(path+"/110=created", path+"/1120/9=-1")
			d.reads(path, format, instance)
			d.updatedInstances(3442, 0, id)
			d.create("4.00", "/3442", format, instance) // exists

			d.delete("2.02", path)
			d.holds(path + "/110=")
			d.updatedInstances(3442, 0)
			d.read("4.04", path, "")
			d.delete("4.04", path)
			if left := d.client.Instances(3442); len(left) != 1 {
				t.Errorf("%d instances are left", len(left))
			}
		})
	}
}

// updatedInstances waits for the Update that tells of certain Object Instances.
func (d *device) updatedInstances(object int, ids ...int) {
	d.Helper()
	_, err := d.events.Wait(d.ctx, leshan.Updated, func(e leshan.Event) bool {
		return fmt.Sprint(e.Registration.Instances[object]) == fmt.Sprint(ids)
	})
	must(d, err)
}

// The client gives numbers to instances that come without.
func TestCreateWithoutID(t *testing.T) {
	t.Parallel()
	d := connect(t)
	for _, want := range []string{"16/0", "16/1", "16/2"} {
		identity := leshan.Multi(0, leshan.String, map[int]any{0: "Host Device ID #1", 1: want})
		r := d.create("2.01", "/16", leshan.TLV, leshan.Instance(leshan.NoID, identity))
		if r.Location != want {
			t.Errorf("location %q, want %s", r.Location, want)
		}
		d.holds("/" + want + "/0/1=" + want)
	}
	d.delete("2.02", "/16/1")
	if r := d.create("2.01", "/16", leshan.TLV, leshan.Instance(leshan.NoID,
		leshan.Multi(0, leshan.String, map[int]any{0: "again"}))); r.Location != "16/1" {
		t.Errorf("location %q, want 16/1", r.Location)
	}
	d.reads("/16/1/0/0", leshan.TEXT, leshan.ResourceInstance(0, leshan.String, "again"))
}

func TestCreateFails(t *testing.T) {
	t.Parallel()
	d := connect(t)
	text := leshan.Single(15, leshan.String, "x")
	d.create("4.05", "/3", leshan.TLV, leshan.Instance(0, text))
	d.create("4.05", "/3303", leshan.TLV, leshan.Instance(1, leshan.Single(5700, leshan.Float, 1.5)))
	d.create("4.04", "/4242", leshan.TLV, leshan.Instance(0, text))
	d.create("4.01", "/0", leshan.TLV, leshan.Instance(1, leshan.Single(0, leshan.String, "coap://a")))
	d.create("4.00", "/16", leshan.TLV, leshan.Instance(0)) // without the mandatory Identity
	if got := len(d.client.Instances(3442)) + len(d.client.Instances(16)) + len(d.client.Instances(3303)); got != 2 {
		t.Errorf("%d instances, want the 2 of before", got)
	}
}

func TestDeleteFails(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) {
		refusing := portfolio(t, 0, "stays")
		refusing.OnDelete(func(context.Context) error { return lwm2m.ServiceUnavailable })
		d.config.Objects = append(d.config.Objects, refusing)
	})
	d.delete("5.03", "/16/0")
	d.delete("4.05", "/3/0")
	d.delete("4.01", "/0/0")
	d.delete("4.04", "/3442/7")
	d.delete("4.04", "/4242/0")
	d.holds("/16/0/0/0=stays", "/3/0/0=Open Mobile Alliance")
}
