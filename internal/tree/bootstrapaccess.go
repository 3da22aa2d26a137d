package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// checkAccess makes sure that what an instance of the Access Control Object is about exists.
func (d *Draft) checkAccess(in *Instance) error {
	if err := in.checkComplete(); err != nil {
		return err
	}
	object, instance := uint16(in.value(accessObject).Int()), uint16(in.value(accessInstance).Int())
	o := d.tree.object(object)
	switch {
	case IsProtected(object):
		return inconsistent(in.Path(), "there are no access rights to credentials")
	case o == nil:
		return inconsistent(in.Path(), "it is about the Object "+decimal(object)+", which does not exist")
	case instance != model.MaxID && o.instance(instance) == nil:
		return inconsistent(in.Path(), "it is about "+model.PathOf(object, instance).String()+", which does not exist")
	}
	owner := uint16(in.value(accessOwner).Int())
	if owner != model.MaxID && !slices.Contains(d.accounts(), owner) {
		return inconsistent(in.Path().Child(accessOwner), "no account has the Short Server ID "+decimal(owner)+" of the owner")
	}
	return nil
}

// unbootstrap takes away the rights of the servers whose accounts have gone. What such a server owned goes
// to the server with the most rights; what nobody else could reach goes with it (Core 1.1.1
// §8.1.4). Rights to what the session has removed go as well. What the session itself has written about rights stays.
func (d *Draft) unbootstrap() {
	left := d.accounts()
	gone := slices.DeleteFunc(slices.Clone(d.servers), func(ssid uint16) bool { return slices.Contains(left, ssid) })
	for _, in := range slices.Collect(d.tree.Instances(objectAccessControl)) {
		if d.written(in.Path()) {
			continue
		}
		target := targetOf(in)
		_, exists := d.tree.Instance(target)
		switch {
		case target.Depth() == 2 && (!exists || isOnlyFor(in, gone)):
			d.remove(in.Path())
			if target.Object() != objectDevice && target.Object() != objectServer && !IsProtected(target.Object()) {
				d.remove(target)
			}
		default:
			if rights := withoutServers(in, gone, left); rights != nil {
				d.put(rights)
			}
		}
	}
}

// isOnlyFor reports whether one of the servers owns what the entry is for, and no other server has any right.
func isOnlyFor(entry *Instance, servers []uint16) bool {
	acl, _ := entry.Get(accessList)
	return slices.Contains(servers, ownerOf(entry)) && !slices.ContainsFunc(acl.items, func(item Item) bool {
		return !slices.Contains(servers, item.ID) && model.Rights(item.Value.Int())&instanceRights != 0
	})
}

// withoutServers returns an entry as it is without the servers that have gone; nil if nothing changes.
func withoutServers(entry *Instance, gone, left []uint16) *Instance {
	acl, _ := entry.Get(accessList)
	kept := slices.DeleteFunc(slices.Clone(acl.items), func(item Item) bool { return slices.Contains(gone, item.ID) })
	ownerGone := slices.Contains(gone, ownerOf(entry))
	if !ownerGone && len(kept) == len(acl.items) {
		return nil
	}
	rights := entry.contents()
	if len(kept) < len(acl.items) {
		_, _ = rights.SetContent(accessList, Multiple(kept...))
	}
	if ownerGone {
		_, _ = rights.Set(accessOwner, model.IntegerValue(int64(heir(rights, left))))
	}
	return rights
}

// heir is the server to own what one owned that has gone: the one that has most of the rights to write and to delete, of
// equals the one with the lowest Short Server ID. One that has rights by default alone does not inherit, as it would
// have all of them then. Without an heir it is the Bootstrap-Server.
func heir(entry *Instance, servers []uint16) uint16 {
	heir, most := uint16(model.MaxID), -1
	for _, server := range servers {
		r, ok := rightsIn(entry, server)
		sum := 0
		for _, right := range []model.Rights{model.RightWrite, model.RightDelete} {
			if r.Has(right) {
				sum++
			}
		}
		if ok && r != 0 && (sum > most || sum == most && server < heir) {
			heir, most = server, sum
		}
	}
	return heir
}
