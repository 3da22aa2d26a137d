package observe

import (
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Wait is why an observation, or one of its paths, is not being notified.
type Wait uint8

// What there is to wait for. The first four are about a path, the others about a whole
// observation.
const (
	ForChange          Wait = iota // nothing changed
	ForThreshold                   // something changed, but met none of gt, lt, st, edge
	ForMinPeriod                   // something changed, pmin has not passed
	ForMinEvalPeriod               // something changed, epmin has not passed
	ForValues                      // the values are being read or sent
	ForAcknowledgement             // the last notification is confirmable and not acknowledged yet
	ForServer                      // the Server cannot be reached, or did not acknowledge the last one
	ForNothing                     // a notification is due
)

// Source is where an attribute in force comes from.
type Source uint8

// The sources of attributes.
const (
	FromPath    Source = iota // attached by Write-Attributes
	FromRequest               // given with the Observe
	FromAccount               // a default in the Server Object
)

// InForce is an attribute in force.
type InForce struct {
	Attribute model.Attribute
	Value     float64
	Source    Source
	Path      model.Path // to which it is attached, with FromPath
	Ignored   bool       // it has no effect: pmax of 0 or below pmin, epmax of 0 or not above epmin
}

// PathExplanation is the part of an [Explanation] about one observed path.
type PathExplanation struct {
	Path       model.Path
	Attributes []InForce
	Last       model.Value // sent last; zero if it was not a single number, Boolean or Objlnk
	Seen       model.Value // evaluated last, likewise
	Wait       Wait
	// Ready is from when on a change of this path may be told.
	Ready time.Time
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
	Unreachable  bool      // the Server
	Lost         bool      // the last notification did not reach the Server
	Backlog      int       // records kept, see [Backlog]
	BacklogLimit int       // how many may be
	Confirmable  bool      // the next notification is
	Earliest     time.Time // the next notification comes not before this; zero: unknown
	Latest       time.Time // and not later than this, pmax; zero: never without a change
}

// Explain explains an observation.
func (e *Engine[T]) Explain(now time.Time, o *Observation[T]) Explanation {
	s := e.known(o.Server)
	x := Explanation{
		Now: now, Server: o.Server, Composite: o.Composite, LastSent: o.sentAt,
		Unreachable: s.unreachable, Lost: o.lost, Backlog: o.Backlog.Len(), BacklogLimit: e.capacity(o, s),
		Confirmable: o.MustConfirm(now),
	}
	for i := range o.components {
		x.Paths = append(x.Paths, e.explainPath(now, o, i))
	}
	return x
}

// ExplainPath explains all observations that a change at a path concerns, the
// oldest first.
func (e *Engine[T]) ExplainPath(now time.Time, p model.Path) []Explanation {
	return nil
}

func (e *Engine[T]) explainPath(now time.Time, o *Observation[T], i int) PathExplanation {
	return PathExplanation{Path: o.Paths[i]}
}
