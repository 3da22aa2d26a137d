package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// Read performs a Bootstrap-Read of the Server Object, the Access Control Object, or an instance of
// them (Core 1.1.1 §6.1.7.3). Whether servers may read a Resource does not count.
func (d *Draft) Read(dst []format.Node, p model.Path) ([]format.Node, error) {
	if p.IsRoot() {
		return dst, fail(model.BadRequest, p, "the path names no Object")
	}
	o, err := d.object(p)
	switch {
	case err != nil:
		return dst, err
	case IsProtected(p.Object()):
		return dst, fail(model.Unauthorized, p, "credentials cannot be read")
	case p.Object() != objectServer && p.Object() != objectAccessControl:
		return dst, fail(model.MethodNotAllowed, p, "only the Objects 1 and 2 can be read in a bootstrap")
	case p.Depth() > 2:
		return dst, fail(model.MethodNotAllowed, p, "not possible on "+levelNames[p.Depth()])
	case p.Depth() == 2 && o.instance(p.Instance()) == nil:
		return dst, fail(model.NotFound, p, "no such Object Instance")
	}
	none := len(dst)
	for _, in := range o.instances {
		if !p.Contains(in.Path()) {
			continue
		}
		empty := len(dst)
		for i := range in.slots {
			s := &in.slots[i]
			dst = appendContent(dst, in.Path().Child(s.def.ID), s.content(), false)
		}
		if len(dst) == empty {
			dst = append(dst, format.Node{Path: in.Path()})
		}
	}
	if len(dst) == none {
		dst = append(dst, format.Node{Path: p})
	}
	return dst, nil
}

// BootstrapEntry is one link of the answer to a Bootstrap-Discover.
type BootstrapEntry struct {
	Path    model.Path
	Version model.Version // of an Object whose version must be told; else zero
	// ShortServerID is that of the account which an instance of the Security, Server or OSCORE Object belongs to. The
	// account of the Bootstrap-Server has none: 0.
	ShortServerID uint16
	URI           string // of the server, since LwM2M 1.1; "" of the Bootstrap-Server
}

// Discover performs a Bootstrap-Discover: the instances of an Object or, if p is the root, of all (Core 1.1.1
// §6.1.7.2). Objects are listed by themselves if they have no instance or a version that is to be told.
func (d *Draft) Discover(v model.Version, p model.Path) ([]BootstrapEntry, error) {
	if p.Depth() > 1 {
		return nil, fail(model.MethodNotAllowed, p, "not possible on "+levelNames[p.Depth()])
	}
	if !p.IsRoot() {
		if _, err := d.object(p); err != nil {
			return nil, err
		}
	}
	var entries []BootstrapEntry
	for _, o := range d.tree.objects {
		if !p.Contains(model.PathOf(o.def.ID)) || len(o.instances) == 0 && slices.Contains(d.unused, o.def.ID) {
			continue
		}
		entry := BootstrapEntry{Path: model.PathOf(o.def.ID)}
		version := objectVersion(o.def)
		told := tellsVersion(o.def.ID, version, v)
		if told {
			entry.Version = version
		}
		if told || len(o.instances) == 0 {
			entries = append(entries, entry)
		}
		for _, in := range o.instances {
			entries = append(entries, d.entry(v, in))
		}
	}
	return entries, nil
}

func (d *Draft) entry(v model.Version, in *Instance) BootstrapEntry {
	entry := BootstrapEntry{Path: in.Path()}
	switch {
	case in.def.ID == objectSecurity:
		entry.ShortServerID = in.shortServerID()
		if !in.isBootstrapAccount() && v.Compare(model.Version11) >= 0 {
			entry.URI = in.value(securityURI).Text()
		}
	case in.def.ID == objectServer:
		entry.ShortServerID = uint16(in.value(serverSSID).Int())
	case IsProtected(in.def.ID) && v.Compare(model.Version12) >= 0:
		for account := range d.tree.Instances(objectSecurity) {
			if l := account.value(securityOSCORE); !l.IsZero() && model.PathOf(l.Link().Object, l.Link().Instance) == in.Path() {
				entry.ShortServerID = account.shortServerID()
			}
		}
	}
	return entry
}
