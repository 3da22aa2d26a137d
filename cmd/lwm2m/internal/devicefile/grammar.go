package devicefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// reader collects the mistakes of a file, so that one look at it finds all.
type reader struct {
	file   string
	folder string // that relative names of files are looked up in
	errs   []error
}

// maxErrors bounds how many mistakes are told.
const maxErrors = 20

// fail notes a mistake at a node.
func (r *reader) fail(at *node, format string, args ...any) {
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, &Error{r.file, at.line, at.column, fmt.Sprintf(format, args...)})
	}
}

func (r *reader) err() error {
	slices.SortStableFunc(r.errs, func(a, b error) int {
		x, _ := errors.AsType[*Error](a)
		y, _ := errors.AsType[*Error](b)
		if x.Line != y.Line {
			return x.Line - y.Line
		}
		return x.Column - y.Column
	})
	return errors.Join(slices.CompactFunc(r.errs, func(a, b error) bool { return a.Error() == b.Error() })...)
}

// field is a key that a mapping may have, for files and for editors.
type field[T any] struct {
	name     string
	about    string
	required bool
	schema   schema
	set      func(r *reader, to *T, n *node)
}

// read fills in what a mapping says, in the order of the fields. A mapping that lacks what is required, or has more, is a
// mistake.
func read[T any](r *reader, n *node, what string, fields []field[T], to *T) {
	if n.shape != mapping {
		r.fail(n, "%s: want a mapping of keys to values, have %v", what, n.shape)
		return
	}
	for _, e := range n.entries {
		if !slices.ContainsFunc(fields, func(f field[T]) bool { return f.name == e.key.text }) {
			r.fail(e.key, "%s has no key %q%s", what, e.key.text, suggest(e.key.text, names(fields)))
		}
	}
	for _, f := range fields {
		i := slices.IndexFunc(n.entries, func(e entry) bool { return e.key.text == f.name })
		switch {
		case i < 0 && f.required:
			r.fail(n, "%s: %q is missing: %s", what, f.name, f.about)
		case i < 0:
		case n.entries[i].value.shape == empty:
			r.fail(n.entries[i].value, "%s: the value is missing", f.name)
		default:
			f.set(r, to, n.entries[i].value)
		}
	}
}

func names[T any](fields []field[T]) []string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.name
	}
	return all
}

// suggest is the name that is most like the wrong one, in words; of many names none if none is like it.
func suggest(wrong string, names []string) string {
	best, least := "", len(plain(wrong))/2+1
	for _, name := range names {
		if d := distance(plain(wrong), plain(name)); d < least {
			best, least = name, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(names) <= 20:
		return "; there are " + strings.Join(names, ", ")
	}
	return ""
}

// plain leaves of a name what counts: letters and digits, in lower case.
func plain(name string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, name)
}

// maxName bounds the names that are compared: the effort grows with the product of their lengths.
const maxName = 100

// distance is how many letters are to be added, removed or replaced to make b of a.
func distance(a, b string) int {
	if len(a) > maxName || len(b) > maxName {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := corner
			if a[i] != b[j] {
				replaced++
			}
			corner = row[j+1]
			row[j+1] = min(replaced, row[j]+1, corner+1)
		}
	}
	return row[len(b)]
}
