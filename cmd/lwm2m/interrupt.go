package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
)

// endAtOnce is for who does not want to wait for an end in order.
func endAtOnce() {
	fmt.Fprintln(os.Stderr, "lwm2m: interrupted twice, ended at once")
	os.Exit(exitFailure)
}

// interrupts are those of somebody who types: Ctrl-C ends the command that runs. A second one while it does not end, or one
// while no command runs, ends the program in order, and one more at once.
type interrupts struct {
	end context.CancelFunc // of the program, in order

	mu      sync.Mutex
	command context.CancelFunc // ends the command that runs; nil if there is none, or it has been told
	ending  bool
}

// takeInterrupts has interrupts no longer end the program at once, until it ends; ctx ends instead.
func takeInterrupts(ctx context.Context) (context.Context, *interrupts) {
	ctx, end := context.WithCancel(ctx)
	i := &interrupts{end: end}
	signals := make(chan os.Signal, 3)
	signal.Ignore(os.Interrupt) // by the others who have asked for it
	signal.Notify(signals, os.Interrupt)
	go func() {
		for range signals {
			if !i.interrupt() {
				endAtOnce()
			}
		}
	}()
	return ctx, i
}

// interrupt does what Ctrl-C does. It returns false if all has been done that can be in order.
func (i *interrupts) interrupt() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.command != nil:
		i.command()
		i.command = nil
	case i.ending:
		return false
	default:
		i.end()
		i.ending = true
	}
	return true
}

// run runs a command that interrupts end.
func (i *interrupts) run(ctx context.Context, command func(context.Context) error) error {
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	i.set(cancel)
	defer i.set(nil)
	return unlessStuck(ctx, func() error { return command(own) })
}

func (i *interrupts) set(command context.CancelFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.command = command
}
