package server_test

import (
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestSend(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		const pack = `[{"bn":"/3303/0/5700","bt":1700000000,"v":21.5},{"t":60,"v":22}]`
		if r := p.do("POST /dp", 110, pack); r.Code != coap.BadRequest {
			t.Errorf("Send before Register: %s", show(&r))
		}
		p.register("ep=a&lwm2m=1.1&lt=60", "</3303/0>")
		if r := p.do("POST /dp", 110, pack); r.Code != coap.Changed {
			t.Fatalf("Send: %s", show(&r))
		}
		e := s.WaitEvent(server.Sent, "a")
		want := []server.Node{
			{Path: model.PathOf(3303, 0, 5700), Value: model.FloatValue(21.5), Time: time.Unix(1700000000, 0)},
			{Path: model.PathOf(3303, 0, 5700), Value: model.FloatValue(22), Time: time.Unix(1700000060, 0)},
		}
		if e.Data.Format != server.SenMLJSON || string(e.Data.Payload) != pack || len(e.Data.Nodes) != len(want) {
			t.Fatalf("event %+v", e.Data)
		}
		for i, n := range e.Data.Nodes {
			if n.Path != want[i].Path || n.Value != want[i].Value || !n.Time.Equal(want[i].Time) {
				t.Errorf("node %d: %+v, want %+v", i, n, want[i])
			}
		}
		for payload, want := range map[string]coap.Code{
			`[{"n":"/3303/1/5700","v":1}]`: coap.NotFound,
			`[{"n":"/4/0/0","v":1}]`:       coap.NotFound,
			`[{"n":"/3303/0/5700","v":`:    coap.BadRequest,
		} {
			if r := p.do("POST /dp", 110, payload); r.Code != want {
				t.Errorf("Send %s: %s, want %s", payload, show(&r), want)
			}
			s.WaitEvent(server.Refused, "a")
		}
		if r := p.do("POST /dp", 11542, "\xc8\x00\x01a"); r.Code != coap.BadRequest {
			t.Errorf("Send of TLV: %s", show(&r))
		}
		if r := p.do("POST /dp", 11544, "\xa1\x83\x19\x0c\xe7\x00\x19\x16\x44\x15"); r.Code != coap.BadRequest {
			t.Errorf("Send of LwM2M CBOR in 1.1: %s", show(&r))
		}
		recent := dial(t, s)
		recent.register("ep=c&lwm2m=1.2", "</3303/0>")
		if r := recent.do("POST /dp", 11544, "\xa1\x83\x19\x0c\xe7\x00\x19\x16\x44\x15"); r.Code != coap.Changed {
			t.Errorf("Send of LwM2M CBOR: %s", show(&r))
		}
		if e := s.WaitEvent(server.Sent, "c"); len(e.Data.Nodes) != 1 || e.Data.Nodes[0].Value.Float() != 21 {
			t.Errorf("event %+v", e.Data)
		}
		old := dial(t, s)
		old.register("ep=b&lwm2m=1.0", "</3303/0>")
		if r := old.do("POST /dp", 110, pack); r.Code != coap.NotFound {
			t.Errorf("Send in LwM2M 1.0: %s", show(&r))
		}
	})
}
