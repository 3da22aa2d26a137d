package main

import "maps"

// errorCodes are the Resource Instances of Error Code (Resource /3/0/11): while nothing is wrong there
// is the one instance 0 with the value 0. The first error takes its place, further ones get
// instances of their own, and an error that is over loses its instance.
type errorCodes struct {
	codes map[uint16]int64
}

// Values of Error Code.
const (
	noError    = 0
	lowBattery = 1
)

func newErrorCodes() *errorCodes {
	e := &errorCodes{}
	e.reset()
	return e
}

// reset forgets all errors, as Reset Error Code (/3/0/12) does. Those that still exist are to
// be set again.
func (e *errorCodes) reset() { e.codes = map[uint16]int64{0: noError} }

// set tells whether an error exists, and reports whether that is new.
func (e *errorCodes) set(code int64, exists bool) bool {
	at, known := e.find(code)
	switch {
	case known == exists:
		return false
	case !exists:
		delete(e.codes, at)
		if len(e.codes) == 0 {
			e.reset()
		}
	default:
		if e.codes[0] == noError {
			delete(e.codes, 0) // nothing was wrong, or 0 is free
		}
		e.codes[e.free()] = code
	}
	return true
}

func (e *errorCodes) find(code int64) (uint16, bool) {
	for id, c := range e.codes {
		if c == code {
			return id, true
		}
	}
	return 0, false
}

func (e *errorCodes) free() uint16 {
	for id := uint16(0); ; id++ {
		if _, taken := e.codes[id]; !taken {
			return id
		}
	}
}

// all returns the codes by the IDs of their Resource Instances.
func (e *errorCodes) all() map[uint16]int64 { return maps.Clone(e.codes) }
