package walls

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
)

// Violation is one place that breaks a rule.
type Violation struct {
	// Place is where: a file and line, a file, or a package.
	Place string
	// What is wrong there.
	What string
	// Do says what to do about it.
	Do string
}

// String is the violation in two lines.
func (v Violation) String() string { return v.Place + ": " + v.What + "\n\t" + v.Do }

// Module is the source text of a Go module.
type Module struct {
	// Path is the module path, such as example.com/thing.
	Path string
	// Packages are the folders that hold Go files, by their path within the
	// module; the root is "".
	Packages map[string]*Package

	fset *token.FileSet
}

// Package is a folder of Go files, those of all platforms and tests among them.
type Package struct {
	Dir   string
	Files []*File
}

// File is a Go file.
type File struct {
	Name      string // within the module, such as internal/coap/code.go
	Test      bool
	Generated bool
	Lines     int
	AST       *ast.File
}

// Load reads the Go files below the root of a module, leaving out what the go
// command ignores: testdata and names that begin with "." or "_".
func Load(root fs.FS, modulePath string) (*Module, error) {
	m := &Module{Path: modulePath, Packages: make(map[string]*Package), fset: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil:
			return err
		case name != "." && (base[0] == '.' || base[0] == '_' || base == "testdata"):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return m.add(root, name)
	})
	if err != nil {
		return nil, fmt.Errorf("walls: %w", err)
	}
	return m, nil
}

func (m *Module) add(root fs.FS, name string) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(m.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	if dir == "." {
		dir = ""
	}
	p := m.Packages[dir]
	if p == nil {
		p = &Package{Dir: dir}
		m.Packages[dir] = p
	}
	p.Files = append(p.Files, &File{
		Name:      name,
		Test:      strings.HasSuffix(name, "_test.go"),
		Generated: ast.IsGenerated(parsed),
		Lines:     strings.Count(string(text), "\n"),
		AST:       parsed,
	})
	return nil
}

// sorted gives the packages in the order of their folders.
func (m *Module) sorted() []*Package {
	all := make([]*Package, 0, len(m.Packages))
	for _, p := range m.Packages {
		all = append(all, p)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Dir < all[j].Dir })
	return all
}

// place is the file and line of a node.
func (m *Module) place(n ast.Node) string {
	p := m.fset.Position(n.Pos())
	return p.Filename + ":" + strconv.Itoa(p.Line)
}

// source gives the files of a package that are not tests.
func (p *Package) source() []*File {
	var files []*File
	for _, f := range p.Files {
		if !f.Test {
			files = append(files, f)
		}
	}
	return files
}

// isMain tells whether the package is a program.
func (p *Package) isMain() bool { return p.Files[0].AST.Name.Name == "main" }

// name is the package's name for messages.
func (p *Package) name() string {
	if p.Dir == "" {
		return "the module root"
	}
	return p.Dir
}

// inside gives the folder of an import path within the module.
func (m *Module) inside(importPath string) (dir string, ok bool) {
	if importPath == m.Path {
		return "", true
	}
	return strings.CutPrefix(importPath, m.Path+"/")
}

// importPath is what an import names.
func importPath(spec *ast.ImportSpec) string {
	s, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
	return s
}

// isStandard tells the standard library's packages from others: their first
// element has no dot.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// within tells whether an import path is one of the roots or below one.
func within(importPath string, roots []string) bool {
	for _, root := range roots {
		if importPath == root || strings.HasPrefix(importPath, root+"/") {
			return true
		}
	}
	return false
}
