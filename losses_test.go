package lwm2m_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
)

// TestNoSampleIsLostInSilence measures for hours over a network that loses, repeats and reorders, with outages,
// new registrations, notifications and Sends in any order. In the end each sample has arrived, is kept, or is
// counted as dropped.
func TestNoSampleIsLostInSilence(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			configure := func(config *lwm2m.Config, f *fixture) {
				f.temp.SensorValue.KeepHistoryAs(lwm2m.History[float64]{Samples: 20 + random.IntN(200), DropNewest: seed%2 == 1})
				config.Transmission.MaxReport = 100 + random.IntN(1000)
			}
			startSend(t, configure, func(f *sendTest) { (&losses{sendTest: f, random: random, arrived: map[int]bool{}}).run() })
		})
	}
}

type losses struct {
	*sendTest
	random   *rand.Rand
	measured int
	mu       sync.Mutex
	arrived  map[int]bool
}

func (l *losses) run() {
	for range 200 {
		switch l.random.IntN(8) {
		case 0:
			l.network(lwm2mtest.Conditions{Loss: 0.5 * l.random.Float64(), Duplicate: 0.3, Reorder: 0.3, Delay: 50 * time.Millisecond, Jitter: 500 * time.Millisecond})
		case 1:
			l.network(lwm2mtest.Conditions{})
			l.update()
		case 2:
			l.observe()
		case 3:
			ctx, cancel := context.WithTimeout(l.ctx, time.Duration(l.random.IntN(100))*time.Second)
			_ = l.client.Send(ctx, path("/3303/0")) // it may well fail
			cancel()
		case 4:
			if l.random.IntN(4) == 0 {
				l.server.Forget("thermo-1")
			}
		case 5:
			if l.random.IntN(4) == 0 {
				l.silence(true)
			}
		default:
			for range l.random.IntN(100) {
				must(l, l.temp.SensorValue.Set(float64(l.measured)))
				l.measured++
				sleep(time.Duration(l.random.IntN(3000)) * time.Millisecond)
			}
		}
		sleep(time.Duration(l.random.IntN(60)) * time.Second)
	}
	l.network(lwm2mtest.Conditions{})
	l.update()
	sleep(time.Hour)
	l.check()
}

func (l *losses) network(c lwm2mtest.Conditions) {
	l.server.Network.SetConditions(lwm2mtest.ToServer, c)
	l.server.Network.SetConditions(lwm2mtest.ToClient, c)
}

// update has a client try again that would do so the next day.
func (l *losses) update() {
	ctx, cancel := context.WithTimeout(l.ctx, time.Minute)
	defer cancel()
	_ = l.client.Update(ctx) // it may well fail
}

func (l *losses) observe() {
	ctx, cancel := context.WithTimeout(l.ctx, time.Minute)
	defer cancel()
	peer, err := l.server.Server.WaitRegistered(ctx, "thermo-1")
	if err != nil {
		return
	}
	// A notification may overtake the answer, and then is the answer.
	o, err := peer.Observe(ctx, path("/3303/0/5700"), server.ObserveOptions{
		Accept: server.SenMLCBOR, OnNotify: func(n server.Notification) { l.count(n.Nodes) },
	})
	if err == nil {
		l.count(o.Response.Nodes)
	}
}

// check counts what has become of the samples.
func (l *losses) check() {
	for {
		ctx, cancel := context.WithTimeout(l.ctx, time.Nanosecond)
		e, err := l.events.WaitFor(ctx, server.Sent, "")
		cancel()
		if err != nil {
			break
		}
		l.count(e.Data.Nodes)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	there := len(l.arrived)
	kept, dropped := l.temp.SensorValue.History()
	for _, k := range kept {
		l.arrived[int(k.Value.Float())] = true
	}
	missing := l.measured - len(l.arrived)
	if missing > int(dropped) {
		l.Errorf("%d of %d samples are missing, %d are said to be dropped", missing, l.measured, dropped)
	}
	l.Logf("%d measured, %d arrived, %d kept, %d missing, %d dropped", l.measured, there, len(kept), missing, dropped)
	if there < l.measured/20 {
		l.Error("little arrived, which tests little")
	}
}

func (l *losses) count(nodes []server.Node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range nodes {
		if n.Path == path("/3303/0/5700") && !n.Time.IsZero() {
			l.arrived[int(n.Value.Float())] = true
		}
	}
}
