package leshan

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"
	"time"
)

// client is a registered peer and the server it is registered with.
type client struct {
	*peer
	server *Server
	ctx    context.Context
}

func newClient(t *testing.T, ep string) client {
	t.Helper()
	server, ctx := sharedServer(t)
	events := server.MustEvents(t, ep)
	p := newPeer(t, server.CoAP)
	p.register(ep, `</>;rt="oma.lwm2m";ct="60 110 112 11542 11543",</1/0>,</3/0>,</3442/0>`)
	if _, err := events.Wait(ctx, Registered, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.deregister)
	return client{p, server, ctx}
}

// perform runs an operation that the client answers, and returns its request too.
func (c client) perform(operation func(context.Context) (*Result, error), code byte, rest string) (*Result, message) {
	c.t.Helper()
	var request message
	result, err := during(c.ctx, operation, func() { request = c.answer(code, []byte(rest)) })
	if err != nil {
		c.t.Fatal(err)
	}
	return result, request
}

func TestOperations(t *testing.T) {
	c := newClient(t, "operated")
	original := c.t
	defer func() { c.t = original }() // the De-register belongs to this test
	s := c.server
	one := Instance(0, Single(1, Integer, 60))
	text := Single(0, String, "Acme")
	for _, test := range []struct {
		name      string
		operation func(context.Context) (*Result, error)
		request   string // code, options and payload
		code      byte
		answer    string
		want      Result
	}{
		{
			"read", func(ctx context.Context) (*Result, error) { return s.Read(ctx, c.ep, "/3/0/0", TEXT) },
			"\x01\xb13\x010\x010\x60", content, "\xc0\xffAcme",
			Result{Code: "2.05", Status: "CONTENT(205)", Success: true, Content: text, Payload: []byte("Acme"), ContentFormat: 0},
		},
		{
			"read without a format", func(ctx context.Context) (*Result, error) { return s.Read(ctx, c.ep, "/3/0", "") },
			"\x01\xb13\x010", content, "\xc2\x2d\x16\xff\xc4\x00Acme",
			Result{Code: "2.05", Status: "CONTENT(205)", Success: true, Content: Instance(0, text), Payload: []byte("\xc4\x00Acme"), ContentFormat: 11542},
		},
		{
			"not found", func(ctx context.Context) (*Result, error) { return s.Read(ctx, c.ep, "/3/0/9", "") },
			"\x01\xb13\x010\x019", 0x84, "\xffnone",
			Result{Code: "4.04", Status: "NOT_FOUND(404)", ErrorMessage: "none", Payload: []byte("none"), ContentFormat: -1},
		},
		{
			"discover", func(ctx context.Context) (*Result, error) { return s.Discover(ctx, c.ep, "/3/0") },
			"\x01\xb13\x010\x61\x28", content, "\xc1\x28\xff</3/0>;pmin=10,</3/0/11>;dim=2",
			Result{Code: "2.05", Status: "CONTENT(205)", Success: true, Payload: []byte("</3/0>;pmin=10,</3/0/11>;dim=2"), ContentFormat: 40,
				ObjectLinks: []Link{{"/3/0", map[string]string{"pmin": "10"}}, {"/3/0/11", map[string]string{"dim": "2"}}}},
		},
		{
			"write, replace", func(ctx context.Context) (*Result, error) { return s.Write(ctx, c.ep, "/1/0", Replace, TLV, one) },
			"\x03\xb11\x010\x12\x2d\x16\xff\xc1\x01\x3c", changed, "",
			Result{Code: "2.04", Status: "CHANGED(204)", Success: true, Payload: []byte{}, ContentFormat: -1},
		},
		{
			"write, partial", func(ctx context.Context) (*Result, error) { return s.Write(ctx, c.ep, "/1/0", Partial, "", one) },
			"\x02\xb11\x010\x12\x2d\x16\xff\xc1\x01\x3c", changed, "",
			Result{Code: "2.04", Status: "CHANGED(204)", Success: true, Payload: []byte{}, ContentFormat: -1},
		},
		{
			"write resource instance", func(ctx context.Context) (*Result, error) {
				return s.Write(ctx, c.ep, "/3442/0/1110/2", Replace, TEXT, ResourceInstance(2, String, "a"))
			},
			"\x03\xb43442\x010\x041110\x012\x10\xffa", changed, "",
			Result{Code: "2.04", Status: "CHANGED(204)", Success: true, Payload: []byte{}, ContentFormat: -1},
		},
		{
			"write attributes", func(ctx context.Context) (*Result, error) {
				return s.WriteAttributes(ctx, c.ep, "/3/0/9", "pmin=5&pmax=60")
			},
			"\x03\xb13\x010\x019\x46pmin=5\x07pmax=60", changed, "",
			Result{Code: "2.04", Status: "CHANGED(204)", Success: true, Payload: []byte{}, ContentFormat: -1},
		},
		{
			"remove an attribute", func(ctx context.Context) (*Result, error) {
				return s.WriteAttributes(ctx, c.ep, "/3/0/9", "pmin")
			},
			"\x03\xb13\x010\x019\x44pmin", changed, "",
			Result{Code: "2.04", Status: "CHANGED(204)", Success: true, Payload: []byte{}, ContentFormat: -1},
		},
		{
			"execute", func(ctx context.Context) (*Result, error) { return s.Execute(ctx, c.ep, "/3/0/4", "0='a',1") },
			"\x02\xb13\x010\x014\x10\xff0='a',1", changed, "",
			Result{Code: "2.04", Status: "CHANGED(204)", Success: true, Payload: []byte{}, ContentFormat: -1},
		},
		{
			"execute without arguments", func(ctx context.Context) (*Result, error) { return s.Execute(ctx, c.ep, "/3/0/4", "") },
			"\x02\xb13\x010\x014", changed, "",
			Result{Code: "2.04", Status: "CHANGED(204)", Success: true, Payload: []byte{}, ContentFormat: -1},
		},
		{
			"create", func(ctx context.Context) (*Result, error) {
				return s.Create(ctx, c.ep, "/3442", TLV, Instance(NoID, Single(110, String, "a")))
			},
			"\x02\xb43442\x12\x2d\x16\xff\xc1\x6ea", created, "\x843442\x017",
			Result{Code: "2.01", Status: "CREATED(201)", Success: true, Location: "3442/7", Payload: []byte{}, ContentFormat: -1},
		},
		{
			"delete", func(ctx context.Context) (*Result, error) { return s.Delete(ctx, c.ep, "/3442/7") },
			"\x04\xb43442\x017", deleted, "",
			Result{Code: "2.02", Status: "DELETED(202)", Success: true, Payload: []byte{}, ContentFormat: -1},
		},
		{
			"read composite", func(ctx context.Context) (*Result, error) {
				return s.ReadComposite(ctx, c.ep, []string{"/3/0/0", "/3/0/9"}, SenMLJSON, SenMLJSON)
			},
			"\x05\xc1\x6e\x51\x6e\xff" + `[{"n":"/3/0/0"},{"n":"/3/0/9"}]`, content, "\xc1\x6e\xff" + `[{"n":"/3/0/0","vs":"Acme"}]`,
			Result{Code: "2.05", Status: "CONTENT(205)", Success: true, ContentFormat: 110, Payload: []byte(`[{"n":"/3/0/0","vs":"Acme"}]`),
				Composite: map[string]*Node{"/3/0/0": text, "/3/0/9": nil}},
		},
		{
			"write composite", func(ctx context.Context) (*Result, error) {
				return s.WriteComposite(ctx, c.ep, map[string]*Node{"/1/0/1": Single(1, Integer, 60)}, SenMLCBOR)
			},
			"\x07\xc1\x70\xff\x81\xa2\x02\x18\x3c\x21\x66/1/0/1", changed, "",
			Result{Code: "2.04", Status: "CHANGED(204)", Success: true, Payload: []byte{}, ContentFormat: -1},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.t = t
			result, request := c.perform(test.operation, test.code, test.answer)
			if !reflect.DeepEqual(*result, test.want) {
				t.Errorf("result\n got %+v\nwant %+v", *result, test.want)
			}
			if got := string(request.code) + string(request.rest); got != test.request {
				t.Errorf("request %q, want %q", got, test.request)
			}
		})
	}
}

func TestObserve(t *testing.T) {
	c := newClient(t, "observed")
	s, path := c.server, "/3/0/9"
	events := s.MustEvents(t, c.ep)
	first, request := c.perform(func(ctx context.Context) (*Result, error) { return s.Observe(ctx, c.ep, path, TEXT) },
		content, "\x60\x60\xff50")
	if first.Content.Value != int64(50) {
		t.Errorf("first value %+v, want 50", first.Content)
	}
	notify := append([]byte{con | byte(len(request.token)), content, 0x70, 1}, request.token...)
	c.send(append(notify, "\x61\x07\x60\xff51"...))
	if got := c.receive(); got.kind != ack || got.code != 0 {
		t.Errorf("Notify was answered by %+v", got)
	}
	event, err := events.Wait(c.ctx, Notified, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := event.Notification; len(n.Samples) != 0 || n.Path != path || n.Content.Value != int64(51) || event.Endpoint != c.ep {
		t.Errorf("notification %+v of %s", n, event.Endpoint)
	}

	notify[3]++
	c.send(append(notify, "\x61\x08\x61\x6e\xff"+`[{"n":"/3/0/9","v":1,"bt":1700000000},{"n":"/3/0/9","v":2,"t":1}]`...))
	c.receive()
	if event, err = events.Wait(c.ctx, Notified, nil); err != nil {
		t.Fatal(err)
	}
	if n := event.Notification; len(n.Samples) != 2 || n.Content.Value != int64(2) || n.Samples[0].Content.Value != int64(1) {
		t.Errorf("timestamped notification %+v", n)
	}

	cancelled, stop := c.perform(func(ctx context.Context) (*Result, error) { return s.CancelObserve(ctx, c.ep, path) },
		content, "\xc0\xff52")
	if cancelled.Code != "2.05" || !bytes.Equal(stop.token, request.token) || stop.rest[0] != 0x61 || stop.rest[1] != 1 {
		t.Errorf("cancel %+v by %+v, want Observe=1 and token %x", cancelled, stop, request.token)
	}
	var missing *HTTPError
	if _, err := s.CancelObserve(c.ctx, c.ep, path); !errors.As(err, &missing) || missing.Status != 404 {
		t.Errorf("second cancel: %v, want HTTP 404", err)
	}
}

func TestForgottenObservationIsReset(t *testing.T) {
	c := newClient(t, "forgotten")
	s, paths := c.server, []string{"/3/0/9", "/3/0/0"}
	first, request := c.perform(func(ctx context.Context) (*Result, error) {
		return s.ObserveComposite(ctx, c.ep, paths, SenMLJSON, SenMLJSON)
	}, content, "\x60\x61\x6e\xff"+`[{"n":"/3/0/9","v":50}]`)
	if first.Composite["/3/0/9"].Value != int64(50) || first.Composite["/3/0/0"] != nil {
		t.Errorf("first values %+v", first.Composite)
	}
	if err := s.ForgetObserveComposite(c.ctx, c.ep, paths); err != nil {
		t.Fatal(err)
	}
	notify := append([]byte{con | byte(len(request.token)), content, 0x70, 1}, request.token...)
	c.send(append(notify, "\x61\x07\x61\x6e\xff"+`[{"n":"/3/0/9","v":51}]`...))
	if got := c.receive(); got.kind != rst {
		t.Errorf("Notify was answered by %+v, want a reset", got)
	}
}

func TestSend(t *testing.T) {
	c := newClient(t, "sending")
	events := c.server.MustEvents(t, c.ep)
	body := "\xb2dp\x11\x6e\xff" + `[{"n":"/3/0/9","v":1,"bt":1700000000},{"n":"/3/0/9","v":2,"t":1}]`
	if answer := c.ask(con, post, 9, []byte(body)); answer.code != changed {
		t.Fatalf("Send: %x %q", answer.code, answer.rest)
	}
	event, err := events.Wait(c.ctx, Sent, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := event.Notification.Composite["/3/0/9"].Value; got != int64(2) {
		t.Errorf("most recent value %v, want 2", got)
	}
	values := map[time.Time]any{}
	for _, sample := range event.Notification.Samples {
		values[sample.Time] = sample.Composite["/3/0/9"].Value
	}
	start := time.Unix(1_700_000_000, 0).UTC()
	if want := map[time.Time]any{start: int64(1), start.Add(time.Second): int64(2)}; !reflect.DeepEqual(values, want) {
		t.Errorf("samples %v, want %v", values, want)
	}
	// An instance outside the registration.
	stray := "\xb2dp\x11\x6e\xff" + `[{"n":"/3/7/9","v":1}]`
	if answer := c.ask(con, post, 10, []byte(stray)); answer.code != 0x84 {
		t.Errorf("Send of an unregistered instance: %x %q, want 4.04", answer.code, answer.rest)
	}
}

func TestOperationsWithoutOutcome(t *testing.T) {
	c := newClient(t, "silent")
	s := c.server
	for _, test := range []struct {
		name   string
		status int
		do     func(context.Context) (*Result, error)
		play   func()
	}{
		{"unknown client", 400, func(ctx context.Context) (*Result, error) { return s.Read(ctx, "nobody", "/3", "") }, func() {}},
		{"unknown attribute", 400, func(ctx context.Context) (*Result, error) {
			return s.WriteAttributes(ctx, c.ep, "/3/0/9", "edge=1")
		}, func() {}},
		{"wrong kind of node", 400, func(ctx context.Context) (*Result, error) {
			return s.Write(ctx, c.ep, "/1/0", Replace, TLV, Single(1, Integer, 5))
		}, func() {}},
		{"bad payload", 500, func(ctx context.Context) (*Result, error) { return s.Read(ctx, c.ep, "/3/0/9", TEXT) },
			func() { c.answer(content, []byte("\xc0\xffmany")) }},
		{"two timestamps in a Read", 500, func(ctx context.Context) (*Result, error) { return s.Read(ctx, c.ep, "/3/0/9", SenMLJSON) },
			func() {
				c.answer(content, []byte("\xc1\x6e\xff"+`[{"n":"/3/0/9","v":1,"bt":1700000000},{"n":"/3/0/9","v":2,"t":1}]`))
			}},
		{"reset", 500, func(ctx context.Context) (*Result, error) { return s.Read(ctx, c.ep, "/3/0/9", "") },
			func() { r := c.receive(); c.send([]byte{rst, 0, r.id[0], r.id[1]}) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			result, err := during(c.ctx, test.do, test.play)
			var got *HTTPError
			if !errors.As(err, &got) || got.Status != test.status || got.Timeout() {
				t.Errorf("got %+v, %v, want HTTP %d", result, err, test.status)
			}
		})
	}
	t.Run("no answer", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(c.ctx, 1900*time.Millisecond)
		defer cancel()
		_, err := during(ctx, func(ctx context.Context) (*Result, error) { return s.Read(ctx, c.ep, "/3/0/9", "") }, func() { c.receive() })
		var got *HTTPError
		if !errors.As(err, &got) || !got.Timeout() {
			t.Errorf("got %v, want a timeout", err)
		}
	})
}
