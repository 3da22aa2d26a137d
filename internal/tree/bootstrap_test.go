package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/golden"
	"github.com/lwm2m-go/lwm2m/model"
)

// TestBootstrap plays bootstrap sessions in testdata/bootstrap and compares what comes of them with
// what the files say.
//
//	tree PATH=VALUE...      what there is before; the Gadget of other tests is Object 100
//	> PUT PATH [PATH=VALUE...]
//	> PACK PATH=VALUE...
//	> DELETE PATH
//	> GET PATH              Bootstrap-Discover
//	> READ PATH
//	> APP [-]PATH[=VALUE]   the application sets, adds or removes something meanwhile
//	> FINISH                and, if that is accepted, commit
//
// A value of several words is written with underscores. Lines that begin with spaces are outputs.
func TestBootstrap(t *testing.T) {
	golden.Play(t, "testdata/bootstrap/*.txt", playBootstrap)
}

type bootstrapPlayer struct {
	t     testing.TB
	tree  *Tree
	draft *Draft
	out   bytes.Buffer
}

func playBootstrap(t *testing.T, script string) []byte {
	p := &bootstrapPlayer{t: t, tree: bootstrapTree(t)}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch words := strings.Fields(line); {
		case line == "" || line[0] == '#':
			fmt.Fprintln(&p.out, line)
		case words[0] == "tree":
			fmt.Fprintln(&p.out, line)
			for _, word := range words[1:] {
				p.set(word)
			}
		case words[0] == ">":
			fmt.Fprintln(&p.out, line)
			if p.draft == nil {
				p.draft = p.tree.NewDraft(coreObject(t, 0), coreObject(t, 1), coreObject(t, 2), oscore())
			}
			p.command(words[1], words[2:])
		}
	}
	return p.out.Bytes()
}

// bootstrapTree has the Objects that the transcripts use; servers may create Gadgets but no instances of Object 200.
func bootstrapTree(t testing.TB) *Tree {
	tree := New()
	check(t, tree.AddObject(coreObject(t, 0), false))
	check(t, tree.AddObject(coreObject(t, 1), false))
	check(t, tree.AddObject(coreObject(t, 3), false))
	check(t, tree.AddObject(gadget(), true))
	fixed := gadget()
	fixed.ID = 200
	check(t, tree.AddObject(fixed, false))
	return tree
}

func coreObject(t testing.TB, id uint16) *model.Object {
	t.Helper()
	def, ok := model.Core(model.Version11).Latest(id)
	if !ok {
		t.Fatalf("no Object %d", id)
	}
	return def
}

// oscore is the Object for keys of OSCORE, which the Security Object links to.
func oscore() *model.Object {
	return &model.Object{
		ID: 21, Name: "OSCORE", Version: model.Version10, Multiple: true,
		Resources: []model.Resource{{ID: 0, Name: "Master Secret", Mandatory: true, Kind: model.String}},
	}
}

// set does what the application does.
func (p *bootstrapPlayer) set(word string) {
	if gone, ok := strings.CutPrefix(word, "-"); ok {
		p.tree.Remove(path(gone))
		return
	}
	at, text, _ := strings.Cut(word, "=")
	target := path(at)
	in, ok := p.tree.Instance(target)
	if !ok {
		in = NewInstance(p.tree.object(target.Object()).def, target.Instance())
		check(p.t, p.tree.Insert(in))
	}
	for _, node := range p.nodes([]string{at + "=" + text}) {
		var err error
		if node.Path.Depth() == 4 {
			_, err = in.SetItem(target.Resource(), node.Path.ResourceInstance(), node.Value)
		} else {
			_, err = in.Set(target.Resource(), node.Value)
		}
		check(p.t, err)
	}
}

// nodes reads values by the definitions, text where there is none.
func (p *bootstrapPlayer) nodes(words []string) (nodes []format.Node) {
	for _, word := range words {
		at, text, ok := strings.Cut(word, "=")
		if !ok {
			nodes = append(nodes, format.Node{Path: path(at)})
			continue
		}
		types := format.Types(p.tree)
		if p.draft != nil {
			types = p.draft
		}
		if _, _, known := types.Resource(path(at).Object(), path(at).Resource()); !known {
			nodes = append(nodes, format.Node{Path: path(at), Value: str(text)})
			continue
		}
		decoded, err := format.Decode(format.Text, path(at), []byte(strings.ReplaceAll(text, "_", " ")), types)
		if err != nil {
			p.t.Fatalf("%s: %v", word, err)
		}
		nodes = append(nodes, decoded...)
	}
	return nodes
}

func (p *bootstrapPlayer) command(verb string, words []string) {
	switch verb {
	case "APP":
		p.set(words[0])
	case "PUT":
		p.result(model.Changed, p.draft.Write(path(words[0]), p.nodes(words[1:])))
	case "PACK":
		p.result(model.Content, p.draft.WritePack(p.nodes(words)))
	case "DELETE":
		p.result(model.Deleted, p.draft.Delete(path(words[0])))
	case "GET":
		p.discover(path(words[0]))
	case "READ":
		nodes, err := p.draft.Read(nil, path(words[0]))
		p.result(model.Content, err)
		p.write(nodes)
	case "FINISH":
		p.finish()
	default:
		p.t.Fatalf("unknown command %q", verb)
	}
}

func (p *bootstrapPlayer) result(success model.Code, err error) {
	var refusal *model.Error
	switch {
	case err == nil:
		fmt.Fprintf(&p.out, "  %v\n", success)
	case errors.As(err, &refusal):
		fmt.Fprintf(&p.out, "  %v\n", err)
	default:
		p.t.Errorf("the error %v has no code", err)
	}
}

func (p *bootstrapPlayer) write(nodes []format.Node) {
	for _, node := range nodes {
		fmt.Fprintf(&p.out, "  %v", node.Path)
		if !node.Value.IsZero() {
			fmt.Fprintf(&p.out, " = %v", node.Value)
		}
		fmt.Fprintln(&p.out)
	}
}

func (p *bootstrapPlayer) discover(at model.Path) {
	entries, err := p.draft.Discover(model.Version11, at)
	p.result(model.Content, err)
	for _, e := range entries {
		fmt.Fprintf(&p.out, "  %v", e.Path)
		if !e.Version.IsZero() {
			fmt.Fprintf(&p.out, " ver=%v", e.Version)
		}
		if e.ShortServerID != 0 {
			fmt.Fprintf(&p.out, " ssid=%d", e.ShortServerID)
		}
		if e.URI != "" {
			fmt.Fprintf(&p.out, " uri=%s", e.URI)
		}
		fmt.Fprintln(&p.out)
	}
}

// finish commits a session and shows what it changes.
func (p *bootstrapPlayer) finish() {
	r, err := p.draft.Finish(p.tree, Terms{Account: func(security *Instance) error {
		if strings.Contains(security.value(securityURI).Text(), "bad") {
			return errors.New("that is no URI")
		}
		return nil
	}})
	p.result(model.Changed, err)
	if err != nil {
		return
	}
	for _, in := range r.Removed {
		fmt.Fprintf(&p.out, "  removed %v\n", in.Path())
	}
	for _, in := range r.Accounts {
		fmt.Fprintf(&p.out, "  account %v\n", in.Path())
	}
	for _, k := range r.Created {
		fmt.Fprintf(&p.out, "  created %v\n", k.Path())
	}
	for _, call := range r.Changed.Calls() {
		fmt.Fprintf(&p.out, "  call %v\n", call.Path)
	}
	kept := map[*Instance]bool{}
	for _, o := range p.tree.objects {
		for _, in := range o.instances {
			kept[in] = true
		}
	}
	changed, err := r.Commit(p.tree)
	if err != nil {
		p.result(0, err)
		return
	}
	for _, at := range changed {
		fmt.Fprintf(&p.out, "  changed %v\n", at)
	}
	for _, o := range p.tree.objects {
		for _, in := range o.instances {
			if !kept[in] {
				fmt.Fprintf(&p.out, "  new %v\n", in.Path())
			}
			for i := range in.slots {
				s := &in.slots[i]
				p.write(appendContent(nil, in.Path().Child(s.def.ID), s.content(), false))
			}
		}
	}
	p.draft = nil
}

// TestBootstrapHooks: what the Bootstrap-Server writes into an instance of the application goes through its callbacks.
func TestBootstrapHooks(t *testing.T) {
	tree := bootstrapTree(t)
	p := &bootstrapPlayer{t: t, tree: tree}
	for _, word := range strings.Fields("/0/0/0=coap://s /0/0/1=0 /0/0/2=3 /0/0/10=1 /1/0/0=1 /1/0/1=60 /1/0/6=1 /1/0/7=U /200/0/0=x /200/0/1=5") {
		p.set(word)
	}
	in := instanceAt(t, tree, "/200/0")
	var written []string
	check(t, in.SetHooks(1, &Hooks{Write: func(_ context.Context, w Content) error {
		written = append(written, w.Value().String())
		return nil
	}}))
	check(t, in.SetHooks(2, &Hooks{Read: func(context.Context) (Content, error) { return Single(num(1)), nil }}))
	d := tree.NewDraft()
	check(t, d.Delete(path("/200")))
	check(t, d.Write(path("/200/0"), p.nodes([]string{"/200/0/0=y", "/200/0/1=7"})))
	check(t, d.Write(path("/200/0/2"), p.nodes([]string{"/200/0/2=9"})))
	r := must[*Revision](t)(d.Finish(tree, Terms{Account: func(*Instance) error { return nil }}))
	if len(r.Changed.Calls()) != 1 || len(r.Removed)+len(r.Created)+len(r.Accounts) != 0 {
		t.Fatalf("calls %v, %+v", r.Changed.Calls(), r)
	}
	for _, call := range r.Changed.Calls() {
		check(t, call.Hooks.Write(t.Context(), call.New))
	}
	must[[]model.Path](t)(r.Commit(tree))
	if v, _ := in.Get(1); v.Value().Int() != 7 || fmt.Sprint(written) != "[7]" || !tree.Holds(in) {
		t.Errorf("value %v, hook %v", v, written)
	}
	if v, ok := in.Get(2); ok {
		t.Errorf("a Resource with a Read hook holds %v", v)
	}
}

// TestDraftIsBounded: however much a Bootstrap-Server writes, memory is not used up, and overwriting is for free.
func TestDraftIsBounded(t *testing.T) {
	tree := bootstrapTree(t)
	d := tree.NewDraft()
	value := model.OpaqueValue(make([]byte, 60000))
	refused := 0
	for i := range uint16(100) {
		p := model.PathOf(0, i, 5)
		if err := d.Write(p, []format.Node{{Path: p, Value: value}}); errors.Is(err, model.RequestEntityTooLarge) {
			refused++
		}
		p = model.PathOf(0, 0, 5)
		check(t, d.Write(p, []format.Node{{Path: p, Value: value}}))
	}
	if refused < 80 || d.size > MaxDraft {
		t.Errorf("%d of 100 refused, size %d", refused, d.size)
	}
	check(t, d.Delete(model.Path{}))
	if d.size != 0 || len(d.origins) != 0 {
		t.Errorf("size %d, %d origins after everything was deleted", d.size, len(d.origins))
	}
}
