package store

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// history is what is done with one key; "" deletes it.
var crashHistory = []string{"one", "two", "three", "", "four", "", "", "five", "six, which is a bit longer", "seven"}

// perform does all of the history. It gives the values that the key may have: that of the last call that succeeded, and
// those of calls that failed after it.
func perform(f *Folder, history []string) (possible []string, failures int) {
	possible = []string{""}
	for _, value := range history {
		var err error
		if value == "" {
			err = f.Delete(context.Background(), "key")
		} else {
			err = f.Save(context.Background(), "key", []byte(value))
		}
		if err == nil {
			possible = []string{value}
		} else {
			failures++
			possible = append(possible, value)
		}
	}
	return possible, failures
}

// check loads the key and compares it with what is possible.
func check(t *testing.T, f *Folder, possible []string) {
	t.Helper()
	got, err := f.Load(context.Background(), "key")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load: %v", err)
	}
	if !slices.Contains(possible, string(got)) {
		t.Errorf("the key is %q; possible were %q", got, possible)
	}
}

// TestPowerFailure fails the power at each step of a history of changes, and leaves of what was not synced
// any part.
func TestPowerFailure(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for at := 0; ; at++ {
		d := newCrashDisk()
		d.failAt, d.off = at, true
		possible, failures := perform(&Folder{disk: d}, crashHistory)
		if failures == 0 {
			if at < 40 {
				t.Errorf("the history has %d steps only", at)
			}
			return
		}
		if len(possible) > 2 { // the first that failed was on its way, the others were not begun
			possible = possible[:2]
		}
		for range 50 {
			after := d.crash(random)
			f := &Folder{disk: after}
			if err := f.mend(); err != nil {
				t.Fatal(err)
			}
			check(t, f, possible)
			names, _ := after.names()
			if i := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, temporary) }); i >= 0 {
				t.Errorf("%s was left", names[i])
			}
			if err := f.Save(context.Background(), "key", []byte("afterwards")); err != nil {
				t.Fatal(err)
			}
			check(t, f, []string{"afterwards"})
			check(t, &Folder{disk: after.crash(random)}, []string{"afterwards"})
			if t.Failed() {
				t.Fatalf("after a failure at step %d", at)
			}
		}
	}
}

// TestDiskErrors has each step of a history of changes fail, and goes on.
func TestDiskErrors(t *testing.T) {
	for at := 0; ; at++ {
		d := newCrashDisk()
		d.failAt = at
		f := &Folder{disk: d}
		for i := range crashHistory {
			possible, _ := perform(f, crashHistory[i:i+1])
			if i > 0 && d.failed {
				possible = append(possible, crashHistory[i-1])
			}
			check(t, f, possible)
			if d.failed {
				break
			}
		}
		if !d.failed {
			return
		}
		possible, failures := perform(f, crashHistory)
		if failures > 0 {
			t.Errorf("%d calls failed after the disk was well again", failures)
		}
		check(t, f, possible)
		check(t, &Folder{disk: d.crash(rand.New(rand.NewPCG(3, 4)))}, possible)
		if t.Failed() {
			t.Fatalf("after an error at step %d", at)
		}
	}
}
