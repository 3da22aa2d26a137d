package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// The errors of a folder. They are wrapped with the place concerned.
var (
	// ErrInUse: another process, or another Folder of this one, has the folder.
	ErrInUse = errors.New("the folder is in use already")
	// ErrDamaged: a file is not what was saved.
	ErrDamaged = errors.New("the file is damaged")
	// ErrVersion: a file comes from a later version of this module. It is left alone.
	ErrVersion = errors.New("the file is from a later version of this software")
	// ErrUnsafe: the folder lets other users of the computer write in it.
	ErrUnsafe = errors.New("other users may write in the folder")
)

// Folder keeps values in the files of one folder. Make it by [Open]. Its methods may be called from
// any goroutine; those on one key are carried out one after another.
type Folder struct {
	disk   disk
	lock   interface{ Close() error }
	mended []string

	use    sync.RWMutex // held for reading while the disk is at work
	closed bool
	mu     sync.Mutex
	keys   map[string]*entry
}

const (
	lockName   = "lock"
	temporary  = ".new" // ends the names of files that are being written
	folderMode = 0o700
	fileMode   = 0o600
	others     = 0o077 // the rights of all but the owner
	otherWrite = 0o022
)

// hasModes tells whether the modes of files mean what they do on Unix.
const hasModes = runtime.GOOS != "windows"

// Open opens a folder, and makes it if there is none: its parent must exist. It mends what a crash
// has left; see [Folder.Mended]. The error is [ErrInUse], [ErrUnsafe], or one of the file system.
func Open(folder string) (*Folder, error) {
	if err := os.Mkdir(folder, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("store: %w", err)
	}
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		return nil, fmt.Errorf("store: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("store: %s is not a folder", folder)
	case hasModes && info.Mode().Perm()&otherWrite != 0:
		return nil, fmt.Errorf("store: %w: %s has mode %04o; take that away with chmod go-w, or choose a folder of its own",
			ErrUnsafe, folder, info.Mode().Perm())
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	lock, err := lockFile(root, lockName)
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("store: %s: %w", folder, err)
	}
	f := &Folder{disk: rootDisk{root}, lock: lock}
	if err := f.mend(); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("store: %s: %w", folder, err)
	}
	return f, nil
}

// mend removes what a crash has left, and takes rights away that others must not have.
func (f *Folder) mend() error {
	names, err := f.disk.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !isOurs(name) {
			continue
		}
		if strings.HasSuffix(name, temporary) {
			if err := f.disk.remove(name); err != nil {
				return err
			}
			f.mended = append(f.mended, name+": removed; it was being written when the process ended")
			continue
		}
		was, err := f.disk.restrict(name)
		if err != nil {
			return err
		}
		if was != 0 {
			f.mended = append(f.mended, fmt.Sprintf("%s: had mode %04o, now %04o; others could read the keys in it", name, was, fileMode))
		}
	}
	return nil
}

// Mended tells what Open has mended, a line each: files with keys that other users could read, and files
// that were being written when the process ended.
func (f *Folder) Mended() []string { return slices.Clone(f.mended) }

// Close gives the folder free. What was saved stays; the other methods fail from now on with
// [fs.ErrClosed].
func (f *Folder) Close() error {
	f.use.Lock()
	defer f.use.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	return errors.Join(f.disk.close(), f.lock.Close())
}

// Load gives the newest value of a key, and [fs.ErrNotExist] if there is none. If the newest one, or the
// one before it, is damaged, the other one comes together with [ErrDamaged]: it may be an earlier one.
func (f *Folder) Load(ctx context.Context, key string) (data []byte, err error) {
	err = f.with(ctx, key, func(e *entry) error {
		data, err = e.load(f.disk, key)
		return err
	})
	return data, explain("load", key, err)
}

// Save sets the value of a key. When it returns nil the value is on the disk; after an error, or when the process
// ends before, the key has the value that it had, or this one. ctx is looked at before it begins.
func (f *Folder) Save(ctx context.Context, key string, data []byte) error {
	return explain("save", key, f.with(ctx, key, func(e *entry) error { return e.save(f.disk, key, data) }))
}

// Delete removes the value of a key, if there is one: when it returns nil, it does not come back.
func (f *Folder) Delete(ctx context.Context, key string) error {
	return explain("delete", key, f.with(ctx, key, func(e *entry) error { return e.delete(f.disk, key) }))
}

func explain(op, key string, err error) error {
	if err != nil {
		err = fmt.Errorf("store: %s %q: %w", op, key, err)
	}
	return err
}

// with calls do while nobody else deals with the key.
func (f *Folder) with(ctx context.Context, key string, do func(*entry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.use.RLock()
	defer f.use.RUnlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.mu.Lock()
	if f.keys == nil {
		f.keys = make(map[string]*entry)
	}
	e := f.keys[key]
	if e == nil {
		e = &entry{}
		f.keys[key] = e
	}
	f.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	return do(e)
}
