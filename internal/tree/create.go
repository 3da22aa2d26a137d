package tree

import (
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// Creation is a planned Object Instance. Its ID is reserved until Commit or
// Cancel, one of which must be called.
type Creation struct {
	def *model.Object
	id  uint16
}

// CheckCreate makes the checks of a Create that need no payload.
func (t *Tree) CheckCreate(c Caller, p model.Path) error { return nil }

// Create plans an Object Instance with the values of nodes (Core 1.1.1 §6.3.6).
// If hasID is false, the lowest free ID is taken and the Object Instance ID in the
// nodes' paths does not count. An Object that may have one instance gives it
// the ID 0 always. Resources that are not defined or not writable are ignored.
func (t *Tree) Create(c Caller, object, id uint16, hasID bool, nodes []format.Node) (*Creation, error) {
	return nil, nil
}

// Path is the path of the new Object Instance.
func (k *Creation) Path() model.Path { return model.PathOf(k.def.ID, k.id) }

// Definition is the definition of the Object.
func (k *Creation) Definition() *model.Object { return k.def }

// Fill puts the server's values into in, the instance that the application made
// for it, or into a new one if in is nil, and returns the hooks that the owner
// has to run as those of a [Transaction].
func (k *Creation) Fill(in *Instance) ([]WriteCall, error) { return nil, nil }

// Instance is the filled instance; nil before Fill.
func (k *Creation) Instance() *Instance { return nil }

// Commit inserts the instance.
func (k *Creation) Commit(t *Tree) error { return nil }

// Cancel gives the reserved ID back. After Commit it does nothing.
func (k *Creation) Cancel(t *Tree) {}
