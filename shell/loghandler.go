package shell

import (
	"context"
	"log/slog"
	"time"

	"github.com/lwm2m-go/lwm2m"
)

// NewLogHandler returns a handler for the Logger of a client, or of many, which tells say the lines that an embedded
// device would log at each moment; see [Line]. serverObject gives the instance of the Server Object that a server
// has, by its Short Server ID; nil stands for 0. next, if it is not nil, gets the records of the client as they are, by its own level.
func NewLogHandler(say func(Line), serverObject func(server uint16) uint16, next slog.Handler) slog.Handler {
	if next == nil {
		next = slog.DiscardHandler
	}
	return &logHandler{lines: &seedLog{log: say, object: serverObject}, next: next}
}

// logHandler turns records of a client into the lines of an embedded device. Records, other than events, come in step
// with the messages that they are about.
type logHandler struct {
	lines    *seedLog
	next     slog.Handler
	endpoint string
}

// Enabled reports that all levels are wanted: each message passes.
func (h *logHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle takes a record.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if kind, ok := eventNamed(r.Message); ok {
		h.lines.event(eventOf(kind, r), h.endpoint)
	} else if r.Message == "message ->" {
		h.message(r)
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

// message looks for a Register.
func (h *logHandler) message(r slog.Record) {
	attrs := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value
		return true
	})
	if attrs["code"].String() != "POST" || attrs["path"].String() != "/rd" {
		return
	}
	server, _ := attrs["server"].Any().(uint64)
	h.lines.registering(uint16(server), attrs["mid"].Any(), attrs["query"].String())
}

// eventOf is the event that a record tells of.
func eventOf(kind lwm2m.EventKind, r slog.Record) lwm2m.Event {
	e := lwm2m.Event{Kind: kind, Time: r.Time}
	r.Attrs(func(a slog.Attr) bool {
		switch v := a.Value.Any().(type) {
		case uint64:
			if a.Key == "server" {
				e.Server = uint16(v)
			}
		case string:
			if a.Key == "path" {
				e.Path, _ = lwm2m.ParsePath(v)
			}
		case error:
			e.Err = v
		case time.Time:
			e.Next = v
		}
		return true
	})
	return e
}

// WithAttrs returns a handler for records of a client.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.next = h.next.WithAttrs(attrs)
	for _, a := range attrs {
		if a.Key == "endpoint" {
			with.endpoint = a.Value.String()
		}
	}
	return &with
}

// WithGroup returns a handler for records of a group.
func (h *logHandler) WithGroup(name string) slog.Handler {
	with := *h
	with.next = h.next.WithGroup(name)
	return &with
}
