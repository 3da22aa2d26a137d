package shell

import (
	"context"
	"slices"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Read gives the values at the path of a Resource, or the one of a Resource Instance, as a server would read
// them. What was written under a lock counts.
func (d *Device) Read(ctx context.Context, p lwm2m.Path) ([]lwm2m.Sample, error) {
	in, _, err := d.resource(p)
	if err != nil {
		return nil, err
	}
	values, err := in.Read(ctx, p.Resource())
	refusal, refused := asRefusal(err)
	missing := refused && refusal.Code == lwm2m.NotFound
	if err != nil && !missing {
		return nil, err
	}
	values = slices.DeleteFunc(d.overlay(p, values), func(s lwm2m.Sample) bool { return !p.Contains(s.Path) })
	if len(values) == 0 {
		return nil, &lwm2m.Error{Code: lwm2m.NotFound, Path: p, Reason: "no value here"}
	}
	return values, nil
}

// overlay puts what waits for the end of a lock over the values of a Resource.
func (d *Device) overlay(p lwm2m.Path, values []lwm2m.Sample) []lwm2m.Sample {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.pending {
		if !p.Prefix(3).Contains(c.Path) {
			continue
		}
		i, found := slices.BinarySearchFunc(values, c.Path, func(s lwm2m.Sample, p lwm2m.Path) int { return s.Path.Compare(p) })
		switch {
		case found && c.Value.IsZero():
			values = slices.Delete(values, i, i+1)
		case found:
			values[i].Value = c.Value
		case !c.Value.IsZero():
			values = slices.Insert(values, i, lwm2m.Sample{Path: c.Path, Value: c.Value})
		}
	}
	return values
}

// single is the path of one value: of a Multiple-Instance Resource, that of its Resource Instance 0.
func single(p lwm2m.Path, def *model.Resource) lwm2m.Path {
	if p.Depth() == 3 && def.Multiple {
		return p.Child(0)
	}
	return p
}

// Write sets the value of a Resource or Resource Instance, whoever may write it otherwise, and what follows from that in its
// Object. Under a lock it waits for the end of that.
func (d *Device) Write(p lwm2m.Path, v model.Value) error {
	in, def, err := d.resource(p)
	if err != nil {
		return err
	}
	p = single(p, def)
	if p.Depth() == 4 && !def.Multiple {
		return &lwm2m.Error{Code: lwm2m.BadRequest, Path: p, Reason: "the Resource has no Resource Instances"}
	}
	if err := def.Check(v); err != nil {
		return &lwm2m.Error{Code: lwm2m.BadRequest, Path: p, Err: err}
	}
	return d.apply(d.following(in, lwm2m.Change{Path: p, Value: v}))
}

// remove removes a Resource Instance.
func (d *Device) remove(p lwm2m.Path) error { return d.apply([]lwm2m.Change{{Path: p}}) }

// apply makes changes, or keeps them until the lock ends.
func (d *Device) apply(changes []lwm2m.Change) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locks > 0 {
		d.pending = append(d.pending, changes...)
		return nil
	}
	return d.applyNow(changes)
}

// applyNow is called with d.mu held.
func (d *Device) applyNow(changes []lwm2m.Change) error {
	if d.client != nil {
		return d.client.Apply(changes...)
	}
	for _, c := range changes {
		i, ok := slices.BinarySearchFunc(d.instances, c.Path.Prefix(2), comparePath)
		if !ok {
			return &lwm2m.Error{Code: lwm2m.NotFound, Path: c.Path, Reason: "no such Object Instance"}
		}
		var err error
		switch in := d.instances[i]; {
		case c.Value.IsZero():
			in.RemoveItem(c.Path.Resource(), c.Path.ResourceInstance())
		case c.Path.Depth() == 4:
			err = in.SetItem(c.Path.Resource(), c.Path.ResourceInstance(), c.Value)
		default:
			err = in.Set(c.Path.Resource(), c.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Lock has what is written wait until Unlock, which makes it one change. Locks nest.
func (d *Device) Lock() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.locks++
}

// Unlock ends a Lock, and after the last one makes what was written meanwhile. The error is that of something which
// cannot be any more; then nothing was written.
func (d *Device) Unlock() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locks == 0 {
		return failf(numPermission, "there is no lock")
	}
	if d.locks--; d.locks > 0 {
		return nil
	}
	changes := d.pending
	d.pending = nil
	if len(changes) == 0 {
		return nil
	}
	return d.applyNow(changes)
}

// Create makes an Object Instance, or an empty Resource Instance.
func (d *Device) Create(p lwm2m.Path) error {
	if p.Depth() == 4 {
		return d.createItem(p)
	}
	if p.Depth() != 2 {
		return failf(numNotExecuted, "%v: want an Object Instance, such as 3303/0, or a Resource Instance", p)
	}
	if _, ok := d.instance(p); ok {
		return failf(numExists, "%v exists already", p)
	}
	k, ok := d.kinds[p.Object()]
	if !ok {
		return failf(numNotFound, "%v: no Object %d is known", p, p.Object())
	}
	if p.Instance() != 0 && !k.object.Multiple {
		return failf(numInvalid, "%v: %s has the one instance %v", p, k.object.Name, lwm2m.PathOf(p.Object(), 0))
	}
	in, err := d.make(p.Object(), p.Instance())
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.client != nil {
		return d.client.Add(in)
	}
	d.insert(in)
	return nil
}

func (d *Device) createItem(p lwm2m.Path) error {
	_, def, err := d.resource(p)
	switch {
	case err != nil:
		return err
	case !def.Multiple:
		return failf(numInvalid, "%v: the Resource has no Resource Instances", p)
	}
	if _, err := d.Read(context.Background(), p); err == nil {
		return failf(numExists, "%v exists already", p)
	}
	return d.Write(p, empty(def.Kind))
}

// empty is the value that a new Resource Instance has.
func empty(kind model.Kind) model.Value {
	switch kind {
	case model.String:
		return model.StringValue("")
	case model.Integer:
		return model.IntegerValue(0)
	case model.Unsigned:
		return model.UnsignedValue(0)
	case model.Float:
		return model.FloatValue(0)
	case model.Boolean:
		return model.BooleanValue(false)
	case model.Opaque:
		return model.OpaqueValue(nil)
	case model.Time:
		return model.UnixValue(0)
	case model.Objlnk:
		return model.LinkValue(model.NullLink)
	case model.Corelnk:
		return model.CoreLinkValue("")
	}
	return model.Value{}
}

// Delete removes an Object Instance, or a Resource Instance. While the device runs, the Objects of its accounts and
// the Device Object stay.
func (d *Device) Delete(p lwm2m.Path) error {
	switch p.Depth() {
	case 4:
		if _, err := d.Read(context.Background(), p); err != nil {
			return err
		}
		return d.remove(p)
	case 2:
	default:
		return failf(numNotExecuted, "%v: want an Object Instance, such as 3303/0, or a Resource Instance", p)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending = slices.DeleteFunc(d.pending, func(c lwm2m.Change) bool { return p.Contains(c.Path) })
	for cached := range d.cached {
		if p.Contains(cached) {
			delete(d.cached, cached)
		}
	}
	if d.client != nil {
		return d.client.Delete(p)
	}
	i, ok := slices.BinarySearchFunc(d.instances, p, comparePath)
	switch {
	case !ok:
		return &lwm2m.Error{Code: lwm2m.NotFound, Path: p, Reason: "no such Object Instance"}
	case p.Object() == objectDevice:
		return &lwm2m.Error{Code: lwm2m.MethodNotAllowed, Path: p, Reason: "this Object Instance stays"}
	}
	d.follows.Delete(d.instances[i])
	d.instances = slices.Delete(d.instances, i, i+1)
	return nil
}

// Execute executes a Resource as a server does.
func (d *Device) Execute(ctx context.Context, p lwm2m.Path, arguments string) error {
	in, def, err := d.resource(p)
	if err != nil {
		return err
	}
	return in.Execute(ctx, def.ID, arguments)
}

// Cache has the n last values of a Resource kept until servers have them. See [lwm2m.Instance.KeepHistory].
func (d *Device) Cache(p lwm2m.Path, n int) error {
	in, def, err := d.resource(p)
	if err != nil {
		return err
	}
	if err := in.KeepHistory(def.ID, n); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cached[p.Prefix(3)] = n
	return nil
}

// isCached reports whether Cache was called for the Resource.
func (d *Device) isCached(p lwm2m.Path) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cached[p.Prefix(3)] > 0
}
