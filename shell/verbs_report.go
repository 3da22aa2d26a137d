package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

func reportVerbs() []verb {
	return []verb{
		{
			name: "send", usage: "PATH...", group: "reports", acts: true,
			about: "send values to the servers, with what is cached",
			more:  "It waits for the answers: the status is 0 if all went well, 1 for a refusal, 2 for no answer.",
			run:   (*call).send,
		},
		{
			name: "obs", group: "reports",
			about: "list the observations, with the attributes of each path",
			run:   (*call).observations,
		},
		{
			name: "explain", usage: "[PATH] [-a]", group: "reports",
			about: "tell why a change is or is not told to observers, and when; -a what servers may do",
			more:  "With -a it tells by which rule of the Access Control Object (2) each server has its rights at PATH.",
			run:   (*call).explain,
		},
		{
			name: "attr", usage: "PATH [-n SERVER] [NAME=VALUE...]", group: "reports", acts: true,
			about: "show or attach the attributes of a path: pmin, pmax, gt, lt, st, ...",
			more: `As Write-Attributes does it for a server; without -n for all servers of the device. A NAME without a value takes the
attribute away.`,
			run: (*call).attributes,
		},
	}
}

func (c *call) send(ctx context.Context) error {
	if len(c.args) == 0 {
		return c.usage("no path(s)")
	}
	var paths []lwm2m.Path
	for _, text := range c.args {
		p, err := c.path(text)
		if err != nil {
			return err
		}
		paths = append(paths, p)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err := c.device.Send(ctx, paths...)
	status := sendStatus(err)
	if status > 0 {
		c.device.seed.say(levelInfo, logShell, fmt.Sprintf("SEND status: %d", status))
		if !c.json {
			c.out.line(fmt.Sprintf("SEND status: %d", status))
		}
	}
	if err != nil {
		return c.finish(err, "can't do send operation, request failed")
	}
	c.device.seed.say(levelInfo, logShell, "SEND status: 0")
	return c.reply("SEND status: 0", map[string]any{"status": 0})
}

// sendStatus is what embedded devices say of a Send that went out: 1 if it was refused, 2 if it was not answered.
func sendStatus(err error) int {
	switch code := codeOf(err); {
	case err == nil:
		return 0
	case isTimeout(err):
		return 2
	case code >= 0x80 && !isLocal(err):
		return 1
	}
	return 0
}

// isLocal reports whether an error is about a path, and so was found before anything was sent.
func isLocal(err error) bool {
	refusal, ok := asRefusal(err)
	return ok && !refusal.Path.IsRoot()
}

func (c *call) observations(context.Context) error {
	if err := c.want(0, 0, ""); err != nil {
		return err
	}
	client := c.device.Client()
	var all []lwm2m.Explanation
	if client != nil {
		all = client.Explain(lwm2m.Path{})
	}
	type row struct {
		Server     uint16             `json:"server"`
		Composite  bool               `json:"composite"`
		Path       lwm2m.Path         `json:"path"`
		Attributes map[string]float64 `json:"attributes,omitempty"`
	}
	var rows []row
	lines := []string{" #  composite               path      pmin      pmax        gt        lt        st"}
	for i, x := range all {
		for _, p := range x.Paths {
			a := client.Attributes(x.Server, p)
			rows = append(rows, row{x.Server, x.Composite, p, attributeData(a)})
			lines = append(lines, observationLine(i+1, x.Composite, p, a))
		}
	}
	return c.reply(strings.Join(lines, "\n"), rows)
}

func observationLine(n int, composite bool, p lwm2m.Path, a model.Attributes) string {
	mark := 'n'
	if composite {
		mark = 'y'
	}
	line := fmt.Sprintf("%2d %10c %-18s", n, mark, seedPath(p))
	for _, attr := range []model.Attribute{model.MinPeriod, model.MaxPeriod, model.GreaterThan, model.LessThan, model.Step} {
		switch v, ok := a.Get(attr); {
		case !ok:
			line += strings.Repeat(" ", 10)
		case attr == model.MinPeriod || attr == model.MaxPeriod:
			line += fmt.Sprintf("%10.0f", v)
		default:
			line += fmt.Sprintf("%10f", v)
		}
	}
	return strings.TrimRight(line, " ")
}

// allAttributes are the attributes that there are.
func allAttributes() (all []model.Attribute) {
	for a := model.MinPeriod; a <= model.MaxHistory; a++ {
		all = append(all, a)
	}
	return all
}

func attributeData(a model.Attributes) map[string]float64 {
	found := map[string]float64{}
	for _, attr := range allAttributes() {
		if v, ok := a.Get(attr); ok {
			found[attr.Name()] = v
		}
	}
	return found
}

// explained is an explanation for JSON.
type explained struct {
	Server uint16       `json:"server"`
	Paths  []lwm2m.Path `json:"paths"`
	Stored int          `json:"stored,omitempty"`
	Text   string       `json:"text"`
}

func (c *call) explain(context.Context) error {
	access := len(c.args) > 0 && c.args[len(c.args)-1] == "-a"
	if access {
		c.args = c.args[:len(c.args)-1]
	}
	if err := c.want(0, 1, ""); err != nil {
		return err
	}
	var p lwm2m.Path
	if len(c.args) == 1 {
		var err error
		if p, err = c.path(c.args[0]); err != nil {
			return err
		}
	}
	client := c.device.Client()
	if client == nil {
		return c.finish(ErrStopped, "")
	}
	found := client.Explain(p)
	none := fmt.Sprintf("nobody observes %v, or what is above or below it", p)
	if access {
		found, none = nil, "there is no server"
		for _, server := range c.servers() {
			found = append(found, client.ExplainAccess(server, p))
		}
	}
	var texts []string
	var all []explained
	for _, x := range found {
		text := strings.TrimRight(x.String(), "\n")
		texts = append(texts, text)
		all = append(all, explained{x.Server, x.Paths, x.Stored, text})
	}
	if len(all) == 0 {
		texts = append(texts, none)
	}
	return c.reply(strings.Join(texts, "\n"), all)
}

// servers are the Short Server IDs of the LwM2M Servers that the device has to do with.
func (c *call) servers() (servers []uint16) {
	for _, s := range c.device.Status().Servers {
		if s.Server != 0 {
			servers = append(servers, s.Server)
		}
	}
	return servers
}

func (c *call) attributes(ctx context.Context) error {
	if len(c.args) == 0 {
		return c.usage("no path")
	}
	p, err := c.path(c.args[0])
	if err != nil {
		return err
	}
	client := c.device.Client()
	if client == nil {
		return c.finish(ErrStopped, "")
	}
	servers, queries, err := c.attributeArguments(c.args[1:])
	if err != nil {
		return err
	}
	if len(queries) > 0 {
		update, err := model.ParseAttributes(slices.Values(queries), c.device.config.Client.Version)
		if err != nil {
			return c.usage("%s", reason(err))
		}
		for _, server := range servers {
			if err := client.WriteAttributes(ctx, server, p, update); err != nil {
				return because(err, "can't write attributes, request failed")
			}
		}
		return c.done()
	}
	type attached struct {
		Server     uint16             `json:"server"`
		Attributes map[string]float64 `json:"attributes"`
	}
	var lines []string
	var all []attached
	for _, server := range servers {
		a := client.Attributes(server, p)
		text := strings.TrimSpace(strings.ReplaceAll(a.String(), ";", " "))
		if text == "" {
			text = "none"
		}
		lines = append(lines, fmt.Sprintf("server %d: %s", server, text))
		all = append(all, attached{server, attributeData(a)})
	}
	return c.reply(strings.Join(lines, "\n"), all)
}

// attributeArguments are the servers that attr is about, and what it is to attach.
func (c *call) attributeArguments(args []string) (servers []uint16, queries []string, err error) {
	if len(args) > 0 && args[0] == "-n" {
		if len(args) == 1 {
			return nil, nil, c.usage("-n: no Short Server ID")
		}
		n, err := strconv.ParseUint(args[1], 10, 16)
		if _, ok := c.device.account(uint16(n)); err != nil || !ok {
			return nil, nil, failf(numNotFound, "%s: there is no server with this Short Server ID", args[1])
		}
		servers, args = append(servers, uint16(n)), args[2:]
	} else {
		servers = c.servers()
	}
	for _, word := range args {
		queries = append(queries, strings.TrimSuffix(word, "="))
	}
	return servers, queries, nil
}
