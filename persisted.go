package lwm2m

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/observe"
	"github.com/lwm2m-go/lwm2m/internal/state"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// digest is a hash of values, to tell whether they are others.
type digest [sha256.Size]byte

// digestOf is zero if there are no data.
func digestOf(data []byte) digest {
	if data == nil {
		return digest{}
	}
	return sha256.Sum256(data)
}

// keptObjects are those whose values are kept, in order.
func keptObjects() [4]uint16 {
	return [...]uint16{objectSecurity, objectServer, objectAccessControl, objectOSCORE}
}

// restore takes up what the Store has, once the client is as Config wants it. It is called with c.mu held.
func (c *Client) restore(config *Config, accounts []ServerAccount) error {
	if config.Store == nil {
		return nil
	}
	p := &persistence{
		client: c, store: config.Store, stay: config.StayRegistered,
		factory: make(map[uint16]digest), stored: make(map[string]digest),
	}
	p.timer.Owner = p
	for _, object := range keptObjects() {
		p.factory[object] = c.objectDigest(object)
	}
	err := p.restoreDevice(accounts)
	if err == nil {
		err = p.restoreHistories()
	}
	if err == nil {
		err = p.restoreSessions()
	}
	c.persist = p
	return err
}

// restoreDevice takes up what servers have made of accounts and attributes.
func (p *persistence) restoreDevice(accounts []ServerAccount) error {
	c := p.client
	data, err := p.load(p.deviceKey())
	if err != nil || data == nil {
		return err
	}
	device, err := state.DecodeDevice(data)
	if err != nil {
		return fmt.Errorf("lwm2m: Config.Store: %w", err)
	}
	if err := c.overlay(device.Nodes, accounts); err != nil {
		c.log.Error("a part of the saved state does not fit", "err", err)
	}
	if len(device.Attributes) > 0 {
		r := c.reporting()
		for _, a := range device.Attributes {
			r.Attributes.Restore(observe.Attached(a))
		}
	}
	return nil
}

// load gives the data of a key, nil if there are none.
func (p *persistence) load(key string) ([]byte, error) {
	data, err := p.store.Load(context.Background(), key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.stored[key] = digest{}
		return nil, nil
	case err != nil && data != nil:
		p.client.log.Error("the newest state is damaged; an earlier one is used", "key", key, "err", err)
		p.unsaved |= devicePart | historyPart // to have two again
	case err != nil:
		return nil, fmt.Errorf("lwm2m: Config.Store: %w", err)
	default:
		p.stored[key] = digestOf(data)
	}
	return data, nil
}

// overlay makes those Objects as they were saved that are among the nodes. The error tells of what does not fit. It is
// called with c.mu held.
func (c *Client) overlay(nodes []format.Node, accounts []ServerAccount) error {
	var errs []error
	factoryAccounts := true
	for len(nodes) > 0 {
		object := nodes[0].Path.Object()
		n := 1
		for n < len(nodes) && nodes[n].Path.Object() == object {
			n++
		}
		errs = append(errs, c.overlayObject(nodes[0].Path, nodes[1:n]))
		nodes = nodes[n:]
		factoryAccounts = factoryAccounts && object != objectSecurity
	}
	if factoryAccounts { // some may be younger than the Server Objects that were saved
		errs = append(errs, c.complete(accounts))
	}
	return errors.Join(errs...)
}

func (c *Client) overlayObject(object Path, nodes []format.Node) error {
	var errs []error
	saved := map[Path]bool{}
	for len(nodes) > 0 {
		p := nodes[0].Path.Prefix(2)
		n := 1
		for n < len(nodes) && p.Contains(nodes[n].Path) {
			n++
		}
		saved[p] = true
		errs = append(errs, c.overlayInstance(p, nodes[:n]))
		nodes = nodes[n:]
	}
	for _, in := range slices.Clone(c.instances) {
		if p := in.Path(); object.Contains(p) && !saved[p] {
			c.tree.Remove(p)
			c.removed(p)
		}
	}
	return errors.Join(errs...)
}

// overlayInstance makes an Object Instance as it was saved. What Config says about an account beyond the Security Object
// holds only while that is as it was.
func (c *Client) overlayInstance(p Path, nodes []format.Node) error {
	in := c.instance(p)
	if in == nil {
		def := c.definitionInUse(p.Object())
		if def == nil {
			return fmt.Errorf("lwm2m: Config.Version %v has no Object %d", c.version, p.Object())
		}
		in = NewInstance(def, p.Instance())
		if err := c.insert(in); err != nil {
			return err
		}
	}
	if slices.Equal(appendInstance(nil, in.node), nodes) {
		return nil
	}
	if c.configured != nil {
		delete(c.configured.accounts, in.node)
	}
	contents := map[uint16]tree.Content{}
	for _, n := range nodes[1:] {
		resource := n.Path.Resource()
		switch {
		case n.Path.Depth() == 4:
			contents[resource] = contents[resource].With(tree.Item{ID: n.Path.ResourceInstance(), Value: n.Value})
		case n.Value.IsZero():
			contents[resource] = tree.Multiple()
		default:
			contents[resource] = tree.Single(n.Value)
		}
	}
	var errs []error
	for _, def := range in.Object().Resources {
		if def.Kind != model.None && !isPassing(p.Child(def.ID)) {
			_, err := in.node.SetContent(def.ID, contents[def.ID])
			errs = append(errs, err)
			delete(contents, def.ID)
		}
	}
	for resource := range contents {
		errs = append(errs, fmt.Errorf("lwm2m: %v is not defined", p.Child(resource)))
	}
	if p.Object() == objectServer {
		errs = append(errs, c.equipServer(in.node))
	}
	return errors.Join(errs...)
}

// isPassing reports whether a Resource tells of the present only.
func isPassing(p Path) bool { return p.Object() == objectServer && p.Resource() == serverAlert }

// encodeDevice writes accounts and attributes; nil if they are as Config has made them. It is called with the client's mu held.
func (p *persistence) encodeDevice() []byte {
	c := p.client
	var d state.Device
	for _, object := range keptObjects() {
		if c.objectDigest(object) != p.factory[object] {
			d.Nodes = c.appendObject(d.Nodes, object)
		}
	}
	if c.observed != nil {
		for a := range c.observed.Attributes.All() {
			d.Attributes = append(d.Attributes, state.Attached(a))
		}
	}
	if d.Nodes == nil && d.Attributes == nil {
		return nil
	}
	slices.SortFunc(d.Attributes, func(a, b state.Attached) int {
		return cmp.Or(cmp.Compare(a.Server, b.Server), a.Path.Compare(b.Path))
	})
	return d.Encode()
}

// objectDigest is of what is kept of an Object.
func (c *Client) objectDigest(object uint16) digest {
	d := state.Device{Nodes: c.appendObject(nil, object)}
	return digestOf(d.Encode())
}

// appendObject appends what is kept of an Object.
func (c *Client) appendObject(nodes []format.Node, object uint16) []format.Node {
	nodes = append(nodes, format.Node{Path: PathOf(object)})
	for node := range c.tree.Instances(object) {
		nodes = appendInstance(nodes, node)
	}
	return nodes
}

func appendInstance(nodes []format.Node, node *tree.Instance) []format.Node {
	nodes = append(nodes, format.Node{Path: node.Path()})
	for _, def := range node.Definition().Resources {
		p := node.Path().Child(def.ID)
		content, _ := node.Get(def.ID)
		switch {
		case content.IsZero() || isPassing(p):
		case !content.IsMultiple():
			nodes = append(nodes, format.Node{Path: p, Value: content.Value()})
		default:
			nodes = append(nodes, format.Node{Path: p})
			for _, item := range content.Items() {
				nodes = append(nodes, format.Node{Path: p.Child(item.ID), Value: item.Value})
			}
		}
	}
	return nodes
}
