package model_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/model"
)

func anyVersion() *rapid.Generator[model.Version] {
	return rapid.Custom(func(t *rapid.T) model.Version {
		return model.Version{Major: rapid.Uint8().Draw(t, "major"), Minor: rapid.Uint8().Draw(t, "minor")}
	})
}

func TestVersionRoundTripAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, w := anyVersion().Draw(t, "v"), anyVersion().Draw(t, "w")
		if got, err := model.ParseVersion(v.String()); err != nil || got != v {
			t.Fatalf("ParseVersion(%q) = %v, %v", v.String(), got, err)
		}
		number := func(v model.Version) int { return int(v.Major)<<8 | int(v.Minor) }
		if (v.Compare(w) < 0) != (number(v) < number(w)) || (v.Compare(w) == 0) != (v == w) {
			t.Fatalf("%v.Compare(%v) = %d", v, w, v.Compare(w))
		}
	})
}

func TestParseVersionRejects(t *testing.T) {
	for _, text := range []string{"", ".", "1", "1.", ".1", "1.0.2", "+1.0", "1.+1", "-1.0", "1.256", "a.b", " 1.0", "1,1", "1_0.0"} {
		if v, err := model.ParseVersion(text); !errors.Is(err, model.ErrVersion) || !v.IsZero() {
			t.Errorf("ParseVersion(%q) = %v, %v", text, v, err)
		}
	}
}
