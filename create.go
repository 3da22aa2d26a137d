package lwm2m

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/tree"
)

// create performs a Create (Core 1.1.1 §6.3.6).
func (op *operation) create(now time.Time, payload []byte) {
	c := op.client()
	c.mu.Lock()
	creation, err := op.planCreation(payload)
	c.mu.Unlock()
	if err != nil {
		op.fail(now, err)
		return
	}
	in, ctx, factory := new(Instance), c.shard.host.ctx, c.factories[op.path.Object()]
	if factory.New == nil {
		op.finishCreation(now, creation, in, func() error { return in.fill(ctx, creation) }())
		return
	}
	c.work(now, nil, creation.Path(), func() error {
		made, err := factory.New(ctx, creation.Path().Instance())
		if err != nil {
			return err
		}
		if made == nil || made.Base() == nil {
			return fmt.Errorf("the Factory made nothing for %v", creation.Path())
		}
		if in = made.Base(); in.Path() != creation.Path() || in.owner.Load() != nil {
			return fmt.Errorf("the Factory made %v instead of a new %v", in.Path(), creation.Path())
		}
		return in.fill(ctx, creation)
	}, func(now time.Time, err error) { op.finishCreation(now, creation, in, err) })
}

// planCreation decodes and checks. It is called with the client's mu held.
func (op *operation) planCreation(payload []byte) (*tree.Creation, error) {
	c := op.client()
	if err := c.tree.CheckCreate(op.caller(), op.path); err != nil {
		return nil, err
	}
	if !op.hasFormat {
		return nil, &Error{Code: BadRequest, Path: op.path, Reason: "a Create needs a Content-Format"}
	}
	if err := op.checkFormat(op.format); err != nil {
		return nil, err
	}
	id, hasID, nodes, err := format.DecodeCreate(op.format, op.path, payload, &c.tree)
	if err != nil {
		return nil, op.payloadError(err)
	}
	return c.tree.Create(op.caller(), op.path.Object(), id, hasID, nodes)
}

// fill puts the server's values into a new instance and asks its callbacks. It runs off the loop.
func (in *Instance) fill(ctx context.Context, creation *tree.Creation) error {
	in.mu.Lock()
	calls, err := creation.Fill(in.node)
	if in.node == nil {
		in.node = creation.Instance()
	}
	in.mu.Unlock()
	if err == nil {
		err = runWrites(ctx, calls)
	}
	if onCreate := in.ownHooks().create; err == nil && onCreate != nil {
		err = onCreate(ctx)
	}
	return err
}

func (op *operation) finishCreation(now time.Time, creation *tree.Creation, in *Instance, err error) {
	c := op.client()
	c.mu.Lock()
	if err == nil {
		err = c.settleIn(in, creation)
	}
	if err != nil {
		creation.Cancel(&c.tree)
	}
	c.mu.Unlock()
	if err != nil {
		op.fail(now, err)
		return
	}
	r := coap.Response{Code: coap.Created}
	for _, id := range []uint16{creation.Path().Object(), creation.Path().Instance()} {
		r.Options.AddString(coap.LocationPath, strconv.Itoa(int(id)))
	}
	op.confirm(now, &r)
}

// settleIn puts a created instance into the tree. It is called with c.mu held.
func (c *Client) settleIn(in *Instance, creation *tree.Creation) error {
	in.mu.Lock() // the application may be setting values already
	defer in.mu.Unlock()
	if err := creation.Commit(&c.tree); err != nil {
		return err
	}
	c.adopt(in)
	c.noteChange(in.Path())
	c.noteStructure()
	if entry := creation.Entry(); entry != nil {
		c.adoptEntry(entry)
	}
	return nil
}

// adopt makes the client the owner of an instance that is in its tree. It is called with c.mu held.
func (c *Client) adopt(in *Instance) {
	in.owner.Store(c)
	i, _ := c.find(in.Path())
	c.instances = slices.Insert(c.instances, i, in)
	c.persist.claimHistories(in)
	if c.running {
		c.added = append(c.added, in.Path())
	}
}
