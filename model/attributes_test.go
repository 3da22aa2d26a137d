package model_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/model"
)

const lastAttribute = model.MaxHistory

func anyAttribute() *rapid.Generator[model.Attribute] {
	return rapid.Custom(func(t *rapid.T) model.Attribute {
		return model.Attribute(rapid.Uint8Max(uint8(lastAttribute)).Draw(t, "attribute"))
	})
}

// valueOf draws a value that is valid for one attribute on its own.
func valueOf(t *rapid.T, a model.Attribute) float64 {
	switch a {
	case model.GreaterThan, model.LessThan:
		return rapid.Float64Range(-1e9, 1e9).Draw(t, a.Name())
	case model.Step:
		return rapid.Float64Range(0, 1e9).Draw(t, a.Name())
	case model.Edge, model.Confirmable:
		return float64(rapid.IntRange(0, 1).Draw(t, a.Name()))
	}
	return float64(rapid.Uint32().Draw(t, a.Name()))
}

func anyAttributes() *rapid.Generator[model.Attributes] {
	return rapid.Custom(func(t *rapid.T) (a model.Attributes) {
		for _, attr := range rapid.SliceOf(anyAttribute()).Draw(t, "attributes") {
			a = a.With(attr, valueOf(t, attr))
		}
		return a
	})
}

func anyUpdate() *rapid.Generator[model.AttributesUpdate] {
	return rapid.Custom(func(t *rapid.T) (u model.AttributesUpdate) {
		for _, attr := range rapid.SliceOf(anyAttribute()).Draw(t, "attributes") {
			if rapid.Bool().Draw(t, "remove") {
				u = u.Remove(attr)
			} else {
				u = u.Set(attr, valueOf(t, attr))
			}
		}
		return u
	})
}

func TestAttributeNames(t *testing.T) {
	var names []string
	for a := range lastAttribute + 1 {
		names = append(names, a.Name())
		if got, ok := model.ParseAttribute(a.String()); !ok || got != a {
			t.Errorf("ParseAttribute(%q) = %v, %t", a, got, ok)
		}
	}
	if got := strings.Join(names, " "); got != "pmin pmax epmin epmax gt lt st edge con hqmax" {
		t.Errorf("names are %s", got)
	}
	for _, name := range []string{"", "PMIN", "dim", "pmin "} {
		if a, ok := model.ParseAttribute(name); ok {
			t.Errorf("ParseAttribute(%q) = %v", name, a)
		}
	}
	if got := model.Attribute(99).String(); got != "Attribute(99)" {
		t.Error(got)
	}
}

func TestAttributesText(t *testing.T) {
	a := model.Attributes{}.With(model.Step, 1).With(model.LessThan, -2.5).With(model.GreaterThan, 85.25).
		With(model.MaxPeriod, 60).With(model.MinPeriod, 10).With(model.MaxEvalPeriod, math.MaxUint32)
	if got, want := a.String(), ";pmin=10;pmax=60;epmax=4294967295;gt=85.25;lt=-2.5;st=1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	text, err := model.Attributes{}.AppendText([]byte("</3>"))
	if err != nil || string(text) != "</3>" {
		t.Errorf("no attributes print as %q, %v", text, err)
	}
}

func TestAttributesGetWithWithout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, attr, other := anyAttributes().Draw(t, "a"), anyAttribute().Draw(t, "attr"), anyAttribute().Draw(t, "other")
		value := valueOf(t, attr)
		b := a.With(attr, value)
		if got, ok := b.Get(attr); !ok || got != value || !b.Has(attr) || b.IsZero() {
			t.Fatalf("Get(%v) = %v, %t", attr, got, ok)
		}
		c := b.Without(attr)
		if got, ok := c.Get(attr); ok || got != 0 || c != a.Without(attr) || c.IsZero() != (c.String() == "") {
			t.Fatalf("%v without %v is %v", b, attr, c)
		}
		v1, ok1 := a.Get(other)
		if v2, ok2 := b.Get(other); other != attr && (v1 != v2 || ok1 != ok2) {
			t.Fatalf("With(%v) changed %v", attr, other)
		}
	})
	unknown := model.Attribute(99)
	if a := (model.Attributes{}).With(unknown, 1).Without(unknown); !a.IsZero() || a.Has(unknown) {
		t.Errorf("an unknown attribute was set: %v", a)
	}
}

func TestAttributesPeriod(t *testing.T) {
	a := model.Attributes{}.With(model.MinPeriod, 90).With(model.MaxPeriod, math.MaxUint32)
	if d, ok := a.Period(model.MinPeriod); !ok || d != 90*time.Second {
		t.Errorf("pmin is %v, %t", d, ok)
	}
	if d, ok := a.Period(model.MaxPeriod); !ok || d != math.MaxUint32*time.Second {
		t.Errorf("pmax is %v, %t", d, ok)
	}
	if d, ok := a.Period(model.MaxEvalPeriod); ok || d != 0 {
		t.Errorf("epmax is %v, %t", d, ok)
	}
}

func TestAttributesInherit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		own, parent := anyAttributes().Draw(t, "own"), anyAttributes().Draw(t, "parent")
		merged := own.Inherit(parent)
		for a := range lastAttribute + 1 {
			want, ok := own.Get(a)
			if !ok {
				want, ok = parent.Get(a)
			}
			if got, set := merged.Get(a); got != want || set != ok {
				t.Fatalf("%v of %v below %v is %v, %t", a, own, parent, got, set)
			}
		}
	})
}

func TestParseAttributes(t *testing.T) {
	u, err := model.ParseAttributes(slices.Values([][]byte{[]byte("pmin=5"), []byte("gt=-25.5"), []byte("pmax"), []byte("st=1.5E3")}), model.Version10)
	want := model.AttributesUpdate{}.Set(model.MinPeriod, 5).Set(model.GreaterThan, -25.5).Remove(model.MaxPeriod).Set(model.Step, 1500)
	if err != nil || u != want {
		t.Errorf("got %v, %v; want %v", u, err, want)
	}
	if u, err := model.ParseAttributes(slices.Values([]string(nil)), model.Version11); err != nil || !u.IsZero() {
		t.Errorf("no queries: %v, %v", u, err)
	}
}

func TestParseAttributesRejects(t *testing.T) {
	for _, c := range []struct {
		queries string
		version model.Version
		want    error
		name    string
	}{
		{"foo=1", model.Version12, model.ErrUnknownAttribute, "foo"},
		{"", model.Version12, model.ErrUnknownAttribute, ""},
		{"=1", model.Version12, model.ErrUnknownAttribute, ""},
		{"Pmin=1", model.Version12, model.ErrUnknownAttribute, "Pmin"},
		{"dim=1", model.Version12, model.ErrUnknownAttribute, "dim"},
		{"epmin=1", model.Version10, model.ErrUnknownAttribute, "epmin"},
		{"epmax", model.Version{}, model.ErrUnknownAttribute, "epmax"},
		{"con=1", model.Version11, model.ErrUnknownAttribute, "con"},
		{"pmin=1 pmin=2", model.Version11, model.ErrRepeatedAttribute, "pmin"},
		{"pmin pmin=2", model.Version11, model.ErrRepeatedAttribute, "pmin"},
		{"pmin=2 pmin", model.Version11, model.ErrRepeatedAttribute, "pmin"},
		{"pmin=", model.Version11, model.ErrAttributeValue, "pmin"},
		{"pmin=-1", model.Version11, model.ErrAttributeValue, "pmin"},
		{"pmin=+1", model.Version11, model.ErrAttributeValue, "pmin"},
		{"pmin=1.0", model.Version11, model.ErrAttributeValue, "pmin"},
		{"pmax=1e3", model.Version11, model.ErrAttributeValue, "pmax"},
		{"pmax=4294967296", model.Version11, model.ErrAttributeValue, "pmax"},
		{"pmax=abc", model.Version11, model.ErrAttributeValue, "pmax"},
		{"pmin=1=2", model.Version11, model.ErrAttributeValue, "pmin"},
		{"st=-1", model.Version11, model.ErrAttributeValue, "st"},
		{"gt=+1", model.Version11, model.ErrAttributeValue, "gt"},
		{"gt=NaN", model.Version11, model.ErrAttributeValue, "gt"},
		{"gt=Inf", model.Version11, model.ErrAttributeValue, "gt"},
		{"lt=1e999", model.Version11, model.ErrAttributeValue, "lt"},
		{"lt=0x1p2", model.Version11, model.ErrAttributeValue, "lt"},
		{"lt=1_0", model.Version11, model.ErrAttributeValue, "lt"},
		{"edge=2", model.Version12, model.ErrAttributeValue, "edge"},
	} {
		queries := strings.Split(c.queries, " ")
		u, err := model.ParseAttributes(slices.Values(queries), c.version)
		var ae *model.AttributeError
		if !errors.Is(err, c.want) || !errors.As(err, &ae) || ae.Name != c.name || !u.IsZero() {
			t.Errorf("%q: %v, %v; want %v", c.queries, u, err, c.want)
		}
	}
}

func TestAttributeErrorMessage(t *testing.T) {
	_, err := model.ParseAttributes(slices.Values([]string{"pmin=abc"}), model.Version10)
	if want := `invalid attribute value: "pmin": "abc" is not a whole number of 0 to 4294967295`; err == nil || err.Error() != want {
		t.Errorf("message %v, want %s", err, want)
	}
	_, err = model.ParseAttributes(slices.Values([]string{strings.Repeat("x", 1000)}), model.Version10)
	if err == nil || len(err.Error()) > 100 {
		t.Errorf("a long name is repeated: %v", err)
	}
}

func TestUpdateQueriesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := anyUpdate().Draw(t, "update")
		got, err := model.ParseAttributes(slices.Values(u.Queries()), model.Version12)
		if err != nil || got != u {
			t.Fatalf("%q reads as %v, %v", u.Queries(), got, err)
		}
	})
}

func TestUpdateApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, u := anyAttributes().Draw(t, "old"), anyUpdate().Draw(t, "update")
		got, err := u.Apply(old)
		if err != nil {
			if got != old {
				t.Fatalf("a refused update changed %v to %v", old, got)
			}
			return
		}
		queries := u.Queries()
		for a := range lastAttribute + 1 {
			value, set := got.Get(a)
			before, was := old.Get(a)
			switch {
			case slices.Contains(queries, a.Name()):
				before, was = 0, false
			case slices.ContainsFunc(queries, func(q string) bool { return strings.HasPrefix(q, a.Name()+"=") }):
				before, was = value, true
			}
			if value != before || set != was {
				t.Fatalf("%v of %v after %q is %v, %t", a, old, queries, value, set)
			}
		}
	})
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		queries    string
		want       error
		wantStrict error
	}{
		{"lt=1 gt=6 st=1", nil, nil},
		{"lt=1 gt=3 st=1", model.ErrAttributeConflict, model.ErrAttributeConflict},
		{"lt=1 gt=2", nil, nil},
		{"lt=2 gt=2", model.ErrAttributeConflict, model.ErrAttributeConflict},
		{"lt=-1 gt=-2", model.ErrAttributeConflict, model.ErrAttributeConflict},
		{"lt=50 st=100", nil, nil},
		{"gt=-5 st=100", nil, nil},
		{"epmin=5 epmax=5", model.ErrAttributeConflict, model.ErrAttributeConflict},
		{"epmin=4 epmax=5", nil, nil},
		{"pmin=10 pmax=10", nil, nil},
		{"pmin=20 pmax=10", nil, model.ErrAttributeConflict},
	} {
		u, err := model.ParseAttributes(slices.Values(strings.Split(c.queries, " ")), model.Version11)
		if err != nil {
			t.Fatal(err)
		}
		a, err := u.Apply(model.Attributes{})
		if !errors.Is(err, c.want) || (err == nil) == a.IsZero() {
			t.Errorf("%s: %v, %v; want %v", c.queries, a, err, c.want)
		}
		if err == nil {
			err = a.ValidateStrict()
		}
		if !errors.Is(err, c.wantStrict) {
			t.Errorf("%s strictly: %v, want %v", c.queries, err, c.wantStrict)
		}
	}
	// A request is checked together with what is there.
	old := model.Attributes{}.With(model.GreaterThan, 10)
	if got, err := (model.AttributesUpdate{}.Set(model.LessThan, 11)).Apply(old); !errors.Is(err, model.ErrAttributeConflict) || got != old {
		t.Errorf("lt above gt: %v, %v", got, err)
	}
	for attr, value := range map[model.Attribute]float64{
		model.MinPeriod: math.NaN(), model.GreaterThan: math.NaN(), model.LessThan: math.Inf(-1), model.Step: math.Inf(1),
		model.MaxPeriod: 1 << 32, model.MaxHistory: 0.5, model.Confirmable: 2,
	} {
		if err := (model.Attributes{}).With(attr, value).ValidateStrict(); !errors.Is(err, model.ErrAttributeValue) {
			t.Errorf("%v=%v: %v", attr, value, err)
		}
	}
}

func TestCheckLevel(t *testing.T) {
	number := &model.Resource{Name: "Level", Kind: model.Integer, Operations: model.Readable}
	text := &model.Resource{Name: "Name", Kind: model.String, Operations: model.Readable}
	flag := &model.Resource{Name: "Flag", Kind: model.Boolean, Operations: model.Readable}
	hidden := &model.Resource{Name: "Hidden", Kind: model.Float, Operations: model.Writable}
	for _, c := range []struct {
		query, path string
		resource    *model.Resource
		ok          bool
	}{
		{"pmin=1", "/", nil, false},
		{"pmin=1", "/3", nil, true},
		{"pmax", "/3/0", nil, true},
		{"pmin=1", "/3/0/0", text, true},
		{"gt=1", "/3", nil, false},
		{"lt=1", "/3/0", nil, false},
		{"st", "/3/0", nil, false},
		{"edge=1", "/3/0", nil, false},
		{"gt=1", "/3/0/9", number, true},
		{"gt=1", "/3/0/9", nil, true},
		{"st=1", "/3/0/7/0", number, true},
		{"gt=1", "/3/0/0", text, false},
		{"gt=1", "/3/0/0", flag, false},
		{"gt=1", "/3/0/0", hidden, false},
		{"edge=1", "/3/0/0", flag, true},
		{"edge=0", "/3/0/0", number, false},
		{"con=1", "/3", nil, true},
	} {
		path, err := model.ParsePath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		u, err := model.ParseAttributes(slices.Values([]string{c.query}), model.Version12)
		if err != nil {
			t.Fatal(err)
		}
		err = u.CheckLevel(path, c.resource)
		if (err == nil) != c.ok || (err != nil && !errors.Is(err, model.ErrAttributeLevel)) {
			t.Errorf("%s on %s: %v", c.query, c.path, err)
		}
	}
}
