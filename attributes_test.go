package lwm2m_test

import (
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

func stored(path string, query ...string) exchange {
	return exchange{attributes(path, query...), model.Changed, none, ""}
}

func TestETS260Discover(t *testing.T) {
	start(t, withDevice, func(f *fixture) {
		f.play(
			stored("/3", "pmin=10"),
			stored("/3/0", "pmax=200"),
			stored("/3/0/7", "lt=1", "gt=6", "st=1"),
			discovered("/3/0/7", `</3/0/7>;dim=2;pmin=10;pmax=200;gt=6;lt=1;st=1,</3/0/7/0>,</3/0/7/1>`),
			discovered("/3", `</3>;pmin=10,</3/0>;pmax=200,</3/0/0>,</3/0/1>,</3/0/2>,</3/0/3>,</3/0/6>;dim=2,`+
				`</3/0/7>;dim=2;gt=6;lt=1;st=1,</3/0/8>;dim=2,</3/0/9>,</3/0/10>,</3/0/11>;dim=1,</3/0/13>,</3/0/14>,</3/0/16>`),
			// Removal, and values in place of others.
			stored("/3/0/7", "lt", "gt=7"),
			stored("/3", "pmin"),
			stored("/3", "pmin"),
			stored("/3"),
			discovered("/3/0/7", `</3/0/7>;dim=2;pmax=200;gt=7;st=1,</3/0/7/0>,</3/0/7/1>`),
		)
	})
}

func TestETS261WriteAttributesMultipleResource(t *testing.T) {
	start(t, withDevice, func(f *fixture) {
		f.play(
			stored("/3/0/11", "pmin=10", "pmax=320"),
			stored("/3/0/11/0", "pmax=100", "epmin=1", "epmax=20"),
			discovered("/3/0/11", `</3/0/11>;dim=1;pmin=10;pmax=320,</3/0/11/0>;pmax=100;epmin=1;epmax=20`),
		)
	})
}

func TestAttributesRefused(t *testing.T) {
	start(t, withDevice, func(f *fixture) {
		f.play(stored("/3/0/9", "lt=10", "gt=90", "pmin=5", "epmin=1", "epmax=9"))
		before := f.dump()
		for _, c := range []struct {
			path, query string
			code        model.Code
			reason      string
		}{
			{"/3/0/9", "pmin=-1", model.BadRequest, "pmin"},
			{"/3/0/9", "pmin=1.5", model.BadRequest, "pmin"},
			{"/3/0/9", "pmin=", model.BadRequest, "pmin"},
			{"/3/0/9", "pmin=x", model.BadRequest, "pmin"},
			{"/3/0/9", "gt=warm", model.BadRequest, "gt"},
			{"/3/0/9", "gt=NaN", model.BadRequest, "gt"},
			{"/3/0/9", "st=-1", model.BadRequest, "st"},
			{"/3/0/9", "colour=1", model.BadRequest, "colour"},
			{"/3/0/9", "edge=1", model.BadRequest, "edge"},
			{"/3/0/9", "dim=1", model.BadRequest, "dim"},
			{"/3/0/9", "pmin=1&pmin=2", model.BadRequest, "pmin"},
			{"/3/0/9", "gt=10", model.BadRequest, "lt"},      // lt < gt
			{"/3/0/9", "st=40", model.BadRequest, "lt"},      // lt + 2 st < gt
			{"/3/0/9", "epmin=9", model.BadRequest, "epmin"}, // epmin < epmax
			{"/3/0/9", "pmin=6&colour=1", model.BadRequest, "colour"},
			{"/3/0", "gt=1", model.BadRequest, "gt"},
			{"/3", "st=1", model.BadRequest, "st"},
			{"/3/0/0", "gt=1", model.BadRequest, "gt"}, // not numeric
			{"/", "pmin=1", model.BadRequest, "the path names no Object"},
			{"/0", "pmin=30", model.Unauthorized, "closed"},
			{"/99", "pmin=1", model.NotFound, "no such Object"},
			{"/3/1", "pmin=1", model.NotFound, "no such Object Instance"},
			{"/3/0/15", "pmin=1", model.NotFound, "no such Resource"},
			{"/3/0/11/9", "pmin=1", model.NotFound, "no such Resource Instance"},
		} {
			r, err := f.peer.Do(f.ctx, attributes(c.path, strings.Split(c.query, "&")...))
			must(t, err)
			if r.Code != c.code || !strings.Contains(string(r.Payload), c.reason) {
				t.Errorf("%s?%s: %v %q, want %v about %q", c.path, c.query, r.Code, r.Payload, c.code, c.reason)
			}
		}
		if after := f.dump(); after != before {
			t.Errorf("the attributes have changed\nbefore %s\nafter  %s", before, after)
		}
		// Negative thresholds are usual with temperatures.
		f.play(stored("/3303/0/5700", "gt=-5.5", "lt=-20"), discovered("/3303/0/5700", `</3303/0/5700>;gt=-5.5;lt=-20`))
	})
}

// Attributes go with what they are attached to.
func TestAttributesOfDeletedInstance(t *testing.T) {
	start(t, withFactories, func(f *fixture) {
		f.created(post("/3442", 1+110, `[{"n":"/3442/5/120","v":1}]`))
		f.play(
			stored("/3442/5", "pmin=10"),
			stored("/3442/5/120", "gt=3"),
			discovered("/3442/5", `</3442/5>;pmin=10,</3442/5/120>;gt=3`),
			exchange{remove("/3442/5"), model.Deleted, none, ""},
		)
		f.created(post("/3442", 1+110, `[{"n":"/3442/5/120","v":1}]`))
		f.play(discovered("/3442/5", `</3442/5>,</3442/5/120>`))
	})
}
