package model

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxDefinitionSize limits what [ReadObjects] reads. The largest file of the OMA
// registry has less than 100 KB.
const maxDefinitionSize = 4 << 20

// DefinitionError says where and why a definition file is not valid.
type DefinitionError struct {
	File         string
	Line, Column int // both count from 1; the column counts bytes
	Reason       string
}

// Error is the message of the error, such as "3303.xml:42:5: unknown element <Foo>".
func (e *DefinitionError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
}

// ReadObjects reads Object definitions in the XML format of the OMA registry,
// in either version of its schema (LWM2M.xsd, LWM2M-v1_1.xsd), from a file whose
// name is used in errors. The file must be UTF-8 and at most 4 MiB long.
//
// Reading is strict: unknown, repeated and missing elements, unknown words and
// IDs out of range are errors of type [*DefinitionError]. Order of elements does
// not matter; texts (descriptions, URN, range, units) may be absent.
func ReadObjects(r io.Reader, name string) ([]*Object, error) {
	src := &source{r: r, left: maxDefinitionSize}
	d := &definitionReader{xml: xml.NewDecoder(skipBOM(src)), src: src, file: name}
	d.xml.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("encoding %q is not supported; convert the file to UTF-8", charset)
	}
	objects, err := d.document()
	if err == nil {
		return objects, nil
	}
	if src.err != nil {
		return nil, fmt.Errorf("%s: %w", name, src.err)
	}
	return nil, err
}

// source reads from r up to a limit and keeps the error of r, to tell a failed
// disk from a malformed file.
type source struct {
	r    io.Reader
	left int
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		s.err = fmt.Errorf("definitions are limited to %d bytes", maxDefinitionSize)
		return 0, s.err
	}
	n, err := s.r.Read(p[:min(len(p), s.left)])
	s.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// skipBOM removes the byte order mark with which some registry files begin.
func skipBOM(r io.Reader) io.Reader {
	const bom = "\xef\xbb\xbf"
	start := make([]byte, len(bom))
	n, _ := io.ReadFull(r, start) // the next Read reports the error again
	if string(start[:n]) == bom {
		return r
	}
	return io.MultiReader(strings.NewReader(string(start[:n])), r)
}

// definitionReader walks through the tokens of a file. Its line and column are
// the start of the last token.
type definitionReader struct {
	xml          *xml.Decoder
	src          *source
	file         string
	line, column int
}

func (d *definitionReader) errorf(format string, args ...any) error {
	return &DefinitionError{File: d.file, Line: d.line, Column: d.column, Reason: fmt.Sprintf(format, args...)}
}

// mark moves to where the decoder is. If that took back a line break, it counts
// the line but not the column, which is then 0.
func (d *definitionReader) mark() {
	d.line, d.column = d.xml.InputPos()
	d.column = max(d.column, 1)
}

// token returns the next token that is not a comment.
func (d *definitionReader) token() (xml.Token, error) {
	for {
		d.mark()
		t, err := d.xml.Token()
		if err != nil {
			return nil, d.syntaxError(err)
		}
		switch t.(type) {
		case xml.Comment, xml.ProcInst:
			continue
		case xml.Directive:
			return nil, d.errorf("document types are not accepted")
		}
		return t, nil
	}
}

// syntaxError keeps the end of the file as it is.
func (d *definitionReader) syntaxError(err error) error {
	if errors.Is(err, io.EOF) {
		return err
	}
	d.mark()
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return d.errorf("%s", syntax.Msg)
	}
	return d.errorf("%v", err)
}

// child returns the next element inside of the current one; ok is false at the
// end of the current one. Text between elements is an error.
func (d *definitionReader) child() (e xml.StartElement, ok bool, err error) {
	for {
		t, err := d.token()
		if err != nil {
			return e, false, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t, true, nil
		case xml.EndElement:
			return e, false, nil
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" {
				return e, false, d.errorf("unexpected text %.40q between elements", text)
			}
		}
	}
}

// text returns the content of an element that has no children, without space
// around it.
func (d *definitionReader) text(e xml.StartElement) (string, error) {
	line, column := d.line, d.column
	var b strings.Builder
	for {
		t, err := d.token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.StartElement:
			return "", d.errorf("unexpected element <%s> in <%s>", t.Name.Local, e.Name.Local)
		case xml.EndElement:
			d.line, d.column = line, column
			return strings.TrimSpace(b.String()), nil
		}
	}
}

// element is one known child of an element: what to do with it, and whether it
// may be absent.
type element struct {
	name     string
	optional bool
	parse    func(xml.StartElement) error
}

// textElement is an element whose text goes to parse.
func (d *definitionReader) textElement(name string, parse func(text string) error) element {
	return element{name: name, parse: func(e xml.StartElement) error {
		if len(e.Attr) > 0 {
			return d.errorf("unknown attribute %q of <%s>", e.Attr[0].Name.Local, name)
		}
		text, err := d.text(e)
		if err != nil {
			return err
		}
		return parse(text)
	}}
}

// optionalText is an element with any text; it may be absent.
func (d *definitionReader) optionalText(name string, to *string) element {
	e := d.textElement(name, func(text string) error {
		*to = text
		return nil
	})
	e.optional = true
	return e
}

// children reads all children of an element, each at most once.
func (d *definitionReader) children(parent string, known []element) error {
	line, column := d.line, d.column
	seen := make([]bool, len(known))
	for {
		e, ok, err := d.child()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		i := slices.IndexFunc(known, func(k element) bool { return e.Name == xml.Name{Local: k.name} })
		if i < 0 {
			return d.errorf("unknown element <%s> in <%s>", e.Name.Local, parent)
		}
		if seen[i] {
			return d.errorf("second <%s> in <%s>", e.Name.Local, parent)
		}
		seen[i] = true
		if err := known[i].parse(e); err != nil {
			return err
		}
	}
	d.line, d.column = line, column // what is missing is missing in the whole element
	for i, k := range known {
		if !seen[i] && !k.optional {
			return d.errorf("<%s> has no <%s>", parent, k.name)
		}
	}
	return nil
}

// document reads the whole file.
func (d *definitionReader) document() ([]*Object, error) {
	root, ok, err := d.child()
	if errors.Is(err, io.EOF) {
		return nil, d.errorf("no element <LWM2M>")
	}
	if err != nil {
		return nil, err
	}
	if !ok || root.Name != (xml.Name{Local: "LWM2M"}) {
		return nil, d.errorf("the file has <%s> where <LWM2M> should be", root.Name.Local)
	}
	var objects []*Object
	for {
		e, ok, err := d.child()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if e.Name != (xml.Name{Local: "Object"}) {
			return nil, d.errorf("unknown element <%s> in <LWM2M>", e.Name.Local)
		}
		o, err := d.object(e)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(objects, func(p *Object) bool { return p.ID == o.ID && p.Version == o.Version }) {
			return nil, d.errorf("second definition of Object %d version %v", o.ID, o.Version)
		}
		objects = append(objects, o)
	}
	if len(objects) == 0 {
		return nil, d.errorf("<LWM2M> has no <Object>")
	}
	if e, ok, err := d.child(); ok {
		return nil, d.errorf("unexpected <%s> after <LWM2M>", e.Name.Local)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	return objects, nil
}

// object reads an <Object> element.
func (d *definitionReader) object(e xml.StartElement) (*Object, error) {
	line, column := d.line, d.column
	for _, a := range e.Attr {
		if a.Name.Local != "ObjectType" {
			return nil, d.errorf("unknown attribute %q of <Object>", a.Name.Local)
		}
	}
	o := &Object{Version: Version10, LwM2MVersion: Version10}
	var more string
	err := d.children("Object", []element{
		d.textElement("Name", d.nonEmpty("Name", &o.Name)),
		d.optionalText("Description1", &o.Description),
		d.textElement("ObjectID", d.id("ObjectID", &o.ID)),
		d.optionalText("ObjectURN", &o.URN),
		d.version("LWM2MVersion", &o.LwM2MVersion),
		d.version("ObjectVersion", &o.Version),
		d.textElement("MultipleInstances", d.either("MultipleInstances", "Multiple", "Single", &o.Multiple)),
		d.textElement("Mandatory", d.either("Mandatory", "Mandatory", "Optional", &o.Mandatory)),
		{name: "Resources", parse: func(xml.StartElement) error { return d.resources(o) }},
		d.optionalText("Description2", &more),
	})
	if err != nil {
		return nil, err
	}
	if more != "" {
		o.Description = strings.TrimSpace(o.Description + "\n\n" + more)
	}
	d.line, d.column = line, column
	return o, nil
}

func (d *definitionReader) resources(o *Object) error {
	line, column := d.line, d.column
	seen := map[uint16]bool{}
	for {
		e, ok, err := d.child()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if e.Name != (xml.Name{Local: "Item"}) {
			return d.errorf("unknown element <%s> in <Resources>", e.Name.Local)
		}
		r, err := d.resource(e)
		if err != nil {
			return err
		}
		if seen[r.ID] {
			return d.errorf("second definition of Resource %d", r.ID)
		}
		seen[r.ID] = true
		o.Resources = append(o.Resources, r)
	}
	if len(o.Resources) == 0 {
		d.line, d.column = line, column
		return d.errorf("<Resources> has no <Item>")
	}
	slices.SortFunc(o.Resources, func(a, b Resource) int { return int(a.ID) - int(b.ID) })
	return nil
}

// resource reads an <Item> element.
func (d *definitionReader) resource(e xml.StartElement) (Resource, error) {
	line, column := d.line, d.column
	var r Resource
	if len(e.Attr) != 1 || e.Attr[0].Name.Local != "ID" {
		return r, d.errorf("<Item> must have the attribute ID and no other")
	}
	if err := d.id("ID", &r.ID)(strings.TrimSpace(e.Attr[0].Value)); err != nil {
		return r, err
	}
	var allowed string
	err := d.children("Item", []element{
		d.textElement("Name", d.nonEmpty("Name", &r.Name)),
		d.textElement("Operations", d.operations(&r.Operations)),
		d.textElement("MultipleInstances", d.either("MultipleInstances", "Multiple", "Single", &r.Multiple)),
		d.textElement("Mandatory", d.either("Mandatory", "Mandatory", "Optional", &r.Mandatory)),
		d.textElement("Type", d.kind(&r.Kind)),
		d.optionalText("RangeEnumeration", &allowed),
		d.optionalText("Units", &r.Units),
		d.optionalText("Description", &r.Description),
	})
	if err != nil {
		return r, err
	}
	d.line, d.column = line, column
	if executable := r.Operations.Has(Executable); executable && r.Kind != None {
		return r, d.errorf("Resource %d is executable and must not have the type %v", r.ID, r.Kind)
	} else if !executable && r.Kind == None {
		return r, d.errorf("Resource %d has no type", r.ID)
	}
	r.Range = ParseRange(allowed, r.Kind)
	return r, nil
}

// The functions below parse the texts of elements.

func (d *definitionReader) nonEmpty(name string, to *string) func(string) error {
	return func(text string) error {
		if text == "" {
			return d.errorf("<%s> is empty", name)
		}
		*to = text
		return nil
	}
}

func (d *definitionReader) id(name string, to *uint16) func(string) error {
	return func(text string) error {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n >= MaxID {
			return d.errorf("%s %.40q is not a number of 0 to 65534", name, text)
		}
		*to = uint16(n)
		return nil
	}
}

// version may be absent or empty, which leaves the default.
func (d *definitionReader) version(name string, to *Version) element {
	e := d.textElement(name, func(text string) (err error) {
		if text == "" {
			return nil
		}
		if *to, err = ParseVersion(text); err != nil {
			return d.errorf("%s: %v", name, err)
		}
		return nil
	})
	e.optional = true
	return e
}

func (d *definitionReader) either(name, yes, no string, to *bool) func(string) error {
	return func(text string) error {
		if text != yes && text != no {
			return d.errorf("%s %.40q is neither %s nor %s", name, text, yes, no)
		}
		*to = text == yes
		return nil
	}
}

func (d *definitionReader) operations(to *Operations) func(string) error {
	return func(text string) error {
		for _, o := range []Operations{0, Readable, Writable, Readable | Writable, Executable} {
			if text == o.String() {
				*to = o
				return nil
			}
		}
		return d.errorf("Operations %.40q is none of R, W, RW, E and nothing", text)
	}
}

func (d *definitionReader) kind(to *Kind) func(string) error {
	return func(text string) error {
		for k := String; k < numKinds; k++ {
			if text == k.String() {
				*to = k
				return nil
			}
		}
		if text != "" {
			return d.errorf("Type %.40q is not a data type of LwM2M, such as Integer", text)
		}
		return nil
	}
}
