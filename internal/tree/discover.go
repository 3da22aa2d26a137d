package tree

import "github.com/lwm2m-go/lwm2m/model"

// Entry is one link of the answer to a Discover; attributes are attached by the
// owner.
type Entry struct {
	Path    model.Path
	Version model.Version // of an Object whose version must be told; else zero
	Dim     int           // Resource Instances of a Multiple-Instance Resource; else -1
}

// Discover appends what is at p and below (Core 1.1.1 §6.3.2): an Object with
// its Object Instances and their Resources, an Object Instance with its
// Resources, or a Resource, since LwM2M 1.1 with its Resource Instances. All
// instantiated Resources are listed, whether they can be read or not. The number
// of Resource Instances that a Read hook would give is not known: Dim is -1.
func (t *Tree) Discover(dst []Entry, c Caller, p model.Path) ([]Entry, error) { return nil, nil }
