package tree

import (
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// Mode is the kind of a Write (Core 1.1.1 §6.3.3).
type Mode uint8

// The kinds of Write.
const (
	// Replace (PUT) replaces the writable Resources of an Object Instance, the
	// whole of a Resource, or a Resource Instance.
	Replace Mode = iota
	// Partial (POST) adds and updates what is in the payload. Its target is an
	// Object Instance or, since LwM2M 1.2, a Multiple-Instance Resource.
	Partial
)

// CheckWrite makes the checks of a Write that need no payload, so that a server
// hears of them before a body is transferred or decoded.
func (t *Tree) CheckWrite(c Caller, p model.Path, mode Mode) error { return nil }

// Write plans a Write of nodes to p. The nodes' paths are absolute and lie at or
// below p, else 4.00. Resources that the Object does not define are skipped in a
// Write to an Object Instance; a Resource that is defined as not writable refuses
// the whole (4.05). Times are ignored.
func (t *Tree) Write(c Caller, p model.Path, nodes []format.Node, mode Mode) (*Transaction, error) {
	return nil, nil
}
