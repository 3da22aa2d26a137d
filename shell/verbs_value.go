package shell

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

func valueVerbs() []verb {
	return []verb{
		{
			name: "read", usage: "PATH [-x|-s|-b|-u8|-u16|-u32|-u64|-s8|-s16|-s32|-s64|-f|-t|-crc32]", group: "values",
			about: "read the value of a Resource",
			more: `-x shows the bytes in hexadecimal, which is the default; -s the text; -b a Boolean as 0 or 1; -u and -s with a number of
bits an integer that has to fit; -f a number with six decimals; -t seconds since 1970; -crc32 a checksum of the bytes.
The path of a Multiple-Instance Resource stands for its instance 0.`,
			run: (*call).read,
		},
		{
			name: "write", usage: "PATH [-s|-x|-b|-u8|-u16|-u32|-u64|-s8|-s16|-s32|-s64|-f|-t] VALUE", group: "values", acts: true,
			about: "set the value of a Resource",
			more: `Without an option, or with -s, the value is text: of a number, of a link such as 3:0, of a time in seconds since 1970 or as
2026-01-31T12:00:00Z, and for an Opaque the characters themselves. -x takes bytes in hexadecimal. Resources that servers
can only read are written too.`,
			run: (*call).write,
		},
		{
			name: "exec", usage: "PATH [ARGUMENTS]", group: "values", acts: true,
			about: "execute a Resource",
			more:  `ARGUMENTS are those of an Execute: digits with values, such as 0='now',3.`,
			run:   (*call).exec,
		},
		{
			name: "cache", usage: "PATH NUM", group: "values",
			about: "keep the last NUM values of a Resource for send and notifications",
			run:   (*call).cache,
		},
		{
			name: "lock", group: "values",
			about: "have what is written wait for unlock",
			run: func(c *call, _ context.Context) error {
				if err := c.want(0, 0, ""); err != nil {
					return err
				}
				c.device.Lock()
				return c.done()
			},
		},
		{
			name: "unlock", group: "values", acts: true,
			about: "write what was written since lock, as one change",
			run: func(c *call, _ context.Context) error {
				if err := c.want(0, 0, ""); err != nil {
					return err
				}
				if err := c.device.Unlock(); err != nil {
					return err
				}
				return c.done()
			},
		},
	}
}

// isOption reports whether a word is an option of read or write.
func isOption(word string, more ...string) bool {
	if _, _, ok := integerOption(word); ok {
		return true
	}
	for _, option := range append(more, "-x", "-s", "-b", "-f", "-t") {
		if word == option {
			return true
		}
	}
	return false
}

func (c *call) read(ctx context.Context) error {
	if err := c.want(1, 2, "no path"); err != nil {
		return err
	}
	option := "-x"
	if len(c.args) == 2 {
		option = c.args[1]
	}
	if !isOption(option, "-crc32") {
		return c.usage("can't recognize data type %s", option)
	}
	p, err := c.path(c.args[0])
	if err != nil {
		return err
	}
	return c.readValue(ctx, p, option)
}

const cannotRead = "can't do read operation, request failed"

func (c *call) readValue(ctx context.Context, p lwm2m.Path, option string) error {
	_, def, err := c.device.resource(p)
	if err != nil {
		return because(err, cannotRead).returning(numInvalid)
	}
	p = single(p, def)
	found, err := c.device.Read(ctx, p)
	if err != nil {
		return because(err, cannotRead).returning(numInvalid)
	}
	v := found[0].Value
	text, err := formatValue(option, v)
	if err != nil {
		return because(err, cannotRead).returning(numInvalid)
	}
	return c.reply(text+"\n", valueData(p, v))
}

// valueData is a value for JSON.
func valueData(p lwm2m.Path, v model.Value) any {
	return struct {
		Path  lwm2m.Path `json:"path"`
		Type  string     `json:"type"`
		Value any        `json:"value"`
	}{p, v.Kind().String(), data(v)}
}

const cannotWrite = "can't do write operation, request failed"

func (c *call) write(context.Context) error {
	if err := c.want(2, 3, "no value"); err != nil {
		return err
	}
	option, text := "-s", c.args[len(c.args)-1]
	if len(c.args) == 3 {
		option = c.args[1]
	}
	if !isOption(option) {
		return c.usage("can't recognize data type %s", option)
	}
	p, err := c.path(c.args[0])
	if err != nil {
		return err
	}
	_, def, err := c.device.resource(p)
	if err != nil {
		return because(err, cannotWrite).returning(numNotExecuted)
	}
	v, err := parseValue(option, text, def.Kind)
	if invalid, ok := errors.AsType[*Error](err); ok && isNumberComplaint(invalid) {
		return err
	}
	if err == nil {
		err = c.device.Write(p, v)
	}
	if err != nil {
		return because(err, cannotWrite).returning(numNotExecuted)
	}
	return c.reply("", c.entryOf(p, v)) // which does not show keys
}

func (c *call) exec(ctx context.Context) error {
	if err := c.want(1, 2, "no path"); err != nil {
		return err
	}
	p, err := c.path(c.args[0])
	if err != nil {
		return err
	}
	if p.Depth() != 3 {
		return failf(numInvalid, "Illegal path (PATH %s): want the path of a Resource", c.args[0])
	}
	_, def, err := c.device.resource(p)
	if err != nil {
		return &Error{Number: numNotFound, Text: "Resource not found: " + reason(err), Err: err}
	}
	arguments := ""
	if len(c.args) == 2 {
		arguments = c.args[1]
	}
	err = c.device.Execute(ctx, p, arguments)
	switch {
	case err == nil:
		return c.done()
	case !def.Operations.Has(model.Executable), codeOf(err) == lwm2m.NotFound:
		return &Error{Number: numNotFound, Text: "No execute callback! " + reason(err), Err: err}
	}
	return because(err, "returned")
}

func (c *call) cache(context.Context) error {
	if err := c.want(2, 2, "wrong parameters"); err != nil {
		return err
	}
	p, err := c.device.Path(c.args[0])
	if err != nil || p.Depth() < 3 {
		return failf(numInvalid, "Path string not correct: %s", c.args[0])
	}
	n, err := strconv.Atoi(c.args[1])
	switch {
	case err != nil:
		return failf(numInvalid, "Invalid number: %s", c.args[1])
	case c.device.isCached(p):
		return failf(numNotExecuted, "Cache already enabled for %s", c.args[0])
	case n < 1:
		return failf(numInvalid, "Size must be 1 or more (given %d)", n)
	case n > maxCache:
		return failf(numInvalid, "Out of memory: a history has at most %d values", maxCache)
	}
	if err := c.device.Cache(p, n); err != nil {
		return because(err, fmt.Sprintf("lwm2m_enable_cache(%s, %d) failed", seedPath(p), n))
	}
	return c.reply("", map[string]any{"path": p, "samples": n})
}

// maxCache is the most values that the verb cache has kept of one Resource.
const maxCache = 1_000_000
