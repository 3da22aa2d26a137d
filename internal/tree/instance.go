package tree

import "github.com/lwm2m-go/lwm2m/model"

// Instance is an Object Instance. It can be used before it is in a [Tree] and
// after it was removed; values and hooks stay with it. It is not safe for
// concurrent use.
type Instance struct {
	def   *model.Object
	slots []slot // sorted by Resource ID
	id    uint16
}

// slot is a Resource that is instantiated or has hooks. A client has many of
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

// NewInstance returns an Object Instance without Resources.
func NewInstance(def *model.Object, id uint16) *Instance { return &Instance{def: def, id: id} }

// ID is the Object Instance ID.
func (in *Instance) ID() uint16 { return in.id }

// Path is the path of the Object Instance.
func (in *Instance) Path() model.Path { return model.PathOf(in.def.ID, in.id) }

// Definition is the definition of the Object.
func (in *Instance) Definition() *model.Object { return in.def }

// SetHooks sets the callbacks of a Resource; nil removes them. It fails if the
// Resource is not defined (4.04), or if a hook is for an operation that the
// Resource cannot have: Execute on one with values, the others on one without
// (4.05).
func (in *Instance) SetHooks(resource uint16, h *Hooks) error { return nil }

// HooksOf returns the callbacks of a Resource; nil if it has none.
func (in *Instance) HooksOf(resource uint16) *Hooks { return nil }

// Check reports why c could not be the Content of a Resource: it is not defined
// (4.04), is executable (4.05), is single and not multiple or the reverse, or a
// value has the wrong type or is out of range (4.00). The zero Content is right
// for every Resource with values.
func (in *Instance) Check(resource uint16, c Content) error { return nil }

// SetContent sets what a Resource holds, or removes it if c is zero. It reports
// whether that changed anything; errors are those of [Instance.Check]. This and the
// other setters are the application's way in: they ask no hook and no right.
func (in *Instance) SetContent(resource uint16, c Content) (changed bool, err error) {
	return false, nil
}

// Set sets the value of a single-instance Resource. It does not allocate if the
// Resource has a value.
func (in *Instance) Set(resource uint16, v model.Value) (changed bool, err error) { return false, nil }

// SetItem adds or replaces one Resource Instance.
func (in *Instance) SetItem(resource, ri uint16, v model.Value) (changed bool, err error) {
	return false, nil
}

// SetItems replaces all Resource Instances; no items leave an empty Resource.
func (in *Instance) SetItems(resource uint16, items ...Item) (changed bool, err error) {
	return false, nil
}

// RemoveItem removes one Resource Instance; the Resource stays, if empty.
func (in *Instance) RemoveItem(resource, ri uint16) (changed bool) { return false }

// Remove removes what a Resource holds, so that it is not instantiated, unless
// hooks make it so.
func (in *Instance) Remove(resource uint16) (changed bool) { return false }

// Get returns what a Resource holds; ok is false if it holds nothing. It does
// not know what a Read hook would give.
func (in *Instance) Get(resource uint16) (c Content, ok bool) { return Content{}, false }

// GetItem returns the value of one Resource Instance.
func (in *Instance) GetItem(resource, ri uint16) (v model.Value, ok bool) {
	return model.Value{}, false
}
