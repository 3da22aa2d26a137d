package server

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// update serves Update: POST to the location (Core 1.1.1 §6.2.2).
//
// Without security a location proves who the Client is, with security its identity must be that of the
// registration: an Update is accepted from any address, and the Client is spoken to there from then on. Observations end with
// a change of address, since what tells a notification from another is only valid
// between two addresses (RFC 7641 §4.1).
func (s *Server) update(now time.Time, req *request) (reply, *model.Error) {
	r := req.registration()
	if r == nil {
		return reply{}, unknownLocation(req.path)
	}
	if err := req.mayUse(r); err != nil {
		return reply{}, err
	}
	p, inventory, err := s.judgeUpdate(req, r)
	if err != nil {
		return reply{}, err
	}
	s.directory.change(func() {
		r.apply(&p)
		if inventory != nil {
			r.Inventory, r.Links = *inventory, string(req.payload)
		}
		r.Address, r.Updated, r.Updates = req.peer.remote, now, r.Updates+1
		r.restart(now)
	})
	r.attach(now, req.peer)
	s.emit(r.withQuery(Updated, now, req.query))
	return reply{code: model.Changed}, nil
}

func unknownLocation(path string) *model.Error {
	return &model.Error{Code: model.NotFound, Reason: "there is no registration at " + path}
}

// judgeUpdate reads an Update and checks it. Without links in it, inventory is nil.
func (s *Server) judgeUpdate(req *request, r *registration) (p parameters, inventory *model.Inventory, err *model.Error) {
	if !req.confirmed {
		return p, nil, badRequest("Update must be a confirmable message")
	}
	if p, err = parseParameters(req.query); err != nil {
		return p, nil, err
	}
	for _, name := range []string{"ep", "lwm2m", "Q"} {
		if p.given[name] {
			return p, nil, badRequest("parameter %s cannot change in an Update", name)
		}
	}
	if p.given["b"] {
		if err := checkBinding(p.binding, r.Version); err != nil {
			return p, nil, err
		}
	}
	if p.given["lt"] {
		if err := s.checkLifetime(p.lifetime, r.Version); err != nil {
			return p, nil, err
		}
	}
	if len(req.payload) == 0 {
		return p, nil, nil
	}
	links, err := parseLinks(req, r.Version)
	return p, &links, err
}

// apply takes over the parameters that an Update gave.
func (r *registration) apply(p *parameters) {
	if p.given["lt"] {
		r.Lifetime = p.lifetime
	}
	if p.given["b"] {
		binding, queueMode := splitBinding(p.binding)
		r.Binding = binding
		if r.Version.Compare(model.Version11) < 0 {
			r.QueueMode = queueMode
		}
	}
	if p.given["sms"] {
		r.SMS = p.sms
	}
	if len(p.extra) > 0 {
		r.Extra = slices.Clone(p.extra)
	}
}
