package lwm2m

import (
	"context"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// Read gives the values of a Resource as a server would read them: an OnRead callback is asked, on the goroutine of
// the caller. A single-instance Resource has one, at its path; a multiple one has those of its Resource
// Instances, in order. The error is a [*Error]: the Resource is not there, is executable, or its callback failed.
func (in *Instance) Read(ctx context.Context, resource uint16) ([]Sample, error) {
	p := in.Path().Child(resource)
	c := in.lock()
	content, ok := in.node.Get(resource)
	err := in.node.Check(resource, tree.Content{})
	hooks := in.node.HooksOf(resource)
	in.unlock(c)
	if err == nil && hooks != nil && hooks.Read != nil {
		ok = true
		if content, err = hooks.Read(ctx); err == nil {
			err = in.node.Check(resource, content)
		}
	}
	switch {
	case err != nil:
		return nil, tree.Refusal(p, err, InternalServerError)
	case !ok:
		return nil, &Error{Code: NotFound, Path: p, Reason: "no value here"}
	case !content.IsMultiple():
		return []Sample{{Path: p, Value: content.Value()}}, nil
	}
	values := make([]Sample, 0, len(content.Items()))
	for _, item := range content.Items() {
		values = append(values, Sample{Path: p.Child(item.ID), Value: item.Value})
	}
	return values, nil
}

// Execute does what an Execute by a server does: it calls the OnExecute callback, in turn with the other callbacks of the
// Object Instance, and then the client does what Disable and the Registration Update Trigger are for. arguments are in
// their text form; see [ParseArguments]. The error is a [*Error] or that of ctx.
func (in *Instance) Execute(ctx context.Context, resource uint16, arguments string) error {
	p := in.Path().Child(resource)
	def, ok := in.Object().Resource(resource)
	c := in.lock()
	hooks := in.node.HooksOf(resource)
	running := c != nil && c.running
	in.unlock(c)
	switch {
	case !ok:
		return &Error{Code: NotFound, Path: p, Reason: "no such Resource"}
	case !def.Operations.Has(model.Executable):
		return &Error{Code: MethodNotAllowed, Path: p, Reason: "not executable"}
	case hooks == nil || hooks.Execute == nil:
		return &Error{Code: NotFound, Path: p, Reason: "the Resource is not supported"}
	}
	if _, err := ParseArguments(arguments); err != nil {
		return err
	}
	run := func() error { return hooks.Execute(ctx, []byte(arguments)) }
	if !running {
		return run()
	}
	return c.call(ctx, func(now time.Time, answer func(error)) {
		c.work(now, c.lane(p), p, run, func(now time.Time, err error) {
			if err == nil {
				c.executed(now, p)
			}
			answer(err)
		})
	})
}

// Attributes are those that a server has attached to exactly this path, by Write-Attributes, or that
// [Client.WriteAttributes] has for it.
func (c *Client) Attributes(server uint16, p Path) model.Attributes {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.observed == nil {
		return model.Attributes{}
	}
	return c.observed.Attributes.Own(server, p)
}

// WriteAttributes attaches attributes to a path for a server, as its own Write-Attributes does (Core 1.1.1
// §6.3.4). The error is a [*Error], [ErrClosed] if the client does not run, or that of ctx.
func (c *Client) WriteAttributes(ctx context.Context, server uint16, p Path, update model.AttributesUpdate) error {
	return c.call(ctx, func(_ time.Time, answer func(error)) {
		c.mu.Lock()
		defer c.mu.Unlock()
		answer(c.attachAttributes(server, p, update))
		c.wake() // for the observations that follow them
	})
}
