package lwm2m_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/store"
)

// generations are the accounts that a Bootstrap-Server writes: each has a number that all its parts tell.
type generations struct {
	server *lwm2mtest.Server
	start  chan struct{} // of a session

	mu       sync.Mutex
	begun    int // the last that may be in force
	accepted int // the last that is, as the device has said
	ended    int // how many were accepted
}

// shortServerID and lifetime tell the number of a generation.
func (*generations) shortServerID(n int) int64 { return int64(n%60000 + 1) }
func (*generations) lifetime(n int) int64      { return int64(n + 1000) }

// script writes the next generation.
func (g *generations) script(ctx context.Context, b *server.BootstrapSession) error {
	g.mu.Lock()
	g.begun++
	n := g.begun
	g.mu.Unlock()
	select {
	case g.start <- struct{}{}:
	default:
	}
	node := func(v model.Value, ids ...uint16) server.Node {
		return server.Node{Path: lwm2m.PathOf(ids...), Value: v}
	}
	ssid := model.IntegerValue(g.shortServerID(n))
	for _, step := range []func() (*server.Response, error){
		func() (*server.Response, error) { return b.Delete(ctx, path("/0")) },
		func() (*server.Response, error) { return b.Delete(ctx, path("/1")) },
		func() (*server.Response, error) {
			return b.WriteNodes(ctx, path("/0/7"), []server.Node{
				node(model.StringValue(g.server.URI()), 0, 7, 0), node(model.BooleanValue(false), 0, 7, 1), node(model.IntegerValue(3), 0, 7, 2),
				node(model.OpaqueValue(nil), 0, 7, 3), node(model.OpaqueValue(nil), 0, 7, 4), node(model.OpaqueValue(nil), 0, 7, 5),
				node(ssid, 0, 7, 10),
			}, server.WriteOptions{})
		},
		func() (*server.Response, error) {
			return b.WriteNodes(ctx, path("/1/7"), []server.Node{
				node(ssid, 1, 7, 0), node(model.IntegerValue(g.lifetime(n)), 1, 7, 1),
				node(model.BooleanValue(true), 1, 7, 6), node(model.StringValue("U"), 1, 7, 7),
			}, server.WriteOptions{})
		},
		func() (*server.Response, error) { return b.Finish(ctx) },
	} {
		r, err := step()
		if err == nil {
			err = r.Err()
		}
		if err != nil {
			return err
		}
		select { // so that there is time to be killed in
		case <-time.After(3 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accepted = max(g.accepted, n)
	g.ended++
	return nil
}

// found takes note of the generation that is in force, and reports whether it may be.
func (g *generations) found(lifetime, atServer, atSecurity int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range []int{g.accepted, g.begun} {
		if g.lifetime(n) == lifetime && g.shortServerID(n) == atServer && atServer == atSecurity {
			g.accepted = n
			return nil
		}
	}
	return fmt.Errorf("lifetime %d, server %d and %d; generation %d was accepted, %d may be in force", lifetime, atServer, atSecurity, g.accepted, g.begun)
}

// TestKilledDuringBootstrap kills a device at random instants of bootstraps. It has always one account, whole.
func TestKilledDuringBootstrap(t *testing.T) {
	g := &generations{server: lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true}), start: make(chan struct{}, 1)}
	random := rand.New(rand.NewPCG(5, 9))
	bs := lwm2mtest.NewBootstrapServer(t, lwm2mtest.Options{UDP: true, Config: server.Config{
		Bootstrap: &server.Bootstrap{Endpoints: map[string]server.BootstrapConfig{"killed": {Script: g.script}}},
	}})
	m := &mortal{
		T: t, folder: filepath.Join(t.TempDir(), "state"), uri: bs.URI(), bootstrap: true, again: true, server: g.server,
		isReady: func() { bs.WaitEvent(server.BootstrapFinished, "killed") },
		change: func(ctx context.Context) {
			select { // most of a life is spent with starting
			case <-g.start:
				<-time.After(time.Duration(random.Int64N(int64(30 * time.Millisecond))))
			case <-ctx.Done():
			}
		},
	}
	m.check = func(client *lwm2m.Client) {
		var parts [3]int64
		for i, p := range []string{"/1/7/1", "/1/7/0", "/0/7/10"} {
			v, err := client.Get(path(p))
			if err != nil {
				t.Error(err)
			}
			parts[i] = v.Int()
		}
		if err := g.found(parts[0], parts[1], parts[2]); err != nil {
			t.Error(err)
		}
		if uri, err := client.Get(path("/0/7/0")); err != nil || uri.Text() != g.server.URI() {
			t.Errorf("URI %v, %v", uri, err)
		}
	}
	m.liveAndDie()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended == 0 || g.ended == g.begun {
		t.Errorf("%d bootstraps have begun and %d ended: none was interrupted", g.begun, g.ended)
	}
	t.Logf("%d bootstraps, %d of them to the end", g.begun, g.ended)
}

// TestBootstrapAskedTwice answers a call that comes when a bootstrap has just succeeded.
func TestBootstrapAskedTwice(t *testing.T) {
	bootstrapped(t, server.BootstrapConfig{}, func(f *bootstrapFixture) {
		f.run()
		f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		for range 2 {
			ctx, cancel := context.WithTimeout(f.ctx, time.Minute)
			must(t, f.client.Bootstrap(ctx))
			cancel()
		}
	})
}

// TestAttributesGoWithTheAccount forgets what a server attached when a bootstrap takes its account away.
func TestAttributesGoWithTheAccount(t *testing.T) {
	bootstrapped(t, server.BootstrapConfig{}, func(f *bootstrapFixture) {
		ssid := uint16(1)
		bs := lwm2mtest.NewBootstrapServer(f.T, lwm2mtest.Options{
			Network: f.server.Network, Address: "203.0.113.9:5683",
			Config: server.Config{Bootstrap: &server.Bootstrap{
				Find: func(context.Context, server.BootstrapClient) (server.BootstrapConfig, error) {
					return server.BootstrapConfig{Servers: []server.ServerAccount{f.account(ssid)}}, nil
				},
			}},
		})
		state := &store.Memory{}
		f.config.Servers[0].URI, f.config.Store = bs.URI(), state
		f.run()
		device := f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		r, err := device.Do(f.ctx, attributes("/3303/0", "pmin=5"))
		must(f, err)
		must(f, r.Err())
		for _, want := range []uint16{1, 2} {
			ssid = want
			must(f, f.client.Bootstrap(f.ctx))
			sleep(5 * time.Second)
			if has := f.client.Attributes(1, path("/3303/0")).Has(model.MinPeriod); has != (want == 1) {
				f.Errorf("with an account of server %d: pmin of server 1 is there: %v", want, has)
			}
		}
		f.stop()
		f.config.Objects = nil
		client, err := lwm2m.NewClient(f.config)
		must(f, err)
		if client.Attributes(1, path("/3303/0")).Has(model.MinPeriod) {
			f.Error("the attributes are back after a restart")
		}
		if v, err := client.Get(path("/1/0/0")); err != nil || v.Int() != 2 {
			f.Errorf("the account after a restart is that of server %v, %v", v, err)
		}
	})
}
