package libcoap

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// endpoint is this module's CoAP over a link. There are no losses on the loopback, so it has no timers.
type endpoint struct {
	t     *testing.T
	serve func(e *endpoint, now time.Time, r *coap.Request)

	mu   sync.Mutex
	link link.Link
	conn *coap.Conn
}

func newEndpoint(t *testing.T) *endpoint {
	e := &endpoint{t: t}
	e.conn = coap.NewConn(&coap.Params{BlockSize: 512}, e, rand.New(rand.NewPCG(rand.Uint64(), 0)))
	return e
}

// dial connects to a server of libcoap's.
func dial(t *testing.T, network link.Network, uri string) (*endpoint, error) {
	t.Helper()
	target, err := link.ParseURI(uri)
	must(t, err)
	e := newEndpoint(t)
	l, err := network.Dial(testContext(t), target, e)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { l.Close() })
	e.mu.Lock()
	defer e.mu.Unlock()
	e.link = l
	return e, nil
}

func (e *endpoint) Input(l link.Link, datagram []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.link = l
	e.conn.Receive(time.Now(), datagram)
}

func (e *endpoint) Down(link.Link, error) {}

func (e *endpoint) Transmit(datagram []byte) {
	if err := e.link.Send(datagram); err != nil {
		e.t.Logf("send: %v", err) // the peer may have left; else an answer is missed
	}
}

func (e *endpoint) ServeRequest(now time.Time, r *coap.Request) {
	if e.serve == nil {
		e.conn.Respond(now, r.Ref, &coap.Response{Code: coap.NotFound})
		return
	}
	e.serve(e, now, r)
}

func (e *endpoint) ObservationEnded(time.Time, coap.Token, error) {}

// answer is a response, or a notification.
type answer struct {
	code      coap.Code
	body      string
	observing bool
	err       error
}

// do sends a request; answers come to the channel, several if it observes.
func (e *endpoint) do(method coap.Code, path, body string, observing coap.Handle, observe ...uint32) (coap.Handle, <-chan answer) {
	e.t.Helper()
	answers := make(chan answer, 16)
	out := &coap.Outgoing{Code: method, Confirmable: true, Payload: []byte(body), Observation: observing}
	out.Options.AddPath(coap.UriPath, path)
	for _, v := range observe {
		out.Options.AddUint(coap.Observe, v)
	}
	out.Done = func(_ time.Time, r coap.Result) {
		answers <- answer{r.Code, string(r.Payload), r.Observing, r.Err}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	handle, err := e.conn.Do(time.Now(), out)
	must(e.t, err)
	return handle, answers
}

func (e *endpoint) want(answers <-chan answer, code coap.Code) answer {
	e.t.Helper()
	select {
	case a := <-answers:
		if a.err != nil || a.code != code {
			e.t.Fatalf("answer %v %q, %v, want %v", a.code, a.body, a.err, code)
		}
		return a
	case <-time.After(patience):
		e.t.Fatal("no answer")
	}
	return answer{}
}

// converse has bodies of several blocks go to the server and back, and observes its clock. The server needs the
// option -d.
func (e *endpoint) converse() {
	e.t.Helper()
	body := strings.Repeat("0123456789abcdef", 300)
	path := fmt.Sprintf("/body-%d", rand.Uint32())
	_, put := e.do(coap.PUT, path, body, 0)
	e.want(put, coap.Created)
	_, get := e.do(coap.GET, path, "", 0)
	if got := e.want(get, coap.Content); got.body != body {
		e.t.Errorf("read %d bytes %.20q…, want the %d that were written", len(got.body), got.body, len(body))
	}
	handle, clock := e.do(coap.GET, "/time", "", 0, 0)
	first := e.want(clock, coap.Content)
	if second := e.want(clock, coap.Content); !first.observing || !second.observing || first.body == second.body {
		e.t.Errorf("observed %+v, then %+v", first, second)
	}
	_, last := e.do(coap.GET, "/time", "", handle, 1)
	if got := e.want(last, coap.Content); got.observing {
		e.t.Error("the observation goes on")
	}
}

// service is this module's CoAP as a server: /body is read and written in blocks, /clock observed.
type service struct {
	t *testing.T
	link.Listener

	mu    sync.Mutex
	peers map[link.Link]*endpoint
	body  string
}

func newService(t *testing.T) *service {
	return &service{t: t, peers: map[link.Link]*endpoint{}, body: strings.Repeat("fedcba9876543210", 300)}
}

func (s *service) Input(l link.Link, datagram []byte) {
	s.mu.Lock()
	e := s.peers[l]
	if e == nil {
		e = newEndpoint(s.t)
		e.serve = s.serve
		s.peers[l] = e
	}
	s.mu.Unlock()
	e.Input(l, datagram)
}

// content is the body now.
func (s *service) content() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.body
}

func (s *service) Down(link.Link, error) {}

func (s *service) serve(e *endpoint, now time.Time, r *coap.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.Options.Path(coap.UriPath)
	switch {
	case path == "/body" && r.Code == coap.PUT:
		s.body = string(r.Payload)
		e.conn.Respond(now, r.Ref, &coap.Response{Code: coap.Changed})
	case path == "/body":
		e.conn.Respond(now, r.Ref, &coap.Response{Code: coap.Content, Payload: []byte(s.body)})
	case path == "/clock":
		s.clock(e, now, r)
	default:
		e.conn.Respond(now, r.Ref, &coap.Response{Code: coap.NotFound})
	}
}

// clock answers an observer and notifies it twice.
func (s *service) clock(e *endpoint, now time.Time, r *coap.Request) {
	response := &coap.Response{Code: coap.Content, Payload: []byte("tick 1")}
	if v, ok := r.Options.Uint(coap.Observe); !ok || v != 0 {
		e.conn.Respond(now, r.Ref, response)
		return
	}
	response.Options.AddUint(coap.Observe, 1)
	token, key := r.Token, r.Key
	e.conn.Respond(now, r.Ref, response)
	for i := range uint32(2) {
		err := e.conn.Notify(now, &coap.Notification{
			Token: token, Key: key, Confirmable: i == 0, Sequence: i + 2, Code: coap.Content, Payload: fmt.Appendf(nil, "tick %d", i+2),
		})
		if err != nil {
			s.t.Errorf("notify: %v", err)
		}
	}
}
