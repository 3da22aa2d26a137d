package walls

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// impure are the packages that the core may not import: they do I/O, lock, log,
// or depend on the process.
var impure = []string{"C", "crypto/rand", "io/ioutil", "log", "net", "os", "plugin", "runtime", "sync", "syscall", "testing", "unsafe"}

// clocks are the functions of package time that ask the clock or wait for it.
var clocks = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// Pure checks that packages do no I/O, ask no clock, start no goroutine and take
// no lock: time comes in as an argument, and one goroutine at a time uses them.
// Tests may do as they like.
func Pure(m *Module, dirs []string) []Violation {
	var found []Violation
	for _, dir := range dirs {
		p := m.Packages[dir]
		if p == nil {
			found = append(found, Violation{
				Place: dir, What: "is listed as part of the core and does not exist", Do: "correct the list in internal/walls",
			})
			continue
		}
		for _, f := range p.source() {
			found = append(found, m.impurities(f)...)
		}
	}
	return found
}

func (m *Module) impurities(f *File) []Violation {
	var found []Violation
	for _, spec := range f.AST.Imports {
		if target := importPath(spec); within(target, impure) {
			found = append(found, Violation{
				Place: m.place(spec), What: "the core may not import " + target,
				Do: "leave I/O, clocks, locks and logs to the caller: take a value, return an action",
			})
		}
	}
	timeName := importedAs(f, "time")
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, Violation{
				Place: m.place(n), What: "the core may not start a goroutine", Do: "return an action that the caller performs",
			})
		case *ast.SelectorExpr:
			if isSelector(n, timeName, clocks...) {
				found = append(found, Violation{
					Place: m.place(n), What: "the core may not call time." + n.Sel.Name, Do: "take now as an argument, and give back a deadline",
				})
			}
		}
		return true
	})
	return found
}

// importedAs is the name that a file uses for a package; "" if it does not import it.
func importedAs(f *File, target string) string {
	for _, spec := range f.AST.Imports {
		switch {
		case importPath(spec) != target:
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return baseName(target)
		}
	}
	return ""
}

var majorVersion = regexp.MustCompile(`/v[0-9]+$`)

// baseName is the name that a package most likely has.
func baseName(importPath string) string {
	return path.Base(majorVersion.ReplaceAllString(importPath, ""))
}

func isSelector(n *ast.SelectorExpr, pkg string, names ...string) bool {
	x, ok := n.X.(*ast.Ident)
	return ok && pkg != "" && x.Name == pkg && slices.Contains(names, n.Sel.Name)
}

// NoInit checks that no package has an init function: what runs before main
// costs every program that imports it, and its order is an accident.
func NoInit(m *Module) []Violation {
	var found []Violation
	m.eachFunc(func(f *File, fn *ast.FuncDecl) {
		if fn.Recv == nil && fn.Name.Name == "init" {
			found = append(found, Violation{
				Place: m.place(fn), What: "func init", Do: "initialise where it is declared, or with sync.OnceValue where it is used",
			})
		}
	})
	return found
}

// NoOptions checks that there are no functional options, functions With… that
// return a func: settings are the fields of a struct.
func NoOptions(m *Module) []Violation {
	var found []Violation
	for _, p := range m.sorted() {
		funcs := funcTypes(p)
		for _, f := range p.Files {
			for _, d := range f.AST.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && isOption(fn, funcs) {
					found = append(found, Violation{
						Place: m.place(fn), What: fn.Name.Name + " is a functional option", Do: "make it a field of the Config or Options",
					})
				}
			}
		}
	}
	return found
}

// funcTypes are the names of a package's types that are funcs.
func funcTypes(p *Package) map[string]bool {
	names := map[string]bool{}
	for _, f := range p.Files {
		for _, d := range f.AST.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range decl.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok {
					if _, ok := t.Type.(*ast.FuncType); ok {
						names[t.Name.Name] = true
					}
				}
			}
		}
	}
	return names
}

func isOption(fn *ast.FuncDecl, funcs map[string]bool) bool {
	results := fn.Type.Results
	if !strings.HasPrefix(fn.Name.Name, "With") || results == nil || len(results.List) != 1 {
		return false
	}
	switch t := results.List[0].Type.(type) {
	case *ast.FuncType:
		return true
	case *ast.Ident:
		return funcs[t.Name] || strings.HasSuffix(t.Name, "Option")
	case *ast.SelectorExpr:
		return strings.HasSuffix(t.Sel.Name, "Option")
	}
	return false
}

// NoPanic checks that panic is called only where allowed has a reason for it. Its
// keys are a folder, a colon, and a function, such as "model:PathOf" or
// "model:Registry.core"; for a package-level variable, its name. Tests may panic.
func NoPanic(m *Module, allowed map[string]string) []Violation {
	var found []Violation
	used := map[string]bool{}
	for _, p := range m.sorted() {
		for _, f := range p.source() {
			for _, d := range f.AST.Decls {
				key := p.Dir + ":" + declName(d)
				for _, call := range panics(d) {
					used[key] = true
					if allowed[key] == "" {
						found = append(found, Violation{
							Place: m.place(call), What: "calls panic",
							Do: fmt.Sprintf("return an error; if only a mistake of the program can lead here, give the reason under %q in internal/walls", key),
						})
					}
				}
			}
		}
	}
	return append(found, unused(allowed, used, "calls panic no longer")...)
}

func panics(d ast.Decl) []*ast.CallExpr {
	var calls []*ast.CallExpr
	ast.Inspect(d, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if fn, ok := call.Fun.(*ast.Ident); ok && fn.Name == "panic" {
				calls = append(calls, call)
			}
		}
		return true
	})
	return calls
}

// declName names a declaration: f, T.m, or the first name of a group.
func declName(d ast.Decl) string {
	if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
		return receiver(fn) + "." + fn.Name.Name
	}
	if names := declared(d); len(names) > 0 {
		return names[0].Name
	}
	return ""
}

// unused finds exceptions that nothing needs any more.
func unused(allowed map[string]string, used map[string]bool, what string) []Violation {
	var found []Violation
	for key := range allowed {
		if !used[key] {
			found = append(found, Violation{Place: key, What: what, Do: "remove the exception from internal/walls"})
		}
	}
	slices.SortFunc(found, func(a, b Violation) int { return strings.Compare(a.Place, b.Place) })
	return found
}

func (m *Module) eachFunc(visit func(*File, *ast.FuncDecl)) {
	for _, p := range m.sorted() {
		for _, f := range p.Files {
			for _, d := range f.AST.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					visit(f, fn)
				}
			}
		}
	}
}
