package shell

import (
	"context"
	"log/slog"
	"time"

	"github.com/lwm2m-go/lwm2m"
)

// NewLogHandler returns a handler for the Logger of a client, or of many, which tells say the lines that an embedded
// device would log at each moment; see [Line]. serverObject gives the instance of the Server Object that a server
// has, by its Short Server ID, and for 0 the instance of the Security Object that the Bootstrap-Server has; nil stands for 0. next, if it is not nil, gets the records of the client as they are, by its own level.
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
	} else {
		h.message(r)
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

// message looks for messages that lines tell of.
func (h *logHandler) message(r slog.Record) {
	sent := r.Message == "message ->"
	if !sent && r.Message != "message <-" {
		return
	}
	attrs := map[string]slog.Value{}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value
		return true
	})
	server, _ := attrs["server"].Any().(uint64)
	query, id := attrs["query"].String(), attrs["mid"].Any()
	switch attrs["code"].String() + attrs["path"].String() {
	case "POST/rd":
		if sent {
			h.lines.registering(uint16(server), id, query)
		}
	case "POST/bs", "GET/bspack":
		if sent {
			h.lines.bootstrapping(id, query)
		}
	default:
		if !sent && isBootstrapTrigger(attrs["code"].String(), attrs["path"].String()) {
			h.lines.client(levelInfo, "Server Initiated Bootstrap")
		}
	}
}

// isBootstrapTrigger reports whether a request executes Resource 9 of the Server Object.
func isBootstrapTrigger(code, path string) bool {
	p, err := lwm2m.ParsePath(path)
	return err == nil && code == "POST" && p.Depth() == 3 && p.Object() == objectServer && p.Resource() == serverBootstrapTrigger
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
