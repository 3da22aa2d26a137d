package leshan

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// A bootstrap by hand: the test stands without this project's client and codec.
func TestBootstrapByHand(t *testing.T) {
	Require(t, errOfShared)
	server := StartBootstrap(t, Options{})
	ctx := testContext(t)
	const ep = "urn:dev:os:0023C7-000001"
	events := server.MustEvents(t, ep)
	finished := func() *BootstrapSession {
		t.Helper()
		event, err := events.Wait(ctx, Bootstrapped, nil)
		if err != nil {
			t.Fatal(err)
		}
		return event.Session
	}
	p := newPeer(t, server.CoAP)
	id := uint16(0)
	request := func() message {
		id++
		return p.ask(con, post, id, []byte("\xb2bs\x4d\x0eep="+ep+"\x07pct=112"))
	}

	if answer := request(); answer.code != 0x80 || !bytes.Contains(answer.rest, []byte("no bootstrap config")) {
		t.Errorf("Bootstrap-Request without a configuration: %+v", answer)
	}
	if s := finished(); s.Cause != "NO_BOOTSTRAP_CONFIG" || len(s.Steps) != 0 || s.Endpoint != ep {
		t.Errorf("session %+v", s)
	}
	err := server.SetConfig(ctx, ep, BootstrapConfig{
		Delete:        []string{"/0"},
		Security:      map[int]BootstrapAccount{1: {URI: "coap://a", Mode: ModeNoSec, ShortServerID: 7}},
		Servers:       map[int]ServerObject{0: {ShortServerID: 7, Lifetime: 60}},
		AccessControl: map[int]AccessControl{0: {ObjectID: 3, ACL: map[int]int64{7: 31}, Owner: 7}},
		Tasks: []BootstrapTask{
			{Operation: BootstrapDiscover, Path: "/"},
			{Operation: BootstrapRead, Path: "/1", Format: TLV},
			{Operation: BootstrapWrite, Path: "/1/0/5", Format: TEXT, Node: Single(5, Integer, 9)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if answer := request(); answer.code != changed {
		t.Fatalf("Bootstrap-Request: %+v", answer)
	}
	for _, step := range []struct {
		code   byte
		rest   string
		method byte
		path   string
	}{
		{deleted, "", del, "\xb10"},
		{changed, "", 0x03, "\xb10\x011"},
		{changed, "", 0x03, "\xb11\x010"},
		{changed, "", 0x03, "\xb12\x010"},
		{content, "\xc1\x28\xff</>;lwm2m=1.1,</1/0>;ssid=7", 0x01, ""},
		{content, "\xc2\x2d\x16\xff\x08\x00\x03\xc1\x00\x07", 0x01, "\xb11"},
		{0x80, "\xffno", 0x03, "\xb11\x010\x015"},
		{0x86, "\xffnot consistent", post, "\xb2bs"},
	} {
		if got := p.answer(step.code, []byte(step.rest)); got.code != step.method || !bytes.HasPrefix(got.rest, []byte(step.path)) {
			t.Errorf("request %x %q, want %x %q", got.code, got.rest, step.method, step.path)
		}
	}
	session := finished()
	var steps []string
	for _, s := range session.Steps {
		steps = append(steps, s.String())
	}
	want := "DELETE /0: 2.02, WRITE /0/1: 2.04, WRITE /1/0: 2.04, WRITE /2/0: 2.04, DISCOVER /: 2.05, READ /1: 2.05, " +
		"WRITE /1/0/5: 4.00, FINISH: 4.06"
	if got := strings.Join(steps, ", "); got != want || session.Cause != "FINISH_FAILED" || session.Preferred != SenMLCBOR {
		t.Errorf("session %+v\nsteps %s\nwant  %s", session, got, want)
	}
	if links := session.Steps[4].Result.ObjectLinks; len(links) != 2 || links[1].Attributes["ssid"] != "7" {
		t.Errorf("discovered %+v", links)
	}
	if got := session.Steps[5].Result.Content; !reflect.DeepEqual(got, Object(1, Instance(0, Single(0, Integer, int64(7))))) {
		t.Errorf("read %+v", got)
	}
	if got := session.Steps[7].Result.ErrorMessage; got != "not consistent" {
		t.Errorf("reason of the refusal %q", got)
	}
	if err := server.DeleteConfig(ctx, ep); err != nil {
		t.Error(err)
	}
	if answer := request(); answer.code != 0x80 {
		t.Errorf("Bootstrap-Request after the configuration is gone: %+v", answer)
	}
}

func TestBootstrapConfigsThatLeshanRefuses(t *testing.T) {
	Require(t, errOfShared)
	server := StartBootstrap(t, Options{})
	for name, config := range map[string]BootstrapConfig{
		"no account for a Server": {Servers: map[int]ServerObject{0: {ShortServerID: 7, Lifetime: 60}}},
		"unknown operation":       {Tasks: []BootstrapTask{{Operation: "EXECUTE", Path: "/1/0/8"}}},
		"no path":                 {Tasks: []BootstrapTask{{Operation: BootstrapRead, Path: "there"}}},
	} {
		var refused *HTTPError
		if err := server.SetConfig(testContext(t), "ep", config); !errors.As(err, &refused) || refused.Status != 400 {
			t.Errorf("%s: %v, want HTTP 400", name, err)
		}
	}
}
