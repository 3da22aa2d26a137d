package server_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// registryTypes tells the types of Resources as the standard defines them.
type registryTypes struct{}

func (registryTypes) Resource(object, resource uint16) (kind model.Kind, multiple, ok bool) {
	o, ok := model.Embedded().Latest(object)
	if !ok {
		return model.None, false, false
	}
	r, ok := o.Resource(resource)
	if !ok {
		return model.None, false, false
	}
	return r.Kind, r.Multiple, true
}

// A Bootstrap-Pack holds all that would be written, in the format that the Client accepts.
func TestBootstrapPack(t *testing.T) {
	config := bootstrapping(server.BootstrapConfig{
		Servers: []server.ServerAccount{plainAccount}, AccessControls: []server.AccessControl{{Path: at("/3/0")}},
		Writes: []server.BootstrapWrite{{Path: at("/16/0/0/0"), Nodes: []server.Node{{Path: at("/16/0/0/0"), Value: model.StringValue("x")}}}},
	})
	config.Bootstrap.Endpoints["a"].Writes[0].Path = at("/16/0/0")
	for _, test := range []struct {
		query  string
		accept int
		format format.ContentFormat
		first  string // Instance of the Security Object
	}{
		{"ep=a", -1, format.SenMLCBOR, "/0/2"},
		{"ep=a&acc=</0/3>", 110, format.SenMLJSON, "/0/0"},
		{"ep=a&acc=</0/0>,</21/0>", 112, format.SenMLCBOR, "/0/1"},
		{"ep=a", 11544, format.LwM2MCBOR, "/0/2"},
	} {
		bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
			p := dial(t, s)
			m := p.request("GET /bspack?"+test.query, -1, "")
			if test.accept >= 0 {
				m.Options.AddUint(coap.Accept, uint32(test.accept))
			}
			p.send(m)
			r := p.receive()
			number, _ := r.Options.Uint(coap.ContentFormat)
			if r.Code != coap.Content || number != uint32(test.format) {
				t.Fatalf("%s: %s", test.query, show(&r))
			}
			nodes, err := format.Decode(test.format, model.Path{}, r.Payload, registryTypes{})
			if err != nil {
				t.Fatal(err)
			}
			has := func(path string) bool {
				return slices.ContainsFunc(nodes, func(n format.Node) bool { return n.Path == at(path) })
			}
			for _, path := range []string{test.first + "/0", "/1/0/0", "/2/0/3", "/16/0/0/0"} {
				if !has(path) {
					t.Errorf("%s: %s is missing in %v", test.query, path, nodes)
				}
			}
			if e := s.WaitEvent(server.BootstrapPacked, "a"); e.Address != p.address() {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestBootstrapPackRefused(t *testing.T) {
	bubble(t, bootstrapping(server.BootstrapConfig{}), func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		for accept, want := range map[uint32]coap.Code{11542: coap.NotAcceptable, 0: coap.NotAcceptable, 112: coap.Content} {
			m := p.request("GET /bspack?ep=a", -1, "")
			m.Options.AddUint(coap.Accept, accept)
			p.send(m)
			if r := p.receive(); r.Code != want {
				t.Errorf("Accept %d: %s", accept, show(&r))
			}
		}
		if r := p.do("GET /bspack?ep=b", -1, ""); r.Code != coap.BadRequest {
			t.Errorf("unknown endpoint: %s", show(&r))
		}
	})
}

// A long pack comes block by block.
func TestBootstrapPackBlockwise(t *testing.T) {
	c := server.BootstrapConfig{Format: server.SenMLJSON}
	for i := range 40 {
		a := plainAccount
		a.URI = fmt.Sprintf("coap://server-%d.example", i)
		c.Servers = append(c.Servers, a)
	}
	bubble(t, bootstrapping(c), func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		var body []byte
		for n := uint32(0); ; n++ {
			m := p.request("GET /bspack?ep=a", -1, "")
			m.Options.AddBlock(coap.Block2, coap.Block{Number: n, SZX: 6})
			p.send(m)
			r := p.receive()
			body = append(body, r.Payload...)
			block, ok := r.Options.Block(coap.Block2)
			if r.Code != coap.Content || !ok || block.Number != n {
				t.Fatalf("block %d: %s", n, show(&r))
			}
			if !block.More {
				break
			}
		}
		nodes, err := format.Decode(format.SenMLJSON, model.Path{}, body, registryTypes{})
		if want := 40 * (7 + 4); err != nil || len(nodes) != want {
			t.Errorf("%d values, want %d; %v", len(nodes), want, err)
		}
	})
}
