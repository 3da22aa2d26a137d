package lwm2m

import (
	"context"
	"errors"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/bootstrap"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/internal/registration"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// bootstrapper is what a client has with its Bootstrap-Server (Core 1.1.1 §6.1): the connection, the course of
// things, and while a session runs, the draft that it works on. It belongs to the loop; the draft is used under
// the client's mu.
type bootstrapper struct {
	connection
	account *tree.Instance // of the Security Object
	machine bootstrap.Machine
	request coap.Handle // the outstanding request
	timer   loop.Timer

	draft   *tree.Draft       // nil without a session
	finish  *bootstrapCommand // the Bootstrap-Finish to answer; nil if there is none
	pack    pack              // as it was received
	inForce bool              // what was written is in force: the sessions are about to start over
	waiting []func(error)     // calls of Client.Bootstrap
}

// pack is a Bootstrap-Pack, not decoded.
type pack struct {
	format  format.ContentFormat
	payload []byte
}

// Bootstrap has the client bootstrapped by its Bootstrap-Server, at once, and waits until that has succeeded or
// failed, or ctx ends. If it succeeds, the client is about to register with the servers that it has been told. If
// it fails, everything is as before; it is not tried again unless it is wanted for other reasons too.
func (c *Client) Bootstrap(ctx context.Context) error {
	return c.call(ctx, func(now time.Time, answer func(error)) {
		b := c.bootstrapper
		switch {
		case c.stopping:
			answer(ErrClosed)
		case b == nil:
			answer(&Error{Code: NotFound, Path: PathOf(objectSecurity), Reason: "there is no account of a Bootstrap-Server"})
		default:
			b.waiting = append(b.waiting, answer)
			c.bootstrap(now, bootstrap.Application)
		}
	})
}

// bootstrap asks the Bootstrap-Server, if there is one. The loop calls it.
func (c *Client) bootstrap(now time.Time, why bootstrap.Reason) {
	if b := c.bootstrapper; b != nil && !c.stopping {
		b.machine.Start(now, why)
		b.settle(now)
	}
}

// bootstrapWanted begins a Client Initiated Bootstrap, if there is a Bootstrap-Server to ask.
func (c *Client) bootstrapWanted(now time.Time, reason error) {
	why := bootstrap.RegistrationFailed
	if errors.Is(reason, registration.ErrNoServers) {
		why = bootstrap.NoServer
	}
	c.bootstrap(now, why)
}

// isBootstrapping reports whether a session of the Bootstrap-Server runs, so that no other server is to be
// heard. The loop calls it.
func (c *Client) isBootstrapping() bool { return c.bootstrapper != nil && c.bootstrapper.draft != nil }

// isStartingOver reports whether all servers are about to hear a Register, so that nothing else has to be told. The
// loop calls it.
func (c *Client) isStartingOver() bool { return c.bootstrapper != nil && c.bootstrapper.inForce }

// noteRegistered gives up a bootstrap that is wanted for want of a registration only, once all servers have one.
func (c *Client) noteRegistered(now time.Time) {
	if c.bootstrapper == nil {
		return
	}
	for _, s := range c.sessions {
		if s.reg.Location() == nil {
			return
		}
	}
	c.bootstrapper.machine.Registered()
	c.bootstrapper.settle(now)
}

// reconcileBootstrap makes the bootstrapper that of the account that there is, if there is one. The loop calls it.
func (c *Client) reconcileBootstrap(now time.Time) {
	c.mu.Lock()
	a, ok := c.bootstrapAccount()
	c.mu.Unlock()
	b := c.bootstrapper
	switch {
	case !ok && b != nil:
		c.bootstrapper = nil
		b.stop(now)
	case !ok || b != nil && b.account == a.security:
	case b == nil:
		c.bootstrapper = newBootstrapper(c, a)
	default:
		b.disconnect(now) // it is another server now, or has other keys
		b.machine.LinkDown(now, ErrNotRegistered)
		b.account, b.target = a.security, a.target
		b.connection.security = newSecurity(a.ServerAccount, c.configured.loader())
	}
}

// bootstrapSecurity finds the instance of the Security Object that is the Bootstrap-Server's; nil if there is none. It
// is called with c.mu held.
func (c *Client) bootstrapSecurity() *tree.Instance {
	for node := range c.tree.Instances(objectSecurity) {
		if value(node, securityBootstrap).Bool() {
			return node
		}
	}
	return nil
}

// bootstrapAccount reads the account of the Bootstrap-Server. It is called with c.mu held.
func (c *Client) bootstrapAccount() (a account, ok bool) {
	node := c.bootstrapSecurity()
	if node == nil {
		return a, false
	}
	a, err := c.readSecurity(node)
	if err != nil {
		c.log.Error("the account of the Bootstrap-Server cannot be used", "err", err)
	}
	return a, err == nil
}

func newBootstrapper(c *Client, a account) *bootstrapper {
	b := &bootstrapper{account: a.security}
	b.connection = connection{client: c, owner: b, target: a.target, security: newSecurity(a.ServerAccount, c.configured.loader())}
	b.timer.Owner = b
	b.machine = bootstrap.New(c.endpoint, c.bootstrapConfig(a))
	return b
}

func (c *Client) bootstrapConfig(a account) *bootstrap.Config {
	shard, jitter := c.shard, c.jitter()
	return &bootstrap.Config{
		Version: c.version, Pack: c.bootstrapPack, HoldOff: a.HoldOff, AccountTimeout: a.AccountTimeout,
		Jitter: func(wait time.Duration) time.Duration { return shard.spread(wait, jitter) },
	}
}

// Expire works off deadlines. The loop calls it.
func (b *bootstrapper) Expire(now time.Time) {
	if b.conn != nil {
		b.conn.Expire(now)
	}
	b.machine.Expire(now)
	b.settle(now)
}

// settle does what the machine asks for, and sets the timer. Everything that touches the bootstrapper ends with it.
func (b *bootstrapper) settle(now time.Time) {
	for actions := b.machine.Actions(); len(actions) > 0; actions = b.machine.Actions() {
		for _, action := range actions {
			b.act(now, action)
		}
	}
	next := b.machine.Deadline()
	if b.conn != nil {
		next = earlier(next, b.conn.Deadline())
	}
	if next.IsZero() || b.client.paused {
		b.client.shard.loop.Unschedule(&b.timer)
	} else {
		b.client.shard.loop.Schedule(&b.timer, next)
	}
}

func (b *bootstrapper) act(now time.Time, action bootstrap.Action) {
	switch a := action.(type) {
	case bootstrap.Connect:
		if !b.client.paused { // else resume does
			b.connect(b.machine.Attempt() - 1)
		}
	case bootstrap.Close:
		b.disconnect(now)
	case bootstrap.Request:
		b.ask(now, a)
	case bootstrap.Cancel:
		if b.conn != nil {
			b.conn.Cancel(now, b.request)
		}
	case bootstrap.Begin:
		b.begin()
	case bootstrap.Judge:
		b.judge(now, a.Pack)
	case bootstrap.Drop:
		b.draft, b.finish, b.pack = nil, nil, pack{}
		if b.inForce { // it has been put in force, but the Bootstrap-Server did not hear of it
			b.inForce = false
			b.client.startOver(now)
		}
	case bootstrap.End:
		b.draft, b.pack, b.inForce = nil, pack{}, false
		b.client.startOver(now)
		b.answerCalls(nil) // of Client.Bootstrap since the session has succeeded: they are served by it
	case bootstrap.Purge:
		b.purge(now)
	case bootstrap.Event:
		b.tell(now, a)
	}
}

// ask sends a Bootstrap-Request or a Bootstrap-Pack-Request.
func (b *bootstrapper) ask(now time.Time, r bootstrap.Request) {
	out := coap.Outgoing{Code: coap.POST, Confirmable: true}
	if r.Kind == bootstrap.BootstrapPackRequest {
		out.Code = coap.GET
	}
	for _, segment := range r.Path {
		out.Options.AddString(coap.UriPath, segment)
	}
	for _, query := range r.Queries {
		out.Options.AddString(coap.UriQuery, query)
	}
	if r.Accept != 0 {
		out.Options.AddUint(coap.Accept, uint32(r.Accept))
	}
	out.Done = func(now time.Time, result coap.Result) { b.answered(now, r.ID, result) }
	if b.conn == nil {
		b.machine.Failed(now, r.ID, ErrNotRegistered)
		return
	}
	handle, err := b.conn.Do(now, &out)
	if err != nil {
		b.machine.Failed(now, r.ID, err)
		return
	}
	b.request = handle
}

func (b *bootstrapper) answered(now time.Time, id uint32, result coap.Result) {
	switch {
	case errors.Is(result.Err, ErrNotRegistered): // the link was dropped; the machine knows
		return
	case result.Err != nil:
		b.machine.Failed(now, id, result.Err)
		return
	}
	answer := bootstrap.Answer{Code: model.Code(result.Code)}
	if age, ok := result.Options.Uint(coap.MaxAge); ok {
		answer.MaxAge = time.Duration(age) * time.Second
	}
	if !answer.Code.IsSuccess() {
		answer.Diagnostic = coap.Diagnostic(result.Payload)
	} else if answer.Code == model.Content {
		f, _ := result.Options.Uint(coap.ContentFormat)
		b.pack = pack{format.ContentFormat(f), append([]byte(nil), result.Payload...)}
	}
	b.machine.Response(now, id, answer)
}

// begin makes the draft that a session works on.
func (b *bootstrapper) begin() {
	c := b.client
	c.mu.Lock()
	b.draft = c.newDraft()
	c.mu.Unlock()
	b.finish = nil
}

// newDraft is called with c.mu held.
func (c *Client) newDraft() *tree.Draft {
	return c.tree.NewDraft(c.definitionInUse(objectSecurity), c.definitionInUse(objectServer), c.definitionInUse(objectAccessControl))
}

var bootstrapEvents = map[bootstrap.EventKind]EventKind{
	bootstrap.Accepted: BootstrapAccepted, bootstrap.Failed: BootstrapFailed, bootstrap.Finished: Bootstrapped,
}

// tell tells the application, and answers the calls of Client.Bootstrap unless a session still runs.
func (b *bootstrapper) tell(now time.Time, e bootstrap.Event) {
	b.client.emit(Event{
		Kind: bootstrapEvents[e.Kind], Time: now, Err: e.Err, Attempt: e.Attempt, Next: e.Next, Handshake: b.takeHandshake(),
	})
	goesOn := b.machine.State() == bootstrap.StateSession || b.machine.State() == bootstrap.StateRequesting
	if e.Kind == bootstrap.Finished || e.Kind == bootstrap.Failed && !goesOn {
		b.answerCalls(e.Err)
	}
}

func (b *bootstrapper) answerCalls(err error) {
	for _, answer := range b.waiting {
		answer(err)
	}
	b.waiting = nil
}

// stop ends everything; an open session is dropped.
func (b *bootstrapper) stop(now time.Time) {
	b.machine.Stop()
	b.draft, b.finish = nil, nil
	_ = b.machine.Actions() // there is nothing to be done but what follows
	b.disconnect(now)
	b.client.shard.loop.Unschedule(&b.timer)
	b.answerCalls(ErrClosed)
}

// linkUp goes on over a link.
func (b *bootstrapper) linkUp(now time.Time, _ bool) { b.machine.LinkUp(now) }

// linkDropped has nothing to do: what waits for answers is told.
func (b *bootstrapper) linkDropped() {}

// linkLost has the machine look for another link.
func (b *bootstrapper) linkLost(now time.Time, err error) { b.machine.LinkDown(now, err) }

// linkTrouble tells of it.
func (b *bootstrapper) linkTrouble(now time.Time, err error) {
	b.client.emit(Event{Kind: NetworkError, Time: now, Err: err})
}

// listensTo is for all datagrams: a link is open only as long as the Bootstrap-Server is to be heard.
func (b *bootstrapper) listensTo([]byte) bool { return true }

// ObservationEnded has nothing to do: a Bootstrap-Server observes nothing.
func (b *bootstrapper) ObservationEnded(time.Time, coap.Token, error) {}
