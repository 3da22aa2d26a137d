package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// CheckWrite makes the checks of a Bootstrap-Write that need no payload.
func (d *Draft) CheckWrite(p model.Path) error {
	o, err := d.object(p)
	switch {
	case p.IsRoot():
		return fail(model.BadRequest, p, "the path names no Object")
	case err != nil:
		return err
	case p.Depth() == 4:
		return fail(model.MethodNotAllowed, p, "not possible on a Resource Instance")
	case p.Depth() == 1:
		return nil
	}
	if err := d.checkWritable(o, p.Prefix(2)); err != nil || p.Depth() == 2 {
		return err
	}
	_, err = valued(o, p)
	return err
}

// valued finds the definition of a Resource that can have a value.
func valued(o *object, p model.Path) (*model.Resource, error) {
	def, ok := o.def.Resource(p.Resource())
	switch {
	case !ok:
		return nil, fail(model.NotFound, p, "no such Resource")
	case def.Kind == model.None:
		return nil, fail(model.BadRequest, p, "executable, has no value")
	}
	return def, nil
}

// checkWritable makes sure that there is, or may be, an instance at p.
func (d *Draft) checkWritable(o *object, p model.Path) error {
	if o.instance(p.Instance()) != nil {
		return nil
	}
	if err := checkID(o.def, p.Instance()); err != nil {
		return err
	}
	if was, ok := d.origins[p]; isAccountObject(o.def.ID) || o.creatable || ok && was.live != nil {
		return nil
	}
	return fail(model.BadRequest, p, "the application lets nobody create instances of this Object")
}

// isAccountObject reports whether the instances of an Object are the servers' and not the application's:
// credentials, accounts and access rights.
func isAccountObject(object uint16) bool {
	return IsProtected(object) || object == objectServer || object == objectAccessControl
}

// Write performs a Bootstrap-Write of nodes to p: an Object, an Object Instance or a Resource (Core 1.1.1 §6.1.7.4).
// What does not exist is created; neither access rights nor the operations of a Resource count. A
// written Object Instance loses the optional Resources that the payload lacks. Resources that
// are not defined are skipped below p. Links need to lead somewhere only at [Draft.Finish].
// On an error nothing is written.
func (d *Draft) Write(p model.Path, nodes []format.Node) error {
	if err := d.CheckWrite(p); err != nil {
		return err
	}
	nodes = sortNodes(nodes)
	for _, node := range nodes {
		if !p.Contains(node.Path) {
			return fail(model.BadRequest, node.Path, "the payload goes beyond the path "+p.String())
		}
	}
	o := d.tree.object(p.Object())
	if p.Depth() == 3 {
		return d.writeResource(o, p, nodes)
	}
	if p.Depth() == 2 && len(nodes) == 0 {
		nodes = []format.Node{{Path: p}} // an Object Instance without Resources
	}
	return d.writeInstances(o, nodes)
}

func (d *Draft) writeResource(o *object, p model.Path, nodes []format.Node) error {
	def, err := valued(o, p)
	if err != nil {
		return err
	}
	if len(nodes) == 0 && !def.Multiple {
		return fail(model.BadRequest, p, "no value")
	}
	in := NewInstance(o.def, p.Instance())
	if old := o.instance(p.Instance()); old != nil {
		in = old.contents()
	}
	if err := d.set(in, def, nodes); err != nil {
		return err
	}
	return d.store(in)
}

// writeInstances writes sorted nodes to Object Instances.
func (d *Draft) writeInstances(o *object, nodes []format.Node) error {
	var written []*Instance
	for len(nodes) > 0 {
		p := nodes[0].Path.Prefix(2)
		n := 1
		for p.Depth() == 2 && n < len(nodes) && p.Contains(nodes[n].Path) {
			n++
		}
		if p.Depth() == 2 { // else the Object itself, empty
			in, err := d.rewritten(o, p, nodes[:n])
			if err != nil {
				return err
			}
			written = append(written, in)
		}
		nodes = nodes[n:]
	}
	return d.store(written...)
}

// rewritten is the instance at p with the values of nodes and what mandatory Resources it had.
func (d *Draft) rewritten(o *object, p model.Path, nodes []format.Node) (*Instance, error) {
	if err := d.checkWritable(o, p); err != nil {
		return nil, err
	}
	in := NewInstance(o.def, p.Instance())
	if old := o.instance(p.Instance()); old != nil {
		for i := range old.slots {
			if s := &old.slots[i]; s.def.Mandatory {
				in.put(s.def, s.content())
			}
		}
	}
	for group := range byResource(nodes) {
		q := group[0].Path.Prefix(3)
		if q.Depth() < 3 {
			if len(group) > 1 {
				return nil, fail(model.BadRequest, q, "given twice")
			}
			continue
		}
		def, ok := o.def.Resource(q.Resource())
		switch {
		case !ok:
			continue
		case def.Kind == model.None:
			return nil, fail(model.BadRequest, q, "executable, has no value")
		}
		if err := d.set(in, def, group); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// set gives a Resource of in the values of nodes.
func (d *Draft) set(in *Instance, def *model.Resource, nodes []format.Node) error {
	if isNone(in, def, nodes) {
		in.Remove(def.ID)
		return nil
	}
	c, err := d.tree.given(&part{in: in, def: def, nodes: nodes, unlinked: true})
	if err != nil {
		return err
	}
	in.put(def, c)
	return nil
}

// isNone reports whether nodes give an account a value that stands for none. Bootstrap-Servers write such to accounts
// that do not need the Resource: the Short Server IDs 0 and 65535 to their own one, and nothing, as text or bytes,
// where that is no possible value, such as the keys of the SMS binding.
func isNone(in *Instance, def *model.Resource, nodes []format.Node) bool {
	if in.def.ID != objectSecurity || len(nodes) != 1 || def.Mandatory {
		return false
	}
	switch v := nodes[0].Value; v.Kind() {
	case model.Integer:
		return def.ID == securitySSID && (v.Int() == 0 || v.Int() == model.MaxID)
	case model.String, model.Opaque:
		return v.Len() == 0 && def.Range.Check(v) != nil
	}
	return false
}

// store puts the instances into the Draft, if there is room for all of them.
func (d *Draft) store(written ...*Instance) error {
	size := d.size
	for _, in := range written {
		size += in.sizeOf()
		if old, ok := d.tree.Instance(in.Path()); ok && d.written(in.Path()) {
			size -= old.sizeOf()
		}
	}
	if size > MaxDraft && size > d.size {
		return fail(model.RequestEntityTooLarge, model.Path{}, "more than the client can keep until Bootstrap-Finish")
	}
	for _, in := range written {
		d.put(in)
	}
	return nil
}

// WritePack puts a Bootstrap-Pack into the Draft: the Objects in it are replaced, with the exceptions
// of [Draft.Delete], others stay (Core 1.2 §6.1.7.8). On an error nothing is written.
func (d *Draft) WritePack(nodes []format.Node) error {
	work := d.copy()
	nodes = sortNodes(nodes)
	if len(nodes) == 0 {
		return fail(model.BadRequest, model.Path{}, "the Bootstrap-Pack is empty")
	}
	for len(nodes) > 0 {
		p := nodes[0].Path.Prefix(1)
		if p.IsRoot() {
			return fail(model.BadRequest, p, "a value without a Resource")
		}
		n := slices.IndexFunc(nodes, func(node format.Node) bool { return !p.Contains(node.Path) })
		if n <= 0 {
			n = len(nodes)
		}
		if err := work.Delete(p); err != nil {
			return err
		}
		if err := work.writeInstances(work.tree.object(p.Object()), nodes[:n]); err != nil {
			return err
		}
		nodes = nodes[n:]
	}
	*d = *work
	return nil
}

// Delete performs a Bootstrap-Delete of everything, an Object, or an Object Instance (Core 1.1.1 §6.1.7.5). The account of the
// Bootstrap-Server and the Device Object stay, without an error, and to delete what does
// not exist is none either.
func (d *Draft) Delete(p model.Path) error {
	if p.Depth() > 2 {
		return fail(model.MethodNotAllowed, p, "not possible on "+levelNames[p.Depth()])
	}
	if !p.IsRoot() {
		if _, err := d.object(p); err != nil {
			return err
		}
	}
	kept := d.bootstrapAccount()
	for _, o := range d.tree.objects {
		for _, in := range slices.Clone(o.instances) {
			if p.Contains(in.Path()) && o.def.ID != objectDevice && !slices.Contains(kept, in.Path()) {
				d.remove(in.Path())
			}
		}
	}
	return nil
}

// bootstrapAccount is where the account of the Bootstrap-Server lies: in the Security Object, and in that of OSCORE.
func (d *Draft) bootstrapAccount() (places []model.Path) {
	for in := range d.tree.Instances(objectSecurity) {
		if !in.isBootstrapAccount() {
			continue
		}
		places = append(places, in.Path())
		if v := in.value(securityOSCORE); !v.IsZero() {
			places = append(places, model.PathOf(v.Link().Object, v.Link().Instance))
		}
	}
	return places
}
