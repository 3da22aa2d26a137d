package tree

import (
	"context"
	"errors"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

func TestSet(t *testing.T) {
	in := NewInstance(gadget(), 0)
	check(t, in.Check(1, Content{})) // to remove is always right
	for _, test := range []struct {
		resource uint16
		v        model.Value
		changed  bool
	}{
		{1, num(5), true}, {1, num(5), false}, {1, num(6), true}, {0, str("a"), true}, {2, num(1), true}, {8, str("s"), true},
	} {
		if changed, err := in.Set(test.resource, test.v); err != nil || changed != test.changed {
			t.Errorf("Set(%d, %v) = %v, %v", test.resource, test.v, changed, err)
		}
	}
	if c, ok := in.Get(1); !ok || c.Value() != num(6) {
		t.Errorf("Get(1) = %v, %v", c, ok)
	}
	if !in.Remove(1) || in.Remove(1) {
		t.Error("Remove must report whether there was something")
	}
	if _, ok := in.Get(1); ok || len(in.slots) != 3 {
		t.Error("the Resource was not removed")
	}
}

func TestSetRefused(t *testing.T) {
	tree := workshop(t)
	in := instanceAt(t, tree, "/100/0")
	before := dump(tree)
	set := func(resource uint16, c Content) func() error {
		return func() error { _, err := in.SetContent(resource, c); return err }
	}
	for _, test := range []struct {
		name   string
		set    func() error
		code   model.Code
		reason string
	}{
		{"not defined", set(9, Single(num(1))), model.NotFound, "no such Resource"},
		{"executable", set(4, Single(num(1))), model.MethodNotAllowed, "executable, has no value"},
		{"wrong type", set(1, Single(str("1"))), model.BadRequest, "is Integer, not String"},
		{"range", set(1, Single(num(60))), model.BadRequest, "60 is not in 0..59"},
		{"items for one", set(1, Multiple(Item{0, num(1)})), model.BadRequest, "no Resource Instances"},
		{"one for items", set(5, Single(num(1))), model.BadRequest, "lacks a Resource Instance ID"},
		{"item type", set(5, Multiple(Item{0, str("1")})), model.BadRequest, "/100/0/5/0: wrong data type"},
		{"item ID", set(5, Multiple(Item{model.MaxID, num(1)})), model.BadRequest, "65535"},
		{"item without value", set(5, Multiple(Item{0, model.Value{}})), model.BadRequest, "no value"},
		{"no value", func() error { _, err := in.Set(1, model.Value{}); return err }, model.BadRequest, "no value"},
		{"item of one", func() error { _, err := in.SetItem(1, 0, num(1)); return err }, model.BadRequest, "no Resource Instances"},
		{"check", func() error { return in.Check(1, Single(num(60))) }, model.BadRequest, "60 is not in"},
	} {
		t.Run(test.name, func(t *testing.T) { wantRefusal(t, tree, before, test.set(), test.code, test.reason) })
	}
	if _, err := in.Set(1, num(60)); !errors.Is(err, model.ErrRange) {
		t.Errorf("%v does not wrap ErrRange", err)
	}
	if _, err := in.Set(1, str("")); !errors.Is(err, model.ErrType) {
		t.Errorf("%v does not wrap ErrType", err)
	}
}

func TestItems(t *testing.T) {
	in := NewInstance(gadget(), 0)
	step := func(name string, want bool, f func() (bool, error)) {
		t.Helper()
		if changed, err := f(); err != nil || changed != want {
			t.Errorf("%s: changed %v, %v", name, changed, err)
		}
	}
	step("first", true, func() (bool, error) { return in.SetItem(5, 3, num(30)) })
	step("same", false, func() (bool, error) { return in.SetItem(5, 3, num(30)) })
	step("second", true, func() (bool, error) { return in.SetItem(5, 1, num(10)) })
	step("all again", false, func() (bool, error) { return in.SetItems(5, Item{3, num(30)}, Item{1, num(10)}) })
	step("remove", true, func() (bool, error) { return in.RemoveItem(5, 1), nil })
	step("remove again", false, func() (bool, error) { return in.RemoveItem(5, 1), nil })
	step("remove of nothing", false, func() (bool, error) { return in.RemoveItem(7, 1), nil })
	if v, ok := in.GetItem(5, 3); !ok || v != num(30) {
		t.Errorf("item 3 is %v, %v", v, ok)
	}
	step("remove last", true, func() (bool, error) { return in.RemoveItem(5, 3), nil })
	if c, ok := in.Get(5); !ok || !c.Equal(Multiple()) {
		t.Error("an emptied Resource stays instantiated")
	}
	step("empty again", false, func() (bool, error) { return in.SetItems(5) })
	step("gone", true, func() (bool, error) { return in.Remove(5), nil })
	if len(in.slots) != 0 {
		t.Errorf("%d slots left", len(in.slots))
	}
}

// What a Get returned does not change with the Resource.
func TestGetIsASnapshot(t *testing.T) {
	in := instanceAt(t, workshop(t), "/100/0")
	c, _ := in.Get(5)
	for _, f := range []func(){
		func() { _, _ = in.SetItem(5, 1, num(99)) },
		func() { in.RemoveItem(5, 2) },
		func() { in.Remove(5) },
	} {
		f()
		if want := Multiple(Item{1, num(10)}, Item{2, num(20)}); !c.Equal(want) {
			t.Fatalf("the snapshot became %v", c)
		}
	}
}

func TestSetHooks(t *testing.T) {
	in := NewInstance(gadget(), 0)
	run := &Hooks{Execute: func(context.Context, []byte) error { return nil }}
	read := &Hooks{Read: func(context.Context) (Content, error) { return Content{}, nil }}
	if err := in.SetHooks(9, run); !errors.Is(err, model.NotFound) {
		t.Errorf("unknown Resource: %v", err)
	}
	if err := in.SetHooks(1, run); !errors.Is(err, model.MethodNotAllowed) {
		t.Errorf("Execute hook for a value: %v", err)
	}
	if err := in.SetHooks(4, read); !errors.Is(err, model.MethodNotAllowed) {
		t.Errorf("Read hook for an executable: %v", err)
	}
	check(t, in.SetHooks(4, run))
	check(t, in.SetHooks(1, read))
	if in.HooksOf(4) != run || in.HooksOf(1) != read || in.HooksOf(5) != nil {
		t.Error("hooks are not where they were set")
	}
	must[bool](t)(in.Set(1, num(5)))
	check(t, in.SetHooks(1, nil))
	if c, ok := in.Get(1); !ok || c.Value() != num(5) || in.HooksOf(1) != nil {
		t.Error("removing hooks must leave the value")
	}
	check(t, in.SetHooks(4, nil))
	check(t, in.SetHooks(7, nil))
	if len(in.slots) != 1 {
		t.Errorf("%d slots, want one", len(in.slots))
	}
}

func TestRefusal(t *testing.T) {
	p := path("/100/0/1")
	cause := errors.New("disk full")
	whole := &model.Error{Code: model.Forbidden, Reason: "no"}
	for _, test := range []struct {
		name string
		err  error
		code model.Code
		text string
	}{
		{"plain error", cause, model.InternalServerError, "/100/0/1: refused by the application"},
		{"code", model.Conflict, model.Conflict, "/100/0/1"},
		{"wrapped code", errors.Join(cause, model.Conflict), model.Conflict, "/100/0/1: disk full\n4.09 Conflict"},
		{"refusal", errors.Join(whole), model.Forbidden, "no"},
	} {
		var refusal *model.Error
		if !errors.As(Refusal(p, test.err, model.InternalServerError), &refusal) {
			t.Fatalf("%s: no refusal", test.name)
		}
		if refusal.Code != test.code || refusal.Diagnostic() != test.text {
			t.Errorf("%s: %v, %q", test.name, refusal.Code, refusal.Diagnostic())
		}
	}
	if !errors.Is(Refusal(p, cause, model.BadRequest), cause) {
		t.Error("the cause is lost")
	}
	if Refusal(p, nil, model.BadRequest) != nil {
		t.Error("no error is a refusal")
	}
}
