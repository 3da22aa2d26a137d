package interop

import (
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/store"
)

// restarted gives the device of the next process: new Objects, the Store of before. Its history begins anew.
func (d *device) restarted(accounts []lwm2m.ServerAccount) *device {
	d.Helper()
	next := newDevice(d.T, d.leshan)
	next.config.Store, next.config.StayRegistered = d.config.Store, d.config.StayRegistered
	next.config.Servers, next.config.Network = accounts, d.config.Network
	next.events, next.registered = d.events, d.registered
	return next
}

// A process ends without De-register. The next one goes on with the registration, the observation and, if there
// is one, the DTLS session: Leshan notices an Update and nothing else.
func TestStaysRegistered(t *testing.T) {
	t.Parallel()
	leshan.Require(t, errOfShared)
	for name, security := range map[string]func(*device){
		"coap": func(*device) {}, "coaps with a key": secure, "coaps with certificates": certified(serverName),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := shared.MustEvents(t, "")
			d := connect(t, security, eager, func(d *device) {
				d.config.Store, d.config.StayRegistered = &store.Memory{}, true
			})
			o, _ := d.follow("/3303/0/5700", leshan.SenMLCBOR)
			must(t, d.client.Update(d.ctx))
			before := d.updateIn(all).DTLS
			d.event(leshan.Updated)
			d.stop()

			next := d.restarted(d.config.Servers)
			must(t, next.temp.SensorValue.Set(30))
			next.run()
			updated := next.event(leshan.Updated).Registration
			if updated.ID != d.registered.ID {
				t.Errorf("registration %+v, was %+v", updated, d.registered)
			}
			if after := d.updateIn(all).DTLS; before != nil && (after == nil || *before != *after) {
				t.Errorf("session %+v, was %+v", after, before)
			}
			e := next.history.wait(d.ctx, t, lwm2m.Updated)
			if before != nil && e.Handshake != "connection ID" {
				t.Errorf("event %v", e)
			}
			o.next(temperature(30))
			next.read("2.05", "/3/0/0", leshan.TEXT)
			for _, e := range d.events.All() {
				if e.Kind == leshan.Deregistered {
					t.Errorf("Leshan heard a De-register: %s", e.Data)
				}
			}
			must(t, d.leshan.ForgetObserve(d.ctx, d.ep, "/3303/0/5700"))
		})
	}
}

// The accounts that a bootstrap has brought outlive the process: the next one registers by itself.
func TestBootstrapOutlivesRestart(t *testing.T) {
	eachProtection(t, func(t *testing.T, protect protection) {
		n := newNovice(t, protect)
		n.config.Store = &store.Memory{}
		n.configure(standard(n.account()))
		n.run()
		n.session("WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "FINISH: 2.04")
		first := n.serves(true)
		n.write("2.04", "/1/0/1", leshan.Replace, leshan.TEXT, leshan.Single(1, leshan.Integer, 4321))
		n.event(leshan.Updated)
		n.stop()
		n.event(leshan.Deregistered)
		known := len(n.sessions.All())

		next := n.restarted(n.config.Servers)
		next.run()
		again := next.event(leshan.Registered).Registration
		if again.ID == first.ID || again.Lifetime.Seconds() != 4321 || !again.Secure {
			t.Errorf("registered %+v, before %+v", again, first)
		}
		next.read("2.05", "/3/0/0", leshan.TEXT)
		if more := len(n.sessions.All()) - known; more != 0 {
			t.Errorf("the bootstrap server heard %d more things", more)
		}
	})
}
