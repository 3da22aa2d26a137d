package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

func TestExitCodes(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		ctx  context.Context
		args string
		want int
	}{
		{t.Context(), "", exitOK},
		{t.Context(), "version", exitOK},
		{t.Context(), "help client", exitOK},
		{t.Context(), "nonsense", exitUsage},
		{t.Context(), "version 2", exitUsage},
		{t.Context(), "demo --for never", exitUsage},
		{t.Context(), "client --server foo --endpoint x", exitUsage},
		{t.Context(), "client --server coap://localhost --endpoint " + strings.Repeat("x", maxEndpoint+1), exitUsage},
		{t.Context(), "client --server coap://192.0.2.1 --endpoint x --for 10ms", exitFailure},
		{interrupted, "client --server coap://192.0.2.1 --endpoint x", exitOK},
		{interrupted, "demo", exitOK},
	} {
		var stdout, stderr bytes.Buffer
		got := run(test.ctx, strings.Fields(test.args), strings.NewReader(""), &stdout, &stderr)
		if got != test.want {
			t.Errorf("lwm2m %s: exit code %d, want %d: %s", test.args, got, test.want, stderr.String())
		}
		if lines := strings.Count(stderr.String(), "\n"); got != exitOK && lines != 1 {
			t.Errorf("lwm2m %s: %d lines of errors, want 1: %s", test.args, lines, stderr.String())
		}
	}
}

func TestSeconds(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"300s": 5 * time.Minute, "86400": 24 * time.Hour, "1": time.Second, "1h30m": 90 * time.Minute,
		"0": 0, "-5": 0, "1.5s": 0, "": 0, "forever": 0, "9999999999": 0,
	} {
		var s seconds
		err := s.Set(text)
		if (err == nil) != (want != 0) || time.Duration(s) != want {
			t.Errorf("%q: %v, %v; want %v", text, time.Duration(s), err, want)
		}
	}
}
