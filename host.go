package lwm2m

import (
	"context"
	crand "crypto/rand"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/internal/registration"
)

// HostConfig describes a Host. The zero value of each field is its default.
type HostConfig struct {
	// Shards is the number of event loops that the clients are spread over.
	// Default: the number of processors that Go uses.
	Shards int
	// Callbacks bounds how many callbacks of the application run at the same
	// time; further ones wait. Default: 64.
	Callbacks int
	// ShutdownTimeout bounds how long the clients may take to de-register, and then how long OnEvent may
	// take for the last events. Default: 5 s.
	ShutdownTimeout time.Duration
}

// Host runs clients, one or many thousands, on a few goroutines: an idle client
// has none of its own but the one that reads from its socket.
type Host struct {
	config  HostConfig
	shards  []*shard
	workers loop.Workers
	ctx     context.Context // of callbacks; ends when the Host does
	cancel  context.CancelFunc

	mu      sync.Mutex
	clients map[*Client]struct{}
	next    int // shard of the next client
	closed  bool
	ran     bool
}

// shard is an event loop with the working memory that its clients share.
type shard struct {
	host    *Host
	loop    *loop.Loop
	random  *rand.ChaCha8
	scratch coap.Scratch
	nodes   []format.Node
	due     []*observation
	payload []byte

	registrations map[registrationKey]*registration.Config
}

const (
	defaultCallbacks       = 64
	defaultShutdownTimeout = 5 * time.Second
)

// NewHost makes a Host. Clients can be added before and while it runs.
func NewHost(config HostConfig) *Host {
	if config.Shards <= 0 {
		config.Shards = runtime.GOMAXPROCS(0)
	}
	if config.Callbacks <= 0 {
		config.Callbacks = defaultCallbacks
	}
	if config.ShutdownTimeout <= 0 {
		config.ShutdownTimeout = defaultShutdownTimeout
	}
	h := &Host{config: config, clients: make(map[*Client]struct{})}
	h.workers.Max = config.Callbacks
	h.ctx, h.cancel = context.WithCancel(context.Background())
	for range config.Shards {
		var seed [32]byte
		_, _ = crand.Read(seed[:]) // never fails
		h.shards = append(h.shards, &shard{host: h, loop: loop.New(), random: rand.NewChaCha8(seed), registrations: make(map[registrationKey]*registration.Config)})
	}
	return h
}

// Add starts a client, at once or when the Host runs. The error is [ErrRunning] if the client runs or has run,
// and [ErrClosed] if the Host has ended.
func (h *Host) Add(c *Client) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	s := h.shards[h.next%len(h.shards)]
	if err := c.attach(s); err != nil {
		return err
	}
	h.next++
	h.clients[c] = struct{}{}
	s.loop.Post(loop.Event{To: loop.Func(c.start)})
	return nil
}

// Remove de-registers a client and lets it go. It waits for that until ctx ends; then the
// client is gone without, and the error is that of ctx. If ctx has ended before, the client does
// not de-register at all: for its servers it is as if the device had lost its power.
func (h *Host) Remove(ctx context.Context, c *Client) error {
	h.mu.Lock()
	_, ok := h.clients[c]
	delete(h.clients, c)
	h.mu.Unlock()
	if !ok {
		return ErrClosed
	}
	return c.shutdown(ctx)
}

// Run runs the clients until ctx ends, then de-registers them and returns nil. Those that cannot be
// reached are let go after ShutdownTimeout. A Host runs once.
func (h *Host) Run(ctx context.Context) error {
	h.mu.Lock()
	ran := h.ran
	h.ran = true
	h.mu.Unlock()
	if ran {
		return ErrRunning
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	for _, s := range h.shards {
		loops.Go(func() { _ = s.loop.Run(running) })
	}
	<-ctx.Done()
	clients := h.shutdown()
	stop()
	loops.Wait()
	h.waitForEvents(clients)
	return nil
}

// shutdown ends all clients and the callbacks, within the ShutdownTimeout, and returns the clients.
func (h *Host) shutdown() (clients map[*Client]struct{}) {
	h.mu.Lock()
	h.closed = true
	clients = h.clients
	h.clients = nil
	h.mu.Unlock()
	defer h.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), h.config.ShutdownTimeout)
	defer cancel()
	for c := range clients {
		c.shard.loop.Post(loop.Event{To: loop.Func(c.stop)})
	}
	for c := range clients {
		_ = c.shutdown(ctx)
	}
	h.cancel()
	_ = h.workers.Close(ctx)
	return clients
}

// waitForEvents waits until OnEvent has heard everything and the state is saved, for another ShutdownTimeout at most: some
// events come only when the loops end.
func (h *Host) waitForEvents(clients map[*Client]struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), h.config.ShutdownTimeout)
	defer cancel()
	for c := range clients {
		c.events.wait(ctx)
		_ = c.persist.wait(ctx)
	}
}

// attach binds a client to its shard.
func (c *Client) attach(s *shard) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shard != nil {
		return ErrRunning
	}
	c.running, c.shard = true, s
	c.gone, c.restructured = nil, false // the Register tells of what is there
	return nil
}

// start begins to register. The loop calls it.
func (c *Client) start(now time.Time) {
	if _, err := c.reconcile(now); err != nil {
		c.log.Error("accounts that cannot be used", "err", err)
	}
	c.register(now, true)
	c.persistChanges(now)
}

// stop begins to de-register. The loop calls it.
func (c *Client) stop(now time.Time) {
	if c.stopping {
		return
	}
	c.stopping = true
	c.leaveOrder()
	if c.bootstrapper != nil {
		c.bootstrapper.stop(now)
	}
	for _, s := range c.sessions {
		if c.persist.stays() {
			s.stay(now)
		} else {
			s.stop(now)
		}
	}
	c.stopIfIdle(now)
}

// stopIfIdle ends the client once all its sessions have ended. The loop calls it.
func (c *Client) stopIfIdle(now time.Time) {
	if !c.stopping || c.finished {
		return
	}
	for _, s := range c.sessions {
		if !s.isStopped() && !s.staying {
			return
		}
	}
	c.finish(now)
}

// finish lets go of everything. The loop calls it, once.
func (c *Client) finish(now time.Time) {
	if c.finished {
		return
	}
	c.finished = true
	c.leaveOrder()
	if c.bootstrapper != nil {
		c.bootstrapper.stop(now)
	}
	if c.stopping && c.persist.stays() {
		c.persist.keepSessions(now, true)
	}
	for _, s := range c.sessions {
		s.abandon(now)
	}
	c.scheduleNotify()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.persist.finish()
	c.running = false
	if c.done != nil {
		close(c.done)
	}
}

// ended returns a channel that is closed when the client has stopped. The client must have been started.
func (c *Client) ended() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if !c.running {
			close(c.done)
		}
	}
	return c.done
}

// shutdown de-registers the client and waits for that until ctx ends, then lets go of it all the same.
func (c *Client) shutdown(ctx context.Context) error {
	s := c.shard
	if ctx.Err() == nil {
		s.loop.Post(loop.Event{To: loop.Func(c.stop)})
	}
	select {
	case <-c.ended():
		_ = c.persist.wait(ctx)
		return nil
	case <-ctx.Done():
		s.loop.Post(loop.Event{To: loop.Func(c.finish)})
		return ctx.Err()
	}
}

// call runs f on the client's loop and waits for its result, which f hands to
// answer then or later, until ctx ends.
func (c *Client) call(ctx context.Context, f func(now time.Time, answer func(error))) error {
	c.mu.Lock()
	s, running := c.shard, c.running
	c.mu.Unlock()
	if !running {
		return ErrClosed
	}
	answered := make(chan error, 1)
	answer := func(err error) {
		select {
		case answered <- err:
		default: // only the first counts
		}
	}
	if !s.loop.Post(loop.Event{To: loop.Func(func(now time.Time) { f(now, answer) })}) {
		return ErrClosed
	}
	select {
	case err := <-answered:
		return err
	case <-c.ended():
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// work runs a callback of the application off the loop, and done on the loop with its error. A lane keeps callbacks in order.
func (c *Client) work(now time.Time, lane *loop.Lane, path Path, callback func() error, done func(now time.Time, err error)) {
	s := c.shard
	err := s.host.workers.Go(lane, callback, func(err error) {
		s.loop.Post(loop.Event{To: loop.Func(func(now time.Time) {
			if !c.finished {
				done(now, c.reportPanic(now, path, err))
			}
		})})
	})
	if err != nil {
		done(now, &Error{Code: ServiceUnavailable, Path: path, Reason: "too busy", Err: err})
	}
}

// reportPanic turns the panic of a callback into an event, a log line and the answer 5.00.
func (c *Client) reportPanic(now time.Time, path Path, err error) error {
	var p *loop.PanicError
	if !errors.As(err, &p) && !errors.Is(err, loop.ErrExited) {
		return err
	}
	stack := ""
	if p != nil {
		stack = string(p.Stack)
	}
	c.log.Error("callback panicked", "path", path.String(), "err", err, "stack", stack)
	c.emit(Event{Kind: CallbackPanicked, Time: now, Path: path, Err: &panicError{path, err}})
	return &Error{Code: InternalServerError, Path: path, Reason: "the application failed", Err: err}
}
