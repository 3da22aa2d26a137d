package tree

import (
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// ReadCall is a Resource whose values a Read hook gives. The owner runs
// Hooks.Read, sets Content and Err from its results, and hands all calls to
// [Resolve].
type ReadCall struct {
	Path    model.Path // the Resource, or the Resource Instance that was asked for
	Hooks   *Hooks     // Hooks.Read is not nil
	Content Content
	Err     error

	def        *model.Resource
	index      int  // where the nodes go
	addressed  bool // the target itself: a missing value is an error
	bestEffort bool // composite: an error leaves the Resource out
}

// Read appends what is at p to dst, sorted by path: one node for each value of an
// Object, an Object Instance, a Resource or, since LwM2M 1.1, a Resource Instance
// (Core 1.1.1 §6.3.1). A target without values is one node without a value.
// Resources that cannot be read are left out unless p names one: 4.05. If calls
// are returned, [Resolve] completes the nodes. Times are not set. Read does not
// allocate if dst has room and there are no hooks.
func (t *Tree) Read(dst []format.Node, c Caller, p model.Path) (nodes []format.Node, calls []ReadCall, err error) {
	return nil, nil, nil
}

// Resolve puts the results of the calls among the nodes of a Read. Contents are
// checked against the definitions. The first failed call is the answer to the
// whole Read; a Read-Composite just omits it.
func Resolve(nodes []format.Node, calls []ReadCall) ([]format.Node, error) { return nil, nil }
