package server_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// Addresses from which nobody is registered are forgotten, as soon as
// duplicates of what came from there cannot come any more.
func TestPeersAreForgotten(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		to := addrPort(t, lwm2mtest.DefaultAddress)
		for i := range 100 {
			from := addrPort(t, fmt.Sprintf("203.0.113.%d:5683", i))
			s.Network.Inject(from, to, []byte("junk"))
			from = addrPort(t, fmt.Sprintf("203.0.113.%d:5684", i))
			s.Network.Inject(from, to, []byte("\x40\x01\x00\x01")) // GET /
		}
		p := dial(t, s)
		location := p.register("ep=a&lwm2m=1.1&lt=3600", "</3/0>")
		if n := s.Peers(); n < 101 || n > 201 {
			t.Errorf("%d peers at first", n)
		}
		time.Sleep(248 * time.Second)
		if n := s.Peers(); n != 1 {
			t.Errorf("%d peers after EXCHANGE_LIFETIME", n)
		}
		if n := s.Timers(); n != 1 {
			t.Errorf("%d timers for one idle Registration", n)
		}
		p.do("DELETE "+location, -1, "")
		time.Sleep(248 * time.Second)
		if peers, timers := s.Peers(), s.Timers(); peers != 0 || timers != 0 {
			t.Errorf("%d peers and %d timers after De-register", peers, timers)
		}
	})
}

// A device whose link had to make room for others is spoken to on a new one.
func TestPeerLimit(t *testing.T) {
	s, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ListenOn(&link.UDP{MaxPeers: 1}, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx) }()
	defer func() {
		cancel()
		<-stopped
	}()

	first, second := udpClient(t, s), udpClient(t, s)
	register := &coap.Message{Code: coap.POST, MessageID: 1, Payload: []byte("</3/0>")}
	register.Options.AddPath(coap.UriPath, "/rd")
	register.Options.AddQuery(coap.UriQuery, "ep=a&lwm2m=1.1&lt=60")
	first.exchange(register)
	second.exchange(&coap.Message{Code: coap.GET, MessageID: 1}) // pushes the first out
	device, err := s.Device("a")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		m := first.receive()
		first.send(&coap.Message{Type: coap.Acknowledgement, Code: coap.Content, MessageID: m.MessageID, Token: m.Token, Payload: []byte("Acme")})
	}()
	if r, err := device.Read(ctx, model.PathOf(3, 0, 0), server.ReadOptions{}); err != nil || string(r.Payload) != "Acme" {
		t.Errorf("Read: %+v, %v", r, err)
	}
}

// udpPeer is a client with a socket.
type udpPeer struct {
	t    *testing.T
	conn net.Conn
}

func udpClient(t *testing.T, s *server.Server) *udpPeer {
	conn, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return &udpPeer{t, conn}
}

func (p *udpPeer) send(m *coap.Message) {
	b, err := m.Append(nil)
	if err == nil {
		_, err = p.conn.Write(b)
	}
	if err != nil {
		p.t.Error(err)
	}
}

func (p *udpPeer) receive() (m coap.Message) {
	buf := make([]byte, 2000)
	n, err := p.conn.Read(buf)
	if err == nil {
		err = m.Parse(buf[:n])
	}
	if err != nil {
		p.t.Error(err)
	}
	return m
}

func (p *udpPeer) exchange(m *coap.Message) coap.Message {
	p.send(m)
	return p.receive()
}
