package format

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

func TestContentFormats(t *testing.T) {
	for _, c := range []struct {
		f                 ContentFormat
		name              string
		canonical         ContentFormat
		single, composite bool
		since             model.Version
	}{
		{Text, "text", Text, true, false, model.Version10},
		{Link, "link-format", Link, false, false, model.Version{Major: 9}},
		{Opaque, "opaque", Opaque, true, false, model.Version10},
		{CBOR, "CBOR", CBOR, true, false, model.Version11},
		{SenMLJSON, "SenML JSON", SenMLJSON, false, true, model.Version11},
		{SenMLCBOR, "SenML CBOR", SenMLCBOR, false, true, model.Version11},
		{SenMLETCHJSON, "SenML-ETCH JSON", SenMLETCHJSON, false, true, model.Version12},
		{SenMLETCHCBOR, "SenML-ETCH CBOR", SenMLETCHCBOR, false, true, model.Version12},
		{TLV, "TLV", TLV, false, false, model.Version10},
		{JSON, "JSON", JSON, false, false, model.Version10},
		{LwM2MCBOR, "LwM2M CBOR", LwM2MCBOR, false, true, model.Version12},
		{LegacyText, "text", Text, true, false, model.Version10},
		{LegacyTLV, "TLV", TLV, false, false, model.Version10},
		{LegacyJSON, "JSON", JSON, false, false, model.Version10},
		{LegacyOpaque, "opaque", Opaque, true, false, model.Version10},
		{7, "content format 7", 7, false, false, model.Version{Major: 9}},
	} {
		if c.f.String() != c.name || c.f.Canonical() != c.canonical || c.f.SingleValue() != c.single || c.f.Composite() != c.composite {
			t.Errorf("%d: %v %d %t %t", c.f, c.f, c.f.Canonical(), c.f.SingleValue(), c.f.Composite())
		}
		for _, v := range []model.Version{model.Version10, model.Version11, model.Version12} {
			if got, want := Supported(c.f, v), v.Compare(c.since) >= 0; got != want {
				t.Errorf("%v supported by %v: %t", c.f, v, got)
			}
		}
	}
}

func TestDefault(t *testing.T) {
	for _, c := range []struct {
		v      model.Version
		single bool
		kind   model.Kind
		want   ContentFormat
	}{
		{model.Version10, true, model.String, Text},
		{model.Version10, true, model.Opaque, Opaque},
		{model.Version10, false, model.None, TLV},
		{model.Version11, true, model.Float, Text},
		{model.Version11, true, model.Opaque, Opaque},
		{model.Version11, false, model.Opaque, SenMLCBOR},
		{model.Version12, true, model.String, Text},
		{model.Version12, true, model.Opaque, Opaque},
		{model.Version12, false, model.None, LwM2MCBOR},
	} {
		if got := Default(c.v, c.single, c.kind); got != c.want || !Supported(got, c.v) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestNodeAt(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for seconds, want := range map[int64]int64{
		-5: 1_699_999_995, 1: 1_700_000_001, RelativeTime - 1: 1_700_000_000 + RelativeTime - 1,
		RelativeTime: RelativeTime, 1_600_000_000: 1_600_000_000,
	} {
		if got := (Node{Time: time.Unix(seconds, 0)}).At(now); got.Unix() != want {
			t.Errorf("%d: %d, want %d", seconds, got.Unix(), want)
		}
	}
	if got := (Node{}).At(now); !got.Equal(now) {
		t.Errorf("zero: %v", got)
	}
}

// What cannot be written, and why.
func TestAppendErrors(t *testing.T) {
	root, r := model.Path{}, model.PathOf(3, 0, 0)
	text := Node{Path: r, Value: model.StringValue("x")}
	for _, c := range []struct {
		f     ContentFormat
		base  model.Path
		nodes []Node
		want  error
		text  string
	}{
		{Text, r.Parent(), []Node{text}, ErrUnsupported, "text: /3/0 is not a single value"},
		{Text, r, nil, ErrUnsupported, "text: /3/0/0 is not a single value"},
		{CBOR, r, []Node{text, text}, ErrUnsupported, "CBOR: /3/0/0 is not a single value"},
		{Text, r, []Node{{Path: r.Child(0), Value: text.Value}}, ErrUnsupported, "text: /3/0/0 is not a single value"},
		{Text, r, []Node{{Path: r}}, ErrUnsupported, "text: /3/0/0 is not a single value"},
		{Opaque, r, []Node{text}, ErrUnsupported, "opaque: /3/0/0 is String, not Opaque"},
		{TLV, root, []Node{text}, ErrUnsupported, "TLV: cannot carry several objects"},
		{JSON, root, []Node{text}, ErrUnsupported, "JSON: cannot carry several objects"},
		{TLV, r, []Node{text, text}, ErrUnsupported, "TLV, /3/0/0: more than one value; a history needs SenML"},
		{TLV, r.Parent(), []Node{{Path: model.PathOf(3, 0, 1)}, text}, ErrPath, "TLV, /3/0/0: out of order"},
		{Link, r, []Node{text}, ErrUnsupported, "link-format: cannot carry values"},
		{7, r, []Node{text}, ErrUnsupported, "content format 7: cannot carry values"},
		{SenMLCBOR, model.PathOf(4), []Node{text}, ErrPath, "SenML CBOR, /3/0/0: not below /4"},
		{SenMLCBOR, model.PathOf(3), []Node{{Path: r.Parent(), Value: text.Value}}, ErrPath, "SenML CBOR, /3/0: a value needs the path of a resource"},
		{Text, r, []Node{{Path: r, Value: model.StringValue("\xff")}}, ErrType, "text, /3/0/0: String is not UTF-8"},
		{TLV, r, []Node{{Path: r, Value: model.OpaqueValue(make([]byte, 1<<24))}}, ErrUnsupported, "TLV, /3/0/0: tlv: value exceeds 16777215 bytes"},
	} {
		got, err := Append([]byte("before"), c.f, c.base, c.nodes)
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, c.want) || err.Error() != c.text {
			t.Errorf("%v\nwant %s", err, c.text)
		}
		if !strings.HasPrefix(string(got), "before") {
			t.Errorf("%s: buffer is now %q", c.text, got)
		}
	}
	for _, f := range []ContentFormat{Text, TLV, JSON, LwM2MCBOR} {
		if _, err := AppendPaths(nil, f, []model.Path{r}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("paths in %v: %v", f, err)
		}
		if _, err := DecodePaths(f, nil); !errors.Is(err, ErrUnsupported) {
			t.Errorf("paths from %v: %v", f, err)
		}
	}
}

// A multiple resource may be listed itself before its instances.
func TestListedResource(t *testing.T) {
	r := model.PathOf(3, 0, 6)
	nodes := []Node{{Path: r}, {Path: r.Child(0), Value: model.IntegerValue(1)}}
	for f, want := range map[ContentFormat]string{
		TLV: "\x83\x06\x41\x00\x01", SenMLJSON: `[{"bn":"/3/0/6/","n":"0","v":1}]`,
		LwM2MCBOR: "\xa1\x84\x03\x00\x06\x00\x01",
	} {
		if got, err := Append(nil, f, r, nodes); err != nil || string(got) != want {
			t.Errorf("%v: %q %v", f, got, err)
		}
	}
}

// An Object or Instance with nothing in it is an empty payload or wrapper.
func TestEmpty(t *testing.T) {
	for _, c := range []struct {
		f    ContentFormat
		base model.Path
		want string
	}{
		{TLV, model.PathOf(3303), ""}, {TLV, model.PathOf(3303, 0), ""}, {TLV, model.PathOf(3303, 0, 1, 2), ""},
		{SenMLJSON, model.PathOf(3303), "[]"}, {SenMLCBOR, model.PathOf(3303, 0), "\x80"}, {JSON, model.PathOf(3303), `{"e":[]}`},
		{LwM2MCBOR, model.PathOf(3303), "\xa0"}, {LwM2MCBOR, model.PathOf(3, 0, 6), "\xa0"}, {LwM2MCBOR, model.Path{}, "\xa0"},
	} {
		for _, nodes := range [][]Node{nil, {{Path: c.base}}} {
			if got, err := Append(nil, c.f, c.base, nodes); err != nil || string(got) != c.want {
				t.Errorf("%v %v: %q %v", c.f, c.base, got, err)
			}
		}
		if nodes, err := Decode(c.f, c.base, []byte(c.want), nil); err != nil || len(nodes) != 0 {
			t.Errorf("%v %v: %v %v", c.f, c.base, nodes, err)
		}
	}
}

// A mix of values with and without time has no base time, which would hold for all.
// Times have six decimals, relative ones too, whatever the clock's resolution is.
func TestTimesToTheMicrosecond(t *testing.T) {
	p := model.PathOf(3303, 0, 5700)
	start := time.Unix(1_700_000_000, 288_268_999)
	var nodes []Node
	for _, d := range []time.Duration{0, 500, 1_978_717_334, 100_000_001} {
		nodes = append(nodes, Node{Path: p, Value: model.IntegerValue(int64(d)), Time: start.Add(d)})
	}
	got, err := Append(nil, SenMLJSON, p, nodes)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"bn":"/3303/0/5700","bt":1700000000.288268,"v":0},{"v":500,"t":0.000001},` +
		`{"v":1978717334,"t":1.978718},{"v":100000001,"t":0.100001}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMixedTimes(t *testing.T) {
	p := model.PathOf(3303, 0, 5700)
	nodes := []Node{
		{Path: p, Value: model.FloatValue(20), Time: time.Unix(1_700_000_000, 5e8).UTC()},
		{Path: p, Value: model.FloatValue(21)},
	}
	got, err := Append(nil, SenMLJSON, p, nodes)
	if want := `[{"bn":"/3303/0/5700","v":20,"t":1700000000.5},{"v":21}]`; err != nil || string(got) != want {
		t.Errorf("%s %v", got, err)
	}
	back, err := Decode(SenMLJSON, p, got, typesOf(nodes))
	if err != nil || !slices.Equal(back, nodes) {
		t.Errorf("%v %v", back, err)
	}
}
