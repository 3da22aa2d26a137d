package registration

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/internal/golden"
)

// TestOrderTranscripts plays the inputs in testdata/order/*.txt and compares what the
// Order asks for with what the files say.
//
// Inputs are:
//
//	server ID [priority=1] [delay=10s] [block] [keep]   an account; keep: no bootstrap
//	fresh                                               they come from a bootstrap
//	+0.000s start|registered ID|failed ID REASON|wait
//
// "expire" lines and actions are outputs.
func TestOrderTranscripts(t *testing.T) {
	golden.Play(t, "testdata/order/*.txt", playOrder)
}

type orderPlayer struct {
	t        *testing.T
	accounts []Account
	fresh    bool
	order    Order
	out      bytes.Buffer
}

func playOrder(t *testing.T, script string) []byte {
	p := &orderPlayer{t: t}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#':
			fmt.Fprintln(&p.out, line)
		case line == "fresh":
			p.fresh = true
			fmt.Fprintln(&p.out, line)
		case strings.HasPrefix(line, "server "):
			p.accounts = append(p.accounts, parseAccount(t, strings.Fields(line)[1:]))
			fmt.Fprintln(&p.out, line)
		case line[0] == '+':
			at, input, _ := strings.Cut(line, " ")
			offset, err := time.ParseDuration(at[1:])
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if input != "expire" {
				p.input(epoch.Add(offset), input)
			}
		}
	}
	return p.out.Bytes()
}

func parseAccount(t *testing.T, fields []string) Account {
	a := Account{Server: uint16(parseInt(t, fields[0])), Bootstrap: true}
	for _, f := range fields[1:] {
		switch key, value, _ := strings.Cut(f, "="); key {
		case "priority":
			a.Priority, a.Ordered = uint32(parseInt(t, value)), true
		case "delay":
			a.InitialDelay = parseDuration(t, value)
		case "block":
			a.Block = true
		case "keep":
			a.Bootstrap = false
		default:
			t.Fatalf("unknown setting %q", f)
		}
	}
	return a
}

func (p *orderPlayer) input(now time.Time, input string) {
	for d := p.order.Deadline(); !d.IsZero() && !d.After(now); d = p.order.Deadline() {
		fmt.Fprintf(&p.out, "%s expire\n", clock(d))
		p.order.Expire(d)
		p.drain()
	}
	fmt.Fprintf(&p.out, "%s %s\n", clock(now), input)
	fields := strings.Fields(input)
	server := uint16(0)
	if len(fields) > 1 {
		server = uint16(parseInt(p.t, fields[1]))
	}
	switch fields[0] {
	case "start":
		p.order = NewOrder(p.accounts, p.fresh)
		p.order.Start(now)
	case "registered":
		p.order.Registered(now, server)
	case "failed":
		p.order.Failed(now, server, errors.New(strings.Join(fields[2:], " ")))
	case "wait":
	default:
		p.t.Fatalf("unknown input %q", input)
	}
	p.drain()
}

func (p *orderPlayer) drain() {
	for _, a := range p.order.Actions() {
		switch a := a.(type) {
		case Permit:
			fmt.Fprintf(&p.out, "    permit %d\n", a.Server)
		case Bootstrap:
			fmt.Fprintf(&p.out, "    bootstrap, because of %d: %v\n", a.Server, a.Err)
		}
	}
}

// TestOrderProperties drives Orders at random: nothing is permitted twice, or
// before the one that it waits for, and when all fail somebody is asked for help.
func TestOrderProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var accounts []Account
		for i := range rapid.IntRange(1, 4).Draw(t, "servers") {
			accounts = append(accounts, Account{
				Server: uint16(i + 1), Ordered: rapid.Bool().Draw(t, "ordered"),
				Priority:     rapid.Uint32Range(0, 2).Draw(t, "priority"),
				InitialDelay: time.Duration(rapid.IntRange(0, 2).Draw(t, "delay")) * time.Minute,
				Block:        rapid.Bool().Draw(t, "block"), Bootstrap: rapid.Bool().Draw(t, "bootstrap"),
			})
		}
		o := NewOrder(accounts, rapid.Bool().Draw(t, "fresh"))
		now, trying, asked := epoch, map[uint16]bool{}, 0
		obey := func() {
			for _, a := range o.Actions() {
				switch a := a.(type) {
				case Permit:
					if _, again := trying[a.Server]; again {
						t.Fatalf("server %d is permitted twice", a.Server)
					}
					trying[a.Server] = true
				case Bootstrap:
					asked++
				}
			}
		}
		o.Start(now)
		obey()
		for step := 0; ; step++ {
			if d := o.Deadline(); !d.IsZero() {
				if d.Before(now) {
					t.Fatalf("a deadline is over: %v", d)
				}
				now = d
				o.Expire(now)
				obey()
			}
			var next uint16
			for s := range uint16(len(accounts)) {
				if trying[s+1] {
					next = s + 1
				}
			}
			if next == 0 {
				break
			}
			trying[next] = false
			o.Failed(now, next, errTest)
			obey()
		}
		if !o.Deadline().IsZero() || asked == 0 {
			t.Fatalf("all failed: deadline %v, asked %d times for a bootstrap", o.Deadline(), asked)
		}
		for _, m := range o.members[:o.ordered] {
			if m.state == memberWaits && !o.members[o.head].Block {
				t.Fatalf("server %d never had its turn, and nobody blocks it", m.Server)
			}
		}
	})
}
