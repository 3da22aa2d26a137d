package oma

import (
	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// NoOwner is the Access Control Owner of what no server owns: the Bootstrap-Server alone manages the rights, and the
// application.
const NoOwner = model.MaxID

// AccessControl is an instance of the Access Control Object (2), version 1.1: what each server may do with one Object
// Instance, or which may create instances of an Object (Core 1.1.1 §8). It is of use with several servers.
//
// Its owner may do everything with the Object Instance, and give rights to others. A server with an ACL of its own has
// exactly the rights in it, and any other those of the default ACL, that of server 0.
type AccessControl struct {
	*lwm2m.Instance

	ObjectID           lwm2m.Resource[int64]      // /2/x/0: 1 to 65534; mandatory
	ObjectInstanceID   lwm2m.Resource[int64]      // /2/x/1: 65535 stands for the Object; mandatory
	ACL                lwm2m.MultiResource[int64] // /2/x/2: model.Rights by Short Server ID, 0 is the default; writable
	AccessControlOwner lwm2m.Resource[int64]      // /2/x/3: a Short Server ID, or NoOwner; writable, mandatory
}

// NewAccessControl returns the instance /2/id for an Object Instance, or with the path of an Object for who may
// create its instances. The owner is a Short Server ID or [NoOwner].
func NewAccessControl(id uint16, target lwm2m.Path, owner uint16) *AccessControl {
	in := lwm2m.NewInstance(definition(2, model.Version{Major: 1, Minor: 1}), id)
	a := &AccessControl{
		Instance:           in,
		ObjectID:           lwm2m.ResourceOf[int64](in, 0),
		ObjectInstanceID:   lwm2m.ResourceOf[int64](in, 1),
		ACL:                lwm2m.MultiResourceOf[int64](in, 2),
		AccessControlOwner: lwm2m.ResourceOf[int64](in, 3),
	}
	instance := int64(model.MaxID)
	if target.Depth() > 1 {
		instance = int64(target.Instance())
	}
	_ = a.ObjectID.Set(int64(target.Object())) // the client says what is wrong with a target that cannot be
	_ = a.ObjectInstanceID.Set(instance)
	_ = a.AccessControlOwner.Set(int64(owner))
	return a
}

// Grant gives a server exactly these rights, or with server 0 all servers that have no ACL of their own.
func (a *AccessControl) Grant(server uint16, rights model.Rights) error {
	return a.ACL.Set(server, int64(rights))
}
