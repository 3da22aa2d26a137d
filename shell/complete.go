package shell

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/lwm2m-go/lwm2m"
)

// Complete gives what the last word of a line can become, sorted; the line ends where the cursor is. start is where that
// word begins.
func (s *Shell) Complete(line string) (start int, candidates []string) {
	command := strings.LastIndexByte(line, ';') + 1
	start = max(strings.LastIndexAny(line, " \t")+1, command)
	word := line[start:]
	before := strings.Fields(line[command:start])
	if len(before) > 0 && before[0] == "lwm2m" {
		before = before[1:]
	}
	if len(before) == 0 {
		return start, matching(s.Verbs(), word)
	}
	v := s.find(before[0])
	switch {
	case v == nil:
		return start, nil
	case strings.HasPrefix(word, "-"):
		return start, matching(append(v.options(), "--json"), word)
	case v.name == "wait" && len(before) == 1:
		return start, matching(eventNames(), word)
	case v.name == "help":
		return start, matching(s.Verbs(), word)
	case v.name == "trace":
		return start, matching([]string{"on", "off"}, word)
	case strings.Contains(v.usage, "PATH"):
		return start, s.device.completePath(word)
	}
	return start, nil
}

// matching are those of all that begin with a word, whatever the case, sorted.
func matching(all []string, word string) (found []string) {
	for _, candidate := range all {
		if len(candidate) >= len(word) && strings.EqualFold(candidate[:len(word)], word) {
			found = append(found, candidate)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// options are those that the usage of a verb names.
func (v *verb) options() (all []string) {
	words := strings.FieldsFunc(v.usage, func(r rune) bool { return strings.ContainsRune("[]| ", r) })
	for _, word := range words {
		if strings.HasPrefix(word, "-") {
			all = append(all, word)
		}
	}
	return all
}

// completePath gives what the last segment of a path can become: numbers where it begins with a digit, else names.
func (d *Device) completePath(word string) []string {
	head, segment := "", word
	if i := strings.LastIndexByte(word, '/'); i >= 0 {
		head, segment = word[:i+1], word[i+1:]
	}
	base, err := d.Path(strings.TrimSuffix(head, "/"))
	if err != nil {
		return nil
	}
	var ids, names []string
	for _, e := range d.below(base) {
		ids = append(ids, strconv.Itoa(int(e.id)))
		if e.name != "" {
			names = append(names, hyphenated(e.name))
		}
	}
	all := names
	if segment != "" && unicode.IsDigit(rune(segment[0])) || len(names) == 0 {
		all = ids
	}
	var found []string
	for _, candidate := range matching(all, segment) {
		found = append(found, head+candidate)
	}
	return found
}

// below are the entries one level below a path: those that are there, and of Resources all that are defined.
func (d *Device) below(p lwm2m.Path) (all []entry) {
	switch p.Depth() {
	case 0:
		for _, def := range d.definitions() {
			all = append(all, entry{def.ID, strings.TrimPrefix(def.Name, "LwM2M ")})
		}
	case 1:
		for _, in := range d.Instances() {
			if p.Contains(in.Path()) {
				all = append(all, entry{id: in.Path().Instance()})
			}
		}
	case 2:
		if def := d.Definition(p.Object()); def != nil {
			for _, r := range def.Resources {
				all = append(all, entry{r.ID, r.Name})
			}
		}
	case 3:
		if in, ok := d.instance(p); ok {
			for item := range in.Items(p.Resource()) {
				all = append(all, entry{id: item})
			}
		}
	}
	return all
}

// hyphenated is a name as it can be typed: in lower case, with hyphens.
func hyphenated(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "-")
}
