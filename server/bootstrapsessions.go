package server

import (
	"context"
	"fmt"
	"sync"

	"github.com/lwm2m-go/lwm2m/internal/loop"
)

// sessions are the bootstrap sessions under way. The loop's goroutine alone changes byEndpoint.
type sessions struct {
	workers loop.Workers // for scripts

	mu         sync.Mutex
	byEndpoint map[string]*BootstrapSession
	changed    chan struct{} // closed and replaced when there is a new one
}

func (s *sessions) add(b *BootstrapSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byEndpoint[b.client.Endpoint] = b
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *sessions) remove(b *BootstrapSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byEndpoint[b.client.Endpoint] == b {
		delete(s.byEndpoint, b.client.Endpoint)
	}
}

// take gives a session that is to be run by hand, once, or what to wait for.
func (s *sessions) take(endpoint string) (*BootstrapSession, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.byEndpoint[endpoint]; b != nil && b.config.Manual && !b.taken {
		b.taken = true
		return b, nil
	}
	return nil, s.changed
}

// WaitBootstrap waits for a Bootstrap-Request of an endpoint whose configuration is Manual, and returns the session;
// each session once. It is for tests that send one operation after another. Its error is that of ctx, or ErrClosed.
func (s *Server) WaitBootstrap(ctx context.Context, endpoint string) (*BootstrapSession, error) {
	for {
		b, changed := s.bootstraps.take(endpoint)
		if b != nil {
			return b, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("server: waiting for %q to ask for bootstrap: %w", endpoint, ctx.Err())
		case <-s.loop.Done():
			return nil, ErrClosed
		}
	}
}
