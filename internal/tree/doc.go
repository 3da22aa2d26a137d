// Package tree is a client's data: Objects, Object Instances, Resources and
// Resource Instances, with the meaning of every Device Management operation
// (Core 1.1.1 §6.3) on them.
//
// It is a plain data structure: no locks, no goroutines, no clock. The owner
// holds one lock around each call. Callbacks of the user are never called from
// here. An operation that needs some is planned under the lock, the owner runs
// the callbacks without it, and then the operation is committed under the lock:
//
//	Read, ReadComposite  -> []ReadCall  -> Resolve
//	Write, WriteComposite -> Transaction -> Calls -> Commit
//	Create               -> Creation    -> Fill -> calls -> Commit, or Cancel
//	Delete               -> Deletion    -> Calls -> Commit
//	Execute              -> *Hooks
//
// Nothing of an operation is visible before its commit, and a refused operation
// leaves the tree as it was. Every refusal is a [*model.Error] with the response
// code and a short reason. The checks run in this order: Object unknown 4.04,
// Object closed to servers 4.01, level 4.05, Object Instance unknown 4.04, access
// right 4.01, Resource unknown 4.04, operation not supported 4.05, value 4.00.
//
// A bootstrap session works on a [Draft], a copy, which is dropped or checked and turned into a [Revision]:
//
//	NewDraft -> Write, Delete, ... -> Finish -> Revision -> Calls, Fill -> Commit, or Cancel
package tree
