package lwm2m_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
)

// An hour and more on a network that loses 30 % each way: every operation ends, none is
// carried out twice, and in the end both sides agree.
func TestSoak(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { soak(t, seed) })
	}
}

func soak(t *testing.T, seed uint64) {
	executed := map[string]int{}
	configure := func(config *lwm2m.Config, f *fixture) {
		withFactories(config, f)
		config.Servers[0].Lifetime = 10 * time.Minute
		f.device.Reboot.OnExecute(func(_ context.Context, a lwm2m.Arguments) error {
			executed[a.String()]++
			return nil
		})
	}
	start(t, configure, func(f *fixture) {
		random := rand.New(rand.NewPCG(seed, 2))
		f.weather(lwm2mtest.Conditions{Loss: 0.3, Duplicate: 0.1, Reorder: 0.1, Delay: 100 * time.Millisecond, Jitter: 200 * time.Millisecond})
		began, answered, failed := time.Now(), 0, 0
		for i := 0; time.Since(began) < 90*time.Minute; i++ {
			must(t, f.temp.SensorValue.Set(float64(i)))
			from := time.Now()
			_, err := f.peer.Do(f.ctx, randomRequest(random, i))
			if took := time.Since(from); took > 4*time.Minute {
				t.Errorf("operation %d took %v", i, took)
			}
			if err == nil {
				answered++
			} else {
				failed++
			}
			if i%10 == 0 { // an Observe is an operation like any other
				_, _ = f.peer.Observe(f.ctx, path("/3303/0"), server.ObserveOptions{})
			}
			sleep(time.Duration(random.IntN(10)) * time.Second)
		}
		for a, n := range executed {
			if n > 1 {
				t.Errorf("executed %d times: %s", n, a)
			}
		}
		if answered < 100 || answered < 3*failed {
			t.Errorf("%d operations answered, %d failed", answered, failed)
		}
		f.weather(lwm2mtest.Conditions{})
		sleep(time.Hour)
		f.peer = f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		f.agree()
	})
}

// weather sets the conditions of both directions.
func (f *fixture) weather(c lwm2mtest.Conditions) {
	f.server.Network.SetConditions(lwm2mtest.ToServer, c)
	f.server.Network.SetConditions(lwm2mtest.ToClient, c)
}

func randomRequest(random *rand.Rand, i int) server.Request {
	id := 1 + random.IntN(5)
	switch random.IntN(10) {
	case 0:
		return put("/3/0/14", text, fmt.Sprintf("+%02d:00", random.IntN(12)))
	case 1, 2, 3:
		return post("/3/0/4", text, fmt.Sprintf("0='%d'", i))
	case 4:
		return post("/3442", server.SenMLJSON, fmt.Sprintf(`[{"n":"/3442/%d/120","v":%d}]`, id, i))
	case 5:
		return remove(fmt.Sprintf("/3442/%d", id))
	case 6:
		return put("/3442/0/150", server.OctetStream, body(random.IntN(3000), uint64(i)))
	case 7:
		return get("/3442", server.LinkFormat)
	case 8:
		return ipatch(server.SenMLJSON, fmt.Sprintf(`[{"n":"/3442/0/120","v":%d},{"n":"/3442/0/1120/%d","v":%d}]`, i, id, i))
	}
	return get("/3442", server.TLV)
}

// agree compares what the server reads with what the client has, and what the server
// believes to be there with what is.
func (f *fixture) agree() {
	f.Helper()
	r, err := f.peer.ReadComposite(f.ctx, []lwm2m.Path{{}}, server.CompositeOptions{})
	must(f, err)
	must(f, r.Err())
	if len(r.Nodes) < 30 {
		f.Errorf("only %d values", len(r.Nodes))
	}
	for _, n := range r.Nodes {
		if v, err := f.client.Get(n.Path); err != nil || !v.Equal(n.Value) {
			f.Errorf("%v: the server reads %v, the client has %v, %v", n.Path, n.Value, v, err)
		}
	}
	reg, err := f.peer.Registration()
	must(f, err)
	for id := range uint16(10) {
		_, err := f.client.Get(lwm2m.PathOf(testObject, id, 120))
		if there := err == nil; reg.Has(lwm2m.PathOf(testObject, id)) != there {
			f.Errorf("/3442/%d: there %v, registered %s", id, there, reg.Links)
		}
	}
	o := f.observe("/3303/0/5700", server.ObserveOptions{})
	must(f, f.temp.SensorValue.Set(-1))
	f.next(o, "/3303/0/5700=-1")
}
