package tree

import (
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

func TestTarget(t *testing.T) {
	tree := workshop(t)
	hook(t, tree, "/100/4/5", Multiple(), nil)
	hook(t, tree, "/100/4/1", Single(num(1)), nil)
	before := dump(tree)
	for _, p := range []string{"/100", "/100/0", "/200"} {
		if def, err := tree.Target(server, path(p)); def != nil || err != nil {
			t.Errorf("Target(%s) = %v, %v", p, def, err)
		}
	}
	for _, p := range []string{"/100/0/5", "/100/0/5/2", "/100/4/5/9", "/100/4/1", "/100/0/3"} {
		if def, err := tree.Target(server, path(p)); err != nil || def.ID != path(p).Resource() {
			t.Errorf("Target(%s) = %v, %v", p, def, err)
		}
	}
	for _, test := range []struct {
		path   string
		code   model.Code
		reason string
	}{
		{"/", model.BadRequest, "names no Object"},
		{"/7", model.NotFound, "no such Object"},
		{"/0", model.Unauthorized, "closed to servers"},
		{"/100/9", model.NotFound, "no such Object Instance"},
		{"/100/0/99", model.NotFound, "no such Resource"},
		{"/100/4/6", model.NotFound, "no such Resource"},
		{"/100/0/4", model.NotFound, "no such Resource"},
		{"/100/0/5/9", model.NotFound, "no such Resource Instance"},
		{"/100/0/1/0", model.NotFound, "no such Resource Instance"},
		{"/100/4/1/0", model.NotFound, "no such Resource Instance"},
	} {
		_, err := tree.Target(server, path(test.path))
		wantRefusal(t, tree, before, err, test.code, test.reason)
	}
}
