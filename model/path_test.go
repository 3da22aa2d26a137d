package model_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/model"
)

func anyID() *rapid.Generator[uint16] { return rapid.Uint16Max(model.MaxID - 1) }

func anyPath() *rapid.Generator[model.Path] {
	return rapid.Custom(func(t *rapid.T) model.Path {
		// Few identifiers make paths that relate to each other.
		id := rapid.OneOf(rapid.Uint16Max(2), anyID())
		return model.PathOf(rapid.SliceOfN(id, 0, 4).Draw(t, "ids")...)
	})
}

func TestParsePath(t *testing.T) {
	for text, want := range map[string]model.Path{
		"":                         model.PathOf(),
		"/":                        model.PathOf(),
		"/0":                       model.PathOf(0),
		"3303/0/5700":              model.PathOf(3303, 0, 5700),
		"/3/0/11/0":                model.PathOf(3, 0, 11, 0),
		"/65534/65534/65534/65534": model.PathOf(65534, 65534, 65534, 65534),
	} {
		got, err := model.ParsePath(text)
		if err != nil || got != want {
			t.Errorf("ParsePath(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParsePathRejects(t *testing.T) {
	for text, reason := range map[string]string{
		"//":                     `""`,
		"/3/":                    `""`,
		"/3//0":                  `""`,
		"/65535":                 `"65535"`,
		"/99999":                 `"99999"`,
		"/184467440737095516160": "number",
		"/03":                    `"03"`,
		"/-1":                    `"-1"`,
		"/+1":                    `"+1"`,
		"/a":                     `"a"`,
		"/3/0/1 ":                `"1 "`,
		"/1/2/3/4/5":             "four levels",
		"/3?pmin=1":              `"3?pmin=1"`,
		"/\u0663":                "number",
	} {
		p, err := model.ParsePath(text)
		if !errors.Is(err, model.ErrPath) || !strings.Contains(err.Error(), reason) || !p.IsRoot() {
			t.Errorf("ParsePath(%q) = %v, %v; want ErrPath and %q", text, p, err, reason)
		}
	}
}

func TestPathTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPath().Draw(t, "path")
		got, err := model.ParsePath(p.String())
		if err != nil || got != p {
			t.Fatalf("ParsePath(%q) = %v, %v", p.String(), got, err)
		}
		text, err := p.MarshalText()
		var q model.Path
		if err != nil || q.UnmarshalText(text) != nil || q != p {
			t.Fatalf("text %q reads as %v", text, q)
		}
	})
}

func TestPathUnmarshalKeepsPathOnError(t *testing.T) {
	p := model.PathOf(3, 0)
	if err := p.UnmarshalText([]byte("/x")); !errors.Is(err, model.ErrPath) || p != model.PathOf(3, 0) {
		t.Errorf("got %v, %v", p, err)
	}
}

func TestPathAccessors(t *testing.T) {
	p := model.PathOf(3303, 1, 5700, 7)
	if p.Object() != 3303 || p.Instance() != 1 || p.Resource() != 5700 || p.ResourceInstance() != 7 {
		t.Errorf("%v has other identifiers", p)
	}
	if p.Child(1) != p {
		t.Error("a path of four levels has a child")
	}
	if model.PathOf().Parent() != model.PathOf() || model.PathOf(1).Prefix(-3) != model.PathOf() {
		t.Error("no parent of the root expected")
	}
	defer func() {
		if recover() == nil {
			t.Error("PathOf accepts five identifiers")
		}
	}()
	model.PathOf(1, 2, 3, 4, 5)
}

func TestPathRelations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := anyPath().Draw(t, "p"), anyPath().Draw(t, "q")
		text := func(p model.Path) string { return strings.TrimSuffix(p.String(), "/") + "/" }
		if got, want := p.Contains(q), strings.HasPrefix(text(q), text(p)); got != want {
			t.Fatalf("%v.Contains(%v) = %t", p, q, got)
		}
		if got, want := p.Overlaps(q), p.Contains(q) || q.Contains(p); got != want {
			t.Fatalf("%v.Overlaps(%v) = %t", p, q, got)
		}
		if p.Depth() < 4 {
			c := p.Child(9)
			if c.Parent() != p || c.Depth() != p.Depth()+1 || !p.Contains(c) || c.Compare(p) != 1 {
				t.Fatalf("%v is a strange child of %v", c, p)
			}
		}
	})
}

func TestPathCompare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q, r := anyPath().Draw(t, "p"), anyPath().Draw(t, "q"), anyPath().Draw(t, "r")
		if (p.Compare(q) == 0) != (p == q) || p.Compare(q) != -q.Compare(p) {
			t.Fatalf("%v, %v: %d, %d", p, q, p.Compare(q), q.Compare(p))
		}
		if p.Compare(q) <= 0 && q.Compare(r) <= 0 && p.Compare(r) > 0 {
			t.Fatalf("%v, %v, %v are not ordered", p, q, r)
		}
	})
	if model.PathOf(3, 0, 9).Compare(model.PathOf(3, 0, 10)) != -1 {
		t.Error("identifiers compare as text")
	}
}

func TestPathAppendSegment(t *testing.T) {
	p, ok := model.PathOf(3).AppendSegment([]byte("0"))
	if !ok || p != model.PathOf(3, 0) {
		t.Errorf("got %v, %t", p, ok)
	}
	for _, segment := range []string{"", "65535", "00", "x", "1/2"} {
		if p, ok := model.PathOf(3).AppendSegment([]byte(segment)); ok || p != model.PathOf(3) {
			t.Errorf("segment %q gives %v", segment, p)
		}
	}
	if _, ok := model.PathOf(1, 2, 3, 4).AppendSegment([]byte("5")); ok {
		t.Error("a fifth level was accepted")
	}
}

func TestPathAllocations(t *testing.T) {
	p, q := model.PathOf(3303, 0, 5700), model.PathOf(3303, 0, 5701)
	segment, buf := []byte("5700"), make([]byte, 0, 32)
	sink := 0
	if n := testing.AllocsPerRun(100, func() {
		r, err := model.ParsePath("/3303/0/5700")
		if err != nil || r != p {
			sink++
		}
		r, _ = r.Parent().AppendSegment(segment)
		sink += r.Compare(q)
		if r.Contains(q) {
			sink++
		}
		buf, _ = r.AppendText(buf[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if sink == 0 {
		t.Error("nothing was compared")
	}
}
