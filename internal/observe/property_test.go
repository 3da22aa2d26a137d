package observe

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// drawPath draws one of the few paths of a small tree, of any level.
func drawPath(t *rapid.T) model.Path {
	var p model.Path
	for range rapid.IntRange(0, 4).Draw(t, "depth") {
		p = p.Child(uint16(rapid.IntRange(0, 2).Draw(t, "id")))
	}
	return p
}

// all4 are all paths of four levels in that tree.
func all4(yield func(model.Path) bool) {
	for i := range uint16(81) {
		if !yield(model.PathOf(i/27, i/9%3, i/3%3, i%3)) {
			return
		}
	}
}

// TestEngineAgainstScan compares an Engine with a list of observations of which
// each is looked at for each change.
func TestEngineAgainstScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e Engine[int]
		all := map[key[int]]*Observation[int]{}
		pending := map[*Observation[int]]bool{}
		now, version := epoch, int64(0)
		// fresh are values that are everywhere and never the same.
		fresh := func() (nodes []format.Node) {
			version++
			for p := range all4 {
				nodes = append(nodes, format.Node{Path: p, Value: model.IntegerValue(version)})
			}
			return nodes
		}
		drawKey := func(t *rapid.T) (uint16, int) {
			return uint16(rapid.IntRange(1, 2).Draw(t, "server")), rapid.IntRange(0, 5).Draw(t, "token")
		}
		t.Repeat(map[string]func(*rapid.T){
			"observe": func(t *rapid.T) {
				server, token := drawKey(t)
				r := Request[int]{Server: server, Token: token}
				for range rapid.IntRange(1, 3).Draw(t, "paths") {
					r.Paths = append(r.Paths, drawPath(t))
				}
				r.Composite = len(r.Paths) > 1
				for k, o := range all {
					if k.server == server && (k.token == token || slices.Equal(o.Paths, r.Paths)) {
						delete(all, k)
						delete(pending, o)
					}
				}
				o := e.Add(now, r)
				e.Evaluate(now, o, fresh())
				e.Sent(now, o, false)
				all[key[int]{server, token}] = o
			},
			"cancel": func(t *rapid.T) {
				server, token := drawKey(t)
				k := key[int]{server, token}
				if e.Cancel(server, token) != (all[k] != nil) {
					t.Fatal("wrong result of Cancel")
				}
				delete(pending, all[k])
				delete(all, k)
			},
			"changed": func(t *rapid.T) {
				now = now.Add(time.Second)
				p := drawPath(t)
				hit := false
				for _, o := range all {
					if slices.ContainsFunc(o.Paths, p.Overlaps) {
						pending[o], hit = true, true
					}
				}
				if e.IsObserved(p) != hit {
					t.Fatalf("%v observed: %t", p, !hit)
				}
				e.Changed(now, []model.Path{p})
			},
			"removed": func(t *rapid.T) {
				p := drawPath(t)
				gone := e.Removed(now, []model.Path{p})
				for k, o := range all {
					switch {
					case !o.Composite && p.Contains(o.Paths[0]):
						if !slices.Contains(gone, o) {
							t.Fatalf("%v is not gone with %v", o.Paths, p)
						}
						delete(all, k)
						delete(pending, o)
					case slices.ContainsFunc(o.Paths, p.Overlaps):
						pending[o] = true
					}
				}
			},
			"notify": func(t *rapid.T) {
				due := e.Due(now, nil)
				if len(due) != len(pending) {
					t.Fatalf("%d due, want %d", len(due), len(pending))
				}
				for _, o := range due {
					if !pending[o] {
						t.Fatalf("%v is due", o.Paths)
					}
					delete(pending, o)
					if d := e.Evaluate(now, o, fresh()); d != Send {
						t.Fatalf("%v: decision %v", o.Paths, d)
					}
					e.Sent(now, o, false)
				}
			},
			"": func(t *rapid.T) {
				if e.Len() != len(all) || e.Deadline().IsZero() != (len(pending) == 0) {
					t.Fatalf("%d observations, want %d; deadline %v", e.Len(), len(all), e.Deadline())
				}
			},
		})
	})
}
