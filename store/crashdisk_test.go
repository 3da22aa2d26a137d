package store

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
)

// crashDisk is a file system in memory that knows what would be left after the power failed: what was
// synced, and of the rest any part.
type crashDisk struct {
	onDisk  map[string]*crashFile // the names that are synced
	now     map[string]*crashFile // the names as a process sees them
	pending []func(map[string]*crashFile)

	steps  int  // changes so far
	failAt int  // the step at which something goes wrong; below 0: none
	off    bool // from then on nothing works, rather than that one step
	failed bool
}

type crashFile struct{ synced, now []byte }

var errPower, errNoSpace = errors.New("the power failed"), errors.New("no space left on device")

func newCrashDisk() *crashDisk {
	return &crashDisk{onDisk: map[string]*crashFile{}, now: map[string]*crashFile{}, failAt: -1}
}

// step counts a change and says whether it can take place.
func (d *crashDisk) step() error {
	d.steps++
	switch {
	case d.off && d.failed:
		return errPower
	case d.steps-1 != d.failAt:
		return nil
	}
	d.failed = true
	if d.off {
		return errPower
	}
	return errNoSpace
}

// change changes the names, now, and on the disk some time.
func (d *crashDisk) change(f func(map[string]*crashFile)) {
	f(d.now)
	d.pending = append(d.pending, f)
}

func (d *crashDisk) names() ([]string, error) { return slices.Sorted(maps.Keys(d.now)), nil }

func (d *crashDisk) read(name string) ([]byte, error) {
	f := d.now[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(f.now), nil
}

func (d *crashDisk) create(name string) (file, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	f := d.now[name]
	if f == nil {
		f = &crashFile{}
		d.change(func(names map[string]*crashFile) { names[name] = f })
	}
	f.now = nil
	return &crashHandle{d, f}, nil
}

func (d *crashDisk) rename(from, to string) error {
	if err := d.step(); err != nil {
		return err
	}
	d.change(func(names map[string]*crashFile) {
		if f := names[from]; f != nil {
			names[to] = f
			delete(names, from)
		}
	})
	return nil
}

func (d *crashDisk) remove(name string) error {
	if d.now[name] == nil {
		return nil
	}
	if err := d.step(); err != nil {
		return err
	}
	d.change(func(names map[string]*crashFile) { delete(names, name) })
	return nil
}

func (d *crashDisk) restrict(string) (fs.FileMode, error) { return 0, nil }

func (d *crashDisk) sync() error {
	if err := d.step(); err != nil {
		return err
	}
	d.onDisk, d.pending = maps.Clone(d.now), nil
	return nil
}

func (d *crashDisk) close() error { return nil }

// crash gives what a process finds after the power failed: of the changes that were not synced any, of contents any part.
func (d *crashDisk) crash(random *rand.Rand) *crashDisk {
	after := newCrashDisk()
	names := maps.Clone(d.onDisk)
	for _, change := range d.pending {
		if random.IntN(2) == 0 {
			change(names)
		}
	}
	copies := map[*crashFile]*crashFile{}
	for name, f := range names {
		if copies[f] == nil {
			content := f.synced
			if random.IntN(2) == 0 {
				content = f.now[:random.IntN(len(f.now)+1)]
			}
			if string(f.synced) == string(f.now) {
				content = f.synced
			}
			copies[f] = &crashFile{slices.Clone(content), slices.Clone(content)}
		}
		after.onDisk[name] = copies[f]
	}
	after.now = maps.Clone(after.onDisk)
	return after
}

type crashHandle struct {
	disk *crashDisk
	f    *crashFile
}

// Write writes a half when the disk fails.
func (h *crashHandle) Write(b []byte) (int, error) {
	if err := h.disk.step(); err != nil {
		if h.disk.steps-1 == h.disk.failAt {
			h.f.now = append(h.f.now, b[:len(b)/2]...)
		}
		return len(b) / 2, err
	}
	h.f.now = append(h.f.now, b...)
	return len(b), nil
}

func (h *crashHandle) Sync() error {
	if err := h.disk.step(); err != nil {
		return err
	}
	h.f.synced = slices.Clone(h.f.now)
	return nil
}

func (h *crashHandle) Close() error { return h.disk.step() }
