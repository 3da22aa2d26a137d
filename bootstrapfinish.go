package lwm2m

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/bootstrap"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// judgement is what a session would change, on its way through the callbacks of the application.
type judgement struct {
	draft    *tree.Draft
	revision *tree.Revision
	made     map[Path]*Instance // by Factories
	written  bool               // the OnWrite callbacks have been told the new values
}

// judge checks what the session has written, asks the callbacks, and puts it in force. The
// Bootstrap-Server is answered when all that is done.
func (b *bootstrapper) judge(now time.Time, isPack bool) {
	c := b.client
	c.mu.Lock()
	j, err := c.examine(b.draft, b.pack, isPack, true)
	c.mu.Unlock()
	if err != nil {
		b.judged(now, refusedFinish(err))
		return
	}
	if !c.asksCallbacks(j) {
		b.apply(now, j, nil)
		return
	}
	c.work(now, nil, Path{}, func() error { return c.askCallbacks(c.shard.host.ctx, j) },
		func(now time.Time, err error) { b.apply(now, j, err) })
}

// examine makes a judgement of a draft, or says what is wrong with it. needServer tells that there has to be an account
// of an LwM2M Server. It is called with c.mu held.
func (c *Client) examine(d *tree.Draft, p pack, isPack, needServer bool) (*judgement, error) {
	if isPack {
		nodes, err := c.decodeDraft(d, p.format, Path{}, p.payload)
		if err == nil {
			err = d.WritePack(nodes)
		}
		if err != nil {
			return nil, err
		}
	}
	revision, err := d.Finish(&c.tree, tree.Terms{Account: c.checkAccount, NoServer: !needServer})
	if err != nil {
		return nil, err
	}
	return &judgement{draft: d, revision: revision}, nil
}

// checkAccount reports why the client cannot speak with a server by what an instance of the Security Object says.
func (c *Client) checkAccount(node *tree.Instance) error {
	_, err := c.readSecurity(node)
	return err
}

// asksCallbacks reports whether the application has a say.
func (c *Client) asksCallbacks(j *judgement) bool {
	for _, creation := range j.revision.Created {
		if c.factories[creation.Path().Object()].New != nil {
			return true
		}
	}
	for _, node := range j.revision.Removed {
		if in := c.instanceOf(node); in != nil && in.ownHooks().delete != nil {
			return true
		}
	}
	return len(j.revision.Changed.Calls()) > 0
}

// instanceOf finds the Instance around a node.
func (c *Client) instanceOf(node *tree.Instance) *Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.find(node.Path()); ok && c.instances[i].node == node {
		return c.instances[i]
	}
	return nil
}

// askCallbacks has Factories make what is created, tells OnWrite of what changes and at last, as it cannot be taken back, asks
// OnDelete about what goes: that stays if it refuses. It runs off the loop.
func (c *Client) askCallbacks(ctx context.Context, j *judgement) error {
	for _, creation := range j.revision.Created {
		in, err := c.make(ctx, creation)
		if err != nil {
			return tree.Refusal(creation.Path(), err, model.NotAcceptable)
		}
		if j.made == nil {
			j.made = make(map[Path]*Instance)
		}
		j.made[creation.Path()] = in
	}
	if err := runWrites(ctx, j.revision.Changed.Calls()); err != nil {
		return err
	}
	j.written = true
	j.revision.Removed = slices.DeleteFunc(j.revision.Removed, func(node *tree.Instance) bool {
		in := c.instanceOf(node)
		if in == nil || in.ownHooks().delete == nil {
			return false
		}
		err := guard(func() error { return in.ownHooks().delete(ctx) })
		if err != nil {
			c.log.Info("stays, as OnDelete wants", "path", node.Path().String(), "err", err)
		}
		return err != nil
	})
	return nil
}

// make makes a created instance and fills it.
func (c *Client) make(ctx context.Context, creation *tree.Creation) (*Instance, error) {
	in := new(Instance)
	if factory := c.factories[creation.Path().Object()]; factory.New != nil {
		made, err := factory.New(ctx, creation.Path().Instance())
		switch {
		case err != nil:
			return nil, err
		case made == nil || made.Base() == nil:
			return nil, fmt.Errorf("the Factory made nothing for %v", creation.Path())
		}
		if in = made.Base(); in.Path() != creation.Path() || in.owner.Load() != nil {
			return nil, fmt.Errorf("the Factory made %v instead of a new %v", in.Path(), creation.Path())
		}
	}
	return in, in.fill(ctx, creation)
}

// apply puts a judgement in force, unless the callbacks have refused it or the session is no more.
func (b *bootstrapper) apply(now time.Time, j *judgement, err error) {
	c := b.client
	gone := b.draft != j.draft || b.machine.State() != bootstrap.StateJudging
	if gone {
		err = errors.New("the session has ended meanwhile")
	}
	c.mu.Lock()
	if err == nil {
		err = c.enforce(now, j)
	}
	if err != nil {
		j.revision.Cancel(&c.tree)
	}
	c.mu.Unlock()
	if err != nil && j.written {
		c.undoWrites(now, j.revision.Changed.Calls())
	}
	switch {
	case gone:
	case err != nil:
		b.judged(now, refusedFinish(err))
	default:
		b.inForce = true
		c.keep(now, func(now time.Time, err error) { b.saved(now, j, err) })
	}
}

// enforce makes the tree what the revision wants. It is called with c.mu held.
func (c *Client) enforce(now time.Time, j *judgement) error {
	r := j.revision
	changed, err := r.Commit(&c.tree)
	if err != nil {
		return err
	}
	for _, node := range r.Removed {
		if i, ok := c.find(node.Path()); ok && c.instances[i].node == node {
			c.removed(node.Path())
		}
	}
	for _, node := range r.Accounts {
		in := &Instance{node: node}
		if i, ok := c.find(node.Path()); ok { // the one whose place it takes
			c.instances[i].disown()
			c.instances[i] = in
			in.owner.Store(c)
		} else {
			c.adopt(in)
		}
		c.noteChange(node.Path())
	}
	for _, creation := range r.Created {
		in := j.made[creation.Path()]
		if in == nil {
			in = &Instance{node: creation.Instance()}
		}
		in.mu.Lock() // the application may be setting values already
		c.adopt(in)
		in.mu.Unlock()
		c.noteChange(in.Path())
	}
	for _, p := range changed {
		c.noteChange(p)
	}
	c.noteStructure()
	if err := c.stampServers(now); err != nil {
		return err
	}
	return c.completeAccess()
}

// stampServers completes the instances of the Server Object after a bootstrap: they tell when that was, and have what
// the client does for servers. Factory data come at no time. It is called with c.mu held.
func (c *Client) stampServers(now time.Time) error {
	for node := range c.tree.Instances(objectServer) {
		if _, ok := node.Definition().Resource(serverLastBootstrapped); ok && !now.IsZero() { // since LwM2M 1.1
			if _, err := node.Set(serverLastBootstrapped, model.TimeValue(now)); err != nil {
				return err
			}
			c.noteChange(node.Path().Child(serverLastBootstrapped))
		}
		if err := c.equipServer(node); err != nil {
			return err
		}
	}
	return nil
}

// undoWrites tells OnWrite callbacks of what was there before.
func (c *Client) undoWrites(now time.Time, calls []tree.WriteCall) {
	ctx := c.shard.host.ctx
	c.work(now, nil, Path{}, func() (err error) {
		for _, call := range calls {
			if call.Hooks.Write != nil && call.OldKnown {
				err = errors.Join(err, guard(func() error { return call.Hooks.Write(ctx, call.Old) }))
			}
		}
		return err
	}, func(_ time.Time, err error) {
		if err != nil {
			c.log.Error("a write of the Bootstrap-Server could not be undone", "err", err)
		}
	})
}

// saved answers once what is in force has been made to last. If it could not be, the Bootstrap-Server may finish again.
func (b *bootstrapper) saved(now time.Time, j *judgement, err error) {
	if b.draft != j.draft || b.machine.State() != bootstrap.StateJudging { // the session has ended meanwhile
		return
	}
	if err != nil {
		c := b.client
		c.mu.Lock()
		b.draft = c.newDraft()
		c.mu.Unlock()
		err = &Error{Code: InternalServerError, Reason: "done, but it could not be saved and may not survive a restart", Err: err}
	}
	b.judged(now, err)
}

// judged answers the Bootstrap-Server, and goes on with the account that it may have written for itself.
func (b *bootstrapper) judged(now time.Time, err error) {
	if cmd := b.finish; cmd != nil {
		b.finish = nil
		cmd.answer(now, model.Changed, err)
	}
	if err == nil {
		c := b.client
		c.mu.Lock()
		a, ok := c.bootstrapAccount()
		c.mu.Unlock()
		if ok {
			b.machine.Configure(c.bootstrapConfig(a))
		}
	}
	b.machine.Judged(now, err)
	b.settle(now)
}

// refusedFinish is the error for a Bootstrap-Finish: 4.06, whatever keeps the client from accepting.
func refusedFinish(err error) error {
	var refusal *Error
	if errors.As(err, &refusal) && refusal.Code != model.NotAcceptable {
		return &Error{Code: model.NotAcceptable, Path: refusal.Path, Reason: refusal.Reason, Err: refusal.Err}
	}
	return err
}

// startOver goes on with the accounts that a bootstrap has left: all servers hear a Register, as those that were known may have
// been changed.
func (c *Client) startOver(now time.Time) {
	if c.stopping {
		return
	}
	fresh, err := c.reconcile(now)
	if err != nil {
		c.log.Error("accounts that cannot be used", "err", err)
	}
	known := make(map[*session]bool, len(fresh))
	for _, s := range fresh {
		known[s] = true
	}
	for _, s := range c.sessions {
		if !known[s] {
			s.forget(now)
		}
	}
	c.register(now, true)
}

// forget ends the registration without a De-register, so that the session begins anew. DTLS goes on where it can.
func (s *session) forget(now time.Time) {
	s.disabled = nil
	s.suspendLink(now)
	s.reg.Abort(now)
	s.settle(now)
	s.finishUpdates(ErrNotRegistered)
	s.configure()
}

// purge removes the account of the Bootstrap-Server, as its time is up (Resource 0/x/12).
func (b *bootstrapper) purge(now time.Time) {
	c := b.client
	c.mu.Lock()
	p := b.account.Path()
	if c.tree.Holds(b.account) {
		c.tree.Remove(p)
		c.removed(p)
		for node := range c.tree.Instances(objectServer) {
			_ = c.equipServer(node) // there is nothing to trigger any more
		}
	}
	c.mu.Unlock()
	c.reconcileBootstrap(now)
}
