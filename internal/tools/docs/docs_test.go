package docs

import (
	"bytes"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/server"
)

const root = "../../.."

// pages gives the Markdown pages by their path within the module.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		names, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			found[name] = read(t, name)
		}
	}
	for _, name := range []string{"README.md", "docs/getting-started.md"} {
		if found[name] == "" {
			t.Fatalf("there is no %s", name)
		}
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// snippet is a block of Go code.
type snippet struct {
	place string // page and line
	code  string
}

func (s snippet) isWhole() bool { return strings.HasPrefix(s.code, "package ") }
func (s snippet) isTest() bool  { return strings.Contains(s.code, `"testing"`) }

func snippets(name, page string) []snippet {
	var found []snippet
	var code []string
	in := false
	for i, line := range strings.Split(page, "\n") {
		switch {
		case !in && line == "```go":
			in, code = true, nil
			found = append(found, snippet{place: fmt.Sprintf("%s:%d", name, i+2)})
		case in && line == "```":
			in = false
			found[len(found)-1].code = strings.Join(code, "\n") + "\n"
		case in:
			code = append(code, line)
		}
	}
	return found
}

// Whole programs and tests in the documentation compile, and the tests pass, in a
// module of their own that uses this one: as they do for users.
func TestPrograms(t *testing.T) {
	module := newModule(t)
	var programs, tests []string
	for name, page := range pages(t) {
		for _, s := range snippets(name, page) {
			switch {
			case !s.isWhole():
			case s.isTest():
				tests = append(tests, module.add(s, "main_test.go"))
			default:
				programs = append(programs, module.add(s, "main.go"))
			}
		}
	}
	if len(programs) == 0 || len(tests) == 0 {
		t.Fatalf("programs %q, tests %q: the documentation should have both", programs, tests)
	}
	module.run("vet", "./...")
	module.run("test", tests...)
}

// module is a Go module in a temporary folder.
type module struct {
	*testing.T
	dir string
}

// newModule makes a module that needs what this one needs, and this one itself.
func newModule(t *testing.T) *module {
	t.Helper()
	m := &module{t, t.TempDir()}
	source, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	const path = "github.com/lwm2m-go/lwm2m"
	mod := strings.Replace(read(t, "go.mod"), "module "+path, "module example.com/snippets", 1)
	m.write("go.mod", fmt.Sprintf("%s\nrequire %s v0.0.0\n\nreplace %s => %s\n", mod, path, path, strconv.Quote(source)))
	m.write("go.sum", read(t, "go.sum"))
	return m
}

func (m *module) write(name, text string) {
	m.Helper()
	file := filepath.Join(m.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		m.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		m.Fatal(err)
	}
}

var notWord = regexp.MustCompile(`[^0-9A-Za-z]`)

// add puts a snippet into a package of its own, and returns its pattern. Messages
// about it name the page.
func (m *module) add(s snippet, file string) string {
	m.Helper()
	dir := notWord.ReplaceAllString(s.place, "")
	m.write(dir+"/"+file, fmt.Sprintf("//line %s\n%s", s.place, s.code))
	return "./" + dir
}

func (m *module) run(command string, args ...string) {
	m.Helper()
	cmd := exec.Command("go", append([]string{command}, args...)...)
	cmd.Dir = m.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		m.Errorf("go %s: %v\n%s", command, err, out)
	}
}

// All Go code in the documentation is formatted as gofmt does it.
func TestFormat(t *testing.T) {
	for name, page := range pages(t) {
		for _, s := range snippets(name, page) {
			got, err := format.Source([]byte(s.code))
			if err != nil {
				t.Errorf("%s: %v", s.place, err)
			} else if !bytes.Equal(got, []byte(s.code)) {
				t.Errorf("%s: gofmt writes:\n%s", s.place, got)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)|src="([^":]+)"`)

// Links to files of the repository lead somewhere.
func TestLinks(t *testing.T) {
	for name, page := range pages(t) {
		for _, s := range snippets(name, page) {
			page = strings.Replace(page, s.code, "", 1)
		}
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			target := filepath.Join(root, filepath.Dir(name), filepath.FromSlash(m[1]+m[3]))
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// The catalogue of events is complete, and has no others.
func TestEvents(t *testing.T) {
	for page, kinds := range map[string][]string{
		"docs/registration.md":        names[lwm2m.EventKind](),
		"docs/testing-your-device.md": names[server.EventKind](),
	} {
		text := read(t, page)
		var rows []string
		for _, m := range regexp.MustCompile("(?m)^\\| `[A-Za-z]+` \\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
			rows = append(rows, m[1])
		}
		if !slices.Equal(rows, kinds) {
			t.Errorf("%s has a table of the events %q, want %q", page, rows, kinds)
		}
	}
}

// names gives what String makes of the kinds from 1 on.
func names[K interface {
	~uint8
	String() string
}]() []string {
	var all []string
	for k := K(1); !strings.HasPrefix(k.String(), "EventKind("); k++ {
		all = append(all, k.String())
	}
	return all
}

// What the README tells people to type is what is tested.
func TestCommands(t *testing.T) {
	readme, ci := read(t, "README.md"), read(t, ".ci/run")
	for _, command := range []string{"go run ./cmd/lwm2m demo --for 10s", "go test ./..."} {
		if !strings.Contains(readme, "\n"+command+"\n") || !strings.Contains(ci, " "+command) {
			t.Errorf("%q has to be in README.md and .ci/run", command)
		}
	}
}
