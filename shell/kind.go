package shell

import (
	"context"
	"fmt"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// The Objects that the device knows more of than their definition.
const (
	objectSecurity      = 0
	objectServer        = 1
	objectAccessControl = 2
	objectDevice        = 3
	objectFirmware      = 5
	objectEventLog      = 20
	objectTemperature   = 3303
	objectLight         = 3311
	objectButton        = 3347
)

// kind is what the device knows of an Object.
type kind struct {
	object *model.Object
	// fill gives a new instance its values and callbacks; nil if it has none but what is mandatory.
	fill func(in *lwm2m.Instance) (follow, error)
}

// follow gives what else changes in an instance when a value is written by hand. It may be nil.
type follow func(c lwm2m.Change) []lwm2m.Change

// allKinds are the Objects that are defined, in the versions that go with that of LwM2M.
func (d *Device) allKinds() map[uint16]kind {
	kinds := map[uint16]kind{}
	for def := range model.Embedded().All() { // the newest of each comes last
		kinds[def.ID] = kind{object: def}
	}
	for def := range model.Core(d.config.Client.Version).All() {
		kinds[def.ID] = kind{object: def}
	}
	for _, def := range d.config.Definitions {
		kinds[def.ID] = kind{object: def}
	}
	for _, o := range d.config.Objects {
		def := o.Base().Object()
		kinds[def.ID] = kind{object: def}
	}
	for object, k := range map[uint16]kind{
		objectSecurity:    {fill: fillSecurity},
		objectServer:      {fill: d.fillServer},
		objectDevice:      {fill: d.fillDevice},
		objectFirmware:    {fill: d.fillFirmware},
		objectTemperature: {fill: fillTemperature},
		objectLight:       {fill: fillLight},
		objectButton:      {fill: fillButton},
	} {
		k.object = kinds[object].object
		kinds[object] = k
	}
	return kinds
}

// make makes an instance of an Object that is known: what is mandatory has a value, the least that is allowed.
func (d *Device) make(object, id uint16) (*lwm2m.Instance, error) {
	k := d.kinds[object]
	in := lwm2m.NewInstance(k.object, id)
	if k.fill != nil {
		follow, err := k.fill(in)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", in.Path(), err)
		}
		if follow != nil {
			d.follows.Store(in, follow)
			in.OnDelete(func(context.Context) error {
				d.follows.Delete(in)
				return nil
			})
		}
	}
	for i := range k.object.Resources {
		def := &k.object.Resources[i]
		if _, has := in.Get(def.ID); has || !def.Mandatory || def.Multiple || !def.Operations.Has(model.Readable) {
			continue
		}
		if v := empty(def.Kind); def.Check(v) == nil {
			if err := in.Set(def.ID, v); err != nil {
				return nil, err
			}
		}
	}
	return in, nil
}

// following is a change with what follows from it.
func (d *Device) following(in *lwm2m.Instance, c lwm2m.Change) []lwm2m.Change {
	changes := []lwm2m.Change{c}
	if f, ok := d.follows.Load(in); ok {
		changes = append(changes, f.(follow)(c)...)
	}
	return changes
}

// values sets Resources, as far as the version of the Object has them.
type values map[uint16]model.Value

func (v values) set(in *lwm2m.Instance) error {
	for resource, value := range v {
		if _, ok := in.Object().Resource(resource); !ok {
			continue
		}
		if err := in.Set(resource, value); err != nil {
			return err
		}
	}
	return nil
}

// number is the value of a numeric Resource; ok is false if it has none.
func number(in *lwm2m.Instance, resource uint16) (float64, bool) {
	v, ok := in.Get(resource)
	if !ok {
		return 0, false
	}
	return v.Number()
}
