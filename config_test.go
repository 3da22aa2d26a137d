package lwm2m_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
)

func goodConfig() lwm2m.Config {
	return lwm2m.Config{
		Endpoint: "thermo-1",
		Servers:  []lwm2m.ServerAccount{{URI: "coap://192.0.2.1", Security: lwm2m.NoSec{}}},
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		spoil func(*lwm2m.Config)
		want  string
	}{
		{func(c *lwm2m.Config) { c.Endpoint = "" }, "lwm2m: Config.Endpoint is empty; servers know a client by it"},
		{func(c *lwm2m.Config) { c.Endpoint = strings.Repeat("x", 253) }, "lwm2m: Config.Endpoint has 253 bytes; at most 252 are possible"},
		{func(c *lwm2m.Config) { c.Endpoint = "\xff" }, `lwm2m: Config.Endpoint "\xff" is not valid UTF-8 text`},
		{func(c *lwm2m.Config) { c.Endpoint = "a\x00" }, `lwm2m: Config.Endpoint "a\x00" is not valid UTF-8 text`},
		{func(c *lwm2m.Config) { c.Servers = nil }, "lwm2m: Config.Servers is empty; name at least one server"},
		{func(c *lwm2m.Config) { c.UpdateMargin = -1 }, "lwm2m: Config.UpdateMargin, MinUpdateInterval, MaxObservations and MaxBacklog cannot be negative"},
		{func(c *lwm2m.Config) { c.MaxBacklog = -1 }, "lwm2m: Config.UpdateMargin, MinUpdateInterval, MaxObservations and MaxBacklog cannot be negative"},
		{func(c *lwm2m.Config) { c.MaxObservations = -1 }, "lwm2m: Config.UpdateMargin, MinUpdateInterval, MaxObservations and MaxBacklog cannot be negative"},
		{func(c *lwm2m.Config) { c.Version = model.Version{Major: 1, Minor: 3} }, "lwm2m: Config.Version 1.3 is not supported; use Version10, Version11 or Version12"},
		{func(c *lwm2m.Config) {
			c.Network = lwm2mtest.NewNetwork(1)
			c.Control = func(string, string, syscall.RawConn) error { return nil }
		}, "lwm2m: Config.Control has no effect together with Config.Network"},
		{func(c *lwm2m.Config) { c.Servers[0].Security = nil },
			"lwm2m: Config.Servers[0]: no Security for coap://192.0.2.1; write lwm2m.NoSec{} if you want none"},
		{func(c *lwm2m.Config) { c.Servers[0].ShortServerID = 65535 }, "lwm2m: Config.Servers[0]: ShortServerID 65535 is reserved"},
		{func(c *lwm2m.Config) { c.Servers[0].Lifetime = -time.Second },
			"lwm2m: Config.Servers[0]: Lifetime is -1s; want a positive number of whole seconds"},
		{func(c *lwm2m.Config) { c.Servers[0].Lifetime = 1500 * time.Millisecond },
			"lwm2m: Config.Servers[0]: Lifetime is 1.5s; want a positive number of whole seconds"},
		{func(c *lwm2m.Config) { c.Servers[0].DisableTimeout = 1 },
			"lwm2m: Config.Servers[0]: DisableTimeout is 1ns; want a positive number of whole seconds"},
		{func(c *lwm2m.Config) { c.Servers[0].DefaultMinPeriod = -1 },
			"lwm2m: Config.Servers[0]: DefaultMinPeriod is -1ns; want a positive number of whole seconds"},
		{func(c *lwm2m.Config) { c.Servers[0].DefaultMaxPeriod = 1 },
			"lwm2m: Config.Servers[0]: DefaultMaxPeriod is 1ns; want a positive number of whole seconds"},
		{func(c *lwm2m.Config) { c.Servers[0].URI = "coaps://192.0.2.1" },
			"lwm2m: Config.Servers[0]: lwm2m.NoSec does not go with coaps://; it needs coap://"},
		{func(c *lwm2m.Config) {
			c.Servers = append(c.Servers, lwm2m.ServerAccount{URI: "coap://192.0.2.2", Security: lwm2m.NoSec{}, ShortServerID: 1})
		}, "lwm2m: Config.Servers[0] and [1] have the same ShortServerID 1"},
		{func(c *lwm2m.Config) { c.Objects = []lwm2m.ObjectInstance{nil} }, "lwm2m: Config.Objects[0] is nil"},
		{func(c *lwm2m.Config) {
			def, _ := model.Embedded().Latest(0)
			c.Objects = []lwm2m.ObjectInstance{lwm2m.NewInstance(def, 0)}
		}, "lwm2m: accounts are either in Config.Servers or, as instances of the Security Object, in Config.Objects"},
		{func(c *lwm2m.Config) { c.Objects = []lwm2m.ObjectInstance{oma.NewDevice(), oma.NewDevice()} },
			"lwm2m: Config.Objects[1]: 4.00 Bad Request: /3/0: exists already"},
		{func(c *lwm2m.Config) { d := oma.NewDevice(); c.Objects = []lwm2m.ObjectInstance{d, d} },
			"lwm2m: Config.Objects[1]: 4.00 Bad Request: /3/0: the instance belongs to a client already"},
		{func(c *lwm2m.Config) { c.Factories = []lwm2m.Factory{{}} }, "lwm2m: Config.Factories[0] needs an Object that servers may create"},
	} {
		config := goodConfig()
		c.spoil(&config)
		client, err := lwm2m.NewClient(config)
		if err == nil || client != nil || err.Error() != c.want {
			t.Errorf("error %q, want %q", err, c.want)
		}
	}
	for _, uri := range []string{"", "lwm2m.example", "coap://", "http://x", "coap://x:0", "coap://x:99999", "coap://u@x"} {
		config := goodConfig()
		config.Servers[0].URI = uri
		if _, err := lwm2m.NewClient(config); err == nil || !strings.HasPrefix(err.Error(), "lwm2m: Config.Servers[0]: ") {
			t.Errorf("URI %q: %v", uri, err)
		}
	}
}

// A Config that fails gives its objects back.
func TestConfigErrorReleasesObjects(t *testing.T) {
	device := oma.NewDevice()
	config := goodConfig()
	config.Objects = []lwm2m.ObjectInstance{device, nil}
	if _, err := lwm2m.NewClient(config); err == nil {
		t.Fatal("no error")
	}
	config.Objects = config.Objects[:1]
	if _, err := lwm2m.NewClient(config); err != nil {
		t.Error(err)
	}
}

func TestConfigDefaults(t *testing.T) {
	config := goodConfig()
	config.Servers = append(config.Servers, lwm2m.ServerAccount{URI: "coap://[2001:db8::1]:56830", Security: lwm2m.NoSec{}, Lifetime: time.Hour})
	client, err := lwm2m.NewClient(config)
	must(t, err)
	for p, want := range map[string]string{
		"/0/0/0": "coap://192.0.2.1", "/0/0/1": "false", "/0/0/2": "3", "/0/0/10": "1",
		"/0/1/0": "coap://[2001:db8::1]:56830", "/0/1/10": "2",
		"/1/0/0": "1", "/1/0/1": "86400", "/1/0/5": "86400", "/1/0/6": "true", "/1/0/7": "U", "/1/0/23": "false",
		"/1/1/0": "2", "/1/1/1": "3600",
		"/3/0/11/0": "0", "/3/0/16": "U",
	} {
		if v, err := client.Get(path(p)); err != nil || v.String() != want {
			t.Errorf("%s: %v %v, want %s", p, v, err, want)
		}
	}
	for _, p := range []string{"/1/0/2", "/1/0/3", "/3/0/0"} {
		if v, err := client.Get(path(p)); err == nil {
			t.Errorf("%s: %v, want nothing", p, v)
		}
	}
	// The Config is copied.
	config.Servers[0].URI = "coap://other"
	if v, _ := client.Get(path("/0/0/0")); v.Text() != "coap://192.0.2.1" {
		t.Errorf("the Config is shared: %v", v)
	}
}

// Every field says what its zero value means.
func TestConfigFieldsAreDocumented(t *testing.T) {
	required := map[string]bool{"Config.Endpoint": true, "Config.Servers": true, "ServerAccount.URI": true, "ServerAccount.Security": true, "Factory.Object": true}
	for _, file := range []string{"config.go", "account.go", "host.go", "instance.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		must(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok || !strings.HasSuffix(spec.Name.Name, "Config") && spec.Name.Name != "ServerAccount" && spec.Name.Name != "Factory" {
				return true
			}
			for _, field := range fields.Fields.List {
				for _, name := range field.Names {
					if name.IsExported() && !required[spec.Name.Name+"."+name.Name] && strings.TrimSpace(field.Doc.Text()) == "" {
						t.Errorf("%s: %s.%s has no comment", file, spec.Name.Name, name.Name)
					}
				}
			}
			return true
		})
	}
}
