package shell_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/shell"
)

// changing is what is another each time, in answers and log.
var changing = regexp.MustCompile(`\d\d:\d\d:\d\d(\.\d+)?|/rd/\w+|mid=\d+|token=\w+|\bin \w+\b`)

func constant(text string) string { return changing.ReplaceAllString(text, "X") }

// blocks gives the code blocks of a page in a language.
func blocks(page, language string) (found []string) {
	for _, part := range strings.Split(page, "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```\n")
		found = append(found, block)
	}
	return found
}

// pages are docs/shell.md and those that its table links, in order.
func pages(t *testing.T) []string {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile("../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	index := read("shell.md")
	all := []string{index}
	for _, m := range regexp.MustCompile(`(?m)^\| \[.*\]\((shell/.*\.md)\)`).FindAllStringSubmatch(index, -1) {
		all = append(all, read(m[1]))
	}
	there, err := filepath.Glob("../docs/shell/*.md")
	if err != nil || len(there) != len(all)-1 {
		t.Fatalf("docs/shell.md links %d pages of docs/shell, which has %d: %v", len(all)-1, len(there), err)
	}
	return all
}

// What the pages about the shell show, all in one session, is what a shell does, and the log too.
func TestDocumentation(t *testing.T) {
	all := pages(t)
	var log []string
	synctest.Test(t, func(t *testing.T) {
		srv := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		srv.Network.SetName("lwm2m.example.com", netip.MustParseAddr("198.51.100.1"))
		var out bytes.Buffer
		sh, _ := newShell(t, shell.DeviceConfig{
			Client: lwm2m.Config{Network: srv.Network, MinUpdateInterval: time.Second}, // as lwm2m shell
			OnLog:  func(l shell.Line) { log = append(log, l.Logger+": "+l.Text) },
		}, &out)
		for _, page := range all {
			for _, block := range blocks(page, "text") {
				tryOut(t, sh, &out, block)
			}
		}
	})
	for _, block := range blocks(all[0], "log") {
		next := log
		for _, line := range strings.Split(block, "\n") {
			for len(next) > 0 && next[0] != line {
				next = next[1:]
			}
			if len(next) == 0 {
				t.Errorf("the log has no %q there:\n%s", line, strings.Join(log, "\n"))
			}
		}
	}
}

// tryOut runs the commands of a block, and compares their answers.
func tryOut(t *testing.T, sh *shell.Shell, out *bytes.Buffer, block string) {
	t.Helper()
	const prompt = "\nuart:~$ "
	for _, exchange := range strings.Split("\n"+block, prompt)[1:] {
		command, answer, _ := strings.Cut(exchange, "\n")
		out.Reset()
		_ = sh.Run(t.Context(), command)
		synctest.Wait()
		if got := strings.TrimSuffix(out.String(), "\n"); constant(got) != constant(answer) {
			t.Errorf("%s: got\n%s\nwant\n%s", command, got, answer)
		}
	}
}

// Every verb and every option is told of, on the index and on the page of its group.
func TestDocumentationIsComplete(t *testing.T) {
	all := pages(t)
	var out bytes.Buffer
	sh, _ := newShell(t, shell.DeviceConfig{}, &out)
	for _, verb := range sh.Verbs() {
		word := regexp.MustCompile("`" + verb + "\\b")
		i := slices.IndexFunc(all[1:], word.MatchString)
		if i < 0 || !word.MatchString(all[0]) {
			t.Errorf("the verb %s is not on docs/shell.md, or on none of its pages", verb)
			continue
		}
		out.Reset()
		if err := sh.Run(t.Context(), "help "+verb); err != nil {
			t.Fatal(err)
		}
		usage, _, _ := strings.Cut(out.String(), "\n")
		for _, option := range regexp.MustCompile(`-[a-z0-9]+`).FindAllString(usage, -1) {
			told := regexp.MustCompile(option + `\b|` + option[:2] + `8. … .` + option[:2] + `64`)
			if !told.MatchString(all[i+1]) {
				t.Errorf("%s: the option %s is not on its page", verb, option)
			}
		}
	}
}
