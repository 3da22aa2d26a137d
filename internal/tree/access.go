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

// right is an access right (Core 1.1.1 §8.2).
type right uint8

const (
	rightRead right = 1 << iota
	rightWrite
	rightExecute
	rightDelete
	rightCreate
)

// IsProtected reports whether the Object holds credentials and is therefore
// closed to servers other than the Bootstrap-Server: Security, OSCORE and COSE.
func IsProtected(object uint16) bool { return object == 0 || object == 21 || object == 23 }

// allowed decides whether the caller has a right at p.
func (t *Tree) allowed(c Caller, p model.Path, _ right) bool {
	return c.Bootstrap || !IsProtected(p.Object())
}

// Authorize makes the checks that come before a payload is decoded: 4.00 for the
// root, 4.04 for an unknown Object, 4.01 for one that is closed to the caller.
func (t *Tree) Authorize(c Caller, p model.Path) error {
	_, err := t.open(c, p)
	return err
}
