package objectlinks_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/internal/objectlinks"
	"github.com/lwm2m-go/lwm2m/model"
)

// show is an inventory in short: "/root ct=1,2 3@1.0[0 1]".
func show(inv *model.Inventory) string {
	s := inv.Root
	for _, f := range inv.Formats {
		s += fmt.Sprintf(" ct=%d", f)
	}
	for _, o := range inv.Objects {
		s += fmt.Sprintf(" %d@%v%v", o.ID, o.Version, o.Instances)
	}
	return strings.TrimSpace(s)
}

func inventory(root string, formats []uint16, add func(*model.Inventory)) *model.Inventory {
	inv := &model.Inventory{Root: root, Formats: formats}
	add(inv)
	return inv
}

func TestAppend(t *testing.T) {
	device := func(inv *model.Inventory) {
		inv.Add(0, model.Version11, 0, 1)
		inv.Add(1, model.Version10, 0)
		inv.Add(3, model.Version11, 0)
		inv.Add(5, model.Version{})
		inv.Add(21, model.Version10, 0)
		inv.Add(23, model.Version10, 0)
		inv.Add(3303, model.Version10, 0, 12)
		inv.Add(3442, model.Version11)
	}
	for _, c := range []struct {
		root    string
		formats []uint16
		lwm2m   model.Version
		want    string
	}{
		{"", nil, model.Version{}, `</1/0>,</3>;ver=1.1,</3/0>,</5>,</3303>;ver=1.0,</3303/0>,</3303/12>,</3442>;ver=1.1`},
		{"", []uint16{11542, 0, 42, 40}, model.Version10, `</1/0>,</3>;ver=1.1,</3/0>,</5>,</3303>;ver=1.0,</3303/0>,</3303/12>,</3442>;ver=1.1`},
		{"/", []uint16{11543}, model.Version10, `</>;rt="oma.lwm2m";ct=11543,</1/0>,</3>;ver=1.1,</3/0>,</5>,</3303>;ver=1.0,</3303/0>,</3303/12>,</3442>;ver=1.1`},
		{"", []uint16{60, 110, 0, 112, 11542}, model.Version11, `</>;rt="oma.lwm2m";ct="60 110 112 11542",</1>;ver=1.0,</1/0>,</3/0>,</5>,</3303>;ver=1.0,</3303/0>,</3303/12>,</3442>;ver=1.1`},
		{"/lwm2m", nil, model.Version12, `</lwm2m>;rt="oma.lwm2m",</lwm2m/1>;ver=1.0,</lwm2m/1/0>,</lwm2m/3>;ver=1.1,</lwm2m/3/0>,</lwm2m/5>,</lwm2m/3303>;ver=1.0,</lwm2m/3303/0>,</lwm2m/3303/12>,</lwm2m/3442>;ver=1.1`},
	} {
		got := objectlinks.Append([]byte("x,"), inventory(c.root, c.formats, device), c.lwm2m)
		if string(got) != "x,"+c.want {
			t.Errorf("%q %v %v:\n%s, want\n%s", c.root, c.formats, c.lwm2m, got, c.want)
		}
	}
	if got := objectlinks.Append(nil, &model.Inventory{}, model.Version11); len(got) != 0 {
		t.Errorf("an empty inventory is %q", got)
	}
}

func TestAppendLeavesFormatsAlone(t *testing.T) {
	inv := &model.Inventory{Formats: []uint16{0, 110, 42, 112}}
	objectlinks.Append(nil, inv, model.Version11)
	if fmt.Sprint(inv.Formats) != "[0 110 42 112]" {
		t.Errorf("formats are %v", inv.Formats)
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		payload string
		lwm2m   model.Version
		want    string
	}{
		{``, model.Version11, ``},
		{`</1/0>,</1/1>,</2/0>,</2/1>,</2/2>,</2/3>,</2/4>,</3/0>,</4/0>,</5>`, model.Version10,
			`1@1.0[0 1] 2@1.0[0 1 2 3 4] 3@1.0[0] 4@1.0[0] 5@1.0[]`},
		{`</1>;ver=1.1,</1/0>,</3/0>`, model.Version10, `1@1.1[0] 3@1.0[0]`},
		{`</>;ct=110,</1/0>,</3/0>,</3303>;ver=1.1,</3303/0>`, model.Version11, `ct=110 1@1.1[0] 3@1.1[0] 3303@1.1[0]`},
		{`</>;rt="oma.lwm2m";ct="110 112 110 60",</4/0>`, model.Version11, `ct=110 ct=112 ct=60 4@1.2[0]`},
		{`</3/0>;ver="2.2",</3/0>,</3/1>`, model.Version11, `3@2.2[0 1]`},
		{`</9/3>,</9>;ver="1.1",</9/1>`, model.Version10, `9@1.1[1 3]`},
		{`</lwm2m>;rt="core.x oma.lwm2m";ct=11543,</lwm2m/1/0>,</lwm2m/3>,</4/0>,</lwm2m2/5>`, model.Version10, `/lwm2m ct=11543 1@1.0[0] 3@1.0[]`},
		{`</lwm2m/>;rt=oma.lwm2m,</lwm2m/3/0>`, model.Version12, `/lwm2m 3@1.2[0]`},
		{`</sensors/temp>;rt="t",<coap://x/3/0>,</3/0/9>,</7>,<8/0>`, model.Version11, `7@1.0[] 8@1.0[0]`},
		{`</>;ct="",</3>`, model.Version11, `3@1.1[]`},
	} {
		got, err := objectlinks.Parse([]byte(c.payload), c.lwm2m)
		if err != nil || show(got) != c.want {
			t.Errorf("%s: %v; got\n%s, want\n%s", c.payload, err, show(got), c.want)
		}
	}
}

func TestParseRejects(t *testing.T) {
	for payload, says := range map[string]string{
		`</1/0`:                       "link-format",
		`</1/0>,`:                     "link-format",
		`</65535/0>`:                  `"65535"`,
		`</3/00>`:                     `"00"`,
		`</3/x>`:                      `"x"`,
		`</3>;ver=1`:                  `invalid version "1"`,
		`</3>;ver`:                    `invalid version ""`,
		`</3>;ver=1.1,</3/0>;ver=1.0`: "version 1.1 and 1.0",
		`</>;ct=x`:                    `ct "x"`,
		`</>;ct="110 65536"`:          `ct "65536"`,
	} {
		inv, err := objectlinks.Parse([]byte(payload), model.Version11)
		if !errors.Is(err, objectlinks.ErrInvalid) || !strings.Contains(err.Error(), says) || inv != nil {
			t.Errorf("%s: %v, %v; want %s", payload, inv, err, says)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inv := &model.Inventory{
			Root:    rapid.SampledFrom([]string{"", "/lwm2m", "/a/b"}).Draw(t, "root"),
			Formats: rapid.SliceOfDistinct(rapid.SampledFrom([]uint16{50, 60, 110, 112, 11543, 65535}), rapid.ID).Draw(t, "formats"),
		}
		lwm2m := rapid.SampledFrom([]model.Version{model.Version10, model.Version11, model.Version12}).Draw(t, "lwm2m")
		for _, id := range rapid.SliceOf(rapid.OneOf(rapid.Uint16Range(1, 20), rapid.Uint16Range(24, model.MaxID-1))).Draw(t, "objects") {
			v := model.Version{Major: rapid.Uint8Range(1, 2).Draw(t, "major"), Minor: rapid.Uint8().Draw(t, "minor")}
			inv.Add(id, v, rapid.SliceOf(rapid.Uint16Max(model.MaxID-1)).Draw(t, "instances")...)
		}
		text := objectlinks.Append(nil, inv, lwm2m)
		got, err := objectlinks.Parse(text, lwm2m)
		if err != nil || !got.Equal(inv) {
			t.Fatalf("%s: %v\ngot  %s\nwant %s", text, err, show(got), show(inv))
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`</>;rt="oma.lwm2m";ct="110 112",</1/0>,</3303>;ver=1.1,</3303/0>`))
	f.Add([]byte(`</lwm2m>;rt=oma.lwm2m,</lwm2m/3/0>;ver="1.2"`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, lwm2m := range []model.Version{model.Version10, model.Version11} {
			inv, err := objectlinks.Parse(payload, lwm2m)
			if err != nil {
				if !errors.Is(err, objectlinks.ErrInvalid) || inv != nil {
					t.Fatalf("%v, %v", inv, err)
				}
				continue
			}
			// What was understood can be said and is understood again.
			again, err := objectlinks.Parse(objectlinks.Append(nil, inv, lwm2m), lwm2m)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range inv.Objects {
				for _, id := range o.Instances {
					if p := model.PathOf(o.ID, id); !again.Contains(p) && o.ID != 0 && o.ID != 21 && o.ID != 23 {
						t.Fatalf("%v is lost from %q", p, payload)
					}
				}
			}
		}
	})
}
