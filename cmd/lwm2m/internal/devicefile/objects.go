package devicefile

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Objects with a meaning here.
const (
	objectSecurity = 0
	objectServer   = 1

	objectAccessControl = 2
)

func objectsFields() []field[File] {
	return []field[File]{
		{name: "definitions", about: "Files with definitions of further Objects, in OMA's XML.", schema: schema{"type": "array", "items": textSchema()},
			set: readDefinitions},
		{name: "objects", about: "Objects by name or number; in each its Object Instances by number; in each its Resources by name or number.",
			schema: objectsSchema(), set: func(_ *reader, to *File, n *node) { to.objects = n }},
	}
}

// objectsSchema has the names of the Objects that are known to every device, with their Resources, so that editors
// complete them. Others are possible, and other spellings.
func objectsSchema() schema {
	known := schema{}
	for def := range model.Embedded().All() { // the newest of each comes last
		if def.ID != objectSecurity {
			known[def.Name] = described(instancesSchema(def), fmt.Sprintf("Object %d. %s", def.ID, def.Description))
		}
	}
	return schema{"type": "object", "properties": known, "additionalProperties": instancesSchema(&model.Object{})}
}

// instancesSchema is that of the instances of an Object.
func instancesSchema(def *model.Object) schema {
	known := schema{}
	for _, r := range def.Resources {
		if r.Kind != model.None {
			known[r.Name] = schema{"$ref": "#/$defs/resource", "description": fmt.Sprintf("%v, Resource %d. %s", r.Kind, r.ID, r.Description)}
		}
	}
	resources := schema{"type": []string{"object", "null"}, "additionalProperties": schema{"$ref": "#/$defs/resource"}}
	if len(known) > 0 {
		resources["properties"] = known
	}
	return schema{"type": "object", "propertyNames": schema{"pattern": "^[0-9]+$"}, "additionalProperties": resources}
}

func readDefinitions(r *reader, to *File, n *node) {
	if n.shape != sequence {
		r.fail(n, "definitions: want a list of files, have %v", n.shape)
		return
	}
	for _, item := range n.items {
		name, ok := r.scalar(item, "the name of a file")
		if !ok {
			continue
		}
		file, err := os.Open(r.path(name))
		if err != nil {
			r.fail(item, "%v", err)
			continue
		}
		read, err := model.ReadObjects(file, name)
		file.Close()
		if wrong, ok := errors.AsType[*model.DefinitionError](err); ok {
			r.fail(item, "%s:%d:%d: %s", wrong.File, wrong.Line, wrong.Column, wrong.Reason)
			continue
		}
		if err == nil {
			err = to.registry.Add(read...)
		}
		if err != nil {
			r.fail(item, "%s: %v", name, err)
			continue
		}
		to.Definitions = append(to.Definitions, read...)
	}
}

// gatherDefinitions makes the registry that of all Objects that a file can name: its own first.
func (f *File) gatherDefinitions() {
	own := map[uint16]bool{}
	for _, def := range f.Definitions {
		own[def.ID] = true
	}
	version := f.Version
	if version.IsZero() {
		version = lwm2m.Version11
	}
	core := map[uint16]bool{}
	for def := range model.Core(version).All() {
		core[def.ID] = true
		if !own[def.ID] {
			_ = f.registry.Add(def) // there is no other
		}
	}
	for def := range model.Embedded().All() {
		if latest, ok := model.Embedded().Latest(def.ID); ok && latest == def && !own[def.ID] && !core[def.ID] {
			_ = f.registry.Add(def)
		}
	}
}

// objects reads all Objects of a file.
func (r *reader) objects(n *node, to *File) {
	if n.shape != mapping {
		r.fail(n, "objects: want Objects by name or number, have %v", n.shape)
		return
	}
	ids := map[string]uint16{}
	for def := range to.registry.All() {
		ids[def.Name] = def.ID
	}
	for _, e := range n.entries {
		id, ok := r.entryNamed(e.key, "Object", ids)
		if !ok {
			continue
		}
		def, ok := to.registry.Latest(id)
		switch {
		case !ok:
			r.fail(e.key, "no definition of Object %d is known; name its XML file under definitions", id)
		case id == objectSecurity:
			r.fail(e.key, "accounts of servers stand under servers and bootstrap, with their keys")
		default:
			r.object(def, e.value, to)
		}
	}
}

// object reads the instances of an Object.
func (r *reader) object(def *model.Object, n *node, to *File) {
	if n.shape != mapping {
		r.fail(n, "%s: want its Object Instances by number, as in 0:, have %v", def.Name, n.shape)
		return
	}
	for _, e := range n.entries {
		id, ok := r.id(e.key, "an Object Instance")
		switch {
		case !ok:
			continue
		case id != 0 && !def.Multiple:
			r.fail(e.key, "%s has the one Object Instance 0", def.Name)
			continue
		}
		p := lwm2m.PathOf(def.ID, id)
		if slices.Contains(to.Instances, p) {
			r.fail(e.key, "%v %s is here twice", p, def.Name)
			continue
		}
		to.Instances = append(to.Instances, p)
		if e.value.shape != empty {
			r.instance(p, def, e.value, to)
		}
	}
}

// instance reads the Resources of an Object Instance.
func (r *reader) instance(p lwm2m.Path, def *model.Object, n *node, to *File) {
	if n.shape != mapping {
		r.fail(n, "%v: want its Resources by name or number, have %v", p, n.shape)
		return
	}
	ids := map[string]uint16{}
	for _, resource := range def.Resources {
		ids[resource.Name] = resource.ID
	}
	seen := map[uint16]bool{}
	for _, e := range n.entries {
		id, ok := r.entryNamed(e.key, "Resource of "+def.Name, ids)
		if !ok {
			continue
		}
		resource, ok := def.Resource(id)
		switch {
		case !ok:
			r.fail(e.key, "%s has no Resource %d", def.Name, id)
		case seen[id]:
			r.fail(e.key, "%s is here twice", resource.Name)
		default:
			seen[id] = true
			r.resource(p.Child(id), resource, e.value, e.key, to)
		}
	}
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
