package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/cmd/lwm2m/internal/devicefile"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/shell"
	"github.com/spf13/cobra"
)

// shellFlags are the flags of lwm2m shell.
type shellFlags struct {
	commands string
	json     bool
	prompt   string
	version  string
	firmware string
	queue    bool
	file     string
	log      logFlags
}

// maxFirmware is the most that servers can write at once, in bytes.
const maxFirmware = 64 << 20

const defaultPrompt = "uart:~$ "

func newShellCommand() *cobra.Command {
	f := shellFlags{}
	cmd := &cobra.Command{
		Use:   "shell [-f DEVICE.yaml] [-c COMMANDS]",
		Short: "Be a device by hand, or by script",
		Long: `Runs commands on a device: read and write values, create and delete Object
Instances, start and stop the registration, send, observe what is observed. The
command help lists all.

On a terminal there is a prompt, with history and completion (Tab). From a pipe
or a file, commands are read line by line, and nothing but their answers is
written: values to standard output, failures to standard error. The exit code is
that of the last failure: 1 something did not work, 2 a command is wrong.

With -f the device is the one that a file describes, and is started at once; flags
win over what stands there. lwm2m schema prints the form of such files.

When the commands are over, or the shell is interrupted (Ctrl-C), the device
de-registers. While a command runs on a terminal, Ctrl-C ends only that.`,
		Example: `  lwm2m shell
  lwm2m shell -c 'read /device/0/manufacturer -s; ls 3'
  lwm2m shell -f examples/thermometer.yaml
  lwm2m shell --log-style zephyr < session.txt`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.commands, "command", "c", "", "run these `commands`, separated by semicolons, and nothing else")
	addDeviceFile(cmd, &f.file)
	flags.BoolVar(&f.json, "json", false, "answer each command with a line of JSON")
	flags.StringVar(&f.prompt, "prompt", "", "write this `text` before each command, also from a pipe (default \""+defaultPrompt+"\" on a terminal)")
	flags.StringVar(&f.version, "version", "1.1", "`version` of LwM2M: 1.0, 1.1 or 1.2")
	flags.StringVar(&f.firmware, "firmware", "", "`file` that firmware is written to (default: it is dropped)")
	flags.BoolVar(&f.queue, "queue", false, "register in queue mode: the device listens only for a while after it has spoken")
	f.log.add(cmd)
	return cmd
}

// session is a shell at work.
type session struct {
	flags  *shellFlags
	given  bool // the commands are in the flags
	device *describedDevice
	shell  *shell.Shell
	screen *screen // nil unless somebody types
	// interrupts end commands; nil unless somebody types.
	interrupts *interrupts
	stdout     io.Writer
	stderr     io.Writer
}

func (f *shellFlags) run(cmd *cobra.Command) error {
	file, err := f.described(cmd)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE) // a write that fails ends the shell in order
	ctx := cmd.Context()
	if !signal.Ignored(syscall.SIGHUP) { // the terminal is closed
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGHUP)
		defer stop()
	}
	s := &session{flags: f, given: cmd.Flags().Changed("command"), stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr()}
	if !s.given {
		s.screen = newScreen(cmd.InOrStdin(), cmd.OutOrStdout(), f.prompt)
	}
	if s.screen != nil {
		s.stdout, s.stderr = s.screen, s.screen
		ctx, s.interrupts = takeInterrupts(ctx)
	}
	if err := s.open(ctx, file); err != nil {
		return err
	}
	s.shell = shell.New(shell.Config{
		Device: s.device.Device, Out: s.stdout, Err: s.stderr, JSON: f.json, Prompt: f.prompt, Open: openFile, Create: createFile,
	})
	return s.end(ctx, s.work(ctx, cmd.InOrStdin()))
}

// described is the device file, in which the flags have won; without a file, what the flags say alone.
func (f *shellFlags) described(cmd *cobra.Command) (file *devicefile.File, err error) {
	file = &devicefile.File{}
	if f.file != "" {
		if file, err = readDeviceFile(cmd, f.file); err != nil {
			return nil, err
		}
	}
	if cmd.Flags().Changed("version") || file.Version.IsZero() {
		if file.Version, err = parseVersion(f.version); err != nil {
			return nil, err
		}
	}
	if cmd.Flags().Changed("queue") {
		file.QueueMode = f.queue
	}
	f.log.prefer(cmd, file)
	return file, nil
}

// open makes the device, and starts it if a file says which.
func (s *session) open(ctx context.Context, file *devicefile.File) error {
	logger, lines, err := s.flags.log.open(s.stderr)
	if err != nil {
		return err
	}
	s.device, err = newDescribed(file, shell.DeviceConfig{
		Client: lwm2m.Config{
			Logger: logger, Network: &link.UDP{KeepPort: true},
			MinUpdateInterval: time.Second, // who types update means now
			Transmission:      lwm2m.Transmission{MaxBody: maxFirmware},
		},
		OnLog:    lines,
		Firmware: s.flags.keepFirmware,
	}, newTerminal(s.stderr))
	if err != nil {
		return told(s.stderr, err)
	}
	s.device.simulate(ctx)
	if file.Endpoint == "" || file.Stopped || !s.device.accounts {
		return nil
	}
	if err := s.device.Start(file.Endpoint, false); err != nil {
		s.device.end(ctx)
		return err
	}
	if s.screen != nil {
		fmt.Fprintf(s.stdout, "%s registers with %s; try: status, ls, help\n", file.Endpoint, newFileNarrator(file).target())
	}
	return nil
}

// work runs the commands.
func (s *session) work(ctx context.Context, stdin io.Reader) error {
	switch {
	case s.given:
		return s.shell.Run(ctx, s.flags.commands)
	case s.screen != nil:
		return s.converse(ctx)
	}
	return unlessStuck(ctx, func() error { return s.shell.Source(ctx, stdin) })
}

// unlessStuck runs what ends soon when ctx does, unless it reads, which may go on for ever: then it is left alone.
func unlessStuck(ctx context.Context, run func() error) error {
	done := make(chan error, 1)
	go func() { done <- run() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		select {
		case err := <-done:
			return err
		case <-time.After(interruptedGrace):
			return nil
		}
	}
}

// interruptedGrace is what a command gets to end once it is interrupted, while reading cannot be.
const interruptedGrace = 200 * time.Millisecond

// converse runs the lines that somebody types.
func (s *session) converse(ctx context.Context) (err error) {
	s.screen.complete = s.shell.Complete
	for !s.shell.Ended() {
		line, readErr := s.screen.readLine(ctx)
		if readErr != nil {
			if !errors.Is(readErr, io.EOF) && ctx.Err() == nil {
				return readErr
			}
			return err
		}
		failure := s.interrupts.run(ctx, func(ctx context.Context) error { return s.shell.Run(ctx, line) })
		if failure != nil {
			err = failure
		}
		if ctx.Err() != nil {
			return err
		}
	}
	return err
}

// end de-registers the device, and makes the outcome that of the program.
func (s *session) end(ctx context.Context, outcome error) error {
	if s.device.Client() != nil && ctx.Err() != nil {
		fmt.Fprintln(s.stderr, "interrupted: the device de-registers")
	}
	s.device.end(context.Background())
	if err := s.shell.Close(); err != nil && outcome == nil {
		return err
	}
	if outcome == nil {
		return nil
	}
	told := &toldError{outcome, exitFailure}
	if wrong, ok := errors.AsType[*shell.Error](outcome); ok && wrong.IsUsage() {
		told.code = exitUsage
	}
	return told
}

// keepFirmware writes a package to the file that the user wants it in.
func (f *shellFlags) keepFirmware(_ context.Context, pack []byte) error {
	if f.firmware == "" {
		return nil
	}
	return os.WriteFile(f.firmware, pack, 0o600)
}

func openFile(name string) (io.ReadCloser, error) { return os.Open(name) }

func createFile(name string) (io.WriteCloser, error) { return os.Create(name) }
