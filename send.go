package lwm2m

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/internal/registration"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// Report is what [Client.SendReport] sends, and how.
type Report struct {
	// Paths name Objects, Object Instances, Resources and Resource Instances whose values are sent, as a Read of
	// the server would give them: OnRead callbacks are asked. Of Resources with a history all samples are
	// sent that the server does not have yet; see [Resource.KeepHistory].
	Paths []Path
	// Samples are sent as they are. The client must have the Object Instances, but not the values.
	Samples []Sample
	// Server is the Short Server ID of the only server to send to. Zero is all servers.
	Server uint16
	// JSON has SenML JSON sent. Default: SenML CBOR.
	JSON bool
}

// Send sends the current values at the paths to all servers where the client is
// registered, and returns when they have been acknowledged or ctx ends. It is SendReport of a [Report] of paths.
func (c *Client) Send(ctx context.Context, paths ...Path) error {
	return c.SendReport(ctx, Report{Paths: paths})
}

// SendSamples sends values of any time to all servers where the client is registered. It is SendReport of a
// [Report] of samples.
func (c *Client) SendSamples(ctx context.Context, samples []Sample) error {
	return c.SendReport(ctx, Report{Samples: samples})
}

// SendReport performs the operation Send (Core 1.1.1 §6.4.4), which exists since LwM2M 1.1: earlier the error is
// [errors.ErrUnsupported]. What is longer than Transmission.MaxReport goes out in several messages, one after another.
// It waits for an Update that is to tell of new Object Instances, and returns when the servers have answered or
// ctx ends; what a canceled message carried of a history is sent again.
//
// Servers that do not want it, or where the client is not registered, are passed over while there is another. If
// there is none, the error is [ErrMuted] or [ErrNotRegistered]. The errors of several servers are joined: a [*Error]
// with the code of the answer, or a net.Error with Timeout() == true. A [*Error] comes too, and nothing is sent, if
// something is not there, cannot be read, or its callback fails; with [Unauthorized] if the server has no right to read it.
func (c *Client) SendReport(ctx context.Context, r Report) error {
	if c.version.Compare(Version11) < 0 {
		return fmt.Errorf("lwm2m: Send exists since LwM2M 1.1, this client speaks %v: %w", c.version, errors.ErrUnsupported)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	nodes, err := c.sampleNodes(r.Samples)
	if err != nil {
		return err
	}
	paths := distinct(r.Paths)
	if len(paths)+len(nodes) == 0 {
		return &Error{Code: BadRequest, Reason: "nothing to send: neither paths nor samples"}
	}
	return c.call(ctx, func(now time.Time, answer func(error)) {
		sessions, err := c.listeners(r.Server)
		if err != nil {
			answer(err)
			return
		}
		left := len(sessions)
		var errs []error
		for _, s := range sessions {
			x := &sending{session: s, ctx: ctx, format: format.SenMLCBOR, paths: paths, nodes: slices.Clone(nodes)}
			if r.JSON {
				x.format = format.SenMLJSON
			}
			x.answer = func(err error) {
				errs = append(errs, err)
				if left--; left == 0 {
					answer(errors.Join(errs...))
				}
			}
			x.start(now)
		}
	})
}

// sampleNodes checks samples and makes nodes of them.
func (c *Client) sampleNodes(samples []Sample) ([]format.Node, error) {
	nodes := make([]format.Node, len(samples))
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for i, s := range samples {
		if s.Time.IsZero() {
			s.Time = now
		}
		if err := c.checkSample(s); err != nil {
			return nil, err
		}
		nodes[i] = format.Node{Path: s.Path, Value: s.Value, Time: s.Time}
	}
	return nodes, nil
}

// checkSample reports why a sample cannot be sent. It is called with c.mu held.
func (c *Client) checkSample(s Sample) error {
	p := s.Path
	if p.Depth() < 3 {
		return &Error{Code: BadRequest, Path: p, Reason: "a sample needs the path of a Resource or Resource Instance"}
	}
	if err := c.tree.Authorize(tree.Caller{Version: c.version}, p); err != nil {
		return err
	}
	in := c.instance(p)
	if in == nil {
		return &Error{Code: NotFound, Path: p, Reason: "the client has no such Object Instance, so servers would refuse it"}
	}
	def, ok := in.Object().Resource(p.Resource())
	switch {
	case !ok:
		return &Error{Code: NotFound, Path: p, Reason: "no such Resource"}
	case !def.Operations.Has(model.Readable):
		return &Error{Code: MethodNotAllowed, Path: p, Reason: "not readable"}
	case isRelativeTime(s.Time):
		return &Error{Code: BadRequest, Path: p, Reason: fmt.Sprintf("a sample of %v, which SenML would take for relative to now", s.Time)}
	}
	return in.check(p, s.Value)
}

// distinct returns the paths without those that lie within another.
func distinct(paths []Path) []Path {
	var kept []Path
	for i, p := range paths {
		within := func(j int, q Path) bool { return q.Contains(p) && (p != q || j < i) }
		covered := false
		for j, q := range paths {
			covered = covered || within(j, q)
		}
		if !covered {
			kept = append(kept, p)
		}
	}
	return kept
}

// listeners are the servers that a Send goes to; server is the only one, or 0. The loop calls it.
func (c *Client) listeners(server uint16) ([]*session, error) {
	var sessions []*session
	var errs []error
	for _, s := range c.sessions {
		if server != 0 && s.ssid != server {
			continue
		}
		if err := s.refusesSend(); err != nil {
			errs = append(errs, s.sendError(err))
			continue
		}
		sessions = append(sessions, s)
	}
	if len(sessions) == 0 && len(errs) == 0 {
		return nil, fmt.Errorf("lwm2m: Send: no account has the Short Server ID %d: %w", server, ErrNotRegistered)
	}
	if len(sessions) == 0 {
		return nil, errors.Join(errs...)
	}
	return sessions, nil
}

// refusesSend reports why the server gets no Send.
func (s *session) refusesSend() error {
	c := s.client
	c.mu.Lock()
	mute := c.value(s.server.Child(serverMuteSend))
	c.mu.Unlock()
	switch {
	case s.reg.Location() == nil && !s.isReturning():
		return ErrNotRegistered
	case mute.IsZero() || mute.Bool():
		return fmt.Errorf("%w by %v", ErrMuted, s.server.Child(serverMuteSend))
	case s.version().Compare(Version11) < 0:
		return fmt.Errorf("the server speaks LwM2M %v, which has no Send: %w", s.version(), errors.ErrUnsupported)
	}
	return nil
}

// isReturning reports whether the client is about to register anew with a server that it was registered
// with: a Send waits for that.
func (s *session) isReturning() bool {
	state := s.reg.State()
	return s.known && (state == registration.StateConnecting || state == registration.StateRegistering)
}

func (s *session) sendError(err error) error {
	return fmt.Errorf("lwm2m: Send to server %d: %w", s.ssid, err)
}

// sending is a Send to one server: any number of messages, one after another. It belongs to the loop.
type sending struct {
	session *session
	ctx     context.Context // of the caller, who waits
	unwatch func() bool     // ends the watch on ctx
	answer  func(error)     // called once
	done    bool
	format  format.ContentFormat

	paths  []Path        // still to be read
	nodes  []format.Node // still to be sent
	budget int           // how many samples of histories may follow: no more than there were in the beginning

	conn   *coap.Conn // carries the message under way
	handle coap.Handle
	taken  samples // what it carries of histories
}

// start begins, and has the end of ctx end it.
func (x *sending) start(now time.Time) {
	on := x.session.client.shard.loop
	x.unwatch = context.AfterFunc(x.ctx, func() {
		on.Post(loop.Event{To: loop.Func(x.cancel)})
	})
	x.proceed(now)
	x.session.settle(now)
}

// proceed does what is next, or waits for the registration: a server refuses what it has not been
// told of. settle looks after those that wait.
func (x *sending) proceed(now time.Time) {
	s := x.session
	switch s.reg.State() {
	case registration.StateRegistered, registration.StateUpdating:
	case registration.StateConnecting, registration.StateRegistering, registration.StateAsleep:
		s.postpone(x)
		s.reg.Wake(now)
		return
	default:
		x.finish(ErrNotRegistered)
		return
	}
	switch err := s.refusesSend(); {
	case err != nil:
		x.finish(err)
	case s.conn == nil || x.isUntold() || s.isWaking():
		s.postpone(x)
	case len(x.paths) > 0:
		x.read(now)
	default:
		x.transmit(now)
	}
}

// outbox is what Sends of a session have to wait for, and those that do.
type outbox struct {
	sends  []*sending
	untold []Path // Object Instances that the server may not have been told of
}

// postpone has a Send wait until the registration has gone on.
func (s *session) postpone(x *sending) {
	if s.outbox == nil {
		s.outbox = new(outbox)
	}
	s.outbox.sends = append(s.outbox.sends, x)
}

// noteUntold remembers Object Instances that the next Update tells of.
func (s *session) noteUntold(added []Path) {
	s.forgetTold()
	for _, p := range added {
		if s.outbox == nil {
			s.outbox = new(outbox)
		}
		if !slices.Contains(s.outbox.untold, p) {
			s.outbox.untold = append(s.outbox.untold, p)
		}
	}
}

// forgetTold forgets Object Instances that the server has been told of, and an empty outbox.
func (s *session) forgetTold() {
	if s.outbox == nil {
		return
	}
	if s.reg.HasToldObjects() {
		s.outbox.untold = nil
	}
	if len(s.outbox.untold)+len(s.outbox.sends) == 0 {
		s.outbox = nil
	}
}

// isUntold reports whether the Send has something of an Object Instance that the server has not been told of.
func (x *sending) isUntold() bool {
	s := x.session
	s.forgetTold()
	return s.outbox != nil && slices.ContainsFunc(s.outbox.untold, func(untold Path) bool {
		return slices.ContainsFunc(x.paths, func(p Path) bool { return p.Contains(untold) || untold.Contains(p) }) ||
			slices.ContainsFunc(x.nodes, func(n format.Node) bool { return untold.Contains(n.Path) })
	})
}

// resumeSends goes on with what waited for the registration.
func (s *session) resumeSends(now time.Time) {
	if s.outbox == nil {
		return
	}
	waiting := s.outbox.sends
	s.outbox.sends = nil
	s.forgetTold()
	for _, x := range waiting {
		if !x.done {
			x.proceed(now)
		}
	}
}

// read collects the values at the paths, as a Read of the server would.
func (x *sending) read(now time.Time) {
	c := x.session.client
	var nodes []format.Node
	var calls []tree.ReadCall
	c.mu.Lock()
	for _, p := range x.paths {
		var more []tree.ReadCall
		var err error
		if nodes, more, err = c.tree.Read(nodes, x.session.caller(), p); err != nil {
			c.mu.Unlock()
			x.finish(err)
			return
		}
		calls = append(calls, more...)
	}
	c.mu.Unlock()
	if len(calls) == 0 {
		x.collect(now, nodes)
		return
	}
	ctx := c.shard.host.ctx
	c.work(now, nil, calls[0].Path, func() (err error) {
		for i := range calls {
			calls[i].Content, calls[i].Err = calls[i].Hooks.Read(ctx)
		}
		nodes, err = tree.Resolve(nodes, calls)
		return err
	}, func(now time.Time, err error) {
		switch {
		case x.done:
			return
		case err != nil:
			x.finish(err)
		default:
			x.collect(now, nodes)
		}
		x.session.settle(now)
	})
}

// collect takes the values that were read.
func (x *sending) collect(now time.Time, nodes []format.Node) {
	nodes = slices.DeleteFunc(nodes, func(n format.Node) bool { return n.Value.IsZero() })
	if len(nodes)+len(x.nodes) == 0 {
		x.finish(&Error{Code: NotFound, Path: x.paths[0], Reason: "there are no values to send"})
		return
	}
	x.paths = nil
	x.nodes = append(nodes, x.nodes...)
	x.budget = x.session.client.pendingSamples(x.session.ssid, nodes)
	x.proceed(now)
}

// transmit sends as much as fits into a message.
func (x *sending) transmit(now time.Time) {
	s, n := x.session, len(x.nodes)
	s.client.mu.Lock()
	err := s.client.checkRead(s.ssid, x.nodes)
	s.client.mu.Unlock()
	if err != nil {
		x.finish(err)
		return
	}
	var payload []byte
	for {
		var err error
		payload, x.taken, err = s.client.encodeReport(s.ssid, x.format, commonPath(x.nodes[:n]), x.nodes[:n])
		if err != nil {
			x.finish(&Error{Code: InternalServerError, Reason: err.Error(), Err: err})
			return
		}
		if len(payload) <= s.client.maxReport || n == 1 {
			break
		}
		x.taken.finish(false)
		n = min(max(n*s.client.maxReport/len(payload), 1), n-1)
	}
	x.budget -= x.taken.count
	out := coap.Outgoing{Code: coap.POST, Confirmable: true, Payload: slices.Clone(payload)}
	out.Options.AddString(coap.UriPath, "dp")
	out.Options.AddUint(coap.ContentFormat, uint32(x.format))
	out.Done = func(now time.Time, r coap.Result) { x.answered(now, n, r) }
	x.conn = s.conn
	if x.handle, err = s.conn.Do(now, &out); err != nil {
		x.release(false)
		x.finish(err)
	}
}

// commonPath is the longest path that contains all nodes.
func commonPath(nodes []format.Node) Path {
	common := nodes[0].Path
	for _, n := range nodes {
		for !common.Contains(n.Path) {
			common = common.Prefix(common.Depth() - 1)
		}
	}
	return common
}

// answered takes the answer to a message with the first n of the nodes, and goes on with the others and
// what is left of histories.
func (x *sending) answered(now time.Time, n int, r coap.Result) {
	err := r.Err
	if err == nil && !r.Code.IsSuccess() {
		err = &Error{Code: model.Code(r.Code), Reason: coap.Diagnostic(r.Payload)}
	}
	if errors.Is(err, coap.ErrTimeout) {
		x.session.doubt(now)
	} else if r.Err == nil {
		x.session.heard()
	}
	x.release(err == nil)
	if err == nil {
		rest := x.session.client.withPending(x.session.ssid, x.nodes[:n], x.budget)
		x.nodes = append(rest, x.nodes[n:]...)
	}
	if err != nil || len(x.nodes) == 0 {
		x.finish(err)
		return
	}
	if x.ctx.Err() == nil { // else cancel is on its way
		x.proceed(now)
	}
}

// release settles what the message carried of histories.
func (x *sending) release(acknowledged bool) {
	x.taken.finish(acknowledged)
	x.taken, x.handle, x.conn = samples{}, 0, nil
}

// cancel ends the Send when ctx has ended.
func (x *sending) cancel(now time.Time) {
	if x.done {
		return
	}
	if x.conn != nil {
		x.conn.Cancel(now, x.handle)
		x.release(false)
	}
	x.finish(x.ctx.Err())
	x.session.settle(now)
}

// finish tells the caller.
func (x *sending) finish(err error) {
	if x.done {
		return
	}
	x.done = true
	x.unwatch()
	if err != nil {
		err = x.session.sendError(err)
	}
	x.answer(err)
}
