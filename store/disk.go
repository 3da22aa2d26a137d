package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// disk is what a Folder asks of the file system. Names are of files in the folder.
type disk interface {
	names() ([]string, error)
	read(name string) ([]byte, error)
	// create makes a file, or empties it.
	create(name string) (file, error)
	rename(from, to string) error
	// remove removes a file, if there is one.
	remove(name string) error
	// restrict takes the rights of others away, and gives the mode that the file had, 0 if it was right.
	restrict(name string) (was fs.FileMode, err error)
	// sync has the names on the disk.
	sync() error
	close() error
}

type file interface {
	io.WriteCloser
	Sync() error
}

// rootDisk is a folder of the operating system. No name can lead out of it.
type rootDisk struct{ root *os.Root }

func (d rootDisk) names() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return f.Readdirnames(-1)
}

func (d rootDisk) read(name string) ([]byte, error) { return d.root.ReadFile(name) }

func (d rootDisk) create(name string) (file, error) {
	return d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
}

func (d rootDisk) rename(from, to string) error { return d.root.Rename(from, to) }

func (d rootDisk) remove(name string) error {
	if err := d.root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d rootDisk) restrict(name string) (was fs.FileMode, err error) {
	info, err := d.root.Lstat(name)
	if err != nil || !hasModes || info.Mode()&(others|fs.ModeType) == 0 {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, &fs.PathError{Op: "open", Path: name, Err: errors.New("is not a regular file")}
	}
	return info.Mode().Perm(), d.root.Chmod(name, fileMode)
}

func (d rootDisk) sync() error {
	if !hasModes { // Windows has no way to do it; NTFS keeps a journal of names
		return nil
	}
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d rootDisk) close() error { return d.root.Close() }
