package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// How much less and more than its due the time between two notifications may be, as
// Leshan sees it on a busy machine.
const (
	early = 500 * time.Millisecond
	late  = 900 * time.Millisecond
)

// observation is one that Leshan has begun.
type observation struct {
	*device
	path  string // if it is of one path
	paths []string
	token string
	last  time.Time // when Leshan got the first answer, or the last notification
}

// follow observes a path and returns the first answer too.
func (d *device) follow(path string, format leshan.Format) (*observation, *leshan.Result) {
	d.Helper()
	first := d.observe("2.05", path, format)
	return d.following("0.01", &observation{device: d, path: path}), first
}

// followComposite observes several paths.
func (d *device) followComposite(format leshan.Format, paths ...string) (*observation, *leshan.Result) {
	d.Helper()
	first := d.want("2.05")(d.leshan.ObserveComposite(d.ctx, d.ep, paths, format, format))
	return d.following("0.05", &observation{device: d, paths: paths}), first
}

func (d *device) following(code string, o *observation) *observation {
	d.Helper()
	o.token = d.message("Observe", func(m *leshan.Message) bool {
		return !m.Incoming && m.Code == code && strings.Contains(m.Options, `"Observe":0`)
	}).Token
	o.last = d.message("answer to Observe", o.carries).Time
	return o
}

// carries reports whether a message is a notification of the observation, or its first answer.
func (o *observation) carries(m *leshan.Message) bool {
	return m.Incoming && m.Token == o.token && strings.Contains(m.Options, `"Observe"`)
}

// next waits for a notification, whose values must be a *leshan.Node or, of several paths, a
// map[string]*leshan.Node, and returns the message and the time since the one before.
func (o *observation) next(want any) (*leshan.Message, time.Duration) {
	o.Helper()
	e, err := o.events.Wait(o.ctx, leshan.Notified, func(e leshan.Event) bool {
		return e.Notification.Path == o.path && (o.path != "" || len(e.Notification.Paths) == len(o.paths))
	})
	must(o, err)
	var got any = e.Notification.Content
	if o.path == "" {
		got = e.Notification.Composite
	}
	same(o, "notification of "+o.path+strings.Join(o.paths, " "), got, want)
	m := o.message("notification", o.carries)
	since := m.Time.Sub(o.last)
	o.last = m.Time
	return m, since
}

// after is next, and checks the time since the notification before.
func (o *observation) after(due time.Duration, want any) {
	o.Helper()
	if _, since := o.next(want); since < due-early || since > due+late {
		o.Errorf("notification of %s%v after %v, want %v", o.path, o.paths, since, due)
	}
}

// quiet checks that no notification has come that was not waited for. Whoever calls it has
// made sure that those which are due have arrived.
func (o *observation) quiet() {
	o.Helper()
	count := 0
	for _, e := range o.events.All() {
		if e.Kind == leshan.CoAPLog && o.carries(e.CoAP) && e.CoAP.Time.After(o.last) {
			count++
		}
	}
	if count > 0 {
		o.Errorf("%d more notifications of %s%v", count, o.path, o.paths)
	}
}

// pass has some time pass: Leshan gets two notifications of the device's model number, which
// nobody else may observe, after a second each.
func (d *device) pass() {
	d.Helper()
	d.writeAttributes("2.04", "/3/0/1", "pmax=1")
	clock, _ := d.follow("/3/0/1", leshan.TEXT)
	for range 2 {
		clock.after(time.Second, leshan.Single(1, leshan.String, "Lightweight M2M Client"))
	}
	d.want("2.05")(d.leshan.CancelObserve(d.ctx, d.ep, "/3/0/1"))
}

// temperature is what Leshan has of the sensor's value.
func temperature(v float64) *leshan.Node { return leshan.Single(5700, leshan.Float, v) }

// reset waits for Leshan's Reset of a notification.
func (d *device) reset(t *testing.T) {
	t.Helper()
	d.message("Reset", func(m *leshan.Message) bool { return m.Type == "RST" && !m.Incoming })
}
