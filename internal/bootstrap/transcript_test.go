package bootstrap

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
//	+0.000s start no-server|registration-failed|server|application
//	+0.000s stop|registered|wait
//	+0.000s link up|link down REASON
//	+0.000s <- [#ID] CODE [max-age=30s] ["diagnostic"]
//	+0.000s timeout          of the outstanding request
//	+0.000s command|finish
//	+0.000s judged ok|judged REASON
//
// "expire" lines, requests, other actions, events and states ("= session") are outputs.
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
			at, input, _ := strings.Cut(line, " ")
			if input != "expire" {
				p.input(epoch.Add(parseDuration(t, at[1:])), input)
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
		case "pack":
			c.Pack = true
		case "formats":
			c.Formats = []uint16{}
			for f := range strings.SplitSeq(value, ",") {
				c.Formats = append(c.Formats, uint16(parseInt(t, f)))
			}
		case "holdoff":
			c.HoldOff = parseDuration(t, value)
		case "account":
			c.AccountTimeout = parseDuration(t, value)
		case "retry":
			c.RetryTimer = parseDuration(t, value)
		case "longest":
			c.MaxRetryTimer = parseDuration(t, value)
		case "jitter": // takes away a part
			n := time.Duration(parseInt(t, value))
			c.Jitter = func(d time.Duration) time.Duration { return d - d/n }
		default:
			t.Fatalf("unknown setting %q", s)
		}
	}
	return c
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

var reasons = map[string]Reason{
	"no-server": NoServer, "registration-failed": RegistrationFailed, "server": ServerRequest, "application": Application,
}

func (p *player) input(now time.Time, input string) {
	p.advance(now)
	fmt.Fprintf(&p.out, "%s %s\n", clock(now), input)
	verb, rest, _ := strings.Cut(input, " ")
	switch verb {
	case "start":
		if reasons[rest] == 0 {
			p.t.Fatalf("unknown reason %q", rest)
		}
		p.m.Start(now, reasons[rest])
	case "stop":
		p.m.Stop()
	case "registered":
		p.m.Registered()
	case "link":
		if reason, down := strings.CutPrefix(rest, "down "); down {
			p.m.LinkDown(now, errors.New(reason))
		} else {
			p.m.LinkUp(now)
		}
	case "<-":
		p.answer(now, rest)
	case "timeout":
		p.m.Failed(now, p.m.outstanding, errTimeout)
	case "command":
		p.served(p.m.Command(now))
	case "finish":
		p.served(p.m.Finish())
	case "judged":
		var err error
		if rest != "ok" {
			err = &model.Error{Code: model.NotAcceptable, Reason: rest}
		}
		p.m.Judged(now, err)
	case "wait":
	default:
		p.t.Fatalf("unknown input %q", input)
	}
	p.drain()
}

// errTimeout is a timeout as the net package has it.
var errTimeout error = os.ErrDeadlineExceeded

func (p *player) served(ok bool) {
	if !ok {
		fmt.Fprintln(&p.out, "    not served")
	}
}

func (p *player) answer(now time.Time, text string) {
	id := p.m.outstanding
	var a Answer
	text, a.Diagnostic, _ = strings.Cut(text, ` "`)
	a.Diagnostic = strings.TrimSuffix(a.Diagnostic, `"`)
	for _, f := range strings.Fields(text) {
		switch {
		case f[0] == '#':
			id = uint32(parseInt(p.t, f[1:]))
		case strings.HasPrefix(f, "max-age="):
			a.MaxAge = parseDuration(p.t, f[len("max-age="):])
		default:
			a.Code = model.Code(parseInt(p.t, f[:1])<<5 | parseInt(p.t, f[2:]))
		}
	}
	p.m.Response(now, id, a)
}

// advance lets the deadlines before now, and at it, expire.
func (p *player) advance(now time.Time) {
	for {
		d := p.m.Deadline()
		if d.IsZero() || d.After(now) {
			return
		}
		fmt.Fprintf(&p.out, "%s expire\n", clock(d))
		p.m.Expire(d)
		p.drain()
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
	case Cancel:
		return fmt.Sprintf("cancel #%d", a.ID)
	case Judge:
		if a.Pack {
			return "judge pack"
		}
	case Request:
		return describeRequest(a)
	case Event:
		return describeEvent(a)
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", a), "bootstrap."))
}

func describeRequest(r Request) string {
	method := "POST"
	if r.Kind == BootstrapPackRequest {
		method = "GET"
	}
	s := fmt.Sprintf("-> #%d %s /%s", r.ID, method, strings.Join(r.Path, "/"))
	if len(r.Queries) > 0 {
		s += "?" + strings.Join(r.Queries, "&")
	}
	if r.Accept != 0 {
		s += fmt.Sprintf(" accept=%d", r.Accept)
	}
	return s
}

func describeEvent(e Event) string {
	s := fmt.Sprintf("event %v attempt=%d", e.Kind, e.Attempt)
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
