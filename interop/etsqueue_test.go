package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

func TestETS108TurnOnQueueMode(t *testing.T) {
	protectedAndNot(t, func(t *testing.T, security func(*device)) {
		leshan.Require(t, errOfShared)
		all := shared.MustEvents(t, "")
		d := connect(t, c1, security, func(d *device) { d.config.QueueMode = true })
		if !d.registered.QueueMode || d.registered.Binding != "U" {
			t.Errorf("registration %+v", d.registered)
		}
		register, err := all.Wait(d.ctx, leshan.CoAPLog, func(e leshan.Event) bool {
			return strings.Contains(e.CoAP.Options, fmt.Sprintf(`"ep=%s"`, d.ep))
		})
		must(t, err)
		if want := fmt.Sprintf(`"Uri-Query":["lwm2m=1.1","ep=%s","lt=86400","b=U","Q"]}`, d.ep); !strings.HasSuffix(register.CoAP.Options, want) {
			t.Errorf("Register %s, want …%s", register.CoAP.Options, want)
		}
		d.read("2.05", "/3/0/0", leshan.TEXT)
	})
}

// Leshan keeps a Read for a client that sleeps until its next Update. The client gives up its connection meanwhile;
// over DTLS the session goes on with its connection ID.
func TestETS109BehaviorInQueueMode(t *testing.T) {
	const awake = time.Second
	t.Parallel()
	leshan.Require(t, errOfShared)
	o, err := options()
	must(t, err)
	o.AwakeTime = awake
	server := leshan.Start(t, o)
	schemes(t, func(t *testing.T, security func(*device)) {
		d := connectTo(t, server, c1, eager, security, func(d *device) { d.config.QueueMode, d.config.AwakeTime = true, awake })
		asleep := d.history.wait(d.ctx, t, lwm2m.Asleep)
		d.event(leshan.Sleeping)
		if r, err := server.Client(d.ctx, d.ep); err != nil || !r.Sleeping {
			t.Errorf("registration %+v, %v", r, err)
		}
		read := make(chan *leshan.Result, 1)
		go func() {
			r, err := server.Read(d.ctx, d.ep, "/3/0/0", leshan.TEXT)
			if err != nil {
				t.Error(err)
			}
			read <- r
		}()
		d.stays(read, awake)
		must(t, d.client.Update(d.ctx))
		updated := d.event(leshan.Updated)
		if r := <-read; r == nil || r.Code != "2.05" || r.Content.Value != "Open Mobile Alliance" {
			t.Fatalf("the Read that waited: %+v", r)
		}
		request := d.message("Read", func(m *leshan.Message) bool { return !m.Incoming && m.Code == "0.01" })
		if request.Time.Before(updated.Registration.LastUpdate) || updated.Registration.ID != d.registered.ID {
			t.Errorf("Read at %v, Update %+v", request.Time, updated.Registration)
		}
		if e := d.history.wait(d.ctx, t, lwm2m.Updated); d.registered.Secure && e.Handshake != "connection ID" {
			t.Errorf("event %v", e)
		}
		if again := d.history.wait(d.ctx, t, lwm2m.Asleep); again.Time.Sub(asleep.Time) < awake {
			t.Errorf("asleep %v after the first time", again.Time.Sub(asleep.Time))
		}
	})
}

// stays checks that a Read waits and that nothing is sent.
func (d *device) stays(read <-chan *leshan.Result, wait time.Duration) {
	d.Helper()
	select {
	case r := <-read:
		d.Fatalf("a sleeping client answered %+v", r)
	case <-time.After(wait):
	}
	for _, e := range d.events.All() {
		if e.Kind == leshan.CoAPLog && !e.CoAP.Incoming && e.CoAP.Code == "0.01" {
			d.Errorf("Leshan sent the Read to a sleeping client: %s", e.CoAP.Options)
		}
	}
}
