package model_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

// row is a line of testdata/resources.txt.
type row struct {
	object, id                                    uint16
	operations, instances, mandatory, kind, since string
}

func readRows(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile("testdata/resources.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var r row
		if _, err := fmt.Sscan(line, &r.object, &r.id, &r.operations, &r.instances, &r.mandatory, &r.kind, &r.since); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		rows = append(rows, r)
	}
	return rows
}

// rowOf is the row that a definition should agree with.
func rowOf(object uint16, r model.Resource, since string) row {
	pick := func(yes bool, a, b string) string {
		if yes {
			return a
		}
		return b
	}
	return row{
		object: object, id: r.ID, since: since,
		operations: pick(r.Operations == 0, "-", r.Operations.String()),
		instances:  pick(r.Multiple, "M", "S"),
		mandatory:  pick(r.Mandatory, "M", "O"),
		kind:       strings.ReplaceAll(r.Kind.String(), " ", "_"),
	}
}

func TestEmbeddedAgreesWithSpecification(t *testing.T) {
	rows := readRows(t)
	compared := 0
	for o := range model.Embedded().All() {
		if o.ID > 3 {
			continue
		}
		var want []row
		for _, r := range rows {
			since, err := model.ParseVersion(r.since)
			if err != nil {
				t.Fatal(err)
			}
			if r.object != o.ID || since.Compare(o.Version) > 0 {
				continue
			}
			if i := slices.IndexFunc(want, func(w row) bool { return w.id == r.id }); i >= 0 {
				want[i] = r
			} else {
				want = append(want, r)
			}
		}
		if len(o.Resources) != len(want) {
			t.Errorf("Object %d version %v has %d Resources, want %d", o.ID, o.Version, len(o.Resources), len(want))
			continue
		}
		for i, r := range o.Resources {
			if got := rowOf(o.ID, r, want[i].since); got != want[i] {
				t.Errorf("Object %d version %v has\n%+v, want\n%+v", o.ID, o.Version, got, want[i])
			}
			compared++
		}
	}
	if compared != 13+18+31+9+24+28+4+4+3*23 {
		t.Errorf("compared %d Resources", compared)
	}
}

func TestEmbeddedMandatoryResources(t *testing.T) {
	for id, want := range map[uint16][]uint16{
		4:    {0, 1, 2, 4},
		6:    {0, 1, 5},
		7:    {6, 7},
		16:   {0},
		3303: {5700},
	} {
		for o := range model.Embedded().All() {
			if o.ID != id {
				continue
			}
			var got []uint16
			for _, r := range o.Resources {
				if r.Mandatory {
					got = append(got, r.ID)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("mandatory Resources of Object %d version %v: %v, want %v", id, o.Version, got, want)
			}
		}
	}
}

func TestEmbeddedTestObject(t *testing.T) {
	o, ok := model.Embedded().Latest(3442)
	if !ok || o.Version != model.Version10 || o.LwM2MVersion != model.Version11 || !o.Multiple || o.Mandatory {
		t.Fatalf("3442 is %+v", o)
	}
	for i, kind := range []model.Kind{model.String, model.Integer, model.Float, model.Boolean, model.Opaque, model.Time, model.Objlnk, model.Corelnk} {
		for _, base := range []uint16{110, 1110} {
			id := base + uint16(i)*10
			if r, ok := o.Resource(id); !ok || r.Kind != kind || r.Multiple != (base == 1110) || r.Operations.String() != "RW" {
				t.Errorf("/3442/x/%d is %+v", id, r)
			}
		}
	}
}

func TestCoreVersions(t *testing.T) {
	for _, c := range []struct {
		lwm2m    model.Version
		versions string
	}{
		{model.Version{}, "1.0 1.0 1.0 1.0 1.0 1.0 1.0 1.0"},
		{model.Version10, "1.0 1.0 1.0 1.0 1.0 1.0 1.0 1.0"},
		{model.Version11, "1.1 1.1 1.0 1.1 1.2 1.0 1.0 1.0"},
		{model.Version12, "1.2 1.2 1.1 1.2 1.3 1.1 1.0 1.0"},
		{model.Version{Major: 2}, "1.2 1.2 1.1 1.2 1.3 1.1 1.0 1.0"},
	} {
		var got []string
		for o := range model.Core(c.lwm2m).All() {
			if int(o.ID) != len(got) {
				t.Fatalf("Core(%v) has Object %d at %d", c.lwm2m, o.ID, len(got))
			}
			got = append(got, o.Version.String())
		}
		if strings.Join(got, " ") != c.versions {
			t.Errorf("Core(%v) has versions %v, want %s", c.lwm2m, got, c.versions)
		}
	}
}

func TestDefaultVersion(t *testing.T) {
	for _, c := range []struct {
		object uint16
		lwm2m  model.Version
		want   string
		core   bool
	}{
		{3, model.Version{}, "1.0", true},
		{4, model.Version10, "1.0", true},
		{4, model.Version11, "1.2", true},
		{4, model.Version12, "1.3", true},
		{2, model.Version{Major: 2}, "1.1", true},
		{21, model.Version10, "1.0", false},
		{21, model.Version11, "1.0", true},
		{21, model.Version12, "2.0", true},
		{8, model.Version11, "1.0", false},
		{3303, model.Version12, "1.0", false},
	} {
		if v, core := model.DefaultVersion(c.object, c.lwm2m); v.String() != c.want || core != c.core {
			t.Errorf("DefaultVersion(%d, %v) = %v, %t", c.object, c.lwm2m, v, core)
		}
	}
}

func TestSharedDefinitionsAreTheSamePointers(t *testing.T) {
	var wg sync.WaitGroup
	first, _ := model.Embedded().Object(3, model.Version11)
	for range 8 {
		wg.Go(func() {
			o, ok := model.Core(model.Version11).Object(3, model.Version11)
			if !ok || o != first || model.Core(model.Version12) != model.Core(model.Version{Major: 2}) {
				t.Errorf("Core has another Device: %p, not %p", o, first)
			}
		})
	}
	wg.Wait()
	if err := model.Core(model.Version11).Add(&model.Object{ID: 9}); !errors.Is(err, model.ErrShared) {
		t.Errorf("Core can be changed: %v", err)
	}
	if err := model.Embedded().Add(); !errors.Is(err, model.ErrShared) {
		t.Errorf("Embedded can be changed: %v", err)
	}
	if n := testing.AllocsPerRun(100, func() {
		o, _ := model.Core(model.Version11).Object(3, model.Version11)
		if r, ok := o.Resource(9); !ok || r.ID != 9 {
			t.Error("no Battery Level")
		}
	}); n != 0 {
		t.Errorf("finding a definition allocates %v times", n)
	}
}

func TestRegistry(t *testing.T) {
	var r model.Registry
	if _, ok := r.Latest(5); ok {
		t.Error("the empty Registry has an Object")
	}
	v11 := &model.Object{ID: 5, Version: model.Version11, Name: "new"}
	v10 := &model.Object{ID: 5, Version: model.Version10, Name: "old"}
	if err := r.Add(v11, v10, &model.Object{ID: 1}, v10, &model.Object{ID: 5, Version: model.Version10, Name: "old"}); err != nil {
		t.Fatal(err)
	}
	if o, ok := r.Latest(5); !ok || o != v11 {
		t.Errorf("Latest(5) = %+v", o)
	}
	if o, ok := r.Object(5, model.Version10); !ok || o != v10 {
		t.Errorf("Object(5, 1.0) = %+v", o)
	}
	if o, ok := r.Object(5, model.Version12); ok {
		t.Errorf("Object(5, 1.2) = %+v", o)
	}
	for o := range r.All() {
		if o.ID != 1 {
			t.Errorf("All begins with %d", o.ID)
		}
		break
	}
	if err := r.Add(&model.Object{ID: 5, Version: model.Version10}); !errors.Is(err, model.ErrConflict) {
		t.Errorf("conflict: %v", err)
	}
	for _, resources := range [][]model.Resource{{{ID: 2}, {ID: 1}}, {{ID: 2}, {ID: 2}}} {
		if err := r.Add(&model.Object{ID: 6, Resources: resources}); !errors.Is(err, model.ErrConflict) {
			t.Errorf("Resources %v: %v", resources, err)
		}
	}
}

func TestRegistryClone(t *testing.T) {
	c := model.Core(model.Version10).Clone()
	added := &model.Object{ID: 3, Version: model.Version{Major: 9}}
	if err := c.Add(added); err != nil {
		t.Fatal(err)
	}
	if o, _ := c.Latest(3); o != added {
		t.Errorf("Latest(3) of the clone is %+v", o)
	}
	if o, _ := model.Core(model.Version10).Latest(3); o.Version != model.Version10 {
		t.Errorf("Latest(3) of the original is %+v", o)
	}
	if err := new(model.Registry).Clone().Add(added); err != nil {
		t.Error(err)
	}
}
