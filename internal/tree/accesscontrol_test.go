package tree

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// operations are all operations with a right at /100/4, each with the right that it needs.
var operations = []struct {
	name  string
	right model.Rights
	do    func(*Tree, Caller) error
}{
	{"Read", model.RightRead, func(tree *Tree, c Caller) error {
		_, _, err := tree.Read(nil, c, path("/100/4"))
		return err
	}},
	{"Read a Resource", model.RightRead, func(tree *Tree, c Caller) error {
		_, _, err := tree.Read(nil, c, path("/100/4/0"))
		return err
	}},
	{"Read-Composite", model.RightRead, func(tree *Tree, c Caller) error {
		_, _, err := tree.ReadComposite(nil, c, paths("/100/4/0"))
		return err
	}},
	{"Write-Attributes", model.RightRead, func(tree *Tree, c Caller) error {
		_, err := tree.Target(c, path("/100/4"))
		return err
	}},
	{"Write-Attributes to a Resource", model.RightRead, func(tree *Tree, c Caller) error {
		_, err := tree.Target(c, path("/100/4/0"))
		return err
	}},
	{"Notify and Send", model.RightRead, func(tree *Tree, c Caller) error { return tree.CheckRead(c, path("/100/4/0")) }},
	{"Write", model.RightWrite, func(tree *Tree, c Caller) error {
		_, err := tree.Write(c, path("/100/4/0"), nodes("/100/4/0=x"), Replace)
		return err
	}},
	{"Write, without a payload", model.RightWrite, func(tree *Tree, c Caller) error {
		return tree.CheckWrite(c, path("/100/4/0"), Replace)
	}},
	{"Write to the instance", model.RightWrite, func(tree *Tree, c Caller) error {
		_, err := tree.Write(c, path("/100/4"), nodes("/100/4/0=x"), Partial)
		return err
	}},
	{"Write-Composite", model.RightWrite, func(tree *Tree, c Caller) error {
		_, err := tree.WriteComposite(c, nodes("/100/4/0=x"))
		return err
	}},
	{"Execute", model.RightExecute, func(tree *Tree, c Caller) error {
		_, err := tree.Execute(c, path("/100/4/4"))
		return err
	}},
	{"Delete", model.RightDelete, func(tree *Tree, c Caller) error {
		_, err := tree.Delete(c, path("/100/4"))
		return err
	}},
	{"Create", model.RightCreate, func(tree *Tree, c Caller) error {
		k, err := tree.Create(c, 100, 9, true, nodes("/100/9/0=new"))
		if err == nil {
			k.Cancel(tree)
		}
		return err
	}},
	{"Discover", 0, func(tree *Tree, c Caller) error {
		_, err := tree.Discover(nil, c, path("/100/4"), DefaultDepth)
		return err
	}},
	{"Discover the Object", 0, func(tree *Tree, c Caller) error {
		_, err := tree.Discover(nil, c, path("/100"), DefaultDepth)
		return err
	}},
	{"Read the Object", 0, func(tree *Tree, c Caller) error {
		_, _, err := tree.Read(nil, c, path("/100"))
		return err
	}},
	{"Write-Attributes to the Object", 0, func(tree *Tree, c Caller) error {
		_, err := tree.Target(c, path("/100"))
		return err
	}},
}

// Each rule of Core 1.1.1 §8.2 with each operation.
func TestAccessRules(t *testing.T) {
	const full = "RWED"
	for _, test := range []struct {
		name, entries string
		caller        Caller
		want          string // rights
		why           string // of a refusal
	}{
		{"no entry", "/3/0 1", as(1), "", "no instance of Object 2 is for /100/4"},
		{"of another instance", "/100/0 1 2:RWED", as(2), "", "no instance of Object 2 is for /100/4"},
		{"owner", "/100/4 1", as(1), full, "no instance of Object 2 is for creating instances of /100"},
		{"owner beside a default", "/100/4 1 0:R", as(1), full, ""},
		{"owner with an own ACL", "/100/4 1 1:WE 0:R", as(1), "WE", "/2/0/2/1 gives server 1 the rights WE"},
		{"owner with an empty ACL", "/100/4 1 1:none 0:R", as(1), "", "/2/0/2/1 gives server 1 no rights"},
		{"own ACL", "/100/4 1 2:RD 0:RWED", as(2), "RD", "/2/0/2/2 gives server 2 the rights RD"},
		{"empty ACL beside a default", "/100/4 1 2:none 0:RWED", as(2), "", "/2/0/2/2 gives server 2 no rights"},
		{"default", "/100/4 1 2:RD 0:RE", as(3), "RE", "/2/0/2/0 gives servers without an ACL of their own the rights RE"},
		{"neither", "/100/4 1 2:RD", as(3), "", "/2/0 has no ACL for server 3, and no default"},
		{"of nobody", "/100/4 - 0:W", as(1), "W", ""},
		{"Create at an instance", "/100/4 1 2:RWEDC", as(2), full, "no instance of Object 2 is for creating instances of /100"},
		{"Create", "/100 - 2:C, /100/4 1 2:R", as(2), "RC", ""},
		{"Create of another server", "/100 - 2:C, /100/4 1 1:R", as(1), "R", "/2/0 has no ACL for server 1, and Create needs one"},
		{"Create by default", "/100 - 0:C, /100/4 1 0:R", as(3), "R", "/2/0 has no ACL for server 3, and Create needs one"},
		{"Create by the owner", "/100 1, /100/4 1", as(1), full, "/2/0 has no ACL for server 1, and Create needs one"},
		{"Create without C", "/100 - 2:RWED, /100/4 1 2:R", as(2), "R", "/2/0/2/2 gives server 2 the rights RWED"},
		{"the first entry counts", "/100/4 1 2:R, /100/4 1 2:RWED", as(2), "R", ""},
		{"Bootstrap-Server", "/100/4 1", Caller{Bootstrap: true, Version: model.Version12}, "RWEDC", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, op := range operations {
				tree := shared(t, strings.Split(test.entries, ", ")...)
				before := dump(tree)
				err := op.do(tree, test.caller)
				if rights(test.want).Has(op.right) {
					if err != nil {
						t.Errorf("%s: %v", op.name, err)
					}
					continue
				}
				reason := fmt.Sprintf("the right %v is missing: ", op.right)
				if op.name == "Read-Composite" {
					reason = "the right R is missing at all of the paths"
				}
				wantRefusal(t, tree, before, err, model.Unauthorized, reason)
			}
			if test.why != "" {
				tree := shared(t, strings.Split(test.entries, ", ")...)
				found := false
				for _, p := range paths("/100/4 /100") {
					found = found || strings.Contains(tree.Access(test.caller, p).String(), "\n  "+test.why)
				}
				if !found {
					t.Errorf("nothing says that %s: %v, %v", test.why, tree.Access(test.caller, path("/100/4")), tree.Access(test.caller, path("/100")))
				}
			}
		})
	}
}

// With one server, or without the Access Control Object, access is not controlled.
func TestAccessNotControlled(t *testing.T) {
	single := shared(t, "/100/4 2")
	for _, p := range []string{"/0/2", "/0/3"} {
		single.Remove(path(p))
	}
	for name, tree := range map[string]*Tree{"one server and the Bootstrap-Server": single, "no Object 2": shared(t)} {
		for _, op := range operations {
			if err := op.do(tree, as(1)); err != nil {
				t.Errorf("%s: %s: %v", name, op.name, err)
			}
		}
	}
	tree := shared(t)
	check(t, tree.AddObject(embedded(t, objectAccessControl), false))
	_, _, err := tree.Read(nil, as(1), path("/3/0"))
	wantRefusal(t, tree, dump(tree), err, model.Unauthorized, "the right R is missing: no instance of Object 2 is for /3/0")
	_, _, err = tree.Read(nil, as(1), path("/0/0"))
	wantRefusal(t, tree, dump(tree), err, model.Unauthorized, "closed to servers")
}

// What a server may not read is left out of what is above it.
func TestAccessFilters(t *testing.T) {
	tree := shared(t, "/100/0 1 2:R", "/100/4 2", "/3/0 - 0:R")
	for _, test := range []struct {
		server      uint16
		read, want  string
		composite   bool
		refusedWith string
	}{
		{1, "/100", "/100/0", false, ""},
		{2, "/100", "/100/0 /100/4", false, ""},
		{3, "/100", "/100", false, ""},
		{3, "/100/0 /3", "/3/0", true, ""},
		{3, "/", "/2/2 /3/0", true, ""},
		{1, "/", "/2/0 /2/2 /3/0 /100/0", true, ""},
		{2, "/", "/2/0 /2/1 /2/2 /3/0 /100/0 /100/4", true, ""},
		{3, "/100/0 /100/4/0", "", true, "the right R is missing at all of the paths"},
		{3, "/100", "", true, "the right R is missing at all of the paths"},
	} {
		var got []format.Node
		var err error
		if test.composite {
			got, _, err = tree.ReadComposite(nil, as(test.server), paths(test.read))
		} else {
			got, _, err = tree.Read(nil, as(test.server), path(test.read))
		}
		if test.refusedWith != "" {
			wantRefusal(t, tree, dump(tree), err, model.Unauthorized, test.refusedWith)
			continue
		}
		var instances []string
		for _, n := range got {
			p := n.Path.Prefix(min(n.Path.Depth(), 2)).String()
			if len(instances) == 0 || instances[len(instances)-1] != p {
				instances = append(instances, p)
			}
		}
		if s := strings.Join(instances, " "); err != nil || s != test.want {
			t.Errorf("server %d reads %s: %s, %v; want %s", test.server, test.read, s, err, test.want)
		}
	}
	// One right that is missing refuses the whole.
	before := dump(tree)
	_, err := tree.WriteComposite(as(1), nodes("/100/0/0=a /100/4/0=b"))
	wantRefusal(t, tree, before, err, model.Unauthorized, "the right W is missing: /2/1 has no ACL for server 1, and no default")
}

// Its owner alone manages an instance of the Access Control Object; those to whom it gives R may read it.
func TestAccessManagement(t *testing.T) {
	tree := shared(t, "/100/4 1 2:R 3:WE", "/100/0 - 0:R")
	write := func(c Caller, p, payload string, mode Mode) error {
		x, err := tree.Write(c, path(p), nodes(payload), mode)
		if err == nil {
			_, err = x.Commit(tree)
		}
		return err
	}
	reads := func(server uint16, p string) bool {
		_, _, err := tree.Read(nil, as(server), path(p))
		return err == nil
	}
	if !reads(1, "/2/0") || !reads(2, "/2/0/2") || reads(3, "/2/0") || !reads(3, "/2/1") {
		t.Error("who may read the Access Control Object")
	}
	before := dump(tree)
	for server := range uint16(4) {
		if server == 1 {
			continue
		}
		wantRefusal(t, tree, before, write(as(server), "/2/0/2/2", "/2/0/2/2=31", Replace), model.Unauthorized,
			"the right W is missing: only its owner, server 1, manages /2/0")
		wantRefusal(t, tree, before, write(as(server), "/2/1/2", "/2/1/2/3=31", Replace), model.Unauthorized, "the Bootstrap-Server, manages /2/1")
	}
	for _, test := range []struct {
		p, payload, want string
		mode             Mode
	}{
		{"/2/0/2", "/2/0/2/9=1", "no server has the Short Server ID 9", Replace},
		{"/2/0", "/2/0/2/0=1 /2/0/2/9=1", "no server has the Short Server ID 9", Partial},
		{"/2/0/2/2", "/2/0/2/2=32", "32 is no sum of R=1, W=2, E=4, D=8, C=16", Replace},
		{"/2/0/2/2", "/2/0/2/2=-1", "-1 is no sum", Replace},
		{"/2/0/3", "/2/0/3=9", "no server has the Short Server ID 9", Replace},
		{"/2/0/3", "/2/0/3=0", "no server has the Short Server ID 0", Replace},
		{"/2/0/3", "/2/0/3=65537", "no server has the Short Server ID 65537", Replace},
	} {
		wantRefusal(t, tree, before, write(as(1), test.p, test.payload, test.mode), model.BadRequest, test.want)
		if test.mode == Replace {
			_, err := tree.WriteComposite(as(1), nodes(test.payload))
			wantRefusal(t, tree, before, err, model.BadRequest, test.want)
		}
	}
	wantRefusal(t, tree, before, write(as(1), "/2/0/0", "/2/0/0=5", Replace), model.MethodNotAllowed, "read-only")
	_, err := tree.Delete(as(1), path("/2/0"))
	wantRefusal(t, tree, before, err, model.MethodNotAllowed, "stays as long as")
	_, err = tree.Delete(as(2), path("/2/0"))
	wantRefusal(t, tree, before, err, model.Unauthorized, "the right D is missing")
	_, err = tree.Create(as(1), 2, 0, false, nil)
	wantRefusal(t, tree, before, err, model.Unauthorized, "no instance of Object 2 is for creating instances of /2")

	check(t, write(as(1), "/2/0/2", "/2/0/2/2=3 /2/0/2/0=1", Replace))
	d, err := tree.Delete(as(1), path("/2/0/2/2"))
	check(t, err)
	_, err = d.Commit(tree)
	check(t, err)
	check(t, write(as(1), "/2/0/3", "/2/0/3=3", Replace))
	if got := entries(tree); got != "0=/100/4 3 0:R, 1=/100/0 - 0:R" {
		t.Errorf("entries %s", got)
	}
	wantRefusal(t, tree, dump(tree), write(as(1), "/2/0/3", "/2/0/3=1", Replace), model.Unauthorized, "only its owner, server 3")
	check(t, write(as(3), "/2/0/3", "/2/0/3=65535", Replace))
	check(t, write(Caller{Bootstrap: true}, "/2/0/2", "/2/0/2/77=1", Replace)) // ahead of the account
}

// The entries follow the Object Instances that servers create and delete.
func TestAccessEntriesFollow(t *testing.T) {
	tree := shared(t, "/100 - 2:C 3:C", "/100/4 1 2:D", "/100/7 1 3:R")
	create := func(server, id uint16) *Creation {
		t.Helper()
		k, err := tree.Create(as(server), 100, id, true, nodes(fmt.Sprintf("/100/%d/0=x", id)))
		check(t, err)
		check(t, k.Commit(tree))
		return k
	}
	if k := create(2, 5); k.Entry() == nil || k.Entry().Path() != path("/2/3") {
		t.Errorf("entry %v", k.Entry())
	}
	if k := create(3, 7); k.Entry() != nil { // there is one, which now gives all to the creator
		t.Errorf("entry %v", k.Entry())
	}
	if got := entries(tree); got != "0=/100 - 2:C 3:C, 1=/100/4 1 2:D, 2=/100/7 3, 3=/100/5 2" {
		t.Errorf("entries %s", got)
	}
	for _, test := range []struct {
		server        uint16
		p, want, left string
	}{
		{2, "/100/4", "[/2/1 /100/4]", "0=/100 - 2:C 3:C, 2=/100/7 3, 3=/100/5 2"},
		{2, "/100/5", "[/2/3 /100/5]", "0=/100 - 2:C 3:C, 2=/100/7 3"},
	} {
		d, err := tree.Delete(as(test.server), path(test.p))
		check(t, err)
		changed, err := d.Commit(tree)
		if got := entries(tree); err != nil || fmt.Sprint(changed) != test.want || got != test.left {
			t.Errorf("Delete %s: %v, %v; left %s", test.p, changed, err, got)
		}
	}
	k, err := tree.Create(Caller{Bootstrap: true}, 100, 8, true, nodes("/100/8/0=x"))
	check(t, err)
	check(t, k.Commit(tree))
	in, err := tree.AddEntry(path("/100/0"), model.MaxID)
	check(t, err)
	if again, err := tree.AddEntry(path("/100/0"), 1); again != nil || err != nil || showEntry(in) != "/100/0 -" {
		t.Errorf("entry %s; again %v, %v", showEntry(in), again, err)
	}
	for _, p := range []string{"/0/0", "/2/0"} {
		if in, err := tree.AddEntry(path(p), 1); in != nil || err != nil {
			t.Errorf("entry for %s: %v, %v", p, in, err)
		}
	}
}

// A Create that cannot get an entry has no effect.
func TestAccessEntriesFull(t *testing.T) {
	tree := shared(t, "/100 - 1:C")
	o := tree.object(objectAccessControl)
	o.instances = o.instances[:1:1]
	for id := uint16(1); id < model.MaxID; id++ {
		o.instances = append(o.instances, NewInstance(o.def, id))
	}
	k, err := tree.Create(as(1), 100, 5, true, nodes("/100/5/0=x"))
	check(t, err)
	err = k.Commit(tree)
	if _, there := tree.Instance(path("/100/5")); there || !errors.Is(err, model.InternalServerError) || len(tree.object(100).reserved) > 0 {
		t.Errorf("created: %v; %v", there, err)
	}
}

// What follows for the rights when the account of a server is taken away.
func TestUnbootstrap(t *testing.T) {
	for _, test := range []struct{ name, entries, left, removed string }{
		{"its ACL", "/100/4 1 2:R 3:W", "0=/100/4 1 3:W", ""},
		{"owned by it alone", "/100/4 2", "", "/100/4"},
		{"owned, with an ACL of its own", "/100/4 2 2:R", "", "/100/4"},
		{"others have no rights", "/100/4 2 2:R 1:none", "", "/100/4"},
		{"C is no right at an instance", "/100/4 2 1:C", "", "/100/4"},
		{"to the one with most rights", "/100/4 2 1:RWE 3:WD", "0=/100/4 3 1:RWE 3:WD", ""},
		{"to the first of equals", "/100/4 2 3:RD 1:RW", "0=/100/4 1 1:RW 3:RD", ""},
		{"not to one that would have more", "/100/4 2 0:R 2:RW", "0=/100/4 - 0:R", ""},
		{"not to one that is shut out", "/100/4 2 0:RWD 1:none", "0=/100/4 - 0:RWD 1:none", ""},
		{"the Device stays", "/3/0 2", "", ""},
		{"to create", "/100 - 1:C 2:C", "0=/100 - 1:C", ""},
		{"to create, owned by it", "/100 2 2:C", "0=/100 -", ""},
		{"of others", "/100/4 1, /100/0 3 0:R", "0=/100/4 1, 1=/100/0 3 0:R", ""},
		{"an instance that is not there", "/100/99 1", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := shared(t, strings.Split(test.entries, ", ")...)
			before := entries(tree)
			draft := tree.NewDraft()
			draft.remove(path("/0/2"))
			draft.unbootstrap()
			if got := entries(&draft.tree); got != test.left {
				t.Errorf("left %s, want %s", got, test.left)
			}
			for _, p := range []string{"/3/0", "/100/0", "/100/4"} {
				if _, ok := draft.tree.Instance(path(p)); ok == (p == test.removed) {
					t.Errorf("%s is there: %v", p, ok)
				}
			}
			if got := entries(tree); got != before {
				t.Errorf("the session changed the tree: %s", got)
			}
		})
	}
}

// The examples of the standard: two servers with their accounts and the Device, as in the test specification, C.14.
func TestETSC14AccessControl(t *testing.T) {
	tree := shared(t, "/1/0 1 1:RWED", "/1/1 2 2:RWED", "/3/0 - 1:RWED 2:RWED")
	tree.Remove(path("/0/3"))
	for i := range uint16(2) {
		check(t, tree.Insert(fill(t, NewInstance(embedded(t, 1), i), map[uint16]Content{0: Single(num(int64(i) + 1))})))
	}
	for server := uint16(1); server <= 2; server++ {
		got, _, err := tree.Read(nil, as(server), path("/1"))
		if want := fmt.Sprintf("/1/%d/0=%d", server-1, server); err != nil || show(got) != want {
			t.Errorf("server %d reads %s, %v; want %s", server, show(got), err, want)
		}
		if _, _, err := tree.Read(nil, as(server), path("/3/0")); err != nil {
			t.Error(err)
		}
		_, err = tree.Write(as(server), path("/1").Child(2-server).Child(5), []format.Node{
			{Path: path("/1").Child(2 - server).Child(5), Value: num(60)},
		}, Replace)
		wantRefusal(t, tree, dump(tree), err, model.Unauthorized, "the right W is missing")
	}
}

// The Read of the Access Control Object in Core 1.1.1 §7.4.2, in TLV.
func TestAccessControlVector(t *testing.T) {
	tree := New()
	account(t, tree, 0, 127, false)
	account(t, tree, 1, 310, false)
	check(t, tree.Insert(parseEntry(t, 0, "/1/0 127 127:RWE")))
	check(t, tree.Insert(parseEntry(t, 2, "/3/0 127 127:RWE 310:R")))
	for server, want := range map[uint16]string{
		127: "08000ec10001c101008302417f07c1037f080212c10003c101008702417f0761013601c1037f",
		310: "080212c10003c101008702417f0761013601c1037f", // what it is given nothing by is left out
	} {
		got, _, err := tree.Read(nil, as(server), path("/2"))
		check(t, err)
		b, err := format.Append(nil, format.TLV, path("/2"), got)
		if s := fmt.Sprintf("%x", b); err != nil || s != want {
			t.Errorf("server %d reads %s, %v\nwant %s", server, s, err, want)
		}
		decoded, err := format.Decode(format.TLV, path("/2"), b, tree)
		if err != nil || show(decoded) != show(got) {
			t.Errorf("decoded %s, %v; want %s", show(decoded), err, show(got))
		}
	}
}

func TestAccessExplained(t *testing.T) {
	tree := shared(t, "/100/4 1 2:RE 0:R", "/100 -", "/3/0 -")
	for _, test := range []struct {
		server uint16
		p      string
		want   string
	}{
		{1, "/100/4/0", "server 1 has the rights RWED at /100/4\n  /2/0 has server 1 as owner, without an ACL of its own"},
		{2, "/100/4", "server 2 has the rights RE at /100/4\n  /2/0/2/2 gives server 2 the rights RE\n" +
			"  to give it more, the owner, server 1, the Bootstrap-Server or the application sets /2/0/2/2"},
		{3, "/100/4", "server 3 has the rights R at /100/4\n  /2/0/2/0 gives servers without an ACL of their own the rights R\n" +
			"  to give it more, the owner, server 1, the Bootstrap-Server or the application sets /2/0/2/3"},
		{3, "/3/0", "server 3 has no rights at /3/0\n  /2/2 has no ACL for server 3, and no default\n" +
			"  to give it more, the Bootstrap-Server or the application sets /2/2/2/3"},
		{3, "/100/0", "server 3 has no rights at /100/0\n  no instance of Object 2 is for /100/0\n  to give it more, the Bootstrap-Server" +
			" or the application adds an instance of Object 2 with 2/x/0=100, 2/x/1=0 and the rights as 2/x/2/3"},
		{1, "/100", "server 1 has no rights at /100\n  /2/1 has no ACL for server 1, and Create needs one\n" +
			"  to give it more, the Bootstrap-Server or the application sets /2/1/2/1"},
		{1, "/3", "server 1 has no rights at /3\n  no instance of Object 2 is for creating instances of /3\n  to give it more, the Bootstrap-Server" +
			" or the application adds an instance of Object 2 with 2/x/0=3, 2/x/1=65535 and the rights as 2/x/2/1"},
		{1, "/2/0", "server 1 has the rights RWD at /2/0\n  only its owner, server 1, manages /2/0; whom it gives R may read it"},
		{1, "/0/0", "server 1 has no rights at /0/0\n  the Object holds credentials, and is closed to servers"},
	} {
		if got := tree.Access(as(test.server), path(test.p)).String(); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.p, got, test.want)
		}
	}
	if got := tree.Access(Caller{Bootstrap: true}, path("/0/0")).String(); got != "server 0 has the rights RWED at /0/0\n  the Bootstrap-Server has all rights" {
		t.Errorf("got %s", got)
	}
	tree.Remove(path("/0/3"))
	tree.Remove(path("/0/2"))
	if got := tree.Access(as(1), path("/3/0")).why(); got != "there is only one server, so access is not controlled" {
		t.Errorf("got %s", got)
	}
	tree.RemoveObject(2)
	if got := tree.Access(as(1), path("/3/0")).why(); got != "there is no Access Control Object, so access is not controlled" {
		t.Errorf("got %s", got)
	}
}
