package tree

import "github.com/lwm2m-go/lwm2m/model"

// Caller is who performs an operation.
type Caller struct {
	// Server is the Short Server ID.
	Server uint16
	// Bootstrap marks the Bootstrap-Server, to which all Objects are open.
	Bootstrap bool
	// Version is the version of LwM2M that is spoken with the server; the zero
	// Version means 1.1. It decides whether Resource Instances can be addressed
	// (since 1.1) and deleted (since 1.2), and what Discover tells.
	Version model.Version
}

func (c Caller) version() model.Version {
	if c.Version.IsZero() {
		return model.Version11
	}
	return c.Version
}

func (c Caller) speaks(v model.Version) bool { return c.version().Compare(v) >= 0 }

// IsProtected reports whether the Object holds credentials and is therefore
// closed to servers other than the Bootstrap-Server: Security, OSCORE and COSE.
func IsProtected(object uint16) bool { return object == 0 || object == 21 || object == 23 }

// allowed decides whether the caller has a right at p, an Object for Create and else an Object Instance or what is
// below it. It is the one place where rights are decided; [Tree.Access] says how.
func (t *Tree) allowed(c Caller, p model.Path, r model.Rights) bool {
	return t.Access(c, p).Rights.Has(r)
}

// Authorize makes the checks that come before a payload is decoded: 4.00 for the
// root, 4.04 for an unknown Object, 4.01 for one that is closed to the caller.
func (t *Tree) Authorize(c Caller, p model.Path) error {
	_, err := t.open(c, p)
	return err
}

func (t *Tree) open(c Caller, p model.Path) (*object, error) {
	if p.IsRoot() {
		return nil, fail(model.BadRequest, p, "the path names no Object")
	}
	o := t.object(p.Object())
	switch {
	case o == nil:
		return nil, fail(model.NotFound, p, "no such Object")
	case IsProtected(p.Object()) && !c.Bootstrap:
		return nil, fail(model.Unauthorized, p, "the Object is closed to servers")
	}
	return o, nil
}

// reach makes the checks from the Object down to the Object Instance, in the
// order of the specification, and returns the Object Instance; nil if p is an
// Object. Operations on whole Objects check rights for each instance themselves.
func (t *Tree) reach(c Caller, p model.Path, r model.Rights, levels ...int) (*object, *Instance, error) {
	o, err := t.open(c, p)
	if err != nil {
		return nil, nil, err
	}
	if err := checkLevel(c, p, levels); err != nil || p.Depth() == 1 {
		return o, nil, err
	}
	in := o.instance(p.Instance())
	if in == nil {
		return nil, nil, fail(model.NotFound, p, "no such Object Instance")
	}
	if !t.allowed(c, p, r) {
		return nil, nil, t.unauthorized(c, p, r)
	}
	return o, in, nil
}

var levelNames = [...]string{"the root", "an Object", "an Object Instance", "a Resource", "a Resource Instance"}

func checkLevel(c Caller, p model.Path, levels []int) error {
	for _, level := range levels {
		if p.Depth() == level && (level < 4 || c.speaks(model.Version11)) {
			return nil
		}
	}
	return fail(model.MethodNotAllowed, p, "not possible on "+levelNames[p.Depth()])
}

// defined finds the definition of the Resource at p or above, and makes sure
// that servers can do op with it.
func (in *Instance) defined(p model.Path, op model.Operations) (*model.Resource, error) {
	def, ok := in.def.Resource(p.Resource())
	switch {
	case !ok:
		return nil, fail(model.NotFound, p, "no such Resource")
	case !def.Operations.Has(op):
		return nil, fail(model.MethodNotAllowed, p, cannot(def, op))
	case p.Depth() == 4 && !def.Multiple:
		return nil, fail(model.MethodNotAllowed, p, "the Resource has no Resource Instances")
	}
	return def, nil
}

// cannot says why a Resource does not support op.
func cannot(def *model.Resource, op model.Operations) string {
	switch {
	case op == model.Executable:
		return "not executable"
	case def.Operations.Has(model.Executable):
		return "executable, has no value"
	case def.Operations.Has(model.Readable):
		return "read-only"
	case def.Operations.Has(model.Writable):
		return "write-only"
	}
	return "closed to servers"
}
