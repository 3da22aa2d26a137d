package walls

import (
	"fmt"
	"go/ast"
	"slices"
)

// readings are the functions of package time that read the clock.
var readings = []string{"Now", "Since", "Until"}

// strips are the methods of time.Time whose result has no monotonic reading.
var strips = []string{"UTC", "Unix", "UnixMilli", "UnixMicro", "UnixNano", "AddDate"}

// Monotonic checks that the wall clock, which may be set at any moment, decides about nothing but
// timestamps: the clock is read, and the monotonic reading is dropped, only where allowed has a
// reason for it. Its keys are those of NoPanic.
func Monotonic(m *Module, dirs []string, allowed map[string]string) []Violation {
	var found []Violation
	used := map[string]bool{}
	for _, dir := range dirs {
		p := m.Packages[dir]
		if p == nil {
			continue
		}
		for _, f := range p.source() {
			for _, d := range f.AST.Decls {
				key := p.Dir + ":" + declName(d)
				for _, use := range clockUses(f, d) {
					used[key] = true
					if allowed[key] == "" {
						found = append(found, Violation{
							Place: m.place(use), What: "." + use.Sel.Name + " reads the clock or drops the monotonic reading of a time",
							Do: fmt.Sprintf("take now as an argument; if this but stamps or shows a time, give the reason under %q in internal/walls", key),
						})
					}
				}
			}
		}
	}
	return append(found, unused(allowed, used, "reads no clock any more")...)
}

func clockUses(f *File, d ast.Decl) []*ast.SelectorExpr {
	uses := selectors(d, importedAs(f, "time"), readings...)
	ast.Inspect(d, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			s, ok := call.Fun.(*ast.SelectorExpr)
			if ok && (len(call.Args) != 2 && slices.Contains(strips, s.Sel.Name) || s.Sel.Name == "Round" && isZero(call.Args)) {
				uses = append(uses, s)
			}
		}
		return true
	})
	return uses
}

// isZero reports whether the argument is the literal 0.
func isZero(args []ast.Expr) bool {
	if len(args) != 1 {
		return false
	}
	literal, ok := args[0].(*ast.BasicLit)
	return ok && literal.Value == "0"
}
