package devicefile

import (
	"context"
	"errors"
	"strings"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Accounts makes the Object Instances that hold the accounts, Security (0) and Server (1), and whatever else the
// factory data have. They are new each time. Without an account there are none.
func (f *File) Accounts(version lwm2m.Version) ([]*lwm2m.Instance, error) {
	if len(f.Servers) == 0 && len(f.FactoryData) == 0 {
		return nil, nil
	}
	if version.IsZero() {
		version = lwm2m.Version11
	}
	if f.BootstrapPack && version.Compare(lwm2m.Version12) < 0 {
		return nil, errors.New("a Bootstrap-Pack needs version 1.2")
	}
	config := lwm2m.Config{
		Endpoint: "unnamed", Version: version, Servers: f.Servers, FactoryData: f.FactoryData, Objects: f.servers(),
	}
	for def := range f.registry.All() {
		if def.ID > objectAccessControl && def.Multiple && len(f.FactoryData) > 0 {
			config.Factories = append(config.Factories, lwm2m.Factory{Object: def})
		}
	}
	client, err := lwm2m.NewClient(config)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "lwm2m: "))
	}
	instances, err := client.Release(context.Background()) // it never ran
	if err != nil {
		return nil, err
	}
	return instances, nil
}

// servers are the instances of the Server Object that the file has more to say of than the accounts.
func (f *File) servers() (all []lwm2m.ObjectInstance) {
	def, ok := f.registry.Latest(objectServer)
	if !ok {
		return nil
	}
	for _, p := range f.Instances {
		if p.Object() != objectServer {
			continue
		}
		in := lwm2m.NewInstance(def, p.Instance())
		for _, s := range f.Settings {
			for _, v := range s.Values {
				if !p.Contains(v.Path) {
					continue
				}
				_ = setSample(in, v) // the values have been checked
			}
		}
		all = append(all, in)
	}
	return all
}

func setSample(in *lwm2m.Instance, v lwm2m.Sample) error {
	if v.Path.Depth() == 4 {
		return in.SetItem(v.Path.Resource(), v.Path.ResourceInstance(), v.Value)
	}
	return in.Set(v.Path.Resource(), v.Value)
}

// Definition is that of an Object as the file means it; nil if none is known.
func (f *File) Definition(object uint16) *model.Object {
	def, _ := f.registry.Latest(object)
	return def
}
