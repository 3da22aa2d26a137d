package lwm2m

import (
	"errors"
	"math"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/internal/registration"
)

// ordering is the order in which a client registers with its servers (Core 1.1.1 §6.2.1.2). It belongs
// to the loop.
type ordering struct {
	client *Client
	order  registration.Order
	timer  loop.Timer
}

// register has the sessions registered in the order that their accounts want. bootstrapped tells that the
// accounts are new, so that initial delays count.
func (c *Client) register(now time.Time, bootstrapped bool) {
	c.leaveOrder()
	c.mu.Lock()
	accounts := make([]registration.Account, 0, len(c.sessions))
	needed := c.hasBootstrapAccount()
	for _, s := range c.sessions {
		a := c.orderOf(s)
		accounts = append(accounts, a)
		needed = needed || a.Ordered || a.InitialDelay > 0
	}
	c.mu.Unlock()
	if !needed { // nobody waits for anybody
		for _, s := range c.sessions {
			s.begin(now)
			s.settle(now)
		}
		return
	}
	o := &ordering{client: c, order: registration.NewOrder(accounts, bootstrapped)}
	o.timer.Owner = o
	c.ordering = o
	o.order.Start(now)
	o.settle(now)
}

// leaveOrder ends the order that there is.
func (c *Client) leaveOrder() {
	if c.ordering != nil {
		c.shard.loop.Unschedule(&c.ordering.timer)
		c.ordering = nil
	}
}

// orderOf reads what the Server Object says about the order. It is called with c.mu held.
func (c *Client) orderOf(s *session) registration.Account {
	resource := func(id uint16) Value { return c.value(s.server.Child(id)) }
	number := func(id uint16) uint64 { return min(resource(id).Uint(), math.MaxUint32) }
	return registration.Account{
		Server: s.ssid, Priority: uint32(number(serverPriority)), Ordered: !resource(serverPriority).IsZero(),
		InitialDelay: time.Duration(number(serverInitialDelay)) * time.Second,
		Block:        resource(serverFailureBlock).Bool(),
		Bootstrap:    resource(serverBootstrapOnFailure).IsZero() || resource(serverBootstrapOnFailure).Bool(),
	}
}

// hasBootstrapAccount reports whether there is a Bootstrap-Server to ask. It is called with c.mu held.
func (c *Client) hasBootstrapAccount() bool { return c.bootstrapSecurity() != nil }

// Expire begins with servers whose delay is over. The loop calls it.
func (o *ordering) Expire(now time.Time) {
	o.order.Expire(now)
	o.settle(now)
}

// settle has done what the order asks for, and sets the timer.
func (o *ordering) settle(now time.Time) {
	l := o.client.shard.loop
	// Apart from what just happened to a session: others are started, or all are let go of.
	if actions := o.order.Actions(); len(actions) > 0 {
		l.Post(loop.Event{To: loop.Func(func(now time.Time) { o.act(now, actions) })})
	}
	if next := o.order.Deadline(); next.IsZero() {
		l.Unschedule(&o.timer)
	} else {
		l.Schedule(&o.timer, next)
	}
}

func (o *ordering) act(now time.Time, actions []registration.Action) {
	c := o.client
	for _, action := range actions {
		if c.ordering != o || c.stopping { // a bootstrap, for one, begins another order
			return
		}
		switch a := action.(type) {
		case registration.Permit:
			o.permit(now, a.Server)
		case registration.Bootstrap:
			c.bootstrapWanted(now, a.Err)
		}
	}
}

// permit has a server registered, unless it is already.
func (o *ordering) permit(now time.Time, server uint16) {
	s := o.client.session(server)
	if s == nil {
		return
	}
	if s.reg.Location() != nil {
		o.order.Registered(now, server)
		o.settle(now)
	}
	if s.disabled == nil { // else it is disabled, and starts by itself
		s.begin(now)
		s.settle(now)
	}
}

// noteOutcome tells the order what has become of an attempt to register.
func (s *session) noteOutcome(now time.Time, e registration.Event) {
	o := s.client.ordering
	switch {
	case o == nil:
		return
	case e.Kind == registration.Registered:
		o.order.Registered(now, s.ssid)
	case e.Err != nil && e.Attempt > 0 && s.hasFailed(e.Err):
		o.order.Failed(now, s.ssid, e.Err)
	default:
		return
	}
	o.settle(now)
}

// hasFailed reports whether the registration failed as a whole: its attempts are used up, the server does not
// accept the credentials, or the version of LwM2M knows of no further attempts.
func (s *session) hasFailed(err error) bool {
	var alert *link.AlertError
	switch {
	case errors.Is(err, registration.ErrExhausted):
		return true
	case errors.As(err, &alert) && registration.ReactionTo(alert.Number) == registration.AlertFail:
		return true
	}
	return s.client.version == Version10
}
