package lwm2m

import (
	"context"
	"errors"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/bootstrap"
)

// errPaused is why a session of the Bootstrap-Server ended.
var errPaused = errors.New("lwm2m: the client is paused")

// Pause suspends the client, as a device does that is about to sleep itself or to lose its network: after the
// event [Suspended] it gives up all connections, quietly, and sends nothing until [Client.Resume]. Its
// registrations stay, on the servers until their lifetime ends; observations go on, and what would have been
// sent is stored if the server wants that. An Update waits for Resume, a Send fails with
// [ErrNotRegistered]. A bootstrap that is under way fails, and begins anew after Resume. A client that is told to stop de-registers all the same.
//
// Pause does not wait for the network. It does nothing if the client is paused.
func (c *Client) Pause(ctx context.Context) error {
	return c.call(ctx, func(now time.Time, answer func(error)) {
		defer answer(nil)
		if c.paused || c.stopping {
			return
		}
		c.paused = true
		c.emit(Event{Kind: Suspended, Time: now})
		if c.bootstrapper != nil {
			c.bootstrapper.pause(now)
		}
		for _, s := range c.sessions {
			s.reg.Pause(now)
			s.settle(now)
		}
	})
}

// Resume goes on after [Client.Pause]: the client connects, with each server whose registration lasted
// it goes on by an Update, with the others it registers. Resume does not wait for that. It does nothing if the
// client is not paused.
func (c *Client) Resume(ctx context.Context) error {
	return c.call(ctx, func(now time.Time, answer func(error)) {
		defer answer(nil)
		if !c.paused {
			return
		}
		c.paused = false
		if c.bootstrapper != nil {
			c.bootstrapper.resume(now)
		}
		for _, s := range c.sessions {
			s.reg.Resume(now)
			s.settle(now)
		}
	})
}

// begin has the session register, at the end of a pause if there is one.
func (s *session) begin(now time.Time) {
	s.reg.Start(now)
	if s.client.paused {
		s.reg.Pause(now)
	}
}

// trigger asks for an Update, at the end of a pause if there is one.
func (s *session) trigger(now time.Time) uint32 {
	number := s.reg.Trigger(now)
	if s.client.paused {
		s.reg.Pause(now) // it may have begun anew after all attempts had failed
	}
	return number
}

// pause gives up the connection with the Bootstrap-Server; what is under way over it has failed.
func (b *bootstrapper) pause(now time.Time) {
	if b.link != nil {
		b.machine.LinkDown(now, errPaused)
	}
	b.disconnect(now)
	b.settle(now)
}

// resume ends a pause.
func (b *bootstrapper) resume(now time.Time) {
	if b.machine.State() == bootstrap.StateConnecting {
		b.connect(b.machine.Attempt() - 1)
	}
	b.settle(now)
}
