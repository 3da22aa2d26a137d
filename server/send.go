package server

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// send serves Send: POST /dp (Core 1.1.1 §6.4.4). Without security a Client is known
// by its address.
func (s *Server) send(now time.Time, req *request) (reply, *model.Error) {
	r := req.registration()
	data, err := s.judgeSend(req, r)
	if err != nil {
		return reply{}, err
	}
	e := r.event(Sent, now)
	e.Data = data
	s.emit(e)
	return reply{code: model.Changed}, nil
}

func (s *Server) judgeSend(req *request, r *registration) (*Data, *model.Error) {
	switch {
	case r == nil:
		return nil, badRequest("no Client is registered at %s", req.peer.remote)
	case r.Version.Compare(model.Version11) < 0:
		return nil, &model.Error{Code: model.NotFound, Reason: "Send does not exist in LwM2M 1.0"}
	case req.format == LwM2MCBOR && r.Version.Compare(model.Version12) < 0,
		req.format != SenMLJSON && req.format != SenMLCBOR && req.format != LwM2MCBOR:
		return nil, badRequest("Content-Format of Send must be 110, 112 or since LwM2M 1.2 11544, not %s", req.format)
	}
	nodes, err := r.dialect().decode(req.format, model.Path{}, req.payload)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	for _, n := range nodes {
		if !r.Has(n.Path) {
			return nil, &model.Error{Code: model.NotFound, Path: n.Path.Prefix(2), Reason: "is not registered"}
		}
	}
	return &Data{Format: req.format, Payload: slices.Clone(req.payload), Nodes: nodes}, nil
}
