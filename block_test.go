package lwm2m_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// body is n bytes that no block-wise transfer can put together by mistake.
func body(n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// try repeats an operation until it is answered: on a network that loses much, an
// exchange may fail as a whole.
func (f *fixture) try(r server.Request) *server.Response {
	f.Helper()
	for range 20 {
		if response, err := f.peer.Do(f.ctx, r); err == nil {
			return response
		}
	}
	f.Fatalf("%s: no answer in 20 attempts", describe(r))
	return nil
}

// Bodies of 20 kB both ways, on networks that lose, repeat, overtake and delay.
func TestBlockwise(t *testing.T) {
	for name, c := range map[string]lwm2mtest.Conditions{
		"perfect":    {},
		"slow":       {Delay: 800 * time.Millisecond},
		"lossy":      {Loss: 0.2, Delay: 50 * time.Millisecond},
		"repeating":  {Duplicate: 0.5, Delay: 50 * time.Millisecond, Jitter: 100 * time.Millisecond},
		"overtaking": {Reorder: 0.3, Delay: 50 * time.Millisecond},
		"everything": {Loss: 0.1, Duplicate: 0.2, Reorder: 0.2, Delay: 50 * time.Millisecond, Jitter: 50 * time.Millisecond},
	} {
		for _, size := range []int{0, 64} { // of blocks; 0 is the default
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				writes := 0
				configure := func(config *lwm2m.Config, f *fixture) {
					config.Transmission.BlockSize = size
					in := newTestObject(f, 0)
					config.Objects = append(config.Objects, in)
					lwm2m.ResourceOf[[]byte](in, 150).OnWrite(func(context.Context, []byte) error { writes++; return nil })
				}
				start(t, configure, func(f *fixture) {
					f.server.Network.SetConditions(lwm2mtest.ToServer, c)
					f.server.Network.SetConditions(lwm2mtest.ToClient, c)
					sent := body(20_000, 1)
					if r := f.try(put("/3442/0/150", server.OctetStream, sent)); r.Code != model.Changed {
						t.Fatalf("Write: %v %q", r.Code, r.Payload)
					}
					if writes < 1 || c.Loss == 0 && writes != 1 {
						t.Errorf("the callback was called %d times", writes)
					}
					if v, err := f.client.Get(path("/3442/0/150")); err != nil || string(v.Bytes()) != sent {
						t.Errorf("stored %d bytes, %v", v.Len(), err)
					}
					if r := f.try(get("/3442/0/150", none)); r.Code != model.Content || string(r.Payload) != sent {
						t.Errorf("Read: %v, %d bytes", r.Code, len(r.Payload))
					}
					// A notification whose rest has to be fetched.
					f.server.Network.SetConditions(lwm2mtest.ToServer, lwm2mtest.Conditions{})
					f.server.Network.SetConditions(lwm2mtest.ToClient, lwm2mtest.Conditions{})
					sleep(5 * time.Minute)
					o := f.observe("/3442/0/150", server.ObserveOptions{})
					must(t, f.client.Apply(lwm2m.Change{Path: path("/3442/0/150"), Value: model.OpaqueValue([]byte(body(3000, 2)))}))
					sleep(time.Second)
					n, err := o.Next(f.ctx)
					must(t, err)
					if n.Err != nil || string(n.Payload) != body(3000, 2) {
						t.Errorf("notification: %v %d bytes, %v", n.Code, len(n.Payload), n.Err)
					}
				})
			})
		}
	}
}

// Composites go in blocks both ways too.
func TestBlockwiseComposite(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		long := strings.Repeat("a long string ", 500)
		f.play(
			exchange{ipatch(server.SenMLJSON, `[{"n":"/3442/0/110","vs":"`+long+`"},{"n":"/3/0/15","vs":"UTC"}]`), model.Changed, none, ""},
			exchange{fetch(server.SenMLJSON, `[{"n":"/3442/0/110"},{"n":"/3/0/15"}`+strings.Repeat(`,{"n":"/3/0/15"}`, 200)+`]`), model.Content, server.SenMLJSON,
				`[{"n":"/3/0/15","vs":"UTC"},{"n":"/3442/0/110","vs":"` + long + `"}]`},
		)
	})
}

// Some peers take a fresh token for each block: a transfer is known by its
// method, path and options (RFC 7959 §2.4).
func TestBlockwiseFreshTokens(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		r, err := f.peer.Registration()
		must(t, err)
		sent := body(200, 3)
		w := record(f.server.Network)
		w.lose(func(p lwm2mtest.Packet, _ *coap.Message) bool { return p.Direction == lwm2mtest.ToClient })
		for i := 0; i*64 < len(sent); i++ {
			block := sent[i*64 : min(i*64+64, len(sent))]
			m := coap.Message{Type: coap.Confirmable, Code: coap.PUT, MessageID: uint16(500 + i), Payload: []byte(block)}
			m.Token = coap.MakeToken([]byte{9, byte(i)})
			for _, segment := range []string{"3442", "0", "150"} {
				m.Options.AddString(coap.UriPath, segment)
			}
			m.Options.AddUint(coap.ContentFormat, 42)
			more := uint32(0)
			if (i+1)*64 < len(sent) {
				more = 8
			}
			m.Options.AddUint(coap.Block1, uint32(i)<<4|more|2)
			datagram, err := m.Append(nil)
			must(t, err)
			f.server.Network.Inject(serverAddress, netip.MustParseAddrPort(r.Address), datagram)
		}
		sleep(0)
		f.server.Network.SetFilter(nil)
		if got := w.take(); !strings.HasSuffix(got, "ACK 2.04 lost") || strings.Count(got, "ACK 2.31") != 3 {
			t.Errorf("on the wire:\n%s", got)
		}
		if v, err := f.client.Get(path("/3442/0/150")); err != nil || string(v.Bytes()) != sent {
			t.Errorf("stored %d bytes, %v", v.Len(), err)
		}
	})
}
