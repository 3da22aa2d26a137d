package format

import (
	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/model"
)

// appendLwM2MCBOR writes maps of identifiers (Core 1.2 §7.4.6). The outer map has
// one entry for each Object, whose key holds all identifiers that its values
// share; each map inside goes one level down. That is the shape of the examples
// in the specification, with lengths given beforehand:
//
//	{[3, 0]: {0: "Acme", 6: {0: 1, 1: 5}}, [1, 0, 1]: 86400}
//
// Object Instances and Resources without values are left out.
func appendLwM2MCBOR(dst []byte, nodes []Node) ([]byte, error) {
	if err := checkGroups(nodes); err != nil {
		return dst, err
	}
	dst = cbor.AppendMap(dst, countGroups(nodes, 1))
	for group, rest := nextGroup(nodes, 1); group != nil; group, rest = nextGroup(rest, 1) {
		shared := sharedLevels(group)
		if shared > 1 {
			dst = cbor.AppendArray(dst, shared)
		}
		for level := range shared {
			dst = appendID(dst, group[0].Path, level)
		}
		dst = appendBelow(dst, group, shared)
	}
	return dst, nil
}

// appendBelow writes what belongs to a key that has the first levels of the nodes' paths.
func appendBelow(dst []byte, nodes []Node, level int) []byte {
	if nodes[0].Path.Depth() == level {
		return appendItem(dst, nodes[0].Value)
	}
	dst = cbor.AppendMap(dst, countGroups(nodes, level+1))
	for group, rest := nextGroup(nodes, level+1); group != nil; group, rest = nextGroup(rest, level+1) {
		dst = appendID(dst, group[0].Path, level)
		dst = appendBelow(dst, group, level+1)
	}
	return dst
}

// appendID writes the identifier of a path at a level from 0.
func appendID(dst []byte, p model.Path, level int) []byte {
	ids := [...]uint16{p.Object(), p.Instance(), p.Resource(), p.ResourceInstance()}
	return cbor.AppendUint(dst, uint64(ids[level]))
}

// appendItem writes a value, or null for the removal of a Resource Instance. A Time is
// a plain number here, without the tag that it has as a single value in CBOR.
func appendItem(dst []byte, v model.Value) []byte {
	switch v.Kind() {
	case model.None:
		return cbor.AppendNull(dst)
	case model.Time:
		return cbor.AppendInt(dst, v.Int())
	}
	return appendCBOR(dst, v)
}

// hasItem reports whether a node can be said in LwM2M CBOR.
func hasItem(n *Node) bool { return !n.Value.IsZero() || n.Path.Depth() == 4 }

// nextGroup takes from the front the nodes that share the first levels of their
// paths. What has no item is passed over; the first node of a group has one. The
// group is nil if there is no more.
func nextGroup(nodes []Node, levels int) (group, rest []Node) {
	for len(nodes) > 0 && !hasItem(&nodes[0]) {
		nodes = nodes[1:]
	}
	if len(nodes) == 0 {
		return nil, nil
	}
	n := 1
	for shared := nodes[0].Path.Prefix(levels); n < len(nodes) && shared.Contains(nodes[n].Path); {
		n++
	}
	return nodes[:n], nodes[n:]
}

func countGroups(nodes []Node, levels int) (n int) {
	for group, rest := nextGroup(nodes, levels); group != nil; group, rest = nextGroup(rest, levels) {
		n++
	}
	return n
}

// sharedLevels counts the levels that the paths of a group have in common.
func sharedLevels(group []Node) int {
	shared := group[0].Path
	for i := range group {
		for hasItem(&group[i]) && !shared.Contains(group[i].Path) {
			shared = shared.Parent()
		}
	}
	return shared.Depth()
}

// checkGroups makes sure that no key comes twice in a map: what belongs to an Object
// must be together and in order.
func checkGroups(nodes []Node) error {
	var highest uint16 // of the Objects so far
	for i := range nodes[min(1, len(nodes)):] {
		before, p := &nodes[i], nodes[i+1].Path
		highest = max(highest, before.Path.Object())
		sameObject := before.Path.Object() == p.Object()
		switch {
		case before.Path == p:
			return at(LwM2MCBOR, ErrUnsupported, p, "more than one value; a history needs SenML")
		case sameObject && before.Path.Compare(p) > 0,
			!sameObject && p.Object() <= highest && mentions(nodes[:i], p.Object()):
			return at(LwM2MCBOR, ErrPath, p, "out of order")
		case !before.Value.IsZero() && before.Path.Contains(p):
			return at(LwM2MCBOR, ErrPath, p, "below a value")
		}
	}
	return nil
}

func mentions(nodes []Node, object uint16) bool {
	for i := range nodes {
		if nodes[i].Path.Object() == object {
			return true
		}
	}
	return false
}
