package devicefile

import (
	"strconv"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Setting is what a file says about one Resource.
type Setting struct {
	Path lwm2m.Path
	// Values are those at first: one with Path itself, or those of a Multiple-Instance Resource with the paths of
	// their Resource Instances.
	Values []lwm2m.Sample
	// History is how many samples the Resource keeps; zero for none.
	History int
	// Line and Column are where the file says it.
	Line, Column int
}

// defaultEvery is the time between two samples.
const defaultEvery = 5 * time.Second

// leastEvery is the shortest time between two samples.
const leastEvery = 10 * time.Millisecond

// course is a mapping that says how the value of a Resource changes.
type course struct {
	value   *node
	history int
	every   time.Duration
	shapes  []func(r *reader, def *model.Resource, every time.Duration) (Course, bool)
	where   *node // of the last shape
}

const maxHistory = 1_000_000

func courseFields() []field[course] {
	return append([]field[course]{
		{name: "value", about: "The value at first, which only servers and the shell change.", schema: valueSchema(),
			set: func(_ *reader, to *course, n *node) { to.value = n }},
		{name: "history", about: "How many values are kept, each with its time, until servers have them.", schema: wholeSchema(1, maxHistory),
			set: func(r *reader, to *course, n *node) {
				v, _ := r.whole(n, 1, maxHistory)
				to.history = int(v)
			}},
		{name: "every", about: "Time between two values that change by themselves. Default: 5s.", schema: durationSchema(),
			set: func(r *reader, to *course, n *node) {
				if d, ok := r.duration(n, leastEvery); ok {
					to.every = d
				}
			}},
	}, shapeFields()...)
}

// shapeFields are the courses that a value can take.
func shapeFields() []field[course] {
	return []field[course]{
		{name: "constant", about: "The same value, set again and again.", schema: scalarSchema(), set: setConstant},
		{name: "ramp", about: "From one number to another, in a time.", schema: mappingSchema(rampFields()), set: setRamp},
		{name: "sine", about: "Swings around a mean.", schema: mappingSchema(sineFields()), set: setSine},
		{name: "random-walk", about: "A random step up or down with each value; the same for the same seed.",
			schema: mappingSchema(walkFields()), set: setWalk},
		{name: "csv", about: "Values out of a file.", schema: mappingSchema(recordingFields()), set: setReplay},
	}
}

func (c *course) add(n *node, shape func(r *reader, def *model.Resource, every time.Duration) (Course, bool)) {
	c.shapes, c.where = append(c.shapes, shape), n
}

// addCurve adds a course of numbers, with those that it has at its extremes.
func (c *course) addCurve(n *node, at func(every time.Duration) func(time.Duration) float64, extremes ...float64) {
	c.add(n, func(r *reader, def *model.Resource, every time.Duration) (Course, bool) {
		if !def.Kind.IsNumeric() {
			r.fail(n, "%s is %v; a course of numbers is for numbers", def.Name, def.Kind)
			return nil, false
		}
		for _, extreme := range extremes {
			if def.Kind == model.Unsigned && extreme < 0 {
				r.fail(n, "%s: the course goes to %v, but there are no negative values", def.Name, extreme)
				return nil, false
			}
			if err := def.Check(numeric(def.Kind, extreme)); err != nil {
				r.fail(n, "the course goes to %v: %v", extreme, err)
				return nil, false
			}
		}
		return curve{def.Kind, at(every)}, true
	})
}

// resource reads what a file says about a Resource: a value, or several by list or by the IDs of the Resource
// Instances, or how it is to change.
func (r *reader) resource(p lwm2m.Path, def *model.Resource, n, key *node, to *File) {
	setting := Setting{Path: p, Line: key.line, Column: key.column}
	switch {
	case def.Kind == model.None:
		r.fail(key, "%s can be executed; it has no value", def.Name)
		return
	case n.shape == mapping && !isItems(n):
		c := course{every: defaultEvery}
		before := len(r.errs)
		read(r, n, def.Name, courseFields(), &c)
		if len(r.errs) > before {
			return
		}
		setting.History = c.history
		r.course(&setting, &c, def, n, to)
	default:
		setting.Values = r.values(p, def, n)
	}
	to.Settings = append(to.Settings, setting)
}

// isItems reports whether a mapping has the IDs of Resource Instances as keys.
func isItems(n *node) bool {
	if len(n.entries) == 0 {
		return true
	}
	for _, e := range n.entries {
		if _, err := strconv.Atoi(e.key.text); err == nil {
			return true
		}
	}
	return false
}

// course takes over a mapping of course fields.
func (r *reader) course(setting *Setting, c *course, def *model.Resource, n *node, to *File) {
	switch {
	case len(c.shapes) > 1:
		r.fail(c.where, "%s: a value has one course; there are %d here", def.Name, len(c.shapes))
	case len(c.shapes) == 1 && c.value != nil:
		r.fail(c.value, "%s: the course says what the value is; leave out the other", def.Name)
	case c.value != nil:
		setting.Values = r.values(setting.Path, def, c.value)
	case len(c.shapes) == 1 && def.Multiple:
		r.fail(n, "%s: a course is for a Resource with one value, and this one has Resource Instances", def.Name)
	case len(c.shapes) == 1:
		if built, ok := c.shapes[0](r, def, c.every); ok {
			setting.Values = []lwm2m.Sample{{Path: setting.Path, Value: built.At(0)}}
			to.Simulated = append(to.Simulated, Simulated{Path: setting.Path, Course: built, Every: c.every})
		}
	}
}

// values reads one value, or those of Resource Instances.
func (r *reader) values(p lwm2m.Path, def *model.Resource, n *node) (values []lwm2m.Sample) {
	add := func(p lwm2m.Path, n *node) {
		if v, ok := r.value(n, def); ok {
			values = append(values, lwm2m.Sample{Path: p, Value: v})
		}
	}
	switch {
	case n.shape == empty:
		r.fail(n, "%s: the value is missing", def.Name)
	case !def.Multiple && n.shape != scalar:
		r.fail(n, "%s: want one value, have %v: the Resource has no Resource Instances", def.Name, n.shape)
	case n.shape == sequence:
		for i, item := range n.items {
			if i >= int(model.MaxID) {
				break
			}
			add(p.Child(uint16(i)), item)
		}
	case n.shape == mapping:
		for _, e := range n.entries {
			if id, ok := r.id(e.key, "a Resource Instance"); ok {
				add(p.Child(id), e.value)
			}
		}
	case def.Multiple:
		add(p.Child(0), n)
	default:
		add(p, n)
	}
	return values
}

// id reads the number of an instance.
func (r *reader) id(n *node, what string) (uint16, bool) {
	id, err := strconv.ParseUint(n.text, 10, 16)
	if err != nil || id >= uint64(model.MaxID) {
		r.fail(n, "%s: want the number of %s, of 0 to %d", quoted(n.text), what, model.MaxID-1)
		return 0, false
	}
	return uint16(id), true
}

// scalarSchema is that of any one value, and valueSchema that of one or several.
func scalarSchema() schema { return schema{"type": []string{"string", "number", "boolean"}} }

func valueSchema() schema {
	return schema{"anyOf": []schema{
		scalarSchema(),
		{"type": "array", "items": scalarSchema()},
		itemsSchema(),
	}}
}

func itemsSchema() schema {
	return schema{"type": "object", "propertyNames": schema{"pattern": "^[0-9]+$"}, "additionalProperties": scalarSchema()}
}

// resourceSchema is that of all that a file says about a Resource.
func resourceSchema() schema {
	return schema{"anyOf": []schema{valueSchema(), mappingSchema(courseFields())}}
}

// entryNamed finds a Resource or an Object by name or number among those that there are; what is what it is called.
func (r *reader) entryNamed(n *node, what string, ids map[string]uint16) (uint16, bool) {
	if id, err := strconv.ParseUint(n.text, 10, 16); err == nil {
		return uint16(id), true
	}
	var known []string
	wanted := plain(n.text)
	for name, id := range ids {
		if p := plain(name); p == wanted || p == "lwm2m"+wanted {
			return id, true
		}
		known = append(known, strings.TrimPrefix(name, "LwM2M "))
	}
	r.fail(n, "no %s is named %q%s", what, n.text, suggest(n.text, sorted(known)))
	return 0, false
}
