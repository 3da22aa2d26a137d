package devicefile

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
	"pgregory.net/rapid"
)

// courses are those of the Resources of a Temperature, by the YAML of each.
func courseOf(t *testing.T, yaml string) Simulated {
	t.Helper()
	f := parse(t, "objects: {Temperature: {0: {Sensor Value: "+yaml+"}}}")
	if len(f.Simulated) != 1 {
		t.Fatalf("%s: %d courses", yaml, len(f.Simulated))
	}
	return f.Simulated[0]
}

func TestCourses(t *testing.T) {
	for yaml, want := range map[string]string{
		"{constant: 5}":                                             "5 5 5 5 5 5 5 5",
		"{ramp: {from: 0, to: 10, in: 4s}}":                         "0 2.5 5 7.5 0 2.5 5 7.5",
		"{ramp: {from: 10, to: 0, in: 4s, then: return}}":           "10 7.5 5 2.5 0 2.5 5 7.5",
		"{ramp: {from: 0, to: 10, in: 4s, then: stay}}":             "0 2.5 5 7.5 10 10 10 10",
		"{sine: {mean: 20, amplitude: 2, period: 4s}}":              "20 22 20 18 20 22 20 18",
		"{sine: {mean: 20, amplitude: 2, period: 4s, phase: 0.25}}": "22 20 18 20 22 20 18 20",
		"{random-walk: {start: 3, step: 0, min: 0, max: 5}}":        "3 3 3 3 3 3 3 3",
		"{csv: {file: plain.csv}, every: 1s}":                       "1.5 2.5 -3 1.5 2.5 -3 1.5 2.5",
		"{csv: {file: plain.csv, repeat: false}, every: 2s}":        "1.5 1.5 2.5 2.5 -3 -3 -3 -3",
		"{csv: {file: barrel.csv, column: 2}}":                      "0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5",
		"{csv: {file: dated.csv}}":                                  "1 1 2 1 1 1 2 1",
	} {
		s := courseOf(t, yaml)
		var got []string
		for i := range 8 {
			got = append(got, s.Course.At(time.Duration(i)*time.Second).String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", yaml, got, want)
		}
	}
}

// A course gives the same value for the same time, whatever was asked before, and keeps its bounds.
func TestCoursesArePure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			least = rapid.Float64Range(-100, 100).Draw(t, "least")
			width = rapid.Float64Range(0, 100).Draw(t, "width")
			seed  = rapid.Uint64().Draw(t, "seed")
			step  = rapid.Float64Range(0, 300).Draw(t, "step")
		)
		one := walk{start: least, step: step, least: least, most: least + width, seed: seed, every: time.Second}
		other := one
		for range 20 {
			at := time.Duration(rapid.IntRange(0, 200).Draw(t, "at")) * time.Second
			a := one.at(at)
			if b := other.at(at); a != b || a < least || a > least+width {
				t.Fatalf("%v: %v, %v", at, a, b)
			}
			other = walk{start: least, step: step, least: least, most: least + width, seed: seed, every: time.Second}
		}
		at := time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "elapsed"))
		for _, then := range []string{rampRestart, rampReturn, rampStay} {
			if v := ramp(least, least+width, time.Minute, then)(at); v < least-1e-9 || v > least+width+1e-9 {
				t.Fatalf("ramp %s at %v: %v", then, at, v)
			}
		}
	})
}

func TestNumbersInTheTypeOfTheResource(t *testing.T) {
	for kind, want := range map[model.Kind]model.Value{
		model.Integer: model.IntegerValue(-3), model.Unsigned: model.UnsignedValue(0), model.Float: model.FloatValue(-2.6),
		model.Time: model.UnixValue(-3),
	} {
		if got := numeric(kind, -2.6000000001); !got.Equal(want) || got.Kind() != kind {
			t.Errorf("%v: %v", kind, got)
		}
	}
}

// Each value is set at once and then at its own pace, until the context ends.
func TestSimulate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		start := time.Now()
		var got []string
		fast := Simulated{Path: model.PathOf(3303, 0, 5700), Every: 2 * time.Second,
			Course: curve{model.Float, ramp(0, 100, 100*time.Second, rampStay)}}
		slow := Simulated{Path: model.PathOf(3, 0, 9), Every: 5 * time.Second, Course: constant{model.IntegerValue(7)}}
		Simulate(ctx, []Simulated{fast, slow}, func(p model.Path, v model.Value) error {
			got = append(got, fmt.Sprintf("%v %v=%v", time.Since(start), p, v))
			return errors.New("deleted")
		})
		want := []string{"0s /3303/0/5700=0", "0s /3/0/9=7", "2s /3303/0/5700=2", "4s /3303/0/5700=4", "5s /3/0/9=7",
			"6s /3303/0/5700=6", "8s /3303/0/5700=8"}
		if !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}

// What is late is left out; the pace stays.
func TestSimulateLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 9500*time.Millisecond)
		defer cancel()
		start := time.Now()
		var got []time.Duration
		Simulate(ctx, []Simulated{{Every: time.Second, Course: constant{}}}, func(model.Path, model.Value) error {
			got = append(got, time.Since(start))
			if len(got) == 2 {
				time.Sleep(3500 * time.Millisecond)
			}
			return nil
		})
		want := []time.Duration{0, 1, 4500, 5, 6, 7, 8, 9}
		for i := range want {
			if want[i] < 1000 {
				want[i] *= time.Second
			} else {
				want[i] *= time.Millisecond
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v", got)
		}
	})
}

func TestSimulateNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := false
		go func() { Simulate(ctx, nil, nil); ended = true }()
		synctest.Wait()
		cancel()
		if synctest.Wait(); !ended {
			t.Error("it goes on")
		}
	})
}
