package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/internal/loop"
)

// Server is a LwM2M Server. Make one with [New], let it [Server.Listen] and
// [Server.Run] it. Its methods may be called from any goroutine.
type Server struct {
	config      Config
	params      *coap.Params
	loop        *loop.Loop
	workers     loop.Workers
	subscribers subscribers
	directory   directory
	bootstraps  sessions

	// Of the loop's goroutine alone:
	peers   map[link.Link]*peer
	scratch coap.Scratch

	mu      sync.Mutex
	ports   []*port
	runs    bool
	stopped bool

	ctx    context.Context // ends when Run is told to; for callbacks
	cancel context.CancelFunc
}

// Errors of a Server. Failures of operations wrap one of them, of the context, or of
// the transport.
var (
	// ErrClosed says that the Server has stopped.
	ErrClosed = errors.New("server: closed")
	// ErrNotRegistered says that no Client is registered under an endpoint name.
	ErrNotRegistered = errors.New("server: endpoint is not registered")
	// ErrTimeout says that a device did not acknowledge a request, or did not answer
	// it, in time. It is a net.Error whose Timeout is true.
	ErrTimeout = coap.ErrTimeout
	// ErrReset says that a device answered a request with a Reset message.
	ErrReset = coap.ErrReset
	// ErrTooLarge says that the answer of a device is larger than CoAP.MaxBody.
	ErrTooLarge = coap.ErrTooLarge
	// ErrBusy says that CoAP.MaxPending operations wait for the device already.
	ErrBusy = coap.ErrTooManyPending
)

// New makes a Server; it does no I/O. Its error wraps [ErrConfig].
func New(config Config) (*Server, error) {
	config = config.defaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		config:    config,
		params:    config.CoAP.params(),
		loop:      loop.New(),
		directory: newDirectory(),
		peers:     make(map[link.Link]*peer),
	}
	s.bootstraps.byEndpoint, s.bootstraps.changed = make(map[string]*BootstrapSession), make(chan struct{})
	if config.Bootstrap != nil {
		s.bootstraps.workers.Max = config.Bootstrap.maxSessions()
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// ListenAndServe is [Server.Listen] and [Server.Run].
func (s *Server) ListenAndServe(ctx context.Context, address string) error {
	if err := s.Listen(address); err != nil {
		return err
	}
	return s.Run(ctx)
}

// Run serves until ctx ends, and then stops: it closes the sockets, fails the
// operations under way with ErrClosed, waits for the callbacks that are running, and
// returns nil. What Registrations tells stays as it was. A Server runs once; a
// second call returns an error that wraps ErrClosed.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.stopped || s.runs {
		s.mu.Unlock()
		return fmt.Errorf("%w: a Server runs once", ErrClosed)
	}
	loopCtx, stopLoop := context.WithCancel(context.WithoutCancel(ctx))
	s.runs = true
	s.mu.Unlock()

	var callbacks sync.WaitGroup
	if s.config.OnEvent != nil {
		events := s.Events()
		callbacks.Go(func() { s.runOnEvent(events) })
	}
	unhook := context.AfterFunc(ctx, func() { s.stop(stopLoop) })
	err := s.loop.Run(loopCtx)
	unhook()
	stopLoop()
	_ = s.workers.Close(context.Background())
	_ = s.bootstraps.workers.Close(context.Background())
	s.subscribers.close()
	callbacks.Wait()
	return err
}

// stop begins the end of Run: no more input, then the end of each Conn, then of the
// loop.
func (s *Server) stop(stopLoop context.CancelFunc) {
	s.mu.Lock()
	s.stopped = true
	ports := s.ports
	s.mu.Unlock()
	s.cancel()
	for _, p := range ports {
		_ = p.listener.Close()
	}
	s.loop.Post(loop.Event{To: loop.Func(func(now time.Time) {
		for _, p := range s.peers {
			p.close(now, ErrClosed)
		}
	})})
	stopLoop()
}

// do runs f on the loop's goroutine, soon. It reports false if the Server has
// stopped.
func (s *Server) do(f func(now time.Time)) bool {
	return s.loop.Post(loop.Event{To: loop.Func(f)})
}

// guard calls a callback of the user and reports whether it returned rather than
// panicked.
func (s *Server) guard(name string, f func()) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			s.config.Logger.Error("callback panicked", "callback", name, "panic", v, "stack", string(debug.Stack()))
			ok = false
		}
	}()
	f()
	return true
}
