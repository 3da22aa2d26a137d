package interop

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

var key = []byte("sixteen bytes :)")

// secure has the device use DTLS with a pre-shared key that Leshan knows.
func secure(d *device) {
	must(d, d.leshan.SetCredentials(d.ctx, d.ep, leshan.Credentials{PSK: &leshan.PSK{Identity: d.ep, Key: key}}))
	d.config.Servers[0].URI = "coaps://" + d.leshan.CoAPS
	d.config.Servers[0].Security = lwm2m.PSK{Identity: []byte(d.ep), Key: key}
}

func TestETS401UDPChannelSecurityPreSharedKey(t *testing.T) {
	t.Parallel()
	leshan.Require(t, errOfShared)
	d := newDevice(t, shared)
	c1(d)
	secure(d)
	d.events = shared.MustEvents(t, d.ep)
	d.run()
	d.registered = d.event(leshan.Registered).Registration
	if e := d.history.wait(d.ctx, t, lwm2m.Registered); e.Handshake != "full" {
		t.Errorf("event %v", e)
	}
	if r := d.registered; !r.Secure || r.Endpoint != d.ep {
		t.Errorf("registration %+v", r)
	}
	d.read("2.05", "/3/0/0", leshan.TEXT)
	d.read("2.05", "/3/0", leshan.TLV)
	d.write("2.04", "/1/0/1", leshan.Replace, leshan.TEXT, leshan.Single(1, leshan.Integer, 60))
	if r := d.update("lt=60"); !r.Secure || r.ID != d.registered.ID {
		t.Errorf("updated to %+v", r)
	}
	d.stop()
	if gone := d.event(leshan.Deregistered).Registration; gone.ID != d.registered.ID || gone.Expired {
		t.Errorf("deregistered %+v", gone)
	}
}

func TestCipherSuites(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		suites []uint16
		known  bool
	}{
		"CCM_8": {[]uint16{0xC0A8}, true}, "CCM": {[]uint16{0xC0A4}, true}, "GCM": {[]uint16{0x00A8}, true},
		"CBC, which Leshan does not offer": {[]uint16{0x00AE}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leshan.Require(t, errOfShared)
			d := newDevice(t, shared)
			secure(d)
			d.config.Servers[0].Security = lwm2m.PSK{Identity: []byte(d.ep), Key: key, CipherSuites: test.suites}
			d.run()
			if test.known {
				d.history.wait(d.ctx, t, lwm2m.Registered)
				d.read("2.05", "/3/0/0", leshan.TEXT)
				return
			}
			e := d.history.wait(d.ctx, t, lwm2m.NetworkError)
			if e.Err == nil || !strings.Contains(e.Err.Error(), "alert 40, handshake_failure: there is no common cipher suite") {
				t.Errorf("event %v", e)
			}
			if v, err := d.client.Get(lwm2m.PathOf(1, 0, 11)); err != nil || v.Uint() != 40 {
				t.Errorf("alert code %v, %v", v, err)
			}
		})
	}
}

// A wrong key, an identity that Leshan does not know, and a name that the key does not belong to. Leshan answers
// the first two with silence, as DTLS asks for, so that it takes a minute.
func TestWrongPreSharedKey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*device)
		kind  lwm2m.EventKind
		want  string
	}{
		"key": {func(d *device) {
			d.config.Servers[0].Security = lwm2m.PSK{Identity: []byte(d.ep), Key: []byte("another key")}
		}, lwm2m.NetworkError, "the server does not have this key for the PSK identity"},
		"identity": {func(d *device) {
			d.config.Servers[0].Security = lwm2m.PSK{Identity: []byte("nobody"), Key: key}
		}, lwm2m.NetworkError, "DTLS handshake with coaps://"},
		"endpoint": {func(d *device) { d.config.Endpoint = "somebody-else" }, lwm2m.RegistrationFailed, "Register: 4.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leshan.Require(t, errOfShared)
			d := newDevice(t, shared)
			ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
			defer cancel()
			d.ctx = ctx
			secure(d)
			test.spoil(d)
			d.run()
			e := d.history.wait(d.ctx, t, test.kind)
			if e.Err == nil || !strings.Contains(e.Err.Error(), test.want) {
				t.Errorf("event %v", e)
			}
			t.Logf("told: %v", e)
			if r, err := shared.Client(d.ctx, d.config.Endpoint); r != nil || err != nil {
				t.Errorf("registered: %+v, %v", r, err)
			}
		})
	}
}
