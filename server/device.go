package server

import (
	"context"
	"fmt"
	"time"
)

// Device is a registered Client, by its endpoint name. It stays valid: when the
// Client has registered anew, or moved, its operations go to where it is now; while
// it is not registered, they fail with ErrNotRegistered.
//
// Each operation waits for the answer of the device, until its context ends, or
// until the device did not answer in time. An answer is a [Response], whatever its
// code; an error, always an [*OperationError], says that there was none. Operations
// on one device are sent one after another (CoAP.NStart), also those to a device in
// queue mode, which may be asleep: wait for its next Update first.
type Device struct {
	server   *Server
	endpoint string
}

// Device finds a Client that is registered. The error wraps ErrNotRegistered.
func (s *Server) Device(endpoint string) (*Device, error) {
	if _, ok, _ := s.directory.find(endpoint); !ok {
		return nil, fmt.Errorf("%w: %q", ErrNotRegistered, endpoint)
	}
	return &Device{server: s, endpoint: endpoint}, nil
}

// WaitRegistered waits until a Client is registered under an endpoint name; if it is
// already, it returns at once. Its error is that of ctx, or ErrClosed.
func (s *Server) WaitRegistered(ctx context.Context, endpoint string) (*Device, error) {
	for {
		_, ok, changed := s.directory.find(endpoint)
		if ok {
			return &Device{server: s, endpoint: endpoint}, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("server: waiting for %q to register: %w", endpoint, ctx.Err())
		case <-s.loop.Done():
			return nil, ErrClosed
		}
	}
}

// Endpoint is the endpoint name.
func (d *Device) Endpoint() string { return d.endpoint }

// Registration is the Client's current Registration. The error wraps
// ErrNotRegistered.
func (d *Device) Registration() (Registration, error) {
	r, ok, _ := d.server.directory.find(d.endpoint)
	if !ok {
		return Registration{}, fmt.Errorf("%w: %q", ErrNotRegistered, d.endpoint)
	}
	return r, nil
}

// reach finds the Client where it has registered.
func (d *Device) reach(now time.Time) (contact, error) {
	r := d.server.directory.byEndpoint[d.endpoint]
	if r == nil {
		return contact{}, ErrNotRegistered
	}
	p, err := r.reach(now)
	return contact{peer: p, dialect: r.dialect(), registration: r}, err
}

// reach gives the peer of a Registration; one that was closed to make room for
// others is opened again.
func (r *registration) reach(now time.Time) (*peer, error) {
	if !r.peer.gone {
		return r.peer, nil
	}
	l, err := r.port.link(r.remote)
	if err != nil {
		return nil, err
	}
	r.attach(now, r.server.peer(r.port, l))
	return r.peer, nil
}
