package devicefile

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m"
)

// The readers of this file note a mistake and return false if a node is not what they want.

func (r *reader) scalar(n *node, want string) (string, bool) {
	if n.shape != scalar {
		r.fail(n, "want %s, have %v", want, n.shape)
		return "", false
	}
	return n.text, true
}

func (r *reader) number(n *node) (float64, bool) {
	text, ok := r.scalar(n, "a number")
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		r.fail(n, "%s: want a number", quoted(text))
		return 0, false
	}
	return v, true
}

func (r *reader) whole(n *node, least, most uint64) (uint64, bool) {
	text, ok := r.scalar(n, "a whole number")
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v < least || v > most {
		r.fail(n, "%s: want a whole number of %d to %d", quoted(text), least, most)
		return 0, false
	}
	return v, true
}

func (r *reader) boolean(n *node) (bool, bool) {
	text, ok := r.scalar(n, "true or false")
	if !ok {
		return false, false
	}
	v, isBool := truth(text)
	if !isBool {
		r.fail(n, "%s: want true or false", quoted(text))
	}
	return v, isBool
}

func truth(text string) (v, ok bool) {
	switch strings.ToLower(text) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// duration reads 5m, 1h30m, 500ms, or a number of seconds.
func (r *reader) duration(n *node, least time.Duration) (time.Duration, bool) {
	text, ok := r.scalar(n, "a duration such as 5m, or a number of seconds")
	if !ok {
		return 0, false
	}
	d, err := parseDuration(text)
	switch {
	case err != nil:
		r.fail(n, "%s: want a duration such as 5m, or a number of seconds", quoted(text))
	case d < least:
		r.fail(n, "%v is too short; want at least %v", d, least)
	default:
		return d, true
	}
	return 0, false
}

func parseDuration(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return d, nil
	}
	const most = float64(math.MaxInt64 / int64(time.Second))
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.Abs(n) < most) {
		return 0, strconv.ErrSyntax
	}
	return time.Duration(n * float64(time.Second)), nil
}

// seconds reads a duration of whole seconds, as the standard has them.
func (r *reader) seconds(n *node) (time.Duration, bool) {
	d, ok := r.duration(n, time.Second)
	if ok && d%time.Second != 0 {
		r.fail(n, "%v: want whole seconds", d)
		return 0, false
	}
	return d, ok
}

// choice reads one of several words.
func (r *reader) choice(n *node, words ...string) (string, bool) {
	text, ok := r.scalar(n, strings.Join(words, ", "))
	if !ok {
		return "", false
	}
	for _, word := range words {
		if text == word {
			return word, true
		}
	}
	r.fail(n, "%s: want %s or %s", quoted(text), strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
	return "", false
}

// path is where a file is that a device file names.
func (r *reader) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.folder, filepath.FromSlash(name))
}

// version reads a version of LwM2M.
func (r *reader) version(n *node) (lwm2m.Version, bool) {
	text, ok := r.choice(n, "1.0", "1.1", "1.2")
	if !ok {
		return lwm2m.Version{}, false
	}
	return map[string]lwm2m.Version{"1.0": lwm2m.Version10, "1.1": lwm2m.Version11, "1.2": lwm2m.Version12}[text], true
}

// quoted is a text as it stands in a message, cut where it is long.
func quoted(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:57], "") + "..."
	}
	return strconv.Quote(text)
}
