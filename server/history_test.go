package server_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
)

// timed are nodes as "path=value@seconds", the seconds since the given time.
func timed(nodes []server.Node, now time.Time) string {
	var all []string
	for _, n := range nodes {
		all = append(all, fmt.Sprintf("%v=%v@%v", n.Path, n.Value, n.At(now).Sub(now).Round(time.Microsecond).Seconds()))
	}
	return strings.Join(all, " ")
}

// packs are histories in SenML, with what is in them: times are counted from the start of the test,
// 2000-01-01 (946684800).
var packs = []struct {
	name    string
	format  int
	payload string
	want    string
}{
	{"base time", 110, `[{"bn":"/3303/0/","bt":946684700,"n":"5700","v":22.4},{"n":"5700","v":22.9,"t":30},{"n":"5700","v":24.1,"t":50.5}]`,
		"/3303/0/5700=22.4@-100 /3303/0/5700=22.9@-70 /3303/0/5700=24.1@-49.5"},
	{"relative", 110, `[{"n":"/3303/0/5700","v":1,"t":-5},{"n":"/3303/0/5700","v":2},{"n":"/3303/0/5700","v":3,"t":5}]`,
		"/3303/0/5700=1@-5 /3303/0/5700=2@0 /3303/0/5700=3@5"},
	{"relative base time", 110, `[{"bn":"/3303/0/5700","bt":-60,"v":1},{"v":2,"t":10}]`,
		"/3303/0/5700=1@-60 /3303/0/5700=2@-50"},
	{"second base time", 110, `[{"bn":"/3303/0/5700","bt":946684800,"v":1},{"v":2,"t":10},{"bt":946684900,"v":3},{"v":4,"t":-1}]`,
		"/3303/0/5700=1@0 /3303/0/5700=2@10 /3303/0/5700=3@100 /3303/0/5700=4@99"},
	{"two Resources", 110, `[{"n":"/3303/0/5700","v":1,"t":946684801},{"n":"/3303/0/5701","vs":"Cel"},{"n":"/3303/0/5700","v":2,"t":946684802}]`,
		"/3303/0/5700=1@1 /3303/0/5701=Cel@0 /3303/0/5700=2@2"},
	{"CBOR, half and double times", 112, "82a4216c2f333330332f302f35373030221a386d438002f94d9a06f93800a202f94db306fbbff8000000000000",
		"/3303/0/5700=22.40625@0.5 /3303/0/5700=22.796875@-1.5"},
	{"CBOR, no time", 112, "81a2006c2f333330332f302f35373030021816", "/3303/0/5700=22@0"},
}

// Each point in time of a Send is in the event.
func TestSendHistory(t *testing.T) {
	for _, pack := range packs {
		t.Run(pack.name, func(t *testing.T) {
			bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
				p := dial(t, s)
				p.register("ep=a&lwm2m=1.1&lt=60", "</3303/0>")
				if r := p.do("POST /dp", pack.format, payload(t, pack.format, pack.payload)); r.Code != coap.Changed {
					t.Fatalf("Send: %s", show(&r))
				}
				e := s.WaitEvent(server.Sent, "a")
				if got := timed(e.Data.Nodes, e.Time); got != pack.want {
					t.Errorf("sent %s, want %s", got, pack.want)
				}
			})
		})
	}
}

// Each point in time of a notification is in it, and Value has the last.
func TestNotificationHistory(t *testing.T) {
	for _, pack := range packs {
		t.Run(pack.name, func(t *testing.T) {
			bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
				p, device := newSensor(t, s)
				o := observe(t, device, server.ObserveOptions{})
				m := response(coap.Content, pack.format, payload(t, pack.format, pack.payload))
				m.Options.AddUint(coap.Observe, 2)
				p.mid++
				m.Type, m.MessageID, m.Token = coap.Confirmable, p.mid, p.token
				p.send(m)
				n, err := o.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(pack.want, "5701") { // which is not observed
					if n.DecodeErr == nil {
						t.Errorf("notified %s", timed(n.Nodes, n.Time))
					}
					return
				}
				if got := timed(n.Nodes, n.Time); got != pack.want {
					t.Errorf("notified %s, want %s", got, pack.want)
				}
				last := n.Nodes[len(n.Nodes)-1].Value
				if v, ok := n.Value(temperature); !ok || v != last {
					t.Errorf("value %v, want %v", v, last)
				}
			})
		})
	}
}

// payload reads the hexadecimal form of CBOR.
func payload(t *testing.T, format int, s string) string {
	t.Helper()
	if format != 112 {
		return s
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
