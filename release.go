package lwm2m

import (
	"context"

	"github.com/lwm2m-go/lwm2m/model"
)

// Release waits until the client has ended, its state is saved and OnEvent has heard everything, and then gives the Object Instances
// back, so that another client can have them: those of Config.Objects, those that were added or that servers
// have created, and those that the client made itself, with the credentials. They keep their values, callbacks and
// histories; the client has none any more. A client that never ran can be released too. If ctx ends before
// the client does, the error is that of ctx and nothing changes.
func (c *Client) Release(ctx context.Context) ([]*Instance, error) {
	c.mu.Lock()
	started := c.shard != nil
	c.mu.Unlock()
	if started {
		select {
		case <-c.ended():
			c.events.wait(ctx)
			if err := c.persist.wait(ctx); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	released := c.instances
	c.disown()
	for _, in := range released {
		c.tree.Remove(in.Path())
	}
	c.instances = nil
	return released, nil
}

// Objects are the definitions of the Objects that the client has or lets servers create, in order of their IDs.
func (c *Client) Objects() []*model.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*model.Object
	for def := range c.tree.Objects() {
		all = append(all, def)
	}
	return all
}
