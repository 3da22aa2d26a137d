package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestScriptTellsWhatIsMissing(t *testing.T) {
	ok := func(context.Context) error { return nil }
	fails := func(context.Context) error { return errors.New("no such thing") }
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for _, test := range []struct {
		name      string
		steps     []step
		limit     time.Duration
		interrupt bool
		want      string
	}{
		{"all is well", []step{{"Read", ok}, {"Write", ok}}, time.Hour, false, ""},
		{"one fails", []step{{"Read", ok}, {"Write", fails}, {"Execute", ok}}, time.Hour, false, "Write: no such thing"},
		{"one hangs", []step{{"Read", hangs}}, time.Hour, false, "Read: context deadline exceeded"},
		{"short", []step{{"Read", ok}, {"Write", hangs}, {"Execute", ok}}, time.Second, false, "the time was too short to show: Write, Execute"},
		{"just enough", []step{{"Read", ok}, {"Write", ok}}, demoPace * 3 / 2, false, ""},
		{"interrupted", []step{{"Read", ok}, {"Write", hangs}}, time.Second, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				if test.interrupt {
					cancel()
				}
				got := ""
				if err := (&demo{pace: demoPace}).script(ctx, test.steps); err != nil {
					got = err.Error()
				}
				if got != test.want {
					t.Errorf("%q, want %q", got, test.want)
				}
			})
		})
	}
}

// A demonstration in which the device is refused fails, and says why on both sides.
func TestDemoFails(t *testing.T) {
	srv, err := server.New(server.Config{
		Intercept: func(context.Context, server.Intercepted) server.Verdict {
			return server.Verdict{Code: model.Forbidden, Reason: "closed today"}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	d := newDemo(newTerminal(&output), slog.New(slog.DiscardHandler))
	d.server = srv
	err = d.run(ctx)
	if err == nil || !strings.HasPrefix(err.Error(), "the time was too short to show: Register, Read") {
		t.Errorf("the demonstration ends with %v", err)
	}
	if want := byDevice + srv.URI() + " refused: 4.03 Forbidden: closed today"; !strings.Contains(output.String(), want) {
		t.Errorf("the output lacks %q:\n%s", want, output.String())
	}
}

func TestColours(t *testing.T) {
	var output bytes.Buffer
	out := newTerminal(&output)
	out.line(red, "no terminal")
	out.colours = true
	out.line(red, "a %s", "terminal")
	out.line(noColour, "plain")
	if got, want := output.String(), "no terminal\n\x1b[31ma terminal\x1b[0m\nplain\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
