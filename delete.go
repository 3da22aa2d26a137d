package lwm2m

import (
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/tree"
)

// delete performs a Delete (Core 1.1.1 §6.3.7).
func (op *operation) delete(now time.Time) {
	c := op.client()
	c.mu.Lock()
	deletion, err := c.tree.Delete(op.caller(), op.path)
	var in *Instance
	if i, ok := c.find(op.path.Prefix(2)); ok {
		in = c.instances[i]
	}
	c.mu.Unlock()
	if err != nil {
		op.fail(now, err)
		return
	}
	calls := deletion.Calls()
	whole := op.path.Depth() == 2
	if len(calls) == 0 && (!whole || in.ownHooks().delete == nil) {
		op.finishDeletion(now, deletion, nil)
		return
	}
	ctx := c.shard.host.ctx
	c.work(now, c.lane(op.path), op.path, func() error {
		if whole && in.ownHooks().delete != nil {
			return in.ownHooks().delete(ctx)
		}
		return runWrites(ctx, calls)
	}, func(now time.Time, err error) { op.finishDeletion(now, deletion, err) })
}

func (op *operation) finishDeletion(now time.Time, deletion *tree.Deletion, err error) {
	c := op.client()
	c.mu.Lock()
	var changed []Path
	if err == nil {
		changed, err = deletion.Commit(&c.tree)
	}
	for _, p := range changed {
		if p.Depth() == 2 {
			c.removed(p)
		} else {
			c.noteChange(p)
		}
	}
	c.mu.Unlock()
	if err != nil {
		op.fail(now, err)
		return
	}
	op.confirm(now, &coap.Response{Code: coap.Deleted})
}
