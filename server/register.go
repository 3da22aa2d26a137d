package server

import (
	"slices"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Paths of a Server (Core 1.1.1 §6.2, §6.4.4).
const (
	registrationPath = "rd"
	sendPath         = "dp"
)

// register serves Register: POST /rd (Core 1.1.1 §6.2.1).
func (s *Server) register(now time.Time, req *request) (reply, *model.Error) {
	r, err := s.newRegistration(req)
	if err != nil {
		return reply{}, err
	}
	if old := s.directory.byEndpoint[r.Endpoint]; old != nil {
		old.end(now, Replaced)
	}
	r.Registered, r.Updated = now, now
	r.restart(now)
	r.attach(now, req.peer)
	s.directory.add(r)
	s.emit(r.withQuery(Registered, now, req.query))
	return reply{code: model.Created, location: r.Location()}, nil
}

// newRegistration makes a Registration of a Register, or says why not.
func (s *Server) newRegistration(req *request) (*registration, *model.Error) {
	if !req.confirmed {
		return nil, badRequest("Register must be a confirmable message")
	}
	p, err := parseParameters(req.query)
	if err != nil {
		return nil, err
	}
	if err := s.judgeRegister(&p); err != nil {
		return nil, err
	}
	if err := s.mayRegister(req.peer, p.endpoint); err != nil {
		return nil, err
	}
	if s.directory.byEndpoint[p.endpoint] == nil && len(s.directory.byID) >= s.config.MaxRegistrations {
		return nil, &model.Error{Code: model.ServiceUnavailable, Reason: "too many Clients are registered"}
	}
	inventory, err := parseLinks(req, p.version)
	if err != nil {
		if len(req.payload) == 0 && slices.ContainsFunc(p.extra, isProfile) {
			// Core 1.2 §6.2.1: only a profile that the server knows could tell the
			// Objects.
			err = &model.Error{Code: model.Conflict, Reason: "the Objects of a profile ID are not known here"}
		}
		return nil, err
	}
	r := &registration{server: s, Registration: Registration{
		ID: s.newID(), Endpoint: p.endpoint, Identity: req.peer.identity, Address: req.peer.remote, Version: p.version,
		Lifetime: p.lifetime, SMS: p.sms, Inventory: inventory, Extra: p.extra,
		Query: slices.Clone(req.query), Links: string(req.payload),
	}}
	r.Binding, r.QueueMode = splitBinding(p.binding)
	r.QueueMode = r.QueueMode || p.queueMode
	r.timer.Owner = r
	return r, nil
}

func isProfile(parameter string) bool { return strings.HasPrefix(parameter, "pid=") }

// judgeRegister fills in what a Client may leave out and checks what depends on the
// version.
func (s *Server) judgeRegister(p *parameters) *model.Error {
	if !p.given["lwm2m"] {
		p.version = model.Version10 // the parameter is newer than its default
	}
	if !p.given["lt"] {
		p.lifetime = defaultLifetime
	}
	if !p.given["b"] {
		p.binding = "U"
	}
	switch {
	case !slices.Contains(s.config.Versions, p.version):
		return &model.Error{Code: model.PreconditionFailed, Reason: "lwm2m=" + p.version.String() + " is not supported"}
	case !p.given["ep"]:
		return badRequest("the endpoint name, parameter ep, is missing")
	case p.queueMode && p.version.Compare(model.Version11) < 0:
		return badRequest("parameter Q does not exist in LwM2M 1.0: Q is part of the binding")
	}
	if err := checkBinding(p.binding, p.version); err != nil {
		return err
	}
	return s.checkLifetime(p.lifetime, p.version)
}

// checkLifetime refuses lifetimes that the version or the configuration does not
// allow.
func (s *Server) checkLifetime(lifetime time.Duration, version model.Version) *model.Error {
	minimum, maximum := s.config.MinLifetime, s.config.MaxLifetime
	switch {
	case lifetime == 0 && version.Compare(model.Version12) < 0:
		return badRequest("a lifetime of 0 does not exist in LwM2M %s", version)
	case lifetime == 0 && maximum > 0:
		return badRequest("a lifetime without end is not accepted, at most %d s", maximum/time.Second)
	case lifetime != 0 && lifetime < minimum:
		return badRequest("lifetime lt=%d is too short, at least %d s", lifetime/time.Second, minimum/time.Second)
	case maximum > 0 && lifetime > maximum:
		return badRequest("lifetime lt=%d is too long, at most %d s", lifetime/time.Second, maximum/time.Second)
	}
	return nil
}

// endpointOf finds the endpoint name of a request that may be wrong otherwise.
func endpointOf(query []string) string {
	for _, q := range query {
		if name, ok := strings.CutPrefix(q, "ep="); ok {
			return name
		}
	}
	return ""
}

// withQuery is event with the parameters of the request.
func (r *registration) withQuery(kind EventKind, now time.Time, query []string) Event {
	e := r.event(kind, now)
	e.Query = slices.Clone(query)
	return e
}
