package tree

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// FuzzDraft has a Bootstrap-Server do anything. Each command is a byte for the operation, one for each of three
// identifiers, one for the format, one for the length of the payload, and the payload.
func FuzzDraft(f *testing.F) {
	command := func(operation, object, instance, resource, contentFormat byte, payload string) []byte {
		return append([]byte{operation, object, instance, resource, contentFormat, byte(len(payload))}, payload...)
	}
	f.Add(command(2, 1, 0, 5, 0, "600"))
	f.Add(append(command(3, 0, 0, 0, 0, ""), command(1, 1, 0, 0, 1, "\x86\x00\x41\x00\x01")...))
	f.Add(append(command(4, 0, 0, 0, 2, `[{"bn":"/1/5/","n":"0","v":7},{"n":"1","v":60}]`), command(7, 0, 0, 0, 0, "")...))
	f.Add(append(command(3, 0, 0, 0, 0, ""), command(7, 0, 0, 0, 0, "")...))
	f.Fuzz(func(t *testing.T, commands []byte) {
		tree := fuzzTree(t)
		before := dumpAll(tree)
		d := tree.NewDraft(coreObject(t, 2), oscore())
		for range 50 {
			if len(commands) < 6 {
				break
			}
			head := commands[:6]
			n := min(int(head[5]), len(commands)-6)
			fuzzCommand(t, tree, d, head, commands[6:6+n])
			commands = commands[6+n:]
			if dumpAll(tree) != before {
				t.Fatalf("a session is seen before it is finished:\n%s", dumpAll(tree))
			}
		}
		any := Terms{Account: func(*Instance) error { return nil }}
		r, err := d.Finish(tree, any)
		if err != nil {
			return
		}
		if _, err := r.Commit(tree); err != nil {
			t.Fatalf("the commit of a checked session: %v", err)
		}
		again, err := tree.NewDraft(coreObject(t, 2), oscore()).Finish(tree, any)
		if err != nil || len(again.Removed)+len(again.Accounts)+len(again.Created)+len(again.Changed.changes) != 0 {
			t.Fatalf("what was committed is not consistent: %v", err)
		}
	})
}

func fuzzCommand(t *testing.T, tree *Tree, d *Draft, head, payload []byte) {
	ids := [...]uint16{uint16(head[1]), uint16(head[2]), uint16(head[3])}
	p := model.PathOf(ids[:min(int(head[0]>>4), 3)]...)
	was := dumpAll(&d.tree)
	f := []format.ContentFormat{format.Text, format.TLV, format.SenMLJSON, format.SenMLCBOR, format.LwM2MCBOR, format.CBOR}[head[4]%6]
	var err error
	switch head[0] & 15 {
	case 0, 1, 2:
		if p.IsRoot() {
			p = model.PathOf(ids[:head[0]&15+1]...)
		}
		var nodes []format.Node
		if nodes, err = format.Decode(f, p, payload, d); err == nil {
			err = d.Write(p, nodes)
		}
	case 3:
		err = d.Delete(p)
	case 4:
		var nodes []format.Node
		if nodes, err = format.Decode(f, model.Path{}, payload, d); err == nil {
			err = d.WritePack(nodes)
		}
	case 5:
		_, err = d.Read(nil, p)
	case 6:
		_, err = d.Discover(model.Version12, p)
	case 7:
		var r *Revision
		if r, err = d.Finish(tree, Terms{Account: func(*Instance) error { return nil }}); err == nil {
			r.Cancel(tree)
		}
		if dumpAll(&d.tree) != was {
			t.Fatalf("Finish changes the Draft")
		}
	}
	if err != nil && dumpAll(&d.tree) != was {
		t.Fatalf("refused with %v, yet there is a change:\n%s", err, dumpAll(&d.tree))
	}
	size := 0
	for at := range d.origins {
		if in, ok := d.tree.Instance(at); ok {
			size += in.sizeOf()
		}
	}
	if size != d.size || size > MaxDraft {
		t.Fatalf("size %d, counted %d", size, d.size)
	}
}

func fuzzTree(t testing.TB) *Tree {
	tree := bootstrapTree(t)
	p := &bootstrapPlayer{t: t, tree: tree}
	for _, word := range strings.Fields(`/0/0/0=coap://s /0/0/1=0 /0/0/2=3 /0/0/10=1 /1/0/0=1 /1/0/1=60 /1/0/6=1 /1/0/7=U
		/0/1/0=coap://bs /0/1/1=1 /0/1/2=3 /3/0/0=Acme /100/0/0=a /100/0/5/1=3 /200/0/0=b`) {
		p.set(word)
	}
	return tree
}

// dumpAll is all that is in a Tree.
func dumpAll(tree *Tree) string {
	var b strings.Builder
	for _, o := range tree.objects {
		fmt.Fprintf(&b, "/%d %v\n", o.def.ID, o.reserved)
		for _, in := range o.instances {
			fmt.Fprintf(&b, "%v\n", in.Path())
			for i := range in.slots {
				s := &in.slots[i]
				for _, node := range appendContent(nil, in.Path().Child(s.def.ID), s.content(), false) {
					fmt.Fprintf(&b, "%v=%v\n", node.Path, node.Value)
				}
			}
		}
	}
	return b.String()
}
