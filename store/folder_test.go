package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/lwm2m-go/lwm2m/store"
)

func open(t *testing.T, folder string) *store.Folder {
	t.Helper()
	f, err := store.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// keeper is what Folder and Memory have in common.
type keeper interface {
	Load(ctx context.Context, key string) ([]byte, error)
	Save(ctx context.Context, key string, data []byte) error
	Delete(ctx context.Context, key string) error
}

func save(t *testing.T, k keeper, key, value string) {
	t.Helper()
	if err := k.Save(t.Context(), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func wantValue(t *testing.T, k keeper, key, want string) {
	t.Helper()
	if got, err := k.Load(t.Context(), key); string(got) != want || err != nil {
		t.Errorf("Load(%q) = %q, %v; want %q", key, got, err, want)
	}
}

func wantNothing(t *testing.T, k keeper, key string) {
	t.Helper()
	if got, err := k.Load(t.Context(), key); got != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load(%q) = %q, %v; want fs.ErrNotExist", key, got, err)
	}
}

func TestKeep(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	f := open(t, folder)
	for _, k := range []keeper{f, &store.Memory{}} {
		t.Run(fmt.Sprintf("%T", k), func(t *testing.T) {
			wantNothing(t, k, "a")
			if err := k.Delete(t.Context(), "a"); err != nil {
				t.Error(err)
			}
			save(t, k, "a", "one")
			save(t, k, "A", "another key")
			save(t, k, "", "the empty key")
			save(t, k, "empty", "")
			save(t, k, "a", "two")
			wantValue(t, k, "a", "two")
			wantValue(t, k, "A", "another key")
			wantValue(t, k, "", "the empty key")
			wantValue(t, k, "empty", "")
			if err := k.Delete(t.Context(), "A"); err != nil {
				t.Error(err)
			}
			wantNothing(t, k, "A")
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			_, loading := k.Load(ended, "a")
			for _, err := range []error{loading, k.Save(ended, "a", nil), k.Delete(ended, "a")} {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("with a context that has ended: %v", err)
				}
			}
			wantValue(t, k, "a", "two")
		})
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(t.Context(), "a"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Load after Close: %v", err)
	}
	again := open(t, folder)
	wantValue(t, again, "a", "two")
	save(t, again, "a", "three")
	wantValue(t, again, "a", "three")
	wantNothing(t, again, "A")
}

// TestMemoryCopies keeps what was saved, whatever becomes of the caller's slices.
func TestMemoryCopies(t *testing.T) {
	m, data := &store.Memory{}, []byte("one")
	if err := m.Save(t.Context(), "a", data); err != nil {
		t.Fatal(err)
	}
	data[0] = 'x'
	loaded, _ := m.Load(t.Context(), "a")
	loaded[1] = 'x'
	wantValue(t, m, "a", "one")
}

func TestInUse(t *testing.T) {
	folder := t.TempDir()
	f := open(t, folder)
	if _, err := store.Open(folder); !errors.Is(err, store.ErrInUse) {
		t.Errorf("Open of a folder in use: %v", err)
	}
	_ = f.Close()
	_ = open(t, folder).Close()
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has access control lists instead")
	}
	folder := filepath.Join(t.TempDir(), "state")
	f := open(t, folder)
	save(t, f, "a", "one")
	_ = f.Close()
	wantMode := func(name string, want fs.FileMode) {
		t.Helper()
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
	}
	wantMode(folder, 0o700)
	files := stateFiles(t, folder)
	for _, name := range files {
		wantMode(name, 0o600)
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f = open(t, folder)
	if mended := f.Mended(); len(mended) != len(files) || !strings.Contains(mended[0], "0644") {
		t.Errorf("mended %q", mended)
	}
	wantMode(files[0], 0o600)
	wantValue(t, f, "a", "one")
	_ = f.Close()
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(folder); !errors.Is(err, store.ErrUnsafe) || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("Open of a folder where all may write: %v", err)
	}
}

// stateFiles are the files that hold values.
func stateFiles(t *testing.T, folder string) (files []string) {
	t.Helper()
	for _, slot := range []string{".a", ".b"} {
		found, err := filepath.Glob(filepath.Join(folder, "*"+slot))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return files
}

func TestMendsLeftovers(t *testing.T) {
	folder := t.TempDir()
	f := open(t, folder)
	save(t, f, "a", "one")
	_ = f.Close()
	leftover, foreign := stateFiles(t, folder)[0]+".new", filepath.Join(folder, "notes.new")
	for _, name := range []string{leftover, foreign} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f = open(t, folder)
	if mended := f.Mended(); len(mended) != 1 || !strings.Contains(mended[0], "removed") {
		t.Errorf("mended %q", mended)
	}
	if _, err := os.Stat(leftover); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the leftover is still there")
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error("a file of somebody else is gone")
	}
	wantValue(t, f, "a", "one")
}

// TestDamage damages the newest file at each byte: the one before is used, and the error says so.
func TestDamage(t *testing.T) {
	folder := t.TempDir()
	f := open(t, folder)
	save(t, f, "a", "one")
	save(t, f, "a", "two")
	newest := stateFiles(t, folder)[1]
	good, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	damage := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(newest, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Load(t.Context(), "a"); string(got) != "one" || !errors.Is(err, store.ErrDamaged) {
			t.Errorf("Load of a damaged file: %q, %v", got, err)
		}
	}
	versionAt := len("LwM2M store\n")
	for i := range good {
		if i != versionAt {
			bad := append([]byte{}, good...)
			bad[i] ^= 0x10
			damage(bad)
		}
		damage(good[:i])
	}
	damage(append(append([]byte{}, good...), 0))
	save(t, f, "a", "three")
	wantValue(t, f, "a", "three")
	for _, name := range stateFiles(t, folder) {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := f.Load(t.Context(), "a"); got != nil || !errors.Is(err, store.ErrDamaged) {
		t.Errorf("Load with nothing but damaged files: %q, %v", got, err)
	}
	save(t, f, "a", "four")
	save(t, f, "a", "five")
	wantValue(t, f, "a", "five")
}

// TestLaterVersion leaves alone what a later version has written.
func TestLaterVersion(t *testing.T) {
	folder := t.TempDir()
	f := open(t, folder)
	save(t, f, "a", "one")
	_ = f.Close()
	name := stateFiles(t, folder)[0]
	if err := os.WriteFile(name, []byte("LwM2M store\n\x02whatever"), 0o600); err != nil {
		t.Fatal(err)
	}
	f = open(t, folder)
	_, loading := f.Load(t.Context(), "a")
	for _, err := range []error{loading, f.Save(t.Context(), "a", nil), f.Delete(t.Context(), "a")} {
		if !errors.Is(err, store.ErrVersion) {
			t.Errorf("with a file of a later version: %v", err)
		}
	}
	if raw, _ := os.ReadFile(name); !strings.HasSuffix(string(raw), "whatever") {
		t.Error("the file has been changed")
	}
}

// TestSwappedFiles refuses the file of another key.
func TestSwappedFiles(t *testing.T) {
	folder := t.TempDir()
	f := open(t, folder)
	save(t, f, "b", "of b")
	name := stateFiles(t, folder)[0]
	save(t, f, "a", "of a")
	for _, other := range stateFiles(t, folder) {
		if other != name {
			if err := os.Rename(name, other); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, err := f.Load(t.Context(), "a"); got != nil || !errors.Is(err, store.ErrDamaged) {
		t.Errorf("Load of the file of another key: %q, %v", got, err)
	}
}

func TestOpenFails(t *testing.T) {
	if _, err := store.Open(filepath.Join(t.TempDir(), "no", "parent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open without a parent: %v", err)
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(name); err == nil {
		t.Error("Open of a file succeeded")
	}
}

func TestConcurrentUse(t *testing.T) {
	f := open(t, t.TempDir())
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			key := fmt.Sprint("key ", i%3)
			for j := range 10 {
				if err := f.Save(context.Background(), key, fmt.Appendf(nil, "%s, %d", key, j)); err != nil {
					t.Error(err)
				}
				if got, err := f.Load(context.Background(), key); !strings.HasPrefix(string(got), key) || err != nil {
					t.Errorf("Load(%q) = %q, %v", key, got, err)
				}
			}
		})
	}
	all.Wait()
}
