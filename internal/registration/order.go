package registration

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Account is a Server as an [Order] sees it: the resources 13 to 16 of the
// Server object (Core 1.1.1 §6.2.1.2).
type Account struct {
	Server uint16 // Short Server ID
	// Priority is the place in the order, /1/x/13, lower ones first; without
	// Ordered the Server is independent of the others.
	Priority uint32
	Ordered  bool
	// InitialDelay is the wait before the Server's first registration, /1/x/14: after
	// that of the one before it, or after the start if it is independent.
	InitialDelay time.Duration
	// Block keeps the Servers after this one from registering while it fails, /1/x/15.
	Block bool
	// Bootstrap asks for a bootstrap if registration with the Server fails,
	// /1/x/16, whose default is true.
	Bootstrap bool
}

// Permit tells that a Server's [Machine] may start.
type Permit struct{ Server uint16 }

// Bootstrap asks for a Client Initiated Bootstrap (Core 1.1.1 §6.1.2). An owner that
// does one drops the [Order] and all that it asks for after this; another owner
// goes on.
type Bootstrap struct {
	Server uint16 // whose failure is the reason; 0 if there is none
	Err    error
}

func (Permit) action()    {}
func (Bootstrap) action() {}

// The reasons of [Bootstrap].
var (
	// ErrNoServers: there is no account to register with.
	ErrNoServers = errors.New("there is no LwM2M Server to register with")
	// ErrServerFailed is wrapped if the registration with one Server failed that wants
	// a bootstrap then.
	ErrServerFailed = errors.New("the registration failed, which asks for a bootstrap")
	// ErrAllFailed is wrapped if the registration with every Server failed.
	ErrAllFailed = errors.New("the registration failed with all LwM2M Servers")
)

// Order says which Server of a client may register when: those with a priority one
// after another, the next when the one before it has registered or failed, all
// others at once. Like a Machine it does no I/O: its owner tells what happens and
// does what [Order.Actions] returns, [Permit] and [Bootstrap].
//
// A Server whose registration failed goes on trying; it is out of the way of the
// others, and in again as soon as it succeeds.
type Order struct {
	members []member // those with a priority first, in order
	ordered int      // how many of them have a priority
	head    int      // the one with a priority that the next waits for
	fresh   bool
	actions []Action
}

type member struct {
	Account
	state memberState
	at    time.Time // when a planned one may start
}

type memberState uint8

const (
	memberWaits memberState = iota
	memberPlanned
	memberStarted
	memberRegistered
	memberFailed
)

// NewOrder returns the order of accounts. It is fresh if they come from a
// bootstrap: only then initial delays count.
func NewOrder(accounts []Account, fresh bool) Order {
	o := Order{fresh: fresh}
	for _, a := range accounts {
		o.members = append(o.members, member{Account: a})
		if a.Ordered {
			o.ordered++
		}
	}
	slices.SortStableFunc(o.members, func(a, b member) int {
		switch {
		case a.Ordered != b.Ordered && a.Ordered:
			return -1
		case a.Ordered != b.Ordered:
			return 1
		case a.Ordered && a.Priority != b.Priority:
			return cmp.Compare(a.Priority, b.Priority)
		}
		return cmp.Compare(a.Server, b.Server)
	})
	return o
}

// Actions returns what is to be done because of the calls since the last
// Actions, in order.
func (o *Order) Actions() []Action {
	actions := o.actions
	o.actions = nil
	return actions
}

// Deadline is when Expire is to be called; the zero time means never.
func (o *Order) Deadline() (next time.Time) {
	for _, m := range o.members {
		if m.state == memberPlanned && (next.IsZero() || m.at.Before(next)) {
			next = m.at
		}
	}
	return next
}

// Start begins. It is called once.
func (o *Order) Start(now time.Time) {
	if len(o.members) == 0 {
		o.actions = append(o.actions, Bootstrap{Err: ErrNoServers})
		return
	}
	for i := range o.members {
		if i == 0 || !o.members[i].Ordered {
			o.plan(now, &o.members[i])
		}
	}
	o.Expire(now)
}

// Expire tells that time went by.
func (o *Order) Expire(now time.Time) {
	for i := range o.members {
		if m := &o.members[i]; m.state == memberPlanned && !now.Before(m.at) {
			m.state = memberStarted
			o.actions = append(o.actions, Permit{m.Server})
		}
	}
}

// Registered tells that a Server accepted a Register.
func (o *Order) Registered(now time.Time, server uint16) {
	i := o.find(server)
	if i < 0 {
		return
	}
	o.members[i].state = memberRegistered
	o.passed(now, i)
}

// Failed tells that the registration with a Server failed as a whole: all attempts
// are used up, or what happened makes them useless. It can be told again.
func (o *Order) Failed(now time.Time, server uint16, err error) {
	i := o.find(server)
	if i < 0 || o.members[i].state < memberStarted {
		return
	}
	m := &o.members[i]
	m.state = memberFailed
	if !m.Block {
		o.passed(now, i)
	}
	switch {
	case m.Bootstrap:
		o.ask(Bootstrap{server, fmt.Errorf("%w: %w", ErrServerFailed, err)})
	case !slices.ContainsFunc(o.members, member.hasHope):
		o.ask(Bootstrap{server, fmt.Errorf("%w: %w", ErrAllFailed, err)})
	}
}

// ask puts the request for a bootstrap before what would follow without one.
func (o *Order) ask(b Bootstrap) { o.actions = slices.Insert(o.actions, 0, Action(b)) }

// hasHope reports whether the Server is registered or about to; those that wait
// behind a Block are not.
func (m member) hasHope() bool {
	return m.state == memberPlanned || m.state == memberStarted || m.state == memberRegistered
}

// passed goes on with the next in the order if i is what it waits for.
func (o *Order) passed(now time.Time, i int) {
	if i != o.head || i >= o.ordered {
		return
	}
	o.head++
	if o.head < o.ordered {
		o.plan(now, &o.members[o.head])
		o.Expire(now)
	}
}

func (o *Order) plan(now time.Time, m *member) {
	m.state, m.at = memberPlanned, now
	if o.fresh && m.InitialDelay > 0 {
		m.at = now.Add(m.InitialDelay)
	}
}

func (o *Order) find(server uint16) int {
	return slices.IndexFunc(o.members, func(m member) bool { return m.Server == server })
}
