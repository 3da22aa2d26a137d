package tree

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

// listen gives the Resources hooks that log and accept everything.
func listen(t *testing.T, in *Instance, log *[]string, resources ...uint16) {
	t.Helper()
	for _, id := range resources {
		check(t, in.SetHooks(id, &Hooks{
			Validate: func(p model.Path, v model.Value) error {
				*log = append(*log, fmt.Sprintf("validate %v=%v", p, v))
				return nil
			},
			Write: func(_ context.Context, w Content) error {
				*log = append(*log, fmt.Sprintf("write %d %v", id, text(w)))
				return nil
			},
		}))
	}
}

func text(c Content) string {
	switch {
	case c.IsZero():
		return "none"
	case c.IsMultiple():
		return fmt.Sprint(c.Items())
	}
	return c.Value().String()
}

// perform runs the calls as the owner does.
func perform(calls []WriteCall) error {
	for i := range calls {
		if err := calls[i].Validate(); err != nil {
			return err
		}
	}
	for i := range calls {
		if calls[i].Hooks.Write == nil {
			continue
		}
		if err := calls[i].Hooks.Write(context.Background(), calls[i].New); err != nil {
			return err
		}
	}
	return nil
}

func TestWriteCalls(t *testing.T) {
	tree := workshop(t)
	in := instanceAt(t, tree, "/100/0")
	var log []string
	listen(t, in, &log, 0, 1, 5, 6)
	x := must[*Transaction](t)(tree.Write(server, path("/100/0"), nodes("/100/0/5/2=2 /100/0/0=zero"), Replace))
	check(t, perform(x.Calls()))
	want := "validate /100/0/0=zero, validate /100/0/5/2=2, write 0 zero, write 1 none, write 5 [{2 2}], write 6 none"
	if got := strings.Join(log, ", "); got != want {
		t.Errorf("called %s\nwant %s", got, want)
	}
	for i, want := range []string{"zero", "7", "[{1 10} {2 20}]", "3:0"} {
		if call := x.Calls()[i]; text(call.Old) != want || !call.OldKnown {
			t.Errorf("old content of %v is %s, want %s", call.Path, text(call.Old), want)
		}
	}
	// The write-only Resource 3 without hooks has no call, but goes too.
	if _, err := x.Commit(tree); err != nil {
		t.Fatal(err)
	}
	if _, ok := in.Get(3); ok {
		t.Error("the write-only Resource was not removed")
	}
}

// A merge shows the hook all Resource Instances, but validates only those given.
func TestMergeCalls(t *testing.T) {
	tree := workshop(t)
	var log []string
	listen(t, instanceAt(t, tree, "/100/0"), &log, 5)
	x := must[*Transaction](t)(tree.Write(server, path("/100/0/5/1"), nodes("/100/0/5/1=11"), Replace))
	check(t, perform(x.Calls()))
	if got := strings.Join(log, ", "); got != "validate /100/0/5/1=11, write 5 [{1 11} {2 20}]" {
		t.Errorf("called %s", got)
	}
}

func TestValidateRefuses(t *testing.T) {
	tree := workshop(t)
	in := instanceAt(t, tree, "/100/0")
	odd := errors.New("odd")
	refuseOdd := &Hooks{Validate: func(_ model.Path, v model.Value) error {
		if v.Int()%2 != 0 {
			return odd
		}
		return nil
	}}
	check(t, in.SetHooks(5, refuseOdd))
	check(t, in.SetHooks(1, refuseOdd))
	before := dump(tree)
	for payload, place := range map[string]string{"/100/0/5/1=2 /100/0/5/2=3": "/100/0/5/2", "/100/0/1=3": "/100/0/1"} {
		x := must[*Transaction](t)(tree.WriteComposite(server, nodes(payload)))
		err := perform(x.Calls())
		wantRefusal(t, tree, before, err, model.BadRequest, place)
		if !errors.Is(err, odd) {
			t.Errorf("%v has lost its cause", err)
		}
	}
}

// Where hooks have the values, the tree stores nothing.
func TestNotStored(t *testing.T) {
	tree := workshop(t)
	in := instanceAt(t, tree, "/100/4")
	var log []string
	listen(t, in, &log, 3) // write-only
	check(t, in.SetHooks(5, &Hooks{Read: func(context.Context) (Content, error) { return Multiple(), nil }}))
	before := dump(tree)
	x := must[*Transaction](t)(tree.Write(server, path("/100/4"), nodes("/100/4/3=0x0102 /100/4/5/1=1"), Partial))
	check(t, perform(x.Calls()))
	if call := x.Calls()[0]; call.OldKnown || call.New.Value().Len() != 2 {
		t.Errorf("call %+v", call)
	}
	wantCommit(t, tree, before, x, "/100/4/3 /100/4/5/1")
	if dump(tree) != before {
		t.Errorf("stored:\n%s", dump(tree))
	}
	// A Resource Instance that only the hook knows can be written.
	check(t, tree.CheckWrite(server, path("/100/4/5/77"), Replace))
	// A replacement does not remove what is not there or is the application's.
	listen(t, in, &log, 1)
	check(t, in.SetHooks(6, &Hooks{Read: func(context.Context) (Content, error) { return Content{}, nil }, Write: in.HooksOf(1).Write}))
	must[bool](t)(in.Set(6, model.LinkValue(model.NullLink)))
	before = dump(tree)
	x = must[*Transaction](t)(tree.Write(server, path("/100/4"), nodes("/100/4/0=four"), Replace))
	if len(x.Calls()) != 0 {
		t.Errorf("calls %+v", x.Calls())
	}
	wantCommit(t, tree, before, x, "")
	if dump(tree) != before {
		t.Errorf("removed:\n%s", dump(tree))
	}
}

// A local change between plan and commit is not lost, unless the same thing was
// written.
func TestCommitMergesLate(t *testing.T) {
	tree := workshop(t)
	in := instanceAt(t, tree, "/100/0")
	x := must[*Transaction](t)(tree.WriteComposite(server, nodes("/100/0/5/2=21 /100/0/1=9")))
	must[bool](t)(in.SetItem(5, 3, num(30)))
	must[bool](t)(in.Set(1, num(9)))
	changed := must[[]model.Path](t)(x.Commit(tree))
	if fmt.Sprint(changed) != "[/100/0/5/2]" {
		t.Errorf("changed %v", changed)
	}
	if c, _ := in.Get(5); text(c) != "[{1 10} {2 21} {3 30}]" {
		t.Errorf("items %s", text(c))
	}
}

func TestCommitAfterRemoval(t *testing.T) {
	tree := workshop(t)
	x := must[*Transaction](t)(tree.WriteComposite(server, nodes("/100/0/1=9 /100/4/0=x")))
	tree.Remove(path("/100/4"))
	check(t, tree.Insert(NewInstance(gadget(), 4))) // another one in its place
	before := dump(tree)
	_, err := x.Commit(tree)
	wantRefusal(t, tree, before, err, model.NotFound, "has gone")
}
