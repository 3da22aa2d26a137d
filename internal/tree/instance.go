package tree

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// Instance is an Object Instance. It can be used before it is in a [Tree] and
// after it was removed; values and hooks stay with it. It is not safe for
// concurrent use.
type Instance struct {
	def   *model.Object
	slots []slot // sorted by Resource ID
	id    uint16
}

// slot is a Resource that holds something or has hooks. A client has many of
// them, so what few Resources have is in an extension.
type slot struct {
	def   *model.Resource
	ext   *extension
	value model.Value
}

type extension struct {
	hooks *Hooks
	items []Item // of a Multiple-Instance Resource; nil if not instantiated
}

func (s *slot) content() Content {
	if s.ext != nil && s.ext.items != nil {
		return Content{items: s.ext.items}
	}
	return Content{value: s.value}
}

func (s *slot) setContent(c Content) {
	s.value = c.value
	if s.ext == nil && c.items == nil {
		return
	}
	s.extend().items = c.items
}

func (s *slot) extend() *extension {
	if s.ext == nil {
		s.ext = new(extension)
	}
	return s.ext
}

func (s *slot) hooks() *Hooks {
	if s.ext == nil {
		return nil
	}
	return s.ext.hooks
}

// instantiated reports whether servers see the Resource.
func (s *slot) instantiated() bool {
	if h := s.hooks(); h != nil {
		if h.Read != nil || h.Execute != nil || !h.stores(s.def) {
			return true
		}
	}
	return !s.content().IsZero()
}

// NewInstance returns an Object Instance without Resources.
func NewInstance(def *model.Object, id uint16) *Instance { return &Instance{def: def, id: id} }

// ID is the Object Instance ID.
func (in *Instance) ID() uint16 { return in.id }

// Path is the path of the Object Instance.
func (in *Instance) Path() model.Path { return model.PathOf(in.def.ID, in.id) }

// Definition is the definition of the Object.
func (in *Instance) Definition() *model.Object { return in.def }

func (in *Instance) search(resource uint16) (int, bool) {
	return slices.BinarySearchFunc(in.slots, resource, func(s slot, id uint16) int { return int(s.def.ID) - int(id) })
}

func (in *Instance) slot(resource uint16) *slot {
	if i, ok := in.search(resource); ok {
		return &in.slots[i]
	}
	return nil
}

// ensure finds the slot of a Resource, or makes it. Room grows by a few slots
// only: instances get their Resources once, and are many.
func (in *Instance) ensure(def *model.Resource) *slot {
	i, ok := in.search(def.ID)
	if !ok {
		if n := len(in.slots); n == cap(in.slots) {
			in.slots = append(make([]slot, 0, n+2+n/4), in.slots...)
		}
		in.slots = slices.Insert(in.slots, i, slot{def: def})
	}
	return &in.slots[i]
}

// drop removes the slot of a Resource that has become empty.
func (in *Instance) drop(resource uint16) {
	i, ok := in.search(resource)
	if ok && in.slots[i].hooks() == nil && in.slots[i].content().IsZero() {
		in.slots = slices.Delete(in.slots, i, i+1)
	}
}

// SetHooks sets the callbacks of a Resource; nil removes them. It fails if the
// Resource is not defined (4.04), or if a hook is for an operation that the
// Resource cannot have: Execute on one with values, the others on one without
// (4.05).
func (in *Instance) SetHooks(resource uint16, h *Hooks) error {
	p := in.Path().Child(resource)
	def, ok := in.def.Resource(resource)
	if !ok {
		return fail(model.NotFound, p, "no such Resource")
	}
	if h == nil {
		if s := in.slot(resource); s != nil && s.ext != nil {
			s.ext.hooks = nil
			in.drop(resource)
		}
		return nil
	}
	executable := def.Kind == model.None
	if executable && (h.Read != nil || h.Write != nil || h.Validate != nil) {
		return fail(model.MethodNotAllowed, p, "executable, has no value")
	}
	if !executable && h.Execute != nil {
		return fail(model.MethodNotAllowed, p, "not executable")
	}
	in.ensure(def).extend().hooks = h
	return nil
}

// HooksOf returns the callbacks of a Resource; nil if it has none.
func (in *Instance) HooksOf(resource uint16) *Hooks {
	if s := in.slot(resource); s != nil {
		return s.hooks()
	}
	return nil
}

// Check reports why c could not be the Content of a Resource: it is not defined
// (4.04), is executable (4.05), is single and not multiple or the reverse, or a
// value has the wrong type or is out of range (4.00). The zero Content is right
// for every Resource with values.
func (in *Instance) Check(resource uint16, c Content) error {
	_, err := in.check(resource, c)
	return err
}

func (in *Instance) check(resource uint16, c Content) (*model.Resource, error) {
	p := in.Path().Child(resource)
	def, ok := in.def.Resource(resource)
	switch {
	case !ok:
		return nil, fail(model.NotFound, p, "no such Resource")
	case def.Kind == model.None:
		return nil, fail(model.MethodNotAllowed, p, "executable, has no value")
	case c.IsZero():
		return def, nil
	case def.Multiple != c.IsMultiple():
		return nil, fail(model.BadRequest, p, wrongShape(def))
	case !def.Multiple:
		return def, checkValue(def, p, c.value)
	}
	for _, item := range c.items {
		if err := checkValue(def, p.Child(item.ID), item.Value); err != nil {
			return nil, err
		}
	}
	return def, nil
}

func wrongShape(def *model.Resource) string {
	if def.Multiple {
		return "the value lacks a Resource Instance ID"
	}
	return "the Resource has no Resource Instances"
}

// checkValue checks one value at p, a Resource or a Resource Instance.
func checkValue(def *model.Resource, p model.Path, v model.Value) error {
	if p.Depth() == 4 && p.ResourceInstance() == model.MaxID {
		return fail(model.BadRequest, p, "65535 is no Resource Instance ID")
	}
	if v.IsZero() {
		return fail(model.BadRequest, p, "no value")
	}
	if err := def.Check(v); err != nil {
		return &model.Error{Code: model.BadRequest, Path: p, Err: err}
	}
	return nil
}

// SetContent sets what a Resource holds, or removes it if c is zero. It reports
// whether that changed anything; errors are those of [Instance.Check]. This and the
// other setters are the application's way in: they ask no hook and no right.
func (in *Instance) SetContent(resource uint16, c Content) (changed bool, err error) {
	def, err := in.check(resource, c)
	if err != nil {
		return false, err
	}
	return in.put(def, c), nil
}

// put stores checked Content.
func (in *Instance) put(def *model.Resource, c Content) (changed bool) {
	s := in.slot(def.ID)
	switch {
	case s == nil && c.IsZero():
		return false
	case s == nil:
		s = in.ensure(def)
	case s.content().Equal(c):
		return false
	}
	s.setContent(c)
	if c.IsZero() {
		in.drop(def.ID)
	}
	return true
}

// Set sets the value of a single-instance Resource. It does not allocate if the
// Resource has a value.
func (in *Instance) Set(resource uint16, v model.Value) (changed bool, err error) {
	if v.IsZero() {
		return false, fail(model.BadRequest, in.Path().Child(resource), "no value")
	}
	return in.SetContent(resource, Single(v))
}

// SetItem adds or replaces one Resource Instance.
func (in *Instance) SetItem(resource, ri uint16, v model.Value) (changed bool, err error) {
	old, _ := in.Get(resource)
	return in.SetContent(resource, old.With(Item{ID: ri, Value: v}))
}

// SetItems replaces all Resource Instances; no items leave an empty Resource.
func (in *Instance) SetItems(resource uint16, items ...Item) (changed bool, err error) {
	return in.SetContent(resource, Multiple(slices.Clone(items)...))
}

// RemoveItem removes one Resource Instance; the Resource stays, if empty.
func (in *Instance) RemoveItem(resource, ri uint16) (changed bool) {
	s := in.slot(resource)
	if s == nil {
		return false
	}
	return in.put(s.def, s.content().Without(ri))
}

// Remove removes what a Resource holds, so that it is not instantiated, unless
// hooks make it so.
func (in *Instance) Remove(resource uint16) (changed bool) {
	s := in.slot(resource)
	if s == nil {
		return false
	}
	return in.put(s.def, Content{})
}

// Get returns what a Resource holds; ok is false if it holds nothing. It does
// not know what a Read hook would give.
func (in *Instance) Get(resource uint16) (c Content, ok bool) {
	s := in.slot(resource)
	if s == nil {
		return Content{}, false
	}
	c = s.content()
	return c, !c.IsZero()
}

// GetItem returns the value of one Resource Instance.
func (in *Instance) GetItem(resource, ri uint16) (v model.Value, ok bool) {
	c, _ := in.Get(resource)
	return c.Item(ri)
}

// Grow makes room for n Resources in all, for an instance that is not to get more.
func (in *Instance) Grow(n int) {
	if n > cap(in.slots) {
		in.slots = append(make([]slot, 0, n), in.slots...)
	}
}
