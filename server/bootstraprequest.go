package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/linkformat"
	"github.com/lwm2m-go/lwm2m/model"
)

// Paths of a Bootstrap-Server (Core 1.1.1 §6.1, Core 1.2 §6.1.7).
const (
	bootstrapPath = "bs"
	packPath      = "bspack"
)

// bootstrapQuery is a Bootstrap-Request or Bootstrap-Pack-Request as it was understood, with the configuration that
// was found for it.
type bootstrapQuery struct {
	client BootstrapClient
	config BootstrapConfig
	err    *model.Error
}

// readBootstrap reads a request for a Bootstrap-Server; nil if it is another one, or this is none.
func (s *Server) readBootstrap(req *request) *bootstrapQuery {
	kind := req.kind()
	if s.config.Bootstrap == nil || kind != BootstrapRequest && kind != BootstrapPackRequest {
		return nil
	}
	q := &bootstrapQuery{}
	if q.client, q.err = req.bootstrapClient(); q.err == nil && !s.mayUseName(q.client.Identity, q.client.Endpoint) {
		q.err = q.client.forbidden()
	}
	return q
}

// findBootstrap asks for the configuration, which may take time.
func (s *Server) findBootstrap(q *bootstrapQuery) {
	var found bool
	if q.config, found = s.config.Bootstrap.Endpoints[q.client.Endpoint]; found {
		return // checked by New
	}
	find := s.config.Bootstrap.Find
	if find == nil {
		q.err = badRequest("there is no configuration for %q", q.client.Endpoint)
		return
	}
	var err error
	if !s.guard("Find", func() { q.config, err = find(s.ctx, q.client) }) {
		q.err = &model.Error{Code: model.InternalServerError, Reason: "Find panicked"}
		return
	}
	if err != nil {
		q.err = asRefusal(err)
		return
	}
	if err := q.config.validate(); err != nil {
		s.config.Logger.Error("bootstrap configuration is not valid", "endpoint", q.client.Endpoint, "err", err)
		q.err = &model.Error{Code: model.InternalServerError, Reason: "the configuration is not valid", Err: err}
	}
}

// asRefusal is the answer to a request that a callback refuses.
func asRefusal(err error) *model.Error {
	var refusal *model.Error
	if errors.As(err, &refusal) {
		return refusal
	}
	var code model.Code
	if errors.As(err, &code) {
		return &model.Error{Code: code, Reason: err.Error()}
	}
	return badRequest("%v", err)
}

// bootstrapClient reads the parameters of a Bootstrap-Request (Core 1.1.1 §6.1.7.1) or Bootstrap-Pack-Request (Core
// 1.2 §6.1.7.7).
func (r *request) bootstrapClient() (BootstrapClient, *model.Error) {
	c := BootstrapClient{
		Identity: r.peer.identity, Address: r.peer.remote, Query: slices.Clone(r.query), Pack: r.kind() == BootstrapPackRequest,
	}
	seen := make(map[string]bool)
	for _, query := range r.query {
		name, value, _ := strings.Cut(query, "=")
		if seen[name] {
			return c, badRequest("parameter %s is given twice", name)
		}
		seen[name] = true
		if err := c.set(name, value); err != nil {
			return c, err
		}
	}
	if c.Pack {
		c.Format = r.accept
	}
	if !seen["ep"] {
		c.Endpoint = r.peer.identity.String()
	}
	if c.Endpoint == "" {
		return c, badRequest("the endpoint name, parameter ep, is missing")
	}
	return c, c.checkFormat()
}

func (c *BootstrapClient) set(name, value string) *model.Error {
	switch name {
	case "ep":
		p := parameters{}
		if err := p.set(name, value, true); err != nil {
			return err
		}
		c.Endpoint = p.endpoint
	case "pct":
		number, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return badRequest("pct=%.20s is not a Content-Format", value)
		}
		c.Format = FormatOf(uint16(number))
	case "acc":
		links, err := linkformat.Parse([]byte(value))
		if err != nil {
			return badRequest("acc: %v", err)
		}
		c.Account = []model.Path{}
		for _, l := range links {
			path, err := model.ParsePath(l.Target)
			if err != nil || path.Depth() != 2 {
				return badRequest("acc: <%.40s> is not an Object Instance", l.Target)
			}
			c.Account = append(c.Account, path)
		}
	}
	return nil
}

// checkFormat refuses formats that values of a bootstrap are not written in.
func (c *BootstrapClient) checkFormat() *model.Error {
	switch {
	case c.Format == NoContentFormat, c.Format == SenMLJSON, c.Format == SenMLCBOR, c.Format == LwM2MCBOR,
		c.Format == TLV && !c.Pack:
		return nil
	case c.Pack:
		return &model.Error{Code: model.NotAcceptable, Reason: "a Bootstrap-Pack is 110, 112 or 11544, not " + c.Format.String()}
	}
	return &model.Error{
		Code: model.UnsupportedContentFormat, Reason: "pct is one of 110, 112, 11542 and 11544, not " + c.Format.String(),
	}
}

// forbidden is the answer to a Client that is not who it says.
func (c *BootstrapClient) forbidden() *model.Error {
	return &model.Error{Code: model.Forbidden, Reason: fmt.Sprintf("%s may not use the name %q", c.Identity.describe(), c.Endpoint)}
}

// bootstrap serves Bootstrap-Request: POST /bs (Core 1.1.1 §6.1.7.1).
func (s *Server) bootstrap(now time.Time, req *request) (reply, *model.Error) {
	q := req.bootstrap
	if err := s.judgeBootstrap(req, q); err != nil {
		return reply{}, err
	}
	c := &q.client
	if old := s.bootstraps.byEndpoint[c.Endpoint]; old != nil {
		old.end(now, errAskedAnew)
	}
	if old := req.peer.bootstrap; old != nil {
		old.end(now, errAskedAnew)
	}
	if len(s.bootstraps.byEndpoint) >= s.config.Bootstrap.maxSessions() {
		return reply{}, &model.Error{Code: model.ServiceUnavailable, Reason: "too many Clients are bootstrapped"}
	}
	s.startBootstrap(now, req.peer, q)
	return reply{code: model.Changed}, nil
}

func (s *Server) judgeBootstrap(req *request, q *bootstrapQuery) *model.Error {
	switch {
	case q == nil:
		return req.unknown()
	case !req.confirmed:
		return badRequest("%s must be a confirmable message", req.kind())
	case q.err != nil:
		return q.err
	}
	under := s.bootstraps.byEndpoint[q.client.Endpoint]
	if under != nil && q.client.Identity.IsZero() && !under.client.Identity.IsZero() {
		return q.client.forbidden() // nobody without keys takes the place of a Client that has some
	}
	return nil
}

// startBootstrap begins a session. What it sends follows the answer, since it has to come to the loop first.
func (s *Server) startBootstrap(now time.Time, p *peer, q *bootstrapQuery) {
	b := &BootstrapSession{server: s, client: q.client, config: q.config, peer: p, done: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(s.ctx)
	p.bootstrap = b
	s.bootstraps.add(b)
	e := b.event(BootstrapRequested, now)
	e.Query = q.client.Query
	s.emit(e)
	if q.config.Manual {
		b.cancel() // nobody uses it
		return
	}
	script := q.config.Script
	if script == nil {
		script = func(ctx context.Context, b *BootstrapSession) error { return b.run(ctx) }
	}
	run := func() error { defer b.cancel(); return script(b.ctx, b) }
	done := func(err error) {
		if err == nil {
			err = errUnfinished // unless it is over
		}
		s.do(func(now time.Time) { b.end(now, err) })
	}
	if err := s.bootstraps.workers.Go(nil, run, done); err != nil {
		b.end(now, err)
	}
}
