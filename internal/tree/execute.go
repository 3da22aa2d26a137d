package tree

import "github.com/lwm2m-go/lwm2m/model"

// Execute finds the hook of an executable Resource (Core 1.1.1 §6.3.5). The
// returned Hooks have a non-nil Execute. A Resource that has none is not
// instantiated: 4.04.
func (t *Tree) Execute(c Caller, p model.Path) (*Hooks, error) {
	_, in, err := t.reach(c, p, model.RightExecute, 3)
	if err != nil {
		return nil, err
	}
	def, err := in.defined(p, model.Executable)
	if err != nil {
		return nil, err
	}
	h := in.HooksOf(def.ID)
	if h == nil || h.Execute == nil {
		return nil, fail(model.NotFound, p, "the Resource is not supported")
	}
	return h, nil
}
