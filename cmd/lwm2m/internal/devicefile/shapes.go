package devicefile

import (
	"math"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

func setConstant(_ *reader, to *course, n *node) {
	to.add(n, func(r *reader, def *model.Resource, _ time.Duration) (Course, bool) {
		v, ok := r.value(n, def)
		return constant{v}, ok
	})
}

// numberField is a field for a number.
func numberField[T any](name, about string, required bool, at func(*T) *float64) field[T] {
	return field[T]{name: name, about: about, required: required, schema: numberSchema(), set: func(r *reader, to *T, n *node) {
		if v, ok := r.number(n); ok {
			*at(to) = v
		}
	}}
}

// timeField is a field for a duration that is required.
func timeField[T any](name, about string, at func(*T) *time.Duration) field[T] {
	return field[T]{name: name, about: about, required: true, schema: durationSchema(), set: func(r *reader, to *T, n *node) {
		if d, ok := r.duration(n, time.Millisecond); ok {
			*at(to) = d
		}
	}}
}

type rampShape struct {
	from, to float64
	in       time.Duration
	then     string
}

func rampFields() []field[rampShape] {
	return []field[rampShape]{
		numberField("from", "Number at the beginning.", true, func(s *rampShape) *float64 { return &s.from }),
		numberField("to", "Number at the end.", true, func(s *rampShape) *float64 { return &s.to }),
		timeField("in", "Time from the beginning to the end.", func(s *rampShape) *time.Duration { return &s.in }),
		{name: "then", about: "What comes next: restart, return by the same way, or stay. Default: restart.",
			schema: choiceSchema(rampRestart, rampReturn, rampStay), set: func(r *reader, to *rampShape, n *node) {
				to.then, _ = r.choice(n, rampRestart, rampReturn, rampStay)
			}},
	}
}

func setRamp(r *reader, to *course, n *node) {
	s := rampShape{in: 1, then: rampRestart}
	read(r, n, "ramp", rampFields(), &s)
	to.addCurve(n, func(time.Duration) func(time.Duration) float64 { return ramp(s.from, s.to, s.in, s.then) }, s.from, s.to)
}

type sineShape struct {
	mean, amplitude, phase float64
	period                 time.Duration
}

func sineFields() []field[sineShape] {
	return []field[sineShape]{
		numberField("mean", "Number in the middle.", true, func(s *sineShape) *float64 { return &s.mean }),
		numberField("amplitude", "How far it goes to either side.", true, func(s *sineShape) *float64 { return &s.amplitude }),
		timeField("period", "Time of a swing there and back.", func(s *sineShape) *time.Duration { return &s.period }),
		numberField("phase", "Where it begins, as a part of the period: 0 in the middle on the way up, 0.25 at the top. Default: 0.", false,
			func(s *sineShape) *float64 { return &s.phase }),
	}
}

func setSine(r *reader, to *course, n *node) {
	s := sineShape{period: 1}
	read(r, n, "sine", sineFields(), &s)
	at := sine(s.mean, s.amplitude, s.period, s.phase)
	to.addCurve(n, func(time.Duration) func(time.Duration) float64 { return at }, s.mean-s.amplitude, s.mean+s.amplitude)
}

type walkShape struct {
	start, step, least, most float64
	seed                     uint64
}

func walkFields() []field[walkShape] {
	return []field[walkShape]{
		numberField("start", "Number at the beginning.", true, func(s *walkShape) *float64 { return &s.start }),
		numberField("step", "How far a step goes at most.", true, func(s *walkShape) *float64 { return &s.step }),
		numberField("min", "Number below which it never goes.", true, func(s *walkShape) *float64 { return &s.least }),
		numberField("max", "Number above which it never goes.", true, func(s *walkShape) *float64 { return &s.most }),
		{name: "seed", about: "What the way depends on. Default: 0.", schema: wholeSchema(0, math.MaxUint32),
			set: func(r *reader, to *walkShape, n *node) { to.seed, _ = r.whole(n, 0, math.MaxUint32) }},
	}
}

func setWalk(r *reader, to *course, n *node) {
	var s walkShape
	before := len(r.errs)
	read(r, n, "random-walk", walkFields(), &s)
	if len(r.errs) == before && !(s.least <= s.start && s.start <= s.most && s.step >= 0) {
		r.fail(n, "random-walk: want min <= start <= max, and a step that is not negative")
	}
	to.addCurve(n, func(every time.Duration) func(time.Duration) float64 {
		w := walk{start: s.start, step: s.step, least: s.least, most: s.most, seed: s.seed, every: every}
		return w.at
	}, s.least, s.most)
}

func setReplay(r *reader, to *course, n *node) {
	rec := recording{repeat: true}
	read(r, n, "csv", recordingFields(), &rec)
	to.add(n, func(r *reader, def *model.Resource, every time.Duration) (Course, bool) {
		return r.replay(rec, def, every)
	})
}
