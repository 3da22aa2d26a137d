package lwm2m

import (
	"context"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/bootstrap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// clientHooks are those of the executable Resources of the Server Object that the
// client itself serves, where the application has no callback.
var clientHooks = &tree.Hooks{Execute: func(context.Context, []byte) error { return nil }}

// execute performs an Execute (Core 1.1.1 §6.3.5).
func (op *operation) execute(now time.Time, payload []byte) {
	c := op.client()
	c.mu.Lock()
	hooks, err := c.tree.Execute(op.caller(), op.path)
	c.mu.Unlock()
	if err == nil && op.hasFormat && op.format != format.Text {
		err = &Error{Code: model.UnsupportedContentFormat, Path: op.path, Reason: "arguments are text/plain"}
	}
	if err == nil {
		err = op.checkArguments(payload)
	}
	if err != nil {
		op.fail(now, err)
		return
	}
	if hooks == clientHooks {
		op.executed(now, nil)
		return
	}
	arguments, ctx := slices.Clone(payload), c.shard.host.ctx
	c.work(now, c.lane(op.path), op.path, func() error { return hooks.Execute(ctx, arguments) }, op.executed)
}

// checkArguments reads the arguments, and checks those that are for the client itself: a Registration Update Trigger may
// name the transport of the Update, of which there is one (Core 1.1.1 Appendix E.2).
func (op *operation) checkArguments(payload []byte) error {
	arguments, err := ParseArguments(string(payload))
	if err != nil || op.path.Object() != objectServer || op.path.Resource() != serverUpdateTrigger {
		return err
	}
	for _, a := range arguments {
		if a.Digit != 0 || a.Value != bindingUDP {
			return &Error{Code: BadRequest, Path: op.path, Reason: "the one argument that there is names the binding: 0='U'"}
		}
	}
	return nil
}

// executed answers an Execute and then has the client do its part.
func (op *operation) executed(now time.Time, err error) {
	if err != nil {
		op.fail(now, err)
		return
	}
	op.succeed(now, model.Changed)
	op.client().executed(now, op.path)
}

// executed does what the client has to do after an Execute. The loop calls it.
func (c *Client) executed(now time.Time, p Path) {
	for _, s := range c.sessions { // a server may have a say in what is another's
		switch p {
		case s.server.Child(serverUpdateTrigger):
			s.reg.Trigger(now)
			s.settle(now)
		case s.server.Child(serverDisable):
			s.disable(now)
		case s.server.Child(serverBootstrapTrigger):
			c.bootstrap(now, bootstrap.ServerRequest)
		}
	}
}
