package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test whose failures count.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Errorf(f string, a ...any) { r.failures = append(r.failures, fmt.Sprintf(f, a...)) }

func TestCompare(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(file, []byte("one\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &recorder{TB: t}
	Compare(r, file, []byte("one\n"))
	if len(r.failures) != 0 {
		t.Errorf("the same fails: %v", r.failures)
	}
	Compare(r, file, []byte("two\n"))
	if len(r.failures) != 1 || !strings.Contains(r.failures[0], "two") || !strings.Contains(r.failures[0], file) {
		t.Errorf("a difference is told as %q", r.failures)
	}
}

func TestPlay(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": "in A\nout a\n", "b.txt": "in B\nout b\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var played []string
	Play(t, filepath.Join(dir, "*.txt"), func(t *testing.T, transcript string) []byte {
		input := strings.Fields(transcript)[1]
		played = append(played, t.Name()+" "+input)
		return fmt.Appendf(nil, "in %s\nout %s\n", input, strings.ToLower(input))
	})
	if got := strings.Join(played, ", "); got != "TestPlay/a A, TestPlay/b B" {
		t.Errorf("played %s", got)
	}
}
