package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// texts reads the lines of a picture, which has to be well-formed.
func texts(t *testing.T, picture []byte) []string {
	t.Helper()
	var lines []string
	in := false
	decoder := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "text" {
				in, lines = true, append(lines, "")
			}
		case xml.EndElement:
			in = in && token.Name.Local != "text"
		case xml.CharData:
			if in {
				lines[len(lines)-1] += string(token)
			}
		}
	}
}

func TestDraw(t *testing.T) {
	input := "plain <&> text\r\n\x1b[32mgreen\x1b[0m and \x1b[31mred\n" +
		strings.Repeat(listing+" item\n", maxListing+2) + "end " + strings.Repeat("x", maxWidth) + "\n"
	var out bytes.Buffer
	if err := draw(&out, strings.NewReader(input), "$ title"); err != nil {
		t.Fatal(err)
	}
	got := texts(t, out.Bytes())
	want := []string{"$ title", "plain <&> text", "green and red"}
	for range maxListing {
		want = append(want, listing+" item")
	}
	want = append(want, listing+"    ⋮ 2 more", "end "+strings.Repeat("x", maxWidth-5)+"…")
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, want := range []string{`<tspan fill="#7ee787">green</tspan> and <tspan fill="#ff7b72">red</tspan>`, "plain &lt;&amp;&gt; text"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestDrawNothing(t *testing.T) {
	if err := draw(io.Discard, strings.NewReader(""), ""); err == nil {
		t.Error("no error")
	}
}

// The picture in the documentation shows a session that went from end to end.
func TestDocumentation(t *testing.T) {
	picture, err := os.ReadFile("../../../docs/demo.svg")
	if err != nil {
		t.Fatal(err)
	}
	session := strings.Join(texts(t, picture), "\n")
	for _, want := range []string{"Register as", "Read ", "Write ", "Execute ", "Create ", "Delete ", "Discover ", "Observe ", "Notify ", "De-register"} {
		if !strings.Contains(session, want) {
			t.Errorf("the picture does not show %q", want)
		}
	}
}
