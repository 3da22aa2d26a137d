package lwm2m

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/loop"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// Client is an LwM2M Client: one device with its Objects and its registrations.
// [NewClient] makes one, [Client.Run] brings it to life. All methods may be called from any
// goroutine, at any time, from callbacks too.
type Client struct {
	settings
	log *slog.Logger

	mu         sync.Mutex // guards the data; never held while sending, waiting or calling back
	tree       tree.Tree
	instances  []*Instance // those of the tree, sorted by path
	factories  map[uint16]Factory
	configured *configured  // what the Objects 0 and 1 cannot hold; nil if there is nothing
	persist    *persistence // nil without a Store
	observed   *reporting   // nil until a server observes something or attaches attributes
	changed    changeSet
	gone       []Path // Object Instances deleted since
	added      []Path // Object Instances added since
	restructured,
	woken bool
	running bool
	shard   *shard        // where the client runs or ran; set once, before it starts
	done    chan struct{} // closed when the client has stopped; nil until somebody waits

	// Owned by the loop.
	sessions     []*session
	ordering     *ordering     // nil if no server waits for another
	bootstrapper *bootstrapper // nil if there is no account of a Bootstrap-Server
	stopping,
	paused,
	finished bool

	events events
}

// NewClient makes a client from its configuration. It does no I/O but to read Config.Store.
func NewClient(config Config) (*Client, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		settings: config.settings(),
		log:      config.Logger.With("endpoint", config.Endpoint),
	}
	c.events.deliver = config.OnEvent
	if err := c.build(&config); err != nil {
		c.disown()
		return nil, err
	}
	return c, nil
}

// build makes the Objects: as Config describes them, as factory data have them, and as they were saved.
func (c *Client) build(config *Config) error {
	accounts := slices.Clone(config.Servers)
	if err := c.addConfigured(config, accounts); err != nil {
		return err
	}
	if len(config.FactoryData) > 0 {
		if err := c.applyFactoryData(config.FactoryData); err != nil { // which may ask callbacks
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.restore(config, accounts); err != nil {
		return err
	}
	return c.completeAccess() // the saved accounts may be others
}

// addConfigured makes the Objects that Config describes.
func (c *Client) addConfigured(config *Config, accounts []ServerAccount) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if config.LoadCredentials != nil {
		c.configured = &configured{config.LoadCredentials, make(map[*tree.Instance]ServerAccount)}
	}
	if err := c.addAccounts(accounts, config.LoadCredentials); err != nil {
		return err
	}
	if err := c.addObjects(config.Objects, config.Factories); err != nil {
		return err
	}
	return c.complete(accounts)
}

// Run registers with the servers and serves them until ctx ends. Then it
// de-registers, which takes at most [HostConfig].ShutdownTimeout, and returns nil.
// Failures to reach a server do not end it: the client tries again as the Server
// Object says, and tells by events. A Client runs once; to run many clients
// together see [Host].
func (c *Client) Run(ctx context.Context) error {
	h := NewHost(HostConfig{Shards: 1})
	if err := h.Add(c); err != nil {
		return err
	}
	return h.Run(ctx)
}

// Add adds an Object Instance; registered servers are told by an Update. If access is controlled, see
// [Config.Objects], no server has rights there unless its instance of the Access Control Object has been added before;
// else the client adds one without an owner and without rights.
func (c *Client) Add(object ObjectInstance) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := object.Base()
	if err := c.checkEntry(in); err != nil {
		return err
	}
	if err := c.insert(in); err != nil {
		return err
	}
	c.noteChange(in.Path())
	c.noteStructure()
	return c.addEntry(in)
}

// Delete removes the Object Instance at p, without asking its OnDelete; registered servers are told by an
// Update. Its instance of the Access Control Object goes with it. The Security, Server and Device Objects stay.
func (c *Client) Delete(p Path) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch _, ok := c.tree.Instance(p); {
	case p.Depth() != 2 || !ok:
		return &Error{Code: NotFound, Path: p, Reason: "no such Object Instance"}
	case p.Object() == objectSecurity || p.Object() == objectServer || p.Object() == objectDevice:
		return &Error{Code: MethodNotAllowed, Path: p, Reason: "this Object Instance stays"}
	}
	c.tree.Remove(p)
	c.removed(p)
	for _, entry := range c.tree.RemoveEntries(p) {
		c.removed(entry)
	}
	return nil
}

// Instances returns the instances of an Object, in order of their IDs.
func (c *Client) Instances(object uint16) []*Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*Instance
	for _, in := range c.instances {
		if in.Object().ID == object {
			found = append(found, in)
		}
	}
	return found
}

// insert puts an instance into the tree. It is called with c.mu held.
func (c *Client) insert(in *Instance) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.owner.Load() != nil {
		return &Error{Code: BadRequest, Path: in.Path(), Reason: "the instance belongs to a client already"}
	}
	if err := c.tree.Insert(in.node); err != nil {
		return err
	}
	c.adopt(in)
	return nil
}

// removed does what has to follow when an instance was taken out of the tree. It is called with c.mu held.
func (c *Client) removed(p Path) {
	if i, ok := c.find(p); ok {
		if c.persist != nil && c.instances[i].histories.Load() != nil {
			c.note(historyPart)
		}
		c.instances[i].disown()
		c.instances = slices.Delete(c.instances, i, i+1)
	}
	if c.observed != nil {
		c.observed.RemoveAttributes(p)
		c.noteAttributes()
	}
	c.noteKept(p)
	c.gone = append(c.gone, p)
	c.noteStructure()
}

func (c *Client) find(p Path) (int, bool) {
	return slices.BinarySearchFunc(c.instances, p, func(in *Instance, p Path) int { return in.Path().Compare(p) })
}

// disown gives the instances back, so that another client can have them.
func (c *Client) disown() {
	for _, in := range c.instances {
		in.disown()
	}
}

// disown gives the instance back. It is called with the client's mu held.
func (in *Instance) disown() {
	in.setKeeper(nil)
	in.owner.Store(nil)
}

// noteChange remembers a changed value for those whom it concerns: observers, and
// the registration for the Server Object. It is called with c.mu held; c may be nil.
func (c *Client) noteChange(p Path) {
	if c == nil || !c.running {
		return
	}
	c.noteKept(p)
	if p.Object() == objectServer || c.observed != nil && (p.Object() == objectAccessControl || c.observed.IsObserved(p)) {
		c.changed.add(p)
		c.wake()
	}
}

// noteStructure remembers that Object Instances came or went. It is called with c.mu held.
func (c *Client) noteStructure() {
	c.restructured = true
	c.wake()
}

// wake has the loop look at what was noted. It is called with c.mu held.
func (c *Client) wake() {
	if !c.running || c.woken {
		return
	}
	c.woken = true
	c.shard.loop.Post(loop.Event{To: (*noted)(c)})
}

// noted is a Client as the loop sees it.
type noted Client

// Handle works off what was noted. The loop calls it.
func (n *noted) Handle(now time.Time, _ loop.Event) { (*Client)(n).workOff(now) }

func (c *Client) workOff(now time.Time) {
	c.mu.Lock()
	c.woken = false
	changed, gone, added, restructured := c.changed.take(), c.gone, c.added, c.restructured
	c.gone, c.added, c.restructured = nil, nil, false
	var ended []*observation
	if c.observed != nil {
		ended = c.observed.Removed(now, gone)
		c.observed.Changed(now, changed)
		if concernsRights(changed) || concernsRights(gone) || concernsRights(added) {
			c.observed.RightsChanged(now)
		}
	}
	c.mu.Unlock()
	for _, o := range ended {
		c.notifyEnd(now, o)
	}
	for _, s := range c.sessions {
		if c.isStartingOver() {
			break
		}
		s.serverObjectChanged(now, changed)
		if restructured {
			s.noteUntold(added)
			s.reg.ObjectsChanged(now)
		}
		s.settle(now)
	}
	c.notify(now)
	c.persistChanges(now)
	c.mu.Lock()
	c.changed.keep(changed)
	c.mu.Unlock()
}

// now is the time where the client runs. Its wall clock may be set at any moment, so it stamps values
// and nothing else. It is called with c.mu held; c may be nil.
func (c *Client) now() time.Time {
	if c == nil || c.shard == nil {
		return time.Now()
	}
	return c.shard.loop.Now()
}

// caller is who a server is to the tree.
func (c *Client) caller(server uint16) tree.Caller {
	return tree.Caller{Server: server, Version: c.version}
}

// caller is who the server is to the tree.
func (s *session) caller() tree.Caller {
	caller := s.client.caller(s.ssid)
	caller.Version = s.version()
	return caller
}

// The Objects that the client itself deals with.
const (
	objectSecurity      = 0
	objectServer        = 1
	objectAccessControl = 2
	objectDevice        = 3
	objectOSCORE        = 21
)

// value reads a single-instance Resource. It is called with c.mu held.
func (c *Client) value(p Path) (v model.Value) {
	if node, ok := c.tree.Instance(p); ok {
		content, _ := node.Get(p.Resource())
		v = content.Value()
	}
	return v
}
