package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// BootstrapSession is what follows a Bootstrap-Request: operations on the Client, up to Bootstrap-Finish. Each method
// that sends one waits for the answer as those of [Device] do; an answer is a [Response], whatever its code. After the
// end of the session they fail with an error that wraps ErrEnded. Its methods may be called from any goroutine.
type BootstrapSession struct {
	server *Server
	client BootstrapClient
	config BootstrapConfig
	peer   *peer

	ctx    context.Context // ends when the session fails; for the script
	cancel context.CancelFunc
	done   chan struct{} // closed at the end
	err    error         // guarded by done

	taken bool // by WaitBootstrap; guarded by the sessions' lock
	over  bool // of the loop's goroutine
}

// BootstrapStep is an operation of a bootstrap session with its answer.
type BootstrapStep struct {
	Operation string // such as "Bootstrap-Write"
	Path      string // such as "/0/1"
	// Format and Size tell how much was written, and in what; not the values, as keys are among them.
	Format   ContentFormat
	Size     int // bytes
	Response *Response
	Err      error // no answer; Response is then nil
}

// String is the step in one line for people.
func (s *BootstrapStep) String() string {
	line := s.Operation + " " + s.Path + ": "
	if s.Err != nil {
		return line + s.Err.Error()
	}
	if err := s.Response.Err(); err != nil {
		return line + err.Error()
	}
	return line + s.Response.Code.String()
}

var errAskedAnew = errors.New("the Client asked to be bootstrapped anew")

// Client is who is bootstrapped.
func (b *BootstrapSession) Client() BootstrapClient { return b.client }

// Done is closed when the session has ended: Bootstrap-Finish was accepted, or it failed.
func (b *BootstrapSession) Done() <-chan struct{} { return b.done }

// Err is why the session failed; nil while it is under way and after Bootstrap-Finish was accepted.
func (b *BootstrapSession) Err() error {
	select {
	case <-b.done:
		return b.err
	default:
		return nil
	}
}

// Close gives the session up without telling the Client, which notices when nothing comes for long (Core 1.1.1
// §6.1.7.6). A session that has ended stays as it is.
func (b *BootstrapSession) Close() {
	b.server.do(func(now time.Time) { b.end(now, errors.New("given up")) })
}

// Discover lists the Objects and Object Instances at the root or at an Object, in Response.Links: Bootstrap-Discover
// (Core 1.1.1 §6.1.7.2).
func (b *BootstrapSession) Discover(ctx context.Context, path model.Path) (*Response, error) {
	return b.do(ctx, "Bootstrap-Discover", &Request{Method: GET, Path: path.String(), Accept: LinkFormat})
}

// Read reads /1, /2 or an Instance of them: Bootstrap-Read (Core 1.1.1 §6.1.7.3); LwM2M 1.1. Without
// ReadOptions.Accept, the format is that of the session.
func (b *BootstrapSession) Read(ctx context.Context, path model.Path, o ReadOptions) (*Response, error) {
	if o.Accept == NoContentFormat {
		o.Accept = b.format()
	}
	return b.do(ctx, "Bootstrap-Read", &Request{Method: GET, Path: path.String(), Accept: o.Accept})
}

// Write writes one value to a Resource: Bootstrap-Write (Core 1.1.1 §6.1.7.4).
func (b *BootstrapSession) Write(ctx context.Context, path model.Path, value model.Value, o WriteOptions) (*Response, error) {
	return b.WriteNodes(ctx, path, []Node{{Path: path, Value: value}}, o)
}

// WriteNodes writes values at or below path, which is an Object, Object Instance or Resource. Without
// WriteOptions.Format, the format is that of the session. Partial is no Bootstrap-Write.
func (b *BootstrapSession) WriteNodes(ctx context.Context, path model.Path, nodes []Node, o WriteOptions) (*Response, error) {
	if o.Format == NoContentFormat {
		o.Format = b.format()
	}
	payload, err := encode(o.Format, path, nodes)
	if err != nil {
		return nil, b.error("Bootstrap-Write", path.String(), err)
	}
	return b.WritePayload(ctx, path, payload, o)
}

// WritePayload writes a payload as it is, in the format of the options.
func (b *BootstrapSession) WritePayload(ctx context.Context, path model.Path, payload []byte, o WriteOptions) (*Response, error) {
	r := &Request{Method: o.method(), Path: path.String(), Format: o.Format, Payload: payload}
	return b.do(ctx, "Bootstrap-Write", r)
}

// Delete deletes everything, an Object or an Object Instance: Bootstrap-Delete (Core 1.1.1 §6.1.7.5).
func (b *BootstrapSession) Delete(ctx context.Context, path model.Path) (*Response, error) {
	return b.do(ctx, "Bootstrap-Delete", &Request{Method: DELETE, Path: path.String()})
}

// Finish says that all is written: Bootstrap-Finish (Core 1.1.1 §6.1.7.6). A Client that finds its configuration
// inconsistent answers 4.06; then the session goes on.
func (b *BootstrapSession) Finish(ctx context.Context) (*Response, error) {
	return b.do(ctx, "Bootstrap-Finish", &Request{Method: POST, Path: "/" + bootstrapPath})
}

// Do sends any request and returns the answer.
func (b *BootstrapSession) Do(ctx context.Context, r Request) (*Response, error) {
	if r.Method == 0 {
		r.Method = GET
	}
	return b.do(ctx, r.Method.String(), &r)
}

func (b *BootstrapSession) do(ctx context.Context, operation string, r *Request) (*Response, error) {
	x := &exchange{server: b.server, request: r, to: b, result: make(chan outcome, 1)}
	x.report = func(response *Response, err error) { b.answered(operation, r, response, err) }
	response, err := x.wait(ctx, func(now time.Time) { x.begin(now, 0, x.done) })
	if err != nil {
		return nil, b.error(operation, r.Path, err)
	}
	return response, nil
}

func (b *BootstrapSession) error(operation, path string, err error) error {
	return &OperationError{Operation: operation, Endpoint: b.client.Endpoint, Path: path, Err: err}
}

// reach finds the Client where it asked to be bootstrapped.
func (b *BootstrapSession) reach(time.Time) (contact, error) {
	if b.over {
		err := b.err
		if err == nil {
			err = errors.New("Bootstrap-Finish was accepted")
		}
		return contact{}, fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return contact{peer: b.peer, dialect: dialect{b.server.config.Definitions, &model.Inventory{}}}, nil
}

// answered tells of an answer, and ends the session with that to Bootstrap-Finish.
func (b *BootstrapSession) answered(operation string, r *Request, response *Response, err error) {
	if b.over {
		return
	}
	now := time.Now()
	e := b.event(BootstrapAnswered, now)
	e.Step = &BootstrapStep{
		Operation: operation, Path: r.Path, Format: r.Format, Size: len(r.Payload), Response: response, Err: err,
	}
	b.server.emit(e)
	finish := r.Method == POST && r.Path == "/"+bootstrapPath
	if finish && err == nil && response.Code.IsSuccess() {
		b.end(now, nil)
	}
}

// end closes the books, once.
func (b *BootstrapSession) end(now time.Time, err error) {
	if b.over {
		return
	}
	b.over, b.err = true, err
	close(b.done)
	b.server.bootstraps.remove(b)
	if b.peer.bootstrap == b {
		b.peer.bootstrap = nil
		b.peer.schedule(now)
	}
	if err == nil {
		b.server.emit(b.event(BootstrapFinished, now))
		return
	}
	b.cancel()
	b.server.config.Logger.Info("bootstrap failed", "endpoint", b.client.Endpoint, "err", err)
	e := b.event(BootstrapFailed, now)
	e.Err = err
	b.server.emit(e)
}

func (b *BootstrapSession) event(kind EventKind, now time.Time) Event {
	return Event{Kind: kind, Time: now, Endpoint: b.client.Endpoint, Address: b.peer.remote}
}

// format is that of what is written.
func (b *BootstrapSession) format() ContentFormat {
	switch {
	case b.config.Format != NoContentFormat:
		return b.config.Format
	case b.client.Format != NoContentFormat:
		return b.client.Format
	}
	return TLV // the one that every version knows
}

var _ party = (*BootstrapSession)(nil)
var _ party = (*Device)(nil)
