package observe

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// TestTranscripts plays the inputs in testdata/*.txt and compares what the Engine
// does with what the files say. Inputs are lines that begin with the time; the
// lines below them are outputs.
//
//	+0.000s observe SERVER TOKEN PATH...   several paths: Observe-Composite
//	+0.000s cancel SERVER TOKEN
//	+0.000s cancel SERVER                  all of a Server
//	+0.000s changed PATH...
//	+0.000s removed PATH...
//	+0.000s notify                         send what is due, confirmable if need be
//	+0.000s notify con                     the same, all confirmable
//	+0.000s take                           begin to send what is due
//	+0.000s slow SERVER TOKEN PATH...      observe, the response takes its time
//	+0.000s sent SERVER TOKEN              ends take or slow
//	+0.000s ack|lost SERVER TOKEN
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			} else if !bytes.Equal(got, want) {
				t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
			}
		})
	}
}

// epoch is the time +0.000s of all tests.
var epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

type player struct {
	t      *testing.T
	engine Engine[string]
	out    bytes.Buffer
}

func play(t *testing.T, script string) []byte {
	p := &player{t: t}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#':
			fmt.Fprintln(&p.out, line)
		case line[0] == '+':
			fmt.Fprintln(&p.out, line)
			fields := strings.Fields(line)
			offset, err := time.ParseDuration(fields[0][1:])
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			p.input(epoch.Add(offset), fields[1], fields[2:])
		}
	}
	return p.out.Bytes()
}

func (p *player) printf(format string, args ...any) { fmt.Fprintf(&p.out, "    "+format+"\n", args...) }

func (p *player) input(now time.Time, verb string, args []string) {
	switch verb {
	case "observe", "slow":
		r := Request[string]{Server: p.server(args), Token: args[1], Paths: paths(p.t, args[2:]...), Composite: len(args) > 3}
		o := p.engine.Add(now, r)
		p.printf("%d#%s <- 2.05 observe=%d", o.Server, o.Token, o.Sequence())
		if verb == "observe" {
			p.engine.Sent(now, o, false)
		}
		p.printf("observations: %d", p.engine.Len())
	case "cancel":
		if len(args) == 1 {
			p.printf("cancelled: %d", len(p.engine.CancelServer(p.server(args))))
		} else {
			p.printf("cancelled: %t", p.engine.Cancel(p.server(args), args[1]))
		}
	case "changed":
		p.engine.Changed(now, paths(p.t, args...))
	case "removed":
		for _, o := range p.engine.Removed(now, paths(p.t, args...)) {
			p.printf("%d#%s <- 4.04", o.Server, o.Token)
		}
	case "notify", "take":
		p.notify(now, verb == "notify", len(args) > 0)
	case "sent":
		p.engine.Sent(now, p.find(args), false)
	case "ack":
		p.engine.Acknowledged(now, p.find(args))
	case "lost":
		p.engine.Unacknowledged(now, p.find(args))
	default:
		p.t.Fatalf("unknown input %q", verb)
	}
	if d := p.engine.Deadline(); !d.IsZero() {
		p.printf("deadline +%.3fs", d.Sub(epoch).Seconds())
	}
}

func (p *player) notify(now time.Time, send, confirmable bool) {
	for _, o := range p.engine.Due(now, nil) {
		kind := "NON"
		if confirmable || o.MustConfirm(now) {
			kind = "CON"
		}
		p.printf("%d#%s <- %s 2.05 observe=%d %v", o.Server, o.Token, kind, o.Sequence(), o.Paths)
		if send {
			p.engine.Sent(now, o, kind == "CON")
		}
	}
}

func (p *player) server(args []string) uint16 {
	n, err := strconv.ParseUint(args[0], 10, 16)
	if err != nil {
		p.t.Fatal(err)
	}
	return uint16(n)
}

func (p *player) find(args []string) *Observation[string] {
	o := p.engine.Find(p.server(args), args[1])
	if o == nil {
		p.t.Fatalf("no observation %v", args)
	}
	return o
}

// What is told of an observation after it was cancelled changes nothing.
func TestAfterCancel(t *testing.T) {
	var e Engine[string]
	o := e.Add(epoch, Request[string]{Server: 1, Token: "a", Paths: paths(t, "/3/0")})
	e.Sent(epoch, o, false)
	e.Changed(epoch, o.Paths)
	due := e.Due(epoch, nil)
	e.Cancel(1, "a")
	e.Sent(epoch, due[0], true)
	e.Acknowledged(epoch, due[0])
	e.Unacknowledged(epoch, due[0])
	e.Changed(epoch, o.Paths)
	if !o.IsRemoved() || e.Len() != 0 || !e.Deadline().IsZero() || len(e.Due(epoch, nil)) != 0 || o.Sequence() != 1 {
		t.Errorf("cancelled observation lives on: %+v", o)
	}
}

// The sequence is one of 24 bits.
func TestSequenceWrapsAround(t *testing.T) {
	var e Engine[string]
	o := e.Add(epoch, Request[string]{Server: 1, Token: "a", Paths: paths(t, "/3/0")})
	o.sequence = 1<<24 - 1
	e.Sent(epoch, o, false)
	if o.Sequence() != 0 {
		t.Errorf("sequence %d after 2^24 - 1, want 0", o.Sequence())
	}
}

func TestIsObserved(t *testing.T) {
	var e Engine[string]
	if e.IsObserved(path(t, "/3/0/9")) {
		t.Error("observed without observations")
	}
	e.Add(epoch, Request[string]{Server: 1, Token: "a", Paths: paths(t, "/3/0/9")})
	e.Add(epoch, Request[string]{Server: 1, Token: "b", Paths: paths(t, "/3303", "/4/0/1"), Composite: true})
	for p, want := range map[string]bool{
		"/": true, "/3": true, "/3/0": true, "/3/0/9": true, "/3/0/9/1": true,
		"/3/0/8": false, "/3/0/10": false, "/3/1": false, "/3/1/9": false,
		"/3303/7/5700": true, "/330": false, "/33030": false,
		"/4/0/1": true, "/4/0/0": false, "/4": true, "/5": false,
	} {
		if got := e.IsObserved(path(t, p)); got != want {
			t.Errorf("%s: %t, want %t", p, got, want)
		}
	}
}
