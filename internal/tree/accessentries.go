package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// AddEntry makes the instance of the Access Control Object for a new Object Instance at p, with an owner and no ACL: the
// owner has all rights, nobody else has any; 65535 is nobody. If there is one already it stays as it is, so that it
// can be there first. It returns nil if there is nothing to make, which is so too as long as the rules are not in
// force, and 5.00 if no Object Instance ID is free.
func (t *Tree) AddEntry(p model.Path, owner uint16) (*Instance, error) {
	if p.Object() == accessControl || IsProtected(p.Object()) || !t.IsRestricted() || t.entry(p) != nil {
		return nil, nil //nolint:nilnil // nothing is an answer
	}
	id, ok := t.object(accessControl).free()
	if !ok {
		return nil, fail(model.InternalServerError, p, "no instance of the Access Control Object is free for it")
	}
	in := NewInstance(t.object(accessControl).def, id)
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
		entry.RemoveItem(accessACL, c.Server)
		_, err := entry.Set(accessOwner, model.IntegerValue(int64(c.Server)))
		return nil, err
	}
	return t.AddEntry(p, c.Server)
}

// RemoveEntries removes the instances of the Access Control Object for an Object Instance that is gone, so that one that
// comes later does not inherit them. It returns their paths.
func (t *Tree) RemoveEntries(p model.Path) (removed []model.Path) {
	for in := range t.Instances(accessControl) {
		if targetOf(in) == p {
			removed = append(removed, in.Path())
		}
	}
	for _, entry := range removed {
		t.Remove(entry)
	}
	return removed
}

// RemoveAccount does for the Access Control Object what follows from the end of a server's account (Core 1.1.1 Appendix
// E.1): what it owned and nobody else had a right to goes with its entry; its ACLs go; and what it owned
// else gets the server as owner that has most of the rights to write and to delete, of equals the one with the lowest Short
// Server ID. A mandatory Object that has one instance stays, and the Security Object is not looked at. It returns the
// Object Instances that went and what changed in others, each sorted.
func (t *Tree) RemoveAccount(server uint16) (removed, changed []model.Path) {
	for _, entry := range slices.Collect(t.Instances(accessControl)) {
		p := targetOf(entry)
		if in, ok := t.Instance(p); ok && isOnlyFor(entry, server) && (in.def.Multiple || !in.def.Mandatory) {
			t.Remove(p)
			t.Remove(entry.Path())
			removed = append(removed, p, entry.Path())
			continue
		}
		if entry.RemoveItem(accessACL, server) {
			changed = append(changed, entry.Path().Child(accessACL).Child(server))
		}
		if ownerOf(entry) == server {
			_, _ = entry.Set(accessOwner, model.IntegerValue(int64(t.heir(entry, server)))) // an ID is in range
			changed = append(changed, entry.Path().Child(accessOwner))
		}
	}
	slices.SortFunc(removed, model.Path.Compare)
	return removed, changed
}

// isOnlyFor reports whether a server owns what the entry is for, and no other has any right.
func isOnlyFor(entry *Instance, server uint16) bool {
	acl, _ := entry.Get(accessACL)
	return ownerOf(entry) == server && !slices.ContainsFunc(acl.Items(), func(item Item) bool {
		return item.ID != server && model.Rights(item.Value.Int())&instanceRights != 0
	})
}

// heir is the new owner: the server that has most of the rights to write and to delete. Without one it is 65535.
func (t *Tree) heir(entry *Instance, former uint16) uint16 {
	heir, most := uint16(model.MaxID), -1
	for server := range t.servers {
		if server == former {
			continue
		}
		r, ok := rightsIn(entry, server)
		if !ok {
			r, ok = rightsIn(entry, 0)
		}
		sum := 0
		for _, right := range []model.Rights{model.RightWrite, model.RightDelete} {
			if r.Has(right) {
				sum++
			}
		}
		if ok && (sum > most || sum == most && server < heir) {
			heir, most = server, sum
		}
	}
	return heir
}
