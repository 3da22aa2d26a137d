package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
)

// typist types at a shell that runs on a terminal.
type typist struct {
	*testing.T
	terminal *os.File // our end of it
	other    *os.File // that of the shell
	shell    *exec.Cmd
	output   buffer
	seen     int // of the output
}

// newTypist starts a shell on a pseudo-terminal.
func newTypist(t *testing.T, args ...string) *typist {
	t.Helper()
	w := &typist{T: t}
	var err error
	w.terminal, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { w.terminal.Close() })
	fd := int(w.terminal.Fd())
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 200})
	}
	if err == nil {
		w.other, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.other.Close() })
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w.shell = exec.Command(program)
	w.shell.Args = append([]string{"lwm2m", "shell"}, args...)
	w.shell.Stdin, w.shell.Stdout, w.shell.Stderr = w.other, w.other, w.other
	w.shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := w.shell.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(&w.output, w.terminal) }()
	return w
}

// types writes to the terminal.
func (w *typist) types(keys string) {
	w.Helper()
	if _, err := io.WriteString(w.terminal, keys); err != nil {
		w.Fatal(err)
	}
}

// sees waits until what appeared since the last time matches.
func (w *typist) sees(pattern string) {
	w.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		if at := re.FindStringIndex(w.output.String()[w.seen:]); at != nil {
			w.seen += at[1]
			return
		}
	}
	w.Fatalf("%q does not match %s", w.output.String()[w.seen:], pattern)
}

// mode is how the terminal treats what is typed.
func (w *typist) mode() unix.Termios {
	w.Helper()
	state, err := unix.IoctlGetTermios(int(w.other.Fd()), unix.TCGETS)
	if err != nil {
		w.Fatal(err)
	}
	return *state
}

const prompt = `uart:~\$ `

func TestTerminal(t *testing.T) {
	w := newTypist(t)
	w.sees(prompt)
	w.types("read 3/0/0 -s\r")
	w.sees("\r\nlwm2m-go\r\n" + prompt)
	w.types("\x1b[A\r") // the line before
	w.sees("\r\nlwm2m-go\r\n" + prompt)
	w.types("rea\t/dev\t0/manu\t-s\r")
	w.sees("read /device")
	w.types("\x15read /device/0/manu\t-s\r")
	w.sees("read /device/0/manufacturer -s\r\nlwm2m-go\r\n" + prompt)
	w.types("re\t")
	w.sees("read  reboot  resume  retval\r\n")
	w.types("\x15nonsense\r")
	w.sees("nonsense: command not found; help lists all\r\n" + prompt)
	w.types("\x01\x02\x1b[99~\x7f\x15")
	w.types(strings.Repeat("x", 5000) + "\r")
	w.sees("command not found")
	w.types("exit\r")
	if err := w.shell.Wait(); err == nil || w.shell.ProcessState.ExitCode() != exitUsage {
		t.Errorf("ends with %v", err) // the last failure's
	}
}

// Whatever ends a shell, the device de-registers, and the terminal is as it was.
func TestTerminalIsLeftSane(t *testing.T) {
	for name, end := range map[string]func(*typist){
		"Ctrl-C at the prompt":  func(w *typist) { w.types("\x03") },
		"Ctrl-D at the prompt":  func(w *typist) { w.types("\x04") },
		"Ctrl-C within a line":  func(w *typist) { w.types("read 3/0/\x03") },
		"terminated":            func(w *typist) { _ = w.shell.Process.Signal(syscall.SIGTERM) },
		"exit":                  func(w *typist) { w.types("exit\r") },
		"Ctrl-C after Ctrl-C":   func(w *typist) { w.interruptsWait(); w.types("\x03") },
		"interrupted elsewhere": func(w *typist) { _ = w.shell.Process.Signal(os.Interrupt) },
		"Ctrl-C twice while it cannot end": func(w *typist) {
			w.types("source /dev/tty\r")
			w.waits()
			w.types("\x03")
			<-time.After(20 * time.Millisecond) // so that the two are not taken for one
			w.types("\x03")
			w.sees("interrupted: the device de-registers")
		},
		"terminated as it waits": func(w *typist) {
			w.types("wait OBSERVER_ADDED\r")
			w.waits()
			_ = w.shell.Process.Signal(syscall.SIGTERM)
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})
			w := newTypist(t, "--log-style", "zephyr")
			before := w.mode()
			w.sees(prompt)
			w.types(strings.ReplaceAll(shellSetup, "SERVER", srv.URI()) + "\r")
			srv.WaitRegistered("thermo-1")
			w.sees(`(?s)REGISTRATION_COMPLETE server 1 .*` + prompt)
			end(w)
			ended := make(chan error, 1)
			go func() { ended <- w.shell.Wait() }()
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				_ = w.shell.Process.Kill()
				t.Fatalf("it goes on: %q", w.output.String())
			}
			srv.WaitEvent(server.Deregistered, "thermo-1")
			if after := w.mode(); after != before {
				t.Errorf("the terminal was %+v, is %+v", before, after)
			}
		})
	}
}

// Ctrl-C ends the command that runs, and no other: the shell and the registration stay.
func TestTerminalInterruptedCommand(t *testing.T) {
	srv := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})
	w := newTypist(t)
	w.sees(prompt)
	w.types(strings.ReplaceAll(shellSetup, "SERVER", srv.URI()) + "\r")
	srv.WaitRegistered("thermo-1")
	w.sees(`(?s)REGISTRATION_COMPLETE server 1 .*` + prompt)
	w.interruptsWait()
	w.interruptsWait() // one more is not the second
	w.types("retval; status\r")
	w.sees(`-140\r\nrunning as thermo-1\r\nserver 1  .* registered at (?s).*` + prompt)
	w.types("exit\r")
	if err := w.shell.Wait(); err == nil || w.shell.ProcessState.ExitCode() != exitFailure {
		t.Errorf("ends with %v", err)
	}
	srv.WaitEvent(server.Deregistered, "thermo-1")
}

// interruptsWait interrupts a line of commands at its first.
func (w *typist) interruptsWait() {
	w.Helper()
	w.types("wait OBSERVER_ADDED; nonsense\r")
	w.waits()
	w.types("\x03")
	w.sees(`interrupted \(err -140\): context canceled\r\n` + prompt)
}

// waits waits until the shell runs a command, as the terminal tells by its mode.
func (w *typist) waits() {
	w.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		if w.mode().Lflag&unix.ECHO != 0 {
			return
		}
	}
	w.Fatal("no command runs")
}

// Who begins with a device file is told that the device is at work.
func TestTerminalDeviceFile(t *testing.T) {
	srv := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})
	name := filepath.Join(t.TempDir(), "device.yaml")
	text := "endpoint: thermo-1\nservers: [{uri: '" + srv.URI() + "', security: none}]\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newTypist(t, "-f", name)
	w.sees(`thermo-1 registers with coap://127\.0\.0\.1:\d+; try: status, ls, help\r\n`)
	w.sees(`uart:~\$ `)
	srv.WaitRegistered("thermo-1")
	w.types("\x04")
	if err := w.shell.Wait(); err != nil {
		t.Error(err)
	}
	srv.WaitEvent(server.Deregistered, "thermo-1")
}
