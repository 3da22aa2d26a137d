package registration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/golden"
	"github.com/lwm2m-go/lwm2m/model"
)

// TestTranscripts plays the inputs in testdata/*.txt and compares what the
// Machine does with what the files say.
//
// Inputs are lines that begin with the time and a verb:
//
//	config KEY=VALUE...      first line, without time
//	+0.000s start|stop|abort|pause|resume|doze|wake|objects|trigger|wait
//	+0.000s link up|link up fresh|link down REASON
//	+0.000s lifetime 60s|lifetime infinite|binding UT|retry count=2...
//	+0.000s <- [#ID] CODE [/location] [max-age=30s] ["diagnostic"]
//	+0.000s timeout|fail REASON    of the outstanding request
//	+0.000s live             let time pass; Updates are answered
//	+0.000s sleep 1000s      nobody looks at the clock until then
//
// "expire" lines, requests, events and states ("= registered") are outputs.
func TestTranscripts(t *testing.T) {
	golden.Play(t, "testdata/*.txt", play)
}

// epoch is the time +0.000s of all tests.
var epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

type player struct {
	t     *testing.T
	m     Machine
	out   bytes.Buffer
	state State
}

func play(t *testing.T, script string) []byte {
	p := &player{t: t, m: New("a", &Config{})}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "config"):
			p.m = New("a", parseConfig(t, strings.Fields(line)[1:]))
			fallthrough
		case line == "" || line[0] == '#':
			fmt.Fprintln(&p.out, line)
		case line[0] == '+':
			clock, input, _ := strings.Cut(line, " ")
			offset, err := time.ParseDuration(clock[1:])
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if input != "expire" && !strings.HasPrefix(input, "(live)") {
				p.input(epoch.Add(offset), input)
			}
		}
	}
	return p.out.Bytes()
}

func parseConfig(t *testing.T, settings []string) *Config {
	c := &Config{}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		switch key {
		case "version":
			v, err := model.ParseVersion(value)
			if err != nil {
				t.Fatal(err)
			}
			c.Version = v
		case "lifetime":
			c.Lifetime = parseLifetime(t, value)
		case "min-version":
			v, err := model.ParseVersion(value)
			if err != nil {
				t.Fatal(err)
			}
			c.MinVersion = v
		case "min-lifetime":
			c.MinLifetime = parseDuration(t, value)
		case "period":
			c.UpdatePeriod = parseDuration(t, value)
		case "binding":
			c.Binding = value
		case "queue":
			c.QueueMode = true
		case "sms":
			c.SMS = value
		case "extra":
			c.ExtraQueries = strings.Split(value, "&")
		case "count":
			c.Retry.Count = parseInt(t, value)
		case "timer":
			c.Retry.Timer = parseDuration(t, value)
		case "delay":
			if c.Retry.SequenceDelay = Never; value != "never" {
				c.Retry.SequenceDelay = parseDuration(t, value)
			}
		case "sequences":
			c.Retry.Sequences = parseInt(t, value)
		default:
			t.Fatalf("unknown setting %q", s)
		}
	}
	return c
}

func parseLifetime(t *testing.T, s string) time.Duration {
	if s == "infinite" {
		return Infinite
	}
	return parseDuration(t, s)
}

func parseDuration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func parseInt(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *player) input(now time.Time, input string) {
	p.advance(now, input == "live")
	fmt.Fprintf(&p.out, "%s %s\n", clock(now), input)
	verb, rest, _ := strings.Cut(input, " ")
	switch verb {
	case "start":
		p.m.Start(now)
	case "stop":
		p.m.Stop(now)
	case "abort":
		p.m.Abort(now)
	case "pause":
		p.m.Pause(now)
	case "resume":
		p.m.Resume(now)
	case "doze":
		p.m.Sleep(now)
	case "wake":
		p.m.Wake(now)
	case "objects":
		p.m.ObjectsChanged(now)
	case "trigger":
		fmt.Fprintf(&p.out, "    trigger %d\n", p.m.Trigger(now))
	case "lifetime":
		p.m.LifetimeChanged(now, parseLifetime(p.t, rest))
	case "binding":
		p.m.BindingChanged(now, rest)
	case "retry":
		p.m.RetryChanged(parseConfig(p.t, strings.Fields(rest)).Retry)
	case "link":
		p.link(now, rest)
	case "<-":
		p.answer(now, strings.Fields(rest))
	case "timeout":
		p.m.Failed(now, p.m.outstanding, errTimeout)
	case "fail":
		p.m.Failed(now, p.m.outstanding, errors.New(rest))
	case "sleep":
		p.m.Expire(epoch.Add(parseDuration(p.t, rest)))
	case "wait", "live":
	default:
		p.t.Fatalf("unknown input %q", input)
	}
	p.drain()
}

// errTimeout is a timeout as the net package has it.
var errTimeout error = os.ErrDeadlineExceeded

func (p *player) link(now time.Time, how string) {
	switch reason, down := strings.CutPrefix(how, "down "); {
	case how == "up":
		p.m.LinkUp(now, false)
	case how == "up fresh":
		p.m.LinkUp(now, true)
	case down:
		p.m.LinkDown(now, errors.New(reason))
	default:
		p.t.Fatalf("unknown input %q", "link "+how)
	}
}

func (p *player) answer(now time.Time, fields []string) {
	id := p.m.outstanding
	var a Answer
	for _, f := range fields {
		switch {
		case f[0] == '#':
			id = uint32(parseInt(p.t, f[1:]))
		case f[0] == '/':
			a.Location = strings.Split(f[1:], "/")
			for i, s := range a.Location {
				a.Location[i] = strings.ReplaceAll(s, "%2F", "/")
			}
		case f[0] == '"':
			a.Diagnostic = strings.Trim(f, `"`)
		case strings.HasPrefix(f, "max-age="):
			a.MaxAge = parseDuration(p.t, f[len("max-age="):])
		default:
			a.Code = model.Code(parseInt(p.t, f[:1])<<5 | parseInt(p.t, f[2:]))
		}
	}
	p.m.Response(now, id, a)
}

// advance lets the deadlines before now, and at it, expire.
func (p *player) advance(now time.Time, live bool) {
	for {
		d := p.m.Deadline()
		if d.IsZero() || d.After(now) {
			return
		}
		fmt.Fprintf(&p.out, "%s expire\n", clock(d))
		p.m.Expire(d)
		p.drain()
		if live && p.m.State() == StateUpdating {
			d = d.Add(50 * time.Millisecond)
			fmt.Fprintf(&p.out, "%s (live) <- 2.04\n", clock(d))
			p.m.Response(d, p.m.outstanding, Answer{Code: model.Changed})
			p.drain()
		}
	}
}

// drain writes down what the Machine wants done.
func (p *player) drain() {
	for _, a := range p.m.Actions() {
		fmt.Fprintf(&p.out, "    %s\n", describe(a))
	}
	if p.state != p.m.State() {
		p.state = p.m.State()
		fmt.Fprintf(&p.out, "    = %s\n", p.state)
	}
}

func describe(a Action) string {
	switch a := a.(type) {
	case Connect:
		if a.Anew {
			return "connect anew"
		}
		return "connect"
	case Close:
		return "close"
	case Suspend:
		return "suspend"
	case Cancel:
		return fmt.Sprintf("cancel #%d", a.ID)
	case Request:
		return describeRequest(a)
	case Event:
		return describeEvent(a)
	}
	return fmt.Sprintf("%T?", a)
}

func describeRequest(r Request) string {
	method := "POST"
	if r.Kind == Deregister {
		method = "DELETE"
	}
	s := fmt.Sprintf("-> #%d %s ", r.ID, method)
	for _, segment := range r.Path {
		s += "/" + strings.ReplaceAll(segment, "/", "%2F")
	}
	if len(r.Queries) > 0 {
		s += "?" + strings.Join(r.Queries, "&")
	}
	if r.WithObjects {
		s += " [objects]"
	}
	return s
}

func describeEvent(e Event) string {
	s := "event " + e.Kind.String()
	if e.Attempt != 0 {
		s += fmt.Sprintf(" attempt=%d", e.Attempt)
	}
	if e.Served != 0 {
		s += fmt.Sprintf(" served=%d", e.Served)
	}
	if !e.Next.IsZero() {
		s += " next=" + clock(e.Next)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// clock is the time since epoch, such as "+0.100s".
func clock(t time.Time) string { return fmt.Sprintf("+%.3fs", t.Sub(epoch).Seconds()) }
