package tree

import (
	"errors"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

func paths(s string) []model.Path {
	var list []model.Path
	for _, word := range strings.Fields(s) {
		list = append(list, path(word))
	}
	return list
}

func TestReadComposite(t *testing.T) {
	const zero = "/100/0/0=zero /100/0/1=7 /100/0/2=42 /100/0/5/1=10 /100/0/5/2=20 /100/0/6=3:0"
	tree := workshop(t)
	for _, test := range []struct{ name, paths, want string }{
		{"root", "/", "/3/0/0=Acme " + zero + " /100/4/0=four"},
		{"root and more", "/100/0 / /0/0", "/3/0/0=Acme " + zero + " /100/4/0=four"},
		{"all levels", "/100/4 /100/0/5/2 /3 /100/0/1", "/3/0/0=Acme /100/0/1=7 /100/0/5/2=20 /100/4/0=four"},
		{"duplicates", "/100/0/1 /100/0/1", "/100/0/1=7"},
		{"covered", "/100/0/5/1 /100/0/1 /100/0", zero},
		{"missing", "/7 /3/1 /100/0/99 /100/4/1 /100/0/5/9 /100/0/1/0 /100/0/1", "/100/0/1=7"},
		{"not readable", "/100/0/3 /100/0/4 /100/0/8 /3/0/0", "/3/0/0=Acme"},
		{"closed", "/0/0 /3/0/0", "/3/0/0=Acme"},
		{"nothing there", "/7 /200 /100/0/7 /100/4/1", ""},
		{"no paths", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, calls, err := tree.ReadComposite(nil, server, paths(test.paths))
			if err != nil || len(calls) != 0 || show(got) != test.want {
				t.Errorf("got %s, %v, %v\nwant %s", show(got), calls, err, test.want)
			}
		})
	}
}

func TestReadCompositeRefused(t *testing.T) {
	tree := workshop(t)
	before := dump(tree)
	_, _, err := tree.ReadComposite(nil, server, paths("/0/0 /7"))
	wantRefusal(t, tree, before, err, model.Unauthorized, "the right R is missing")
	_, _, err = tree.ReadComposite(nil, server10, paths("/3"))
	wantRefusal(t, tree, before, err, model.MethodNotAllowed, "LwM2M 1.1")
}

func TestReadCompositeHooks(t *testing.T) {
	tree := workshop(t)
	hook(t, tree, "/100/4/2", Single(num(99)), nil)
	hook(t, tree, "/100/4/5", Content{}, errors.New("broken"))
	hook(t, tree, "/100/4/7", Multiple(), nil)
	for _, test := range []struct{ paths, want string }{
		{"/100/4", "/100/4/0=four /100/4/2=99"},
		{"/100/4/5 /3/0/0", "/3/0/0=Acme"},
		{"/100/4/5 /0", ""}, // tried at least: not a matter of rights
	} {
		got, calls, err := tree.ReadComposite(nil, server, paths(test.paths))
		check(t, err)
		run(calls)
		if got, err = Resolve(got, calls); err != nil || show(got) != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.paths, show(got), err, test.want)
		}
	}
}

func TestWriteComposite(t *testing.T) {
	for _, test := range []struct{ name, payload, changed, read string }{
		{"Resources of instances", "/100/4/0=x /100/0/1=8", "/100/0/1 /100/4/0", "/100/0/1=8 /100/4/0=x"},
		{"not instantiated yet", "/100/4/1=5", "/100/4/1", "/100/4/1=5"},
		{"Resource Instances merge", "/100/0/5/2=21 /100/0/5/3=30", "/100/0/5/2 /100/0/5/3", "/100/0/5/1=10 /100/0/5/2=21 /100/0/5/3=30"},
		{"first Resource Instance", "/100/4/5/9=1", "/100/4/5/9", "/100/4/5/9=1"},
		{"no change", "/100/0/1=7 /100/0/5/1=10", "", "/100/0/1=7"},
		{"null link", "/100/0/6=65535:65535", "/100/0/6", "/100/0/6=65535:65535"},
		{"nothing", "", "", "/100/0/1=7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := workshop(t)
			before := dump(tree)
			x := must[*Transaction](t)(tree.WriteComposite(server, nodes(test.payload)))
			wantCommit(t, tree, before, x, test.changed)
			for _, node := range nodes(test.read) {
				got, _, err := tree.Read(nil, server, node.Path)
				if err != nil || got[0].Value != node.Value {
					t.Errorf("%v is %s, %v, want %v", node.Path, show(got), err, node.Value)
				}
			}
		})
	}
}

func TestWriteCompositeRefused(t *testing.T) {
	tree := workshop(t)
	before := dump(tree)
	for _, test := range []struct {
		name, payload string
		code          model.Code
		reason        string
	}{
		{"Object", "/100", model.BadRequest, "takes Resources"},
		{"Object Instance", "/100/0 /100/0/0=x", model.BadRequest, "takes Resources"},
		{"Object unknown", "/100/0/1=1 /7/0/0=x", model.NotFound, "no such Object"},
		{"Object closed", "/100/0/1=1 /0/0/0=x", model.Unauthorized, "closed to servers"},
		{"Object Instance unknown", "/100/0/1=1 /100/9/0=x", model.NotFound, "no such Object Instance"},
		{"Resource unknown", "/100/0/1=1 /100/0/99=x", model.NotFound, "no such Resource"},
		{"read-only", "/100/0/1=1 /100/0/2=1", model.MethodNotAllowed, "read-only"},
		{"executable", "/100/0/1=1 /100/0/4=1", model.MethodNotAllowed, "executable"},
		{"kinds before values", "/100/0/1=99 /100/0/2=1", model.MethodNotAllowed, "read-only"},
		{"wrong type", "/100/0/0=x /100/0/1=abc", model.BadRequest, "is Integer, not String"},
		{"range", "/100/4/1=60 /100/0/0=x", model.BadRequest, "60 is not in 0..59"},
		{"link to nothing", "/100/0/6=3:1", model.BadRequest, "link to 3:1, which does not exist"},
		{"Resource Instance under a single", "/100/0/1/0=1", model.BadRequest, "no Resource Instances"},
		{"value for a multiple", "/100/0/5=1", model.BadRequest, "lacks a Resource Instance ID"},
		{"twice", "/100/0/1=1 /100/0/1=2", model.BadRequest, "given twice"},
		{"Resource Instance twice", "/100/0/5/1=1 /100/0/5/1=2", model.BadRequest, "given twice"},
		{"no value", "/100/0/5/1", model.BadRequest, "no value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := tree.WriteComposite(server, nodes(test.payload))
			wantRefusal(t, tree, before, err, test.code, test.reason)
		})
	}
	_, err := tree.WriteComposite(server10, nodes("/100/0/1=1"))
	wantRefusal(t, tree, before, err, model.MethodNotAllowed, "LwM2M 1.1")
}

func TestWriteCompositeRemoves(t *testing.T) {
	tree := workshop(t)
	var log []string
	listen(t, instanceAt(t, tree, "/100/0"), &log, 5)
	hook(t, tree, "/100/4/5", Multiple(), nil)
	before := dump(tree)
	x := must[*Transaction](t)(tree.WriteComposite(server12, nodes("/100/0/5/1 /100/0/5/7 /100/0/5/8=80")))
	check(t, perform(x.Calls()))
	if got := strings.Join(log, ", "); got != "validate /100/0/5/8=80, write 5 [{2 20} {8 80}]" {
		t.Errorf("called %s", got)
	}
	wantCommit(t, tree, before, x, "/100/0/5/1 /100/0/5/8")

	check(t, tree.Insert(fill(t, NewInstance(gadget(), 5), map[uint16]Content{0: Single(str("five"))})))
	before = dump(tree)
	x = must[*Transaction](t)(tree.WriteComposite(server12, nodes("/100/5/5/1")))
	wantCommit(t, tree, before, x, "") // what is absent stays absent
	if dump(tree) != before {
		t.Error("the removal of nothing instantiated the Resource")
	}
	_, err := tree.WriteComposite(server12, nodes("/100/4/5/1"))
	wantRefusal(t, tree, before, err, model.MethodNotAllowed, "the application's")
	_, err = tree.WriteComposite(server12, nodes("/100/0/1"))
	wantRefusal(t, tree, before, err, model.BadRequest, "no value")
}
