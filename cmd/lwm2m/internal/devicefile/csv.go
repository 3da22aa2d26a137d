package devicefile

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// recording is what a device file says about samples that are replayed.
type recording struct {
	file   *node
	column *node // name or number of the column with the values; nil for the last
	repeat bool
}

func recordingFields() []field[recording] {
	return []field[recording]{
		{name: "file", required: true, about: "Comma-separated values: times and values, or values alone, one for each `every`. Times are seconds or durations, or RFC 3339.",
			schema: textSchema(), set: func(r *reader, to *recording, n *node) {
				if _, ok := r.scalar(n, "the name of a file"); ok {
					to.file = n
				}
			}},
		{name: "column", about: "Column with the values, by its name in the first line or by its number from 1. Default: the last.",
			schema: schema{"type": []string{"string", "integer"}}, set: func(r *reader, to *recording, n *node) {
				if _, ok := r.scalar(n, "a name or number"); ok {
					to.column = n
				}
			}},
		{name: "repeat", about: "Begin anew after the last value. Default: true; otherwise the last value stays.",
			schema: boolSchema(), set: func(r *reader, to *recording, n *node) { to.repeat, _ = r.boolean(n) }},
	}
}

const maxRecording = 16 << 20 // bytes of a file with samples

// replay reads the samples. Mistakes in the file are told with their places there.
func (r *reader) replay(rec recording, def *model.Resource, every time.Duration) (Course, bool) {
	if rec.file == nil {
		return nil, false
	}
	name := r.path(rec.file.text)
	rows, err := readRows(name)
	if err != nil {
		r.fail(rec.file, "%v", err)
		return nil, false
	}
	column := len(rows[0].fields) - 1
	header := false
	if rec.column != nil {
		if column, header = columnOf(rec.column.text, rows[0].fields); column < 0 {
			r.fail(rec.column, "%s has no column %s", name, quoted(rec.column.text))
			return nil, false
		}
	}
	timed := column > 0
	if timed && !header {
		_, err := rowTime(rows[0].fields[0])
		header = err != nil
	}
	if header {
		rows = rows[1:]
	}
	if len(rows) == 0 {
		r.fail(rec.file, "%s has no values", name)
		return nil, false
	}
	p, reason := r.samples(rows, column, timed, def, every)
	if reason != "" {
		r.fail(rec.file, "%s:%s", name, reason)
		return nil, false
	}
	if !rec.repeat {
		p.length = 0
	}
	return p, true
}

// samples makes the course; reason says what is wrong, and begins with line and column in the file.
func (r *reader) samples(rows []row, column int, timed bool, def *model.Resource, every time.Duration) (p *replay, reason string) {
	p = &replay{}
	var first time.Duration
	for i, row := range rows {
		at := time.Duration(i) * every
		if timed {
			t, err := rowTime(row.fields[0])
			if err != nil {
				return nil, row.place(0) + fmt.Sprintf("%s: want a time: seconds, a duration or RFC 3339", quoted(row.fields[0]))
			}
			if i == 0 {
				first = t
			}
			at = t - first
			if i > 0 && at <= p.times[i-1] {
				return nil, row.place(0) + "the time is not later than the one before"
			}
		}
		v, wrong := r.parseValue(row.fields[column], def.Kind)
		if wrong == "" {
			if err := def.Check(v); err != nil {
				wrong = err.Error()
			}
		}
		if wrong != "" {
			return nil, row.place(column) + fmt.Sprintf("%s: %s", shown(row.fields[column], def.Kind), wrong)
		}
		p.times, p.values = append(p.times, at), append(p.values, v)
	}
	last := every // how long the last sample counts: as long as the one before
	if n := len(p.times); n > 1 {
		last = p.times[n-1] - p.times[n-2]
	}
	if p.length = p.times[len(p.times)-1] + last; p.length < 0 { // in centuries
		p.length = math.MaxInt64
	}
	return p, ""
}

// row is a line of a file with samples.
type row struct {
	fields  []string
	line    int
	columns []int
}

func (w row) place(column int) string { return fmt.Sprintf("%d:%d: ", w.line, w.columns[column]) }

// readRows reads a file of at least one row.
func readRows(name string) ([]row, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRecording+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxRecording {
		return nil, fmt.Errorf("%s: more than %d bytes", name, maxRecording)
	}
	rows, err := parseRows(text)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	return rows, nil
}

func parseRows(text []byte) (rows []row, err error) {
	records := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	records.Comment, records.TrimLeadingSpace = '#', true
	for {
		fields, err := records.Read()
		if err == io.EOF {
			break
		}
		if wrong, ok := err.(*csv.ParseError); ok {
			return nil, fmt.Errorf("%d:%d: %w", wrong.Line, max(wrong.Column, 1), wrong.Err)
		}
		if err != nil {
			return nil, err
		}
		w := row{fields: fields}
		for i := range fields {
			line, column := records.FieldPos(i)
			w.line, w.columns = line, append(w.columns, column)
		}
		rows = append(rows, w)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("1:1: there are no values")
	}
	return rows, nil
}

// columnOf finds a column by its name in the first line, or by its number; it is negative if there is none.
func columnOf(text string, first []string) (column int, named bool) {
	if i := slices.Index(first, text); i >= 0 {
		return i, true
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(first) {
		return n - 1, false
	}
	return -1, false
}

// rowTime reads a time, or a duration since any.
func rowTime(text string) (time.Duration, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.Sub(time.Unix(0, 0)), nil
	}
	return parseDuration(text)
}
