package lwm2m

import (
	"context"
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// Type is the Go types of Resources: String, Integer, Unsigned Integer, Float,
// Boolean, Opaque, Time (whole seconds), Objlnk and Corelnk, in this order.
type Type interface {
	string | int64 | uint64 | float64 | bool | []byte | time.Time | ObjectLink | CoreLink
}

// Resource is a handle to a single-instance Resource of an [Instance]. Its
// methods may be called from any goroutine, from callbacks too.
type Resource[T Type] struct {
	in *Instance
	id uint16
}

// ResourceOf returns a handle to a Resource of in. T has to be the Go type of the Resource; anything
// else is a mistake of the program and panics.
func ResourceOf[T Type](in *Instance, id uint16) Resource[T] {
	mustBe[T](in, id, false)
	return Resource[T]{in, id}
}

// Path is the path of the Resource, such as /3303/0/5700.
func (r Resource[T]) Path() Path { return r.in.Path().Child(r.id) }

// Get returns the value; ok is false if there is none. OnRead callbacks are not asked.
func (r Resource[T]) Get() (v T, ok bool) {
	value, ok := r.in.Get(r.id)
	if !ok {
		return v, false
	}
	return goValue[T](value), true
}

// Set sets the value, creating the Resource if it is not there. It is the Apply of
// one change. The error is a [*Error] if the value is outside the range of the definition.
func (r Resource[T]) Set(v T) error { return r.in.Set(r.id, valueOf(v)) }

// To is the change that Set makes, for [Client.Apply].
func (r Resource[T]) To(v T) Change { return Change{Path: r.Path(), Value: valueOf(v), in: r.in} }

// Remove removes the Resource, so that servers no longer see it. A mandatory one stays, with an error.
func (r Resource[T]) Remove() error { return r.in.Remove(r.id) }

// OnRead has f give the value whenever a server reads. An error is the answer to the server.
func (r Resource[T]) OnRead(f func(context.Context) (T, error)) {
	r.in.setHook(r.id, func(h *tree.Hooks) {
		h.Read = func(ctx context.Context) (tree.Content, error) {
			v, err := f(ctx)
			return tree.Single(valueOf(v)), err
		}
	})
}

// OnWrite has f called with the value that a server writes, before it is stored. An
// error rejects the whole Write. If another callback of the same Write rejects it
// after f took the value, f is called again with the former value. A Write that
// replaces the whole Object Instance and leaves the Resource out removes it: f is then called with
// the zero value.
func (r Resource[T]) OnWrite(f func(context.Context, T) error) {
	r.in.setHook(r.id, func(h *tree.Hooks) {
		h.Write = func(ctx context.Context, w tree.Content) error { return f(ctx, goValue[T](w.Value())) }
	})
}

// Validate has f judge a value that a server writes, before any OnWrite of the same Write. An error
// rejects the whole Write, with 4.00 unless it is another Code. f must have no effects.
func (r Resource[T]) Validate(f func(T) error) { validate(r.in, r.id, f) }

// MultiResource is a handle to a Multiple-Instance Resource of an [Instance].
type MultiResource[T Type] struct {
	in *Instance
	id uint16
}

// MultiResourceOf returns a handle to a Multiple-Instance Resource of in. See [ResourceOf].
func MultiResourceOf[T Type](in *Instance, id uint16) MultiResource[T] {
	mustBe[T](in, id, true)
	return MultiResource[T]{in, id}
}

// Path is the path of the Resource, such as /3/0/6.
func (r MultiResource[T]) Path() Path { return r.in.Path().Child(r.id) }

// Get returns the value of one Resource Instance; ok is false if it is not there.
func (r MultiResource[T]) Get(item uint16) (v T, ok bool) {
	content, _ := r.in.content(r.id)
	value, ok := content.Item(item)
	if !ok {
		return v, false
	}
	return goValue[T](value), true
}

// All returns the values by the IDs of their Resource Instances; nil if the Resource is not there.
func (r MultiResource[T]) All() map[uint16]T {
	content, ok := r.in.content(r.id)
	if !ok {
		return nil
	}
	all := make(map[uint16]T, len(content.Items()))
	for _, item := range content.Items() {
		all[item.ID] = goValue[T](item.Value)
	}
	return all
}

// Set adds or replaces one Resource Instance.
func (r MultiResource[T]) Set(item uint16, v T) error { return r.in.SetItem(r.id, item, valueOf(v)) }

// SetAll replaces all Resource Instances. An empty map leaves a Resource without instances.
func (r MultiResource[T]) SetAll(values map[uint16]T) error {
	return r.in.setContent(r.id, contentOf(values))
}

// To is the change that Set makes, for [Client.Apply].
func (r MultiResource[T]) To(item uint16, v T) Change {
	return Change{Path: r.Path().Child(item), Value: valueOf(v), in: r.in}
}

// Remove removes one Resource Instance. The Resource stays, if empty.
func (r MultiResource[T]) Remove(item uint16) { r.in.RemoveItem(r.id, item) }

// OnRead has f give the values whenever a server reads.
func (r MultiResource[T]) OnRead(f func(context.Context) (map[uint16]T, error)) {
	r.in.setHook(r.id, func(h *tree.Hooks) {
		h.Read = func(ctx context.Context) (tree.Content, error) {
			values, err := f(ctx)
			return contentOf(values), err
		}
	})
}

// OnWrite has f called with all Resource Instances as they will be after a server's Write.
// See [Resource.OnWrite].
func (r MultiResource[T]) OnWrite(f func(context.Context, map[uint16]T) error) {
	r.in.setHook(r.id, func(h *tree.Hooks) {
		h.Write = func(ctx context.Context, w tree.Content) error {
			values := make(map[uint16]T, len(w.Items()))
			for _, item := range w.Items() {
				values[item.ID] = goValue[T](item.Value)
			}
			return f(ctx, values)
		}
	})
}

// Validate has f judge each value that a server writes. See [Resource.Validate].
func (r MultiResource[T]) Validate(f func(T) error) { validate(r.in, r.id, f) }

func validate[T Type](in *Instance, id uint16, f func(T) error) {
	in.setHook(id, func(h *tree.Hooks) {
		h.Validate = func(_ Path, v Value) error { return f(goValue[T](v)) }
	})
}

func contentOf[T Type](values map[uint16]T) tree.Content {
	items := make([]tree.Item, 0, len(values))
	for id, v := range values {
		items = append(items, tree.Item{ID: id, Value: valueOf(v)})
	}
	return tree.Multiple(items...)
}

// valueOf converts a Go value to a Value.
func valueOf[T Type](v T) Value {
	switch v := any(v).(type) {
	case string:
		return model.StringValue(v)
	case int64:
		return model.IntegerValue(v)
	case uint64:
		return model.UnsignedValue(v)
	case float64:
		return model.FloatValue(v)
	case bool:
		return model.BooleanValue(v)
	case []byte:
		return model.OpaqueValue(v)
	case time.Time:
		return model.TimeValue(v)
	case ObjectLink:
		return model.LinkValue(v)
	case CoreLink:
		return model.CoreLinkValue(v)
	}
	return Value{}
}

// goValue converts a Value to the Go value; the zero value if it has another type.
func goValue[T Type](v Value) (out T) {
	switch out := any(&out).(type) {
	case *string:
		*out = v.Text()
	case *int64:
		*out = v.Int()
	case *uint64:
		*out = v.Uint()
	case *float64:
		*out = v.Float()
	case *bool:
		*out = v.Bool()
	case *[]byte:
		*out = v.Bytes()
	case *time.Time:
		*out = v.Time()
	case *ObjectLink:
		*out = v.Link()
	case *CoreLink:
		*out = CoreLink(v.Text())
	}
	return out
}

// mustBe panics unless the Resource is defined with the type T.
func mustBe[T Type](in *Instance, id uint16, multiple bool) {
	var zero T
	def, ok := in.Object().Resource(id)
	if !ok {
		panic(fmt.Sprintf("lwm2m: Object %d has no Resource %d", in.Object().ID, id))
	}
	if kind := valueOf(zero).Kind(); def.Kind != kind || def.Multiple != multiple {
		panic(fmt.Sprintf("lwm2m: Resource %d of Object %d is %v (multiple: %v), not %v (multiple: %v)",
			id, in.Object().ID, def.Kind, def.Multiple, kind, multiple))
	}
}
