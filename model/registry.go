package model

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// ErrConflict is wrapped by [Registry.Add] if a Registry has another definition
// of the same Object version, or the definition contradicts itself.
var ErrConflict = errors.New("conflicting definition")

// ErrShared is the error of [Registry.Add] on a Registry that all users share.
var ErrShared = errors.New("registry is shared and cannot be changed; use Clone")

// Registry is a set of Object definitions, at most one for each Object ID and
// version. The zero Registry is empty and ready to use. Any number of goroutines
// may read a Registry to which nobody adds.
type Registry struct {
	objects map[uint16][]*Object // by ID; sorted by version
	shared  bool
}

// Add adds definitions. The Registry keeps the pointers; the definitions must
// not be changed afterwards. Adding an equal definition again does nothing.
// Errors wrap [ErrConflict] or [ErrShared]; definitions before the faulty one
// stay added.
func (r *Registry) Add(objects ...*Object) error {
	if r.shared {
		return ErrShared
	}
	if r.objects == nil {
		r.objects = map[uint16][]*Object{}
	}
	for _, o := range objects {
		for i := range o.Resources[min(1, len(o.Resources)):] {
			if o.Resources[i].ID >= o.Resources[i+1].ID {
				return fmt.Errorf("%w: Resources of Object %d are not sorted by ID", ErrConflict, o.ID)
			}
		}
		versions := r.objects[o.ID]
		i, found := findVersion(versions, o.Version)
		if !found {
			r.objects[o.ID] = slices.Insert(versions, i, o)
		} else if versions[i] != o && !reflect.DeepEqual(versions[i], o) {
			return fmt.Errorf("%w of Object %d version %v", ErrConflict, o.ID, o.Version)
		}
	}
	return nil
}

func findVersion(versions []*Object, v Version) (int, bool) {
	return slices.BinarySearchFunc(versions, v, func(o *Object, v Version) int { return o.Version.Compare(v) })
}

// Object finds a definition by Object ID and version.
func (r *Registry) Object(id uint16, v Version) (*Object, bool) {
	versions := r.objects[id]
	i, ok := findVersion(versions, v)
	if !ok {
		return nil, false
	}
	return versions[i], true
}

// Latest finds the definition of an Object in its highest version.
func (r *Registry) Latest(id uint16) (*Object, bool) {
	versions := r.objects[id]
	if len(versions) == 0 {
		return nil, false
	}
	return versions[len(versions)-1], true
}

// All iterates over the definitions, ordered by Object ID and version.
func (r *Registry) All() iter.Seq[*Object] {
	return func(yield func(*Object) bool) {
		for _, id := range slices.Sorted(maps.Keys(r.objects)) {
			for _, o := range r.objects[id] {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// Clone returns a copy of r, with the same definitions, to which one can add.
func (r *Registry) Clone() *Registry {
	c := &Registry{objects: maps.Clone(r.objects)}
	for id, versions := range c.objects {
		c.objects[id] = slices.Clip(versions) // so that Add copies
	}
	return c
}

// DefaultVersion is the version of an Object that is meant when a registration
// for an enabler version does not say "ver" (Core 1.1.1 §6.2.1, §7.2.2). core is
// false for Objects that the enabler does not define; their default is 1.0. The
// zero enabler Version stands for 1.0.
func DefaultVersion(object uint16, lwm2m Version) (v Version, core bool) {
	rows := [...]struct{ v10, v11, v12 Version }{
		0: {Version10, Version11, Version12},
		1: {Version10, Version11, Version12},
		2: {Version10, Version10, Version11},
		3: {Version10, Version11, Version12},
		4: {Version10, Version12, Version{1, 3}},
		5: {Version10, Version10, Version11},
		6: {Version10, Version10, Version10},
		7: {Version10, Version10, Version10},
	}
	switch {
	case object == 21 && lwm2m.Compare(Version12) >= 0:
		return Version{2, 0}, true
	case object == 21 && lwm2m.Compare(Version11) >= 0:
		return Version10, true
	case int(object) >= len(rows):
		return Version10, false
	case lwm2m.Compare(Version12) >= 0:
		return rows[object].v12, true
	case lwm2m.Compare(Version11) >= 0:
		return rows[object].v11, true
	}
	return rows[object].v10, true
}

//go:embed xml/*.xml
var definitions embed.FS

// registries are the shared Registries, parsed when they are first needed.
type registries struct{ all, core10, core11, core12 *Registry }

var embedded = sync.OnceValue(func() registries {
	all := &Registry{}
	if err := all.addFiles(definitions); err != nil {
		panic(err) // the files are part of the program; a test reads them all
	}
	all.shared = true
	return registries{all: all, core10: all.core(Version10), core11: all.core(Version11), core12: all.core(Version12)}
})

func (r *Registry) addFiles(files fs.FS) error {
	return fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := files.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		objects, err := ReadObjects(f, path)
		if err != nil {
			return err
		}
		return r.Add(objects...)
	})
}

// core returns the shared Registry of Objects 0 to 7 for an enabler version.
func (r *Registry) core(lwm2m Version) *Registry {
	c := &Registry{}
	for id := range uint16(8) {
		v, _ := DefaultVersion(id, lwm2m)
		o, ok := r.Object(id, v)
		if !ok {
			panic(fmt.Sprintf("model: no embedded definition of Object %d version %v", id, v))
		}
		if err := c.Add(o); err != nil {
			panic(err)
		}
	}
	c.shared = true
	return c
}

// Embedded returns the definitions that are part of this module: Objects 0 to 7
// in several versions, Portfolio (16), Binary App Data Container (19), Event Log (20),
// Temperature (3303), Light Control (3311), Push Button (3347) and the Test Objects of
// LwM2M 1.0 and 1.1 (3441, 3442). They are parsed at the first call of Embedded or [Core]; every
// call returns the same pointer. Nothing can be added; see [Registry.Clone].
func Embedded() *Registry { return embedded().all }

// Core returns the definitions of Objects 0 to 7 in the versions that are the
// default of an enabler version, as [DefaultVersion] has them: those of LwM2M 1.0
// below 1.1, those of 1.1 below 1.2, and those of 1.2 from there on. The Registry and
// its definitions are part of [Embedded], and shared in the same way.
func Core(lwm2m Version) *Registry {
	switch r := embedded(); {
	case lwm2m.Compare(Version12) >= 0:
		return r.core12
	case lwm2m.Compare(Version11) >= 0:
		return r.core11
	default:
		return r.core10
	}
}
