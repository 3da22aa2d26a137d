package tree

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

// embedded is a definition of OMA's.
func embedded(t testing.TB, object uint16) *model.Object {
	t.Helper()
	def, ok := model.Core(model.Version11).Latest(object)
	if !ok {
		t.Fatalf("no definition of Object %d", object)
	}
	return def
}

// account adds the account of a server: an instance of the Security Object.
func account(t testing.TB, tree *Tree, id, ssid uint16, bootstrap bool) {
	t.Helper()
	check(t, tree.Insert(fill(t, NewInstance(embedded(t, 0), id), map[uint16]Content{
		securityBootstrap: Single(model.BooleanValue(bootstrap)), securitySSID: Single(num(int64(ssid))),
	})))
}

// allow adds instances of the Access Control Object, each as "target owner server:rights…"; the owner - is nobody.
func allow(t testing.TB, tree *Tree, entries ...string) {
	t.Helper()
	for _, entry := range entries {
		id, ok := uint16(0), true
		if o := tree.object(objectAccessControl); o != nil {
			id, ok = o.free()
		}
		if !ok {
			t.Fatal("no room")
		}
		check(t, tree.Insert(parseEntry(t, id, entry)))
	}
}

func parseEntry(t testing.TB, id uint16, entry string) *Instance {
	t.Helper()
	words := strings.Fields(entry)
	p, owner, instance := path(words[0]), int64(model.MaxID), int64(model.MaxID)
	if p.Depth() == 2 {
		instance = int64(p.Instance())
	}
	if words[1] != "-" {
		_, err := fmt.Sscan(words[1], &owner)
		check(t, err)
	}
	in := fill(t, NewInstance(embedded(t, objectAccessControl), id), map[uint16]Content{
		accessObject: Single(num(int64(p.Object()))), accessInstance: Single(num(instance)), accessOwner: Single(num(owner)),
	})
	for _, word := range words[2:] {
		var server uint16
		var letters string
		_, err := fmt.Sscanf(strings.Replace(word, ":", " ", 1), "%d %s", &server, &letters)
		check(t, err)
		if _, err := in.SetItem(accessList, server, num(int64(rights(letters)))); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

func rights(letters string) (r model.Rights) {
	for i, letter := range "RWEDC" {
		if strings.ContainsRune(letters, letter) {
			r |= 1 << i
		}
	}
	return r
}

// show shows an instance of the Access Control Object as parseEntry reads it.
func showEntry(in *Instance) string {
	owner := "-"
	if o := ownerOf(in); o != model.MaxID {
		owner = fmt.Sprint(o)
	}
	s := targetOf(in).String() + " " + owner
	acl, _ := in.Get(accessList)
	for _, item := range acl.Items() {
		s += fmt.Sprintf(" %d:%v", item.ID, model.Rights(item.Value.Int()))
	}
	return s
}

func entries(tree *Tree) string {
	var all []string
	for in := range tree.Instances(objectAccessControl) {
		all = append(all, fmt.Sprintf("%d=%s", in.ID(), showEntry(in)))
	}
	return strings.Join(all, ", ")
}

// shared is a workshop with servers 1, 2 and 3 and a Bootstrap-Server, without the Object that workshop has for keys.
func shared(t testing.TB, entries ...string) *Tree {
	t.Helper()
	tree := workshop(t)
	tree.RemoveObject(0)
	account(t, tree, 0, 1, false)
	account(t, tree, 1, 100, true)
	account(t, tree, 2, 2, false)
	account(t, tree, 3, 3, false)
	check(t, instanceAt(t, tree, "/100/4").SetHooks(4, &Hooks{Execute: func(context.Context, []byte) error { return nil }}))
	allow(t, tree, entries...)
	return tree
}

func as(server uint16) Caller { return Caller{Server: server, Version: model.Version12} }
