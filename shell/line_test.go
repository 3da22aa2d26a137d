package shell

import (
	"fmt"
	"strings"
	"testing"
)

func TestSplitLine(t *testing.T) {
	for line, want := range map[string]string{
		"":                     "[]",
		" \t ":                 "[]",
		"ls":                   "[[ls]]",
		"ls;":                  "[[ls]]",
		";;ls ; ls 3;":         "[[ls] [ls 3]]",
		"a 'b c' d":            "[[a b c d]]",
		`a "b;c"`:              "[[a b;c]]",
		`a "b\"c"`:             `[[a b"c]]`,
		`a 'b\c'`:              `[[a b\c]]`,
		`a ""`:                 "[[a ]]",
		"a#b # c":              "[[a#b]]",
		"#a":                   "[]",
		"a;#b":                 "[[a]]",
		"exec 1 0='a;b',1='c'": "[[exec 1 0='a;b',1='c']]",
		`a\ b`:                 "[[a b]]",
		`a \`:                  `[[a \]]`,
		"a\r\n":                "[[a]]",
	} {
		got, err := splitLine(line)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v; want %s", line, got, err, want)
		}
	}
	for _, bad := range []string{"a 'b", `a "b`, "a 0='b", "a\x00", "a\xff", "\x1b[A", strings.Repeat("a", maxLine+1)} {
		got, err := splitLine(bad)
		own, ok := err.(*Error)
		if !ok || !own.IsUsage() || got != nil {
			t.Errorf("%.20q: %v, %v", bad, got, err)
		}
	}
}

// Whatever is typed, no word has what words cannot have, and what was quoted is read as it was.
func FuzzSplitLine(f *testing.F) {
	for _, seed := range []string{"read 3/0/0 -s", "a 'b c';d \"e\\\"f\" # g", "exec 3/0/4 0='x;y'", "\\", "'", "a='b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		commands, err := splitLine(line)
		if err != nil {
			return
		}
		var again []string
		for _, words := range commands {
			if len(words) == 0 {
				t.Fatalf("%q has an empty command", line)
			}
			var quoted []string
			for _, word := range words {
				quoted = append(quoted, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word)+`"`)
			}
			again = append(again, strings.Join(quoted, " "))
		}
		other, err := splitLine(strings.Join(again, ";"))
		if len(line) < maxLine/4 && (err != nil || fmt.Sprint(other) != fmt.Sprint(commands)) {
			t.Fatalf("%q is %q, quoted %q, %v", line, commands, other, err)
		}
	})
}
