package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m"
)

func eventVerbs() []verb {
	return []verb{
		{
			name: "events", usage: "[NUM]", group: "events",
			about: "list the last events, 20 of them or NUM",
			run:   (*call).events,
		},
		{
			name: "wait", usage: "EVENT [TIMEOUT]", group: "events",
			about: "wait for an event, such as REGISTRATION_COMPLETE",
			more: `It looks at what has happened since the last command that acts (start, stop, write, ...), but for what an earlier wait has
found. TIMEOUT is in seconds, or such as 500ms; 60 seconds if it is left out.`,
			run: (*call).wait,
		},
	}
}

// eventData is an event for JSON.
type eventData struct {
	Event     string     `json:"event"`
	Time      time.Time  `json:"time"`
	Server    uint16     `json:"server,omitempty"`
	Path      string     `json:"path,omitempty"`
	Location  string     `json:"location,omitempty"`
	Handshake string     `json:"handshake,omitempty"`
	Attempt   int        `json:"attempt,omitempty"`
	Count     int        `json:"count,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Next      *time.Time `json:"next,omitempty"`
}

func dataOf(e lwm2m.Event) eventData {
	d := eventData{
		Event: e.Kind.String(), Time: e.Time, Server: e.Server, Location: e.Location,
		Handshake: e.Handshake, Attempt: e.Attempt, Count: e.Count,
	}
	if !e.Path.IsRoot() {
		d.Path = e.Path.String()
	}
	if e.Err != nil {
		d.Reason = reason(e.Err)
	}
	if !e.Next.IsZero() {
		d.Next = &e.Next
	}
	return d
}

func (c *call) events(context.Context) error {
	if err := c.want(0, 1, ""); err != nil {
		return err
	}
	n := 20
	if len(c.args) == 1 {
		var err error
		if n, err = strconv.Atoi(c.args[0]); err != nil || n < 1 {
			return c.usage("Invalid number: %s", c.args[0])
		}
	}
	all, _ := c.device.journal.since(0)
	all = all[max(len(all)-n, 0):]
	var lines []string
	var found []eventData
	for _, e := range all {
		lines = append(lines, eventLine(e))
		found = append(found, dataOf(e))
	}
	return c.reply(strings.Join(lines, "\n"), found)
}

func eventLine(e lwm2m.Event) string { return e.Time.Format("15:04:05.000") + " " + e.String() }

const defaultWait = time.Minute

func (c *call) wait(ctx context.Context) error {
	if err := c.want(1, 2, "no event"); err != nil {
		return err
	}
	kind, ok := eventNamed(c.args[0])
	if !ok {
		return c.usage("%s: there is no such event; there are %s", c.args[0], strings.Join(eventNames(), ", "))
	}
	timeout := defaultWait
	if len(c.args) == 2 {
		var err error
		if timeout, err = parseSeconds(c.args[1]); err != nil {
			return c.usage("Invalid number: %s: want seconds, or such as 500ms", c.args[1])
		}
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	e, next, err := c.device.journal.wait(limited, c.mark, func(e lwm2m.Event) bool { return e.Kind == kind })
	if err != nil {
		if ctx.Err() == nil {
			return failf(numTimeout, "no %v within %v", kind, timeout)
		}
		return because(ctx.Err(), "interrupted")
	}
	c.Shell.mark = next
	return c.reply(eventLine(e), dataOf(e))
}

func parseSeconds(text string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil && n >= 0 && n < 1e9 {
		return time.Duration(n * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = fmt.Errorf("negative")
	}
	return d, err
}

// eventKinds calls f with each kind of event that there is.
func eventKinds(f func(kind lwm2m.EventKind, name string)) {
	for kind := lwm2m.EventKind(1); ; kind++ {
		name := kind.String()
		if kind == 0 || strings.HasPrefix(name, "EventKind(") {
			return
		}
		f(kind, name)
	}
}

func eventNames() (names []string) {
	eventKinds(func(_ lwm2m.EventKind, name string) { names = append(names, name) })
	return names
}

// eventNamed finds a kind of event by its name, whatever the case.
func eventNamed(name string) (found lwm2m.EventKind, ok bool) {
	eventKinds(func(kind lwm2m.EventKind, known string) {
		if plainName(known) == plainName(name) {
			found, ok = kind, true
		}
	})
	return found, ok
}
