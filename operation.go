package lwm2m

import (
	"errors"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// operation is a request of a server: what it asks for, and how to answer it.
type operation struct {
	session *session
	conn    *coap.Conn // the link's exchanges when the request came
	ref     coap.Ref

	path      Path
	accept    format.ContentFormat
	hasAccept bool
	format    format.ContentFormat
	hasFormat bool
	token     coap.Token
	key       coap.Key
	composite bool

	observation *observation // of an Observe, before it is answered; else nil
}

// ServeRequest performs an operation of the Device Management and Information
// Reporting interfaces (Transport 1.1.1 §6.4.3). The loop calls it. Each operation has a
// file of its own.
func (s *session) ServeRequest(now time.Time, r *coap.Request) {
	op := &operation{session: s, conn: s.conn, ref: r.Ref, token: r.Token, key: r.Key}
	if err := op.parse(r.Options); err != nil {
		op.fail(now, err)
		return
	}
	observe, observes := r.Options.Uint(coap.Observe)
	switch r.Code {
	case coap.GET:
		switch {
		case op.hasAccept && op.accept == format.Link:
			op.discover(now, r.Options)
		case observes && observe == 0:
			op.observe(now, r.Options)
		case observes && observe == 1:
			op.cancel(now)
			op.read(now)
		default:
			op.read(now)
		}
	case coap.PUT:
		if !op.hasFormat && len(r.Payload) == 0 {
			op.writeAttributes(now, r.Options)
			return
		}
		op.write(now, r.Payload, tree.Replace)
	case coap.POST:
		op.post(now, r)
	case coap.DELETE:
		op.delete(now)
	case coap.FETCH:
		op.readComposite(now, r, observes, observe)
	case coap.IPATCH:
		op.writeComposite(now, r.Payload)
	default:
		op.fail(now, &Error{Code: MethodNotAllowed, Reason: "no LwM2M operation uses " + r.Code.String()})
	}
}

// post tells the operations apart that have the method POST.
func (op *operation) post(now time.Time, r *coap.Request) {
	switch op.path.Depth() {
	case 1:
		op.create(now, r.Payload)
	case 2:
		op.write(now, r.Payload, tree.Partial)
	default:
		if op.isPartialWrite() {
			op.write(now, r.Payload, tree.Partial)
			return
		}
		op.execute(now, r.Payload)
	}
}

// parse reads the options that operations have in common.
func (op *operation) parse(options coap.Options) error {
	for segment := range options.All(coap.UriPath) {
		p, ok := op.path.AppendSegment(segment)
		if !ok && op.path.Depth() == 4 {
			return &Error{Code: MethodNotAllowed, Path: op.path, Reason: "a path has at most four levels"}
		}
		if !ok {
			return &Error{Code: NotFound, Path: op.path, Reason: "the next segment is no identifier of 0 to 65534"}
		}
		op.path = p
	}
	accept, hasAccept := options.Uint(coap.Accept)
	contentFormat, hasFormat := options.Uint(coap.ContentFormat)
	op.accept, op.hasAccept = format.ContentFormat(accept).Canonical(), hasAccept
	op.format, op.hasFormat = format.ContentFormat(contentFormat).Canonical(), hasFormat
	return nil
}

// checkFormat makes sure that the client understands payloads in a format. Those of
// RFC 8790 are for composite operations.
func (op *operation) checkFormat(f format.ContentFormat) error {
	if format.Supported(f, op.session.version()) && (op.path.IsRoot() || !f.RequestOnly()) {
		return nil
	}
	return op.payloadError(&format.Error{Err: format.ErrUnsupported, Format: f, Reason: "not supported"})
}

func (op *operation) client() *Client { return op.session.client }

func (op *operation) caller() tree.Caller {
	return op.session.caller()
}

// respond answers the server, unless the link has been replaced since it asked.
func (op *operation) respond(now time.Time, r *coap.Response) {
	if op.session.conn != op.conn {
		return
	}
	op.conn.Respond(now, op.ref, r)
	op.session.settle(now)
}

// succeed answers with a code alone.
func (op *operation) succeed(now time.Time, code model.Code) {
	op.respond(now, &coap.Response{Code: coap.Code(code)})
}

// confirm answers a request that has changed something. If that belongs to what is kept, the answer waits until it is
// saved, so that the server can rely on it; others are answered meanwhile.
func (op *operation) confirm(now time.Time, r *coap.Response) {
	if op.path.IsRoot() || isKept(op.path.Object()) {
		op.saved(now, r)
		return
	}
	op.respond(now, r)
}

// saved answers once all that has changed is saved.
func (op *operation) saved(now time.Time, r *coap.Response) {
	op.client().keep(now, func(now time.Time, err error) {
		if err != nil {
			op.fail(now, &Error{Code: InternalServerError, Path: op.path, Reason: "done, but it could not be saved and may not survive a restart"})
			return
		}
		op.respond(now, r)
	})
}

// fail answers with the code of the error and its reason as diagnostic payload (RFC 7252 §5.5.2).
func (op *operation) fail(now time.Time, err error) {
	var refusal *Error
	if !errors.As(tree.Refusal(op.path, err, InternalServerError), &refusal) {
		refusal = &Error{Code: InternalServerError}
	}
	op.client().log.Debug("operation refused", "server", op.session.ssid, "path", op.path.String(), "err", err)
	op.respond(now, &coap.Response{Code: coap.Code(refusal.Code), Payload: []byte(refusal.Diagnostic())})
}

// payloadError is the answer to a payload that cannot be decoded.
func (op *operation) payloadError(err error) error {
	code := BadRequest
	if errors.Is(err, format.ErrUnsupported) {
		code = model.UnsupportedContentFormat
	}
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	at := op.path
	if e := (*format.Error)(nil); errors.As(err, &e) && strings.HasPrefix(e.Where, "/") {
		at = Path{} // the text names the place already
	}
	return &Error{Code: code, Path: at, Reason: err.Error()}
}
