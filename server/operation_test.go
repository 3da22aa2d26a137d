package server_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

type operation func(context.Context, *server.Device) (*server.Response, error)

var (
	temperature = model.PathOf(3303, 0, 5700)
	twoNodes    = []server.Node{
		{Path: model.PathOf(1, 0, 1), Value: model.IntegerValue(60)},
		{Path: model.PathOf(1, 0, 6), Value: model.BooleanValue(true)},
	}
)

// The request that each operation makes.
func TestRequests(t *testing.T) {
	tests := []struct {
		name string
		do   operation
		want string
	}{
		{"Read object", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Read(ctx, model.PathOf(3), server.ReadOptions{})
		}, "CON GET /3"},
		{"Read resource instance", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Read(ctx, model.PathOf(3, 0, 6, 1), server.ReadOptions{Accept: server.Text})
		}, "CON GET /3/0/6/1 accept=0"},
		{"Write", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Write(ctx, model.PathOf(1, 0, 1), model.IntegerValue(60), server.WriteOptions{})
		}, `CON PUT /1/0/1 format=0 "60"`},
		{"Write Opaque", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Write(ctx, model.PathOf(5, 0, 0), model.OpaqueValue([]byte{0xca, 0xfe}), server.WriteOptions{})
		}, `CON PUT /5/0/0 format=42 "\xca\xfe"`},
		{"Write in a format", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Write(ctx, model.PathOf(1, 0, 1), model.IntegerValue(60), server.WriteOptions{Format: server.SenMLJSON})
		}, `CON PUT /1/0/1 format=110 "[{\"bn\":\"/1/0/1\",\"v\":60}]"`},
		{"Write instance, partial", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.WriteNodes(ctx, model.PathOf(1, 0), twoNodes, server.WriteOptions{Format: server.TLV, Partial: true})
		}, `CON POST /1/0 format=11542 "\xc1\x01<\xc1\x06\x01"`},
		{"Write payload", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.WritePayload(ctx, model.PathOf(1, 0), []byte("junk"), server.WriteOptions{Format: server.FormatOf(9999)})
		}, `CON PUT /1/0 format=9999 "junk"`},
		{"Create with ID", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Create(ctx, model.PathOf(1, 7), []server.Node{{Path: model.PathOf(1, 7, 1), Value: model.IntegerValue(60)}},
				server.CreateOptions{Format: server.TLV})
		}, `CON POST /1 format=11542 "\x03\a\xc1\x01<"`},
		{"Create without ID", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Create(ctx, model.PathOf(1), twoNodes, server.CreateOptions{})
		}, `CON POST /1 format=11542 "\xc1\x01<\xc1\x06\x01"`},
		{"Create payload", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.CreatePayload(ctx, 1, nil, server.CreateOptions{})
		}, "CON POST /1"},
		{"Delete", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Delete(ctx, model.PathOf(3303, 1))
		}, "CON DELETE /3303/1"},
		{"Execute", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Execute(ctx, model.PathOf(3, 0, 4), "")
		}, "CON POST /3/0/4"},
		{"Execute with arguments", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Execute(ctx, model.PathOf(3, 0, 4), "0='x',1")
		}, `CON POST /3/0/4 format=0 "0='x',1"`},
		{"Discover", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Discover(ctx, model.PathOf(3, 0), server.DiscoverOptions{})
		}, "CON GET /3/0 accept=40"},
		{"Discover with depth", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Discover(ctx, model.PathOf(3), server.DiscoverOptions{Depth: 1})
		}, "CON GET /3?depth=0 accept=40"},
		{"Write-Attributes", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			var u model.AttributesUpdate
			return d.WriteAttributes(ctx, temperature, u.Set(model.MinPeriod, 5).Set(model.GreaterThan, -1.5).Remove(model.Step))
		}, "CON PUT /3303/0/5700?pmin=5&gt=-1.5&st"},
		{"Write-Attributes by query", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.WriteAttributesQuery(ctx, temperature, "pmin=x&nonsense")
		}, "CON PUT /3303/0/5700?pmin=x&nonsense"},
		{"Read-Composite", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.ReadComposite(ctx, []model.Path{model.PathOf(3, 0), temperature}, server.CompositeOptions{Format: server.SenMLJSON})
		}, `CON FETCH accept=110 format=110 "[{\"n\":\"/3/0\"},{\"n\":\"/3303/0/5700\"}]"`},
		{"Write-Composite", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.WriteComposite(ctx, twoNodes, server.CompositeOptions{Format: server.SenMLJSON})
		}, `CON iPATCH format=110 "[{\"n\":\"/1/0/1\",\"v\":60},{\"n\":\"/1/0/6\",\"vb\":true}]"`},
		{"any request", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Do(ctx, server.Request{
				Method: server.PATCH, Path: "/a//b", Query: []string{"q"}, Accept: server.CBOR, NonConfirmable: true,
				Format: server.Text, Payload: []byte("x"), Options: []server.Option{{Number: 2050, Value: []byte("v")}},
			})
		}, `NON PATCH /a//b?q accept=60 format=0 2050=76 "x"`},
		{"GET by default", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Do(ctx, server.Request{Path: "/3/0"})
		}, "CON GET /3/0"},
	}
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		var got string
		p.answer = func(m *coap.Message) *coap.Message {
			got = show(m)
			r := response(coap.Forbidden, -1, "not today")
			r.Type = m.Type
			return r
		}
		p.register("ep=a&lwm2m=1.1&lt=86400", "</1/0>,</3/0>")
		device := s.WaitRegistered("a")
		for _, test := range tests {
			r, err := test.do(t.Context(), device)
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			if got != test.want {
				t.Errorf("%s\n got %s\nwant %s", test.name, got, test.want)
			}
			if r.Code != model.Forbidden || string(r.Payload) != "not today" || !errors.Is(r.Err(), model.Forbidden) {
				t.Errorf("%s: response %+v", test.name, r)
			}
		}
	})
}

// Formats that are chosen by what a Client has registered.
func TestDefaultFormats(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		for name, test := range map[string]struct{ query, links, write, composite string }{
			"1.0":                      {"lwm2m=1.0", "</3/0>", "format=11542", "format=112"},
			"1.1":                      {"lwm2m=1.1", "</3/0>", "format=112", "format=112"},
			"1.1 JSON":                 {"lwm2m=1.1", "</>;ct=110,</3/0>", "format=110", "format=110"},
			"1.1 TLV":                  {"lwm2m=1.1", "</>;ct=11542,</3/0>", "format=11542", "format=112"},
			"1.1 many":                 {"lwm2m=1.1", `</>;ct="110 112 11542",</3/0>`, "format=112", "format=112"},
			"1.0 senml":                {"lwm2m=1.0", "</>;ct=110,</3/0>", "format=110", "format=110"},
			"1.1 with a format of 1.2": {"lwm2m=1.1", `</>;ct="112 11544",</3/0>`, "format=112", "format=112"},
			"1.2":                      {"lwm2m=1.2", "</3/0>", "format=112", "format=112"},
			"1.2 many":                 {"lwm2m=1.2", `</>;ct="110 112 320 322 11544",</3/0>`, "format=11544", "format=112"},
			"under root":               {"lwm2m=1.1", `</lwm2m>;rt="oma.lwm2m";ct=110,</lwm2m/3/0>`, "/lwm2m/1/0 format=110", "/lwm2m accept=110 format=110"},
		} {
			p := dial(t, s)
			var got string
			p.answer = func(m *coap.Message) *coap.Message {
				got = show(m)
				return response(coap.Changed, -1, "")
			}
			p.register("ep=a&"+test.query, test.links)
			device := s.WaitRegistered("a")
			if _, err := device.WriteNodes(t.Context(), model.PathOf(1, 0), twoNodes, server.WriteOptions{}); err != nil || !strings.Contains(got, test.write) {
				t.Errorf("%s: Write: %s, %v, want %s", name, got, err, test.write)
			}
			if _, err := device.ReadComposite(t.Context(), []model.Path{temperature}, server.CompositeOptions{}); err != nil || !strings.Contains(got, test.composite) {
				t.Errorf("%s: Read-Composite: %s, %v, want %s", name, got, err, test.composite)
			}
		}
	})
}

// What can be read out of answers.
func TestResponses(t *testing.T) {
	tests := []struct {
		name   string
		path   model.Path
		answer *coap.Message
		nodes  []server.Node
		err    bool
	}{
		{"text", temperature, response(coap.Content, 0, "21.5"), []server.Node{{Path: temperature, Value: model.FloatValue(21.5)}}, false},
		{"no format", model.PathOf(3, 0, 0), response(coap.Content, -1, "Acme"), []server.Node{{Path: model.PathOf(3, 0, 0), Value: model.StringValue("Acme")}}, false},
		{"TLV", model.PathOf(3, 0), response(coap.Content, 11542, "\xc4\x00Acme\x86\x06\x41\x00\x01\x41\x01\x05"), []server.Node{
			{Path: model.PathOf(3, 0, 0), Value: model.StringValue("Acme")},
			{Path: model.PathOf(3, 0, 6, 0), Value: model.IntegerValue(1)},
			{Path: model.PathOf(3, 0, 6, 1), Value: model.IntegerValue(5)},
		}, false},
		{"undefined object", model.PathOf(60000, 0, 1), response(coap.Content, 0, "x"), []server.Node{{Path: model.PathOf(60000, 0, 1), Value: model.StringValue("x")}}, false},
		{"broken", temperature, response(coap.Content, 0, "warm"), nil, true},
		{"unknown format", temperature, response(coap.Content, 9999, "?"), nil, true},
		{"empty", model.PathOf(3303), response(coap.Content, 11542, ""), nil, false},
	}
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		p.register("ep=a&lwm2m=1.1&lt=86400", "</3/0>,</3303/0>")
		device := s.WaitRegistered("a")
		for _, test := range tests {
			p.answer = func(*coap.Message) *coap.Message { answer := *test.answer; return &answer }
			r, err := device.Read(t.Context(), test.path, server.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(r.Nodes, test.nodes) || (r.Err() != nil) != test.err || !bytes.Equal(r.Payload, test.answer.Payload) {
				t.Errorf("%s: %+v, %v", test.name, r, r.Err())
			}
			for _, n := range test.nodes {
				if v, ok := r.Value(n.Path); !ok || v != n.Value {
					t.Errorf("%s: Value(%s) = %v, %v", test.name, n.Path, v, ok)
				}
			}
		}
	})
}

func TestDiscoverLinks(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		p.answer = func(*coap.Message) *coap.Message {
			return response(coap.Content, 40, "</lwm2m/3>;ver=1.1,</lwm2m/3/0>;pmin=5,</lwm2m/3/0/6>;dim=2;x")
		}
		p.register("ep=a&lwm2m=1.1", `</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>`)
		device := s.WaitRegistered("a")
		r, err := device.Discover(t.Context(), model.PathOf(3), server.DiscoverOptions{})
		if err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		want := []server.Link{
			{Path: model.PathOf(3), Attributes: []server.LinkAttribute{{Name: "ver", Value: "1.1"}}},
			{Path: model.PathOf(3, 0), Attributes: []server.LinkAttribute{{Name: "pmin", Value: "5"}}},
			{Path: model.PathOf(3, 0, 6), Attributes: []server.LinkAttribute{{Name: "dim", Value: "2"}, {Name: "x"}}},
		}
		if !reflect.DeepEqual(r.Links, want) {
			t.Errorf("links %+v", r.Links)
		}
		if v, ok := r.Links[2].Get("dim"); v != "2" || !ok {
			t.Errorf("dim = %q, %v", v, ok)
		}
		if _, ok := r.Links[0].Get("dim"); ok {
			t.Error("a link has an attribute that it does not have")
		}
		for _, bad := range []string{"</lwm2m/3/0", "</lwm2m/x>"} {
			p.answer = func(*coap.Message) *coap.Message { return response(coap.Content, 40, bad) }
			if r, err = device.Discover(t.Context(), model.PathOf(3), server.DiscoverOptions{}); err != nil || r.Err() == nil || r.Links != nil {
				t.Errorf("Discover of %s: %+v, %v", bad, r, err)
			}
		}
	})
}

func TestCreateLocation(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		p.answer = func(*coap.Message) *coap.Message {
			r := response(coap.Created, -1, "")
			r.Options.AddPath(coap.LocationPath, "/lwm2m/3303/4")
			return r
		}
		p.register("ep=a&lwm2m=1.1", `</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>`)
		r, err := s.WaitRegistered("a").CreatePayload(t.Context(), 3303, []byte("x"), server.CreateOptions{Format: server.TLV})
		if err != nil || r.Code != model.Created || r.Location != "/3303/4" || len(r.Options) != 3 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// A new Instance without values still gets the ID that was asked for.
func TestCreateEmpty(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		var payload []byte
		p.answer = func(m *coap.Message) *coap.Message {
			payload = append(payload[:0], m.Payload...)
			return response(coap.Created, -1, "")
		}
		p.register("ep=a&lwm2m=1.1", `</>;ct=112,</3/0>`)
		r, err := s.WaitRegistered("a").Create(t.Context(), model.PathOf(3303, 7), nil, server.CreateOptions{})
		if err != nil || r.Code != model.Created || string(payload) != "\x00\x07" {
			t.Errorf("payload %x, %+v, %v", payload, r, err)
		}
	})
}

// A body over one block goes by Block1, and comes by Block2.
func TestBlockwise(t *testing.T) {
	bubble(t, server.Config{CoAP: server.CoAP{BlockSize: 64}}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		long := strings.Repeat("0123456789abcdef", 20)
		var written []byte
		p.answer = func(m *coap.Message) *coap.Message {
			if b, ok := m.Options.Block(coap.Block1); ok {
				written = append(written[:b.Offset()], m.Payload...)
				r := response(coap.Continue, -1, "")
				if !b.More {
					r.Code = coap.Changed
				}
				r.Options.AddBlock(coap.Block1, b)
				return r
			}
			b, _ := m.Options.Block(coap.Block2)
			b.SZX = min(b.SZX, 2)
			part := long[b.Offset():]
			if b.More = len(part) > b.Size(); b.More {
				part = part[:b.Size()]
			}
			r := response(coap.Content, 0, part)
			r.Options.AddBlock(coap.Block2, b)
			return r
		}
		p.register("ep=a&lwm2m=1.1", "</3/0>")
		device := s.WaitRegistered("a")
		if r, err := device.Write(t.Context(), model.PathOf(3, 0, 15), model.StringValue(long), server.WriteOptions{}); err != nil || r.Code != model.Changed || string(written) != long {
			t.Errorf("Write: %+v, %v, %q", r, err, written)
		}
		if r, err := device.Read(t.Context(), model.PathOf(3, 0, 15), server.ReadOptions{}); err != nil || string(r.Payload) != long {
			t.Errorf("Read: %+v, %v", r, err)
		}
	})
}

func TestOperationErrors(t *testing.T) {
	read := func(ctx context.Context, d *server.Device) error {
		_, err := d.Read(ctx, temperature, server.ReadOptions{})
		var operation *server.OperationError
		if !errors.As(err, &operation) || operation.Endpoint != "a" || operation.Path != "/3303/0/5700" || operation.Operation != "Read" ||
			!strings.HasPrefix(err.Error(), `server: Read /3303/0/5700 of "a": `) {
			return errors.New("not an OperationError with its fields")
		}
		return err
	}
	bubble(t, server.Config{CoAP: server.CoAP{MaxPending: 1}}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		p.register("ep=a&lwm2m=1.1&lt=86400", "</3/0>")
		device := s.WaitRegistered("a")

		start := time.Now()
		var network net.Error
		if err := read(t.Context(), device); !errors.Is(err, server.ErrTimeout) || !errors.As(err, &network) || !network.Timeout() {
			t.Errorf("silent device: %v", err)
		}
		if d := time.Since(start); d < 62*time.Second || d > 93*time.Second {
			t.Errorf("given up after %v", d)
		}
		if n := len(p.inbox); n != 5 {
			t.Errorf("the request was sent %d times, want 5", n)
		}
		for range len(p.inbox) {
			<-p.inbox
		}

		p.answer = func(m *coap.Message) *coap.Message { return &coap.Message{Type: coap.Reset, MessageID: m.MessageID} }
		if err := read(t.Context(), device); !errors.Is(err, server.ErrReset) {
			t.Errorf("device that resets: %v", err)
		}
		p.answer = nil

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		busy := make(chan error, 1)
		go func() { busy <- read(ctx, device) }()
		time.Sleep(time.Millisecond)
		if err := read(t.Context(), device); !errors.Is(err, server.ErrBusy) {
			t.Errorf("more than MaxPending: %v", err)
		}
		if err := <-busy; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("context that ends: %v", err)
		}
		if err := read(ctx, device); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("context that has ended: %v", err)
		}
		p.receive()
		p.silent(time.Hour) // nothing is retransmitted for a caller who has gone
	})
}

// An answer that comes after an empty acknowledgement.
func TestSeparateResponse(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		p.register("ep=a&lwm2m=1.1&lt=86400", "</3/0>")
		device := s.WaitRegistered("a")
		done := make(chan *server.Response, 1)
		go func() {
			r, err := device.Execute(context.Background(), model.PathOf(3, 0, 4), "")
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		request := p.receive()
		p.send(&coap.Message{Type: coap.Acknowledgement, MessageID: request.MessageID})
		time.Sleep(80 * time.Second)
		p.send(&coap.Message{Type: coap.Confirmable, Code: coap.Changed, MessageID: 7, Token: request.Token})
		if r := p.receive(); r.Type != coap.Acknowledgement || r.MessageID != 7 {
			t.Errorf("the answer is acknowledged by %s", show(&r))
		}
		if r := <-done; r == nil || r.Code != model.Changed {
			t.Errorf("%+v", r)
		}
	})
}

// Values that a format cannot carry fail before anything is sent.
func TestEncodeErrors(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		p.register("ep=a&lwm2m=1.1&lt=86400", "</3/0>")
		d := s.WaitRegistered("a")
		ctx := t.Context()
		_, err1 := d.WriteNodes(ctx, model.PathOf(1, 0), twoNodes, server.WriteOptions{Format: server.Text})
		_, err2 := d.WriteNodes(ctx, model.PathOf(3, 0), twoNodes, server.WriteOptions{})
		_, err3 := d.ReadComposite(ctx, []model.Path{temperature}, server.CompositeOptions{Format: server.TLV})
		_, err4 := d.ObserveComposite(ctx, []model.Path{temperature}, server.CompositeOptions{Format: server.TLV}, server.ObserveOptions{})
		_, err5 := d.Do(ctx, server.Request{Method: 99})
		for i, err := range []error{err1, err2, err3, err4, err5} {
			var operation *server.OperationError
			if !errors.As(err, &operation) {
				t.Errorf("case %d: %v", i+1, err)
			}
		}
		p.silent(time.Second)
	})
}
