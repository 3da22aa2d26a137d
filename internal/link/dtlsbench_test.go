package link

import (
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
)

// benchmark starts a server over the network in memory, in real time.
func benchmark(b *testing.B, server *DTLSServer) *secure {
	b.Helper()
	s := newSecure(b, server)
	b.Cleanup(s.stop)
	b.ReportAllocs()
	return s
}

// BenchmarkHandshake is both sides' work for a session and its end.
func BenchmarkHandshake(b *testing.B) {
	e := newEstate(b)
	for name, c := range map[string]struct {
		server *DTLSServer
		client *DTLS
		want   HandshakeKind
	}{
		"key":         {&DTLSServer{}, &DTLS{PSK: rightKey(), NoResumption: true}, Full},
		"certificate": {e.listener(), &DTLS{Certificate: &e.device, Trust: &credentials.Trust{Roots: e.ca.pool()}}, Full},
		"resumed":     {&DTLSServer{NoConnectionID: true}, &DTLS{PSK: rightKey()}, Resumed},
	} {
		b.Run(name, func(b *testing.B) {
			s := benchmark(b, c.server)
			c.client.Base, c.client.base = s.net, nil
			c.client.Forget()
			s.dial(c.client, &notebook{}, 0, Full).Close()
			for b.Loop() {
				s.dial(c.client, &notebook{}, 0, c.want).Close()
			}
		})
	}
}

// BenchmarkRecord is a datagram to the server and back.
func BenchmarkRecord(b *testing.B) {
	s := benchmark(b, &DTLSServer{})
	n := &notebook{news: make(chan note, 1)}
	l := s.dial(&DTLS{Base: s.net, PSK: rightKey()}, n, 0, Full)
	defer l.Close()
	data := make([]byte, 64)
	for b.Loop() {
		if err := l.Send(data); err != nil {
			b.Fatal(err)
		}
		<-n.news
	}
}
