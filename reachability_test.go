package lwm2m_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// exact12 has client and server speak LwM2M 1.2, and a message given up after exactly 62 s.
func exact12(config *lwm2m.Config, _ *fixture) {
	config.Version = lwm2m.Version12
	config.Transmission.AckRandomFactor = 1
}

// samples are the values of notifications with the age that each had when it was taken
// since the test began, such as "10=30 20=31".
func (l *told) samples(n server.Notification) string {
	var s []string
	for _, node := range n.Nodes {
		s = append(s, fmt.Sprintf("%v=%v", node.At(n.Time).Sub(l.begin).Seconds(), node.Value))
	}
	return strings.Join(s, " ")
}

// drops are the notifications that events say were dropped.
func (h *history) drops() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		n += e.Count
	}
	return n
}

// count is how many events of a kind there were.
func (h *history) count(kind lwm2m.EventKind) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// away is how long the network is silent in the tests below: long enough for a
// confirmable notification to be given up, not for the Update that follows.
const away = 80 * time.Second

// While the server is out of reach in a registration that goes on, notifications are stored, and told in
// order when it is back.
func TestStoredWhileOffline(t *testing.T) {
	for _, c := range []struct {
		name   string
		accept server.ContentFormat
		attach string
		store  string // value of 1/0/6
		limit  int
		want   string // notifications after the return
		drops  int
	}{
		{"SenML CBOR", server.SenMLCBOR, "", "1", 0, "0=30 63=40 64=41 65=42 66=43", 0},
		{"SenML JSON", server.SenMLJSON, "", "1", 0, "0=30 63=40 64=41 65=42 66=43", 0},
		{"as many as there is room for", server.SenMLCBOR, "", "1", 3, "64=41 65=42 66=43", 2},
		{"a format without times", server.Text, "", "1", 0, "now=43", 4},
		{"not stored", server.SenMLCBOR, "", "0", 0, "now=43", 0},
		{"hqmax of 2", server.SenMLCBOR, "/3303/0/5700?hqmax=2", "1", 0, "65=42 66=43", 3},
		{"hqmax of 0", server.SenMLCBOR, "/3303/0/5700?hqmax=0", "1", 0, "now=43", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			configure := func(config *lwm2m.Config, _ *fixture) {
				exact12(config, nil)
				config.MaxBacklog = c.limit
			}
			start(t, configure, func(f *fixture) {
				f.play(exchange{put("/1/0/6", text, c.store), model.Changed, none, ""})
				f.attach("/3303/0/5700?con=1 " + c.attach)
				var got []string
				l := &told{begin: time.Now()}
				f.observe("/3303/0/5700", server.ObserveOptions{Accept: c.accept, OnNotify: func(n server.Notification) {
					s := l.samples(n)
					if now := fmt.Sprintf("%v=", n.Time.Sub(l.begin).Seconds()); strings.HasPrefix(s, now) {
						s = "now=" + strings.TrimPrefix(s, now)
					}
					got = append(got, s)
				}})
				f.server.Network.SetState(serverAddress, lwm2mtest.Silent)
				f.perform("0 /3303/0/5700=30; 63 /3303/0/5700=40; 64 /3303/0/5700=41; 65 /3303/0/5700=42; 66 /3303/0/5700=43", away)
				if n := f.history.count(lwm2m.NotifyTimeout); n != 1 || len(got) > 0 {
					t.Fatalf("%d timeouts, notifications %v", n, got)
				}
				f.server.Network.SetState(serverAddress, lwm2mtest.Up)
				sleep(time.Minute)
				if s := strings.Join(got, " "); s != c.want {
					t.Errorf("notifications %s\nwant %s", s, c.want)
				}
				if n := f.history.drops(); n != c.drops {
					t.Errorf("%d dropped, want %d", n, c.drops)
				}
				// Back to normal.
				got = nil
				must(t, f.temp.SensorValue.Set(50))
				sleep(time.Second)
				if len(got) != 1 || !strings.HasSuffix(got[0], "=50") {
					t.Errorf("after that: %v", got)
				}
			})
		})
	}
}

// The server forgets the client, or is away for long: the new Register voids the observations. What was
// stored comes once the server observes the same again.
func TestStoredOverRegister(t *testing.T) {
	start(t, exact12, func(f *fixture) {
		f.attach("/3303/0/5700?con=1")
		observe := server.ObserveOptions{Accept: server.SenMLCBOR}
		f.observe("/3303/0/5700", observe)
		begin := time.Now()
		f.server.Network.SetState(serverAddress, lwm2mtest.Silent)
		f.perform("0 /3303/0/5700=30; 100 /3303/0/5700=31; 1000 /3303/0/5700=32; 2000 /3303/0/5700=33", time.Hour)
		f.server.Network.SetState(serverAddress, lwm2mtest.Up)
		f.server.Forget("thermo-1")
		must(t, f.client.Update(f.ctx))
		f.peer = f.server.WaitRegistered("thermo-1")
		sleep(time.Minute)
		if e := f.client.Explain(path("/3303")); len(e) != 1 || e[0].Stored != 4 || !strings.Contains(e[0].String(), "kept until it does: 4") {
			t.Errorf("explanation %v", e)
		}
		l := &told{begin: begin}
		var got []string
		o := f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLCBOR, OnNotify: func(n server.Notification) {
			got = append(got, l.samples(n))
		}})
		if v := nodes(o.Response.Nodes); v != "/3303/0/5700=33" {
			t.Errorf("answer %s", v)
		}
		sleep(time.Minute)
		if s := strings.Join(got, "; "); s != "0=30 100=31 1000=32 2000=33" {
			t.Errorf("notifications %s", s)
		}
		if n := f.history.drops(); n != 0 {
			t.Errorf("%d dropped", n)
		}
	})
}

// Disable ends the observations, and what is stored for them; it is told.
func TestStoredUntilDisable(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		config.Version = lwm2m.Version12
		config.Servers[0].DisableTimeout = time.Hour
	}
	start(t, configure, func(f *fixture) {
		f.attach("/3303/0/5700?con=1")
		f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLCBOR})
		w := record(f.server.Network)
		w.lose(func(p lwm2mtest.Packet, m *coap.Message) bool {
			return m.Code != coap.Content || p.Direction == lwm2mtest.ToClient
		})
		must(t, f.temp.SensorValue.Set(30))
		sleep(10 * time.Second)
		f.play(exchange{post("/1/0/4", none, ""), model.Changed, none, ""})
		sleep(time.Second)
		if n := f.history.drops(); n != 1 {
			t.Errorf("%d dropped, want 1: %s", n, f.history.kinds())
		}
	})
}

// An error that ends an observation is told when the server is back.
func TestObservationEndsWhileOffline(t *testing.T) {
	start(t, exact12, func(f *fixture) {
		f.attach("/3303/0/5700?con=1")
		l := f.follow("/3303/0/5700")
		gone := f.follow("/3/0/0")
		f.server.Network.SetState(serverAddress, lwm2mtest.Silent)
		must(t, f.temp.SensorValue.Set(30))
		sleep(away)
		must(t, f.device.Manufacturer.Remove())
		sleep(time.Second)
		f.server.Network.SetState(serverAddress, lwm2mtest.Up)
		sleep(2 * time.Minute)
		if got := gone.take(); got != "92 4.04 Not Found" {
			t.Errorf("last notification %q", got)
		}
		if got := l.take(); !strings.Contains(got, "=30") {
			t.Errorf("notification %q", got)
		}
	})
}

// A network that does not take a notification is a sign too: it is kept, and told when the network is back.
func TestStoredWithoutNetwork(t *testing.T) {
	start(t, exact12, func(f *fixture) {
		reg, err := f.peer.Registration()
		must(t, err)
		own := netip.MustParseAddrPort(reg.Address)
		l := &told{begin: time.Now()}
		var got []string
		f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLJSON, OnNotify: func(n server.Notification) {
			got = append(got, l.samples(n))
		}})
		f.server.Network.SetState(own, lwm2mtest.Offline)
		f.perform("1 /3303/0/5700=30; 2 /3303/0/5700=31", 20*time.Second)
		f.server.Network.SetState(own, lwm2mtest.Up)
		sleep(time.Minute)
		f.perform("0 /3303/0/5700=32", time.Second)
		if s := strings.Join(got, "; "); s != "1=30 2=31; 80=32" {
			t.Errorf("notifications %s", s)
		}
	})
}

// traffic counts what matters on a lossy network: confirmable notifications by address and Message-ID.
type traffic struct {
	mu            sync.Mutex
	notifications map[string]bool
}

func (c *traffic) keep(p lwm2mtest.Packet) bool {
	var m coap.Message
	if m.Parse(p.Data) == nil && p.Direction == lwm2mtest.ToServer && m.Type == coap.Confirmable && m.Code == coap.Content {
		c.mu.Lock()
		c.notifications[fmt.Sprint(p.From, m.MessageID)] = true
		c.mu.Unlock()
	}
	return true
}

// keepObserving observes as long as the test runs, anew after each Register.
func (f *fixture) keepObserving(p lwm2m.Path, l *told, times *atomic.Int64) {
	events := f.server.Events()
	for {
		o, err := f.peer.Observe(f.ctx, p, server.ObserveOptions{OnNotify: l.add})
		switch {
		case f.ctx.Err() != nil:
			return
		case err != nil || o.Response.Err() != nil:
			<-time.After(time.Second)
			continue
		}
		times.Add(1)
		l.add(server.Notification{Response: *o.Response, Time: time.Now()})
		if _, err := events.WaitFor(f.ctx, server.Registered, "thermo-1"); err != nil {
			return
		}
	}
}

// On a network that loses three of ten datagrams each way, and doubles and reorders others: every confirmable
// notification arrives or its failure is an event, none is told twice, the last value always
// arrives, and nothing is executed twice. The server observes anew after each Register.
func TestReportingOverLossyNetwork(t *testing.T) {
	var executed atomic.Int64
	configure := func(config *lwm2m.Config, f *fixture) {
		config.Version = lwm2m.Version12
		f.temp.ResetMinMaxMeasured.OnExecute(func(context.Context, lwm2m.Arguments) error {
			executed.Add(1)
			return nil
		})
	}
	start(t, configure, func(f *fixture) {
		f.attach("/3303/0/5700?con=1&pmin=1 /3303/0/5701?pmax=60")
		confirmed, others := &told{begin: time.Now()}, &told{begin: time.Now()}
		var observed atomic.Int64
		go f.keepObserving(path("/3303/0/5700"), confirmed, &observed)
		go f.keepObserving(path("/3303/0/5701"), others, new(atomic.Int64))
		sleep(time.Second)
		sent := &traffic{notifications: map[string]bool{}}
		f.server.Network.SetFilter(sent.keep)
		bad := lwm2mtest.Conditions{Loss: 0.3, Duplicate: 0.1, Reorder: 0.1, Delay: 50 * time.Millisecond, Jitter: 100 * time.Millisecond}
		f.server.Network.SetConditions(lwm2mtest.ToServer, bad)
		f.server.Network.SetConditions(lwm2mtest.ToClient, bad)
		const changes = 400
		var asked, answered int64
		for i := range changes {
			must(t, f.client.Apply(f.temp.SensorValue.To(float64(i)), f.temp.SensorUnits.To(fmt.Sprint(i))))
			if i%10 == 0 {
				asked++
				if r, err := f.peer.Execute(f.ctx, path("/3303/0/5605"), ""); err == nil && r.Code == model.Changed {
					answered++
				}
			}
			sleep(9 * time.Second)
		}
		sleep(2 * time.Hour) // attempts to register may fail, and grow rare
		arrived := strings.Split(confirmed.take(), "; ")
		acknowledged, failed := f.history.count(lwm2m.NotifyAcknowledged), f.history.count(lwm2m.NotifyTimeout)
		t.Logf("%d confirmable notifications, %d acknowledged, %d failed, %d arrived", len(sent.notifications), acknowledged, failed, len(arrived))
		// Some may fail before they are sent, and an Observe anew or its Reset may overtake one.
		ended := f.history.count(lwm2m.ObservationEnded) + int(observed.Load()) - 1
		if n := len(sent.notifications); n > acknowledged+failed+ended || n < acknowledged || acknowledged < changes/2 {
			t.Error("some were lost in silence")
		}
		if len(arrived) < acknowledged {
			t.Error("some were acknowledged, but have not arrived")
		}
		twice := 0 // what arrived although no acknowledgement came back is told again
		for i := 1; i < len(arrived); i++ {
			if _, value, _ := strings.Cut(arrived[i], " "); strings.HasSuffix(arrived[i-1], " "+value) {
				twice++
			}
		}
		if twice > failed+int(observed.Load()) {
			t.Errorf("%d values were told twice: %v", twice, arrived)
		}
		for name, last := range map[string]string{"con": arrived[len(arrived)-1], "NON and pmax": others.take()} {
			if want := fmt.Sprintf("=%d", changes-1); !strings.HasSuffix(last, want) {
				t.Errorf("%s: the last value has not arrived: %.100s\n%s", name, last[max(0, len(last)-100):], f.history.kinds())
			}
		}
		if n := executed.Load(); n > asked || n < answered {
			t.Errorf("executed %d times, asked %d times, answered %d times", n, asked, answered)
		}
	})
}
