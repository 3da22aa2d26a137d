package store

import (
	"errors"
	"io/fs"
	"sync"
)

// entry is one key: two files of which the newer has its value.
type entry struct {
	mu     sync.Mutex
	known  bool   // what follows is
	serial uint64 // of the newest value, 0 if there is none
	newest int    // the file that has it
}

// slots end the names of the two files.
var slots = [...]string{".a", ".b"}

// load reads both files.
func (e *entry) load(d disk, key string) ([]byte, error) {
	e.known, e.serial = false, 0
	var newest []byte
	var damaged error
	for i, slot := range slots {
		raw, err := d.read(fileName(key) + slot)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		serial, data, err := decodeFile(key, raw)
		switch {
		case errors.Is(err, ErrDamaged):
			damaged = err
			continue
		case err != nil:
			return nil, err
		case serial > e.serial:
			e.serial, e.newest, newest = serial, i, data
		}
	}
	e.known = true
	switch {
	case damaged != nil:
		return newest, damaged
	case e.serial == 0:
		return nil, fs.ErrNotExist
	}
	return newest, nil
}

// find finds out which file is the newest, for a change.
func (e *entry) find(d disk, key string) error {
	if e.known {
		return nil
	}
	_, err := e.load(d, key)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrDamaged) {
		return nil
	}
	return err
}

// save writes the file that is not the newest.
func (e *entry) save(d disk, key string, data []byte) error {
	if err := e.find(d, key); err != nil {
		return err
	}
	slot := 0
	if e.serial > 0 {
		slot = 1 - e.newest
	}
	name := fileName(key) + slots[slot]
	raw, err := encodeFile(key, e.serial+1, data)
	if err != nil {
		return err
	}
	e.known = false // until all is well
	if err := write(d, name, raw); err != nil {
		return err
	}
	e.known, e.serial, e.newest = true, e.serial+1, slot
	return nil
}

// write replaces a file as a whole.
func write(d disk, name string, raw []byte) error {
	err := writeNew(d, name+temporary, raw)
	if err == nil {
		err = d.rename(name+temporary, name)
	}
	if err != nil {
		return errors.Join(err, d.remove(name+temporary))
	}
	return d.sync()
}

func writeNew(d disk, name string, raw []byte) error {
	f, err := d.create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// delete removes the older file first, so that it is never what is left.
func (e *entry) delete(d disk, key string) error {
	if err := e.find(d, key); err != nil {
		return err
	}
	order := []int{0, 1}
	if e.serial > 0 {
		order = []int{1 - e.newest, e.newest}
	}
	e.known = false
	for _, slot := range order {
		if err := d.remove(fileName(key) + slots[slot]); err != nil {
			return err
		}
		if err := d.sync(); err != nil {
			return err
		}
	}
	e.known, e.serial = true, 0
	return nil
}
