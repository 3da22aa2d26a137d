package interop

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// behind has the device reach Leshan through a NAT.
func behind(n *nat) func(*device) {
	return func(d *device) {
		scheme, _, _ := strings.Cut(d.config.Servers[0].URI, "://")
		d.config.Servers[0].URI = scheme + "://" + n.address()
	}
}

// updateIn waits for the next Update in a stream of all events, as the address may be new to Leshan.
func (d *device) updateIn(all *leshan.Stream) *leshan.Message {
	d.Helper()
	e, err := all.Wait(d.ctx, leshan.CoAPLog, func(e leshan.Event) bool {
		return e.CoAP.Incoming && e.CoAP.Code == "0.02" && strings.Contains(e.CoAP.Options, `["rd","`+d.registered.ID+`"]`)
	})
	must(d, err)
	return e.CoAP
}

// session is the DTLS session of the next Update.
func (d *device) session(all *leshan.Stream) leshan.DTLS {
	d.Helper()
	m := d.updateIn(all)
	if m.DTLS == nil {
		d.Fatal("the Update is not protected")
	}
	return *m.DTLS
}

// A NAT gives the device another port. By the connection ID that Leshan has given, the session and the
// registration live on, in both directions.
func TestConnectionID(t *testing.T) {
	t.Parallel()
	leshan.Require(t, errOfShared)
	for name, security := range map[string]func(*device){"key": secure, "certificate": certified(serverName)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			between, all := newNAT(t, shared.CoAPS), shared.MustEvents(t, "")
			d := connect(t, security, eager, behind(between), func(d *device) {
				if x, ok := d.config.Servers[0].Security.(lwm2m.X509); ok {
					x.ServerName = serverName // the URI has the address of the NAT
					d.config.Servers[0].Security = x
				}
			})
			must(t, d.client.Update(d.ctx))
			first, before := d.session(all), d.event(leshan.Updated).Registration
			d.history.wait(d.ctx, t, lwm2m.Updated)
			between.rebind()
			must(t, d.client.Update(d.ctx))
			second, after := d.session(all), d.event(leshan.Updated).Registration
			if after.ID != d.registered.ID || after.Address == before.Address {
				t.Errorf("registration %s at %s, was %s at %s", after.ID, after.Address, d.registered.ID, before.Address)
			}
			if first.ConnectionID == "" || first != second {
				t.Errorf("session %+v, was %+v", second, first)
			}
			d.read("2.05", "/3/0/0", leshan.TEXT)
			if e := d.history.wait(d.ctx, t, lwm2m.Updated); e.Handshake != "" {
				t.Errorf("a new connection: %v", e)
			}
			if got := d.history.String(); strings.Count(got, "REGISTRATION_COMPLETE") != 1 {
				t.Errorf("events: %s", got)
			}
		})
	}
}

// quick gives up soon, though not before a busy Leshan answers.
func quick(d *device) {
	d.config.Transmission.AckTimeout = 250 * time.Millisecond
	d.config.Transmission.MaxRetransmit = 3
}

// A Leshan that gives no connection IDs drops what comes from another port. The client notices that nobody
// answers, and resumes the session; the registration lives on.
func TestResumption(t *testing.T) {
	t.Parallel()
	leshan.Require(t, errOfShared)
	options, err := options()
	must(t, err)
	options.Properties = map[string]string{"DTLS.CONNECTION_ID_LENGTH": "0"}
	server := leshan.Start(t, options)
	between, all := newNAT(t, server.CoAPS), server.MustEvents(t, "")
	d := connectTo(t, server, secure, eager, quick, behind(between))
	must(t, d.client.Update(d.ctx))
	first := d.session(all)
	d.history.wait(d.ctx, t, lwm2m.Updated)
	if first.ConnectionID != "" {
		t.Fatalf("session %+v", first)
	}
	between.rebind()
	must(t, d.client.Update(d.ctx))
	second := d.session(all)
	if second.Session != first.Session || !second.Handshake.After(first.Handshake) {
		t.Errorf("session %+v, was %+v", second, first)
	}
	e := d.history.wait(d.ctx, t, lwm2m.Updated)
	if e.Handshake != "resumed" {
		t.Errorf("event %v", e)
	}
	if r, err := server.Client(d.ctx, d.ep); err != nil || r == nil || r.ID != d.registered.ID || r.Address == d.registered.Address {
		t.Errorf("registration %+v, was %+v, %v", r, d.registered, err)
	}
	d.read("2.05", "/3/0/0", leshan.TEXT)
}

// A Leshan that has lost the session does not resume it: the client registers anew after a full handshake.
func TestLostSession(t *testing.T) {
	t.Parallel()
	d := connect(t, secure, eager, quick)
	must(t, d.leshan.DeleteCredentials(d.ctx, d.ep))
	secure(d) // Leshan knows the key again, and none of its sessions
	must(t, d.client.Update(d.ctx))
	again := d.event(leshan.Registered).Registration
	for e := d.history.wait(d.ctx, t, lwm2m.Registered); ; e = d.history.wait(d.ctx, t, lwm2m.Registered) {
		if e.Handshake == "full" {
			break
		}
		t.Logf("event %v", e)
	}
	if again.ID == d.registered.ID || !again.Secure {
		t.Errorf("registered %+v, was %+v", again, d.registered)
	}
	d.read("2.05", "/3/0/0", leshan.TEXT)
}

// nat is a NAT in front of a server: what comes to its address goes on from another one, which can change.
type nat struct {
	t      *testing.T
	inside *net.UDPConn
	server string

	mu      sync.Mutex
	client  net.Addr
	outside *net.UDPConn
}

func newNAT(t *testing.T, server string) *nat {
	t.Helper()
	inside, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	n := &nat{t: t, inside: inside, server: server}
	n.rebind()
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.outward()
	}()
	t.Cleanup(func() {
		_ = inside.Close()
		<-done
		n.mu.Lock()
		defer n.mu.Unlock()
		_ = n.outside.Close()
	})
	return n
}

func (n *nat) address() string { return n.inside.LocalAddr().String() }

// rebind takes another port; what comes to the old one is lost.
func (n *nat) rebind() {
	n.t.Helper()
	c, err := net.Dial("udp", n.server)
	must(n.t, err)
	n.mu.Lock()
	old := n.outside
	n.outside = c.(*net.UDPConn)
	n.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
	go n.inward(c)
}

func (n *nat) outward() {
	buf := make([]byte, 2048)
	for {
		size, from, err := n.inside.ReadFrom(buf)
		if err != nil {
			return
		}
		n.mu.Lock()
		n.client = from
		_, _ = n.outside.Write(buf[:size])
		n.mu.Unlock()
	}
}

func (n *nat) inward(c net.Conn) {
	buf := make([]byte, 2048)
	for {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		size, err := c.Read(buf)
		if err != nil {
			return
		}
		n.mu.Lock()
		_, _ = n.inside.WriteTo(buf[:size], n.client)
		n.mu.Unlock()
	}
}
