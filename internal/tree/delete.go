package tree

import "github.com/lwm2m-go/lwm2m/model"

// Deletion is a planned Delete.
type Deletion struct {
	// Path is what goes: an Object Instance or a Resource Instance.
	Path model.Path
	// Instance is the Object Instance that goes or loses the Resource Instance.
	Instance *Instance
}

// Delete plans the removal of an Object Instance (Core 1.1.1 §6.3.7) or, since
// LwM2M 1.2, of a Resource Instance. The only instance of a mandatory Object,
// such as /3/0, stays: 4.05.
func (t *Tree) Delete(c Caller, p model.Path) (*Deletion, error) { return nil, nil }

// Calls are the hooks to run first, if a Resource Instance goes.
func (d *Deletion) Calls() []WriteCall { return nil }

// Commit removes it and returns what changed: the Object Instance, or the
// Resource Instance. If it has gone since, the error is 4.04.
func (d *Deletion) Commit(t *Tree) (changed []model.Path, err error) { return nil, nil }
