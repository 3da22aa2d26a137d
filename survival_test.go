package lwm2m_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// silence is a network on which nothing comes of connecting to one host.
type silence struct {
	lwm2m.Network
	host string
}

func (n silence) Dial(ctx context.Context, t link.Target, s link.Sink) (link.Link, error) {
	if t.Host == n.host {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return n.Network.Dial(ctx, t, s)
}

// atOnce checks that f takes no time, which in virtual time means that it waits for nothing.
func (f *fixture) atOnce(what string, do func() error) {
	f.Helper()
	began := time.Now()
	if err := do(); err != nil {
		f.Errorf("%s: %v", what, err)
	}
	if took := time.Since(began); took > 0 {
		f.Errorf("%s took %v", what, took)
	}
}

// A server that says nothing to a name look-up, to connecting, to a handshake or to a Register, or whose credentials are
// not to be had, delays nobody: neither a healthy server nor a call of the program.
func TestSilentServerBesideHealthyOne(t *testing.T) {
	const silent = "198.51.100.99"
	for name, configure := range map[string]func(*lwm2m.Config, *fixture){
		"name look-up": func(config *lwm2m.Config, f *fixture) {
			config.Network = silence{f.server.Network, "silent.example"}
			config.Servers[0] = lwm2m.ServerAccount{URI: "coap://silent.example", Security: lwm2m.NoSec{}}
		},
		"name look-up for DTLS": func(config *lwm2m.Config, f *fixture) {
			config.Network = silence{f.server.Network, "silent.example"}
			config.Servers[0] = lwm2m.ServerAccount{URI: "coaps://silent.example", Security: testPSK()}
		},
		"handshake": func(config *lwm2m.Config, f *fixture) {
			f.server.Network.SetState(netip.MustParseAddrPort(silent+":5684"), lwm2mtest.Silent)
			config.Servers[0] = lwm2m.ServerAccount{URI: "coaps://" + silent, Security: testPSK()}
		},
		"credentials": func(config *lwm2m.Config, f *fixture) {
			config.Servers[0] = lwm2m.ServerAccount{URI: "coaps://" + silent, Security: testPSK()}
			config.LoadCredentials = func(ctx context.Context, a lwm2m.ServerAccount) (lwm2m.Security, error) {
				if strings.Contains(a.URI, silent) {
					<-ctx.Done()
				}
				return nil, ctx.Err()
			}
		},
		"Register": func(config *lwm2m.Config, f *fixture) {
			f.server.Network.SetState(netip.MustParseAddrPort(silent+":5683"), lwm2mtest.Silent)
			config.Servers[0] = lwm2m.ServerAccount{URI: "coap://" + silent, Security: lwm2m.NoSec{}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var began time.Time
			both := func(config *lwm2m.Config, f *fixture) {
				began = time.Now()
				healthy := config.Servers[0]
				config.Servers = append(config.Servers[:0:0], lwm2m.ServerAccount{}, healthy)
				configure(config, f)
				f.runOnHost()
			}
			start(t, both, func(f *fixture) {
				if took := time.Since(began); took > 0 {
					t.Errorf("the healthy server waited %v", took)
				}
				for range 3 { // in the beginning, in the middle, and in a later attempt
					f.lively()
					sleep(40 * time.Second)
				}
				ends := time.Now()
				f.stop()
				if took := time.Since(ends); took > 2*time.Second { // which a Register under way is given
					t.Errorf("the end took %v", took)
				}
			})
		})
	}
}

// runOnHost has the device run on a Host with others.
func (f *fixture) runOnHost() {
	f.host = lwm2m.NewHost(lwm2m.HostConfig{Shards: 1})
	f.run = func(ctx context.Context) error {
		must(f, f.host.Add(f.client))
		return f.host.Run(ctx)
	}
}

// lively makes the calls of a program and the operations of a server, none of which has to wait.
func (f *fixture) lively() {
	f.Helper()
	p := f.temp.SensorValue.Path()
	o := f.observe(p.String(), server.ObserveOptions{})
	f.atOnce("Set", func() error { return f.temp.SensorValue.Set(float64(time.Now().Unix())) })
	f.atOnce("a notification", func() error { _, err := o.Next(f.ctx); return err })
	f.atOnce("Apply", func() error { return f.client.Apply(f.temp.SensorValue.To(1), f.temp.SensorUnits.To("K")) })
	f.atOnce("Get", func() error { _, err := f.client.Get(p); return err })
	f.atOnce("Explain", func() error { f.client.Explain(p); return nil })
	f.atOnce("Send", func() error { return f.client.SendReport(f.ctx, lwm2m.Report{Paths: []lwm2m.Path{p}, Server: 2}) })
	f.atOnce("a Read", func() error { _, err := f.peer.Read(f.ctx, p, server.ReadOptions{}); return err })
	f.atOnce("Add", func() error { return f.client.Add(ipso.NewTemperature(7)) })
	f.atOnce("Delete", func() error { return f.client.Delete(path("/3303/7")) })
	f.atOnce("a Cancel", func() error { _, err := o.Cancel(f.ctx); return err })

	ctx, cancel := context.WithTimeout(f.ctx, 3*time.Second)
	defer cancel()
	began := time.Now()
	if err := f.client.Update(ctx); err == nil || time.Since(began) > 3*time.Second {
		f.Errorf("Update: %v after %v", err, time.Since(began))
	}

	neighbour, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "neighbour", Network: f.server.Network,
		Servers: []lwm2m.ServerAccount{{URI: f.server.URI(), Security: lwm2m.NoSec{}}},
	})
	must(f, err)
	f.atOnce("Host.Add", func() error { return f.host.Add(neighbour) })
	f.atOnce("another client's registration", func() error { f.server.WaitRegistered("neighbour"); return nil })
	synctest.Wait()
	f.atOnce("Host.Remove", func() error { return f.host.Remove(f.ctx, neighbour) })
}

// The same over the operating system's UDP: a port that takes everything and answers nothing.
func TestSilentServerOnLoopback(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = silent.Close() }()
	s := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true, Config: server.Config{Credentials: testCredentials()}})
	h := &history{}
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: "thermo-1",
		Servers: []lwm2m.ServerAccount{
			{URI: "coaps://" + silent.LocalAddr().String(), Security: testPSK()},
			{URI: s.URI(), Security: testPSK()},
		},
		OnEvent: h.add,
	})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()

	peer := s.WaitRegistered("thermo-1")
	_, _, err = silent.ReadFrom(make([]byte, 2000)) // the handshake with the other one has begun
	must(t, err)
	must(t, client.Apply(lwm2m.Change{Path: path("/1/1/1"), Value: model.IntegerValue(600)}))
	s.WaitEvent(server.Updated, "thermo-1")
	r, err := peer.Read(ctx, path("/1/1/1"), server.ReadOptions{})
	must(t, err)
	if got := nodes(r.Nodes); got != "/1/1/1=600" {
		t.Errorf("read %s", got)
	}
	must(t, client.SendReport(ctx, lwm2m.Report{Paths: []lwm2m.Path{path("/1/1/1")}, Server: 2}))
	cancel()
	must(t, <-ended)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Server == 1 && e.Kind != lwm2m.Disconnected { // it would have been waited for
			t.Errorf("the handshake ended first: %v", e)
		}
	}
}

// A transfer in blocks that a server has begun and lets rest holds up nobody: neither another server, nor that server itself,
// nor notifications. It is completed as if nothing had been.
func TestPausedTransfer(t *testing.T) {
	long := strings.Repeat(body(100, 1), 30)
	const value = "/3442/0/150"
	for name, c := range map[string]struct {
		request server.Request
		paused  coap.OptionID
	}{
		"Block1": {put(value, server.OctetStream, long), coap.Block1},
		"Block2": {get(value, none), coap.Block2},
	} {
		t.Run(name, func(t *testing.T) {
			startTwo(t, withTestObject, func(f *fixture, second *server.Device) {
				must(t, f.client.Apply(lwm2m.Change{Path: path(value), Value: model.OpaqueValue([]byte(strings.ToUpper(long)))}))
				w := record(f.server.Network)
				w.lose(func(p lwm2mtest.Packet, m *coap.Message) bool {
					number, _ := m.Options.Uint(c.paused)
					return p.Direction != lwm2mtest.ToClient || number>>4 == 0
				})
				done := f.background(c.request)
				if len(done) > 0 {
					t.Fatal("the transfer has not been paused")
				}
				f.bothServed(second)
				w.lose(nil)
				sleep(5 * time.Second) // the server repeats the block
				r := <-done
				must(t, r.err)
				v, err := f.client.Get(path(value))
				must(t, err)
				if got := string(v.Bytes()); name == "Block1" && (r.Code != model.Changed || got != long) {
					t.Errorf("written %d bytes: %v", len(got), r.Code)
				}
				if got := string(r.Payload); name == "Block2" && (r.Code != model.Content || got != strings.ToUpper(long)) {
					t.Errorf("read %d bytes: %v", len(got), r.Code)
				}
			})
		})
	}
}

// A callback that takes its time holds up nobody, and its answer comes when it is there.
func TestSlowCallbackHoldsUpNobody(t *testing.T) {
	var slow *gate
	configure := func(config *lwm2m.Config, f *fixture) {
		withTestObject(config, f)
		slow = newGate()
		f.device.Reboot.OnExecute(func(ctx context.Context, _ lwm2m.Arguments) error { return slow.pass(ctx) })
		f.device.BatteryLevel.OnRead(func(ctx context.Context) (int64, error) { return 7, slow.pass(ctx) })
	}
	startTwo(t, configure, func(f *fixture, second *server.Device) {
		executed, read := f.background(post("/3/0/4", none, "")), f.background(get("/3/0/9", none))
		sleep(30 * time.Second)
		f.bothServed(second)
		close(slow.open)
		synctest.Wait()
		if r := <-executed; r.err != nil || r.Code != model.Changed {
			t.Errorf("executed: %v", r)
		}
		if r := <-read; r.err != nil || string(r.Payload) != "7" {
			t.Errorf("read: %v", r)
		}
	})
}

// startTwo is start with a device that is registered with two servers. The first may have many requests under way.
func startTwo(t *testing.T, configure func(*lwm2m.Config, *fixture), test func(f *fixture, second *server.Device)) {
	t.Helper()
	var second *lwm2mtest.Server
	both := func(config *lwm2m.Config, f *fixture) {
		network := f.server.Network
		f.server = lwm2mtest.NewServer(f.T, lwm2mtest.Options{
			Network: network, Address: "198.51.100.2:5683", Config: server.Config{CoAP: server.CoAP{NStart: 8}},
		})
		second = lwm2mtest.NewServer(f.T, lwm2mtest.Options{Network: network, Address: "198.51.100.3:5683"})
		config.Servers = []lwm2m.ServerAccount{
			{URI: f.server.URI(), Security: lwm2m.NoSec{}}, {URI: second.URI(), Security: lwm2m.NoSec{}},
		}
		configure(config, f)
	}
	start(t, both, func(f *fixture) { test(f, second.WaitRegistered("thermo-1")) })
}

// bothServed has two servers read, write and observe, and nothing of it takes time.
func (f *fixture) bothServed(second *server.Device) {
	f.Helper()
	var told atomic.Int32
	options := server.ObserveOptions{OnNotify: func(server.Notification) { told.Add(1) }}
	for _, peer := range []*server.Device{f.peer, second} {
		f.atOnce("served", func() error {
			f.playTo(peer, exchange{get("/3/0/0", none), model.Content, text, "Acme"})
			f.playTo(peer, exchange{put("/3/0/15", text, "UTC"), model.Changed, none, ""})
			f.playTo(peer, exchange{get("/3442/0/110", none), model.Content, text, "Grüße"})
			_, err := peer.Observe(f.ctx, f.temp.SensorValue.Path(), options)
			return err
		})
	}
	must(f, f.temp.SensorValue.Set(44))
	synctest.Wait()
	if n := told.Load(); n != 2 {
		f.Errorf("%d notifications, want one for each server", n)
	}
}

// rawBlock is a message of a transfer that a server carries out by hand, so as to pause where it likes.
func rawBlock(code coap.Code, p string, number int, more bool, id uint16) coap.Message {
	m := coap.Message{Type: coap.Confirmable, Code: code, MessageID: id, Token: coap.MakeToken([]byte{9, byte(id)})}
	m.Options.AddPath(coap.UriPath, p)
	value := uint32(number)<<4 | 2 // blocks of 64 bytes
	if more {
		value |= 8
	}
	m.Options.AddUint(coap.ContentFormat, 42)
	m.Options.AddUint(coap.Block1, value)
	m.Payload = []byte(body(64, uint64(number)))
	return m
}

// inject has the client receive a message as if the server had sent it.
func (f *fixture) inject(m coap.Message) {
	f.Helper()
	r, err := f.peer.Registration()
	must(f, err)
	datagram, err := m.Append(nil)
	must(f, err)
	from := netip.MustParseAddrPort(f.server.Addr().String())
	if !f.server.Network.Inject(from, netip.MustParseAddrPort(r.Address), datagram) {
		f.Fatal("nobody took the message")
	}
}

// A device that is let go of while a server has disabled it does not come back at the end of the pause.
func TestRemovedWhileDisabled(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		withTestObject(config, f)
		config.Servers[0].DisableTimeout = time.Hour
		f.runOnHost()
	}
	startTwo(t, configure, func(f *fixture, second *server.Device) {
		_, err := second.Observe(f.ctx, path("/3303/0"), server.ObserveOptions{})
		must(t, err)
		f.play(exchange{post("/1/0/4", none, ""), model.Changed, none, ""})
		sleep(time.Minute)
		ended, cancel := context.WithCancel(f.ctx)
		cancel()
		_ = f.host.Remove(ended, f.client)
		synctest.Wait()
		sent := f.server.Network.Stats(lwm2mtest.ToServer).Sent
		sleep(2 * time.Hour)
		if n := f.server.Network.Stats(lwm2mtest.ToServer).Sent - sent; n > 0 {
			t.Errorf("the device is gone, and sends %d datagrams", n)
		}
	})
}
