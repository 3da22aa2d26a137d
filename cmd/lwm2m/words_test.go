package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestWords(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	later := now.Add(90 * time.Second)
	refusal := &lwm2m.Error{Code: model.Forbidden, Reason: "unknown"}
	refused := fmt.Errorf("%w: %w", link.ErrUnreachable, syscall.ECONNREFUSED)
	n := &narrator{server: "coap://s", bootstrap: "coap://b", endpoint: "thermo-1"}
	for _, test := range []struct {
		event lwm2m.Event
		want  string
	}{
		{lwm2m.Event{Kind: lwm2m.Registered, Next: later, Attempt: 1, Location: "/rd/5a3f"}, "Registered with coap://s as thermo-1, lifetime 1m0s, location /rd/5a3f; next Update in 1m30s"},
		{lwm2m.Event{Kind: lwm2m.RegistrationFailed, Err: refusal, Next: later, Attempt: 2}, "coap://s refused: 4.03 Forbidden: unknown; that was attempt 2, next attempt in 1m30s"},
		{lwm2m.Event{Kind: lwm2m.RegistrationTimeout, Err: context.DeadlineExceeded, Next: later}, "coap://s does not answer: no answer in time; next attempt in 1m30s"},
		{lwm2m.Event{Kind: lwm2m.Updating}, ""},
		{lwm2m.Event{Kind: lwm2m.Updated, Next: later}, "Updated the registration; next Update in 1m30s"},
		{lwm2m.Event{Kind: lwm2m.NetworkError, Err: refused}, "Cannot reach coap://s: connection refused, no server listens there; trying on"},
		{lwm2m.Event{Kind: lwm2m.NetworkError, Err: &net.DNSError{Name: "s", Err: "no such host"}, Next: later}, `Cannot reach coap://s: the name "s" is not known (no such host); next attempt in 1m30s`},
		{lwm2m.Event{Kind: lwm2m.ServerDisabled, Next: later}, "The server disabled itself; next Register in 1m30s"},
		{lwm2m.Event{Kind: lwm2m.Observed, Path: sensorValue}, "The server observes /3303/0/5700 Sensor Value"},
		{lwm2m.Event{Kind: lwm2m.ObservationEnded, Path: deviceObject}, "The server no longer observes /3/0 Device"},
		{lwm2m.Event{Kind: lwm2m.CallbackPanicked, Path: timezone, Err: errors.New("nil map")}, "The device failed at /3/0/15: nil map"},
		{lwm2m.Event{Kind: lwm2m.Disconnected}, "Left coap://s"},
		{lwm2m.Event{Kind: lwm2m.Deregistering}, "De-registering from coap://s"},
		{lwm2m.Event{Kind: lwm2m.Disconnected}, "De-registered from coap://s"},
		{lwm2m.Event{Kind: lwm2m.Deregistering}, "De-registering from coap://s"},
		{lwm2m.Event{Kind: lwm2m.DeregistrationFailed, Err: context.DeadlineExceeded}, "The De-register failed: no answer in time"},
		{lwm2m.Event{Kind: lwm2m.Disconnected}, "Left coap://s"},
		{lwm2m.Event{Kind: lwm2m.Asleep, Next: later}, "Asleep: coap://s is not heard until the device wakes; next Update in 1m30s"},
		{lwm2m.Event{Kind: lwm2m.BootstrapAccepted, Handshake: "full"}, "The Bootstrap-Server coap://b accepted thermo-1, after a full handshake, and begins to write"},
		{lwm2m.Event{Kind: lwm2m.Bootstrapped}, "Bootstrapped: what it has written is in force"},
		{lwm2m.Event{Kind: lwm2m.BootstrapFailed, Err: refusal, Attempt: 1, Next: later}, "The bootstrap by coap://b failed: 4.03 Forbidden: unknown; that was attempt 1, next attempt in 1m30s"},
	} {
		test.event.Time = now
		if got := n.words(test.event, time.Minute); got != test.want {
			t.Errorf("%v:\ngot  %s\nwant %s", test.event.Kind, got, test.want)
		}
	}
}

func TestRegistrationWatch(t *testing.T) {
	failed := lwm2m.Event{Kind: lwm2m.RegistrationFailed, Err: errors.New("no")}
	registered := lwm2m.Event{Kind: lwm2m.Registered}
	leaving := lwm2m.Event{Kind: lwm2m.Deregistering}
	for _, test := range []struct {
		events   []lwm2m.Event
		timeIsUp bool
		want     string
	}{
		{nil, false, ""},
		{nil, true, "could not register with coap://s: no answer in time"},
		{[]lwm2m.Event{failed}, true, "could not register with coap://s: no"},
		{[]lwm2m.Event{failed}, false, ""},
		{[]lwm2m.Event{failed, registered}, true, ""},
		{[]lwm2m.Event{registered, failed}, true, ""},
		{[]lwm2m.Event{registered, {Kind: lwm2m.DeregistrationFailed, Err: errors.New("why")}}, false,
			"coap://s did not take the De-register: why"},
		{[]lwm2m.Event{registered, leaving, {Kind: lwm2m.Disconnected}}, false, ""},
		{[]lwm2m.Event{registered, leaving, {Kind: lwm2m.NetworkError, Err: errors.New("why")}, {Kind: lwm2m.Disconnected}}, true, ""},
		{[]lwm2m.Event{registered, leaving, {Kind: lwm2m.DeregistrationFailed, Err: errors.New("why")}, {Kind: lwm2m.Disconnected}}, true,
			"coap://s did not take the De-register: why"},
		{[]lwm2m.Event{registered, leaving}, false, "coap://s did not take the De-register: no answer in time"},
		{[]lwm2m.Event{registered, leaving, {Kind: lwm2m.NetworkError, Err: errors.New("why")}}, true,
			"coap://s did not take the De-register: why"},
	} {
		var w registrationWatch
		for _, e := range test.events {
			w.event(e)
		}
		got := ""
		if err := w.result(test.timeIsUp, "coap://s"); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%v, time is up: %v: %q, want %q", test.events, test.timeIsUp, got, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	for path, want := range map[lwm2m.Path]string{
		lwm2m.PathOf():                "/",
		lwm2m.PathOf(3):               "/3 Device",
		lwm2m.PathOf(3, 0, 11, 1):     "/3/0/11/1 Error Code",
		lwm2m.PathOf(3, 0, 9999):      "/3/0/9999 Device",
		lwm2m.PathOf(32000, 1, 2):     "/32000/1/2",
		lwm2m.PathOf(3303, 0, 5700):   "/3303/0/5700 Sensor Value",
		lwm2m.PathOf(1, 0, 8):         "/1/0/8 Registration Update Trigger",
		lwm2m.PathOf(3303, 12, 65534): "/3303/12/65534 Temperature",
	} {
		if got := named(path); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, test := range []struct {
		path  lwm2m.Path
		value lwm2m.Value
		want  string
	}{
		{manufacturer, model.StringValue(`a "b"`), `"a \"b\""`},
		{lwm2m.PathOf(1, 0, serverLifetime), model.IntegerValue(60), "60 s"},
		{lwm2m.PathOf(5, 0, 0), model.OpaqueValue([]byte{0xca, 0xfe}), "2 bytes cafe"},
		{lwm2m.PathOf(3, 0, 11), lwm2m.Value{}, "(empty)"},
		{lwm2m.PathOf(32000, 0, 0), model.BooleanValue(true), "true"},
	} {
		if got := valued(test.path, test.value); got != test.want {
			t.Errorf("%v: %q, want %q", test.path, got, test.want)
		}
	}
	seen := map[string]bool{}
	for _, f := range []server.ContentFormat{
		server.NoContentFormat, server.Text, server.LinkFormat, server.OctetStream, server.CBOR, server.SenMLJSON,
		server.SenMLCBOR, server.TLV, server.JSON, server.LwM2MCBOR, server.FormatOf(50),
	} {
		if name := formatName(f); name == "" || seen[name] {
			t.Errorf("format %v is named %q, as is another one", f, name)
		} else {
			seen[name] = true
		}
	}
}

func TestUTCOffset(t *testing.T) {
	for offset, ok := range map[string]bool{
		"+02:00": true, "-0330": true, "+14": true, "Z": true, "+23:59": true,
		"": false, "02:00": false, "+24:00": false, "+02:60": false, "+2": false, "+02:00 ": false, "Europe/Paris": false,
	} {
		if err := checkUTCOffset(offset); (err == nil) != ok || err != nil && !errors.Is(err, lwm2m.BadRequest) {
			t.Errorf("%q: %v", offset, err)
		}
	}
}
