package shell

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLine is the longest line that is taken, in bytes: enough for a certificate in hexadecimal.
const maxLine = 64 << 10

// splitLine splits a line into commands, and these into words. Commands without words are left out.
func splitLine(line string) (commands [][]string, err error) {
	if err := checkLine(line); err != nil {
		return nil, err
	}
	s := scanner{rest: line}
	var words []string
	for {
		s.rest = strings.TrimLeft(s.rest, " \t\r\n")
		switch {
		case s.rest == "" || s.rest[0] == '#':
			return appendCommand(commands, words), nil
		case s.rest[0] == ';':
			s.rest = s.rest[1:]
			commands, words = appendCommand(commands, words), nil
			continue
		}
		word, err := s.word()
		if err != nil {
			return nil, err
		}
		words = append(words, word)
	}
}

func appendCommand(commands [][]string, words []string) [][]string {
	if len(words) == 0 {
		return commands
	}
	return append(commands, words)
}

// checkLine refuses what nobody types.
func checkLine(line string) error {
	switch {
	case len(line) > maxLine:
		return failf(numInvalid, "the line is longer than %d bytes and was not run", maxLine)
	case !utf8.ValidString(line):
		return failf(numInvalid, "the line is not UTF-8 text and was not run")
	case strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\r' && r != '\n' }):
		return failf(numInvalid, "the line has control characters and was not run")
	}
	return nil
}

// scanner reads the words of a command.
type scanner struct{ rest string }

// word reads the word at the beginning of the rest, which is not empty.
func (s *scanner) word() (string, error) {
	if quote := s.rest[0]; quote == '"' || quote == '\'' {
		s.rest = s.rest[1:]
		return s.quoted(quote)
	}
	var word strings.Builder
	for s.rest != "" {
		c := s.rest[0]
		switch {
		case strings.IndexByte(" \t\r\n;", c) >= 0:
			return word.String(), nil
		case c == '\\' && len(s.rest) > 1:
			s.rest = s.rest[1:]
		case c == '\'' && strings.HasSuffix(word.String(), "="):
			end := strings.IndexByte(s.rest[1:], '\'')
			if end < 0 {
				return "", unclosed(c)
			}
			word.WriteString(s.rest[:end+2])
			s.rest = s.rest[end+2:]
			continue
		}
		word.WriteByte(s.rest[0])
		s.rest = s.rest[1:]
	}
	return word.String(), nil
}

// quoted reads up to the closing quote.
func (s *scanner) quoted(quote byte) (string, error) {
	var word strings.Builder
	for s.rest != "" {
		c := s.rest[0]
		s.rest = s.rest[1:]
		switch {
		case c == quote:
			return word.String(), nil
		case c == '\\' && quote == '"' && s.rest != "":
			c, s.rest = s.rest[0], s.rest[1:]
		}
		word.WriteByte(c)
	}
	return "", unclosed(quote)
}

func unclosed(quote byte) error {
	return failf(numInvalid, "the line has a quote %c that is not closed, and was not run", quote)
}
