package lwm2m

import (
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/model"
)

// writeAttributes performs a Write-Attributes (Core 1.1.1 §6.3.4): the attributes
// are kept for the server that wrote them, act on its observations, and are shown to it by Discover.
func (op *operation) writeAttributes(now time.Time, options coap.Options) {
	c := op.client()
	update, err := model.ParseAttributes(options.All(coap.UriQuery), c.version)
	if err == nil {
		c.mu.Lock()
		err = op.attach(update)
		c.wake() // for the observations that follow them
		c.mu.Unlock()
	} else {
		err = &Error{Code: BadRequest, Path: op.path, Reason: err.Error()}
	}
	if err != nil {
		op.fail(now, err)
		return
	}
	op.saved(now, &coap.Response{Code: coap.Changed})
}

// attach checks that the target exists and stores its attributes. It is called with the client's mu held.
func (op *operation) attach(update model.AttributesUpdate) error {
	c := op.client()
	resource, err := c.tree.Target(op.caller(), op.path)
	if err != nil {
		return err
	}
	if err := update.CheckLevel(op.path, resource); err != nil {
		return &Error{Code: BadRequest, Path: op.path, Reason: err.Error()}
	}
	if err := c.reporting().WriteAttributes(op.session.ssid, op.path, update); err != nil {
		return &Error{Code: BadRequest, Path: op.path, Reason: err.Error()}
	}
	c.noteAttributes()
	return nil
}
