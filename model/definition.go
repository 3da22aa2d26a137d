package model

import (
	"errors"
	"fmt"
	"slices"
)

// ErrType is wrapped by errors about a value of the wrong data type.
var ErrType = errors.New("wrong data type")

// ErrRange is wrapped by errors about a value outside of the allowed range.
var ErrRange = errors.New("value out of range")

// Operations is the set of operations that a Server may perform on a Resource.
// The empty set belongs to Resources that only the Client and the
// Bootstrap-Server touch, such as those of the Security Object.
type Operations uint8

// The operations on Resources.
const (
	Readable Operations = 1 << iota
	Writable
	Executable
)

// Has reports whether all operations of q are in the set.
func (o Operations) Has(q Operations) bool { return o&q == q }

// String is the set in the words of the OMA registry: "", "R", "W", "RW" or "E".
func (o Operations) String() string {
	s := ""
	for i, letter := range []string{"R", "W", "E"} {
		if o.Has(1 << i) {
			s += letter
		}
	}
	return s
}

// Object is the definition of an Object in one version. Definitions are shared
// by all Clients of a program and must not be changed once they are in use.
type Object struct {
	ID          uint16
	Name        string
	Description string
	URN         string
	Version     Version // of the Object; 1.0 where the definition has none
	// LwM2MVersion is the lowest version of the enabler that has the Object;
	// 1.0 where the definition has none.
	LwM2MVersion Version
	Multiple     bool       // more than one Object Instance may exist
	Mandatory    bool       // every Client has the Object
	Resources    []Resource // sorted by ID
}

// Resource finds the definition of a Resource by its ID.
func (o *Object) Resource(id uint16) (*Resource, bool) {
	i, ok := slices.BinarySearchFunc(o.Resources, id, func(r Resource, id uint16) int {
		return int(r.ID) - int(id)
	})
	if !ok {
		return nil, false
	}
	return &o.Resources[i], true
}

// Resource is the definition of a Resource.
type Resource struct {
	ID          uint16
	Name        string
	Description string
	Units       string // UCUM or SenML unit, such as "s"; often empty
	Operations  Operations
	Multiple    bool // a Multiple-Instance Resource
	Mandatory   bool // every Object Instance has the Resource
	Kind        Kind // None if the Resource is executable
	Range       Range
}

// Check reports whether v may be the value of the Resource, or of one instance
// of a Multiple-Instance Resource. The error wraps [ErrType] or [ErrRange].
func (r *Resource) Check(v Value) error {
	if r.Kind == None {
		return fmt.Errorf("%w: %s (%d) is executable and has no value", ErrType, r.Name, r.ID)
	}
	if v.Kind() != r.Kind {
		return fmt.Errorf("%w: %s (%d) is %v, not %v", ErrType, r.Name, r.ID, r.Kind, v.Kind())
	}
	if err := r.Range.Check(v); err != nil {
		return fmt.Errorf("%s (%d): %w", r.Name, r.ID, err)
	}
	return nil
}
