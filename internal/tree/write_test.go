package tree

import (
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

// wantCommit commits, after making sure that the plan alone changed nothing.
func wantCommit(t *testing.T, tree *Tree, before string, x *Transaction, want string) {
	t.Helper()
	if dump(tree) != before {
		t.Error("the tree changed before the commit")
	}
	changed, err := x.Commit(tree)
	words := make([]string, 0, len(changed))
	for _, p := range changed {
		words = append(words, p.String())
	}
	if got := strings.Join(words, " "); err != nil || got != want {
		t.Errorf("Commit changed %q, %v, want %q", got, err, want)
	}
}

func TestWrite(t *testing.T) {
	for _, test := range []struct {
		name, path, payload string
		mode                Mode
		changed, instance   string
	}{
		{"replace an instance", "/100/0", "/100/0/0=new /100/0/1=7 /100/0/5/3=30", Replace,
			"/100/0/0 /100/0/3 /100/0/5/1 /100/0/5/2 /100/0/5/3 /100/0/6",
			"/100/0/0=new /100/0/1=7 /100/0/2=42 /100/0/5/3=30 /100/0/7"},
		{"replace by the mandatory only", "/100/0", "/100/0/0=zero", Replace,
			"/100/0/1 /100/0/3 /100/0/5 /100/0/6", "/100/0/0=zero /100/0/2=42 /100/0/7"},
		{"replace skips the unknown", "/100/4", "/100/4/0=x /100/4/99=1 /100/4/98/3=1", Replace, "/100/4/0", "/100/4/0=x"},
		{"update an instance", "/100/0", "/100/0/5/3=30 /100/0/1=8", Partial, "/100/0/1 /100/0/5/3",
			"/100/0/0=zero /100/0/1=8 /100/0/2=42 /100/0/5/1=10 /100/0/5/2=20 /100/0/5/3=30 /100/0/6=3:0 /100/0/7"},
		{"update by nothing", "/100/4", "/100/4", Partial, "", "/100/4/0=four"},
		{"update skips the unknown", "/100/4", "/100/4/99=1", Partial, "", "/100/4/0=four"},
		{"instantiate", "/100/4", "/100/4/1=1 /100/4/5", Partial, "/100/4/1 /100/4/5", "/100/4/0=four /100/4/1=1 /100/4/5"},
		{"Resource", "/100/4/0", "/100/4/0=x", Replace, "/100/4/0", "/100/4/0=x"},
		{"Resource as it is", "/100/4/0", "/100/4/0=four", Replace, "", "/100/4/0=four"},
		{"instantiate a Resource", "/100/4/1", "/100/4/1=59", Replace, "/100/4/1", "/100/4/0=four /100/4/1=59"},
		{"multiple Resource", "/100/4/5", "/100/4/5/2=2 /100/4/5/1=1", Replace, "/100/4/5/1 /100/4/5/2",
			"/100/4/0=four /100/4/5/1=1 /100/4/5/2=2"},
		{"empty multiple Resource", "/100/4/5", "/100/4/5", Replace, "/100/4/5", "/100/4/0=four /100/4/5"},
		{"empty by no nodes", "/100/4/5", "", Replace, "/100/4/5", "/100/4/0=four /100/4/5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := workshop(t)
			before := dump(tree)
			x := must[*Transaction](t)(tree.Write(server, path(test.path), nodes(test.payload), test.mode))
			wantCommit(t, tree, before, x, test.changed)
			got, _, err := tree.Read(nil, server, path(test.path).Prefix(2))
			if err != nil || show(got) != test.instance {
				t.Errorf("the instance is %s, %v\nwant %s", show(got), err, test.instance)
			}
		})
	}
}

func TestWriteItems(t *testing.T) {
	for _, test := range []struct {
		name, path, payload string
		mode                Mode
		changed, resource   string
	}{
		{"replace", "/100/0/5", "/100/0/5/2=20 /100/0/5/3=30", Replace, "/100/0/5/1 /100/0/5/3", "/100/0/5/2=20 /100/0/5/3=30"},
		{"merge", "/100/0/5", "/100/0/5/2=21 /100/0/5/3=30", Partial, "/100/0/5/2 /100/0/5/3", "/100/0/5/1=10 /100/0/5/2=21 /100/0/5/3=30"},
		{"merge nothing", "/100/0/5", "", Partial, "", "/100/0/5/1=10 /100/0/5/2=20"},
		{"one", "/100/0/5/2", "/100/0/5/2=-1", Replace, "/100/0/5/2", "/100/0/5/1=10 /100/0/5/2=-1"},
		{"none", "/100/0/5", "/100/0/5", Replace, "/100/0/5/1 /100/0/5/2", "/100/0/5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := workshop(t)
			before := dump(tree)
			x := must[*Transaction](t)(tree.Write(server12, path(test.path), nodes(test.payload), test.mode))
			wantCommit(t, tree, before, x, test.changed)
			got, _, err := tree.Read(nil, server, path("/100/0/5"))
			if err != nil || show(got) != test.resource {
				t.Errorf("the Resource is %s, %v\nwant %s", show(got), err, test.resource)
			}
		})
	}
}

func TestWriteRefused(t *testing.T) {
	tree := workshop(t)
	before := dump(tree)
	for _, test := range []struct {
		name, path, payload string
		mode                Mode
		code                model.Code
		reason              string
	}{
		{"root", "/", "", Replace, model.BadRequest, "names no Object"},
		{"Object", "/100", "/100/0/0=x", Replace, model.MethodNotAllowed, "not possible on an Object"},
		{"Object unknown", "/7/0", "/7/0/0=x", Replace, model.NotFound, "no such Object"},
		{"Object closed", "/0/0/0", "/0/0/0=x", Replace, model.Unauthorized, "closed to servers"},
		{"closed before level", "/0", "", Replace, model.Unauthorized, "closed to servers"},
		{"Object Instance unknown", "/100/9", "/100/9/0=x", Replace, model.NotFound, "no such Object Instance"},
		{"partial is not Create", "/100/9", "/100/9/0=x", Partial, model.NotFound, "no such Object Instance"},
		{"level before instance", "/100/9/5/1", "", Partial, model.MethodNotAllowed, "not possible on a Resource Instance"},
		{"Resource unknown", "/100/0/99", "/100/0/99=x", Replace, model.NotFound, "no such Resource"},
		{"read-only", "/100/0/2", "/100/0/2=1", Replace, model.MethodNotAllowed, "read-only"},
		{"executable", "/100/0/4", "/100/0/4=1", Replace, model.MethodNotAllowed, "executable"},
		{"internal", "/100/0/8", "/100/0/8=x", Replace, model.MethodNotAllowed, "closed to servers"},
		{"kind before value", "/100/0/2", "/100/0/2=abc", Replace, model.MethodNotAllowed, "read-only"},
		{"wrong type", "/100/0/1", "/100/0/1=abc", Replace, model.BadRequest, "is Integer, not String"},
		{"range", "/100/0/1", "/100/0/1=60", Replace, model.BadRequest, "60 is not in 0..59"},
		{"link to nothing", "/100/0/6", "/100/0/6=100:9", Replace, model.BadRequest, "link to 100:9"},
		{"no value", "/100/0/1", "", Replace, model.BadRequest, "no value"},
		{"empty value", "/100/0/1", "/100/0/1", Replace, model.BadRequest, "no value"},
		{"other Resource", "/100/0/1", "/100/0/0=x", Replace, model.BadRequest, "beyond the path /100/0/1"},
		{"two values", "/100/0/1", "/100/0/1=1 /100/0/1=2", Replace, model.BadRequest, "given twice"},
		{"other instance", "/100/0", "/100/0/0=x /100/4/0=y", Replace, model.BadRequest, "beyond the path /100/0"},
		{"value of an instance", "/100/0", "/100/0=x", Partial, model.BadRequest, "value without a Resource"},
		{"mandatory missing", "/100/0", "/100/0/1=1", Replace, model.BadRequest, "/100/0/0: mandatory Resource missing"},
		{"empty replacement", "/100/0", "/100/0", Replace, model.BadRequest, "mandatory Resource missing"},
		{"read-only in an instance", "/100/0", "/100/0/0=x /100/0/2=1", Replace, model.MethodNotAllowed, "/100/0/2: read-only"},
		{"executable in an instance", "/100/0", "/100/0/0=x /100/0/4=1", Partial, model.MethodNotAllowed, "executable"},
		{"kind before value in an instance", "/100/0", "/100/0/1=99 /100/0/2=1", Partial, model.MethodNotAllowed, "read-only"},
		{"wrong type in an instance", "/100/0", "/100/0/0=x /100/0/5/1=x", Partial, model.BadRequest, "/100/0/5/1: wrong data type"},
		{"item under a single", "/100/0", "/100/0/1/0=1", Partial, model.BadRequest, "no Resource Instances"},
		{"item beside a single", "/100/0", "/100/0/1=1 /100/0/1/0=1", Partial, model.BadRequest, "no Resource Instances"},
		{"item of a single", "/100/0/1/0", "/100/0/1/0=1", Replace, model.MethodNotAllowed, "no Resource Instances"},
		{"one for items", "/100/0/5", "/100/0/5=1", Replace, model.BadRequest, "lacks a Resource Instance ID"},
		{"item twice", "/100/0/5", "/100/0/5/1=1 /100/0/5/1=1", Replace, model.BadRequest, "given twice"},
		{"Resource Instance missing", "/100/0/5/9", "/100/0/5/9=1", Replace, model.NotFound, "no such Resource Instance"},
		{"Resource missing for an instance", "/100/4/5/0", "/100/4/5/0=1", Replace, model.NotFound, "no such Resource Instance"},
		{"Resource Instance without value", "/100/0/5/1", "", Replace, model.BadRequest, "no value"},
		{"partial Resource before 1.2", "/100/0/5", "/100/0/5/1=1", Partial, model.MethodNotAllowed, "not possible on a Resource"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := tree.Write(server, path(test.path), nodes(test.payload), test.mode)
			wantRefusal(t, tree, before, err, test.code, test.reason)
		})
	}
	_, err := tree.Write(server12, path("/100/0/1"), nodes("/100/0/1=1"), Partial)
	wantRefusal(t, tree, before, err, model.MethodNotAllowed, "no Resource Instances")
	_, err = tree.Write(server10, path("/100/0/5/1"), nodes("/100/0/5/1=1"), Replace)
	wantRefusal(t, tree, before, err, model.MethodNotAllowed, "not possible on a Resource Instance")
}

// The checks that need no payload give the same answers alone.
func TestCheckWrite(t *testing.T) {
	tree := workshop(t)
	before := dump(tree)
	check(t, tree.CheckWrite(server, path("/100/0"), Partial))
	check(t, tree.CheckWrite(server, path("/100/0/1"), Replace))
	wantRefusal(t, tree, before, tree.CheckWrite(server, path("/100/0/2"), Replace), model.MethodNotAllowed, "read-only")
	wantRefusal(t, tree, before, tree.CheckWrite(server, path("/100/9"), Replace), model.NotFound, "no such Object Instance")
	check(t, tree.Authorize(server, path("/100/9")))
	wantRefusal(t, tree, before, tree.Authorize(server, path("/0/0")), model.Unauthorized, "closed")
}

func TestPayloadIsNotChanged(t *testing.T) {
	tree := workshop(t)
	payload := nodes("/100/0/5/2=1 /100/0/5/1=2 /100/0/1=3")
	before := show(payload)
	must[*Transaction](t)(tree.Write(server, path("/100/0"), payload, Partial))
	must[*Transaction](t)(tree.WriteComposite(server, payload))
	if show(payload) != before {
		t.Errorf("the payload became %s", show(payload))
	}
}
