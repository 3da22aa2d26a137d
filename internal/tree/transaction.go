package tree

import (
	"github.com/lwm2m-go/lwm2m/model"
)

// Transaction is a planned change of Resources by a server. First the owner runs
// all of its [WriteCall]s, then commits it. Not to commit it is to forget it.
type Transaction struct{}

// WriteCall is a Resource with hooks that a Transaction will change. The owner
// runs [WriteCall.Validate] of all calls, then Hooks.Write of all calls that have
// it with New. If one fails, it runs Hooks.Write of the earlier ones again with
// Old, where OldKnown, and drops the Transaction.
type WriteCall struct {
	Path  model.Path // the Resource
	Hooks *Hooks
	New   Content // zero: the server removes the Resource
	Old   Content // zero: it was not instantiated
	// OldKnown is false if the values are not in the tree, because the Resource
	// has a Read hook or is write-only.
	OldKnown bool
}

// Validate runs Hooks.Validate for each value that the server gave. Errors are
// refusals with 4.00 unless the callback names another code.
func (w *WriteCall) Validate() error { return nil }

// Calls are the hooks to run before the commit, sorted by path.
func (x *Transaction) Calls() []WriteCall { return nil }

// Commit makes the changes visible, all of them or, if an Object Instance has
// gone since, none (4.04). It returns the places whose values changed, sorted:
// Resources and Resource Instances. What is not stored because of hooks counts
// as changed.
func (x *Transaction) Commit(t *Tree) (changed []model.Path, err error) { return nil, nil }
