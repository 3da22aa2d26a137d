package interop

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// Values that cross gt and lt, and steps of st (Core 1.1.1 §5.1.2), in both readings of
// crossing. A star marks those that Leshan is notified of.
func TestThresholds(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		attributes string
		first      float64
		oneWay     bool
		values     string
	}{
		{"gt=85&lt=20", 50, false, "90* 95 80* 85 86* 20* 19* 21* 10* 50*"},
		{"gt=85&lt=20", 50, true, "90* 95 80 85 86 20 19* 21 10 50"},
		{"gt=45&st=10", 45, false, "50* 38* 42 48* 49 44* 46* 56*"},
		{"gt=45&st=10", 45, true, "50* 38* 42 48* 49 44 46 56"},
		{"st=10", 20, false, "29 30* 21 20* 31* 40"},
		{"lt=20&gt=85&st=10", 75, false, "90* 99 100* 10* 17 24* 30"},
		{"lt=20&gt=85&st=10", 75, true, "90* 99 100* 10* 17 24* 30"},
		{"gt=-5.5", 0, false, "-5 -6* -10 -5.25*"},
		{"lt=-5.5", 0, true, "-5 -6* -10 -5.25 -6"},
		{"st=0.1", 22.1, false, "22.15 22.2* 22.2 22.1* 22.05"},
	} {
		t.Run(fmt.Sprint(i, c.attributes), func(t *testing.T) {
			t.Parallel()
			d := connect(t, func(d *device) {
				d.config.OneWayThresholds = c.oneWay
				must(d, d.temp.SensorValue.Set(c.first))
			})
			d.writeAttributes("2.04", "/3303/0/5700", c.attributes)
			o, _ := d.follow("/3303/0/5700", leshan.SenMLCBOR)
			for text := range strings.FieldsSeq(c.values) {
				digits, told := strings.CutSuffix(text, "*")
				v, err := strconv.ParseFloat(digits, 64)
				must(t, err)
				must(t, d.temp.SensorValue.Set(v))
				if told {
					o.next(temperature(v))
				}
				// What is read comes after what was to be told.
				d.reads("/3303/0/5700", leshan.TEXT, temperature(v))
			}
			o.quiet()
		})
	}
}

// The attributes of the nearest level count, those below what is observed do not, and one that is
// removed gives way to that of the level above.
func TestAttributesOfLevels(t *testing.T) {
	t.Parallel()
	d := connect(t)
	d.writeAttributes("2.04", "/3303", "pmax=3&pmin=1")
	d.writeAttributes("2.04", "/3303/0", "pmax=2")
	d.writeAttributes("2.04", "/3303/0/5700", "pmax=1&gt=100")
	resource, _ := d.follow("/3303/0/5700", leshan.TEXT)
	instance, _ := d.follow("/3303/0", leshan.SenMLJSON)
	object, _ := d.follow("/3303", leshan.TLV)
	content := leshan.Instance(0, temperature(22.5))
	resource.after(time.Second, temperature(22.5))
	d.writeAttributes("2.04", "/3303/0/5700", "pmax")
	d.discovers("/3303/0/5700", "/3303/0/5700 gt=100 pmax=2 pmin=1")
	resource.after(2*time.Second, temperature(22.5))
	instance.after(2*time.Second, content)
	object.after(3*time.Second, leshan.Object(3303, content))

	must(t, d.temp.SensorValue.Set(30)) // not above 100, which matters to the Resource only
	e, err := d.events.Wait(d.ctx, leshan.Notified, func(e leshan.Event) bool {
		return e.Notification.Path == "/3303" && e.Notification.Content.At(0, 5700).Value == 30.0
	})
	must(t, err)
	same(t, "object", e.Notification.Content, leshan.Object(3303, leshan.Instance(0, temperature(30))))
	for _, e := range d.events.All() {
		if e.Kind == leshan.Notified && e.Notification.Path == resource.path && e.Notification.Content.Value != 22.5 {
			t.Errorf("notification of the Resource: %s", show(e.Notification.Content))
		}
	}
}

// A burst of changes makes one notification, with the last value, when pmin has passed; pmax
// then counts from that.
func TestPeriods(t *testing.T) {
	t.Parallel()
	d := connect(t)
	d.writeAttributes("2.04", "/3303/0/5700", "pmin=1&pmax=2")
	o, _ := d.follow("/3303/0/5700", leshan.SenMLCBOR)
	for v := range 100 {
		must(t, d.temp.SensorValue.Set(float64(v)))
	}
	o.after(time.Second, temperature(99))
	must(t, d.temp.SensorValue.Set(50))
	must(t, d.temp.SensorValue.Set(99)) // as it was
	o.after(2*time.Second, temperature(99))
	must(t, d.temp.SensorValue.Set(51))
	o.after(time.Second, temperature(51))
	o.after(2*time.Second, temperature(51))
}

// Without attributes the periods of the Server Object count, also if they change.
func TestDefaultPeriods(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) {
		d.config.Servers[0].DefaultMinPeriod, d.config.Servers[0].DefaultMaxPeriod = time.Second, 2*time.Second
	})
	o, _ := d.follow("/3303/0/5700", leshan.TEXT)
	must(t, d.temp.SensorValue.Set(30))
	o.after(time.Second, temperature(30))
	o.after(2*time.Second, temperature(30))
	d.write("2.04", "/1/0/3", leshan.Replace, leshan.TLV, leshan.Single(3, leshan.Integer, 1))
	o.after(time.Second, temperature(30))
	o.after(time.Second, temperature(30))
}

// What is measured when it is read is measured every epmax seconds.
func TestEvaluationPeriod(t *testing.T) {
	t.Parallel()
	var measured atomic.Int64
	d := connect(t, func(d *device) {
		d.temp.SensorValue.OnRead(func(context.Context) (float64, error) { return float64(measured.Add(1)), nil })
	})
	d.writeAttributes("2.04", "/3303/0/5700", "epmax=1&st=2")
	d.discovers("/3303/0/5700", "/3303/0/5700 epmax=1 st=2")
	o, first := d.follow("/3303/0/5700", leshan.SenMLCBOR)
	same(t, "first value", first.Content, temperature(1))
	o.after(2*time.Second, temperature(3))
	o.after(2*time.Second, temperature(5))
}

// Each path of a composite observation has its own pmin, and one Apply makes one notification.
func TestAttributesOfComposite(t *testing.T) {
	t.Parallel()
	d := connect(t)
	d.writeAttributes("2.04", "/3303/0/5700", "pmin=1")
	o, _ := d.followComposite(leshan.SenMLCBOR, "/3303/0/5700", "/3/0/15")
	values := func(v float64, zone string) map[string]*leshan.Node {
		return map[string]*leshan.Node{"/3303/0/5700": temperature(v), "/3/0/15": leshan.Single(15, leshan.String, zone)}
	}
	must(t, d.temp.SensorValue.Set(30)) // may be told after a second
	must(t, d.device.Timezone.Set("Europe/Paris"))
	if _, since := o.next(values(30, "Europe/Paris")); since > time.Second-early {
		t.Errorf("notified after %v, though a path has no pmin", since)
	}
	must(t, d.temp.SensorValue.Set(31))
	o.after(time.Second, values(31, "Europe/Paris"))
	must(t, d.client.Apply(d.temp.SensorValue.To(32), d.device.Timezone.To("Europe/Rome")))
	o.next(values(32, "Europe/Rome"))
	d.pass()
	o.quiet()
}
