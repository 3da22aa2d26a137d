package tree

import (
	"context"
	"errors"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

var (
	server   = Caller{Server: 1}
	server10 = Caller{Server: 1, Version: model.Version10}
	server12 = Caller{Server: 1, Version: model.Version12}
)

func TestRead(t *testing.T) {
	const zero = "/100/0/0=zero /100/0/1=7 /100/0/2=42 /100/0/5/1=10 /100/0/5/2=20 /100/0/6=3:0 /100/0/7"
	tree := workshop(t)
	check(t, tree.Insert(NewInstance(gadget(), 9)))
	for _, test := range []struct{ name, path, want string }{
		{"Object", "/100", zero + " /100/4/0=four /100/9"},
		{"Object without instances", "/200", "/200"},
		{"Object Instance", "/100/0", zero},
		{"empty Object Instance", "/100/9", "/100/9"},
		{"Resource", "/100/0/1", "/100/0/1=7"},
		{"multiple Resource", "/100/0/5", "/100/0/5/1=10 /100/0/5/2=20"},
		{"empty multiple Resource", "/100/0/7", "/100/0/7"},
		{"Resource Instance", "/100/0/5/2", "/100/0/5/2=20"},
	} {
		t.Run(test.name, func(t *testing.T) {
			prefix := nodes("/1/1/1=1")
			got, calls, err := tree.Read(prefix, server, path(test.path))
			if err != nil || len(calls) != 0 || show(got[1:]) != test.want || show(got[:1]) != show(prefix) {
				t.Errorf("Read(%s) = %s, %v, %v\nwant %s", test.path, show(got), calls, err, test.want)
			}
		})
	}
}

func TestReadRefused(t *testing.T) {
	tree := workshop(t)
	before := dump(tree)
	for _, test := range []struct {
		name   string
		caller Caller
		path   string
		code   model.Code
		reason string
	}{
		{"root", server, "/", model.BadRequest, "names no Object"},
		{"Object unknown", server, "/7", model.NotFound, "no such Object"},
		{"Object closed", server, "/0", model.Unauthorized, "closed to servers"},
		{"closed before unknown instance", server, "/0/7", model.Unauthorized, "closed to servers"},
		{"Object Instance unknown", server, "/100/7", model.NotFound, "no such Object Instance"},
		{"Resource unknown", server, "/100/0/99", model.NotFound, "no such Resource"},
		{"Resource without value", server, "/100/4/1", model.NotFound, "no value"},
		{"multiple Resource without value", server, "/100/4/5", model.NotFound, "no value"},
		{"Resource Instance unknown", server, "/100/0/5/9", model.NotFound, "no such Resource Instance"},
		{"Resource Instance of none", server, "/100/4/5/9", model.NotFound, "no value"},
		{"Resource Instance of a single", server, "/100/0/1/0", model.MethodNotAllowed, "no Resource Instances"},
		{"Resource Instance in 1.0", server10, "/100/0/5/1", model.MethodNotAllowed, "not possible on a Resource Instance"},
		{"level before instance", server10, "/100/7/5/1", model.MethodNotAllowed, "not possible on a Resource Instance"},
		{"write-only", server, "/100/0/3", model.MethodNotAllowed, "write-only"},
		{"executable", server, "/100/0/4", model.MethodNotAllowed, "executable"},
		{"internal", server, "/100/0/8", model.MethodNotAllowed, "closed to servers"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, calls, err := tree.Read(nil, test.caller, path(test.path))
			if len(got) != 0 || len(calls) != 0 {
				t.Errorf("refused, yet gave %s", show(got))
			}
			wantRefusal(t, tree, before, err, test.code, test.reason)
		})
	}
}

func TestBootstrapReadsClosedObjects(t *testing.T) {
	got, _, err := workshop(t).Read(nil, Caller{Bootstrap: true}, path("/0"))
	if err != nil || show(got) != "/0/0" {
		t.Errorf("got %s, %v", show(got), err)
	}
}

// hook makes a Resource of the instance at p give c or err.
func hook(t *testing.T, tree *Tree, p string, c Content, err error) {
	t.Helper()
	in := instanceAt(t, tree, p)
	check(t, in.SetHooks(path(p).Resource(), &Hooks{Read: func(context.Context) (Content, error) { return c, err }}))
}

// run does with calls what the owner does.
func run(calls []ReadCall) {
	for i := range calls {
		calls[i].Content, calls[i].Err = calls[i].Hooks.Read(context.Background())
	}
}

func TestReadHooks(t *testing.T) {
	tree := workshop(t)
	hook(t, tree, "/100/4/2", Single(num(99)), nil)
	hook(t, tree, "/100/4/5", Multiple(Item{7, num(70)}, Item{8, num(80)}), nil)
	hook(t, tree, "/100/4/7", Multiple(), nil)
	hook(t, tree, "/100/4/1", Content{}, nil)
	hook(t, tree, "/100/0/2", Single(num(-1)), nil) // hides the stored value
	for _, test := range []struct{ name, path, want string }{
		{"Resource", "/100/4/2", "/100/4/2=99"},
		{"stored value is hidden", "/100/0/2", "/100/0/2=-1"},
		{"multiple Resource", "/100/4/5", "/100/4/5/7=70 /100/4/5/8=80"},
		{"Resource Instance", "/100/4/5/8", "/100/4/5/8=80"},
		{"empty Resource", "/100/4/7", "/100/4/7"},
		{"Object Instance", "/100/4", "/100/4/0=four /100/4/2=99 /100/4/5/7=70 /100/4/5/8=80 /100/4/7"},
		{"Object", "/100", "/100/0/0=zero /100/0/1=7 /100/0/2=-1 /100/0/5/1=10 /100/0/5/2=20 /100/0/6=3:0 /100/0/7 " +
			"/100/4/0=four /100/4/2=99 /100/4/5/7=70 /100/4/5/8=80 /100/4/7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, calls, err := tree.Read(nodes("/1/1/1=1"), server, path(test.path))
			check(t, err)
			run(calls)
			got, err = Resolve(got, calls)
			if err != nil || show(got) != "/1/1/1=1 "+test.want {
				t.Errorf("got %s, %v\nwant %s", show(got), err, test.want)
			}
		})
	}
}

func TestReadOnlyAbsentHook(t *testing.T) {
	tree := New()
	check(t, tree.Insert(NewInstance(gadget(), 0)))
	hook(t, tree, "/100/0/1", Content{}, nil)
	got, calls, err := tree.Read(nil, server, path("/100/0"))
	check(t, err)
	run(calls)
	if got, err = Resolve(got, calls); err != nil || show(got) != "/100/0" {
		t.Errorf("got %s, %v; want the empty Object Instance", show(got), err)
	}
}

func TestReadHookFails(t *testing.T) {
	cause := errors.New("sensor broken")
	for _, test := range []struct {
		name, hooked, path string
		c                  Content
		err                error
		code               model.Code
		reason             string
	}{
		{"plain error", "/100/4/2", "/100/4/2", Content{}, cause, model.InternalServerError, "refused by the application"},
		{"inside an Object Instance", "/100/4/2", "/100/4", Content{}, cause, model.InternalServerError, "/100/4/2"},
		{"code", "/100/4/2", "/100", Content{}, model.ServiceUnavailable, model.ServiceUnavailable, "/100/4/2"},
		{"absent", "/100/4/2", "/100/4/2", Content{}, nil, model.NotFound, "no value"},
		{"absent item", "/100/4/5", "/100/4/5/1", Multiple(), nil, model.NotFound, "no such Resource Instance"},
		{"absent for an item", "/100/4/5", "/100/4/5/1", Content{}, nil, model.NotFound, "no value"},
		{"wrong type", "/100/4/2", "/100/4", Single(str("x")), nil, model.InternalServerError, "wrong value"},
		{"wrong item type", "/100/4/5", "/100/4/5/0", Multiple(Item{0, str("x")}), nil, model.InternalServerError, "wrong value"},
		{"items for one", "/100/4/2", "/100/4", Multiple(), nil, model.InternalServerError, "wrong value"},
		{"one for items", "/100/4/5", "/100/4", Single(num(1)), nil, model.InternalServerError, "wrong value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := workshop(t)
			hook(t, tree, test.hooked, test.c, test.err)
			before := dump(tree)
			got, calls, err := tree.Read(nil, server, path(test.path))
			check(t, err)
			run(calls)
			_, err = Resolve(got, calls)
			wantRefusal(t, tree, before, err, test.code, test.reason)
			if test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("%v has lost its cause", err)
			}
		})
	}
}
