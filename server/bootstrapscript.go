package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/lwm2m-go/lwm2m/model"
)

// run carries out the configuration from the first operation to Bootstrap-Finish.
func (b *BootstrapSession) run(ctx context.Context) error {
	for _, path := range b.config.Discover {
		if _, err := b.Discover(ctx, path); err != nil {
			return err
		}
	}
	for _, path := range b.config.Read {
		if _, err := b.Read(ctx, path, ReadOptions{}); err != nil {
			return err
		}
	}
	if err := b.Configure(ctx); err != nil {
		return err
	}
	for _, path := range b.config.Verify {
		if _, err := b.Discover(ctx, path); err != nil {
			return err
		}
	}
	response, err := b.Finish(ctx)
	return b.accepted("Bootstrap-Finish", "/"+bootstrapPath, response, err)
}

// Configure deletes and writes what the configuration of the Client says. If Instances of its accounts are left open,
// it discovers which are free. The error is the first refusal, an [*OperationError] that wraps a *model.Error with the
// code, or says that there was no answer.
func (b *BootstrapSession) Configure(ctx context.Context) error {
	for _, path := range b.config.deletes() {
		response, err := b.Delete(ctx, path)
		if err := b.accepted("Bootstrap-Delete", path.String(), response, err); err != nil {
			return err
		}
	}
	l := layoutOf(nil)
	if b.config.needsLayout() {
		response, err := b.Discover(ctx, model.Path{})
		if err := b.accepted("Bootstrap-Discover", "/", response, err); err != nil {
			return fmt.Errorf("which Instances are free is not known, so they have to be configured: %w", err)
		}
		l = layoutOf(response.Links)
	}
	for _, w := range b.config.writes(l) {
		response, err := b.WriteNodes(ctx, w.Path, w.nodes(), WriteOptions{})
		if err := b.accepted("Bootstrap-Write", w.Path.String(), response, err); err != nil {
			return err
		}
	}
	return nil
}

// accepted is the error of an operation that got no answer, or a refusal.
func (b *BootstrapSession) accepted(operation, path string, r *Response, err error) error {
	if err != nil {
		return err
	}
	if err := r.Err(); err != nil {
		return b.error(operation, path, err)
	}
	return nil
}

var errUnfinished = errors.New("the script ended before Bootstrap-Finish was accepted")
