package server

import (
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/model"
)

// Intercepted is a request of a Client that Config.Intercept decides about.
type Intercepted struct {
	Kind     RequestKind
	Endpoint string // of the Client, as far as the request tells; else empty
	Address  string // of the Client
	Path     string // such as "/rd/5a3f"
	Query    []string
	Format   ContentFormat
	Payload  []byte
}

// RequestKind says what a Client asks of a Server.
type RequestKind uint8

// The requests of Clients (Core 1.1.1 §6.1 to §6.4).
const (
	OtherRequest RequestKind = iota // none of the others; answered 4.04 or 4.05
	RegisterRequest
	UpdateRequest
	DeregisterRequest
	SendRequest
	BootstrapRequest
	BootstrapPackRequest // since LwM2M 1.2
)

var requestKinds = [...]string{"request", "Register", "Update", "De-register", "Send", "Bootstrap-Request", "Bootstrap-Pack-Request"}

// String is the operation in the words of the standard, such as "De-register".
func (k RequestKind) String() string {
	if int(k) < len(requestKinds) {
		return requestKinds[k]
	}
	return "request"
}

// Verdict is what happens to an [Intercepted] request. The zero Verdict serves it as
// usual.
type Verdict struct {
	// Code answers the request with this code instead, such as model.NotFound to an
	// Update. Nothing else happens, unless CarryOut is set.
	Code   model.Code
	Reason string // goes with Code, as diagnostic payload
	// Silent leaves the request without any answer, and without an acknowledgement
	// too if Intercept does not take longer than CoAP.AckDelay. So are repetitions
	// of the same message. Nothing else happens, unless CarryOut is set.
	Silent bool
	// CarryOut serves the request as usual all the same; only the answer is another,
	// or lost.
	CarryOut bool
}

// serves reports whether the request is carried out.
func (v Verdict) serves() bool { return !v.Silent && v.Code == 0 || v.CarryOut }

// intercept asks Config.Intercept on another goroutine, and who knows the configuration for a bootstrap, and goes on
// with the verdict.
func (s *Server) intercept(now time.Time, req *request) {
	info := s.intercepted(req)
	var verdict Verdict
	run := func() error {
		if s.config.Intercept != nil {
			verdict = Verdict{Code: model.InternalServerError, Reason: "Intercept panicked"}
			s.guard("Intercept", func() { verdict = s.config.Intercept(s.ctx, info) })
		}
		if q := req.bootstrap; q != nil && q.err == nil && verdict.serves() {
			s.findBootstrap(q)
		}
		return nil
	}
	done := func(error) {
		s.do(func(now time.Time) { s.judge(now, req, verdict) })
	}
	if err := s.workers.Go(&req.peer.lane, run, done); err != nil {
		s.judge(now, req, Verdict{Code: model.ServiceUnavailable, Reason: err.Error()})
	}
}

func (s *Server) intercepted(req *request) Intercepted {
	info := Intercepted{
		Kind: req.kind(), Endpoint: endpointOf(req.query), Address: req.peer.remote,
		Path: req.path, Query: req.query, Format: req.format, Payload: req.payload,
	}
	if r := req.registration(); r != nil {
		info.Endpoint = r.Endpoint
	}
	return info
}

// judge carries out a verdict.
func (s *Server) judge(now time.Time, req *request, v Verdict) {
	switch {
	case !v.Silent && v.Code == 0:
		s.answer(now, req)
		return
	case v.CarryOut:
		_, _ = s.serve(now, req)
	}
	if v.Silent {
		req.peer.silence(now, req)
		return
	}
	req.respond(now, &coap.Response{Code: coap.Code(v.Code), Payload: []byte(v.Reason)})
}
