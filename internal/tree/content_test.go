package tree

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
	"pgregory.net/rapid"
)

func TestMultipleSorts(t *testing.T) {
	for _, test := range []struct {
		items []Item
		want  string
	}{
		{nil, "[]"},
		{[]Item{{3, num(30)}, {1, num(10)}}, "[{1 10} {3 30}]"},
		{[]Item{{1, num(1)}, {1, num(2)}}, "[{1 2}]"},
		{[]Item{{2, num(1)}, {1, num(2)}, {2, num(3)}}, "[{1 2} {2 3}]"},
	} {
		c := Multiple(test.items...)
		if got := fmt.Sprint(c.Items()); got != test.want || !c.IsMultiple() || c.IsZero() {
			t.Errorf("Multiple(%v) = %s, want %s", test.items, got, test.want)
		}
	}
}

func TestContentZero(t *testing.T) {
	if !Single(model.Value{}).IsZero() || !(Content{}).IsZero() || Single(num(0)).IsZero() {
		t.Error("only a Content without value and items is zero")
	}
	if Multiple().Equal(Content{}) || !Multiple().Equal(Multiple()) {
		t.Error("an empty Resource is not an absent one")
	}
	if v, ok := Multiple(Item{1, num(5)}).Item(2); ok || !v.IsZero() {
		t.Error("found a Resource Instance that is not there")
	}
}

func TestChanges(t *testing.T) {
	one, two := Item{1, num(1)}, Item{2, num(2)}
	for _, test := range []struct {
		name     string
		old, now Content
		want     string
	}{
		{"same value", Single(num(1)), Single(num(1)), "[]"},
		{"same number", Single(model.FloatValue(0)), Single(model.FloatValue(math.Copysign(0, -1))), "[]"},
		{"other value", Single(num(1)), Single(num(2)), "[/9/0/1]"},
		{"came", Content{}, Single(num(2)), "[/9/0/1]"},
		{"went", Single(num(2)), Content{}, "[/9/0/1]"},
		{"items came", Content{}, Multiple(one, two), "[/9/0/1/1 /9/0/1/2]"},
		{"item came", Multiple(two), Multiple(one, two), "[/9/0/1/1]"},
		{"item went", Multiple(one, two), Multiple(one), "[/9/0/1/2]"},
		{"item changed", Multiple(one, two), Multiple(one, Item{2, num(3)}), "[/9/0/1/2]"},
		{"all items went", Multiple(one, two), Content{}, "[/9/0/1]"},
		{"emptied", Multiple(one, two), Multiple(), "[/9/0/1/1 /9/0/1/2]"},
		{"empty came", Content{}, Multiple(), "[/9/0/1]"},
		{"empty went", Multiple(), Content{}, "[/9/0/1]"},
		{"replaced", Multiple(one), Multiple(two), "[/9/0/1/1 /9/0/1/2]"},
	} {
		if got := fmt.Sprint(Changes(nil, path("/9/0/1"), test.old, test.now)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// Content with items behaves like a map.
func TestContentIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, oracle := Multiple(), map[uint16]model.Value{}
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			id := uint16(rapid.IntRange(0, 6).Draw(t, "id"))
			before, items := c, slices.Clone(c.Items())
			if rapid.Bool().Draw(t, "add") {
				v := num(rapid.Int64Range(0, 3).Draw(t, "value"))
				c, oracle[id] = c.With(Item{id, v}), v
			} else {
				c = c.Without(id)
				delete(oracle, id)
			}
			if !slices.Equal(before.Items(), items) {
				t.Fatal("a Content changed")
			}
		}
		got := map[uint16]model.Value{}
		for _, item := range c.Items() {
			got[item.ID] = item.Value
		}
		if !maps.Equal(got, oracle) || !slices.IsSortedFunc(c.Items(), compareItems) || len(got) != len(c.Items()) {
			t.Fatalf("items %v, want %v", c.Items(), oracle)
		}
	})
}
