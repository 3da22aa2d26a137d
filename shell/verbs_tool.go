package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func toolVerbs() []verb {
	return []verb{
		{
			name: "trace", usage: "on|off|FILE", group: "tools",
			about: "show each message, or write it to a file: one line each",
			more:  "Values of Objects that hold keys are not shown.",
			run:   (*call).trace,
		},
		{
			name: "source", usage: "FILE", group: "tools",
			about: "run the commands of a file",
			run:   (*call).source,
		},
		{
			name: "retval", group: "tools",
			about: "show what the last command returned: 0, or a negative number",
			run: func(c *call, _ context.Context) error {
				if err := c.want(0, 0, ""); err != nil {
					return err
				}
				return c.reply(strconv.Itoa(c.last), c.last)
			},
		},
		{
			name: "help", usage: "[VERB]", group: "tools",
			about: "list the commands, or tell more of one",
			run:   (*call).help,
		},
		{
			name: "exit", group: "tools",
			about: "stop the device and leave",
			run: func(c *call, _ context.Context) error {
				if err := c.want(0, 0, ""); err != nil {
					return err
				}
				c.ended = true
				return c.done()
			},
		},
	}
}

func (c *call) trace(context.Context) error {
	if err := c.want(1, 1, "want on, off or the name of a file"); err != nil {
		return err
	}
	switch where := c.args[0]; where {
	case "off":
		if err := c.endTrace(); err != nil {
			return failf(numIO, "trace: %v", err)
		}
	case "on":
		if err := c.endTrace(); err != nil {
			return failf(numIO, "trace: %v", err)
		}
		c.traceTo(c.out, c.json)
	default:
		if c.config.Create == nil {
			return failf(numNotSupported, "trace: there are no files here")
		}
		file, err := c.config.Create(where)
		if err != nil {
			return failf(numIO, "trace: %v", err)
		}
		if err := c.endTrace(); err != nil {
			return failf(numIO, "trace: %v", err)
		}
		c.traced = file
		c.traceTo(&output{w: file}, c.json)
	}
	return c.done()
}

// traceTo has messages written, one line each.
func (s *Shell) traceTo(to *output, inJSON bool) {
	s.device.status.setTracer(func(server uint16, sent bool, datagram []byte) {
		now, line := time.Now(), s.decoder.line(server, sent, datagram)
		if inJSON {
			to.line(marshal(map[string]any{"time": now, "message": line}))
			return
		}
		to.line(now.Format("15:04:05.000") + " " + line)
	})
}

func (s *Shell) endTrace() error {
	s.device.status.setTracer(nil)
	if s.traced == nil {
		return nil
	}
	file := s.traced
	s.traced = nil
	return file.Close()
}

// maxDepth is how many files may run each other.
const maxDepth = 16

func (c *call) source(ctx context.Context) error {
	if err := c.want(1, 1, "no file"); err != nil {
		return err
	}
	switch {
	case c.config.Open == nil:
		return failf(numNotSupported, "source: there are no files here")
	case c.depth == maxDepth:
		return failf(numNotExecuted, "source: %s: files within files, more than %d deep", c.args[0], maxDepth)
	}
	file, err := c.config.Open(c.args[0])
	if err != nil {
		return failf(numNotFound, "source: %v", err)
	}
	defer file.Close()
	inJSON := c.config.JSON
	c.depth++
	c.config.JSON = c.json
	defer func() {
		c.depth--
		c.config.JSON = inJSON
	}()
	if err := c.Source(ctx, file); err != nil {
		return &Error{Number: numberOf(err), Text: fmt.Sprintf("source: %s: a command failed", c.args[0]), Err: err}
	}
	return c.done()
}

func (c *call) help(context.Context) error {
	if err := c.want(0, 1, ""); err != nil {
		return err
	}
	if len(c.args) == 1 {
		v := c.find(c.args[0])
		if v == nil {
			return c.unknown(c.args[0])
		}
		text := v.synopsis() + "\n" + v.about
		if v.more != "" {
			text += "\n" + v.more
		}
		return c.reply(text, map[string]string{"usage": v.synopsis(), "about": v.about, "more": v.more})
	}
	var lines []string
	all := map[string]string{}
	group := ""
	for _, v := range c.verbs {
		if v.group != group {
			group = v.group
			lines = append(lines, group+":")
		}
		lines = append(lines, fmt.Sprintf("  %-8s %s", v.name, v.about))
		all[v.name] = v.about
	}
	lines = append(lines, "", "help VERB tells more; --json answers in JSON.")
	return c.reply(strings.Join(lines, "\n"), all)
}

// Verbs are the names of all verbs, sorted.
func (s *Shell) Verbs() []string {
	var names []string
	for _, v := range s.verbs {
		names = append(names, v.name)
	}
	slices.Sort(names)
	return names
}
