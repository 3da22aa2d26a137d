package tree

import "github.com/lwm2m-go/lwm2m/model"

// AddEntry makes the instance of the Access Control Object for a new Object Instance at p, with an owner and no ACL: the
// owner has all rights, nobody else has any; 65535 is nobody. If there is one already it stays as it is, so that it
// can be there first. It returns nil if there is nothing to make, which is so too as long as the rules are not in
// force, and 5.00 if no Object Instance ID is free.
func (t *Tree) AddEntry(p model.Path, owner uint16) (*Instance, error) {
	if p.Object() == objectAccessControl || IsProtected(p.Object()) || !t.IsRestricted() || t.entry(p) != nil {
		return nil, nil //nolint:nilnil // nothing is an answer
	}
	id, ok := t.object(objectAccessControl).free()
	if !ok {
		return nil, fail(model.InternalServerError, p, "no instance of the Access Control Object is free for it")
	}
	in := NewInstance(t.object(objectAccessControl).def, id)
	in.Grow(3)
	for resource, n := range map[uint16]uint16{accessObject: p.Object(), accessInstance: p.Instance(), accessOwner: owner} {
		if _, err := in.Set(resource, model.IntegerValue(int64(n))); err != nil {
			return nil, err
		}
	}
	return in, t.Insert(in)
}

// own gives a new Object Instance to the server that created it: it becomes the owner with all rights (Core 1.1.1
// §6.3.6), also if there is an entry from before. A new entry is returned.
func (t *Tree) own(c Caller, p model.Path) (added *Instance, err error) {
	if c.Bootstrap {
		return nil, nil //nolint:nilnil // the Bootstrap-Server writes entries itself
	}
	if entry := t.entry(p); entry != nil && t.IsRestricted() {
		entry.RemoveItem(accessList, c.Server)
		_, err := entry.Set(accessOwner, model.IntegerValue(int64(c.Server)))
		return nil, err
	}
	return t.AddEntry(p, c.Server)
}

// RemoveEntries removes the instances of the Access Control Object for an Object Instance that is gone, so that one that
// comes later does not inherit them. It returns their paths.
func (t *Tree) RemoveEntries(p model.Path) (removed []model.Path) {
	for in := range t.Instances(objectAccessControl) {
		if targetOf(in) == p {
			removed = append(removed, in.Path())
		}
	}
	for _, entry := range removed {
		t.Remove(entry)
	}
	return removed
}
