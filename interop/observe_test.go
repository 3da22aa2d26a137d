package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/model"
)

func (d *device) observe(code, path string, format leshan.Format) *leshan.Result {
	d.Helper()
	return d.want(code)(d.leshan.Observe(d.ctx, d.ep, path, format))
}

// notified waits for a notification and checks it.
func (d *device) notified(path string, want *leshan.Node) {
	d.Helper()
	n := d.event(leshan.Notified).Notification
	if n.Path != path {
		d.Errorf("notification of %s, want %s", n.Path, path)
	}
	same(d, "notification of "+path, n.Content, want)
}

// TestObserve observes each level in each format that carries it, and cancels
// by a request.
func TestObserve(t *testing.T) {
	t.Parallel()
	identity := func(v string) *leshan.Node {
		return leshan.Multi(0, leshan.String, map[int]any{0: v, 1: "b"})
	}
	for _, level := range []struct {
		path    string
		formats []leshan.Format
		node    func(string) *leshan.Node
	}{
		{"/16", structured, func(v string) *leshan.Node { return leshan.Object(16, leshan.Instance(0, identity(v))) }},
		{"/16/0", structured, func(v string) *leshan.Node { return leshan.Instance(0, identity(v)) }},
		{"/16/0/0", structured, identity},
		{"/16/0/0/0", single, func(v string) *leshan.Node { return leshan.ResourceInstance(0, leshan.String, v) }},
	} {
		for _, format := range level.formats {
			t.Run(level.path[1:]+"/"+string(format), func(t *testing.T) {
				t.Parallel()
				object := portfolio(t, 0, "0", "b")
				d := connect(t, func(d *device) { d.config.Objects = append(d.config.Objects, object) })
				first := d.observe("2.05", level.path, format)
				same(t, "first value", first.Content, level.node("0"))
				observed := d.history.wait(d.ctx, t, lwm2m.Observed)
				if observed.Path.String() != level.path {
					t.Errorf("event of %v, want %s", observed.Path, level.path)
				}
				for _, v := range []string{"1", "2"} {
					must(t, object.SetItem(0, 0, model.StringValue(v)))
					d.notified(level.path, level.node(v))
				}
				last := d.want("2.05")(d.leshan.CancelObserve(d.ctx, d.ep, level.path))
				same(t, "last value", last.Content, level.node("2"))
				if last.ContentFormat != formatNumbers[format] {
					t.Errorf("last value in format %d, want %s", last.ContentFormat, format)
				}
				d.history.wait(d.ctx, t, lwm2m.ObservationEnded)
			})
		}
	}
}

// Leshan resets the first notification after it has forgotten the observation.
func TestObserveCancelledByReset(t *testing.T) {
	t.Parallel()
	d := connect(t)
	d.observe("2.05", "/3303/0/5700", leshan.TEXT)
	d.history.wait(d.ctx, t, lwm2m.Observed)
	must(t, d.leshan.ForgetObserve(d.ctx, d.ep, "/3303/0/5700"))
	must(t, d.temp.SensorValue.Set(30))
	d.message("Reset", func(m *leshan.Message) bool { return m.Type == "RST" && !m.Incoming })
	if e := d.history.wait(d.ctx, t, lwm2m.ObservationEnded); e.Path != d.temp.SensorValue.Path() {
		t.Errorf("ended: %v", e)
	}
	// The next value goes to nobody; the read that follows has the last word.
	must(t, d.temp.SensorValue.Set(31))
	d.reads("/3303/0/5700", leshan.TEXT, leshan.Single(5700, leshan.Float, 31.0))
	for _, e := range d.events.All() {
		if e.Kind == leshan.Notified {
			t.Errorf("notification %+v", e.Notification)
		}
	}
}

func TestObserveFails(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) { d.config.MaxObservations = 1 })
	d.observe("4.04", "/3/0/99", "")
	d.observe("4.04", "/4242", "")
	d.observe("4.05", "/1/0/8", "")
	d.observe("4.01", "/0/0", "")
	d.observe("4.06", "/3/0", leshan.TEXT)
	d.observe("2.05", "/3/0/0", leshan.TEXT)
	d.observe("5.03", "/3/0/1", leshan.TEXT)
}

func TestObserveSeveral(t *testing.T) {
	t.Parallel()
	d := connect(t)
	d.observe("2.05", "/3303/0/5700", leshan.TEXT)
	d.observe("2.05", "/3303", leshan.TLV)
	d.observe("2.05", "/1/0/1", leshan.CBOR)
	must(t, d.temp.SensorValue.Set(25))
	content := map[string]*leshan.Node{}
	for range 2 {
		n := d.event(leshan.Notified).Notification
		content[n.Path] = n.Content
	}
	value := leshan.Single(5700, leshan.Float, 25.0)
	same(t, "notifications", content, map[string]*leshan.Node{
		"/3303/0/5700": value, "/3303": leshan.Object(3303, leshan.Instance(0, value)),
	})
	d.want("2.05")(d.leshan.CancelObserve(d.ctx, d.ep, "/3303"))
	d.write("2.04", "/1/0/1", leshan.Replace, leshan.TEXT, leshan.Single(1, leshan.Integer, 900))
	d.notified("/1/0/1", leshan.Single(1, leshan.Integer, int64(900)))
	must(t, d.temp.SensorValue.Set(26))
	d.notified("/3303/0/5700", leshan.Single(5700, leshan.Float, 26.0))
}

// The end of what is observed ends the observation.
func TestObserveOfDeleted(t *testing.T) {
	t.Parallel()
	d := connect(t)
	d.create("2.01", "/3442", leshan.TLV, leshan.Instance(5, leshan.Single(110, leshan.String, "short-lived")))
	d.observe("2.05", "/3442/5/110", leshan.TEXT)
	d.history.wait(d.ctx, t, lwm2m.Observed)
	d.delete("2.02", "/3442/5")
	d.message("4.04", func(m *leshan.Message) bool { return m.Incoming && m.Code == "4.04" })
	if e := d.history.wait(d.ctx, t, lwm2m.ObservationEnded); e.Path != lwm2m.PathOf(3442, 5, 110) {
		t.Errorf("ended: %v", e)
	}
}

func TestObserveComposite(t *testing.T) {
	t.Parallel()
	for _, format := range []leshan.Format{leshan.SenMLJSON, leshan.SenMLCBOR} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			paths := []string{"/3303/0/5700", "/3/0/15", "/1/0/7"}
			values := func(temperature float64, zone any) map[string]*leshan.Node {
				all := map[string]*leshan.Node{
					"/3303/0/5700": leshan.Single(5700, leshan.Float, temperature), "/3/0/15": nil, "/1/0/7": leshan.Single(7, leshan.String, "U"),
				}
				if zone != nil {
					all["/3/0/15"] = leshan.Single(15, leshan.String, zone)
				}
				return all
			}
			first := d.want("2.05")(d.leshan.ObserveComposite(d.ctx, d.ep, paths, format, format))
			same(t, "first values", first.Composite, values(22.5, nil))
			must(t, d.client.Apply(d.temp.SensorValue.To(30), d.device.Timezone.To("Europe/Paris")))
			same(t, "notification", d.event(leshan.Notified).Notification.Composite, values(30, "Europe/Paris"))
			must(t, d.temp.SensorValue.Set(31))
			same(t, "notification", d.event(leshan.Notified).Notification.Composite, values(31, "Europe/Paris"))
			last := d.want("2.05")(d.leshan.CancelObserveComposite(d.ctx, d.ep, paths))
			same(t, "last values", last.Composite, values(31, "Europe/Paris"))
			for range paths {
				d.history.wait(d.ctx, t, lwm2m.ObservationEnded)
			}
		})
	}
}

func TestObserveCompositeCancelledByReset(t *testing.T) {
	t.Parallel()
	d := connect(t)
	paths := []string{"/3303/0", "/3/0/0"}
	d.want("2.05")(d.leshan.ObserveComposite(d.ctx, d.ep, paths, leshan.SenMLCBOR, leshan.SenMLCBOR))
	must(t, d.leshan.ForgetObserveComposite(d.ctx, d.ep, paths))
	must(t, d.temp.SensorValue.Set(30))
	d.message("Reset", func(m *leshan.Message) bool { return m.Type == "RST" && !m.Incoming })
	for range paths {
		d.history.wait(d.ctx, t, lwm2m.ObservationEnded)
	}
}

// A notification that is longer than a block: Leshan asks for the rest.
func TestNotificationInBlocks(t *testing.T) {
	t.Parallel()
	for _, format := range []leshan.Format{leshan.OPAQUE, leshan.SenMLCBOR} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			must(t, d.values.Set(150, model.OpaqueValue(big(10))))
			o, _ := d.follow("/3442/0/150", format)
			for _, size := range []int{5000, 7000, 100} {
				data := big(size)
				must(t, d.values.Set(150, model.OpaqueValue(data)))
				o.next(leshan.Single(150, leshan.Opaque, data))
				if size > 1024 {
					d.message("rest of a notification", func(m *leshan.Message) bool {
						return !m.Incoming && strings.Contains(m.Options, `"Block2"`)
					})
				}
			}
		})
	}
}

// A De-register, here by Disable, ends observations; nobody is told of changes until Leshan observes again.
func TestObserveUntilDisable(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) { d.config.Servers[0].DisableTimeout = time.Second })
	o, _ := d.follow("/3303/0/5700", leshan.TEXT)
	composite, _ := d.followComposite(leshan.SenMLCBOR, "/3303/0/5700", "/3/0/15")
	d.writeAttributes("2.04", "/3303/0/5700", "pmin=60")
	must(t, d.temp.SensorValue.Set(30)) // not told in time
	d.disable()
	for range 3 {
		d.history.wait(d.ctx, t, lwm2m.ObservationEnded)
	}
	d.event(leshan.Deregistered)
	must(t, d.temp.SensorValue.Set(31))
	d.event(leshan.Registered)
	d.history.wait(d.ctx, t, lwm2m.Registered)
	must(t, d.temp.SensorValue.Set(32))
	d.pass()
	o.quiet()
	composite.quiet()
	d.writeAttributes("2.04", "/3303/0/5700", "pmin")
	again, first := d.follow("/3303/0/5700", leshan.TEXT)
	same(t, "value", first.Content, temperature(32))
	must(t, d.temp.SensorValue.Set(33))
	again.next(temperature(33))
}
