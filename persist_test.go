package lwm2m_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/store"
)

// keeping runs a test with a device that keeps its state, in virtual time.
func keeping(t *testing.T, s lwm2m.Store, test func(*fixture)) {
	t.Helper()
	start(t, func(c *lwm2m.Config, _ *fixture) { c.Store = s }, test)
}

// restarted is the device after a restart: another client with the same state.
func (f *fixture) restarted(s lwm2m.Store, configure func(*lwm2m.Config), test func()) {
	f.Helper()
	f.stop()
	f.temp = ipso.NewTemperature(0)
	config := lwm2m.Config{
		Endpoint: "thermo-1",
		Servers:  []lwm2m.ServerAccount{{URI: f.server.URI(), Security: lwm2m.NoSec{}}},
		Objects:  []lwm2m.ObjectInstance{f.temp},
		Network:  f.server.Network,
		OnEvent:  f.history.add,
		Store:    s,
	}
	if configure != nil {
		configure(&config)
	}
	client, err := lwm2m.NewClient(config)
	must(f, err)
	f.client = client
	ctx, cancel := context.WithCancel(f.Context())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		must(f, <-ended)
	})
	defer f.stop()
	f.peer = f.server.WaitRegistered("thermo-1")
	synctest.Wait()
	test()
}

// TestStateSurvivesRestart writes accounts and attributes and finds them after a restart.
func TestStateSurvivesRestart(t *testing.T) {
	s := &store.Memory{}
	keeping(t, s, func(f *fixture) {
		f.play(
			exchange{put("/1/0/1", text, "300"), model.Changed, none, ""},
			exchange{put("/1/0/3", text, "60"), model.Changed, none, ""},
			exchange{attributes("/3303/0", "pmin=5", "pmax=50"), model.Changed, none, ""},
		)
		f.restarted(s, nil, func() {
			r, err := f.peer.Registration()
			must(f, err)
			if r.Lifetime != 300*time.Second {
				t.Errorf("registered with lifetime %v", r.Lifetime)
			}
			f.want(f.peer.Read(f.ctx, path("/1/0"), server.ReadOptions{}))(model.Content,
				"/1/0/0=1 /1/0/1=300 /1/0/3=60 /1/0/5=86400 /1/0/6=true /1/0/7=U /1/0/23=false")
			f.play(exchange{get("/3303/0", server.LinkFormat), model.Content, server.LinkFormat,
				"</3303/0>;pmin=5;pmax=50"})
			f.play(
				exchange{attributes("/3303/0", "pmin", "pmax"), model.Changed, none, ""},
				exchange{put("/1/0/1", text, "86400"), model.Changed, none, ""},
			)
		})
		f.restarted(s, nil, func() {
			f.play(exchange{get("/3303/0", server.LinkFormat), model.Content, server.LinkFormat, "</3303/0>"})
			f.want(f.peer.Read(f.ctx, path("/1/0/1"), server.ReadOptions{}))(model.Content, "/1/0/1=86400")
		})
	})
}

// TestFactoryState follows a Config that changes until a server has changed an Object.
func TestFactoryState(t *testing.T) {
	s := &store.Memory{}
	lifetime := func(d time.Duration) func(*lwm2m.Config) {
		return func(c *lwm2m.Config) { c.Servers[0].Lifetime = d }
	}
	keeping(t, s, func(f *fixture) {
		must(f, f.do(attributes("/3303/0", "pmin=5")))
		f.restarted(s, lifetime(100*time.Second), func() {
			f.want(f.peer.Read(f.ctx, path("/1/0/1"), server.ReadOptions{}))(model.Content, "/1/0/1=100")
			must(f, f.do(put("/1/0/1", text, "200")))
		})
		f.restarted(s, lifetime(100*time.Second), func() {
			f.want(f.peer.Read(f.ctx, path("/1/0/1"), server.ReadOptions{}))(model.Content, "/1/0/1=200")
		})
		another := func(c *lwm2m.Config) { // an account that the saved Server Object does not know
			c.Servers = append(c.Servers, lwm2m.ServerAccount{URI: "coap://192.0.2.7", Security: lwm2m.NoSec{}, Lifetime: 400 * time.Second})
		}
		f.restarted(s, another, func() {
			f.want(f.peer.Read(f.ctx, path("/1/0/1"), server.ReadOptions{}))(model.Content, "/1/0/1=200")
			f.want(f.peer.Read(f.ctx, path("/1/1/1"), server.ReadOptions{}))(model.Content, "/1/1/1=400")
		})
	})
}

// do performs a request that must succeed.
func (f *fixture) do(r server.Request) error {
	response, err := f.peer.Do(f.ctx, r)
	if err == nil {
		err = response.Err()
	}
	return err
}

// slowStore holds Save until it is let go, or fails.
type slowStore struct {
	store.Memory
	mu   sync.Mutex
	hold chan struct{}
	err  error
	log  []string
}

func (s *slowStore) Save(ctx context.Context, key string, data []byte) error {
	s.mu.Lock()
	s.log = append(s.log, key)
	hold, err := s.hold, s.err
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if err != nil {
		return err
	}
	return s.Memory.Save(ctx, key, data)
}

func (s *slowStore) set(hold chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold, s.err = hold, err
}

func (s *slowStore) saves() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.log)
}

// TestAnswerWaitsForSave answers a Write of what is kept once it is saved, and other requests meanwhile.
func TestAnswerWaitsForSave(t *testing.T) {
	s := &slowStore{}
	keeping(t, s, func(f *fixture) {
		hold := make(chan struct{})
		s.set(hold, nil)
		first := f.background(put("/1/0/1", text, "300"))
		second := f.background(put("/1/0/1", text, "301"))
		again := f.background(put("/1/0/1", text, "301")) // changes nothing, and is not saved yet
		f.want(f.peer.Read(f.ctx, path("/1/0/1"), server.ReadOptions{}))(model.Content, "/1/0/1=301")
		must(f, f.do(put("/3/0/15", text, "Europe/Paris")))
		for _, pending := range []<-chan result{first, second, again} {
			select {
			case r := <-pending:
				t.Errorf("answered %v before it was saved", r.Response)
			default:
			}
		}
		close(hold)
		for _, pending := range []<-chan result{first, second, again} {
			if r := <-pending; r.err != nil || r.Code != model.Changed {
				t.Errorf("answered %v, %v", r.Response, r.err)
			}
		}
		if n := s.saves(); n != 2 {
			t.Errorf("saved %d times, want 2", n)
		}
	})
}

// TestStoreFails answers 5.00, and saves when the Store is well again.
func TestStoreFails(t *testing.T) {
	s := &slowStore{}
	keeping(t, s, func(f *fixture) {
		s.set(nil, errors.New("no space left"))
		const refusal = "/1/0/1: done, but it could not be saved and may not survive a restart"
		f.play(
			exchange{put("/1/0/1", text, "300"), lwm2m.InternalServerError, none, refusal},
			exchange{put("/1/0/1", text, "300"), lwm2m.InternalServerError, none, refusal},
			exchange{put("/3/0/15", text, "Europe/Paris"), model.Changed, none, ""},
		)
		failures := s.saves()
		sleep(61 * time.Second)
		if n := s.saves(); n != failures+1 {
			t.Errorf("%d attempts in a minute, want 1", n-failures)
		}
		s.set(nil, nil)
		sleep(61 * time.Second)
		if _, err := s.Load(f.ctx, "thermo-1/device"); err != nil {
			t.Errorf("not saved when the Store was well again: %v", err)
		}
		f.play(exchange{put("/1/0/1", text, "300"), model.Changed, none, ""})
		f.restarted(s, nil, func() {
			f.want(f.peer.Read(f.ctx, path("/1/0/1"), server.ReadOptions{}))(model.Content, "/1/0/1=300")
		})
	})
}

type panickingStore struct{ store.Memory }

func (*panickingStore) Save(context.Context, string, []byte) error { panic("out of order") }

func TestStorePanics(t *testing.T) {
	keeping(t, &panickingStore{}, func(f *fixture) {
		f.play(exchange{put("/1/0/1", text, "300"), lwm2m.InternalServerError, none,
			"/1/0/1: done, but it could not be saved and may not survive a restart"})
	})
}

type unreadable struct {
	store.Memory
	data []byte
	err  error
}

func (u *unreadable) Load(_ context.Context, key string) ([]byte, error) {
	if strings.HasSuffix(key, "/device") {
		return u.data, u.err
	}
	return nil, fs.ErrNotExist
}

// TestUnreadableState refuses to begin without what it should know.
func TestUnreadableState(t *testing.T) {
	config := lwm2m.Config{Endpoint: "thermo-1", Servers: []lwm2m.ServerAccount{{URI: "coap://192.0.2.1", Security: lwm2m.NoSec{}}}}
	for _, u := range []*unreadable{
		{err: errors.New("input/output error")},
		{err: store.ErrDamaged},
		{data: []byte("nonsense")},
		{data: []byte{}},
		{data: append([]byte{0x84, 0x66}, "device\x02\x80\x80"...)}, // of a later version
	} {
		temp := ipso.NewTemperature(0)
		config.Objects, config.Store = []lwm2m.ObjectInstance{temp}, u
		if _, err := lwm2m.NewClient(config); err == nil || !strings.Contains(err.Error(), "Config.Store") || u.err != nil && !errors.Is(err, u.err) {
			t.Errorf("with %q, %v: %v", u.data, u.err, err)
		}
		config.Store = nil
		if _, err := lwm2m.NewClient(config); err != nil {
			t.Errorf("the instance was not given back: %v", err)
		}
	}
	config.Objects = nil
	config.Store = &unreadable{data: append([]byte{0x84, 0x66}, "device\x01\x80\x80"...), err: store.ErrDamaged}
	if _, err := lwm2m.NewClient(config); err != nil {
		t.Errorf("with an earlier state instead of a damaged one: %v", err)
	}
}

// TestHistorySurvivesRestart takes up samples that no server has acknowledged.
func TestHistorySurvivesRestart(t *testing.T) {
	s := &slowStore{}
	keeping(t, s, func(f *fixture) {
		f.temp.SensorValue.KeepHistory(5)
		for i := range 7 {
			must(f, f.temp.SensorValue.Set(float64(i)))
			sleep(time.Second)
		}
		if n := s.saves(); n != 0 {
			t.Errorf("saved %d times within %v", n, 7*time.Second)
		}
		sleep(10 * time.Second)
		if n := s.saves(); n != 1 {
			t.Errorf("saved %d times, want once", n)
		}
		must(f, f.temp.SensorValue.Set(7))
		values := func() string {
			kept, _ := f.temp.SensorValue.History()
			var all []string
			for _, sample := range kept {
				all = append(all, fmt.Sprint(sample.Value))
			}
			return strings.Join(all, " ")
		}
		for i, when := range []string{"before", "after", "not yet"} {
			f.restarted(s, func(*lwm2m.Config) {
				if when == "before" {
					f.temp.SensorValue.KeepHistory(5)
				}
			}, func() {
				switch when {
				case "after":
					must(f, f.temp.SensorValue.Set(8))
					f.temp.SensorValue.KeepHistory(6)
				case "not yet":
					return
				}
				if got := values(); got != "3 4 5 6 7" {
					t.Errorf("%d: %s", i, got)
				}
			})
		}
		f.restarted(s, nil, func() {
			f.temp.SensorValue.KeepHistory(5)
			must(f, f.temp.SensorValue.Set(9))
			if got := values(); got != "4 5 6 7 9" {
				t.Error(got)
			}
			must(f, f.client.Send(f.ctx, path("/3303/0/5700")))
		})
		if _, err := s.Load(f.ctx, "thermo-1/history"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("samples that a server has are kept: %v", err)
		}
	})
}

// TestSharedStore keeps apart clients that share a Store.
func TestSharedStore(t *testing.T) {
	s := &store.Memory{}
	keeping(t, s, func(f *fixture) {
		must(f, f.do(put("/1/0/1", text, "300")))
		other, err := lwm2m.NewClient(lwm2m.Config{
			Endpoint: "thermo-2", Store: s, Servers: []lwm2m.ServerAccount{{URI: "coap://192.0.2.1", Security: lwm2m.NoSec{}}},
		})
		must(f, err)
		if v, err := other.Get(path("/1/0/1")); err != nil || v.Int() != 86400 {
			t.Errorf("lifetime %v, %v", v, err)
		}
	})
}

// TestSavesChangesOnly saves nothing when attributes might have changed and have not.
func TestSavesChangesOnly(t *testing.T) {
	s := &slowStore{}
	keeping(t, s, func(f *fixture) {
		_, err := f.peer.Observe(f.ctx, path("/3303/0/5700"), server.ObserveOptions{})
		must(f, err)
		must(f, f.client.Delete(path("/3303/0")))
		must(f, f.do(put("/1/0/1", text, "86400")))
		synctest.Wait()
		if n := s.saves(); n != 0 {
			t.Errorf("saved %d times", n)
		}
	})
}

// TestDamagedFile goes on with the state before, and has two again.
func TestDamagedFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state")
	folder, err := store.Open(name)
	must(t, err)
	defer func() { must(t, folder.Close()) }()
	keeping(t, folder, func(f *fixture) {
		must(f, f.do(put("/1/0/1", text, "300")))
		must(f, f.do(put("/1/0/1", text, "400")))
		files, err := filepath.Glob(filepath.Join(name, "*device*.b"))
		if err != nil || len(files) != 1 {
			t.Fatalf("files %q, %v", files, err)
		}
		must(f, os.WriteFile(files[0], []byte("garbage"), 0o600))
		f.restarted(folder, nil, func() {
			f.want(f.peer.Read(f.ctx, path("/1/0/1"), server.ReadOptions{}))(model.Content, "/1/0/1=300")
		})
		if _, err := folder.Load(f.ctx, "thermo-1/device"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
