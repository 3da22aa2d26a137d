package main

import (
	"errors"
	"fmt"
	"sync"

	"github.com/lwm2m-go/lwm2m"
)

// registrationWatch remembers how the registration went, for the exit code.
type registrationWatch struct {
	mu         sync.Mutex
	registered bool  // at least once
	failure    error // the last on the way there
	leaving    bool  // a De-register was sent, and nothing has come of it yet
	trouble    error // the last while leaving
	refused    error // why the De-register failed
}

var errNoAnswer = errors.New("no answer in time")

func (w *registrationWatch) event(e lwm2m.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case e.Kind == lwm2m.Registered:
		w.registered, w.refused = true, nil
	case e.Kind == lwm2m.Deregistering:
		w.leaving, w.trouble = true, errNoAnswer
	case e.Kind == lwm2m.Disconnected:
		w.leaving = false
	case e.Kind == lwm2m.DeregistrationFailed:
		w.leaving, w.refused = false, e.Err
		if w.trouble != nil && w.trouble != errNoAnswer {
			w.refused = w.trouble // the network tells more
		}
	case e.Kind == lwm2m.NetworkError && w.leaving:
		w.trouble = e.Err
	case e.Err != nil:
		w.failure = e.Err
	}
}

// result is what the command ends with. Whoever interrupts a device that has not registered knows.
func (w *registrationWatch) result(timeIsUp bool, server string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	goodbye, failure := w.refused, w.failure
	if w.leaving {
		goodbye = w.trouble
	}
	if failure == nil {
		failure = errNoAnswer
	}
	switch {
	case goodbye != nil:
		return fmt.Errorf("%s did not take the De-register: %s", server, reason(goodbye))
	case timeIsUp && !w.registered:
		return fmt.Errorf("could not register with %s: %s", server, reason(failure))
	}
	return nil
}
