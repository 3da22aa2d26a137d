package tree

import (
	"fmt"

	"github.com/lwm2m-go/lwm2m/model"
)

// Resources of the Access Control Object (Core 1.1.1 §8 and Appendix E.3).
const (
	accessObject   = 0
	accessInstance = 1
	accessList     = 2 // ACL: rights by Short Server ID; 0 is the default
	accessOwner    = 3 // 65535 is the Bootstrap-Server
)

// anyInstance is the Object Instance ID that stands for an Object whose instances are to be created.
const anyInstance = model.MaxID

// instanceRights are those that there can be at an Object Instance.
const instanceRights = model.AllRights &^ model.RightCreate

// Grounds is the rule by which a server has the rights that it has.
type Grounds uint8

// The rules, in the order in which they are tried.
const (
	ByBootstrap    Grounds = iota // the Bootstrap-Server has all rights
	ByProtection                  // nobody else has any at an Object with credentials
	BySingleServer                // there is one account: access is not controlled
	ByAbsence                     // there is no Access Control Object: access is not controlled
	ByManagement                  // the owner alone manages an instance of the Access Control Object
	ByNoEntry                     // no instance of the Access Control Object is for it
	ByOwnACL                      // the server's own ACL
	ByOwnership                   // the owner, without an ACL of its own, has all rights
	ByDefaultACL                  // the default ACL
	ByNoACL                       // there is neither
)

// Access is what a server may do at an Object Instance, or for Create at an Object, and why.
type Access struct {
	Server  uint16
	Path    model.Path // the Object Instance, or the Object
	Rights  model.Rights
	Grounds Grounds
	Entry   model.Path // the instance of the Access Control Object that decides; the root if none does
	Owner   uint16     // its Access Control Owner

	given model.Rights // by the ACL, whatever they count for at Path
}

// Access finds the rights of a caller at p by the rules of Core 1.1.1 §8.2: at an Object the right to Create, deeper
// all others. They are in force if there is more than one account of an LwM2M Server and the Access Control
// Object is known, with or without instances.
func (t *Tree) Access(c Caller, p model.Path) Access {
	a := Access{Server: c.Server, Path: p.Prefix(min(p.Depth(), 2)), Rights: instanceRights}
	if p.Depth() == 1 {
		a.Rights = model.RightCreate
	}
	switch {
	case c.Bootstrap:
		a.Grounds = ByBootstrap
	case IsProtected(p.Object()):
		a.Grounds, a.Rights = ByProtection, 0
	case t.object(objectAccessControl) == nil:
		a.Grounds = ByAbsence
	case !t.hasSeveralServers():
		a.Grounds = BySingleServer
	default:
		a.decide(t.entry(a.Path))
	}
	return a
}

// decide applies the rules that the instance of the Access Control Object gives; entry is nil if there is none.
func (a *Access) decide(entry *Instance) {
	if entry == nil {
		a.Grounds, a.Rights = ByNoEntry, 0
		return
	}
	a.Entry, a.Owner = entry.Path(), ownerOf(entry)
	own, hasOwn := rightsIn(entry, a.Server)
	others, hasDefault := rightsIn(entry, 0)
	isOwner := a.Owner == a.Server
	creates := a.Path.Depth() == 1
	all := a.Rights
	switch {
	case entry.Path() == a.Path && isOwner:
		a.Grounds, a.Rights = ByManagement, model.RightRead|model.RightWrite|model.RightDelete
		return
	case hasOwn:
		a.Grounds, a.Rights, a.given = ByOwnACL, own, own
	case isOwner && !creates:
		a.Grounds, a.Rights = ByOwnership, all
	case hasDefault && !isOwner && !creates:
		a.Grounds, a.Rights, a.given = ByDefaultACL, others, others
	default:
		a.Grounds, a.Rights = ByNoACL, 0
	}
	if entry.Path() == a.Path { // whom it concerns may know it
		a.Grounds, all = ByManagement, model.RightRead
	}
	a.Rights &= all
}

// hasSeveralServers reports whether there is more than one account of an LwM2M Server.
func (t *Tree) hasSeveralServers() bool {
	n := 0
	for range t.servers {
		n++
		if n > 1 {
			return true
		}
	}
	return false
}

// servers yields the Short Server IDs of the accounts of LwM2M Servers.
func (t *Tree) servers(yield func(uint16) bool) {
	for in := range t.Instances(objectSecurity) {
		if ssid := in.shortServerID(); ssid != 0 && !yield(ssid) {
			return
		}
	}
}

// IsRestricted reports whether access is controlled: the rules are in force, as [Tree.Access] says.
func (t *Tree) IsRestricted() bool {
	return t.object(objectAccessControl) != nil && t.hasSeveralServers()
}

// entry finds the instance of the Access Control Object that is for an Object Instance, or for Create of those of
// an Object; nil if there is none. The first counts. An instance of the Access Control Object is its own.
func (t *Tree) entry(p model.Path) *Instance {
	if p.Object() == objectAccessControl && p.Depth() == 2 {
		in, _ := t.Instance(p)
		return in
	}
	for in := range t.Instances(objectAccessControl) {
		if targetOf(in) == p {
			return in
		}
	}
	return nil
}

// targetOf is what an instance of the Access Control Object is for: an Object Instance, or an Object.
func targetOf(in *Instance) model.Path {
	object := model.PathOf(uint16(in.value(accessObject).Int()))
	if instance := uint16(in.value(accessInstance).Int()); instance != anyInstance {
		return object.Child(instance)
	}
	return object
}

func ownerOf(in *Instance) uint16 { return uint16(in.value(accessOwner).Int()) }

// rightsIn is the ACL of a server in an instance of the Access Control Object; ok is false if it has none. Server 0
// stands for the default.
func rightsIn(in *Instance, server uint16) (r model.Rights, ok bool) {
	v, ok := in.GetItem(accessList, server)
	return model.Rights(v.Int()) & model.AllRights, ok
}

// readable returns a function that tells which instances of an Object the caller may read. It is for all of them.
func (t *Tree) readable(c Caller, o *object) func(*Instance) bool {
	switch {
	case c.Bootstrap || !IsProtected(o.def.ID) && !t.IsRestricted():
		return func(*Instance) bool { return true }
	case len(o.instances) <= 1 || o.def.ID == objectAccessControl || IsProtected(o.def.ID):
		return func(in *Instance) bool { return t.allowed(c, in.Path(), model.RightRead) }
	}
	entries := make(map[model.Path]*Instance) // for each instance to be looked up, there may be thousands
	for in := range t.Instances(objectAccessControl) {
		if p := targetOf(in); p.Object() == o.def.ID && entries[p] == nil {
			entries[p] = in
		}
	}
	return func(in *Instance) bool {
		a := Access{Server: c.Server, Path: in.Path(), Rights: instanceRights}
		a.decide(entries[a.Path])
		return a.Rights.Has(model.RightRead)
	}
}

// CheckRead reports, with 4.01, why values at p, an Object Instance or below, may not be told to the caller. Of an
// Object as a whole that depends on each of its instances.
func (t *Tree) CheckRead(c Caller, p model.Path) error {
	if p.Depth() < 2 || t.allowed(c, p, model.RightRead) {
		return nil
	}
	return t.unauthorized(c, p, model.RightRead)
}

// checkGrants makes sure that what a server writes to the Access Control Object makes sense: rights for servers that
// have an account, or the default, and an owner that has one, or none. What comes from elsewhere may be ahead of the
// accounts.
func (t *Tree) checkGrants(c Caller, parts []part) error {
	if c.Bootstrap {
		return nil
	}
	for _, part := range parts {
		if part.in.def.ID != objectAccessControl {
			continue
		}
		for _, node := range part.nodes {
			if err := t.checkGrant(node.Path, node.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tree) checkGrant(p model.Path, v model.Value) error {
	switch {
	case v.Kind() != model.Integer: // removed, or refused elsewhere
		return nil
	case p.Resource() == accessList && p.Depth() == 4:
		if n := v.Int(); n < 0 || n > int64(model.AllRights) {
			return fail(model.BadRequest, p, fmt.Sprintf("%d is no sum of R=1, W=2, E=4, D=8, C=16", n))
		}
		if ri := p.ResourceInstance(); ri != 0 && !t.HasServer(ri) {
			return fail(model.BadRequest, p, fmt.Sprintf("no server has the Short Server ID %d", ri))
		}
	case p.Resource() == accessOwner && p.Depth() == 3:
		if n := v.Int(); n != model.MaxID && (n <= 0 || n > model.MaxID || !t.HasServer(uint16(n))) {
			return fail(model.BadRequest, p, fmt.Sprintf("no server has the Short Server ID %d", n))
		}
	}
	return nil
}

// HasServer reports whether an LwM2M Server with the Short Server ID has an account.
func (t *Tree) HasServer(id uint16) bool {
	for server := range t.servers {
		if server == id {
			return true
		}
	}
	return false
}
