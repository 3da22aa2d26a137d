package leshan

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// NodeKind says what level of the resource tree a Node stands for.
type NodeKind string

// The levels. A multiple-instance resource has a kind of its own.
const (
	RootNode             NodeKind = "root"
	ObjectNode           NodeKind = "obj"
	InstanceNode         NodeKind = "instance"
	SingleResourceNode   NodeKind = "singleResource"
	MultiResourceNode    NodeKind = "multiResource"
	ResourceInstanceNode NodeKind = "resourceInstance"
)

// Type is a resource's data type, in Leshan's words.
type Type string

// The data types of OMA Core 1.1.1 appendix C. Each comment names the Go type
// of a value of it.
const (
	String          Type = "STRING"           // string
	Integer         Type = "INTEGER"          // int64
	UnsignedInteger Type = "UNSIGNED_INTEGER" // uint64
	Float           Type = "FLOAT"            // float64
	Boolean         Type = "BOOLEAN"          // bool
	Opaque          Type = "OPAQUE"           // []byte
	Time            Type = "TIME"             // time.Time, whole milliseconds in UTC
	Objlnk          Type = "OBJLNK"           // ObjectLink
	Corelnk         Type = "CORELINK"         // string, in link format
)

// ObjectLink is a value of type Objlnk.
type ObjectLink struct {
	ObjectID   int `json:"objectId"`
	InstanceID int `json:"objectInstanceId"`
}

// NoID is the ID of an instance that is left to the client to number.
const NoID = -1

// Node is a part of the resource tree, as read from or written to a client.
type Node struct {
	Kind NodeKind
	// ID is the object's, instance's, resource's or resource instance's; NoID is
	// allowed for an instance to create.
	ID int
	// Type and Value are a resource's or resource instance's, Values those of a
	// multiple-instance resource by resource instance ID.
	Type   Type
	Value  any
	Values map[int]any
	// Children are objects, instances or resources, in the order of their IDs.
	Children []*Node
}

// Object makes an object with its instances.
func Object(id int, instances ...*Node) *Node {
	return &Node{Kind: ObjectNode, ID: id, Children: instances}
}

// Instance makes an object instance; its ID may be [NoID] in a Create.
func Instance(id int, resources ...*Node) *Node {
	return &Node{Kind: InstanceNode, ID: id, Children: resources}
}

// Single makes a resource with one value. Beside the Go type of the data type,
// value may be an int wherever a number is wanted.
func Single(id int, t Type, value any) *Node {
	return &Node{Kind: SingleResourceNode, ID: id, Type: t, Value: value}
}

// Multi makes a multiple-instance resource, its values keyed by resource
// instance ID.
func Multi(id int, t Type, values map[int]any) *Node {
	return &Node{Kind: MultiResourceNode, ID: id, Type: t, Values: values}
}

// ResourceInstance makes one instance of a multiple-instance resource.
func ResourceInstance(id int, t Type, value any) *Node {
	return &Node{Kind: ResourceInstanceNode, ID: id, Type: t, Value: value}
}

// At follows IDs downwards and returns the node there, or nil. A resource
// instance is returned as a node made for the purpose.
func (n *Node) At(ids ...int) *Node {
	for _, id := range ids {
		if n == nil {
			return nil
		}
		if n.Kind == MultiResourceNode {
			value, ok := n.Values[id]
			if !ok {
				return nil
			}
			n = ResourceInstance(id, n.Type, value)
			continue
		}
		i := slices.IndexFunc(n.Children, func(c *Node) bool { return c.ID == id })
		if i < 0 {
			return nil
		}
		n = n.Children[i]
	}
	return n
}

// IDs returns the IDs of a node's children, in ascending order.
func (n *Node) IDs() []int {
	var ids []int
	for _, c := range n.Children {
		ids = append(ids, c.ID)
	}
	for id := range n.Values {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// nodeJSON is a node as Leshan writes it: numbers are strings, times are
// milliseconds, opaque values are hexadecimal.
type nodeJSON struct {
	Kind      NodeKind                   `json:"kind"`
	ID        *int                       `json:"id,omitempty"`
	Type      Type                       `json:"type,omitempty"`
	Value     json.RawMessage            `json:"value,omitempty"`
	Values    map[string]json.RawMessage `json:"values,omitempty"`
	Objects   []*Node                    `json:"objects,omitempty"`
	Instances []*Node                    `json:"instances,omitempty"`
	Resources []*Node                    `json:"resources,omitempty"`
}

// MarshalJSON encodes a node for Leshan; it fails if a value is not of its type.
func (n *Node) MarshalJSON() ([]byte, error) {
	out := nodeJSON{Kind: n.Kind, Type: n.Type}
	if n.Kind != RootNode && n.ID != NoID {
		out.ID = &n.ID
	}
	var err error
	switch n.Kind {
	case RootNode:
		out.Objects = n.Children
	case ObjectNode:
		out.Instances = n.Children
	case InstanceNode:
		out.Resources = n.Children
	case SingleResourceNode, ResourceInstanceNode:
		if out.Value, err = encodeValue(n.Type, n.Value); err != nil {
			return nil, fmt.Errorf("leshan: %s %d: %w", n.Kind, n.ID, err)
		}
	case MultiResourceNode:
		out.Values = make(map[string]json.RawMessage, len(n.Values))
		for id, value := range n.Values {
			if out.Values[strconv.Itoa(id)], err = encodeValue(n.Type, value); err != nil {
				return nil, fmt.Errorf("leshan: %s %d/%d: %w", n.Kind, n.ID, id, err)
			}
		}
	default:
		return nil, fmt.Errorf("leshan: unknown kind of node %q", n.Kind)
	}
	return json.Marshal(out)
}

// UnmarshalJSON decodes a node of Leshan's.
func (n *Node) UnmarshalJSON(data []byte) error {
	var in nodeJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("leshan: node: %w", err)
	}
	*n = Node{Kind: in.Kind, ID: NoID, Type: in.Type}
	if in.ID != nil {
		n.ID = *in.ID
	}
	n.Children = slices.Concat(in.Objects, in.Instances, in.Resources)
	slices.SortFunc(n.Children, func(a, b *Node) int { return a.ID - b.ID })
	var err error
	switch n.Kind {
	case SingleResourceNode, ResourceInstanceNode:
		n.Value, err = decodeValue(in.Type, in.Value)
	case MultiResourceNode:
		n.Values = make(map[int]any, len(in.Values))
		for key, raw := range in.Values {
			id, idErr := strconv.Atoi(key)
			if idErr != nil {
				return fmt.Errorf("leshan: resource instance %q: %w", key, idErr)
			}
			if n.Values[id], err = decodeValue(in.Type, raw); err != nil {
				return fmt.Errorf("leshan: %s %d/%d: %w", n.Kind, n.ID, id, err)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("leshan: %s %d: %w", n.Kind, n.ID, err)
	}
	return nil
}

func encodeValue(t Type, value any) (json.RawMessage, error) {
	switch v := value.(type) {
	case int:
		switch t {
		case Integer, UnsignedInteger, Float:
			return json.Marshal(strconv.Itoa(v))
		}
	case int64:
		if t == Integer {
			return json.Marshal(strconv.FormatInt(v, 10))
		}
	case uint64:
		if t == UnsignedInteger {
			return json.Marshal(strconv.FormatUint(v, 10))
		}
	case float64:
		if t == Float {
			return json.Marshal(strconv.FormatFloat(v, 'g', -1, 64))
		}
	case string:
		if t == String || t == Corelnk {
			return json.Marshal(v)
		}
	case bool:
		if t == Boolean {
			return json.Marshal(v)
		}
	case []byte:
		if t == Opaque {
			return json.Marshal(hex.EncodeToString(v))
		}
	case time.Time:
		if t == Time {
			return json.Marshal(v.UnixMilli())
		}
	case ObjectLink:
		if t == Objlnk {
			return json.Marshal(v)
		}
	}
	return nil, fmt.Errorf("%T is not a value of type %s", value, t)
}

func decodeValue(t Type, raw json.RawMessage) (any, error) {
	switch t {
	case Boolean:
		return decodeAs[bool](raw)
	case Objlnk:
		return decodeAs[ObjectLink](raw)
	case Time:
		ms, err := decodeAs[int64](raw)
		return time.UnixMilli(ms).UTC(), err
	}
	text, err := decodeAs[string](raw)
	if err != nil {
		return nil, fmt.Errorf("value of type %s: %w", t, err)
	}
	switch t {
	case String, Corelnk:
		return text, nil
	case Integer:
		return strconv.ParseInt(text, 10, 64)
	case UnsignedInteger:
		return strconv.ParseUint(text, 10, 64)
	case Float:
		return strconv.ParseFloat(text, 64)
	case Opaque:
		return hex.DecodeString(text)
	default:
		return nil, fmt.Errorf("unknown type %q", t)
	}
}

func decodeAs[T any](raw json.RawMessage) (T, error) {
	var value T
	err := json.Unmarshal(raw, &value)
	return value, err
}
