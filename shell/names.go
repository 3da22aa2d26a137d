package shell

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Path reads a path of numbers or names, such as 3/0/0 or /device/0/manufacturer. What it names need not be there.
func (d *Device) Path(text string) (lwm2m.Path, error) {
	p, err := d.parsePath(text)
	if err != nil {
		err = fmt.Errorf("%w %q: %w", model.ErrPath, text, err)
	}
	return p, err
}

func (d *Device) parsePath(text string) (lwm2m.Path, error) {
	var p lwm2m.Path
	trimmed := strings.TrimPrefix(text, "/")
	if trimmed == "" {
		return p, nil
	}
	for _, segment := range strings.Split(trimmed, "/") {
		if next, ok := p.AppendSegment([]byte(segment)); ok {
			p = next
			continue
		}
		id, err := d.named(p, segment)
		if err != nil {
			return lwm2m.Path{}, err
		}
		p = p.Child(id)
	}
	return p, nil
}

// named finds the ID of an Object, or of a Resource of the Object in p, by its name.
func (d *Device) named(p lwm2m.Path, name string) (uint16, error) {
	var all []entry
	what := "Resource"
	if strings.HasPrefix(name, "-") { // an option, rather
		return 0, fmt.Errorf("%q is not a path", name)
	}
	if p.Depth() < 4 && strings.Trim(name, "0123456789") == "" {
		return 0, fmt.Errorf("%q is not a number of 0 to 65534", name)
	}
	switch p.Depth() {
	case 0:
		what = "Object"
		for _, def := range d.definitions() {
			all = append(all, entry{def.ID, def.Name})
		}
	case 2:
		def := d.Definition(p.Object())
		if def == nil {
			return 0, fmt.Errorf("no definition of Object %d is known, so its Resources need numbers", p.Object())
		}
		for _, r := range def.Resources {
			all = append(all, entry{r.ID, r.Name})
		}
	case 4:
		return 0, errors.New("a path has at most four levels")
	default:
		return 0, fmt.Errorf("%q is not a number of 0 to 65534", name)
	}
	return choose(all, what, name)
}

// entry is something that has a number and a name.
type entry struct {
	id   uint16
	name string
}

// choose finds the entry with a name, or else the only one whose name begins so.
func choose(all []entry, what, name string) (uint16, error) {
	wanted := plainName(name)
	var like []entry
	for _, e := range all {
		switch n := plainName(e.name); {
		case wanted == "":
		case n == wanted || n == "lwm2m"+wanted:
			return e.id, nil
		case strings.HasPrefix(n, wanted) || strings.HasPrefix(n, "lwm2m"+wanted):
			like = append(like, e)
		}
	}
	switch len(like) {
	case 0:
		return 0, fmt.Errorf("no %s is named %q", what, name)
	case 1:
		return like[0].id, nil
	}
	var names []string
	for _, e := range like {
		names = append(names, fmt.Sprintf("%s (%d)", e.name, e.id))
	}
	return 0, fmt.Errorf("%q may be %s", name, strings.Join(names, ", "))
}

// plainName leaves of a name what counts: letters and digits, in lower case.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// Definition is that of an Object: of the instances that the device has, or else the newest that is known; nil if
// there is none.
func (d *Device) Definition(object uint16) *model.Object {
	for _, in := range d.Instances() {
		if in.Object().ID == object {
			return in.Object()
		}
	}
	if k, ok := d.kinds[object]; ok {
		return k.object
	}
	return nil
}

// definitions are those of the Objects that there are or can be, in order of their IDs.
func (d *Device) definitions() []*model.Object {
	all := map[uint16]*model.Object{}
	for id, k := range d.kinds {
		all[id] = k.object
	}
	for _, in := range d.Instances() {
		all[in.Object().ID] = in.Object()
	}
	sorted := make([]*model.Object, 0, len(all))
	for _, def := range all {
		sorted = append(sorted, def)
	}
	slices.SortFunc(sorted, func(a, b *model.Object) int { return int(a.ID) - int(b.ID) })
	return sorted
}

// nameOf is the name of what a path names, such as "Device Manufacturer"; "" if it is not known.
func (d *Device) nameOf(p lwm2m.Path) string {
	def := d.Definition(p.Object())
	if def == nil || p.IsRoot() {
		return ""
	}
	if p.Depth() < 3 {
		return def.Name
	}
	if r, ok := def.Resource(p.Resource()); ok {
		return r.Name
	}
	return ""
}

// resourceType tells the type of a Resource, for decoding messages.
func (d *Device) resourceType(object, resource uint16) (kind model.Kind, multiple, ok bool) {
	def := d.Definition(object)
	if def == nil {
		return model.None, false, false
	}
	r, ok := def.Resource(resource)
	if !ok {
		return model.None, false, false
	}
	return r.Kind, r.Multiple, true
}
