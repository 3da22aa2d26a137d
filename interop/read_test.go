package interop

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/model"
)

// TestRead reads each level in each format that carries it.
func TestRead(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) {
		d.config.Objects = append(d.config.Objects, portfolio(t, 0, "a", "b"), portfolio(t, 7, "c"))
	})
	first := leshan.Multi(0, leshan.String, map[int]any{0: "a", 1: "b"})
	second := leshan.Multi(0, leshan.String, map[int]any{0: "c"})
	for _, format := range structured {
		d.reads("/16", format, leshan.Object(16, leshan.Instance(0, first), leshan.Instance(7, second)))
		d.reads("/16/7", format, leshan.Instance(7, second))
		d.reads("/16/0/0", format, first)
		d.reads("/16/0/0/1", format, leshan.ResourceInstance(1, leshan.String, "b"))
	}
	for _, format := range []leshan.Format{leshan.TEXT, leshan.CBOR} {
		d.reads("/16/0/0/1", format, leshan.ResourceInstance(1, leshan.String, "b"))
		d.reads("/3303/0/5700", format, leshan.Single(5700, leshan.Float, 22.5))
	}
	// What is empty.
	d.reads("/3442/0", leshan.TLV, leshan.Instance(0))
}

func TestReadWithoutAccept(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) { must(d, d.values.Set(150, model.OpaqueValue([]byte{0, 255}))) })
	for path, want := range map[string]leshan.Format{
		"/3": leshan.SenMLCBOR, "/3/0": leshan.SenMLCBOR, "/3/0/11": leshan.SenMLCBOR,
		"/3/0/0": leshan.TEXT, "/3/0/11/0": leshan.TEXT, "/3442/0/150": leshan.OPAQUE,
	} {
		if r := d.read("2.05", path, ""); r.ContentFormat != formatNumbers[want] {
			t.Errorf("%s came in format %d, want %s", path, r.ContentFormat, want)
		}
	}
}

func TestReadFails(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) {
		d.device.Timezone.OnRead(func(context.Context) (string, error) { return "", lwm2m.ServiceUnavailable })
		d.device.UTCOffset.OnRead(func(context.Context) (string, error) { return "", errors.New("no clock") })
	})
	d.read("4.04", "/4242", "")
	d.read("4.04", "/3/1", "")
	d.read("4.04", "/3/0/99", "")
	d.read("4.04", "/3/0/20", "") // has no value
	d.read("4.04", "/3/0/11/5", "")
	d.read("4.05", "/1/0/8", "")
	d.read("4.05", "/3/0/0/0", "")
	d.read("4.06", "/1/0", leshan.TEXT)
	d.read("4.06", "/1", leshan.CBOR)
	d.read("4.06", "/3/0/11", leshan.TEXT)
	d.read("4.06", "/3/0/0", leshan.OPAQUE)
	d.read("5.03", "/3/0/15", leshan.TEXT)
	d.read("5.00", "/3/0/14", leshan.TEXT)
}

// Values that callbacks give, at once and slowly.
func TestReadOfCallback(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) {
		d.device.BatteryLevel.OnRead(func(context.Context) (int64, error) { return 42, nil })
		d.device.AvailablePowerSources.OnRead(func(context.Context) (map[uint16]int64, error) {
			return map[uint16]int64{0: 1, 5: 7}, nil
		})
		d.temp.SensorUnits.OnRead(func(ctx context.Context) (string, error) {
			select {
			case <-time.After(2500 * time.Millisecond):
				return "Cel", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
	})
	battery := leshan.Single(9, leshan.Integer, int64(42))
	sources := leshan.Multi(6, leshan.Integer, map[int]any{0: int64(1), 5: int64(7)})
	d.reads("/3/0/9", leshan.TEXT, battery)
	d.reads("/3/0/6", leshan.TLV, sources)
	d.reads("/3/0/6/5", leshan.TEXT, leshan.ResourceInstance(5, leshan.Integer, int64(7)))
	d.reads("/3/0", leshan.SenMLCBOR, deviceNode(battery, sources))
	d.reads("/3303/0", leshan.TLV, leshan.Instance(0,
		leshan.Single(5700, leshan.Float, 22.5), leshan.Single(5701, leshan.String, "Cel")))
	same(t, "values", d.readComposite("2.05", leshan.SenMLJSON, "/3/0/9", "/3/0/6/0", "/3303/0/5701").Composite, map[string]*leshan.Node{
		"/3/0/9": battery, "/3/0/6/0": leshan.ResourceInstance(0, leshan.Integer, int64(1)),
		"/3303/0/5701": leshan.Single(5701, leshan.String, "Cel"),
	})
}

// Request and answer of a Read-Composite can have different formats.
func TestReadCompositeFormats(t *testing.T) {
	t.Parallel()
	d := connect(t)
	want := map[string]*leshan.Node{
		"/3": leshan.Object(3, deviceNode()), "/3303/0": leshan.Instance(0, leshan.Single(5700, leshan.Float, 22.5)),
		"/1/0/7": leshan.Single(7, leshan.String, "U"),
	}
	formats := []leshan.Format{leshan.SenMLJSON, leshan.SenMLCBOR}
	for _, request := range formats {
		for _, accept := range append(formats, "") {
			r := d.want("2.05")(d.leshan.ReadComposite(d.ctx, d.ep, []string{"/3", "/3303/0", "/1/0/7"}, request, accept))
			same(t, string(request)+" "+string(accept), r.Composite, want)
			if accept == "" {
				accept = request
			}
			if r.ContentFormat != formatNumbers[accept] {
				t.Errorf("%s, %s: answer in format %d", request, accept, r.ContentFormat)
			}
		}
	}
}
