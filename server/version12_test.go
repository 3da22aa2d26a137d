package server_test

import (
	"context"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// What operations of LwM2M 1.2 look like on the wire.
func TestOperations12(t *testing.T) {
	yellow := []server.Node{
		{Path: model.PathOf(34, 0, 1, 0)},
		{Path: model.PathOf(34, 0, 1, 1), Value: model.StringValue("Yellow")},
	}
	paths := []model.Path{model.PathOf(3, 0, 9)}
	for _, test := range []struct {
		name string
		do   func(context.Context, *server.Device) (*server.Response, error)
		want string
	}{
		{"Write-Composite that removes", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.WriteComposite(ctx, yellow, server.CompositeOptions{})
		}, `CON iPATCH format=322 "\x82\xa2\x00i/34/0/1/0\x02\xf6\xa2\x00i/34/0/1/1\x03fYellow"`},
		{"Write-Composite that removes, JSON", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.WriteComposite(ctx, yellow, server.CompositeOptions{Format: server.SenMLETCHJSON})
		}, `CON iPATCH format=320 "[{\"n\":\"/34/0/1/0\",\"v\":null},{\"n\":\"/34/0/1/1\",\"vs\":\"Yellow\"}]"`},
		{"Write-Composite that removes, LwM2M CBOR", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.WriteComposite(ctx, yellow, server.CompositeOptions{Format: server.LwM2MCBOR})
		}, `CON iPATCH format=11544 "\xa1\x83\x18\"\x00\x01\xa2\x00\xf6\x01fYellow"`},
		{"Read-Composite by SenML-ETCH", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.ReadComposite(ctx, paths, server.CompositeOptions{Format: server.SenMLETCHJSON})
		}, `CON FETCH accept=110 format=320 "[{\"n\":\"/3/0/9\"}]"`},
		{"Read-Composite by SenML-ETCH CBOR", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.ReadComposite(ctx, paths, server.CompositeOptions{Format: server.SenMLETCHCBOR, Accept: server.LwM2MCBOR})
		}, `CON FETCH accept=11544 format=322 "\x81\xa1\x00f/3/0/9"`},
		{"partial Write of a Resource", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.WriteNodes(ctx, model.PathOf(34, 0, 1), yellow[1:], server.WriteOptions{Partial: true, Format: server.LwM2MCBOR})
		}, `CON POST /34/0/1 format=11544 "\xa1\x84\x18\"\x00\x01\x01fYellow"`},
		{"Delete of a Resource Instance", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Delete(ctx, model.PathOf(34, 0, 1, 0))
		}, `CON DELETE /34/0/1/0`},
		{"Discover to a depth", func(ctx context.Context, d *server.Device) (*server.Response, error) {
			return d.Discover(ctx, model.PathOf(3), server.DiscoverOptions{Depth: 1})
		}, `CON GET /3?depth=0 accept=40`},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
				p := dial(t, s)
				var got string
				p.answer = func(m *coap.Message) *coap.Message {
					got = show(m)
					return response(coap.Changed, -1, "")
				}
				p.register("ep=a&lwm2m=1.2", `</>;ct="110 112 320 322 11544",</3/0>,</34/0>`)
				if _, err := test.do(t.Context(), s.WaitRegistered("a")); err != nil || got != test.want {
					t.Errorf("%s, %v\nwant %s", got, err, test.want)
				}
			})
		})
	}
}

// A Client that has registered SenML-ETCH JSON alone gets that.
func TestRemovalInTheFormatOfTheClient(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		var format server.ContentFormat
		p.answer = func(m *coap.Message) *coap.Message {
			n, _ := m.Options.Uint(coap.ContentFormat)
			format = server.FormatOf(uint16(n))
			return response(coap.Changed, -1, "")
		}
		p.register("ep=a&lwm2m=1.2", `</>;ct="110 320",</34/0>`)
		nodes := []server.Node{{Path: model.PathOf(34, 0, 1, 0)}}
		if _, err := s.WaitRegistered("a").WriteComposite(t.Context(), nodes, server.CompositeOptions{}); err != nil || format != server.SenMLETCHJSON {
			t.Errorf("format %v, %v", format, err)
		}
	})
}

// The end of the lifetime can be given up and set again by Updates.
func TestInfiniteLifetimeByUpdate(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		location := p.register("ep=a&lwm2m=1.2&lt=60", "</3/0>")
		for _, step := range []struct {
			query   string
			expires bool
		}{{"lt=0", false}, {"lt=60", true}} {
			if r := p.do("POST "+location+"?"+step.query, -1, ""); r.Code != coap.Changed {
				t.Fatalf("%s: %s", step.query, show(&r))
			}
			if r := s.Registrations()[0]; r.Expires.IsZero() == step.expires {
				t.Errorf("%s: expires %v", step.query, r.Expires)
			}
		}
	})
}
