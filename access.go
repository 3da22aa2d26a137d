package lwm2m

import (
	"fmt"
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// The Access Control Object (Core 1.1.1 §8). The rules are those of the tree; here is what they mean for the application
// and for what the client sends on its own.
const (
	accessObject   = 0
	accessInstance = 1
	accessOwner    = 3
)

// checkEntry reports why an instance from the application cannot be used if it is one of the Access Control Object. It is
// called with c.mu held.
func (c *Client) checkEntry(in *Instance) error {
	if in.Object().ID != objectAccessControl || in.owner.Load() != nil {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	node := in.node
	for _, resource := range []uint16{accessObject, accessInstance, accessOwner} {
		if value(node, resource).IsZero() {
			return &Error{Code: BadRequest, Path: node.Path().Child(resource), Reason: "mandatory Resource missing"}
		}
	}
	for other := range c.tree.Instances(objectAccessControl) {
		if value(other, accessObject).Equal(value(node, accessObject)) && value(other, accessInstance).Equal(value(node, accessInstance)) {
			return &Error{Code: BadRequest, Path: node.Path(), Reason: fmt.Sprintf("%v is for the same", other.Path())}
		}
	}
	return nil
}

// completeAccess adds the instances of the Access Control Object that are missing, if access is controlled: each server
// owns its account, the rest belongs to no server. It is called with c.mu held.
func (c *Client) completeAccess() error {
	if !c.tree.IsRestricted() {
		return nil
	}
	for _, in := range slices.Clone(c.instances) {
		if in.Object().ID == objectAccessControl {
			continue
		}
		if err := c.addEntry(in); err != nil {
			return fmt.Errorf("lwm2m: Access Control Object: %w", err)
		}
	}
	return nil
}

// addEntry gives an instance that comes from the application its instance of the Access Control Object, if
// access is controlled and it has none. It is called with c.mu held.
func (c *Client) addEntry(in *Instance) error {
	if in.Object().ID == objectAccessControl {
		return c.completeAccess() // it may be the first
	}
	owner := uint16(maxID)
	if in.Object().ID == objectServer {
		owner = uint16(value(in.node, serverSSID).Int())
	}
	entry, err := c.tree.AddEntry(in.Path(), owner)
	if err == nil && entry != nil {
		c.adoptEntry(entry)
	}
	return err
}

// adoptEntry makes an instance of the Access Control Object that is in the tree one of the client's. It is called with
// c.mu held.
func (c *Client) adoptEntry(node *tree.Instance) {
	c.adopt(&Instance{node: node})
	c.noteChange(node.Path())
	c.noteStructure()
}

// concernsRights reports whether a change at one of the paths may give or take rights.
func concernsRights(paths []Path) bool {
	return slices.ContainsFunc(paths, func(p Path) bool {
		return p.Object() == objectAccessControl || p.Object() == objectSecurity
	})
}

// checkRead reports, with 4.01, why some of the nodes may not be told to a server. It is called with c.mu held.
func (c *Client) checkRead(server uint16, nodes []format.Node) error {
	var checked Path // nodes come instance by instance
	for _, n := range nodes {
		p := n.Path.Prefix(min(n.Path.Depth(), 2))
		if p == checked {
			continue
		}
		if err := c.tree.CheckRead(c.caller(server), p); err != nil {
			return err
		}
		checked = p
	}
	return nil
}

// mayObserve reports whether a server may read anything of what it observes. It is called with c.mu held.
func (c *Client) mayObserve(o *observation) bool {
	return slices.ContainsFunc(o.Paths, func(p Path) bool { return c.tree.CheckRead(c.caller(o.Server), p) == nil })
}

// tellable leaves out of stored nodes those that the server may not read any more.
func (c *Client) tellable(server uint16, nodes []format.Node) []format.Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(nodes, func(n format.Node) bool { return c.tree.CheckRead(c.caller(server), n.Path) != nil })
}

// ExplainAccess tells what a server may do at p, by which rule of the Access Control Object, and who could give it
// more rights: in words by String, and by Rights. At an Object that is the right to Create; Read, Observe and
// Write-Composite look at each Object Instance by itself.
func (c *Client) ExplainAccess(server uint16, p Path) Explanation {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := Explanation{Server: server, Paths: []Path{p}}
	if p.IsRoot() {
		e.text = "rights are at Objects and Object Instances: name one"
		return e
	}
	a := c.tree.Access(c.caller(server), p)
	e.Rights, e.text = a.Rights, a.String()
	if _, ok := c.tree.Instance(p); p.Depth() > 1 && !ok {
		e.text += fmt.Sprintf("\n  the client has no Object Instance %v", a.Path)
	}
	if !c.tree.HasServer(server) {
		e.text += fmt.Sprintf("\n  no account has the Short Server ID %d", server)
	}
	return e
}

// withheld says in words for want of which rights a server is not told of what it observes, and gives those at the
// first path. It is called with c.mu held.
func (c *Client) withheld(server uint16, paths []Path) (text string, rights model.Rights) {
	caller := c.caller(server)
	for i, p := range paths {
		a := c.tree.Access(caller, p)
		if i == 0 && !p.IsRoot() {
			rights = a.Rights
		}
		if c.tree.CheckRead(caller, p) != nil {
			text += "\n" + a.String()
		}
	}
	return text, rights
}
