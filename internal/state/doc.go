// Package state writes and reads what a client keeps over restarts: [Device], [Sessions] and [History]. Each is
// a document in CBOR (RFC 8949) with its name and its version, the first items of an array; everything
// else is by position. A document of a later version is refused with [ErrVersion], never guessed at.
package state

import (
	"errors"
	"fmt"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
)

// Version is the version of the documents that this package writes. It grows with every change of them; all
// earlier versions can be read.
const Version = 1

// ErrVersion says that a document is of a later version than this package knows.
var ErrVersion = errors.New("the saved state is from a later version of this software")

// ErrMalformed says that a document is not one.
var ErrMalformed = errors.New("the saved state is malformed")

// Names of the documents.
const (
	nameDevice   = "device"
	nameSessions = "sessions"
	nameHistory  = "history"
)

// begin writes the head of a document with so many items.
func begin(name string, items int) []byte {
	dst := cbor.AppendArray(nil, 2+items)
	dst = cbor.AppendText(dst, name)
	return cbor.AppendUint(dst, Version)
}

// reader reads a document. After the first error all it reads is zero.
type reader struct {
	cbor.Decoder
	err error
}

// open reads the head of a document.
func open(name string, items int, data []byte) *reader {
	r := &reader{Decoder: cbor.NewDecoder(data)}
	all := r.list()
	got, version := "", uint64(0)
	if r.more(&all) {
		got = string(r.text())
	}
	if r.more(&all) {
		version = r.uint(1<<32 - 1)
	}
	switch {
	case r.err != nil:
	case got != name:
		r.fail(fmt.Errorf("it is %q, not %q", got, name))
	case version > Version:
		r.err = fmt.Errorf("%w: %s of version %d; this one knows %d", ErrVersion, name, version, Version)
	case version == 0 || !all.is(items):
		r.fail(fmt.Errorf("%s of version %d does not look like this", name, version))
	}
	return r
}

// close gives the error of all that was read.
func (r *reader) close() error {
	if r.err == nil {
		if err := r.Finish(); err != nil {
			r.fail(err)
		}
	}
	return r.err
}

func (r *reader) fail(err error) {
	if r.err == nil && err != nil {
		r.err = fmt.Errorf("%w: %w", ErrMalformed, err)
	}
}

// list is an array whose items are counted down.
type list struct{ left int }

// is reports whether so many items are left.
func (l *list) is(n int) bool { return l.left == n }

// list reads the head of an array, which must have a definite length.
func (r *reader) list() list {
	if r.err != nil {
		return list{}
	}
	items, err := r.Array()
	if err != nil {
		r.fail(err)
		return list{}
	}
	n, ok := items.Left()
	if !ok {
		r.fail(errors.New("an array of indefinite length"))
	}
	return list{n}
}

// tuple reads the head of an array of just n items.
func (r *reader) tuple(n int) {
	if l := r.list(); r.err == nil && !l.is(n) {
		r.fail(fmt.Errorf("an array of %d items, want %d", l.left, n))
	}
}

// more counts an item; false at the end or after an error.
func (r *reader) more(l *list) bool {
	if r.err != nil || l.left == 0 {
		return false
	}
	l.left--
	return true
}

func (r *reader) text() []byte  { return read(r, r.Text) }
func (r *reader) bytes() []byte { return read(r, r.Bytes) }
func (r *reader) bool() bool    { return read(r, r.Bool) }

// copied is bytes in memory of their own; nil if there are none.
func (r *reader) copied() []byte { return append([]byte(nil), r.bytes()...) }

func (r *reader) number() cbor.Number { return read(r, r.Number) }

func (r *reader) uint(most uint64) uint64 {
	n, ok := r.number().Uint()
	if !ok || n > most {
		r.fail(fmt.Errorf("a number that is not between 0 and %d", most))
		return 0
	}
	return n
}

func (r *reader) int() int64 {
	n, ok := r.number().Int()
	if !ok {
		r.fail(errors.New("a number that is no integer of 64 bits"))
	}
	return n
}

func read[T any](r *reader, f func() (T, error)) (v T) {
	if r.err != nil {
		return v
	}
	v, err := f()
	r.fail(err)
	return v
}
