package server

import (
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// pack serves Bootstrap-Pack-Request: GET /bspack (Core 1.2 §6.1.7.7).
func (s *Server) pack(now time.Time, req *request) (reply, *model.Error) {
	q := req.bootstrap
	if err := s.judgeBootstrap(req, q); err != nil {
		return reply{}, err
	}
	if q.config.Manual || q.config.Script != nil {
		return reply{}, &model.Error{Code: model.NotImplemented, Reason: "there is no Bootstrap-Pack, only Bootstrap-Request"}
	}
	rep := reply{code: model.Content, format: q.packFormat()}
	var err error
	if rep.payload, err = q.config.pack(layoutKeeping(q.client.Account), rep.format); err != nil {
		return reply{}, &model.Error{Code: model.InternalServerError, Reason: "the Bootstrap-Pack cannot be written", Err: err}
	}
	s.emit(Event{Kind: BootstrapPacked, Time: now, Endpoint: q.client.Endpoint, Address: req.peer.remote, Query: q.client.Query})
	return rep, nil
}

// packFormat is what the Client accepts, or else the configured one.
func (q *bootstrapQuery) packFormat() ContentFormat {
	switch {
	case q.client.Format != NoContentFormat:
		return q.client.Format
	case q.config.Format != NoContentFormat && q.config.Format != TLV:
		return q.config.Format
	}
	return SenMLCBOR
}

// pack is the payload of a Bootstrap-Pack.
func (c *BootstrapConfig) pack(l layout, f ContentFormat) ([]byte, error) {
	var nodes []Node
	for _, w := range c.writes(l) {
		nodes = append(nodes, w.nodes()...)
	}
	return encode(f, model.Path{}, nodes)
}
