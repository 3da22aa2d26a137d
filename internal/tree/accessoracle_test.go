package tree

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
	"pgregory.net/rapid"
)

// rulebook is the Access Control Object as flat maps, with the rules told a second time: as a table of who may do what.
type rulebook struct {
	servers map[uint16]bool
	entries map[string]*page // by "object/instance", or "object/new"
	things  map[string]bool  // Object Instances
}

type page struct {
	owner uint16
	acl   map[uint16]int // sums of 1, 2, 4, 8, 16
}

var letterValues = map[string]int{"R": 1, "W": 2, "E": 4, "D": 8, "C": 16}

// may answers as Core 1.1.1 §8.2.1 puts it.
func (b *rulebook) may(server uint16, letter, thing string) bool {
	if len(b.servers) < 2 {
		return true
	}
	if letter == "C" {
		thing = strings.Split(thing, "/")[0] + "/new"
	}
	e := b.entries[thing]
	if e == nil {
		return false
	}
	sum, ok := e.acl[server]
	if !ok && letter != "C" {
		if e.owner == server {
			return true
		}
		sum = e.acl[0]
	}
	return sum/letterValues[letter]%2 == 1
}

// access runs a Tree and a rulebook side by side. Things are instances 0 to 3 of Object 100.
type access struct {
	tree *Tree
	book *rulebook
}

func newAccess(t *rapid.T) *access {
	a := &access{New(), &rulebook{map[uint16]bool{}, map[string]*page{}, map[string]bool{}}}
	err := errors.Join(a.tree.AddObject(gadget(), true), a.tree.AddObject(accessDefinition, false))
	for i := range uint16(rapid.IntRange(1, 3).Draw(t, "servers")) {
		a.book.servers[i+1] = true
		in := NewInstance(securityDefinition, i)
		_, e := in.Set(securitySSID, num(int64(i)+1))
		err = errors.Join(err, e, a.tree.Insert(in))
	}
	for i := range uint16(3) {
		in := NewInstance(gadget(), i)
		_, e := in.Set(0, str("x"))
		err = errors.Join(err, e, a.tree.Insert(in))
		a.book.things[fmt.Sprintf("100/%d", i)] = true
	}
	id := uint16(0)
	for _, thing := range []string{"100/new", "100/0", "100/1", "100/2", "100/3"} {
		if rapid.IntRange(0, 4).Draw(t, "bare") == 0 {
			continue
		}
		p := &page{owner: drawOwner(t), acl: map[uint16]int{}}
		instance := int64(model.MaxID)
		if rest, ok := strings.CutPrefix(thing, "100/"); ok && rest != "new" {
			instance = int64(rest[0] - '0')
		}
		in := NewInstance(accessDefinition, id)
		_, e1 := in.Set(accessObject, num(100))
		_, e2 := in.Set(accessInstance, num(instance))
		_, e3 := in.Set(accessOwner, num(int64(p.owner)))
		err = errors.Join(err, e1, e2, e3, a.tree.Insert(in))
		for _, server := range rapid.SliceOfNDistinct(rapid.Uint16Range(0, 3), 0, 3, rapid.ID[uint16]).Draw(t, "acl") {
			p.acl[server] = rapid.IntRange(0, 31).Draw(t, "rights")
			_, e := in.SetItem(accessList, server, num(int64(p.acl[server])))
			err = errors.Join(err, e)
		}
		a.book.entries[thing] = p
		id++
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var (
	accessDefinition   = mustDefinition(objectAccessControl)
	securityDefinition = mustDefinition(0)
)

func mustDefinition(object uint16) *model.Object {
	def, ok := model.Core(model.Version11).Latest(object)
	if !ok {
		panic("no definition")
	}
	return def
}

func drawOwner(t *rapid.T) uint16 {
	return rapid.SampledFrom([]uint16{1, 1, 2, 3, model.MaxID}).Draw(t, "owner")
}

func drawServer(t *rapid.T) uint16 { return rapid.Uint16Range(1, 3).Draw(t, "server") }

func drawThing(t *rapid.T) (thing string, p model.Path) {
	i := rapid.Uint16Range(0, 3).Draw(t, "instance")
	return fmt.Sprintf("100/%d", i), model.PathOf(100, i)
}

// verdict compares a refusal with what the rulebook says.
func verdict(t *rapid.T, what string, err error, want bool) {
	if (err == nil) != want || err != nil && !errors.Is(err, model.Unauthorized) {
		t.Fatalf("%s: %v, allowed should be %v", what, err, want)
	}
}

// use performs an operation that changes nothing.
func (a *access) use(t *rapid.T) {
	server := drawServer(t)
	thing, p := drawThing(t)
	if !a.book.things[thing] {
		t.Skip("not there")
	}
	_, _, err := a.tree.Read(nil, as(server), p)
	verdict(t, "Read", err, a.book.may(server, "R", thing))
	_, err = a.tree.Target(as(server), p)
	verdict(t, "Write-Attributes", err, a.book.may(server, "R", thing))
	_, err = a.tree.Write(as(server), p.Child(0), []format.Node{{Path: p.Child(0), Value: str("y")}}, Replace)
	verdict(t, "Write", err, a.book.may(server, "W", thing))
	if _, err = a.tree.Execute(as(server), p.Child(4)); errors.Is(err, model.Unauthorized) == a.book.may(server, "E", thing) {
		t.Fatalf("Execute: %v", err)
	}
	other, q := drawThing(t)
	if a.book.things[other] && other != thing {
		_, err = a.tree.WriteComposite(as(server), []format.Node{{Path: p.Child(0), Value: str("y")}, {Path: q.Child(0), Value: str("y")}})
		verdict(t, "Write-Composite", err, a.book.may(server, "W", thing) && a.book.may(server, "W", other))
	}
}

// readObject compares what is left of an Object, by a Read and by a Read-Composite of the root.
func (a *access) readObject(t *rapid.T) {
	server := drawServer(t)
	var want []string
	for _, thing := range slices.Sorted(maps.Keys(a.book.things)) {
		if a.book.may(server, "R", thing) {
			want = append(want, "/"+thing)
		}
	}
	read, _, err := a.tree.Read(nil, as(server), model.PathOf(100))
	composite, _, _ := a.tree.ReadComposite(nil, as(server), []model.Path{model.PathOf(100)})
	for _, list := range [][]format.Node{read, composite} {
		var got []string
		for _, n := range list {
			if n.Path.Depth() == 3 {
				got = append(got, n.Path.Prefix(2).String())
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("server %d reads %v, %v; want %v", server, got, err, want)
		}
	}
}

func (a *access) create(t *rapid.T) {
	server := drawServer(t)
	thing, p := drawThing(t)
	if a.book.things[thing] {
		t.Skip("there already")
	}
	k, err := a.tree.Create(as(server), 100, p.Instance(), true, []format.Node{{Path: p.Child(0), Value: str("new")}})
	verdict(t, "Create", err, a.book.may(server, "C", thing))
	if err != nil {
		return
	}
	if err := k.Commit(a.tree); err != nil {
		t.Fatal(err)
	}
	a.book.things[thing] = true
	if len(a.book.servers) < 2 {
		return
	}
	if a.book.entries[thing] == nil {
		a.book.entries[thing] = &page{acl: map[uint16]int{}}
	}
	a.book.entries[thing].owner = server
	delete(a.book.entries[thing].acl, server)
}

func (a *access) delete(t *rapid.T) {
	server := drawServer(t)
	thing, p := drawThing(t)
	if !a.book.things[thing] {
		t.Skip("not there")
	}
	d, err := a.tree.Delete(as(server), p)
	verdict(t, "Delete", err, a.book.may(server, "D", thing))
	if err == nil {
		_, err = d.Commit(a.tree)
		if err != nil {
			t.Fatal(err)
		}
		delete(a.book.things, thing)
		delete(a.book.entries, thing)
	}
}

// manage writes an ACL, or another owner.
func (a *access) manage(t *rapid.T) {
	server, other := drawServer(t), rapid.Uint16Range(0, 4).Draw(t, "other")
	thing, p := drawThing(t)
	in, e := a.tree.entry(p), a.book.entries[thing]
	if (in == nil) != (e == nil) {
		t.Fatalf("entry of %s: %v, want %v", thing, in, e)
	}
	if e == nil {
		t.Skip("no entry")
	}
	sum := rapid.IntRange(0, 31).Draw(t, "rights")
	q, v := in.Path().Child(accessList).Child(other), num(int64(sum))
	passes := rapid.IntRange(0, 3).Draw(t, "pass on") == 0
	if passes {
		q, v = in.Path().Child(accessOwner), num(int64(other))
	}
	x, err := a.tree.Write(as(server), q.Prefix(3), []format.Node{{Path: q, Value: v}}, Replace)
	known := a.book.servers[other] || other == 0 && !passes
	switch {
	case len(a.book.servers) > 1 && e.owner != server:
		verdict(t, "Write of an ACL", err, false)
		return
	case !known:
		if !errors.Is(err, model.BadRequest) {
			t.Fatalf("server %d, which is unknown, in %v: %v", other, q, err)
		}
		return
	case err != nil:
		t.Fatal(err)
	}
	if _, err := x.Commit(a.tree); err != nil {
		t.Fatal(err)
	}
	if passes {
		e.owner = other
	} else {
		e.acl = map[uint16]int{other: sum} // replaced as a whole
	}
}

// leave removes an account, and with it what only that server could use.
func (a *access) leave(t *rapid.T) {
	server := drawServer(t)
	if !a.book.servers[server] || rapid.IntRange(0, 5).Draw(t, "stays") > 0 {
		t.Skip("stays")
	}
	draft := a.tree.NewDraft()
	draft.remove(model.PathOf(0, server-1))
	draft.unbootstrap()
	a.tree = &draft.tree
	delete(a.book.servers, server)
	for thing, e := range a.book.entries {
		others := 0
		for s, sum := range e.acl {
			if s != server {
				others |= sum % 16
			}
		}
		if thing != "100/new" && (!a.book.things[thing] || e.owner == server && others == 0) {
			delete(a.book.entries, thing)
			delete(a.book.things, thing)
			continue
		}
		delete(e.acl, server)
		if e.owner != server {
			continue
		}
		e.owner = model.MaxID
		best := -1
		for _, s := range slices.Sorted(maps.Keys(a.book.servers)) {
			if score := e.acl[s]/2%2 + e.acl[s]/8%2; e.acl[s] > 0 && score > best {
				e.owner, best = s, score
			}
		}
	}
}

// check compares the entries.
func (a *access) check(t *rapid.T) {
	var got, want []string
	for in := range a.tree.Instances(objectAccessControl) {
		acl, _ := in.Get(accessList)
		sums := map[uint16]int{}
		for _, item := range acl.Items() {
			sums[item.ID] = int(item.Value.Int())
		}
		thing := strings.TrimPrefix(targetOf(in).String(), "/")
		if targetOf(in).Depth() == 1 {
			thing += "/new"
		}
		got = append(got, fmt.Sprint(thing, ownerOf(in), sums))
	}
	for thing, e := range a.book.entries {
		want = append(want, fmt.Sprint(thing, e.owner, e.acl))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("entries %v\nwant %v", got, want)
	}
}

func TestAccessAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newAccess(t)
		t.Repeat(map[string]func(*rapid.T){
			"use": a.use, "use again": a.use, "read an Object": a.readObject, "create": a.create, "delete": a.delete,
			"manage": a.manage, "leave": a.leave, "": a.check,
		})
	})
}
