package lwm2m_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/store"
)

// withServer gives the device an account of a server, besides that of the Bootstrap-Server.
func (f *bootstrapFixture) withServer() *server.Device {
	f.Helper()
	f.config.Servers = append(f.config.Servers, lwm2m.ServerAccount{URI: f.server.URI(), Security: lwm2m.NoSec{}, Lifetime: 100 * time.Second})
	f.run()
	peer := f.server.WaitRegistered("thermo-1")
	synctest.Wait()
	return peer
}

// all is everything in the client, with the credentials.
func (f *bootstrapFixture) all() string {
	var b strings.Builder
	for object := range uint16(10) {
		for _, in := range f.client.Instances(object) {
			b.WriteString(in.Path().String())
			for resource := range uint16(30) {
				if v, ok := in.Get(resource); ok {
					b.WriteString(" " + v.String())
				}
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// A Bootstrap-Server that falls silent changes nothing: the client goes on with what worked, and asks again later.
func TestBootstrapRollback(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		peer := f.withServer()
		observation, err := peer.Observe(f.ctx, path("/3303/0/5700"), server.ObserveOptions{})
		must(f, err)
		before := f.all()
		f.answers(peer.Execute(f.ctx, path("/1/0/9"), ""))(model.Changed, "")
		session := f.session()
		must(f, session.Configure(f.ctx))
		f.answers(session.Delete(f.ctx, path("/")))(model.Deleted, "")
		asked := make(chan *server.Response)
		go func() {
			r, _ := peer.Read(f.ctx, path("/3/0/0"), server.ReadOptions{})
			asked <- r
		}()
		synctest.Wait()
		select {
		case r := <-asked:
			f.Errorf("another server is answered %v in a bootstrap", r)
		default:
		}
		sleep(246 * time.Second)
		if after := f.all(); after != before {
			f.Errorf("before Bootstrap-Finish there is\n%s\nwant\n%s", after, before)
		}
		<-asked // it was given up
		sleep(2 * time.Second)
		e := f.last()
		if e.Kind != lwm2m.BootstrapFailed || e.Attempt != 1 || e.Next.Sub(e.Time) < 10*time.Second || e.Next.Sub(e.Time) > 13*time.Second ||
			!strings.Contains(e.Err.Error(), "silent") {
			f.Errorf("event %v", e)
		}
		if after := f.all(); after != before {
			f.Errorf("rolled back to\n%s\nwant\n%s", after, before)
		}
		f.answers(peer.Read(f.ctx, path("/3/0/0"), server.ReadOptions{}))(model.Content, "Acme")
		must(f, f.temp.SensorValue.Set(23))
		if _, err := observation.Next(f.ctx); err != nil {
			f.Errorf("the observation has ended: %v", err)
		}
		f.session() // asked again
	})
}

// Failed attempts are repeated after longer and longer waits; 5.03 says how long at least.
func TestBootstrapBackOff(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		f.config.Endpoint = "nobody" // 4.00
		f.config.Servers[0].HoldOff = 20 * time.Second
		f.config.Transmission.AckRandomFactor = 1 // no jitter
		begin := time.Now()
		f.run()
		sleep(20*time.Minute - 1)
		var at []time.Duration
		for _, e := range f.history.events {
			if !e.Next.After(e.Time) || !strings.Contains(e.Err.Error(), "4.00") || e.Attempt != len(at)+1 {
				f.Errorf("event %v", e)
			}
			at = append(at, e.Time.Sub(begin).Round(time.Second)/time.Second)
		}
		if want := []time.Duration{20, 40, 80, 160, 320, 640}; len(at) != len(want) || at[5] != want[5] || at[2] != want[2] {
			f.Errorf("attempts at %v, want %v", at, want)
		}
	})
}

// Client.Bootstrap waits for the end, whatever it is.
func TestClientBootstrap(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		peer := f.withServer()
		call := func(ctx context.Context) chan error {
			done := make(chan error, 1)
			go func() { done <- f.client.Bootstrap(ctx) }()
			synctest.Wait()
			return done
		}
		done := call(f.ctx)
		session := f.session()
		must(f, session.Configure(f.ctx))
		f.answers(session.Delete(f.ctx, path("/1")))(model.Deleted, "")
		f.answers(session.Finish(f.ctx))(model.NotAcceptable, "/0/1: no instance of the Server Object")
		select {
		case err := <-done:
			f.Errorf("returned %v before the session has ended", err)
		default:
		}
		must(f, session.Configure(f.ctx))
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		must(f, <-done)
		f.server.WaitEvent(server.Registered, "thermo-1")
		f.server.WaitEvent(server.Registered, "thermo-1")

		ctx, cancel := context.WithTimeout(f.ctx, time.Second)
		defer cancel()
		if err := <-call(ctx); !errors.Is(err, context.DeadlineExceeded) {
			f.Errorf("at the end of its context: %v", err)
		}
		f.session()
		done = call(f.ctx)
		sleep(250 * time.Second)
		if err := <-done; err == nil || !strings.Contains(err.Error(), "silent") {
			f.Errorf("after a session that fell silent: %v", err)
		}
		sleep(time.Hour)
		if e := f.history.kinds(); strings.Count(e, "BOOTSTRAP_REG_COMPLETE") != 2 {
			f.Errorf("what the application has asked for is tried again: %s", e)
		}
		done = call(f.ctx)
		f.stop()
		if err := <-done; !errors.Is(err, lwm2m.ErrClosed) {
			f.Errorf("when the client stops: %v", err)
		}
		if err := f.client.Bootstrap(f.ctx); !errors.Is(err, lwm2m.ErrClosed) {
			f.Errorf("when the client has stopped: %v", err)
		}
		_ = peer
	})
	start(t, nil, func(f *fixture) {
		if err := f.client.Bootstrap(f.ctx); !errors.Is(err, lwm2m.NotFound) {
			f.Errorf("without a Bootstrap-Server: %v", err)
		}
		f.want(f.peer.Execute(f.ctx, path("/1/0/9"), ""))(model.NotFound, "")
	})
}

// The account of the Bootstrap-Server goes when its time is up.
func TestBootstrapAccountTimeout(t *testing.T) {
	bootstrapped(t, server.BootstrapConfig{}, func(f *bootstrapFixture) {
		f.config.Servers[0].AccountTimeout = time.Minute
		f.config.Store = &store.Memory{}
		f.run()
		peer := f.server.WaitRegistered("thermo-1")
		sleep(55 * time.Second)
		f.answers(peer.Execute(f.ctx, path("/1/0/9"), "x"))(model.BadRequest, "arguments")
		if n := len(f.client.Instances(0)); n != 2 {
			f.Errorf("%d accounts", n)
		}
		sleep(10 * time.Second)
		if n := len(f.client.Instances(0)); n != 1 {
			f.Errorf("%d accounts", n)
		}
		f.answers(peer.Execute(f.ctx, path("/1/0/9"), ""))(model.NotFound, "")
		if err := f.client.Bootstrap(f.ctx); !errors.Is(err, lwm2m.NotFound) {
			f.Errorf("Bootstrap: %v", err)
		}
		f.stop()
		f.history.events = nil
		f.config.Objects = nil
		f.run() // after a restart it is as it was
		f.server.WaitEvent(server.Registered, "thermo-1")
		f.server.WaitEvent(server.Registered, "thermo-1")
		f.events("REGISTRATION_COMPLETE")
		if n := len(f.client.Instances(0)); n != 1 {
			f.Errorf("%d accounts after a restart", n)
		}
	})
}

// What was bootstrapped survives a restart; if it cannot be saved, the Bootstrap-Server hears of that.
func TestBootstrapIsSaved(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		disk := &slowStore{}
		f.config.Store = disk
		session := f.session()
		must(f, session.Configure(f.ctx))
		disk.set(nil, errors.New("no space left"))
		f.answers(session.Finish(f.ctx))(lwm2m.InternalServerError, "could not be saved")
		disk.set(nil, nil)
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitEvent(server.Registered, "thermo-1")
		f.stop()
		f.history.events, f.config.Objects = nil, nil
		f.run()
		f.server.WaitEvent(server.Registered, "thermo-1")
		f.events("REGISTRATION_COMPLETE")
	})
}

// A Bootstrap-Server may name another one.
func TestBootstrapServerChanges(t *testing.T) {
	bootstrapped(t, manual, func(f *bootstrapFixture) {
		other := lwm2mtest.NewBootstrapServer(f.T, lwm2mtest.Options{
			Network: f.server.Network, Address: "203.0.113.9:5683", Timeout: time.Hour,
			Config: server.Config{Bootstrap: &server.Bootstrap{Endpoints: map[string]server.BootstrapConfig{"thermo-1": {
				Servers: []server.ServerAccount{f.account(1)},
			}}}},
		})
		session := f.session()
		must(f, session.Configure(f.ctx))
		f.answers(session.Write(f.ctx, path("/0/0/0"), model.StringValue(other.URI()), server.WriteOptions{}))(model.Changed, "")
		f.answers(session.Finish(f.ctx))(model.Changed, "")
		f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		must(f, f.client.Bootstrap(f.ctx))
		other.WaitEvent(server.BootstrapFinished, "thermo-1")
	})
}

// Loss and duplicates on the way do no harm.
func TestBootstrapOverLossyNetwork(t *testing.T) {
	bootstrapped(t, server.BootstrapConfig{Verify: []model.Path{{}}}, func(f *bootstrapFixture) {
		for _, direction := range []lwm2mtest.Direction{lwm2mtest.ToServer, lwm2mtest.ToClient} {
			f.server.Network.SetConditions(direction, lwm2mtest.Conditions{Loss: 0.25, Duplicate: 0.25, Delay: 30 * time.Millisecond, Jitter: 50 * time.Millisecond})
		}
		f.run()
		f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		f.has("/1/0/0", "1")
	})
}

// The messages are, byte for byte, those of the specification.
func TestBootstrapOnTheWire(t *testing.T) {
	for _, test := range []struct {
		pack    bool
		version lwm2m.Version
		want    string
	}{
		{false, lwm2m.Version11, "POST b262734765703d64657631077063743d313132"},
		{false, lwm2m.Version10, "POST b262734765703d64657631"},
		{true, lwm2m.Version12, "GET b662737061636b4765703d64657631222d18"},
	} {
		bootstrapped(t, manual, func(f *bootstrapFixture) {
			var sent []byte
			f.config.Endpoint, f.config.Version, f.config.BootstrapPack = "dev1", test.version, test.pack
			f.config.OnMessage = func(_ uint16, out bool, datagram []byte) {
				if out && sent == nil {
					sent = append(sent, datagram...)
				}
			}
			f.run()
			synctest.Wait()
			f.stop()
			method := map[byte]string{1: "GET", 2: "POST"}[sent[1]]
			if got := method + " " + hex.EncodeToString(sent[4+int(sent[0]&15):]); got != test.want {
				f.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// In LwM2M 1.0 a Bootstrap-Server that wants to begin just sends, where it has the client from the last time.
func TestBootstrapServerBegins10(t *testing.T) {
	bootstrapped(t, server.BootstrapConfig{Format: server.TLV}, func(f *bootstrapFixture) {
		f.config.Version = lwm2m.Version10
		bs := netip.MustParseAddrPort(strings.TrimPrefix(f.bs.URI(), "coap://"))
		var client netip.AddrPort
		answers := make(chan coap.Message, 10)
		registered := false
		f.server.Network.SetFilter(func(p lwm2mtest.Packet) bool {
			if p.To != bs || !registered {
				if p.To == bs {
					client = p.From
				}
				return true
			}
			var m coap.Message
			if err := m.Parse(slices.Clone(p.Data)); err == nil {
				answers <- m
			}
			return false
		})
		f.run()
		f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		registered = true
		for _, x := range []struct {
			request string
			code    coap.Code
			part    string
		}{
			{"420100010102d10428", coap.Content, `</>;lwm2m=1.0,</0/0>,</0/1>;ssid=1,</1/0>;ssid=1,</3>;ver=1.1,</3/0>`},
			{"420200020102b26273", coap.Changed, ""},
		} {
			if !f.server.Network.Inject(bs, client, []byte(octets(x.request))) {
				f.Fatalf("nobody listens at %v", client)
			}
			if m := <-answers; m.Code != x.code || !strings.Contains(string(m.Payload), x.part) {
				f.Errorf("%s: %v %q, want %v %s", x.request, m.Code, m.Payload, x.code, x.part)
			}
		}
		sleep(2 * time.Second)
		f.events("BOOTSTRAP_REG_COMPLETE BOOTSTRAP_TRANSFER_COMPLETE REGISTRATION_COMPLETE BOOTSTRAP_TRANSFER_COMPLETE DISCONNECT REGISTRATION_COMPLETE")
	})
}
