package devicefile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
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

// A file of samples is a course, or has a mistake at a place.
func FuzzRows(f *testing.F) {
	for _, name := range []string{"barrel.csv", "plain.csv", "dated.csv", "bad/late.csv", "bad/broken.csv"} {
		text, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rows, err := parseRows(text)
		if err != nil {
			return
		}
		def := &model.Resource{Name: "Level", Kind: model.Float}
		column := len(rows[0].fields) - 1
		p, reason := (&reader{}).samples(rows, column, column > 0, def, time.Second)
		switch {
		case reason != "" && !strings.Contains(reason, ": "):
			t.Errorf("no place: %s", reason)
		case reason == "" && (p.length <= 0 || p.At(0).IsZero() || p.At(1<<62).IsZero()):
			t.Errorf("%+v", p)
		}
	})
}
