package lwm2m_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/store"
)

// bootstrapping stands before the URI of a Bootstrap-Server where that of a server is expected.
const bootstrapping = "bootstrap "

func killedBootstrapConfig(bs string, state lwm2m.Store) lwm2m.Config {
	return lwm2m.Config{
		Endpoint: "killed", Store: state,
		Servers: []lwm2m.ServerAccount{{URI: bs, Security: lwm2m.NoSec{}, Bootstrap: true}},
	}
}

// generations are the bootstrap sessions of a device: each writes its number into all accounts.
type generations struct {
	begun    chan struct{} // a session
	mu       sync.Mutex
	given    int // the last one that was begun
	accepted int // the last one whose Bootstrap-Finish was answered
}

// script is a session.
func (g *generations) script(ctx context.Context, session *server.BootstrapSession) error {
	g.mu.Lock()
	g.given++
	n := g.given
	g.mu.Unlock()
	select {
	case g.begun <- struct{}{}:
	default:
	}
	for ssid := range uint16(2) {
		for _, w := range []server.BootstrapWrite{
			{Path: lwm2m.PathOf(0, ssid+1), Nodes: []server.Node{
				{Path: lwm2m.PathOf(0, ssid+1, 0), Value: model.StringValue(fmt.Sprintf("coap://192.0.2.%d:%d", ssid+1, n))},
				{Path: lwm2m.PathOf(0, ssid+1, 1), Value: model.BooleanValue(false)}, {Path: lwm2m.PathOf(0, ssid+1, 2), Value: model.IntegerValue(3)},
				{Path: lwm2m.PathOf(0, ssid+1, 10), Value: model.IntegerValue(int64(ssid + 1))},
			}},
			{Path: lwm2m.PathOf(1, ssid), Nodes: []server.Node{
				{Path: lwm2m.PathOf(1, ssid, 0), Value: model.IntegerValue(int64(ssid + 1))}, {Path: lwm2m.PathOf(1, ssid, 1), Value: model.IntegerValue(int64(n))},
				{Path: lwm2m.PathOf(1, ssid, 6), Value: model.BooleanValue(true)}, {Path: lwm2m.PathOf(1, ssid, 7), Value: model.StringValue("U")},
			}},
		} {
			if _, err := session.WriteNodes(ctx, w.Path, w.Nodes, server.WriteOptions{Format: server.TLV}); err != nil {
				return err
			}
		}
	}
	r, err := session.Finish(ctx)
	if err == nil && r.Err() == nil {
		g.mu.Lock()
		g.accepted = n
		g.mu.Unlock()
	}
	return err
}

func (g *generations) acknowledged() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.accepted
}

// check looks at what the device has left: the accounts of one session, and not of an older one than it has acknowledged.
func (g *generations) check(m *mortal) {
	m.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	state, err := store.Open(m.folder)
	must(m, err)
	defer func() { must(m, state.Close()) }()
	client, err := lwm2m.NewClient(killedBootstrapConfig("coap://192.0.2.9", state))
	must(m, err)
	security, servers := client.Instances(0), client.Instances(1)
	if len(servers) == 0 && len(security) == 1 && g.accepted == 0 {
		return
	}
	if len(servers) != 2 || len(security) != 3 {
		m.Fatalf("%d and %d instances of accounts", len(security), len(servers))
	}
	first, _ := servers[0].Get(1)
	n := int(first.Int())
	if n < g.accepted || n > g.given {
		m.Errorf("accounts of session %d; %d was acknowledged, %d the last", n, g.accepted, g.given)
	}
	for i := range servers {
		lifetime, _ := servers[i].Get(1)
		uri, _ := security[i+1].Get(0)
		if int(lifetime.Int()) != n || uri.Text() != fmt.Sprintf("coap://192.0.2.%d:%d", i+1, n) {
			m.Errorf("account %d is %v with lifetime %v, of another session than %d", i, uri, lifetime, n)
		}
	}
}

// TestKilledDuringBootstrap kills a device at random instants while it is bootstrapped, again and again. It never has accounts
// of several sessions, or none after it has acknowledged some.
func TestKilledDuringBootstrap(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 10
	}
	g := &generations{begun: make(chan struct{}, 1)}
	bs := lwm2mtest.NewBootstrapServer(t, lwm2mtest.Options{UDP: true, Config: server.Config{
		Bootstrap: &server.Bootstrap{Endpoints: map[string]server.BootstrapConfig{"killed": {Script: g.script}}},
	}})
	m := &mortal{T: t, folder: filepath.Join(t.TempDir(), "state"), server: bs, kind: bootstrapping}
	random, longest := rand.New(rand.NewPCG(5, 9)), 2*time.Millisecond
	began := time.Now()
	n, early := 0, 0
	for ; n < kills && time.Since(began) < 15*time.Second; n++ {
		m.start()
		<-g.begun
		before := g.acknowledged()
		<-time.After(time.Duration(random.Int64N(int64(longest))))
		m.kill()
		g.check(m)
		if g.acknowledged() == before { // half of the sessions are to be cut off
			early++
			longest = longest * 5 / 4
		} else {
			longest = longest * 4 / 5
		}
		select {
		case <-g.begun:
		default:
		}
		if t.Failed() {
			t.Fatalf("killed for the %d. time", n+1)
		}
	}
	if early < n/10 || early == n && n >= 50 {
		t.Errorf("%d of %d sessions were cut off", early, n)
	}
	t.Logf("killed %d times, %d of them in a session", n, early)
}
