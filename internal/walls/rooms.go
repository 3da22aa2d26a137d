package walls

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Room says what the packages of a folder may import besides the standard library.
type Room struct {
	// Dir is the folder, or a pattern of path.Match. A pattern that ends in
	// "/..." means everything below.
	Dir string
	// May are the folders of this module that may be imported, as patterns; ""
	// is the root.
	May []string
	// Outside are the modules of others that may be imported.
	Outside []string
}

// Rooms is the plan of a module: every package has its Room.
type Rooms struct {
	Rooms []Room
	// Private are the folders that nobody may import, as patterns.
	Private []string
	// Tests are the modules of others that tests may import. Tests may import
	// any folder of this module that is not Private.
	Tests []string
}

func matches(pattern, dir string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == below || strings.HasPrefix(dir, below+"/")
	}
	ok, _ := path.Match(pattern, dir)
	return ok
}

func matchesAny(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, dir) })
}

func (r *Rooms) of(dir string) (Room, bool) {
	i := slices.IndexFunc(r.Rooms, func(room Room) bool { return matches(room.Dir, dir) })
	if i < 0 {
		return Room{}, false
	}
	return r.Rooms[i], true
}

// Imports checks who imports whom.
func Imports(m *Module, rooms *Rooms) []Violation {
	var found []Violation
	for _, p := range m.sorted() {
		room, ok := rooms.of(p.Dir)
		if !ok {
			found = append(found, Violation{
				Place: p.name(), What: "is not in the plan of the rooms",
				Do: "give it a row in the plan of internal/walls and in ARCHITECTURE.md, or move its code to the room it belongs to",
			})
			continue
		}
		for _, f := range p.Files {
			found = append(found, m.imports(f, p, room, rooms)...)
		}
	}
	return found
}

func (m *Module) imports(f *File, p *Package, room Room, rooms *Rooms) []Violation {
	var found []Violation
	add := func(n int, what, do string) {
		found = append(found, Violation{Place: m.place(f.AST.Imports[n]), What: what, Do: do})
	}
	for i, spec := range f.AST.Imports {
		target := importPath(spec)
		dir, inside := m.inside(target)
		switch {
		case inside && dir == p.Dir: // an external test of the package itself
		case inside && matchesAny(rooms.Private, dir) && !below(p.Dir, dir):
			add(i, fmt.Sprintf("imports %s, which nobody may", dir), "move what is needed into a package that can be imported")
		case inside && f.Test:
		case inside && !matchesAny(room.May, dir):
			add(i, fmt.Sprintf("%s may not import %s", p.name(), target),
				fmt.Sprintf("it may import %s; invert the dependency, or change the plan in internal/walls and ARCHITECTURE.md if the plan is wrong", list(room)))
		case inside || isStandard(target) || within(target, room.Outside):
		case f.Test && within(target, rooms.Tests):
		default:
			add(i, fmt.Sprintf("%s may not import %s of another module", p.name(), target), "do without, or add it to the plan in internal/walls with a reason")
		}
	}
	return found
}

// below tells whether two folders are parts of the same private room.
func below(dir, private string) bool {
	return strings.HasPrefix(dir, private+"/") || strings.HasPrefix(private, dir+"/")
}

func list(r Room) string {
	names := []string{"the standard library"}
	for _, dir := range r.May {
		if dir == "" {
			dir = "the module root"
		}
		names = append(names, dir)
	}
	return strings.Join(append(names, r.Outside...), ", ")
}
