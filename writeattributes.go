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
	update, err := model.ParseAttributes(options.All(coap.UriQuery), op.session.version())
	if err == nil {
		c.mu.Lock()
		err = c.attachAttributes(op.session.ssid, op.path, update)
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

// attachAttributes checks that the target exists and stores the attributes of a server. The loop calls it, with c.mu held.
func (c *Client) attachAttributes(server uint16, p Path, update model.AttributesUpdate) error {
	resource, err := c.tree.Target(c.caller(server), p)
	if err != nil {
		return err
	}
	if err := update.CheckLevel(p, resource); err != nil {
		return &Error{Code: BadRequest, Path: p, Reason: err.Error()}
	}
	if err := c.reporting().WriteAttributes(server, p, update); err != nil {
		return &Error{Code: BadRequest, Path: p, Reason: err.Error()}
	}
	c.noteAttributes()
	return nil
}
