package observe

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// Wait is why an observation, or one of its paths, is not being notified.
type Wait uint8

// What there is to wait for. Of a path it is one of the first four or ForNothing.
const (
	ForChange          Wait = iota // nothing changed, as far as was told
	ForThreshold                   // something changed, but met none of gt, lt, st, edge
	ForMinPeriod                   // something changed, pmin has not passed
	ForMinEvalPeriod               // something changed, epmin has not passed
	ForValues                      // the values are being read or sent
	ForAcknowledgement             // the last notification is confirmable and not acknowledged yet
	ForServer                      // the Server is out of reach, or did not acknowledge the last one
	ForRight                       // the Server may not read what it observes
	ForNothing                     // it is due
)

// String describes what there is to wait for.
func (w Wait) String() string {
	return [...]string{"a change", "a threshold", "pmin", "epmin", "the values", "an acknowledgement", "the server", "the right to read", "nothing"}[min(w, ForNothing)]
}

// Source is where an attribute in force comes from.
type Source uint8

// The sources of attributes.
const (
	FromPath    Source = iota // attached to a path by Write-Attributes
	FromRequest               // given with the Observe
	FromAccount               // a default in the Server Object
)

// InForce is an attribute in force.
type InForce struct {
	Attribute model.Attribute
	Value     float64
	Source    Source
	Path      model.Path // to which it is attached, with FromPath
	Ignored   bool       // without effect: pmax of 0 or below pmin, epmax of 0 or not above epmin
}

// PathExplanation is the part of an [Explanation] about one observed path.
type PathExplanation struct {
	Path       model.Path
	Attributes []InForce
	Last       model.Value // sent last; zero if it was not a single number, Boolean or Objlnk
	Seen       model.Value // current, or else evaluated last; likewise
	Held       bool        // what was seen differs from what was sent, but meets no threshold
	Wait       Wait        // for what a change of this path waits
	Ready      time.Time   // from when on a change of this path may be told; it may have passed
}

// Explanation says of an observation why nothing is being sent, and when something may
// or must be.
type Explanation struct {
	Now          time.Time
	Server       uint16
	Composite    bool
	Paths        []PathExplanation
	Wait         Wait
	LastSent     time.Time // zero: not even the response
	Unreachable  bool      // the Server is out of reach
	Lost         bool      // the last notification did not reach the Server
	Backlog      int       // records that are kept, see [Backlog]
	BacklogLimit int       // how many are kept at most
	Confirmable  bool      // the next notification will be
	Earliest     time.Time // a change is not told before; it may have passed
	Latest       time.Time // pmax, when something is told even without a change; zero: never
}

// Explain explains an observation. current are the values that are there now; without
// them it is not known whether a change that waits for pmin meets the thresholds.
func (e *Engine[T]) Explain(now time.Time, o *Observation[T], current []format.Node) Explanation {
	s := e.known(o.Server)
	x := Explanation{
		Now: now, Server: o.Server, Composite: o.Composite, LastSent: o.sentAt,
		Unreachable: s.unreachable && !s.asleep, Lost: o.lost, Backlog: o.Backlog.Len(), BacklogLimit: e.capacity(o, s),
		Confirmable: o.MustConfirm(now),
	}
	for i := range o.components {
		p := e.explainPath(now, o, i, current)
		x.Paths = append(x.Paths, p)
		x.Wait = max(x.Wait, p.Wait)
		x.Earliest = earliest(x.Earliest, p.Ready)
	}
	if o.sentAt.IsZero() {
		x.Earliest = time.Time{}
	} else if !e.isPaused(o) {
		x.Latest = o.overdue()
	}
	switch {
	case o.phase == awaiting:
		x.Wait = ForAcknowledgement
	case o.phase != idle:
		x.Wait = ForValues
	case o.withheld:
		x.Wait = ForRight
	case s.unreachable && !s.asleep, o.stalled:
		x.Wait = ForServer
	case o.index >= 0 && !now.Before(o.due):
		x.Wait = ForNothing
	}
	return x
}

// ExplainPath explains all observations that a change at a path concerns, the
// oldest first. read gives the current values of an observation; nil if they are not
// known.
func (e *Engine[T]) ExplainPath(now time.Time, p model.Path, read func(*Observation[T]) []format.Node) []Explanation {
	var concerned []*Observation[T]
	for x := range e.index.affected(p) {
		if !slices.Contains(concerned, x.observation) {
			concerned = append(concerned, x.observation)
		}
	}
	bySerial(concerned)
	var all []Explanation
	for _, o := range concerned {
		var current []format.Node
		if read != nil {
			current = read(o)
		}
		all = append(all, e.Explain(now, o, current))
	}
	return all
}

func (e *Engine[T]) explainPath(now time.Time, o *Observation[T], i int, current []format.Node) PathExplanation {
	c := o.components[i]
	p := PathExplanation{Path: o.Paths[i], Attributes: e.inForce(o, i), Last: c.last, Ready: o.ready(&c)}
	changed := c.pending || c.again
	if current != nil && !o.sentAt.IsZero() {
		c.evaluate(e.Crossing, e.content(o.Paths[i], current))
	}
	p.Seen, p.Held = c.seen, c.held
	switch {
	case changed && now.Before(o.sentAt.Add(c.period(model.MinPeriod))):
		p.Wait = ForMinPeriod
	case changed && now.Before(p.Ready):
		p.Wait = ForMinEvalPeriod
	case changed:
		p.Wait = ForNothing
	case c.held:
		p.Wait = ForThreshold
	}
	return p
}

// inForce lists the attributes of a path with their sources.
func (e *Engine[T]) inForce(o *Observation[T], i int) []InForce {
	c := &o.components[i]
	var list []InForce
	for attr := model.MinPeriod; attr <= model.MaxHistory; attr++ {
		v, ok := c.attributes.Get(attr)
		if !ok {
			continue
		}
		x := InForce{Attribute: attr, Value: v}
		x.Source, x.Path = e.source(o, o.Paths[i], attr)
		switch attr {
		case model.MaxPeriod:
			x.Ignored = c.maxPeriod() == 0
		case model.MaxEvalPeriod:
			x.Ignored = c.maxEvaluation() == 0
		}
		list = append(list, x)
	}
	return list
}

// source finds where an attribute in force at a path comes from.
func (e *Engine[T]) source(o *Observation[T], p model.Path, attr model.Attribute) (Source, model.Path) {
	if o.HasOwn {
		if o.Attributes.Has(attr) {
			return FromRequest, model.Path{}
		}
		return FromAccount, model.Path{}
	}
	for depth := p.Depth(); depth > 0; depth-- {
		if level := p.Prefix(depth); e.Attributes.Own(o.Server, level).Has(attr) {
			return FromPath, level
		}
	}
	return FromAccount, model.Path{}
}
