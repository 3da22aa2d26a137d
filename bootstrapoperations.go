package lwm2m

import (
	"errors"
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/bootstrap"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/linkformat"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// bootstrapCommand is a request of the Bootstrap-Server.
type bootstrapCommand struct {
	operation
	bootstrapper *bootstrapper
}

// finishPath is where a Bootstrap-Finish goes.
const finishPath = "bs"

// ServeRequest performs an operation of the Bootstrap interface (Core 1.1.1 §6.1.7) on the draft. The loop calls it.
func (b *bootstrapper) ServeRequest(now time.Time, r *coap.Request) {
	cmd := &bootstrapCommand{operation{conn: b.conn, ref: r.Ref}, b}
	if r.Code == coap.POST {
		cmd.finish(now, r)
		return
	}
	if err := cmd.parse(r.Options); err != nil {
		cmd.fail(now, err)
		return
	}
	if !b.machine.Command(now) {
		cmd.fail(now, cmd.noSession())
		return
	}
	b.settle(now) // the draft may be to be made
	switch r.Code {
	case coap.GET:
		if cmd.hasAccept && cmd.accept == format.Link || cmd.path.IsRoot() {
			cmd.discover(now, r.Options)
		} else {
			cmd.read(now)
		}
	case coap.PUT:
		cmd.write(now, r.Payload)
	case coap.DELETE:
		cmd.answer(now, model.Deleted, cmd.onDraft(func(d *tree.Draft) error { return d.Delete(cmd.path) }))
	default:
		cmd.fail(now, &Error{Code: MethodNotAllowed, Reason: "no operation of a bootstrap uses " + r.Code.String()})
	}
}

// noSession says why a command cannot be served.
func (cmd *bootstrapCommand) noSession() error {
	if cmd.bootstrapper.machine.State() == bootstrap.StateJudging {
		return &Error{Code: ServiceUnavailable, Reason: "what has been written is being checked"}
	}
	return &Error{Code: MethodNotAllowed, Reason: "there is no bootstrap session"}
}

// onDraft works on the draft.
func (cmd *bootstrapCommand) onDraft(f func(*tree.Draft) error) error {
	c := cmd.bootstrapper.client
	c.mu.Lock()
	defer c.mu.Unlock()
	return f(cmd.bootstrapper.draft)
}

// discover performs a Bootstrap-Discover (Core 1.1.1 §6.1.7.2).
func (cmd *bootstrapCommand) discover(now time.Time, options coap.Options) {
	if options.Has(coap.UriQuery) {
		cmd.fail(now, &Error{Code: BadRequest, Path: cmd.path, Reason: "a Bootstrap-Discover has no parameters"})
		return
	}
	version := cmd.bootstrapper.client.version
	var entries []tree.BootstrapEntry
	err := cmd.onDraft(func(d *tree.Draft) (err error) {
		entries, err = d.Discover(version, cmd.path)
		return err
	})
	if err != nil {
		cmd.fail(now, err)
		return
	}
	// The root comes first and tells the version; servers look for it.
	payload := linkformat.AppendLink(nil, &linkformat.Link{Params: []linkformat.Param{
		{Name: "lwm2m", Value: version.String(), HasValue: true},
	}, Target: "/"})
	for _, e := range entries {
		payload = appendBootstrapEntry(append(payload, ','), e)
	}
	cmd.respond(now, model.Content, format.Link, payload)
}

func appendBootstrapEntry(dst []byte, e tree.BootstrapEntry) []byte {
	link := linkformat.Link{Target: e.Path.String()}
	param := func(name, value string, quoted bool) {
		link.Params = append(link.Params, linkformat.Param{Name: name, Value: value, HasValue: true, Quoted: quoted})
	}
	if !e.Version.IsZero() {
		param("ver", e.Version.String(), false)
	}
	if e.ShortServerID != 0 {
		param("ssid", model.IntegerValue(int64(e.ShortServerID)).String(), false)
	}
	if e.URI != "" {
		param("uri", e.URI, true)
	}
	return linkformat.AppendLink(dst, &link)
}

// read performs a Bootstrap-Read (Core 1.1.1 §6.1.7.3).
func (cmd *bootstrapCommand) read(now time.Time) {
	c := cmd.bootstrapper.client
	f := format.Default(c.version, false, model.None)
	if cmd.hasAccept {
		f = cmd.accept
	}
	var payload []byte
	err := cmd.onDraft(func(d *tree.Draft) error {
		nodes, err := d.Read(nil, cmd.path)
		if err != nil {
			return err
		}
		if !format.Supported(f, c.version) || f.RequestOnly() {
			return &Error{Code: model.NotAcceptable, Path: cmd.path, Reason: f.String() + " is not supported"}
		}
		if payload, err = format.Append(nil, f, cmd.path, nodes); err != nil {
			return &Error{Code: model.NotAcceptable, Path: cmd.path, Reason: err.Error()}
		}
		return nil
	})
	if err != nil {
		cmd.fail(now, err)
		return
	}
	cmd.respond(now, model.Content, f, payload)
}

// write performs a Bootstrap-Write (Core 1.1.1 §6.1.7.4).
func (cmd *bootstrapCommand) write(now time.Time, payload []byte) {
	f := format.Text
	if cmd.hasFormat {
		f = cmd.format
	}
	cmd.answer(now, model.Changed, cmd.onDraft(func(d *tree.Draft) error {
		if err := d.CheckWrite(cmd.path); err != nil {
			return err
		}
		nodes, err := cmd.bootstrapper.client.decodeDraft(d, f, cmd.path, payload)
		if err != nil {
			return cmd.payloadError(err)
		}
		return d.Write(cmd.path, nodes)
	}))
}

// decodeDraft reads a payload by the definitions of a draft.
func (c *Client) decodeDraft(d *tree.Draft, f format.ContentFormat, base Path, payload []byte) ([]format.Node, error) {
	if !format.Supported(f, c.version) || f.RequestOnly() {
		return nil, &format.Error{Err: format.ErrUnsupported, Format: f, Reason: "not supported"}
	}
	nodes, err := format.Decode(f, base, payload, d)
	var e *format.Error
	if errors.As(err, &e) && (base.IsRoot() || tree.IsProtected(base.Object())) {
		hidden := *e
		hidden.Reason = withoutQuotes(e.Reason)
		err = &hidden
	}
	return nodes, err
}

// withoutQuotes replaces what an error quotes of a payload, as that may be a key in the wrong place.
func withoutQuotes(reason string) string {
	for i := 0; i < len(reason); i++ {
		if quoted, err := strconv.QuotedPrefix(reason[i:]); err == nil {
			reason = reason[:i] + "…" + reason[i+len(quoted):]
		}
	}
	return reason
}

// finish performs a Bootstrap-Finish (Core 1.1.1 §6.1.7.6). The answer waits for the judgement.
func (cmd *bootstrapCommand) finish(now time.Time, r *coap.Request) {
	b := cmd.bootstrapper
	switch {
	case r.Options.Path(coap.UriPath) != "/"+finishPath:
		cmd.fail(now, &Error{Code: MethodNotAllowed, Reason: "no operation of a bootstrap is POST " + r.Options.Path(coap.UriPath)})
	case len(r.Payload) > 0 || r.Options.Has(coap.UriQuery):
		cmd.fail(now, &Error{Code: BadRequest, Reason: "a Bootstrap-Finish has neither parameters nor a payload"})
	case b.machine.Command(now) && b.machine.Finish():
		b.finish = cmd
		b.settle(now)
	default:
		cmd.fail(now, cmd.noSession())
	}
}

// answer answers with a code, or with the error.
func (cmd *bootstrapCommand) answer(now time.Time, code model.Code, err error) {
	if err != nil {
		cmd.fail(now, err)
		return
	}
	cmd.send(now, &coap.Response{Code: coap.Code(code)})
}

func (cmd *bootstrapCommand) respond(now time.Time, code model.Code, f format.ContentFormat, payload []byte) {
	r := coap.Response{Code: coap.Code(code), Payload: payload}
	r.Options.AddUint(coap.ContentFormat, uint32(f))
	cmd.send(now, &r)
}

// fail answers with the code of the error and its reason as diagnostic payload.
func (cmd *bootstrapCommand) fail(now time.Time, err error) {
	var refusal *Error
	if !errors.As(tree.Refusal(cmd.path, err, InternalServerError), &refusal) {
		refusal = &Error{Code: InternalServerError}
	}
	cmd.bootstrapper.client.log.Debug("bootstrap operation refused", "path", cmd.path.String(), "err", err)
	cmd.send(now, &coap.Response{Code: coap.Code(refusal.Code), Payload: []byte(refusal.Diagnostic())})
}

// send answers, unless the link has been replaced since the request.
func (cmd *bootstrapCommand) send(now time.Time, r *coap.Response) {
	b := cmd.bootstrapper
	if b.conn == cmd.conn && b.conn != nil {
		b.conn.Respond(now, cmd.ref, r)
	}
	b.settle(now)
}
