package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/cmd/lwm2m/internal/devicefile"
	"github.com/lwm2m-go/lwm2m/shell"
	"github.com/spf13/cobra"
)

// logFlags are the flags about the log.
type logFlags struct {
	level string
	style string
}

// Styles of logs.
const (
	styleText   = "text"
	styleJSON   = "json"
	styleZephyr = "zephyr"
)

func (f *logFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.level, "log-level", "",
		"write a log of at least this `level` to standard error: off, error, warn, info, or debug for each message\n(default off, and info with --log-style)")
	cmd.Flags().StringVar(&f.style, "log-style", "",
		"`style` of the log: text, json, or zephyr for the lines that devices with Zephyr log (default text)")
}

// logger makes the logger of a client that is not a shell's.
func (f *logFlags) logger(w io.Writer) (*slog.Logger, error) {
	logger, lines, err := f.open(w)
	if lines != nil {
		logger = slog.New(shell.NewLogHandler(lines, nil, logger.Handler()))
	}
	return logger, err
}

// prefer takes from a device file what the command line leaves open.
func (f *logFlags) prefer(cmd *cobra.Command, file *devicefile.File) {
	if !cmd.Flags().Changed("log-level") {
		f.level = file.LogLevel
	}
	if !cmd.Flags().Changed("log-style") {
		f.style = file.LogStyle
	}
}

// open makes the logger, and for the style zephyr what takes the lines of an embedded device.
func (f *logFlags) open(w io.Writer) (*slog.Logger, func(shell.Line), error) {
	level := f.level
	if level == "" {
		level = "off"
		if f.style != "" {
			level = "info"
		}
	}
	l, off, err := parseLevel(level)
	if err != nil {
		return nil, nil, err
	}
	options := &slog.HandlerOptions{Level: l}
	switch {
	case f.style != "" && f.style != styleText && f.style != styleJSON && f.style != styleZephyr:
		return nil, nil, usagef("--log-style: %q: want text, json or zephyr", f.style)
	case off:
		return slog.New(slog.DiscardHandler), nil, nil
	case f.style == styleJSON:
		return slog.New(slog.NewJSONHandler(w, options)), nil, nil
	case f.style == styleZephyr:
		h := &zephyrHandler{level: l, out: &zephyrWriter{w: w, start: time.Now()}}
		return slog.New(h), h.line, nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil, nil
}

// zephyrHandler writes lines as Zephyr's log does: [hh:mm:ss.mmm,uuu] <inf> module: text.
type zephyrHandler struct {
	level slog.Level
	out   *zephyrWriter
	attrs string
}

// zephyrWriter is where all handlers of a log write to.
type zephyrWriter struct {
	mu    sync.Mutex
	w     io.Writer
	start time.Time
}

// line writes a line of an embedded device.
func (h *zephyrHandler) line(l shell.Line) {
	if l.Level >= h.level {
		h.out.write(l.Level, l.Logger, l.Text)
	}
}

func (w *zephyrWriter) write(level slog.Level, module, text string) {
	name := "dbg"
	switch {
	case level >= slog.LevelError:
		name = "err"
	case level >= slog.LevelWarn:
		name = "wrn"
	case level >= slog.LevelInfo:
		name = "inf"
	}
	t := time.Since(w.start)
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.w, "[%02d:%02d:%02d.%03d,%03d] <%s> %s: %s\n", int(t.Hours()), int(t.Minutes())%60, int(t.Seconds())%60,
		t.Milliseconds()%1000, t.Microseconds()%1000, name, module, text)
}

// Enabled reports whether a level is logged.
func (h *zephyrHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// Handle writes a record, but for events: of those the lines of the device tell.
func (h *zephyrHandler) Handle(_ context.Context, r slog.Record) error {
	if isEvent(r.Message) {
		return nil
	}
	text := r.Message + h.attrs
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	h.out.write(r.Level, "lwm2m", text)
	return nil
}

// WithAttrs returns a handler that adds attributes. The endpoint is known to whom looks at the log of one device.
func (h *zephyrHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	for _, a := range attrs {
		if a.Key != "endpoint" {
			with.attrs += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
	}
	return &with
}

// WithGroup returns a handler whose attributes have no group: lines are for people.
func (h *zephyrHandler) WithGroup(string) slog.Handler { return h }

// isEvent reports whether a message is the name of an event.
func isEvent(message string) bool {
	for kind := lwm2m.EventKind(1); kind != 0; kind++ {
		switch name := kind.String(); {
		case name == message:
			return true
		case strings.HasPrefix(name, "EventKind("):
			return false
		}
	}
	return false
}
