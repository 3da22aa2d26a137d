package shell

import (
	"context"
	"strings"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

func objectVerbs() []verb {
	return []verb{
		{
			name: "create", usage: "PATH", group: "objects", acts: true,
			about: "create an Object Instance, such as 3303/0, or a Resource Instance",
			more:  "Servers are told of new Object Instances by an Update.",
			run:   func(c *call, _ context.Context) error { return c.change(c.device.Create) },
		},
		{
			name: "delete", usage: "PATH", group: "objects", acts: true,
			about: "delete an Object Instance or a Resource Instance",
			run:   func(c *call, _ context.Context) error { return c.change(c.device.Delete) },
		},
		{
			name: "ls", usage: "[PATH] [-n]", group: "objects",
			about: "list values; -n with their names",
			more:  `The path of a Resource with a single value shows that, as read does. Bytes are counted and not shown, as they may be keys.`,
			run:   (*call).list,
		},
	}
}

// change creates or deletes.
func (c *call) change(do func(lwm2m.Path) error) error {
	if err := c.want(1, 1, "No object ID given"); err != nil {
		return err
	}
	p, err := c.device.parsePath(c.args[0])
	if err != nil {
		return &Error{Number: numInvalid, Text: "failed to read path (-22): " + reason(err), Err: err}
	}
	if err := do(p); err != nil {
		n := numberOf(err)
		return failf(n, "operation failed, %d: %s", -n, reason(err))
	}
	return c.reply("", map[string]any{"path": p})
}

// listedValue is a value as listings have it.
type listedValue struct {
	Path  lwm2m.Path `json:"path"`
	Name  string     `json:"name"`
	Type  string     `json:"type"`
	Value any        `json:"value,omitempty"`
	Bytes *int       `json:"bytes,omitempty"` // of an Opaque, which is not shown
}

func (c *call) entryOf(p lwm2m.Path, v model.Value) listedValue {
	e := listedValue{Path: p, Name: c.device.nameOf(p), Type: v.Kind().String()}
	if n := v.Len(); v.Kind() == model.Opaque {
		e.Bytes = &n
	} else {
		e.Value = data(v)
	}
	return e
}

func (c *call) list(ctx context.Context) error {
	named := false
	var words []string
	for _, word := range c.args {
		if word == "-n" {
			named = true
		} else {
			words = append(words, word)
		}
	}
	if c.args = words; len(words) > 1 {
		return c.want(0, 1, "")
	}
	var p lwm2m.Path
	if len(words) == 1 {
		var err error
		if p, err = c.path(words[0]); err != nil {
			return err
		}
	}
	if p.Depth() == 4 || p.Depth() == 3 && !c.isMultiple(p) {
		return c.readValue(ctx, p, "-x")
	}
	found, err := c.values(ctx, p)
	if err != nil {
		return err
	}
	lines, all := make([]string, 0, len(found)), make([]listedValue, 0, len(found))
	for _, s := range found {
		v := c.entryOf(s.Path, s.Value)
		line := seedPath(s.Path)
		if named {
			line += " " + v.Name
		}
		lines, all = append(lines, line+" : "+listed(s.Value)), append(all, v)
	}
	return c.reply(strings.Join(lines, "\n"), all)
}

func (c *call) isMultiple(p lwm2m.Path) bool {
	_, def, err := c.device.resource(p)
	return err == nil && def.Multiple
}

// values are those at p and below. What cannot be read at this moment is left out.
func (c *call) values(ctx context.Context, p lwm2m.Path) (found []lwm2m.Sample, err error) {
	there := p.IsRoot()
	for _, in := range c.device.Instances() {
		if !p.Overlaps(in.Path()) {
			continue
		}
		there = true
		for i := range in.Object().Resources {
			at := in.Path().Child(in.Object().Resources[i].ID)
			if !p.Overlaps(at) {
				continue
			}
			values, err := c.device.Read(ctx, at)
			if _, refused := asRefusal(err); err != nil && !refused {
				return nil, err
			}
			found = append(found, values...)
		}
	}
	if !there {
		return nil, failf(numNotFound, "%v: there is no such Object Instance", p)
	}
	return found, nil
}
