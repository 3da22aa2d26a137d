package walls

import "go/ast"

// NoSleepInTests checks that tests do not wait for real time. In virtual time a
// Sleep costs nothing: it may stand in a function that calls testing/synctest,
// itself or through helpers of its package.
func NoSleepInTests(m *Module) []Violation {
	var found []Violation
	for _, p := range m.sorted() {
		virtual := virtualTime(p)
		for _, f := range p.Files {
			if !f.Test {
				continue
			}
			timeName := importedAs(f, "time")
			for _, d := range f.AST.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && virtual[fn.Name.Name] {
					continue
				}
				for _, sleep := range selectors(d, timeName, "Sleep") {
					found = append(found, Violation{
						Place: m.place(sleep), What: "a test sleeps in real time",
						Do: "wait for the event itself, or run in virtual time: the function has to call synctest.Test or synctest.Wait",
					})
				}
			}
		}
	}
	return found
}

// virtualTime gives the test functions of a package, by name, that reach
// testing/synctest by calls of functions of the package.
func virtualTime(p *Package) map[string]bool {
	virtual := map[string]bool{}
	calls := map[string]map[string]bool{}
	for _, f := range p.Files {
		if !f.Test {
			continue
		}
		synctest := importedAs(f, "testing/synctest")
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				calls[fn.Name.Name] = called(fn)
				if len(selectors(fn, synctest, "Test", "Wait")) > 0 {
					virtual[fn.Name.Name] = true
				}
			}
		}
	}
	for grown := true; grown; {
		grown = false
		for caller, callees := range calls {
			for callee := range callees {
				if virtual[callee] && !virtual[caller] {
					virtual[caller], grown = true, true
				}
			}
		}
	}
	return virtual
}

// called gives the names of the functions and methods that fn calls.
func called(fn *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch f := call.Fun.(type) {
			case *ast.Ident:
				names[f.Name] = true
			case *ast.SelectorExpr:
				names[f.Sel.Name] = true
			}
		}
		return true
	})
	return names
}

// selectors finds the uses of names of an imported package.
func selectors(n ast.Node, pkg string, names ...string) []*ast.SelectorExpr {
	var found []*ast.SelectorExpr
	ast.Inspect(n, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && isSelector(s, pkg, names...) {
			found = append(found, s)
		}
		return true
	})
	return found
}
