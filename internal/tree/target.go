package tree

import "github.com/lwm2m-go/lwm2m/model"

// Target makes the checks of a Write-Attributes (Core 1.1.1 §6.3.4): what p names
// must be there. It returns the definition if that is a Resource or a Resource
// Instance.
func (t *Tree) Target(c Caller, p model.Path) (*model.Resource, error) {
	_, in, err := t.reach(c, p, model.RightRead, 1, 2, 3, 4)
	if err != nil || p.Depth() < 3 {
		return nil, err
	}
	def, ok := in.def.Resource(p.Resource())
	s := in.slot(p.Resource())
	if !ok || s == nil || !s.instantiated() {
		return nil, fail(model.NotFound, p.Prefix(3), "no such Resource")
	}
	if p.Depth() == 4 {
		h := s.hooks()
		if _, ok := s.content().Item(p.ResourceInstance()); !ok && (h == nil || h.Read == nil || !def.Multiple) {
			return nil, fail(model.NotFound, p, "no such Resource Instance")
		}
	}
	return def, nil
}
