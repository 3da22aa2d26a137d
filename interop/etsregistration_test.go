package interop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// protectedAndNot runs a test over coap, and over coaps with a pre-shared key, beside other tests.
func protectedAndNot(t *testing.T, test func(t *testing.T, security func(*device))) {
	t.Parallel()
	schemes(t, test)
}

func schemes(t *testing.T, test func(t *testing.T, security func(*device))) {
	for scheme, security := range map[string]func(*device){"coap": func(*device) {}, "coaps": secure} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			test(t, security)
		})
	}
}

func TestETS101InitialRegistration(t *testing.T) {
	protectedAndNot(t, func(t *testing.T, security func(*device)) {
		leshan.Require(t, errOfShared)
		all := shared.MustEvents(t, "")
		d := connect(t, c1, security)
		logged, err := all.Wait(d.ctx, leshan.CoAPLog, func(e leshan.Event) bool {
			return strings.Contains(e.CoAP.Options, fmt.Sprintf(`"ep=%s"`, d.ep))
		})
		must(t, err)
		register := logged.CoAP
		want := fmt.Sprintf(`{"Uri-Path":"rd", "Content-Format":"application/link-format", "Uri-Query":["lwm2m=1.1","ep=%s","lt=86400"]}`, d.ep)
		if register.Type != "CON" || register.Code != "0.02" || register.Options != want {
			t.Errorf("Register %s %s %s, want %s", register.Type, register.Code, register.Options, want)
		}
		links := `</>;rt="oma.lwm2m";ct="60 110 112 11542 11543",</1/0>,</3/0>,</16>;ver=1.0,` +
			`</3303>;ver=1.1,</3303/0>,</3442>;ver=1.0,</3442/0>`
		if got := string(register.Payload); got != links {
			t.Errorf("links %s, want %s", got, links)
		}
		answer, err := all.Wait(d.ctx, leshan.CoAPLog, func(e leshan.Event) bool {
			return e.CoAP.Address == register.Address && e.CoAP.Token == register.Token && !e.CoAP.Incoming
		})
		must(t, err)
		if answer.CoAP.Code != "2.01" {
			t.Errorf("answer %s, want 2.01", answer.CoAP.Code)
		}
		protected := strings.HasPrefix(d.config.Servers[0].URI, "coaps://")
		if d.registered.Secure != protected || (register.DTLS != nil) != protected {
			t.Errorf("secure: %v, DTLS session %+v, want %v", d.registered.Secure, register.DTLS, protected)
		}
		if r := d.registered; r.Lifetime != 24*time.Hour || r.Version != "1.1" || r.Binding != "U" || r.QueueMode {
			t.Errorf("registration %+v", r)
		}
	})
}

// update waits for an Update and checks its options and payload.
func (d *device) update(query string) *leshan.Registration {
	d.Helper()
	updated := d.event(leshan.Updated)
	want := fmt.Sprintf(`{"Uri-Path":["rd","%s"]`, updated.Registration.ID)
	if query != "" {
		want += fmt.Sprintf(`, "Uri-Query":"%s"`, query)
	}
	m := d.message("Update", func(m *leshan.Message) bool { return strings.HasPrefix(m.Options, `{"Uri-Path":["rd"`) })
	if m.Code != "0.02" || m.Options != want+"}" || len(m.Payload) != 0 {
		d.Errorf("Update %s %s with %d bytes, want %s} and none", m.Code, m.Options, len(m.Payload), want)
	}
	d.history.wait(d.ctx, d, lwm2m.Updated)
	return updated.Registration
}

func TestETS102RegistrationUpdate(t *testing.T) {
	protectedAndNot(t, func(t *testing.T, security func(*device)) {
		d := connect(t, c1, security)
		d.write("2.04", "/1/0/1", leshan.Replace, leshan.TEXT, leshan.Single(1, leshan.Integer, 20))
		d.holds("/1/0/1=20")
		if r := d.update("lt=20"); r.Lifetime != 20*time.Second || r.ID != d.registered.ID {
			t.Errorf("registration %+v", r)
		}
		before, err := d.leshan.Client(d.ctx, d.ep)
		must(t, err)
		after := d.update("")
		if pause := after.LastUpdate.Sub(before.LastUpdate); pause >= 20*time.Second {
			t.Errorf("next Update after %v, which is too late", pause)
		}
		if after.ID != d.registered.ID || after.Lifetime != 20*time.Second {
			t.Errorf("registration %+v, was %+v", after, before)
		}
	})
}

// disable executes Disable. Leshan may give up waiting for the answer when it gets the De-register, which
// follows at once, so the message counts.
func (d *device) disable() {
	d.Helper()
	var refused *leshan.HTTPError
	if _, err := d.leshan.Execute(d.ctx, d.ep, "/1/0/4", ""); err != nil && !errors.As(err, &refused) {
		d.Fatal(err)
	}
	request := d.message("Execute", func(m *leshan.Message) bool {
		return !m.Incoming && m.Code == "0.02" && strings.Contains(m.Options, `["1","0","4"]`)
	})
	d.message("answer to Execute", func(m *leshan.Message) bool {
		return m.Incoming && m.ID == request.ID && m.Type == "ACK" && m.Code == "2.04"
	})
}

func TestETS103Deregistration(t *testing.T) {
	protectedAndNot(t, func(t *testing.T, security func(*device)) {
		d := connect(t, c3, security)
		d.write("2.04", "/1/0/5", leshan.Replace, leshan.TEXT, leshan.Single(5, leshan.Integer, 1))
		d.disable()
		gone := d.event(leshan.Deregistered).Registration
		if gone.ID != d.registered.ID || gone.Expired || gone.Replaced {
			t.Errorf("deregistered %+v", gone)
		}
		m := d.message("De-register", func(m *leshan.Message) bool { return m.Code == "0.04" })
		d.message("answer to it", func(a *leshan.Message) bool { return a.ID == m.ID && a.Code == "2.02" })

		disabled := d.history.wait(d.ctx, t, lwm2m.ServerDisabled)
		if pause := disabled.Next.Sub(disabled.Time); pause != time.Second {
			t.Errorf("disabled for %v, want 1s", pause)
		}
		d.history.wait(d.ctx, t, lwm2m.Disconnected)
		again := d.history.wait(d.ctx, t, lwm2m.Registered)
		if again.Time.Before(disabled.Next) {
			t.Errorf("registered again %v early", disabled.Next.Sub(again.Time))
		}
		if r := d.event(leshan.Registered).Registration; r.ID == gone.ID {
			t.Errorf("registered again with the location of before")
		}
		d.read("2.05", "/3/0/0", leshan.TEXT)
	})
}

func TestETS104RegistrationUpdateTrigger(t *testing.T) {
	protectedAndNot(t, func(t *testing.T, security func(*device)) {
		d := connect(t, c1, security)
		d.execute("2.04", "/1/0/8", "")
		if r := d.update(""); r.ID != d.registered.ID || r.Lifetime != 24*time.Hour {
			t.Errorf("registration %+v", r)
		}
	})
}

// Leshan forgets a registration if another client has taken its endpoint name and left.
func TestETS105DiscardedRegisterUpdate(t *testing.T) {
	protectedAndNot(t, func(t *testing.T, security func(*device)) {
		d := connect(t, c1, security)
		other := newDevice(t, d.leshan)
		security(other)
		other.run()
		d.event(leshan.Deregistered)
		d.event(leshan.Registered)
		other.stop()
		d.event(leshan.Deregistered)

		must(t, d.client.Update(d.ctx)) // the Register that follows counts
		failed := d.history.wait(d.ctx, t, lwm2m.RegistrationFailed)
		if !errors.Is(failed.Err, lwm2m.NotFound) {
			t.Errorf("Update failed with %v, want 4.04", failed.Err)
		}
		if r := d.event(leshan.Registered).Registration; r.ID == d.registered.ID || r.Address != d.registered.Address {
			t.Errorf("registered again %+v, before %+v", r, d.registered)
		}
		d.history.wait(d.ctx, t, lwm2m.Registered)
		d.read("2.05", "/3/0/0", leshan.TEXT)
	})
}

func TestETS107ExtendingTheLifetime(t *testing.T) {
	protectedAndNot(t, func(t *testing.T, security func(*device)) {
		d := connect(t, c1, security, lifetime(time.Minute))
		if d.registered.Lifetime != time.Minute {
			t.Errorf("registered for %v, want 1m", d.registered.Lifetime)
		}
		before := time.Now()
		d.write("2.04", "/1/0/1", leshan.Replace, leshan.TLV, leshan.Single(1, leshan.Integer, 120))
		if r := d.update("lt=120"); r.Lifetime != 2*time.Minute {
			t.Errorf("lifetime %v, want 2m", r.Lifetime)
		}
		if took := time.Since(before); took > 5*time.Second {
			t.Errorf("Update took %v", took)
		}
		d.read("2.05", "/1/0/1", leshan.TEXT)
		d.holds("/1/0/1=120")
	})
}

func TestETS241Reboot(t *testing.T) {
	t.Parallel()
	reboot := make(chan struct{})
	d := connect(t, c1, func(d *device) {
		d.device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error {
			close(reboot)
			return nil
		})
	})
	d.execute("2.04", "/3/0/4", "")
	<-reboot
	d.stop()
	d.event(leshan.Deregistered)
	rebooted := newDevice(t, d.leshan)
	rebooted.device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error { return nil })
	rebooted.run()
	if r := d.event(leshan.Registered).Registration; r.ID == d.registered.ID {
		t.Errorf("registered again with the location of before")
	}
	d.read("2.05", "/3/0/0", leshan.TEXT)
}
