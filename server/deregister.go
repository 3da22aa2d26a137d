package server

import (
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// deregister serves De-register: DELETE of the location (Core 1.1.1 §6.2.3).
func (s *Server) deregister(now time.Time, req *request) (reply, *model.Error) {
	r := req.registration()
	if r == nil {
		return reply{}, unknownLocation(req.path)
	}
	if err := req.mayUse(r); err != nil {
		return reply{}, err
	}
	r.end(now, Deregistered)
	return reply{code: model.Deleted}, nil
}
