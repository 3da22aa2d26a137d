package lwm2m

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/model"
)

// loadCredentials is Config.LoadCredentials.
type loadCredentials = func(ctx context.Context, account ServerAccount) (Security, error)

// security is what a session needs to connect to a server with protection, or with credentials that
// are loaded. Attempts to connect may overlap: one that was given up takes a moment to end.
type security struct {
	account ServerAccount
	load    loadCredentials // nil if there is none

	handshake string // of the link, until an event has told it; belongs to the loop

	mu     sync.Mutex
	inUse  Security
	saved  []byte     // of the last process, until secure takes it up
	secure *link.DTLS // with the sessions that inUse has made; nil without protection
}

// newSecurity returns nil where there is nothing to do but to dial.
func newSecurity(account ServerAccount, load loadCredentials) *security {
	if account.Security == Security(NoSec{}) && load == nil {
		return nil
	}
	return &security{account: account, load: load}
}

// network is what to dial on. It loads the credentials and may wait for that until ctx ends.
func (s *security) network(ctx context.Context, c *Client, target link.Target) (Network, error) {
	wanted := s.account.Security
	if s.load != nil {
		loaded, err := s.callLoad(ctx, c)
		if err != nil {
			return nil, err
		}
		if loaded = plain(loaded); loaded != nil {
			wanted = loaded
		}
		if err := checkSecurity(wanted, target, false); err != nil {
			return nil, fmt.Errorf("lwm2m: LoadCredentials: %w", err)
		}
	}
	if !target.Secure() {
		return c.network, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secure == nil || !s.inUse.same(wanted) {
		s.inUse, s.secure = wanted, &link.DTLS{Base: c.network}
		wanted.secure(s.secure)
		s.takeSaved(c)
	}
	return s.secure, nil
}

// callLoad calls the application. A panic in there is a failure to connect.
func (s *security) callLoad(ctx context.Context, c *Client) (loaded Security, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("LoadCredentials panicked", "server", s.account.ShortServerID, "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("lwm2m: LoadCredentials panicked: %v", v)
		}
	}()
	if loaded, err = s.load(ctx, s.account); err != nil {
		return nil, fmt.Errorf("lwm2m: LoadCredentials: %w", err)
	}
	return loaded, nil
}

// dialLink connects to the server. It runs off the loop.
func (s *connection) dialLink(ctx context.Context, target link.Target) (link.Link, error) {
	network := s.client.network
	if s.security != nil {
		var err error
		if network, err = s.security.network(ctx, s.client, target); err != nil {
			return nil, err
		}
	}
	return network.Dial(ctx, target, s)
}

// handshakeOf is how the connection of a link came about, for Event.Handshake, "" without protection; goesOn tells that
// the server knows it as that of the registration.
func handshakeOf(l link.Link) (word string, goesOn bool) {
	secure, ok := l.(link.Secured)
	if !ok {
		return "", false
	}
	h := secure.Handshake()
	if h.Kind == link.Kept && h.ConnectionID {
		return "connection ID", true
	}
	return h.Kind.String(), h.Kind != link.Full
}

// takeHandshake gives the word for the next event.
func (s *connection) takeHandshake() (word string) {
	if s.security != nil {
		word, s.security.handshake = s.security.handshake, ""
	}
	return word
}

// noteAlert keeps the number of an alert that the server has sent in Resource 1/x/11, which exists since LwM2M
// 1.1.
func (s *session) noteAlert(err error) {
	var alert *link.AlertError
	if !errors.As(err, &alert) {
		return
	}
	c := s.client
	c.mu.Lock()
	i, ok := c.find(s.server)
	var in *Instance
	if ok {
		in = c.instances[i]
	}
	c.mu.Unlock()
	if in != nil {
		_ = in.Set(serverAlert, model.UnsignedValue(uint64(alert.Number))) // LwM2M 1.0 has no such Resource
	}
}
