package model_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

func FuzzParsePath(f *testing.F) {
	for _, text := range []string{"", "/", "/3/0/0", "3303/0/5700", "/65534/65535", "/1/2/3/4/5", "//", "/01"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := model.ParsePath(text)
		if err != nil {
			if !errors.Is(err, model.ErrPath) || !p.IsRoot() {
				t.Fatalf("%v, %v", p, err)
			}
			return
		}
		// Every accepted text is the text form, but for the leading slash.
		if want := "/" + strings.TrimPrefix(text, "/"); p.String() != want {
			t.Fatalf("%q reads as %v", text, p)
		}
	})
}

func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"0..4", "1-65534", "-273.15..", "16,32,48 bytes", "0-255 bytes", "-1--0.5", "U, UQ", "..9"} {
		for kind := model.String; kind <= model.Opaque; kind++ {
			f.Add(text, uint8(kind))
		}
	}
	f.Fuzz(func(t *testing.T, text string, kind uint8) {
		r := model.ParseRange(text, model.Kind(kind))
		if r.String() != strings.TrimSpace(text) {
			t.Fatalf("text %q became %q", text, r)
		}
		for _, v := range []model.Value{{}, model.StringValue(text), model.IntegerValue(-1), model.FloatValue(0.5)} {
			if err := r.Check(v); err != nil && (!r.Enforced() || !errors.Is(err, model.ErrRange)) {
				t.Fatalf("%q refuses %v: %v", text, v, err)
			}
		}
	})
}

func FuzzParseAttributes(f *testing.F) {
	for _, queries := range []string{"pmin=10&pmax=60", "gt=-1.5&lt&st=0", "epmin=1&epmax=2&edge=1&con=0&hqmax=7", "pmin&pmin", "gt=1e400", "=&"} {
		f.Add(queries)
	}
	f.Fuzz(func(t *testing.T, queries string) {
		u, err := model.ParseAttributes(strings.SplitSeq(queries, "&"), model.Version12)
		if err != nil {
			var ae *model.AttributeError
			if !errors.As(err, &ae) || !u.IsZero() {
				t.Fatalf("%v, %v", u, err)
			}
			return
		}
		if again, err := model.ParseAttributes(slices.Values(u.Queries()), model.Version12); err != nil || again != u {
			t.Fatalf("%q prints as %q: %v, %v", queries, u.Queries(), again, err)
		}
		// Single values are valid after parsing; only contradictions are left.
		if _, err := u.Apply(model.Attributes{}); err != nil && !errors.Is(err, model.ErrAttributeConflict) {
			t.Fatal(err)
		}
	})
}
