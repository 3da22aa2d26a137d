package server

import (
	"slices"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/model"
)

// request is a request of a Client.
type request struct {
	peer      *peer
	ref       coap.Ref
	messageID uint16
	token     coap.Token
	confirmed bool // a Confirmable message
	method    coap.Code
	path      string
	query     []string
	format    ContentFormat
	accept    ContentFormat
	payload   []byte
	bootstrap *bootstrapQuery // of a request for a Bootstrap-Server; nil if this is none
}

// reply is what a request is answered with if it is not refused.
type reply struct {
	code     model.Code
	location string
	format   ContentFormat // of payload
	payload  []byte
}

// kind says what the request asks for.
func (r *request) kind() RequestKind {
	isPost := r.method == coap.POST
	switch {
	case isPost && r.path == "/"+registrationPath:
		return RegisterRequest
	case isPost && r.id() != "":
		return UpdateRequest
	case r.method == coap.DELETE && r.id() != "":
		return DeregisterRequest
	case isPost && r.path == "/"+sendPath:
		return SendRequest
	case isPost && r.path == "/"+bootstrapPath:
		return BootstrapRequest
	case r.method == coap.GET && r.path == "/"+packPath:
		return BootstrapPackRequest
	}
	return OtherRequest
}

// id is the Registration ID in the path; empty if it is not below /rd.
func (r *request) id() string {
	id, ok := strings.CutPrefix(r.path, "/"+registrationPath+"/")
	if !ok {
		return ""
	}
	return id
}

// ServeRequest serves a request of the Client.
func (p *peer) ServeRequest(now time.Time, r *coap.Request) {
	req := &request{
		peer: p, ref: r.Ref, messageID: p.seen, token: r.Token,
		confirmed: r.Type == coap.Confirmable,
		method:    r.Code,
		path:      r.Options.Path(coap.UriPath),
		format:    formatOption(r.Options, coap.ContentFormat),
		accept:    formatOption(r.Options, coap.Accept),
		payload:   r.Payload,
	}
	for query := range r.Options.All(coap.UriQuery) {
		req.query = append(req.query, string(query))
	}
	req.bootstrap = p.server.readBootstrap(req)
	if p.server.config.Intercept == nil && req.bootstrap == nil {
		p.server.answer(now, req)
		return
	}
	req.payload = slices.Clone(req.payload)
	p.server.intercept(now, req)
}

// answer serves a request and responds.
func (s *Server) answer(now time.Time, req *request) {
	rep, err := s.serve(now, req)
	if err != nil {
		req.respond(now, &coap.Response{Code: coap.Code(err.Code), Payload: []byte(err.Diagnostic())})
		return
	}
	response := coap.Response{Code: coap.Code(rep.code), Payload: rep.payload}
	response.Options.AddPath(coap.LocationPath, rep.location)
	rep.format.add(&response.Options, coap.ContentFormat)
	req.respond(now, &response)
}

func (r *request) respond(now time.Time, response *coap.Response) {
	if !r.peer.gone {
		r.peer.conn.Respond(now, r.ref, response)
		r.peer.schedule(now)
	}
}

// serve carries out a request.
func (s *Server) serve(now time.Time, req *request) (rep reply, err *model.Error) {
	switch req.kind() {
	case RegisterRequest:
		rep, err = s.register(now, req)
	case UpdateRequest:
		rep, err = s.update(now, req)
	case DeregisterRequest:
		rep, err = s.deregister(now, req)
	case SendRequest:
		rep, err = s.send(now, req)
	case BootstrapRequest:
		rep, err = s.bootstrap(now, req)
	case BootstrapPackRequest:
		rep, err = s.pack(now, req)
	default:
		err = req.unknown()
	}
	if err != nil {
		s.refuse(now, req, err)
	}
	return rep, err
}

// unknown is the answer to what a Server does not have.
func (r *request) unknown() *model.Error {
	bootstraps := r.peer.server.config.Bootstrap != nil && (r.path == "/"+bootstrapPath || r.path == "/"+packPath)
	if r.path == "/"+registrationPath || r.path == "/"+sendPath || r.id() != "" || bootstraps {
		return &model.Error{Code: model.MethodNotAllowed, Reason: "no " + r.method.String() + " on " + r.path}
	}
	return &model.Error{Code: model.NotFound, Reason: "a LwM2M Server has /rd and /dp, not " + r.path}
}

// registration finds the Client behind a request: by its location, or, without
// security, by its address.
func (r *request) registration() *registration {
	if id := r.id(); id != "" {
		return r.peer.server.directory.byID[id]
	}
	if r.kind() == SendRequest {
		return r.peer.registration()
	}
	return nil
}

// refuse tells of a request that was answered with an error.
func (s *Server) refuse(now time.Time, req *request, err *model.Error) {
	s.config.Logger.Info("request refused", "peer", req.peer.remote, "method", req.method, "path", req.path, "err", err)
	e := Event{Kind: Refused, Time: now, Endpoint: endpointOf(req.query), Address: req.peer.remote, Query: req.query, Err: err}
	if r := req.registration(); r != nil {
		e.Endpoint, e.Registration = r.Endpoint, r.clone()
	}
	s.emit(e)
}
