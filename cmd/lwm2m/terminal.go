package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/lwm2m-go/lwm2m"
)

// terminal writes lines for people, in colour if somebody looks at them. Its methods may be
// called from any goroutine.
type terminal struct {
	mu      sync.Mutex
	w       io.Writer
	colours bool
}

// colour is an escape sequence of ANSI terminals.
type colour string

const (
	noColour colour = ""
	red      colour = "\x1b[31m"
	green    colour = "\x1b[32m"
	cyan     colour = "\x1b[36m"
	grey     colour = "\x1b[90m"
	plain    colour = "\x1b[0m"
)

// newTerminal writes to w. There are colours if that is a terminal and the user has nothing
// against them (https://no-color.org).
func newTerminal(w io.Writer) *terminal {
	t := &terminal{w: w}
	file, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return t
	}
	info, err := file.Stat()
	t.colours = err == nil && info.Mode()&os.ModeCharDevice != 0
	return t
}

// line writes a line.
func (t *terminal) line(c colour, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if t.colours && c != noColour {
		text = string(c) + text + string(plain)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(t.w, text)
}

// colourOf is green for what went well and red for what did not.
func colourOf(e lwm2m.Event) colour {
	switch {
	case e.Err != nil:
		return red
	case e.Kind == lwm2m.Registered, e.Kind == lwm2m.Bootstrapped:
		return green
	}
	return noColour
}
