package shell

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/lwm2m-go/lwm2m"
)

// Config describes a Shell. Device and Out are required.
type Config struct {
	// Device is what the commands are about.
	Device *Device
	// Out gets the answers of commands, and what is traced.
	Out io.Writer
	// Err gets the messages of commands that fail, a line or more each. Default: Out.
	Err io.Writer
	// Prompt is written to Out before Source reads a line, but not for files that commands read. Default: none.
	Prompt string
	// JSON has each command answer with one line of JSON, as the option --json has for one.
	JSON bool
	// Open opens a file for the verb source. Default: there are no files.
	Open func(name string) (io.ReadCloser, error)
	// Create makes a file for the verb trace. Default: there are no files.
	Create func(name string) (io.WriteCloser, error)
}

// Shell runs commands. Run and Source are called by one goroutine at a time.
type Shell struct {
	config  Config
	device  *Device
	out     *output
	errs    *output
	verbs   []verb
	last    int    // what the last command returned: 0 or a negative number
	mark    uint64 // the number of the first event that wait looks at
	depth   int    // of files within files
	ended   bool
	decoder *decoder
	traced  io.Closer // file that messages are written to; nil if there is none
}

// verb is what a command begins with.
type verb struct {
	name  string
	usage string // of the arguments
	about string // in a few words
	more  string // in sentences; may be empty
	group string
	// acts tells that events may come of it, so that wait looks at those from there on.
	acts bool
	run  func(c *call, ctx context.Context) error
}

// call is a command on its way.
type call struct {
	*Shell
	verb *verb
	args []string
	json bool
}

// output is a writer for several goroutines.
type output struct {
	mu  sync.Mutex
	w   io.Writer
	err error // of the last attempt to write
}

func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func (o *output) line(text string) {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	o.write(text)
}

func (o *output) write(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, o.err = io.WriteString(o.w, text)
}

// New makes a Shell.
func New(config Config) *Shell {
	s := &Shell{config: config, device: config.Device, out: &output{w: config.Out}, decoder: &decoder{device: config.Device}}
	s.decoder.requests = map[string]lwm2m.Path{}
	s.errs = s.out
	if config.Err != nil {
		s.errs = &output{w: config.Err}
	}
	s.verbs = slices.Concat(valueVerbs(), objectVerbs(), lifeVerbs(), reportVerbs(), eventVerbs(), toolVerbs())
	return s
}

// Run runs the commands of a line, one after another. The error is that of the last one that failed; the messages of all
// have been written.
func (s *Shell) Run(ctx context.Context, line string) error {
	commands, err := splitLine(line)
	if err != nil {
		return s.fail(&call{Shell: s, json: s.config.JSON}, err)
	}
	for _, words := range commands {
		if failure := s.command(ctx, words); failure != nil {
			err = failure
		}
		if gone := s.out.failed(); gone != nil { // nobody reads any more
			s.ended = true
			err = failf(numIO, "writing: %v", gone)
			s.errs.line(err.Error())
		}
		if s.ended || ctx.Err() != nil {
			break
		}
	}
	return err
}

// Source runs the lines that it reads, until there are no more, ctx ends, or a command asks to exit. The error is that of
// the last command that failed. Reading itself is not interrupted when ctx ends.
func (s *Shell) Source(ctx context.Context, r io.Reader) (err error) {
	lines := bufio.NewReaderSize(r, 4096)
	for ctx.Err() == nil && !s.ended {
		if s.depth == 0 && s.config.Prompt != "" {
			s.out.write(s.config.Prompt)
		}
		line, readErr := readLine(lines)
		if line != "" {
			if failure := s.Run(ctx, line); failure != nil {
				err = failure
			}
		}
		if readErr != nil {
			if !errors.Is(readErr, io.EOF) {
				return s.fail(&call{Shell: s, json: s.config.JSON}, failf(numIO, "reading: %v", readErr))
			}
			return err
		}
	}
	return err
}

// readLine reads a line, of which it keeps no more than is enough to see that it is too long.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if room := maxLine + 2 - len(line); room > 0 {
			line = append(line, part[:min(room, len(part))]...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(line), err
		}
	}
}

// Ended reports whether a command asked to exit.
func (s *Shell) Ended() bool { return s.ended }

// Close ends what commands have begun: it closes the file of the verb trace.
func (s *Shell) Close() error { return s.endTrace() }

// command runs one command.
func (s *Shell) command(ctx context.Context, words []string) error {
	if words[0] == "lwm2m" {
		if words = words[1:]; len(words) == 0 {
			words = []string{"help"}
		}
	}
	c := &call{Shell: s, json: s.config.JSON, args: words[1:]}
	if i := slices.Index(c.args, "--json"); i >= 0 {
		c.json, c.args = true, slices.Delete(slices.Clone(c.args), i, i+1)
	}
	c.verb = s.find(words[0])
	if c.verb == nil {
		return s.fail(c, s.unknown(words[0]))
	}
	before := s.device.journal.end()
	err := c.verb.run(c, ctx)
	if wrong, ok := errors.AsType[*Error](err); c.verb.acts && !(ok && wrong.IsUsage()) {
		s.mark = before
	}
	if err != nil {
		return s.fail(c, err)
	}
	if c.verb.name != "retval" {
		s.last = 0
	}
	return nil
}

func (s *Shell) find(name string) *verb {
	i := slices.IndexFunc(s.verbs, func(v verb) bool { return v.name == name })
	if i < 0 {
		return nil
	}
	return &s.verbs[i]
}

func (s *Shell) unknown(name string) error {
	for _, v := range s.verbs {
		if strings.HasPrefix(v.name, name) || strings.EqualFold(v.name, name) {
			return failf(numInvalid, "%s: command not found; did you mean %q?", name, v.name)
		}
	}
	return failf(numInvalid, "%s: command not found; help lists all", name)
}

// fail tells of a failure and returns it.
func (s *Shell) fail(c *call, err error) error {
	own, ok := errors.AsType[*Error](err)
	if !ok {
		own = &Error{Number: numberOf(err), Text: reason(err), Err: err}
	}
	s.last = -cmp.Or(own.Returns, own.Number)
	if c.json {
		s.out.line(marshal(struct {
			Command string `json:"command,omitempty"`
			Error   string `json:"error"`
			Number  int    `json:"number"`
		}{c.name(), own.Text, -own.Number}))
	} else {
		s.errs.line(own.Text)
	}
	return own
}

func (c *call) name() string {
	if c.verb == nil {
		return ""
	}
	return c.verb.name
}

// reply answers a command: with a text, none if that is empty, or with data as JSON.
func (c *call) reply(text string, result any) error {
	switch {
	case c.json:
		c.out.line(marshal(struct {
			Command string `json:"command"`
			Result  any    `json:"result,omitempty"`
		}{c.verb.name, result}))
	case text != "":
		c.out.line(text)
	}
	return nil
}

// done answers a command that has nothing to tell.
func (c *call) done() error { return c.reply("", nil) }

func marshal(v any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // it is for terminals, not for web pages
	if err := encoder.Encode(v); err != nil {
		return fmt.Sprintf(`{"error":%q}`, err)
	}
	return text.String()
}

// usage is the failure of a command with the wrong arguments.
func (c *call) usage(format string, args ...any) error {
	return failf(numInvalid, "%s\nusage: %s", fmt.Sprintf(format, args...), c.verb.synopsis())
}

// want checks how many arguments there are.
func (c *call) want(least, most int, missing string) error {
	switch {
	case len(c.args) < least:
		return c.usage("%s", missing)
	case len(c.args) > most:
		return c.usage("%s: wrong parameter count: unexpected %q", c.verb.name, c.args[most])
	}
	return nil
}

func (v *verb) synopsis() string { return strings.TrimSpace(v.name + " " + v.usage) }

// path reads the path that an argument is.
func (c *call) path(text string) (lwm2m.Path, error) {
	p, err := c.device.parsePath(text)
	if err != nil {
		return p, failf(numInvalid, "Illegal path (PATH %s): %s", text, reason(err))
	}
	return p, nil
}
