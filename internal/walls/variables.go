package walls

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// makers are the functions whose results may be kept in a package-level variable, as
// nobody can change them afterwards.
var makers = []string{
	"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer",
	"sync.OnceFunc", "sync.OnceValue", "sync.OnceValues",
	"base32.NewEncoding", "base64.NewEncoding", "Strict", "WithPadding", "PathOf",
}

// NoMutableVars checks that package-level variables are constants in all but
// name. Such a variable
//
//   - has a value that is a literal, another constant, an error, a regular
//     expression, a sync.OnceValue, or a func literal called on the spot, or is
//     filled by go:embed;
//   - is written nowhere after its declaration: it is not assigned to, nor any
//     part of it, not incremented, not handed to delete or clear, and its
//     address is not taken;
//   - is not written by another package either.
//
// What else is needed has a reason in allowed, under the folder, a colon and the
// name, such as "server:idEncoding". Tests may have variables.
func NoMutableVars(m *Module, allowed map[string]string) []Violation {
	var found []Violation
	used := map[string]bool{}
	for _, p := range m.sorted() {
		s := newScope(m, p)
		for _, f := range p.source() {
			for _, v := range append(s.declarations(f), s.writes(f)...) {
				key := p.Dir + ":" + v.name
				used[key] = true
				if allowed[key] == "" {
					found = append(found, v.Violation)
				}
			}
		}
	}
	return append(found, unused(allowed, used, "breaks no rule on variables any more")...)
}

// variableViolation is a Violation with the variable that it is about.
type variableViolation struct {
	Violation
	name string
}

// scope resolves the names of a package.
type scope struct {
	module *Module
	pkg    *types.Package
	info   types.Info
}

// newScope type-checks a package on its own. Imports are left empty, so types are
// mostly unknown; names are resolved all the same.
func newScope(m *Module, p *Package) *scope {
	s := &scope{module: m, info: types.Info{
		Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object),
	}}
	config := types.Config{Importer: emptyImporter{}, Error: func(error) {}, FakeImportC: true}
	var files []*ast.File
	for _, f := range p.source() {
		files = append(files, f.AST)
	}
	s.pkg, _ = config.Check(p.Dir, m.fset, files, &s.info) // errors are expected
	return s
}

type emptyImporter struct{}

func (emptyImporter) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, baseName(path))
	p.MarkComplete()
	return p, nil
}

func (s *scope) declarations(f *File) []variableViolation {
	var found []variableViolation
	for _, d := range f.AST.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			spec := spec.(*ast.ValueSpec)
			if isBlank(spec) || len(spec.Values) > 0 && !slices.ContainsFunc(spec.Values, s.isMutable) || isEmbedded(group, spec) {
				continue
			}
			found = append(found, variableViolation{name: spec.Names[0].Name, Violation: Violation{
				Place: s.module.place(spec), What: fmt.Sprintf("package-level variable %s can change", spec.Names[0].Name),
				Do: "make it a field of what uses it, a constant, or a function; or give the reason in internal/walls",
			}})
		}
	}
	return found
}

func isBlank(spec *ast.ValueSpec) bool {
	return !slices.ContainsFunc(spec.Names, func(n *ast.Ident) bool { return n.Name != "_" })
}

func isEmbedded(group *ast.GenDecl, spec *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{group.Doc, spec.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return true
		}
	}
	return false
}

// isMutable tells whether the value of a variable is of a kind that others could
// change without writing the variable.
func (s *scope) isMutable(value ast.Expr) bool {
	switch v := value.(type) {
	case *ast.BasicLit, *ast.Ident, *ast.SelectorExpr, *ast.FuncLit, *ast.CompositeLit, *ast.BinaryExpr:
		return false
	case *ast.ParenExpr:
		return s.isMutable(v.X)
	case *ast.UnaryExpr:
		return v.Op == token.AND
	case *ast.CallExpr:
		switch fn := v.Fun.(type) {
		case *ast.FuncLit, *ast.ArrayType:
			return false
		case *ast.Ident:
			_, isType := s.info.Uses[fn].(*types.TypeName)
			return !isType // a conversion
		case *ast.SelectorExpr:
			x, ok := fn.X.(*ast.Ident)
			return !slices.Contains(makers, fn.Sel.Name) && !(ok && slices.Contains(makers, x.Name+"."+fn.Sel.Name))
		case *ast.IndexExpr: // a generic maker such as sync.OnceValue[T]
			return s.isMutable(&ast.CallExpr{Fun: fn.X})
		case *ast.IndexListExpr:
			return s.isMutable(&ast.CallExpr{Fun: fn.X})
		}
	}
	return true
}

// writes finds the statements that change package-level variables.
func (s *scope) writes(f *File) []variableViolation {
	var found []variableViolation
	note := func(target ast.Expr, how string) {
		if name := s.variable(target); name != "" {
			found = append(found, variableViolation{name: name, Violation: Violation{
				Place: s.module.place(target), What: fmt.Sprintf("%s the package-level variable %s", how, name),
				Do: "make it a field of what uses it; package-level variables never change",
			}})
		}
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, target := range n.Lhs {
				if n.Tok != token.DEFINE {
					note(target, "assigns to")
				}
			}
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				note(n.Key, "assigns to")
				note(n.Value, "assigns to")
			}
		case *ast.IncDecStmt:
			note(n.X, "counts in")
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				note(n.X, "takes the address of")
			}
		case *ast.CallExpr:
			if fn, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"clear", "copy", "delete"}, fn.Name) {
				note(n.Args[0], fn.Name+"s in")
			}
		}
		return true
	})
	return found
}

// variable is the package-level variable that an expression is or is a part of: of
// this package, or pkg.Name of another; "" if it is none.
func (s *scope) variable(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); ok {
				if _, ok := s.info.Uses[id].(*types.PkgName); ok {
					return id.Name + "." + x.Sel.Name
				}
			}
			e = x.X
		case *ast.Ident:
			if v, ok := s.info.Uses[x].(*types.Var); ok && s.pkg != nil && v.Parent() == s.pkg.Scope() {
				return v.Name()
			}
			return ""
		default:
			return ""
		}
	}
}
