package walls

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"sort"
)

// MaxLines checks that no file is longer than limit lines. Generated files may be.
func MaxLines(m *Module, limit int) []Violation {
	var found []Violation
	for _, p := range m.sorted() {
		for _, f := range p.Files {
			if f.Lines > limit && !f.Generated {
				found = append(found, Violation{
					Place: f.Name, What: fmt.Sprintf("has %d lines, more than %d", f.Lines, limit),
					Do: "split it by what its parts are about",
				})
			}
		}
	}
	return found
}

// minFunctions is how many functions a package needs to have a percentile of its own.
const minFunctions = 20

// FunctionLength checks that of ten functions at most one is longer than limit
// lines: in the module, and in each package with enough functions to tell. Tests
// and generated files do not count.
func FunctionLength(m *Module, limit int) []Violation {
	var found []Violation
	var all []function
	for _, p := range m.sorted() {
		own := m.functions(p)
		all = append(all, own...)
		if len(own) >= minFunctions {
			found = append(found, percentile(p.name(), own, limit)...)
		}
	}
	return append(found, percentile("the module", all, limit)...)
}

type function struct {
	place string
	name  string
	lines int
}

func (m *Module) functions(p *Package) []function {
	var all []function
	for _, f := range p.source() {
		if f.Generated {
			continue
		}
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				lines := m.fset.Position(fn.End()).Line - m.fset.Position(fn.Pos()).Line + 1
				all = append(all, function{m.place(fn), fn.Name.Name, lines})
			}
		}
	}
	return all
}

func percentile(where string, all []function, limit int) []Violation {
	if len(all) == 0 {
		return nil
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].lines < all[j].lines })
	p90 := all[(len(all)*9+9)/10-1]
	if p90.lines <= limit {
		return nil
	}
	longest := all[len(all)-1]
	return []Violation{{
		Place: where,
		What:  fmt.Sprintf("the 90th percentile of the length of functions is %d lines, more than %d", p90.lines, limit),
		Do:    fmt.Sprintf("split the long ones; the longest is %s at %s with %d lines", longest.name, longest.place, longest.lines),
	}}
}

// MaxExported checks that a package exports at most limit names, methods and
// fields apart.
func MaxExported(m *Module, dir string, limit int) []Violation {
	p := m.Packages[dir]
	if p == nil {
		return nil
	}
	names := map[string]bool{} // as another platform may declare the same again
	for _, f := range p.source() {
		for _, d := range f.AST.Decls {
			for _, name := range declared(d) {
				if name.IsExported() {
					names[name.Name] = true
				}
			}
		}
	}
	if len(names) <= limit {
		return nil
	}
	return []Violation{{
		Place: p.name(), What: fmt.Sprintf("exports %d names, more than %d", len(names), limit),
		Do: "unexport what users can do without, or find the package where it belongs",
	}}
}

// declared gives the names that a declaration puts into the package's scope.
func declared(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		var names []*ast.Ident
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name)
			case *ast.ValueSpec:
				names = append(names, spec.Names...)
			}
		}
		return names
	}
	return nil
}

// wellKnown are methods whose meaning everybody knows from the standard library.
var wellKnown = []string{"As", "Error", "Is", "String", "Unwrap"}

// Documented checks that each exported name of a package that can be imported has
// a doc comment: functions, types, methods of exported types except wellKnown ones,
// and constants and variables, for which the comment of their group counts too.
func Documented(m *Module) []Violation {
	var found []Violation
	for _, p := range m.sorted() {
		if p.isMain() {
			continue
		}
		if !hasPackageComment(p) {
			found = append(found, Violation{Place: p.name(), What: "has no package comment", Do: "say what the package is for"})
		}
		for _, f := range p.source() {
			for _, d := range f.AST.Decls {
				for _, name := range undocumented(d) {
					found = append(found, Violation{
						Place: m.place(name), What: name.Name + " is exported and has no doc comment",
						Do: "say what it is: units, range, default, errors",
					})
				}
			}
		}
	}
	return found
}

func hasPackageComment(p *Package) bool {
	source := p.source()
	for _, f := range source {
		if f.AST.Doc != nil {
			return true
		}
	}
	return len(source) == 0
}

func undocumented(d ast.Decl) []*ast.Ident {
	var names []*ast.Ident
	switch d := d.(type) {
	case *ast.FuncDecl:
		isMethod := d.Recv != nil
		if isMethod && (!ast.IsExported(receiver(d)) || slices.Contains(wellKnown, d.Name.Name)) {
			return nil
		}
		if d.Doc == nil && d.Name.IsExported() {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		if d.Doc != nil && (d.Tok != token.TYPE || !d.Lparen.IsValid()) {
			return nil
		}
		for _, spec := range d.Specs {
			names = append(names, undocumentedSpec(spec)...)
		}
	}
	return names
}

func undocumentedSpec(spec ast.Spec) []*ast.Ident {
	var names []*ast.Ident
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Doc == nil && spec.Name.IsExported() {
			names = append(names, spec.Name)
		}
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if spec.Doc == nil && spec.Comment == nil && name.IsExported() {
				names = append(names, name)
			}
		}
	}
	return names
}

// receiver is the name of the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
