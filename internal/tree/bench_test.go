package tree

import (
	"context"
	"testing"
	"unsafe"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// device is /3/0 with 15 Resources, by the definition of LwM2M 1.1.
func device(t testing.TB) *Tree {
	t.Helper()
	def, ok := model.Core(model.Version11).Object(3, model.Version11)
	if !ok {
		t.Fatal("no definition of the Device Object")
	}
	in := NewInstance(def, 0)
	for id := range uint16(21) {
		r, ok := def.Resource(id)
		if !ok || r.Kind == model.None {
			continue
		}
		v := str("value")
		switch r.Kind {
		case model.Integer:
			v = num(1)
		case model.Time:
			v = model.UnixValue(1)
		}
		c := Single(v)
		if r.Multiple {
			c = Multiple(Item{0, v})
		}
		if _, err := in.SetContent(id, c); err != nil {
			t.Fatal(err)
		}
	}
	check(t, in.SetHooks(4, &Hooks{Execute: func(context.Context, []byte) error { return nil }}))
	tree := New()
	check(t, tree.Insert(in))
	return tree
}

func wantAllocs(t *testing.T, name string, want float64, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(100, f); got > want {
		t.Errorf("%s allocates %v times, want at most %v", name, got, want)
	}
}

func TestAllocations(t *testing.T) {
	tree := device(t)
	in := instanceAt(t, tree, "/3/0")
	n := int64(1)
	wantAllocs(t, "Set", 0, func() {
		n = (n + 1) % 100
		if changed, err := in.Set(9, num(n)); !changed || err != nil {
			t.Error("not set")
		}
	})
	buf := make([]format.Node, 0, 64)
	for _, p := range []model.Path{path("/3"), path("/3/0"), path("/3/0/9"), path("/3/0/7"), path("/3/0/7/0")} {
		wantAllocs(t, "Read of "+p.String(), 0, func() {
			if got, _, err := tree.Read(buf, server, p); len(got) == 0 || err != nil {
				t.Error("nothing read")
			}
		})
	}
	entries := make([]Entry, 0, 64)
	wantAllocs(t, "Discover", 0, func() {
		if got, err := tree.Discover(entries, server, path("/3"), DefaultDepth); len(got) == 0 || err != nil {
			t.Error("nothing discovered")
		}
	})
	payload := nodes("/3/0/14=Z")
	wantAllocs(t, "Write of a Resource", 2, func() {
		x, err := tree.Write(server, payload[0].Path, payload, Replace)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := x.Commit(tree); err != nil {
			t.Error(err)
		}
	})
}

// The budget of an idle client is small.
func TestSizes(t *testing.T) {
	if size := unsafe.Sizeof(slot{}); size > 56 {
		t.Errorf("a slot takes %d bytes", size)
	}
	if size := unsafe.Sizeof(Instance{}); size > 48 {
		t.Errorf("an instance takes %d bytes", size)
	}
}

func BenchmarkReadResource(b *testing.B) {
	tree, buf, p := device(b), make([]format.Node, 0, 64), path("/3/0/9")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := tree.Read(buf, server, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadDevice(b *testing.B) {
	tree, buf, p := device(b), make([]format.Node, 0, 64), path("/3/0")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := tree.Read(buf, server, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	in := instanceAt(b, device(b), "/3/0")
	b.ReportAllocs()
	for n := int64(0); b.Loop(); n = (n + 1) % 100 {
		if _, err := in.Set(9, num(n)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteResource(b *testing.B) {
	tree, payload := device(b), nodes("/3/0/14=Z")
	b.ReportAllocs()
	for b.Loop() {
		x, err := tree.Write(server, payload[0].Path, payload, Replace)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := x.Commit(tree); err != nil {
			b.Fatal(err)
		}
	}
}
