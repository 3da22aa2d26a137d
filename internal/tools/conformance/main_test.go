package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// The page in the repository is what the tests in it say.
func TestPageIsFresh(t *testing.T) {
	const root = "../../.."
	want, err := generate(os.DirFS(root), cases)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, page))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is stale (%v); write it anew with: go generate ./internal/tools/conformance", page, err)
	}
}

func TestGenerate(t *testing.T) {
	root := fstest.MapFS{
		"a_test.go":          {Data: []byte("package a\nfunc TestETS101Register(t *testing.T) {}\nfunc TestETS1(t *testing.T) {}\nfunc testETS102(){}")},
		"interop/b_test.go":  {Data: []byte("package b\nfunc TestETS101Register(t *testing.T) {}\n// TestETS102Update\nfunc Test102(t *testing.T) {}")},
		"c.go":               {Data: []byte("package c\nfunc TestETS102() {}")},
		"testdata/d_test.go": {Data: []byte("broken")},
		".hidden/e_test.go":  {Data: []byte("broken")},
	}
	got, err := generate(root, "# Bootstrap\n1 Full\n\n# Registration\n101 Initial\n102 Update\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2 of 3 cases have tests, 1 of them against Leshan.\n",
		"\n## Bootstrap\n\n| case |",
		"| 1 | Full |  | [ETS1](../a_test.go) |\n",
		"| 101 | Initial | [ETS101Register](../interop/b_test.go) | [ETS101Register](../a_test.go) |\n",
		"| 102 | Update |  |  |\n",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

func TestGenerateErrors(t *testing.T) {
	root := fstest.MapFS{"a_test.go": {Data: []byte("package a\nfunc TestETS7x() {}")}}
	if _, err := generate(root, "# A\n1 x\n"); err == nil || !strings.Contains(err.Error(), "a_test.go: TestETS7x: there is no case 7") {
		t.Error(err)
	}
	if _, err := generate(root, "# A\nx y\n"); err == nil || !strings.Contains(err.Error(), `"x y"`) {
		t.Error(err)
	}
	if _, err := generate(fstest.MapFS{"a_test.go": {Data: []byte("broken")}}, ""); err == nil {
		t.Error("a broken file is no error")
	}
}
