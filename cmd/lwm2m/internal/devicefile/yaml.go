package devicefile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Error is a mistake in a device file.
type Error struct {
	File         string
	Line, Column int // both count from 1
	Reason       string
}

// Error is the mistake with its place, as compilers write it.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
}

// node is a value in a file: one scalar, a mapping or a sequence.
type node struct {
	shape        shape
	line, column int
	text         string  // of a scalar, as it is written but for quotes
	entries      []entry // of a mapping
	items        []*node // of a sequence
}

// entry is a key of a mapping with its value.
type entry struct {
	key   *node
	value *node
}

// shape says what a node is.
type shape uint8

const (
	empty shape = iota // nothing, or null
	scalar
	mapping
	sequence
)

func (s shape) String() string {
	return [...]string{"nothing", "a value", "a mapping", "a list"}[s]
}

// Limits that no device file needs to exceed.
const (
	maxText  = 256 << 10 // bytes of a file
	maxLine  = 32 << 10  // bytes of a line
	maxOpen  = 256       // brackets that are open at once
	maxDepth = 32        // of nodes within nodes
)

// checkSize refuses what would take the library too long: its effort grows with the square of the depth, and of the
// keys of a mapping.
func checkSize(file string, text []byte) error {
	if len(text) > maxText {
		return &Error{file, 1, 1, fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(text), maxText)}
	}
	line, start, open := 1, 0, 0
	for i, c := range text {
		switch c {
		case '\n':
			line, start = line+1, i+1
		case '[', '{':
			open++
		case ']', '}':
			open = max(open-1, 0)
		}
		switch {
		case i-start >= maxLine:
			return &Error{file, line, 1, fmt.Sprintf("the line has more than %d bytes; bytes can stand in a file of their own, as file:NAME", maxLine)}
		case open > maxOpen:
			return &Error{file, line, i - start + 1, fmt.Sprintf("more than %d brackets are open", maxOpen)}
		}
	}
	return nil
}

// parseYAML reads the one document of a text. A text without any is an empty mapping.
func parseYAML(file string, text []byte) (root *node, err error) {
	if err := checkSize(file, text); err != nil {
		return nil, err
	}
	defer func() { // what the library does not survive is no YAML either
		if p := recover(); p != nil {
			root, err = nil, &Error{file, 1, 1, fmt.Sprintf("this is no YAML that can be read: %v", p)}
		}
	}()
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, syntaxError(file, err)
	}
	y := yamlReader{file: file}
	for _, doc := range parsed.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			return nil, y.fail(doc.Body, "a second document; a device file has one")
		}
		if root, err = y.node(doc.Body, 0); err != nil {
			return nil, err
		}
	}
	if root == nil || root.shape == empty {
		root = &node{shape: mapping, line: 1, column: 1}
	}
	return root, nil
}

func syntaxError(file string, err error) error {
	wrong, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return &Error{file, 1, 1, err.Error()}
	}
	line, column := place(wrong.GetToken())
	return &Error{file, line, column, wrong.GetMessage()}
}

func place(t *token.Token) (line, column int) {
	if t == nil || t.Position == nil {
		return 1, 1
	}
	return max(t.Position.Line, 1), max(t.Position.Column, 1)
}

// yamlReader makes nodes of what the library reads.
type yamlReader struct{ file string }

func (y *yamlReader) fail(from ast.Node, format string, args ...any) error {
	line, column := place(from.GetToken())
	return &Error{y.file, line, column, fmt.Sprintf(format, args...)}
}

func (y *yamlReader) node(from ast.Node, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, y.fail(from, "more than %d levels within each other", maxDepth)
	}
	n := &node{shape: scalar}
	n.line, n.column = place(from.GetToken())
	switch from := from.(type) {
	case *ast.NullNode:
		n.shape = empty
	case *ast.StringNode:
		n.text = from.Value
	case *ast.LiteralNode:
		n.text = from.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		n.text = strings.TrimSpace(from.GetToken().Value)
	case *ast.SequenceNode:
		return y.sequence(n, from, depth)
	case *ast.MappingNode:
		return y.mapping(n, from.Values, depth)
	case *ast.MappingValueNode:
		return y.mapping(n, []*ast.MappingValueNode{from}, depth)
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return nil, y.fail(from, "anchors, aliases and merges (&, *, <<) are not possible here; write it out")
	case *ast.TagNode:
		return nil, y.fail(from, "tags (!) are not possible here; the definition of the Resource says its type")
	default:
		return nil, y.fail(from, "%s is not possible here", strings.ToLower(from.Type().YAMLName()))
	}
	return n, nil
}

func (y *yamlReader) sequence(n *node, from *ast.SequenceNode, depth int) (*node, error) {
	n.shape = sequence
	for _, value := range from.Values {
		item, err := y.node(value, depth+1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	return n, nil
}

func (y *yamlReader) mapping(n *node, from []*ast.MappingValueNode, depth int) (*node, error) {
	n.shape = mapping
	seen := map[string]bool{}
	for i, value := range from {
		key, err := y.node(value.Key, depth+1)
		if err != nil {
			return nil, err
		}
		if key.shape != scalar {
			return nil, y.fail(value.Key, "a key is a name or a number, not %v", key.shape)
		}
		if seen[key.text] {
			return nil, y.fail(value.Key, "%q is here twice", key.text)
		}
		seen[key.text] = true
		if i == 0 { // that of the colon would be told otherwise
			n.line, n.column = key.line, key.column
		}
		content, err := y.node(value.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if content.shape == empty { // there is nothing to point at
			content.line, content.column = key.line, key.column
		}
		n.entries = append(n.entries, entry{key, content})
	}
	return n, nil
}
