package lwm2m

import (
	"errors"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// read performs a Read (Core 1.1.1 §6.3.1), and an Observe after its first part.
func (op *operation) read(now time.Time) {
	c := op.client()
	c.mu.Lock()
	nodes, calls, err := c.tree.Read(c.shard.nodes[:0], op.caller(), op.path)
	c.mu.Unlock()
	op.finishRead(now, nodes, calls, err)
}

// finishRead answers with the nodes, at once or after the OnRead callbacks.
func (op *operation) finishRead(now time.Time, nodes []format.Node, calls []tree.ReadCall, err error) {
	if err == nil && len(calls) > 0 && (!op.hasAccept || op.session.answersIn(op.accept)) {
		op.complete(now, nodes, calls, op.content)
		return
	}
	op.content(now, nodes, err)
	op.client().shard.keep(nodes)
}

// complete runs the OnRead callbacks of a Read and hands on the completed nodes.
func (op *operation) complete(now time.Time, nodes []format.Node, calls []tree.ReadCall, use func(time.Time, []format.Node, error)) {
	c := op.client()
	nodes = slices.Clone(nodes) // the shard needs its own back
	ctx := c.shard.host.ctx
	c.work(now, nil, op.path, func() (err error) {
		for i := range calls {
			calls[i].Content, calls[i].Err = calls[i].Hooks.Read(ctx)
		}
		nodes, err = tree.Resolve(nodes, calls)
		return err
	}, func(now time.Time, err error) { use(now, nodes, err) })
}

// content answers with the nodes in the format that the server accepts, and
// starts the observation if op is an Observe.
func (op *operation) content(now time.Time, nodes []format.Node, err error) {
	c := op.client()
	var f format.ContentFormat
	var payload []byte
	if err == nil {
		f = op.readFormat(nodes)
		told := nodes
		if c.readHistory && carriesTime(f) {
			told = c.withHistory(nodes)
		}
		payload, err = op.encode(f, told)
	}
	if err != nil || op.session.conn != op.conn {
		op.observingFailed(now)
		op.fail(now, err)
		return
	}
	var room [2]coap.Option
	r := coap.Response{Code: coap.Content, Options: room[:0], Payload: payload}
	o := op.observation
	if o != nil {
		op.observing(now, f)
		r.Options.AddUint(coap.Observe, o.Sequence())
	}
	r.Options.AddUint(coap.ContentFormat, uint32(f))
	op.respond(now, &r)
	if o != nil {
		c.mu.Lock()
		c.observed.Evaluate(now, o, nodes)
		c.observed.Sent(now, o, false)
		if carriesTime(f) && c.hasPending(o.Server, nodes) {
			c.observed.Repeat(o) // notifications alone carry the history
		}
		c.wake() // for what changed while the callbacks ran
		c.mu.Unlock()
	}
}

// readFormat chooses the format of an answer (Transport 1.1.1 §6.4.4): what the
// server accepts, for composite operations what it spoke itself, else the default.
func (op *operation) readFormat(nodes []format.Node) format.ContentFormat {
	switch {
	case op.hasAccept:
		return op.accept
	case op.composite:
		return op.format.Answer()
	}
	single := op.path.Depth() == 4 || op.path.Depth() == 3 && len(nodes) == 1 && nodes[0].Path == op.path && !nodes[0].Value.IsZero()
	kind := model.None
	if single {
		kind = nodes[0].Value.Kind()
	}
	version := op.session.version()
	if op.observation != nil && version.Compare(Version11) > 0 {
		version = Version11 // SenML, as notifications may have a history to tell
	}
	return format.Default(version, single, kind)
}

// answersIn reports whether answers and notifications to the server can be in a format.
func (s *session) answersIn(f format.ContentFormat) bool {
	return format.Supported(f, s.version()) && !f.RequestOnly()
}

// encode writes nodes into the shard's buffer, where they are valid until the next call.
func (c *Client) encode(f format.ContentFormat, base Path, nodes []format.Node) ([]byte, error) {
	payload, err := format.Append(c.shard.payload[:0], f, base, nodes)
	if err == nil && cap(payload) <= maxKept {
		c.shard.payload = payload
	}
	return payload, err
}

// encode is Client.encode with the error for the server: 4.06 if the format does not
// carry such things at all.
func (op *operation) encode(f format.ContentFormat, nodes []format.Node) ([]byte, error) {
	if !op.session.answersIn(f) {
		err := &format.Error{Err: format.ErrUnsupported, Format: f, Reason: "not supported"}
		return nil, &Error{Code: model.NotAcceptable, Path: op.path, Reason: err.Error()}
	}
	payload, err := op.client().encode(f, op.path, nodes)
	if err == nil {
		return payload, nil
	}
	code := InternalServerError
	if errors.Is(err, format.ErrUnsupported) {
		code = model.NotAcceptable
	}
	return nil, &Error{Code: code, Path: op.path, Reason: err.Error()}
}

// maxKept bounds the buffers that a shard keeps, in bytes; a node counts as 64.
const maxKept = 1 << 16

// keep takes the nodes of a Read back for the next one.
func (s *shard) keep(nodes []format.Node) {
	if cap(nodes) <= maxKept/64 {
		clear(nodes)
		s.nodes = nodes
	}
}
