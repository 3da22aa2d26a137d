// Package golden compares what tests produce with files in testdata, and rewrites
// those with go test -update.
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// Updating reports whether golden files are to be rewritten, for tests that do so themselves.
func Updating() bool { return *update }

// Compare compares got with a file.
func Compare(t testing.TB, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it); got\n%s\nwant\n%s", file, got, want)
	}
}

// Play has each transcript that the pattern names played, a subtest each: a transcript is inputs and
// what came of them, in lines; play takes the inputs out of it and gives the transcript of now.
func Play(t *testing.T, pattern string, play func(t *testing.T, transcript string) []byte) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts in %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), func(t *testing.T) {
			transcript, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			Compare(t, file, play(t, string(transcript)))
		})
	}
}
