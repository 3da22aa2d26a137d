package main

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lwm2m-go/lwm2m/shell"
)

// Each verb of the shell has a script, verb_VERB.txtar, in which each of its options, and --json, is used well in good.txt and
// badly in bad.txt. The scripts see to it that nothing fails there and each one fails here.
func TestVerbsHaveScripts(t *testing.T) {
	device, err := shell.NewDevice(shell.DeviceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close(context.Background())
	var known []string
	for _, verb := range shell.New(shell.Config{Device: device, Out: io.Discard}).Verbs() {
		known = append(known, "verb_"+verb+".txtar")
		archive, err := txtar.ParseFile("testdata/script/verb_" + verb + ".txtar")
		if err != nil {
			t.Error(err)
			continue
		}
		files := map[string]string{}
		for _, f := range archive.Files {
			files[f.Name] = string(f.Data)
		}
		good, bad := commandsOf(verb, files["good.txt"]), commandsOf(verb, files["bad.txt"])
		for _, option := range append(optionsOf(t, device, verb), "--json") {
			if !uses(good, option) {
				t.Errorf("%s: %q is not in good.txt", verb, option)
			}
			if !uses(bad, option) {
				t.Errorf("%s: %q is not in bad.txt", verb, option)
			}
		}
		inJSON := 0
		for _, words := range bad {
			if slices.Contains(words, "--json") {
				inJSON++
			}
		}
		if want := len(bad) - inJSON; failures(files["bad-err.txt"]) != want {
			t.Errorf("%s: bad-err.txt has %d messages, for %d commands", verb, failures(files["bad-err.txt"]), want)
		}
	}
	there, err := filepath.Glob("testdata/script/verb_*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range there {
		if !slices.Contains(known, filepath.Base(file)) {
			t.Errorf("%s: there is no such verb", file)
		}
	}
}

// optionsOf are the options and fixed words of a verb, as its help has them.
func optionsOf(t *testing.T, device *shell.Device, verb string) []string {
	t.Helper()
	var out strings.Builder
	if err := shell.New(shell.Config{Device: device, Out: &out, JSON: true}).Run(t.Context(), "help "+verb); err != nil {
		t.Fatal(err)
	}
	var answer struct{ Result struct{ Usage string } }
	if err := json.Unmarshal([]byte(out.String()), &answer); err != nil {
		t.Fatal(err)
	}
	return append(regexp.MustCompile(`-[a-z0-9]+`).FindAllString(answer.Result.Usage, -1), verb)
}

// commandsOf are the commands with a verb that a session has, one a line.
func commandsOf(verb, session string) (commands [][]string) {
	for line := range strings.Lines(session) {
		words := strings.Fields(line)
		if len(words) > 1 && words[0] == "lwm2m" {
			words = words[1:]
		}
		if len(words) > 0 && words[0] == verb {
			commands = append(commands, words)
		}
	}
	return commands
}

func uses(commands [][]string, word string) bool {
	return slices.ContainsFunc(commands, func(words []string) bool { return slices.Contains(words, word) })
}

// failures counts the commands that have failed by their messages.
func failures(messages string) (n int) {
	for line := range strings.Lines(messages) {
		if !strings.HasPrefix(line, "usage: ") && !strings.HasSuffix(line, ": a command failed\n") {
			n++
		}
	}
	return n
}
