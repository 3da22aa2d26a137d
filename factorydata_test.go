package lwm2m_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/store"
)

// factoryNodes are accounts of the server and of the Bootstrap-Server, and a value of the Device Object.
func (f *bootstrapFixture) factoryNodes() []format.Node {
	node := func(p string, v model.Value) format.Node { return format.Node{Path: path(p), Value: v} }
	return []format.Node{
		node("/0/0/0", model.StringValue(f.bs.URI())), node("/0/0/1", model.BooleanValue(true)), node("/0/0/2", model.IntegerValue(3)),
		node("/0/1/0", model.StringValue(f.server.URI())), node("/0/1/1", model.BooleanValue(false)), node("/0/1/2", model.IntegerValue(3)),
		node("/0/1/10", model.IntegerValue(5)),
		node("/1/0/0", model.IntegerValue(5)), node("/1/0/1", model.IntegerValue(300)), node("/1/0/6", model.BooleanValue(true)),
		node("/1/0/7", model.StringValue("U")),
		node("/3/0/15", model.StringValue("Europe/Paris")),
	}
}

// Factory data are taken in three formats; what a later bootstrap has written counts more.
func TestFactoryData(t *testing.T) {
	for _, f := range []format.ContentFormat{format.SenMLJSON, format.SenMLCBOR, format.LwM2MCBOR} {
		t.Run(f.String(), func(t *testing.T) {
			bootstrapped(t, server.BootstrapConfig{}, func(fixture *bootstrapFixture) {
				data, err := format.Append(nil, f, model.Path{}, fixture.factoryNodes())
				must(fixture, err)
				fixture.config.Servers, fixture.config.FactoryData, fixture.config.Store = nil, data, &store.Memory{}
				fixture.run()
				peer := fixture.server.WaitRegistered("thermo-1")
				synctest.Wait()
				r, err := peer.Registration()
				must(fixture, err)
				if r.Lifetime != 300*time.Second {
					fixture.Errorf("lifetime %v", r.Lifetime)
				}
				fixture.has("/3/0/15", "Europe/Paris")
				fixture.answers(peer.Execute(fixture.ctx, path("/1/0/9"), ""))(model.Changed, "")
				fixture.bs.WaitEvent(server.BootstrapFinished, "thermo-1")
				fixture.has("/1/0/0", "1")
				fixture.stop()
				fixture.config.Objects = []lwm2m.ObjectInstance{oma.NewDevice()}
				fixture.run()
				fixture.has("/1/0/0", "1")
				fixture.has("/3/0/15", "Europe/Paris")
			})
		})
	}
}

// What cannot be a beginning is refused at once, and the Objects are given back.
func TestFactoryDataRefused(t *testing.T) {
	account := `{"bn":"/0/0/","n":"0","vs":"coap://192.0.2.1"},{"n":"1","vb":false},{"n":"2","v":3},{"n":"10","v":1}`
	temp := ipso.NewTemperature(0)
	must(t, temp.SensorValue.Set(1))
	for data, want := range map[string]string{
		"hello":                                 "neither SenML JSON nor SenML CBOR nor LwM2M CBOR",
		" \n":                                   "neither SenML JSON",
		"[":                                     "SenML JSON",
		"[]":                                    "the Bootstrap-Pack is empty",
		"\xa1":                                  "LwM2M CBOR",
		"[" + account + "]":                     "/0/0: no instance of the Server Object has its Short Server ID 1",
		`[{"n":"/3/0/15","vs":"Europe/Paris"}]`: "there is no account",
		`[{"n":"/77/0/0","v":1}]`:               "/77: no such Object",
		`[{"n":"/0/0/0","v":5}]`:                "/0/0/0",
	} {
		_, err := lwm2m.NewClient(lwm2m.Config{Endpoint: "a", FactoryData: []byte(data), Objects: []lwm2m.ObjectInstance{temp}})
		if err == nil || !strings.HasPrefix(err.Error(), "lwm2m: Config.FactoryData: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", data, err, want)
		}
	}
	for _, test := range []struct {
		config lwm2m.Config
		want   string
	}{
		{lwm2m.Config{FactoryData: []byte("[]"), Servers: []lwm2m.ServerAccount{{URI: "coap://a", Security: lwm2m.NoSec{}}}}, "either in Config.FactoryData or"},
		{lwm2m.Config{BootstrapPack: true, Servers: []lwm2m.ServerAccount{{URI: "coap://a", Security: lwm2m.NoSec{}, Bootstrap: true}}}, "needs Version12"},
		{lwm2m.Config{Servers: []lwm2m.ServerAccount{
			{URI: "coap://a", Security: lwm2m.NoSec{}, Bootstrap: true}, {URI: "coap://b", Security: lwm2m.NoSec{}, Bootstrap: true},
		}}, "both of a Bootstrap-Server"},
		{lwm2m.Config{Servers: []lwm2m.ServerAccount{{URI: "coap://a", Security: lwm2m.NoSec{}, Bootstrap: true, ShortServerID: 1}}}, "has no ShortServerID"},
		{lwm2m.Config{Servers: []lwm2m.ServerAccount{{URI: "coap://a", Security: lwm2m.NoSec{}, HoldOff: time.Second}}}, "are for the account of a Bootstrap-Server"},
		{lwm2m.Config{Servers: []lwm2m.ServerAccount{{URI: "coap://a", Security: lwm2m.NoSec{}, Bootstrap: true, HoldOff: time.Millisecond}}}, "HoldOff is 1ms"},
	} {
		test.config.Endpoint = "a"
		if _, err := lwm2m.NewClient(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}
