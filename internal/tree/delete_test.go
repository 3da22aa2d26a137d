package tree

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

func TestDelete(t *testing.T) {
	tree := workshop(t)
	before := dump(tree)
	in := instanceAt(t, tree, "/100/4")
	d := must[*Deletion](t)(tree.Delete(server, path("/100/4")))
	if d.Instance != in || d.Path != path("/100/4") || len(d.Calls()) != 0 || dump(tree) != before {
		t.Errorf("planned %+v", d)
	}
	changed := must[[]model.Path](t)(d.Commit(tree))
	if _, ok := tree.Instance(path("/100/4")); ok || fmt.Sprint(changed) != "[/100/4]" {
		t.Errorf("changed %v", changed)
	}
	before = dump(tree)
	_, err := d.Commit(tree)
	wantRefusal(t, tree, before, err, model.NotFound, "has gone")
}

func TestDeleteRefused(t *testing.T) {
	tree := workshop(t)
	check(t, instanceAt(t, tree, "/100/4").SetHooks(5, &Hooks{Read: func(context.Context) (Content, error) { return Multiple(), nil }}))
	before := dump(tree)
	for _, test := range []struct {
		name   string
		caller Caller
		path   string
		code   model.Code
		reason string
	}{
		{"root", server, "/", model.BadRequest, "names no Object"},
		{"Object", server, "/100", model.MethodNotAllowed, "not possible on an Object"},
		{"Object unknown", server, "/7/0", model.NotFound, "no such Object"},
		{"Object closed", server, "/0/0", model.Unauthorized, "closed to servers"},
		{"Object Instance unknown", server, "/100/9", model.NotFound, "no such Object Instance"},
		{"mandatory", server, "/3/0", model.MethodNotAllowed, "mandatory Object"},
		{"Resource", server, "/100/0/1", model.MethodNotAllowed, "not possible on a Resource"},
		{"Resource in 1.2", server12, "/100/0/1", model.MethodNotAllowed, "not possible on a Resource"},
		{"Resource Instance", server, "/100/0/5/1", model.MethodNotAllowed, "not possible on a Resource Instance"},
		{"Resource Instance unknown", server12, "/100/0/5/9", model.NotFound, "no such Resource Instance"},
		{"Resource unknown", server12, "/100/0/99/1", model.NotFound, "no such Resource"},
		{"Resource Instance of a single", server12, "/100/0/1/0", model.MethodNotAllowed, "no Resource Instances"},
		{"Resource Instance read-only", server12, "/100/0/7/0", model.MethodNotAllowed, "read-only"},
		{"Resource Instance of a hook", server12, "/100/4/5/0", model.MethodNotAllowed, "the application's"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := tree.Delete(test.caller, path(test.path))
			wantRefusal(t, tree, before, err, test.code, test.reason)
		})
	}
}

func TestDeleteItem(t *testing.T) {
	tree := workshop(t)
	in := instanceAt(t, tree, "/100/0")
	var log []string
	listen(t, in, &log, 5)
	before := dump(tree)
	d := must[*Deletion](t)(tree.Delete(server12, path("/100/0/5/1")))
	check(t, perform(d.Calls()))
	if got := strings.Join(log, ", "); got != "write 5 [{2 20}]" {
		t.Errorf("called %s", got)
	}
	if dump(tree) != before {
		t.Error("the tree changed before the commit")
	}
	must[bool](t)(in.SetItem(5, 3, num(30))) // meanwhile
	changed := must[[]model.Path](t)(d.Commit(tree))
	if c, _ := in.Get(5); text(c) != "[{2 20} {3 30}]" || fmt.Sprint(changed) != "[/100/0/5/1]" {
		t.Errorf("left %s, changed %v", text(c), changed)
	}
}
