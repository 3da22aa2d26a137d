package devicefile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Whatever a file has in it, it is read, or each mistake has a place in it.
func FuzzParse(f *testing.F) {
	names, _ := filepath.Glob("testdata/bad/*.yaml")
	for _, name := range append(names, "testdata/everything.yaml") {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(text, []byte("..")) || bytes.ContainsAny(text, "\\") || bytes.Contains(text, []byte("/dev")) {
			return // it might name files of the computer
		}
		file, err := Parse("device.yaml", "testdata", text)
		if err == nil {
			if _, err := file.Accounts(file.Version); err != nil {
				t.Errorf("accounts that were checked: %v", err)
			}
			for _, s := range file.Simulated {
				if s.Every < leastEvery || s.Course.At(s.Every).IsZero() {
					t.Errorf("%+v", s)
				}
			}
			return
		}
		lines := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + 1
		for _, wrong := range mistakes(err) {
			place, ok := errors.AsType[*Error](wrong)
			if !ok || place.Line < 1 || place.Line > lines+1 || place.Column < 1 || place.Reason == "" {
				t.Errorf("%d lines: %v", lines, wrong)
			}
		}
	})
}

func mistakes(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}
