// Package handles checks typed objects in tests: what a generator or a person may get wrong in them.
package handles

import (
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Check compares the fields of a typed object with the definition: each
// Resource has a handle of the right kind, and its field has its name.
func Check(t testing.TB, object any, def *model.Object) {
	t.Helper()
	fields := map[uint16]string{}
	v := reflect.ValueOf(object).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		handle, ok := v.Field(i).Interface().(interface{ Path() lwm2m.Path })
		if _, base := handle.(*lwm2m.Instance); base || !ok {
			continue
		}
		p := handle.Path()
		r, ok := def.Resource(p.Resource())
		if !ok || p.Object() != def.ID {
			t.Errorf("%s leads to %v, which is not defined", name, p)
			continue
		}
		if other, taken := fields[r.ID]; taken {
			t.Errorf("%s and %s lead to %v", other, name, p)
		}
		fields[r.ID] = name
		if !strings.HasPrefix(letters(r.Name), letters(name)) {
			t.Errorf("%s leads to %v, which is %q", name, p, r.Name)
		}
		kind, _, _ := strings.Cut(v.Field(i).Type().Name(), "[")
		if want := handleOf(r); kind != want {
			t.Errorf("%s is a %s, want %s", name, kind, want)
		}
	}
	for _, r := range def.Resources {
		if fields[r.ID] == "" {
			t.Errorf("no handle leads to Resource %d, %q", r.ID, r.Name)
		}
	}
}

// handleOf is the type of handle for a Resource. Its type of value is checked when
// it is made.
func handleOf(r *model.Resource) string {
	switch {
	case r.Operations.Has(model.Executable):
		return "Executable"
	case r.Multiple:
		return "MultiResource"
	}
	return "Resource"
}

// letters is a name in small letters and digits only, without an "and" in it.
func letters(s string) string {
	s = strings.NewReplacer(" and ", " ", "And", "").Replace(s)
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
