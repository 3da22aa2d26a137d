package observe

import (
	"iter"
	"maps"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Defaults are what a Server's account says about its observations. The zero
// Defaults have no periods, confirm nothing and store nothing.
type Defaults struct {
	MinPeriod   time.Duration // Default Minimum Period, /1/x/2; 0: none
	MaxPeriod   time.Duration // Default Maximum Period, /1/x/3; 0: none
	Confirmable bool          // Default Notification Mode, /1/x/26
	Storing     bool          // Notification Storing When Disabled or Offline, /1/x/6; see [Backlog]
}

// attributes are the Defaults as the attributes that they stand for.
func (d Defaults) attributes() model.Attributes {
	var a model.Attributes
	if d.MinPeriod > 0 {
		a = a.With(model.MinPeriod, d.MinPeriod.Seconds())
	}
	if d.MaxPeriod > 0 {
		a = a.With(model.MaxPeriod, d.MaxPeriod.Seconds())
	}
	if d.Confirmable {
		a = a.With(model.Confirmable, 1)
	}
	return a
}

// AttributeStore holds the attributes that Servers attached to paths by
// Write-Attributes. Each Server, by its Short Server ID, sees only its own. The
// zero AttributeStore is empty and ready. That of an [Engine] is only to be read;
// the Engine has methods to change it.
type AttributeStore struct {
	// Strict refuses a pmax below the pmin of the same path, which else is accepted and
	// ignored as Core 1.1.1 §5.1.2 says.
	Strict bool

	attached map[place]model.Attributes
}

type place struct {
	server uint16
	path   model.Path
}

// Own returns the attributes that a Server attached to exactly this path.
func (s *AttributeStore) Own(server uint16, p model.Path) model.Attributes {
	return s.attached[place{server, p}]
}

// Effective returns the attributes that are in force at a path: of each, the one
// attached to the lowest level among the path and those above it (Core 1.1.1
// §5.1.1), and last the defaults of the Server's account.
func (s *AttributeStore) Effective(server uint16, p model.Path, d Defaults) model.Attributes {
	var a model.Attributes
	if len(s.attached) > 0 {
		for depth := p.Depth(); depth > 0; depth-- {
			a = a.Inherit(s.Own(server, p.Prefix(depth)))
		}
	}
	return a.Inherit(d.attributes())
}

// Write carries out a Write-Attributes at a path. The result has to be valid by
// itself and with what the path inherits; if not, the error is of type
// [*model.AttributeError] and nothing changes. Whether the attributes apply to
// the path is for the caller to check, by [model.AttributesUpdate.CheckLevel].
func (s *AttributeStore) Write(server uint16, p model.Path, u model.AttributesUpdate) error {
	updated, err := u.Apply(s.Own(server, p))
	if err == nil && s.Strict {
		err = updated.ValidateStrict()
	}
	if err != nil {
		return err
	}
	if err := updated.Inherit(s.Effective(server, p.Parent(), Defaults{})).Validate(); err != nil {
		return err
	}
	at := place{server, p}
	if updated.IsZero() {
		delete(s.attached, at)
		return nil
	}
	if s.attached == nil {
		s.attached = make(map[place]model.Attributes)
	}
	s.attached[at] = updated
	return nil
}

// Attached are the attributes that a Server attached to a path.
type Attached struct {
	Server     uint16 // Short Server ID
	Path       model.Path
	Attributes model.Attributes
}

// All are all attributes, in any order.
func (s *AttributeStore) All() iter.Seq[Attached] {
	return func(yield func(Attached) bool) {
		for at, a := range s.attached {
			if !yield(Attached{at.server, at.path, a}) {
				return
			}
		}
	}
}

// Restore takes up attributes that All has given before a restart.
func (s *AttributeStore) Restore(a Attached) {
	if s.attached == nil {
		s.attached = make(map[place]model.Attributes)
	}
	s.attached[place{a.Server, a.Path}] = a.Attributes
}

// Remove forgets the attributes of all Servers at a path and below it, as the
// path is gone.
func (s *AttributeStore) Remove(p model.Path) {
	maps.DeleteFunc(s.attached, func(at place, _ model.Attributes) bool { return p.Contains(at.path) })
}

// RemoveServer forgets the attributes of a Server, as its account is gone.
func (s *AttributeStore) RemoveServer(server uint16) {
	maps.DeleteFunc(s.attached, func(at place, _ model.Attributes) bool { return at.server == server })
}
