package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// Resources of the Access Control Object (Core 1.1.1 Appendix E.3). Owner 65535 is the Bootstrap-Server, and the instance
// 65535 stands for the Object itself, whose instances may be created.
const (
	accessObject   = 0
	accessInstance = 1
	accessList     = 2
	accessOwner    = 3
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
		target := model.PathOf(uint16(in.value(accessObject).Int()), uint16(in.value(accessInstance).Int()))
		_, exists := d.tree.Instance(target)
		if target.Instance() != model.MaxID && !exists {
			d.remove(in.Path())
			continue
		}
		if rights, orphaned := withoutServers(in, gone); orphaned {
			d.remove(in.Path())
			if target.Object() != objectDevice && target.Object() != objectServer && !IsProtected(target.Object()) {
				d.remove(target)
			}
		} else if rights != nil {
			d.put(rights)
		}
	}
}

// withoutServers returns rights as they are without some servers; nil if nothing changes. They are orphaned if
// the owner is among them and nobody else is named.
func withoutServers(in *Instance, gone []uint16) (rights *Instance, orphaned bool) {
	list, _ := in.Get(accessList)
	kept := make([]Item, 0, len(list.items))
	for _, item := range list.items {
		if !slices.Contains(gone, item.ID) {
			kept = append(kept, item)
		}
	}
	ownerGone := slices.Contains(gone, uint16(in.value(accessOwner).Int()))
	if !ownerGone && len(kept) == len(list.items) {
		return nil, false
	}
	rights = in.contents()
	_, _ = rights.SetContent(accessList, Multiple(kept...))
	if !ownerGone {
		return rights, false
	}
	owner, found := mostRights(kept)
	if !found && len(kept) == 0 {
		return nil, true
	}
	_, _ = rights.Set(accessOwner, model.IntegerValue(int64(owner)))
	return rights, false
}

// mostRights is the server to own what an unknown server owned: the one that may write and delete, then the one
// that may do more, then the first. If only the default for all servers is left, it is the Bootstrap-Server.
func mostRights(list []Item) (owner uint16, found bool) {
	const writeAndDelete = 2 | 8
	best := int64(-1)
	owner = model.MaxID
	for _, item := range list {
		weight := item.Value.Int()&writeAndDelete<<8 | item.Value.Int()
		if item.ID != 0 && weight > best {
			best, owner, found = weight, item.ID, true
		}
	}
	return owner, found
}
