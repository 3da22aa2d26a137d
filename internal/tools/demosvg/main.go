// Command demosvg draws what a program printed on a terminal as an SVG picture:
//
//	script -qefc 'go run ./cmd/lwm2m demo --for 10s' /dev/null | go run ./internal/tools/demosvg >docs/demo.svg
//
// It reads text with the colours of ANSI terminals. Listings, which are lines that
// are indented deeply, are shortened to their beginning.
package main

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

func main() {
	title := flag.String("title", "$ go run ./cmd/lwm2m demo --for 10s", "first `line` of the picture")
	flag.Parse()
	if err := draw(os.Stdout, os.Stdin, *title); err != nil {
		fmt.Fprintln(os.Stderr, "demosvg:", err)
		os.Exit(1)
	}
}

// span is a piece of a line in one colour.
type span struct {
	colour string // of the palette; "" is the normal one
	text   string
}

// palette translates the parameters of ANSI's Select Graphic Rendition.
func palette(sgr string) string {
	switch sgr {
	case "31":
		return "#ff7b72"
	case "32":
		return "#7ee787"
	case "33":
		return "#e3b341"
	case "36":
		return "#79c0ff"
	case "90":
		return "#8b949e"
	}
	return ""
}

var escape = regexp.MustCompile(`\x1b\[([0-9;]*)m`)

// spans cuts a line where its colour changes.
func spans(line string) []span {
	var out []span
	colour := ""
	add := func(text string) {
		if text != "" {
			out = append(out, span{colour, text})
		}
	}
	for {
		at := escape.FindStringSubmatchIndex(line)
		if at == nil {
			add(line)
			return out
		}
		add(line[:at[0]])
		colour = palette(line[at[2]:at[3]])
		line = line[at[1]:]
	}
}

const (
	maxWidth   = 108 // characters of a line
	maxListing = 4   // lines of a listing
	listing    = "               "
)

// shorten cuts listings down to maxListing lines and says how many are left out.
func shorten(lines []string) []string {
	var out []string
	count := 0
	flush := func() {
		if left := count - maxListing; left > 0 {
			out = append(out, fmt.Sprintf("%s    \x1b[90m⋮ %d more\x1b[0m", listing, left))
		}
		count = 0
	}
	for _, line := range lines {
		if !strings.HasPrefix(escape.ReplaceAllString(line, ""), listing) {
			flush()
		} else if count++; count > maxListing {
			continue
		}
		out = append(out, line)
	}
	flush()
	return out
}

// Measures of the picture in pixels.
const (
	lineHeight = 18
	charWidth  = 8
	margin     = 16
)

func draw(w io.Writer, r io.Reader, title string) error {
	lines := []string{"\x1b[90m" + title + "\x1b[0m"}
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		lines = append(lines, strings.TrimRight(scanner.Text(), "\r"))
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	if len(lines) == 1 {
		return fmt.Errorf("there is nothing to draw on standard input")
	}
	lines = shorten(lines)
	width, height := maxWidth*charWidth+2*margin, len(lines)*lineHeight+2*margin
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="8" fill="#0d1117"/>`+"\n", width, height)
	for i, line := range lines {
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#e6edf3" xml:space="preserve">`, margin, margin+(i+1)*lineHeight-5)
		for _, s := range clip(spans(line), maxWidth) {
			drawSpan(&b, s)
		}
		b.WriteString("</text>\n")
	}
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

func drawSpan(b *bytes.Buffer, s span) {
	if s.colour != "" {
		fmt.Fprintf(b, `<tspan fill="%s">`, s.colour)
	}
	_ = xml.EscapeText(b, []byte(s.text)) // a Buffer takes everything
	if s.colour != "" {
		b.WriteString("</tspan>")
	}
}

// clip cuts a line that is too wide.
func clip(line []span, width int) []span {
	for i, s := range line {
		n := utf8.RuneCountInString(s.text)
		if n <= width {
			width -= n
			continue
		}
		cut := string([]rune(s.text)[:max(width-1, 0)]) + "…"
		return append(line[:i:i], span{s.colour, cut})
	}
	return line
}
