package lwm2m

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/tree"
)

// readComposite performs a Read-Composite or, with the Observe option, an
// Observe-Composite or its cancellation (Core 1.1.1 §6.3.8, §6.4.5).
func (op *operation) readComposite(now time.Time, r *coap.Request, observes bool, observe uint32) {
	paths, err := op.compositePaths(r.Payload)
	if err != nil {
		op.fail(now, err)
		return
	}
	op.composite = true
	if observes && observe == 1 {
		op.cancel(now)
	}
	if observes && observe == 0 && !op.startObserving(now, paths, r.Options) {
		return
	}
	c := op.client()
	c.mu.Lock()
	nodes, calls, err := c.tree.ReadComposite(c.shard.nodes[:0], op.caller(), paths)
	c.mu.Unlock()
	op.finishRead(now, nodes, calls, err)
}

// compositePaths reads the paths of a composite request.
func (op *operation) compositePaths(payload []byte) ([]Path, error) {
	if err := op.checkComposite(); err != nil {
		return nil, err
	}
	paths, err := format.DecodePaths(op.format, payload)
	if err != nil {
		return nil, op.payloadError(err)
	}
	return slices.Clip(paths), nil
}

// checkComposite checks what composite requests have in common.
func (op *operation) checkComposite() error {
	version := op.client().version
	switch {
	case version.Compare(Version11) < 0:
		return &Error{Code: MethodNotAllowed, Reason: "composite operations exist since LwM2M 1.1"}
	case !op.path.IsRoot():
		return &Error{Code: MethodNotAllowed, Path: op.path, Reason: "composite operations have their paths in the payload"}
	case !op.hasFormat || !op.format.Composite() || !format.Supported(op.format, version):
		return op.payloadError(&format.Error{Err: format.ErrUnsupported, Format: op.format, Reason: "composite operations use SenML"})
	}
	return nil
}

// writeComposite performs a Write-Composite: all values, or none (Core 1.1.1 §6.3.9).
func (op *operation) writeComposite(now time.Time, payload []byte) {
	if err := op.checkComposite(); err != nil {
		op.fail(now, err)
		return
	}
	c := op.client()
	c.mu.Lock()
	var transaction *tree.Transaction
	nodes, err := op.decode(payload)
	if err == nil {
		transaction, err = c.tree.WriteComposite(op.caller(), nodes)
	}
	c.mu.Unlock()
	if err != nil {
		op.fail(now, err)
		return
	}
	op.transact(now, transaction)
}
