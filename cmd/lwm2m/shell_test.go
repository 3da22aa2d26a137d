package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
)

const shellSetup = "write 0/0/0 SERVER; write 0/0/2 3; write 0/0/10 1; create 1/0; start thermo-1; wait REGISTRATION_COMPLETE"

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A shell that is interrupted while it waits for the next line ends, and the device de-registers.
func TestShellInterruptedWhileReading(t *testing.T) {
	srv := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdin, typed := io.Pipe()
	defer typed.Close()
	var stdout, stderr buffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"shell"}, stdin, &stdout, &stderr) }()
	if _, err := io.WriteString(typed, strings.ReplaceAll(shellSetup, "SERVER", srv.URI())+"\n"); err != nil {
		t.Fatal(err)
	}
	srv.WaitRegistered("thermo-1")
	cancel()
	if got := <-code; got != exitOK && got != exitFailure { // as it may still wait for the event
		t.Errorf("exit code %d", got)
	}
	srv.WaitEvent(server.Deregistered, "thermo-1")
	if !strings.Contains(stderr.String(), "interrupted: the device de-registers\n") {
		t.Errorf("standard error: %q", stderr.String())
	}
}

func TestShellExitCodes(t *testing.T) {
	for commands, want := range map[string]int{
		"ls":                            exitOK,
		"read 3/0/0":                    exitOK,
		"exit":                          exitOK,
		"read 3/0/99":                   exitFailure,
		"stop":                          exitFailure,
		"wait REGISTRATION_COMPLETE 0":  exitFailure,
		"nonsense":                      exitUsage,
		"read":                          exitUsage,
		"read 3/0/0 -u8":                exitUsage,
		"nonsense; stop":                exitFailure,
		"stop; nonsense":                exitUsage,
		"stop; read 3/0/0":              exitFailure,
		"start thermo-1":                exitUsage,
		"read 'open":                    exitUsage,
		strings.Repeat("x", 100000):     exitUsage,
		"read 3/0/99; exit; read 3/0/0": exitFailure,
	} {
		var stdout, stderr bytes.Buffer
		if got := run(t.Context(), []string{"shell", "-c", commands}, strings.NewReader(""), &stdout, &stderr); got != want {
			t.Errorf("%.40s: exit code %d, want %d: %s", commands, got, want, stderr.String())
		}
	}
}

func TestKeepFirmware(t *testing.T) {
	f := shellFlags{}
	if err := f.keepFirmware(t.Context(), []byte("pack")); err != nil {
		t.Error(err)
	}
	f.firmware = filepath.Join(t.TempDir(), "firmware.bin")
	if err := f.keepFirmware(t.Context(), []byte("pack")); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(f.firmware); err != nil || string(got) != "pack" {
		t.Errorf("%q, %v", got, err)
	}
	f.firmware = t.TempDir()
	if f.keepFirmware(t.Context(), []byte("pack")) == nil {
		t.Error("a folder is taken for a file")
	}
}

func TestZephyrLogTime(t *testing.T) {
	var out bytes.Buffer
	w := &zephyrWriter{w: &out, start: time.Now().Add(-25*time.Hour - 61*time.Minute)}
	w.write(slog.LevelWarn, "module", "text")
	if got := out.String(); !strings.HasPrefix(got, "[26:01:00.0") || !strings.HasSuffix(got, "] <wrn> module: text\n") {
		t.Error(got)
	}
}
