package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// screen is a terminal that somebody types at: it edits lines, remembers them, and completes them. What is written to
// it while a line is typed appears above that line.
type screen struct {
	terminal *term.Terminal
	output   io.Writer // the same, past the line that is typed
	fd       int
	complete func(line string) (start int, candidates []string)

	mu  sync.RWMutex
	raw bool // a line is being typed
}

// newScreen returns a screen if input and output are a terminal, else nil.
func newScreen(in io.Reader, out io.Writer, prompt string) *screen {
	input, ok := in.(*os.File)
	output, ok2 := out.(*os.File)
	if !ok || !ok2 || !term.IsTerminal(int(input.Fd())) || !term.IsTerminal(int(output.Fd())) {
		return nil
	}
	if prompt == "" {
		prompt = defaultPrompt
	}
	s := &screen{output: output, fd: int(input.Fd()), terminal: term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{input, output}, prompt)}
	s.terminal.AutoCompleteCallback = s.key
	return s
}

// Write writes above the line that is being typed, if there is one.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.raw {
		return s.terminal.Write(p)
	}
	return s.output.Write(p)
}

// begin has the terminal hand over each key. end has it be as before.
func (s *screen) begin() (end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, err := term.MakeRaw(s.fd)
	if err != nil {
		return nil, err
	}
	s.raw = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.raw = false
		_ = term.Restore(s.fd, before)
	}, nil
}

// readLine reads a line, until ctx ends. The terminal is as it was before when it returns, so that Ctrl-C interrupts a
// command that runs. The error is io.EOF after Ctrl-C and Ctrl-D.
func (s *screen) readLine(ctx context.Context) (string, error) {
	end, err := s.begin()
	if err != nil {
		return "", err
	}
	defer end()
	if width, height, err := term.GetSize(s.fd); err == nil && width > 0 {
		_ = s.terminal.SetSize(width, height)
	}
	type outcome struct {
		line string
		err  error
	}
	typed := make(chan outcome, 1)
	go func() {
		line, err := s.terminal.ReadLine()
		if errors.Is(err, term.ErrPasteIndicator) {
			err = nil
		}
		typed <- outcome{line, err}
	}()
	select {
	case o := <-typed:
		if o.err != nil {
			_, _ = io.WriteString(s.output, "\r\n")
		}
		return o.line, o.err
	case <-ctx.Done():
		_, _ = io.WriteString(s.output, "\r\n")
		return "", ctx.Err()
	}
}

// key completes the word before the cursor at a Tab: as far as all candidates agree, which are listed if that is no
// further.
func (s *screen) key(line string, pos int, key rune) (newLine string, newPos int, ok bool) {
	if key != '\t' || s.complete == nil {
		return "", 0, false
	}
	start, candidates := s.complete(line[:pos])
	if len(candidates) == 0 {
		return line, pos, true
	}
	word := commonPrefix(candidates)
	switch {
	case len(candidates) == 1 && strings.HasPrefix(line[pos:], " "):
	case len(candidates) == 1:
		word += " "
	case len(word) <= pos-start:
		_, _ = s.Write([]byte(strings.Join(candidates, "  ") + "\n"))
		return line, pos, true
	}
	return line[:start] + word + line[pos:], start + len(word), true
}

// commonPrefix is what all words begin with.
func commonPrefix(words []string) string {
	prefix := words[0]
	for _, word := range words[1:] {
		for !strings.HasPrefix(word, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix
}
