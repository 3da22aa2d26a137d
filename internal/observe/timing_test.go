package observe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/model"
)

// The vectors of gt, lt, st and edge: values that change one after another, and those
// of them that are notified in either reading.
func TestThresholdVectors(t *testing.T) {
	for _, c := range []struct {
		attributes, start, values string
		both, one                 string // one is "=" if the readings agree
	}{
		// Transport 1.1.1 §6.4.4, as its examples and as its prose read.
		{"gt=85 lt=20", "50", "90 95 80 85 86 20 19 21 10 50", "90 80 86 20 19 21 10 50", "90 19"},
		{"gt=45 st=10", "45", "50 38 42 48 49 44 46 56", "50 38 48 44 46 56", "50 38 48"},
		{"st=10", "20", "29 30 21 20 31 40", "30 20 31", "="},
		{"lt=20 gt=85 st=10", "75", "90 99 100 10 17 24 30", "90 100 10 24", "="},
		{"gt=45 st=10", "45", "50 38 49 48 42", "50 38 49 42", "50 38 49"},
		{"lt=20 gt=85 st=10", "75", "90 50 10 17 24", "90 50 10 24", "="},

		{"", "1", "1 2 2 3 1 1", "2 3 1", "="},
		{"gt=25", "25.0", "25.5 25 24 25 26", "25.5 24 26", "25.5"}, // what counts is to leave the threshold
		{"gt=25", "30.0", "26 25 25.5 24 23 26", "24 26", ""},
		{"lt=0", "5", "-1 -5 0 -1 3", "-1 3", "-1"},
		{"lt=-10 gt=-5", "-7", "-4 -11 -10 -9", "-4 -11 -9", "-4 -11"},
		{"st=0", "1.0", "1 1.5 1.5 1", "1.5 1", "="},
		{"st=0.1", "22.1", "22.15 22.2 22.3 22.25 22.2", "22.2 22.3 22.2", "="}, // decimal steps, binary floats
		{"st=0.1", "0.2", "0.3 0.39 0.4 0.30000001", "0.3 0.4", "="},
		{"st=5", "-3", "1 2 -2 -3", "2 -3", "="},
		{"edge=1", "false", "true false true true false", "true true", "="},
		{"edge=0", "false", "true false true", "false", "="},
		{"edge=0", "true", "false true false", "false false", "="},
		{"edge=1", "true", "false true", "true", "="},
		// Thresholds are for single values of their type.
		{"gt=25", "a", "b b c", "b c", "="},
		{"edge=1", "5", "6 7", "6 7", "="},
		{"edge=1", "false", "- false true", "- false true", "="},
		{"gt=25 st=9", "false", "true false", "true false", "="},
		{"gt=25", "1", "- 2 a 30 31", "- 2 a 30", "="},
		{"st=10", "1.0", "NaN NaN 1.5 2.5", "NaN 1.5", "="},
		{"", "0.0", "-0.0 NaN NaN 0 -0.0", "NaN 0", "="}, // equal values that are not the same bits
		{"st=1", "9223372036854775806", "9223372036854775807 9223372036854775805", "9223372036854775807 9223372036854775805", "="},
		{"st=2", "9223372036854775806", "9223372036854775807 9223372036854775804", "9223372036854775804", "="},
		{"st=18446744073709551615", "-9223372036854775808", "0 9223372036854775807", "9223372036854775807", "="},
	} {
		if c.one == "=" {
			c.one = c.both
		}
		for crossing, want := range map[Crossing]string{Bidirectional: c.both, OneDirectional: c.one} {
			if got := notified(t, crossing, c.attributes, c.start, c.values); got != want {
				t.Errorf("%q from %s, %v: %s are notified as %q, want %q", c.attributes, c.start, crossing, c.values, got, want)
			}
		}
	}
}

// notified are the values that are notified of those that a Resource takes one by one.
func notified(t *testing.T, crossing Crossing, attributes, start, values string) string {
	w := newWorld()
	w.engine.Crossing = crossing
	p := model.PathOf(3303, 0, 5700)
	value := valueOf
	if strings.Contains(start, ".") {
		value = floatOf
	}
	w.values[p] = value(start)
	w.observe(Request[string]{Server: 1, Token: "a", Paths: []model.Path{p}, HasOwn: true, Attributes: attributesOf(t, attributes)})
	var sent []string
	for i, v := range strings.Fields(values) {
		w.runUntil(at(float64(i + 1)))
		w.set(map[model.Path]model.Value{p: value(v)})
		w.step()
		if len(w.log) > 0 {
			sent = append(sent, v)
		}
		w.log = nil
	}
	return strings.Join(sent, " ")
}

// floatOf is valueOf for a Resource that is a Float.
func floatOf(s string) model.Value {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return valueOf(s)
	}
	return model.FloatValue(f)
}

// places are the Resources of the timing tests.
var places = strings.NewReplacer("$T", "/3303/0/5700", "$U", "/3303/1/5700", "$S", "/3304/0/5700", "$B", "/3342/0/5500",
	"$M", "/3/0/7", "NON ", "", "1#", "")

// timing is a test of what is notified when. Inputs and notifications are separated by
// semicolons. All tests begin with T=20, S=50, B=false and two instances of M.
type timing struct {
	name, script, want string
}

func (c timing) run(t *testing.T) {
	s := newScript(t)
	s.w.set(s.values(strings.Fields(places.Replace("$T=20 $U=20 $S=50 $B=false $M/0=5000 $M/1=3300"))))
	for line := range strings.SplitSeq(c.script, ";") {
		s.play(places.Replace(line))
	}
	got := slices.DeleteFunc(s.w.log, func(line string) bool { return strings.Contains(line, "(observations: ") })
	for i := range got {
		got[i] = places.Replace(got[i])
	}
	var want []string
	for line := range strings.SplitSeq(c.want, ";") {
		if line = strings.TrimSpace(places.Replace(line)); line != "" {
			want = append(want, line)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\ngot\n  %s\nwant\n  %s", c.script, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func runTimings(t *testing.T, cases []timing) {
	names := map[string]bool{}
	for _, c := range cases {
		if names[c.name] {
			t.Fatal(fmt.Errorf("%q twice", c.name))
		}
		names[c.name] = true
		t.Run(strings.ReplaceAll(c.name, " ", "_"), c.run)
	}
}
