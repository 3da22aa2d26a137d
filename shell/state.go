package shell

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/state"
)

// keptState is the Store of the clients that a device has one after the other. Each of them keeps what has become of the
// accounts that it began with; but only the first began with those of the factory. For later ones the device itself
// is right, also about what was written by hand meanwhile: they read no accounts from the Store, and what they
// save is completed by what had become of the accounts before.
type keptState struct {
	lwm2m.Store

	mu      sync.Mutex
	begun   bool                     // there has been a client
	key     string                   // of the accounts of the client there is
	origin  map[uint16][]format.Node // the Objects as they were before the first client
	carried map[uint16][]format.Node // those that were others when a later client began
}

// keptObjects are those that clients keep, in order: Security, Server, Access Control, OSCORE.
var keptObjects = [...]uint16{objectSecurity, objectServer, objectAccessControl, 21}

// serverAlert is the Resource TLS-DTLS Alert Code of the Server Object.
const serverAlert = 11

// prepare is called before a client begins with these Object Instances.
func (k *keptState) prepare(ctx context.Context, endpoint string, instances []*lwm2m.Instance) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = endpoint + "/device"
	now := map[uint16][]format.Node{}
	for _, object := range keptObjects {
		now[object] = appendKept(nil, object, instances)
	}
	if !k.begun {
		k.origin = now
		return nil
	}
	k.carried = map[uint16][]format.Node{}
	for object, nodes := range now {
		if !slices.EqualFunc(nodes, k.origin[object], sameNode) {
			k.carried[object] = nodes
		}
	}
	former, err := k.Store.Load(ctx, k.key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && former == nil {
		return err
	}
	var doc state.Device
	if former != nil {
		if doc, err = state.DecodeDevice(former); err != nil {
			return err
		}
	}
	doc.Nodes = nil
	if whole := k.complete(doc); !bytes.Equal(whole, former) {
		return k.put(ctx, whole)
	}
	return nil
}

// has is called once a client has begun.
func (k *keptState) has() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begun = true
}

// complete adds what the client of the document did not have to tell.
func (k *keptState) complete(doc state.Device) []byte {
	told := map[uint16][]format.Node{}
	for _, n := range doc.Nodes {
		told[n.Path.Object()] = append(told[n.Path.Object()], n)
	}
	all := maps.Clone(k.carried)
	maps.Copy(all, told)
	doc.Nodes = nil
	for _, object := range keptObjects {
		doc.Nodes = append(doc.Nodes, all[object]...)
	}
	if doc.Nodes == nil && doc.Attributes == nil {
		return nil
	}
	return doc.Encode()
}

func (k *keptState) put(ctx context.Context, data []byte) error {
	if data == nil {
		return k.Store.Delete(ctx, k.key)
	}
	return k.Store.Save(ctx, k.key, data)
}

// Load leaves out the accounts for a later client.
func (k *keptState) Load(ctx context.Context, key string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	data, err := k.Store.Load(ctx, key)
	if !k.begun || key != k.key || data == nil {
		return data, err
	}
	doc, wrong := state.DecodeDevice(data)
	switch {
	case wrong != nil:
		return nil, wrong
	case doc.Attributes == nil:
		return nil, fs.ErrNotExist
	}
	doc.Nodes = nil
	return doc.Encode(), err
}

// Save completes the accounts.
func (k *keptState) Save(ctx context.Context, key string, data []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key != k.key || len(k.carried) == 0 {
		return k.Store.Save(ctx, key, data)
	}
	doc, err := state.DecodeDevice(data)
	if err != nil {
		return err
	}
	return k.put(ctx, k.complete(doc))
}

// Delete leaves what has become of the accounts before.
func (k *keptState) Delete(ctx context.Context, key string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key != k.key || len(k.carried) == 0 {
		return k.Store.Delete(ctx, key)
	}
	return k.put(ctx, k.complete(state.Device{}))
}

func sameNode(a, b format.Node) bool { return a.Path == b.Path && a.Value.Equal(b.Value) }

// appendKept appends an Object in the form of [state.Device].
func appendKept(nodes []format.Node, object uint16, instances []*lwm2m.Instance) []format.Node {
	nodes = append(nodes, format.Node{Path: lwm2m.PathOf(object)})
	for _, in := range instances {
		if in.Object().ID != object {
			continue
		}
		nodes = append(nodes, format.Node{Path: in.Path()})
		for _, def := range in.Object().Resources {
			p := in.Path().Child(def.ID)
			if v, ok := in.Get(def.ID); ok && !(object == objectServer && def.ID == serverAlert) { // which is of the moment
				nodes = append(nodes, format.Node{Path: p, Value: v})
			}
			items := in.Items(def.ID)
			if items != nil {
				nodes = append(nodes, format.Node{Path: p})
			}
			for _, id := range slices.Sorted(maps.Keys(items)) {
				nodes = append(nodes, format.Node{Path: p.Child(id), Value: items[id]})
			}
		}
	}
	return nodes
}
