package lwm2m

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// ObjectInstance is what Config.Objects takes: an [*Instance], or a typed object
// of package oma or ipso, which has one inside.
type ObjectInstance interface {
	// Base is the Instance inside.
	Base() *Instance
}

// Instance is an Object Instance: the values of its Resources, and the callbacks
// for what servers do with them. It is filled before it is given to a client or
// later, from any goroutine.
type Instance struct {
	node *tree.Instance

	owner atomic.Pointer[Client] // whose mu guards node, once there is one
	mu    sync.Mutex             // guards node before

	hooks     *instanceHooks            // nil if there are none
	histories atomic.Pointer[histories] // nil until there are any
	lane      *loop.Lane                // of callbacks that change something; nil until there are any
}

// NewInstance returns an Object Instance without values. It gives dynamic access
// to any Object, for instance one that was read from XML by model.ReadObjects;
// [ResourceOf] makes typed handles to its Resources.
func NewInstance(object *model.Object, id uint16) *Instance {
	return &Instance{node: tree.NewInstance(object, id)}
}

// Base returns in itself.
func (in *Instance) Base() *Instance { return in }

// Path is the path of the Object Instance, such as /3303/0.
func (in *Instance) Path() Path { return in.node.Path() }

// Object is the definition of the Object.
func (in *Instance) Object() *model.Object { return in.node.Definition() }

// OnCreate sets a callback for the moment when a server has created the instance:
// its values are set, but it is not visible yet. An error refuses the Create. See
// [Factory]. It must be set before the instance is given to a client.
func (in *Instance) OnCreate(f func(context.Context) error) {
	in.hooks = &instanceHooks{create: f, delete: in.ownHooks().delete}
}

// OnDelete sets a callback for the moment before a server deletes the instance. An
// error refuses the Delete. It must be set before the instance is given to a client.
func (in *Instance) OnDelete(f func(context.Context) error) {
	in.hooks = &instanceHooks{create: in.ownHooks().create, delete: f}
}

// instanceHooks are the callbacks of an Instance as a whole.
type instanceHooks struct {
	create, delete func(context.Context) error
}

// ownHooks returns the callbacks, which are not to be changed.
func (in *Instance) ownHooks() instanceHooks {
	if in.hooks == nil {
		return instanceHooks{}
	}
	return *in.hooks
}

// Set sets the value of a Resource, as Resource.Set does where the type is known.
// The error is a [*Error]: the Resource is not defined, or the type or
// range of the value is wrong.
func (in *Instance) Set(resource uint16, v Value) error {
	return in.set(in.Path().Child(resource), v, time.Time{})
}

// SetItem adds or replaces one instance of a Multiple-Instance Resource.
func (in *Instance) SetItem(resource, item uint16, v Value) error {
	return in.set(in.Path().Child(resource).Child(item), v, time.Time{})
}

// set sets the value at the path of a Resource or Resource Instance, taken at a time; zero is now.
func (in *Instance) set(p Path, v Value, at time.Time) error {
	var s sampling
	if in.keeping(p.Resource()) != nil {
		s = in.sample(p.Resource(), v, at, in.now())
	}
	c := in.lock()
	e, err := in.put(c, p, v, s)
	in.unlock(c)
	c.emitNow(e)
	return err
}

// put stores a value, and its sample if there is a history. The event is to be emitted without the
// lock, which is held.
func (in *Instance) put(c *Client, p Path, v Value, s sampling) (e Event, err error) {
	changed := false
	switch item := p.Depth() == 4; {
	case in.isStale(p, s):
		err = in.check(p, v)
	case item:
		changed, err = in.node.SetItem(p.Resource(), p.ResourceInstance(), v)
	default:
		changed, err = in.node.Set(p.Resource(), v)
	}
	if err != nil {
		return e, err
	}
	if changed {
		c.noteChange(p)
	}
	return in.record(p, v, s), nil
}

// check reports why the value at p cannot be v. It is called with the lock held.
func (in *Instance) check(p Path, v Value) error {
	switch {
	case v.IsZero():
		return &Error{Code: BadRequest, Path: p, Reason: "no value"}
	case p.Depth() == 4:
		return in.node.Check(p.Resource(), tree.Multiple(tree.Item{ID: p.ResourceInstance(), Value: v}))
	}
	return in.node.Check(p.Resource(), tree.Single(v))
}

// Get returns the value of a Resource; ok is false if it has none. OnRead
// callbacks are not asked.
func (in *Instance) Get(resource uint16) (v Value, ok bool) {
	content, ok := in.content(resource)
	return content.Value(), ok && !content.IsMultiple()
}

// Items returns the instances of a Multiple-Instance Resource by their IDs; nil
// if the Resource is not there.
func (in *Instance) Items(resource uint16) map[uint16]Value {
	content, ok := in.content(resource)
	if !ok || !content.IsMultiple() {
		return nil
	}
	items := make(map[uint16]Value, len(content.Items()))
	for _, item := range content.Items() {
		items[item.ID] = item.Value
	}
	return items
}

// Remove removes a Resource with its value or instances. It fails if it is mandatory.
func (in *Instance) Remove(resource uint16) error {
	if def, ok := in.Object().Resource(resource); ok && def.Mandatory {
		return &Error{Code: MethodNotAllowed, Path: in.Path().Child(resource), Reason: "a mandatory Resource stays"}
	}
	return in.setContent(resource, tree.Content{})
}

func (in *Instance) content(resource uint16) (tree.Content, bool) {
	c := in.lock()
	defer in.unlock(c)
	return in.node.Get(resource)
}

func (in *Instance) setContent(resource uint16, content tree.Content) error {
	samples := in.sampleItems(resource, content)
	c := in.lock()
	old, _ := in.node.Get(resource)
	changed, err := in.node.SetContent(resource, content)
	if changed {
		for _, p := range tree.Changes(nil, in.node.Path().Child(resource), old, content) {
			c.noteChange(p)
		}
	}
	var dropped []Event
	for i := 0; err == nil && i < len(samples); i++ {
		item := content.Items()[i]
		if e := in.record(in.node.Path().Child(resource).Child(item.ID), item.Value, samples[i]); e.Kind != 0 {
			dropped = append(dropped, e)
		}
	}
	in.unlock(c)
	c.emitNow(dropped...)
	return err
}

// RemoveItem removes one instance of a Multiple-Instance Resource. The Resource stays, if empty.
func (in *Instance) RemoveItem(resource, item uint16) {
	c := in.lock()
	defer in.unlock(c)
	if in.node.RemoveItem(resource, item) {
		c.noteChange(in.node.Path().Child(resource).Child(item))
	}
}

// setHook changes the callbacks of a Resource. Hooks are replaced rather than changed, as a server's
// operation may be about to run them.
func (in *Instance) setHook(resource uint16, set func(*tree.Hooks)) {
	c := in.lock()
	defer in.unlock(c)
	var hooks tree.Hooks
	if old := in.node.HooksOf(resource); old != nil {
		hooks = *old
	}
	set(&hooks)
	if err := in.node.SetHooks(resource, &hooks); err != nil {
		panic(fmt.Sprintf("lwm2m: callback on the wrong kind of Resource: %v", err))
	}
}

// lock locks what guards the instance and returns the client it belongs to, if any.
func (in *Instance) lock() *Client {
	for {
		c := in.owner.Load()
		mu := in.guard(c)
		mu.Lock()
		if in.owner.Load() == c {
			return c
		}
		mu.Unlock() // it was given to a client, or deleted, in between
	}
}

func (in *Instance) unlock(c *Client) { in.guard(c).Unlock() }

func (in *Instance) guard(c *Client) *sync.Mutex {
	if c != nil {
		return &c.mu
	}
	return &in.mu
}

// Factory lets servers create instances of an Object.
type Factory struct {
	// Object is the definition of the Object.
	Object *model.Object
	// New makes the instance with the given ID, with the defaults and callbacks that the application wants;
	// the server's values are then set on it. An error refuses the Create. If New is nil, instances have
	// just the server's values.
	New func(ctx context.Context, id uint16) (ObjectInstance, error)
}
