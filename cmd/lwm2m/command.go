package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // what was asked for did not work
	exitUsage   = 2 // what was asked for makes no sense
)

// run executes a command line and returns the exit code. It ends soon after ctx.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if told, ok := errors.AsType[*toldError](err); ok {
		return told.code
	}
	message := strings.TrimPrefix(err.Error(), "lwm2m: ")
	fmt.Fprintf(stderr, "lwm2m: %s\n", strings.ReplaceAll(message, "\n", "; "))
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

// toldError is a failure that the user has been told of.
type toldError struct {
	error
	code int
}

func (e *toldError) Unwrap() error { return e.error }

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "lwm2m",
		Short: "An LwM2M device on your terminal",
		Long: `lwm2m speaks OMA Lightweight M2M, the protocol by which servers manage devices.

To see what that is about, run the demonstration; it needs no server:

  lwm2m demo

To register a simulated device with a server of yours:

  lwm2m client --server coap://lwm2m.example.com --endpoint thermo-1

Exit codes: 0 all went well, 1 something did not work, 2 the command line is wrong.`,
		Args:              cobra.ArbitraryArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			hint := ""
			if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
				hint = fmt.Sprintf("; did you mean %q?", like[0])
			}
			return usagef("there is no command %q%s (lwm2m --help lists all)", args[0], hint)
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (see %s --help)", err, cmd.CommandPath())
	})
	root.AddCommand(newClientCommand(), newDemoCommand(), newShellCommand(), newSchemaCommand(), newVersionCommand())
	return root
}

// noArguments refuses whatever is no flag.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s: unexpected argument %q (see %s --help)", cmd.Name(), args[0], cmd.CommandPath())
	}
	return nil
}

// parseLevel reads the flag --log-level.
func parseLevel(level string) (l slog.Level, off bool, err error) {
	if level == "off" {
		return l, true, nil
	}
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return l, false, usagef("--log-level: %q: want off, error, warn, info or debug", level)
	}
	return l, false, nil
}
