package observe

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// String describes the attribute and its source, such as "pmin=10 (/3303/0)".
func (x InForce) String() string {
	s := x.Attribute.Name() + "=" + strconv.FormatFloat(x.Value, 'f', -1, 64)
	switch x.Source {
	case FromPath:
		s += " (" + x.Path.String()
	case FromRequest:
		s += " (from the request"
	default:
		s += " (default of the account"
	}
	if x.Ignored {
		s += ", ignored"
	}
	return s + ")"
}

// String describes the path in lines that begin with two blanks, each with its end.
func (p PathExplanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %v: ", p.Path)
	if len(p.Attributes) == 0 {
		b.WriteString("no attributes")
	}
	for i, a := range p.Attributes {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.String())
	}
	b.WriteByte('\n')
	switch {
	case p.Last.IsZero() && !p.Held:
	case p.Held:
		fmt.Fprintf(&b, "    told last: %v; going to %v meets none of%s\n", p.Last, p.Seen, p.thresholds())
	case p.Last.Equal(p.Seen):
		fmt.Fprintf(&b, "    told last: %v\n", p.Last)
	default:
		fmt.Fprintf(&b, "    told last: %v, seen last: %v\n", p.Last, p.Seen)
	}
	return b.String()
}

// thresholds are the thresholds in force, such as " gt=25 st=1".
func (p PathExplanation) thresholds() string {
	var s string
	for _, a := range p.Attributes {
		if a.Attribute.IsThreshold() {
			s += " " + a.Attribute.Name() + "=" + strconv.FormatFloat(a.Value, 'f', -1, 64)
		}
	}
	return s
}

// String describes the observation in some lines, without an end of line after the last.
func (x Explanation) String() string {
	var b strings.Builder
	what := "observes"
	if x.Composite {
		what = "observes together"
	}
	fmt.Fprintf(&b, "server %d %s", x.Server, what)
	for i, p := range x.Paths {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(" " + p.Path.String())
	}
	fmt.Fprintf(&b, ": %s\n", x.reason())
	for _, p := range x.Paths {
		b.WriteString(p.String())
	}
	if !x.LastSent.IsZero() {
		fmt.Fprintf(&b, "  last notification %v ago", x.round(x.Now.Sub(x.LastSent)))
		if x.Lost {
			b.WriteString(", which did not arrive")
		}
		b.WriteByte('\n')
	}
	if x.Backlog > 0 || x.Unreachable {
		fmt.Fprintf(&b, "  kept for the server: %d of at most %d\n", x.Backlog, x.BacklogLimit)
	}
	b.WriteString("  next notification, ")
	if x.Confirmable {
		b.WriteString("confirmable, ")
	}
	b.WriteString(x.next())
	return b.String()
}

// reason says in a few words why nothing is being sent.
func (x Explanation) reason() string {
	switch x.Wait {
	case ForChange:
		return "nothing changed"
	case ForThreshold:
		return "changed, but no threshold is met"
	case ForMinPeriod, ForMinEvalPeriod:
		return fmt.Sprintf("changed, %v left of %v", x.round(x.waiting().Sub(x.Now)), x.Wait)
	case ForValues:
		return "being read and sent"
	case ForAcknowledgement:
		return "waits for an acknowledgement"
	case ForRight:
		return "the server may not read it"
	case ForServer:
		if x.Unreachable {
			return "the server is out of reach"
		}
		return "the server did not answer"
	}
	return "due now"
}

// waiting is when the first path that waits for the same as the observation is ready.
func (x Explanation) waiting() (ready time.Time) {
	for _, p := range x.Paths {
		if p.Wait == x.Wait {
			ready = earliest(ready, p.Ready)
		}
	}
	return ready
}

// next says when the next notification may or must be sent.
func (x Explanation) next() string {
	switch {
	case x.Earliest.IsZero():
		return "after the first one"
	case x.Wait == ForRight:
		return "when the server may read it"
	case x.Unreachable && x.BacklogLimit == 0:
		return "when the server is back"
	}
	s := "with a change"
	if x.Earliest.After(x.Now) {
		s = fmt.Sprintf("with a change, in %v at the earliest", x.round(x.Earliest.Sub(x.Now)))
	}
	if x.Wait == ForServer && !x.Unreachable {
		s += ", or when the server is heard"
	}
	if !x.Latest.IsZero() {
		s += fmt.Sprintf("; without a change in %v", x.round(max(x.Latest.Sub(x.Now), 0)))
	}
	return s
}

func (Explanation) round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
