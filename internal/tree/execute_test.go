package tree

import (
	"context"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

func TestExecute(t *testing.T) {
	tree := workshop(t)
	reset := &Hooks{Execute: func(context.Context, []byte) error { return nil }}
	check(t, instanceAt(t, tree, "/100/0").SetHooks(4, reset))
	check(t, instanceAt(t, tree, "/100/4").SetHooks(4, &Hooks{}))
	before := dump(tree)
	h, err := tree.Execute(server, path("/100/0/4"))
	if err != nil || h != reset {
		t.Errorf("hooks %p, %v", h, err)
	}
	for _, test := range []struct {
		name, path string
		code       model.Code
		reason     string
	}{
		{"root", "/", model.BadRequest, "names no Object"},
		{"Object", "/100", model.MethodNotAllowed, "not possible on an Object"},
		{"Object Instance", "/100/0", model.MethodNotAllowed, "not possible on an Object Instance"},
		{"Resource Instance", "/100/0/4/0", model.MethodNotAllowed, "not possible on a Resource Instance"},
		{"Object unknown", "/7/0/0", model.NotFound, "no such Object"},
		{"Object closed", "/0/0/0", model.Unauthorized, "closed to servers"},
		{"Object Instance unknown", "/100/9/4", model.NotFound, "no such Object Instance"},
		{"Resource unknown", "/100/0/99", model.NotFound, "no such Resource"},
		{"not executable", "/100/0/1", model.MethodNotAllowed, "not executable"},
		{"without hook", "/100/4/4", model.NotFound, "not supported"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := tree.Execute(server, path(test.path))
			wantRefusal(t, tree, before, err, test.code, test.reason)
		})
	}
}
