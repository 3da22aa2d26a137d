package shell_test

import (
	"bytes"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

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

// What docs/shell.md shows, all in one session, is what a shell does.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../docs/shell.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	synctest.Test(t, func(t *testing.T) {
		srv := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		srv.Network.SetName("lwm2m.example.com", netip.MustParseAddr("198.51.100.1"))
		var out bytes.Buffer
		var log []string
		sh, _ := newShell(t, shell.DeviceConfig{
			Client: lwm2m.Config{Network: srv.Network},
			OnLog:  func(l shell.Line) { log = append(log, l.Logger+": "+l.Text) },
		}, &out)
		const prompt = "uart:~$ "
		for _, block := range blocks(page, "text") {
			for _, exchange := range strings.Split("\n"+block, "\n"+prompt)[1:] {
				command, answer, _ := strings.Cut(exchange, "\n")
				out.Reset()
				_ = sh.Run(t.Context(), command)
				synctest.Wait()
				if got := strings.TrimSuffix(out.String(), "\n"); constant(got) != constant(answer) {
					t.Errorf("%s: got\n%s\nwant\n%s", command, got, answer)
				}
			}
		}
		for _, block := range blocks(page, "log") {
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
	})
	// Every verb is told of.
	sh, _ := newShell(t, shell.DeviceConfig{}, &bytes.Buffer{})
	for _, verb := range sh.Verbs() {
		if !regexp.MustCompile("`" + verb + "\\b").MatchString(page) {
			t.Errorf("the verb %s is not on the page", verb)
		}
	}
}
