package leshan

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// WriteMode says what a Write does to what is there.
type WriteMode bool

// The modes of OMA Core 1.1.1 §6.3.3.
const (
	Replace WriteMode = true  // PUT
	Partial WriteMode = false // POST: resources not mentioned stay as they are
)

// Read reads an object, instance, resource or resource instance.
func (s *Server) Read(ctx context.Context, ep, path string, accept Format) (*Result, error) {
	return s.operate(ctx, http.MethodGet, ep, path, formatQuery(accept), nil)
}

// Discover lists what is below an object, instance or resource.
func (s *Server) Discover(ctx context.Context, ep, path string) (*Result, error) {
	return s.operate(ctx, http.MethodGet, ep, path+"/discover", nil, nil)
}

// Write writes an instance, resource or resource instance; the node must be of
// that kind. Without a format Leshan takes TLV.
func (s *Server) Write(ctx context.Context, ep, path string, mode WriteMode, format Format, node *Node) (*Result, error) {
	query := formatQuery(format)
	if mode == Partial {
		query.Set("replace", "false")
	}
	return s.operate(ctx, http.MethodPut, ep, path, query, node)
}

// WriteAttributes sets notification attributes, given as in the request's query
// ("pmin=10&pmax=60"; a name alone removes the attribute). Leshan refuses
// attributes that it does not know (HTTP 400) and waits its own 5 seconds for
// the answer.
func (s *Server) WriteAttributes(ctx context.Context, ep, path, attributes string) (*Result, error) {
	return s.operateRaw(ctx, http.MethodPut, clientPath(ep)+path+"/attributes?"+attributes, nil)
}

// Execute runs a resource with arguments ("0,1='text'"), which may be empty.
func (s *Server) Execute(ctx context.Context, ep, path, arguments string) (*Result, error) {
	return s.operate(ctx, http.MethodPost, ep, path, nil, arguments)
}

// Create makes an instance of the object at path ("/3303"). An instance with
// [NoID] is numbered by the client, which Leshan allows only in TLV.
func (s *Server) Create(ctx context.Context, ep, path string, format Format, instance *Node) (*Result, error) {
	return s.operate(ctx, http.MethodPost, ep, path, formatQuery(format), instance)
}

// Delete deletes an instance or a resource instance.
func (s *Server) Delete(ctx context.Context, ep, path string) (*Result, error) {
	return s.operate(ctx, http.MethodDelete, ep, path, nil, nil)
}

// Observe starts an observation; the result has the first value, later ones are
// events of kind [Notified].
func (s *Server) Observe(ctx context.Context, ep, path string, accept Format) (*Result, error) {
	return s.operate(ctx, http.MethodPost, ep, path+"/observe", formatQuery(accept), nil)
}

// CancelObserve ends an observation by a request with Observe=1, whose answer is
// the result. Without such an observation the error is an [HTTPError] 404.
func (s *Server) CancelObserve(ctx context.Context, ep, path string) (*Result, error) {
	return s.operate(ctx, http.MethodDelete, ep, path+"/observe", url.Values{"active": {""}}, nil)
}

// ForgetObserve ends an observation on the server's side only: it answers the
// next notification with a reset.
func (s *Server) ForgetObserve(ctx context.Context, ep, path string) error {
	_, err := s.call(ctx, http.MethodDelete, clientPath(ep)+path+"/observe", nil)
	return err
}

// ReadComposite reads several paths at once; "/" is everything. The paths travel
// in the first format, the answer comes in the second if it is given. Composite
// operations know SenML JSON and SenML CBOR only.
func (s *Server) ReadComposite(ctx context.Context, ep string, paths []string, request, accept Format) (*Result, error) {
	return s.operate(ctx, http.MethodGet, ep, "/composite", compositeQuery(paths, request, accept), nil)
}

// WriteComposite writes resources and resource instances, keyed by path.
func (s *Server) WriteComposite(ctx context.Context, ep string, nodes map[string]*Node, format Format) (*Result, error) {
	return s.operate(ctx, http.MethodPut, ep, "/composite", url.Values{"nodeformat": {string(format)}}, nodes)
}

// ObserveComposite observes several paths at once, with formats as in
// [Server.ReadComposite].
func (s *Server) ObserveComposite(ctx context.Context, ep string, paths []string, request, accept Format) (*Result, error) {
	return s.operate(ctx, http.MethodPost, ep, "/composite/observe", compositeQuery(paths, request, accept), nil)
}

// CancelObserveComposite is [Server.CancelObserve] for the same list of paths
// that was observed.
func (s *Server) CancelObserveComposite(ctx context.Context, ep string, paths []string) (*Result, error) {
	query := compositeQuery(paths, "", "")
	query.Set("active", "")
	return s.operate(ctx, http.MethodDelete, ep, "/composite/observe", query, nil)
}

// ForgetObserveComposite is [Server.ForgetObserve] for the same list of paths
// that was observed.
func (s *Server) ForgetObserveComposite(ctx context.Context, ep string, paths []string) error {
	query := encodeQuery(compositeQuery(paths, "", ""))
	_, err := s.call(ctx, http.MethodDelete, clientPath(ep)+"/composite/observe?"+query, nil)
	return err
}

func formatQuery(format Format) url.Values {
	query := url.Values{}
	if format != "" {
		query.Set("format", string(format))
	}
	return query
}

func compositeQuery(paths []string, request, accept Format) url.Values {
	query := url.Values{"paths": {strings.Join(paths, ",")}}
	if request != "" {
		query.Set("pathformat", string(request))
	}
	if accept != "" {
		query.Set("nodeformat", string(accept))
	}
	return query
}
