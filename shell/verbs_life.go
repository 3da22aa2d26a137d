package shell

import (
	"context"
	"errors"
	"strings"
	"time"
)

func lifeVerbs() []verb {
	return []verb{
		{
			name: "start", usage: "EP [-b 0|1]", group: "life", acts: true,
			about: "register with the servers, by the Endpoint Client Name EP",
			more: `There is an account for a server if an instance of the Security Object (0) has its URI, security and Short Server ID, and
an instance of the Server Object (1) the same Short Server ID. With -b 1, the Bootstrap-Server is asked for these first; its
account is an instance of the Security Object with Resource 1 true.`,
			run: (*call).start,
		},
		{
			name: "stop", usage: "[-f]", group: "life", acts: true,
			about: "de-register and stop; -f without telling the servers",
			run:   (*call).stop,
		},
		{
			name: "update", group: "life", acts: true,
			about: "send a Registration Update to each server",
			run:   (*call).update,
		},
		{
			name: "pause", group: "life", acts: true,
			about: "give up all connections, without a word; registrations stay until their lifetime ends",
			run:   func(c *call, ctx context.Context) error { return c.simply(ctx, c.device.Pause) },
		},
		{
			name: "resume", group: "life", acts: true,
			about: "go on after pause",
			run:   func(c *call, ctx context.Context) error { return c.simply(ctx, c.device.Resume) },
		},
		{
			name: "reboot", group: "life", acts: true,
			about: "stop without a word, and start again",
			run:   func(c *call, ctx context.Context) error { return c.simply(ctx, c.device.Reboot) },
		},
		{
			name: "status", group: "life",
			about: "tell how things are with each server",
			run:   (*call).status,
		},
	}
}

// finish ends a command with the outcome of an operation.
func (c *call) finish(err error, message string) error {
	switch {
	case err == nil:
		return c.done()
	case errors.Is(err, ErrStopped):
		return &Error{Number: numPermission, Text: "no lwm2m context yet: " + reason(err), Err: err}
	case errors.Is(err, ErrStarted):
		return because(&Error{Number: numInProgress, Text: err.Error(), Err: err}, message)
	}
	return because(err, message)
}

// simply does what takes no arguments.
func (c *call) simply(ctx context.Context, do func(context.Context) error) error {
	if err := c.want(0, 0, ""); err != nil {
		return err
	}
	return c.finish(do(ctx), "can't do "+c.verb.name+" operation, request failed")
}

func (c *call) start(context.Context) error {
	if len(c.args) == 0 {
		return c.usage("no specifier or value")
	}
	bootstrap, err := c.startFlags(c.args[1:])
	if err != nil {
		return err
	}
	err = c.device.Start(c.args[0], bootstrap)
	if err != nil && numberOf(err) == numIO && !errors.Is(err, ErrStarted) { // an account is not complete
		err = &Error{Number: numInvalid, Text: reason(err), Err: err}
	}
	return c.finish(err, "can't do start operation, request failed")
}

// startFlags reads -b N: the lowest bit of N asks for bootstrap.
func (c *call) startFlags(args []string) (bootstrap bool, err error) {
	switch {
	case len(args) == 0:
		return false, nil
	case args[0] != "-b":
		return false, c.usage("unknown specifier %s", args[0])
	case len(args) == 1:
		return false, c.usage("no specifier or value")
	case len(args) > 2:
		return false, c.usage("start: wrong parameter count: unexpected %q", args[2])
	case args[1] != "0" && args[1] != "1":
		return false, c.usage("Invalid number: %s", args[1])
	}
	return args[1] == "1", nil
}

func (c *call) stop(ctx context.Context) error {
	if len(c.args) > 0 && c.args[0] != "-f" {
		return c.usage("can't recognize specifier %s", c.args[0])
	}
	if err := c.want(0, 1, ""); err != nil {
		return err
	}
	return c.finish(c.device.Stop(ctx, len(c.args) == 0), "can't do stop operation, request failed")
}

// answerTimeout bounds how long a command waits for servers: longer than CoAP tries.
const answerTimeout = 2 * time.Minute

func (c *call) update(ctx context.Context) error {
	if err := c.want(0, 0, ""); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return c.finish(c.device.Update(ctx), "can't do update operation, request failed")
}

func (c *call) status(context.Context) error {
	if err := c.want(0, 0, ""); err != nil {
		return err
	}
	status := c.device.Status()
	lines := []string{"running as " + status.Endpoint}
	switch {
	case !status.Running:
		return c.reply("stopped", map[string]any{"running": false})
	case status.Paused:
		lines[0] = "paused as " + status.Endpoint
	}
	for _, s := range status.Servers {
		lines = append(lines, s.String())
	}
	return c.reply(strings.Join(lines, "\n"), status)
}
