package tree

import (
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

// commitCreation fills a plain instance and inserts it.
func commitCreation(t *testing.T, tree *Tree, k *Creation) string {
	t.Helper()
	must[[]WriteCall](t)(k.Fill(nil))
	check(t, k.Commit(tree))
	got, _, err := tree.Read(nil, server, k.Path())
	check(t, err)
	return show(got)
}

func TestCreate(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		id            uint16
		hasID         bool
		want          string
	}{
		{"with ID", "/100/8/0=x /100/8/5/3=1", 8, true, "/100/8/0=x /100/8/5/3=1"},
		{"lowest free ID", "/100/0/0=x", 0, false, "/100/1/0=x"},
		{"ID in the payload does not count", "/100/77/5/2=1 /100/77/0=x", 77, false, "/100/1/0=x /100/1/5/2=1"},
		{"not writable and unknown are ignored", "/100/8/0=x /100/8/2=1 /100/8/4=1 /100/8/8=s /100/8/99=1", 8, true, "/100/8/0=x"},
		{"link", "/100/8/0=x /100/8/6=100:4", 8, true, "/100/8/0=x /100/8/6=100:4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := workshop(t)
			k := must[*Creation](t)(tree.Create(server, 100, test.id, test.hasID, nodes(test.payload)))
			if _, ok := tree.Instance(k.Path()); ok {
				t.Error("visible before the commit")
			}
			if got := commitCreation(t, tree, k); got != test.want {
				t.Errorf("created %s, want %s", got, test.want)
			}
			if strings.Contains(dump(tree), "reserved=[8") {
				t.Error("the reservation outlived the commit")
			}
		})
	}
}

func TestCreateSingle(t *testing.T) {
	tree := New()
	check(t, tree.AddObject(only(), true))
	k := must[*Creation](t)(tree.Create(server, 3, 5, true, nodes("/3 /3/5")))
	if k.Path() != path("/3/0") || k.Definition().ID != 3 {
		t.Errorf("created %v", k.Path())
	}
	before := dump(tree)
	_, err := tree.Create(server, 3, 0, false, nil)
	wantRefusal(t, tree, before, err, model.MethodNotAllowed, "only instance")
	check(t, k.Commit(tree)) // without Fill
	before = dump(tree)
	_, err = tree.Create(server, 3, 0, false, nil)
	wantRefusal(t, tree, before, err, model.MethodNotAllowed, "only instance")
}

func TestCreateRefused(t *testing.T) {
	tree := workshop(t)
	before := dump(tree)
	for _, test := range []struct {
		name    string
		object  uint16
		id      uint16
		payload string
		code    model.Code
		reason  string
	}{
		{"Object unknown", 7, 0, "", model.NotFound, "no such Object"},
		{"Object closed", 0, 1, "/0/1/0=x", model.Unauthorized, "closed to servers"},
		{"not creatable", 200, 0, "", model.MethodNotAllowed, "cannot be created"},
		{"exists", 100, 4, "/100/4/0=x", model.BadRequest, "exists already"},
		{"reserved ID", 100, model.MaxID, "", model.BadRequest, "65535"},
		{"mandatory missing", 100, 8, "/100/8/1=1", model.BadRequest, "mandatory Resource missing"},
		{"empty", 100, 8, "/100", model.BadRequest, "mandatory Resource missing"},
		{"two instances", 100, 8, "/100/8/0=x /100/9/0=x", model.BadRequest, "more than one Object Instance"},
		{"other instance", 100, 8, "/100/9/0=x", model.BadRequest, "beyond the path /100/8"},
		{"other Object", 100, 8, "/101/8/0=x", model.BadRequest, "not an instance of /100"},
		{"wrong type", 100, 8, "/100/8/0=1", model.BadRequest, "is String, not Integer"},
		{"range", 100, 8, "/100/8/0=x /100/8/1=60", model.BadRequest, "60 is not in"},
		{"link to nothing", 100, 8, "/100/8/0=x /100/8/6=100:8", model.BadRequest, "link to 100:8"},
		{"item under a single", 100, 8, "/100/8/0/0=x", model.BadRequest, "no Resource Instances"},
		{"value of an instance", 100, 8, "/100/8=x", model.BadRequest, "value without a Resource"},
		{"twice", 100, 8, "/100/8/0=x /100/8/0=y", model.BadRequest, "given twice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := tree.Create(server, test.object, test.id, true, nodes(test.payload))
			wantRefusal(t, tree, before, err, test.code, test.reason)
		})
	}
	wantRefusal(t, tree, before, tree.CheckCreate(server, path("/100/8")), model.MethodNotAllowed, "not possible on an Object Instance")
	wantRefusal(t, tree, before, tree.CheckCreate(server, path("/")), model.BadRequest, "names no Object")
	check(t, tree.CheckCreate(server, path("/100")))
}

// Pending Creations get different IDs, and a cancelled one gives its ID back.
func TestCreateReserves(t *testing.T) {
	tree := workshop(t)
	payload := nodes("/100/0/0=x")
	first := must[*Creation](t)(tree.Create(server, 100, 0, false, payload))
	second := must[*Creation](t)(tree.Create(server, 100, 0, false, payload))
	if first.Path() != path("/100/1") || second.Path() != path("/100/2") {
		t.Fatalf("got %v and %v", first.Path(), second.Path())
	}
	before := dump(tree)
	_, err := tree.Create(server, 100, 2, true, nodes("/100/2/0=x"))
	wantRefusal(t, tree, before, err, model.BadRequest, "exists already")
	first.Cancel(tree)
	third := must[*Creation](t)(tree.Create(server, 100, 0, false, payload))
	if third.Path() != path("/100/1") {
		t.Errorf("got %v, want the ID that was given back", third.Path())
	}
	first.Cancel(tree) // again: third's reservation stays
	fourth := must[*Creation](t)(tree.Create(server, 100, 0, false, payload))
	if fourth.Path() != path("/100/3") {
		t.Errorf("got %v", fourth.Path())
	}
	for _, k := range []*Creation{second, third, fourth} {
		commitCreation(t, tree, k)
	}
	if n := len(tree.object(100).instances); n != 5 || len(tree.object(100).reserved) != 0 {
		t.Errorf("%d instances, reserved %v", n, tree.object(100).reserved)
	}
}

func TestCreateCommitFails(t *testing.T) {
	tree := workshop(t)
	k := must[*Creation](t)(tree.Create(server, 100, 8, true, nodes("/100/8/0=x")))
	check(t, tree.Insert(NewInstance(gadget(), 8))) // by the application
	if err := k.Commit(tree); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("Commit: %v", err)
	}
	if len(tree.object(100).reserved) != 0 {
		t.Error("the reservation stayed")
	}
	k = must[*Creation](t)(tree.Create(server, 100, 9, true, nodes("/100/9/0=x")))
	tree.RemoveObject(100)
	before := dump(tree)
	wantRefusal(t, tree, before, k.Commit(tree), model.NotFound, "the Object has gone")
}

// The application's instance brings hooks and values; the server's win.
func TestCreateWithFactory(t *testing.T) {
	tree := workshop(t)
	k := must[*Creation](t)(tree.Create(server, 100, 8, true, nodes("/100/8/0=x /100/8/1=5")))
	before := dump(tree)
	_, err := k.Fill(NewInstance(gadget(), 9))
	wantRefusal(t, tree, before, err, model.InternalServerError, "another instance, /100/9")
	in := fill(t, NewInstance(k.Definition(), 8), map[uint16]Content{1: Single(num(1)), 2: Single(num(2))})
	var log []string
	listen(t, in, &log, 1)
	calls := must[[]WriteCall](t)(k.Fill(in))
	check(t, perform(calls))
	if got := strings.Join(log, ", "); got != "validate /100/8/1=5, write 1 5" || text(calls[0].Old) != "1" {
		t.Errorf("called %s, old %s", got, text(calls[0].Old))
	}
	if k.Instance() != in {
		t.Error("another instance")
	}
	check(t, k.Commit(tree))
	got, _, err := tree.Read(nil, server, path("/100/8"))
	if err != nil || show(got) != "/100/8/0=x /100/8/1=5 /100/8/2=2" {
		t.Errorf("created %s, %v", show(got), err)
	}
}

func TestCreateUntilFull(t *testing.T) {
	tree := New()
	check(t, tree.AddObject(only(), true))
	many := only()
	many.ID, many.Multiple = 50, true
	check(t, tree.AddObject(many, true))
	for id := range uint16(model.MaxID) {
		check(t, tree.Insert(NewInstance(many, id)))
	}
	before := dump(tree)
	_, err := tree.Create(server, 50, 0, false, nil)
	wantRefusal(t, tree, before, err, model.BadRequest, "no Object Instance ID is free")
}
