package lwm2m

import (
	"context"
	"errors"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// write performs a Write, as Replace or Partial (Core 1.1.1 §6.3.3). A payload
// without a Content-Format is taken as text, which suits a single Resource only.
func (op *operation) write(now time.Time, payload []byte, mode tree.Mode) {
	c := op.client()
	c.mu.Lock()
	var nodes []format.Node
	var transaction *tree.Transaction
	err := c.tree.CheckWrite(op.caller(), op.path, mode)
	if err == nil {
		nodes, err = op.decode(payload)
	}
	if err == nil {
		transaction, err = c.tree.Write(op.caller(), op.path, nodes, mode)
	}
	c.mu.Unlock()
	if err != nil {
		op.fail(now, err)
		return
	}
	op.transact(now, transaction)
}

// isPartialWrite reports whether a POST on a Resource is a Write rather than an Execute:
// since LwM2M 1.2, if the Resource has values (Core 1.2 §6.3.3).
func (op *operation) isPartialWrite() bool {
	c := op.client()
	if op.path.Depth() != 3 || op.session.version().Compare(Version12) < 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kind, _, ok := c.tree.Resource(op.path.Object(), op.path.Resource())
	return ok && kind != model.None
}

// decode reads a payload by the definitions of the tree. It is called with the client's mu held.
func (op *operation) decode(payload []byte) ([]format.Node, error) {
	f := format.Text
	if op.hasFormat {
		f = op.format
	}
	if err := op.checkFormat(f); err != nil {
		return nil, err
	}
	nodes, err := format.Decode(f, op.path, payload, &op.client().tree)
	if err != nil {
		return nil, op.payloadError(err)
	}
	return nodes, nil
}

// transact runs the callbacks of a transaction, commits it and answers.
func (op *operation) transact(now time.Time, transaction *tree.Transaction) {
	calls := transaction.Calls()
	if len(calls) == 0 {
		op.commit(now, transaction)
		return
	}
	c := op.client()
	ctx := c.shard.host.ctx
	c.work(now, c.lane(calls[0].Path), op.path, func() error { return runWrites(ctx, calls) },
		func(now time.Time, err error) {
			if err != nil {
				op.fail(now, err)
				return
			}
			op.commit(now, transaction)
		})
}

func (op *operation) commit(now time.Time, transaction *tree.Transaction) {
	c := op.client()
	c.mu.Lock()
	changed, err := transaction.Commit(&c.tree)
	for _, p := range changed {
		c.noteChange(p)
	}
	c.mu.Unlock()
	if err != nil {
		op.fail(now, err)
		return
	}
	op.confirm(now, &coap.Response{Code: coap.Changed})
}

// runWrites runs the callbacks of a Write: first all that judge, then all that act. If one
// refuses, those that acted are called again with what was there before.
func runWrites(ctx context.Context, calls []tree.WriteCall) error {
	for i := range calls {
		if err := calls[i].Validate(); err != nil {
			return err
		}
	}
	for i, call := range calls {
		if call.Hooks.Write == nil {
			continue
		}
		err := guard(func() error { return call.Hooks.Write(ctx, call.New) })
		if err == nil {
			continue
		}
		for _, done := range calls[:i] {
			if done.Hooks.Write != nil && done.OldKnown {
				err = errors.Join(err, guard(func() error { return done.Hooks.Write(ctx, done.Old) }))
			}
		}
		return tree.Refusal(call.Path, err, InternalServerError)
	}
	return nil
}

// guard turns a panic into an error, so that what was done before can be undone.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = loop.Panicked(v)
		}
	}()
	return f()
}

// lane keeps the callbacks of an Object Instance in order. The loop calls it.
func (c *Client) lane(p Path) *loop.Lane {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.find(p.Prefix(2))
	if !ok {
		return nil
	}
	in := c.instances[i]
	if in.lane == nil {
		in.lane = new(loop.Lane)
	}
	return in.lane
}
