package tree

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

func links(entries []Entry) string {
	words := make([]string, 0, len(entries))
	for _, e := range entries {
		word := e.Path.String()
		if e.Dim >= 0 {
			word += fmt.Sprintf(";dim=%d", e.Dim)
		}
		if !e.Version.IsZero() {
			word += ";ver=" + e.Version.String()
		}
		words = append(words, word)
	}
	return strings.Join(words, ",")
}

func TestDiscover(t *testing.T) {
	const zero = "/100/0,/100/0/0,/100/0/1,/100/0/2,/100/0/3,/100/0/4,/100/0/5;dim=2,/100/0/6,/100/0/7;dim=0,/100/0/8"
	tree := workshop(t)
	in := instanceAt(t, tree, "/100/4")
	check(t, instanceAt(t, tree, "/100/0").SetHooks(4, &Hooks{Execute: func(context.Context, []byte) error { return nil }}))
	check(t, in.SetHooks(1, &Hooks{Read: func(context.Context) (Content, error) { return Content{}, nil }}))
	check(t, in.SetHooks(3, &Hooks{Write: func(context.Context, Content) error { return nil }}))
	check(t, in.SetHooks(5, &Hooks{Read: func(context.Context) (Content, error) { return Content{}, nil }}))
	check(t, in.SetHooks(6, &Hooks{Write: func(context.Context, Content) error { return nil }})) // without value
	for _, test := range []struct {
		caller     Caller
		path, want string
	}{
		{server, "/100", "/100;ver=1.1," + zero + ",/100/4,/100/4/0,/100/4/1,/100/4/3,/100/4/5"},
		{server, "/100/0", zero},
		{server, "/100/0/1", "/100/0/1"},
		{server, "/100/0/3", "/100/0/3"},
		{server, "/100/0/4", "/100/0/4"},
		{server, "/100/0/5", "/100/0/5;dim=2,/100/0/5/1,/100/0/5/2"},
		{server10, "/100/0/5", "/100/0/5;dim=2"},
		{server, "/200", "/200"},
		{server, "/3", "/3,/3/0,/3/0/0"},
		{server10, "/3", "/3;ver=1.1,/3/0,/3/0/0"},
		{server12, "/3", "/3;ver=1.1,/3/0,/3/0/0"},
		{Caller{Bootstrap: true}, "/0/0", "/0/0,/0/0/0"},
	} {
		got, err := tree.Discover([]Entry{{Dim: -1}}, test.caller, path(test.path), DefaultDepth)
		if err != nil || links(got) != "/,"+test.want {
			t.Errorf("Discover(%s) = %s, %v\nwant %s", test.path, links(got), err, test.want)
		}
	}
}

// The depth counts the levels below the target (Core 1.2 §6.3.2).
func TestDiscoverDepth(t *testing.T) {
	tree := workshop(t)
	for _, test := range []struct {
		caller Caller
		path   string
		depth  int
		want   string
	}{
		{server12, "/3", 0, "/3;ver=1.1"},
		{server12, "/3", 1, "/3;ver=1.1,/3/0"},
		{server12, "/3", 2, "/3;ver=1.1,/3/0,/3/0/0"},
		{server12, "/3", 3, "/3;ver=1.1,/3/0,/3/0/0"},
		{server12, "/100/0", 0, "/100/0"},
		{server12, "/100/0", 1, "/100/0,/100/0/0,/100/0/1,/100/0/2,/100/0/3,/100/0/5;dim=2,/100/0/6,/100/0/7;dim=0,/100/0/8"},
		{server12, "/100/0", 2, "/100/0,/100/0/0,/100/0/1,/100/0/2,/100/0/3,/100/0/5;dim=2,/100/0/5/1,/100/0/5/2,/100/0/6,/100/0/7;dim=0,/100/0/8"},
		{server12, "/100/0", 3, "/100/0,/100/0/0,/100/0/1,/100/0/2,/100/0/3,/100/0/5;dim=2,/100/0/5/1,/100/0/5/2,/100/0/6,/100/0/7;dim=0,/100/0/8"},
		{server10, "/100/0", 3, "/100/0,/100/0/0,/100/0/1,/100/0/2,/100/0/3,/100/0/5;dim=2,/100/0/6,/100/0/7;dim=0,/100/0/8"},
		{server12, "/100/0/5", 0, "/100/0/5;dim=2"},
		{server12, "/100/0/5", 1, "/100/0/5;dim=2,/100/0/5/1,/100/0/5/2"},
		{server12, "/100/0/5", 3, "/100/0/5;dim=2,/100/0/5/1,/100/0/5/2"},
		{server12, "/200", 3, "/200"},
	} {
		got, err := tree.Discover(nil, test.caller, path(test.path), test.depth)
		if err != nil || links(got) != test.want {
			t.Errorf("Discover(%s) to depth %d = %s, %v\nwant %s", test.path, test.depth, links(got), err, test.want)
		}
	}
}

func TestDiscoverRefused(t *testing.T) {
	tree := workshop(t)
	check(t, instanceAt(t, tree, "/100/4").SetHooks(6, &Hooks{Write: func(context.Context, Content) error { return nil }}))
	before := dump(tree)
	for _, test := range []struct {
		name, path string
		code       model.Code
		reason     string
	}{
		{"root", "/", model.BadRequest, "names no Object"},
		{"Object unknown", "/7", model.NotFound, "no such Object"},
		{"Object closed", "/0", model.Unauthorized, "closed to servers"},
		{"Object Instance unknown", "/100/9", model.NotFound, "no such Object Instance"},
		{"Resource unknown", "/100/0/99", model.NotFound, "no such Resource"},
		{"Resource not instantiated", "/100/4/1", model.NotFound, "no value"},
		{"hook without value", "/100/4/6", model.NotFound, "no value"},
		{"executable not instantiated", "/100/0/4", model.NotFound, "no value"},
		{"Resource Instance", "/100/0/5/1", model.MethodNotAllowed, "not possible on a Resource Instance"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := tree.Discover(nil, server, path(test.path), DefaultDepth)
			wantRefusal(t, tree, before, err, test.code, test.reason)
		})
	}
}

func TestTellsVersion(t *testing.T) {
	for _, test := range []struct {
		object     uint16
		v, enabler model.Version
		want       bool
	}{
		{3, model.Version10, model.Version10, false},
		{3, model.Version11, model.Version10, true},
		{3, model.Version11, model.Version11, false},
		{3, model.Version10, model.Version11, true},
		{3, model.Version12, model.Version12, true},
		{3303, model.Version10, model.Version12, false},
		{3303, model.Version11, model.Version11, true},
	} {
		if got := tellsVersion(test.object, test.v, test.enabler); got != test.want {
			t.Errorf("tellsVersion(%d, %v, %v) = %v", test.object, test.v, test.enabler, got)
		}
	}
}
