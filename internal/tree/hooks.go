package tree

import (
	"context"
	"errors"

	"github.com/lwm2m-go/lwm2m/model"
)

// Hooks are the callbacks of one Resource; each may be nil. The owner runs them,
// without its lock. Hooks must not be changed once they are set: set others.
//
// A Resource with a Read hook is instantiated, and what servers read is the
// hook's; what they write is not stored. A write-only Resource with a Write hook
// is instantiated, and what is written goes to the hook alone, so that a firmware
// package does not stay in memory. A Resource with an Execute hook is
// instantiated.
type Hooks struct {
	// Read gives the current Content; a zero Content means not instantiated.
	Read func(ctx context.Context) (Content, error)
	// Validate judges one value before anything is stored; p is the Resource or
	// the Resource Instance. It must have no effect. An error refuses the whole
	// operation, with 4.00 if the error names no other code.
	Validate func(p model.Path, v model.Value) error
	// Write is told the whole new Content of the Resource, before it is visible;
	// a zero Content means that the server removed the Resource. An error refuses
	// the whole operation.
	Write func(ctx context.Context, w Content) error
	// Execute runs the Resource. The arguments are the payload as it came, already
	// checked for syntax.
	Execute func(ctx context.Context, arguments []byte) error
}

// stores reports whether what servers write to the Resource is kept in the tree.
func (h *Hooks) stores(def *model.Resource) bool {
	return h == nil || h.Read == nil && (h.Write == nil || def.Operations.Has(model.Readable))
}

// Refusal makes the answer to an operation out of the error of a callback at p.
// A [*model.Error] stays; a [model.Code], bare or wrapped, is the answer's code and
// the error's text its reason. Any other error becomes fallback and stays the
// cause, but its text is not for the other side. A nil error is nil.
func Refusal(p model.Path, err error, fallback model.Code) error {
	if err == nil {
		return nil
	}
	if refusal, ok := errors.AsType[*model.Error](err); ok {
		return refusal
	}
	code, ok := errors.AsType[model.Code](err)
	switch {
	case !ok:
		return &model.Error{Code: fallback, Path: p, Reason: "refused by the application", Err: err}
	case err == error(code):
		return &model.Error{Code: code, Path: p}
	}
	return &model.Error{Code: code, Path: p, Reason: err.Error()}
}

func fail(code model.Code, p model.Path, reason string) error {
	return &model.Error{Code: code, Path: p, Reason: reason}
}
