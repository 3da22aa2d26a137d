package server

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/lwm2m-go/lwm2m/internal/link"
)

// Network is where a Server listens: UDP sockets by default, or the in-memory
// network of package lwm2mtest.
type Network interface {
	// Listen begins to receive at address, "host:port".
	Listen(ctx context.Context, address string, s link.Sink) (link.Listener, error)
}

// Listen opens a UDP socket at address, "host:port"; without a host it listens on
// all interfaces, with port 0 it takes a free one. What arrives before Run waits for
// it. A Server may listen at several addresses.
//
// Requests are accepted without security (NoSec): whoever can reach the address can
// register under any name. Keep it to networks for tests, or see [Server.ListenSecure].
func (s *Server) Listen(address string) error { return s.ListenOn(&link.UDP{}, address) }

// ListenOn is [Server.Listen] on another network.
func (s *Server) ListenOn(network Network, address string) error {
	return s.listen(&port{server: s, scheme: link.SchemeUDP}, network, address)
}

// ListenSecure is [Server.Listen] with DTLS 1.2 by Config.Credentials, for Clients with coaps:// URIs, whose
// customary port is 5684. Clients that offer it get a connection ID, and sessions with pre-shared keys can be
// resumed.
func (s *Server) ListenSecure(address string) error { return s.ListenSecureOn(&link.UDP{}, address) }

// ListenSecureOn is [Server.ListenSecure] on another network.
func (s *Server) ListenSecureOn(network Network, address string) error {
	c := s.config.Credentials
	if c == nil {
		return fmt.Errorf("%w: ListenSecure needs Credentials", ErrConfig)
	}
	secure := &link.DTLSServer{Base: network, CipherSuites: c.CipherSuites,
		NoConnectionID: c.NoConnectionID, Failed: s.handshakeFailed}
	if c.PSK != nil {
		secure.Key = func(identity []byte) ([]byte, bool) { return s.key(string(identity)) }
	}
	if len(c.Certificate.Certificate) > 0 {
		secure.Certificate, secure.ClientTrust = &c.Certificate, &credentials.Trust{Roots: c.ClientCAs}
	}
	return s.listen(&port{server: s, scheme: link.SchemeDTLS}, secure, address)
}

// key asks the application for a key.
func (s *Server) key(identity string) (key []byte, ok bool) {
	returned := s.guard("Credentials.PSK", func() { key, ok = s.config.Credentials.PSK(identity) })
	return key, ok && returned
}

func (s *Server) handshakeFailed(remote net.Addr, err error) {
	s.config.Logger.Info("handshake failed", "peer", remote.String(), "err", err)
	s.emit(Event{Kind: HandshakeFailed, Time: time.Now(), Address: remote.String(), Err: err})
}

// identityOf is who the peer of a link has proven to be.
func identityOf(l link.Link) Identity {
	secure, ok := l.(link.Secured)
	if !ok {
		return Identity{}
	}
	h := secure.Handshake()
	who := Identity{PSK: string(h.Identity)}
	if len(h.Certificates) > 0 {
		who.Certificate = h.Certificates[0]
	}
	return who
}

func (s *Server) listen(p *port, network Network, address string) error {
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	l, err := network.Listen(s.ctx, address, p)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		_ = l.Close()
		return ErrClosed
	}
	p.listener = l
	s.ports = append(s.ports, p)
	return nil
}

// Addr is the address of the first Listen, with the port that was chosen; nil if the
// Server does not listen.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ports) == 0 {
		return nil
	}
	return s.ports[0].listener.Addr()
}

// URI is the Server's URI for Resource /0/x/0 of a Client, such as
// "coap://127.0.0.1:5683" or "coaps://127.0.0.1:5684"; that of the first Listen, or empty if the Server does
// not listen.
func (s *Server) URI() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ports) == 0 {
		return ""
	}
	return s.ports[0].scheme + "://" + s.ports[0].listener.Addr().String()
}

// ForgetSessions drops all DTLS sessions without telling the Clients, as a server that restarts: what they
// send is not understood, until they shake hands anew. Registrations stay; see [Server.Forget].
func (s *Server) ForgetSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.ports {
		if secure, ok := p.listener.(interface{ Forget() }); ok {
			secure.Forget()
		}
	}
}

// EndSessions ends all DTLS sessions and tells the Clients (close_notify), as a server that is about to move: they
// connect again. Registrations stay.
func (s *Server) EndSessions() {
	s.do(func(now time.Time) {
		for _, p := range s.peers {
			if !p.identity.IsZero() {
				p.close(now, link.ErrClosed)
			}
		}
	})
}
