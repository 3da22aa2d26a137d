package server

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/lwm2m-go/lwm2m/model"
)

// DefaultMaxBootstraps is Bootstrap.MaxSessions where that is zero.
const DefaultMaxBootstraps = 1024

// Bootstrap makes a Server a Bootstrap-Server too: it answers Bootstrap-Requests at /bs and, since LwM2M 1.2,
// Bootstrap-Pack-Requests at /bspack (Core 1.1.1 §6.1, Core 1.2 §6.1.7). What the Client is told depends on its
// endpoint name; with security, that must be a name that it has proven, see [Credentials].MayRegister.
type Bootstrap struct {
	// Endpoints are configurations by endpoint name. The map must not be changed.
	Endpoints map[string]BootstrapConfig
	// Find is asked for the configuration of a Client that is not in Endpoints. Its error refuses the request: with
	// the code of a *model.Error or model.Code in it, else with 4.00. It is called off the goroutine that runs the
	// protocol, with a context that ends when the Server stops. Default: 4.00.
	Find func(context.Context, BootstrapClient) (BootstrapConfig, error)
	// MaxSessions bounds the sessions under way; beyond it a request is answered 5.03. Default: DefaultMaxBootstraps.
	MaxSessions int
}

// BootstrapClient is who asks to be bootstrapped.
type BootstrapClient struct {
	// Endpoint is the parameter ep or, of a Client of LwM2M 1.1 that leaves it out, the name proven by security.
	Endpoint string
	Identity Identity      // who it has proven to be; zero without security
	Address  string        // where the request came from
	Format   ContentFormat // that it prefers: parameter pct, or Accept of a Bootstrap-Pack-Request
	Pack     bool          // it asks for a Bootstrap-Pack
	// Account is where a Client that asks for a Bootstrap-Pack keeps the account of the Bootstrap-Server, parameter
	// acc; nil if it does not tell.
	Account []model.Path
	Query   []string // all parameters
}

// BootstrapConfig is what a Bootstrap-Server does with one Client, in this order: it discovers and reads; deletes;
// writes the Security, Server and Access Control Objects, and all else; discovers again; and finishes. A refusal of
// what changes something ends the session, without Bootstrap-Finish.
type BootstrapConfig struct {
	// Servers are the accounts to write.
	Servers []ServerAccount
	// BootstrapServer takes the place of the account by which the Client is here. Default: that stays.
	BootstrapServer *BootstrapServerAccount
	// AccessControls are Instances of the Access Control Object, from 0.
	AccessControls []AccessControl
	// Writes are further values to write.
	Writes []BootstrapWrite
	// Delete is what to delete before. Clients keep Device and the account of the Bootstrap-Server. Default: /0, /1 and,
	// if there are AccessControls, /2; if not nil but empty, nothing.
	Delete []model.Path
	// Discover and Read are what to look at before anything changes: the root or Objects; and /1, /2 or Instances of
	// them. Refusals are told and do no harm. Default: nothing.
	Discover, Read []model.Path
	// Verify is what to discover when all is written. Default: nothing.
	Verify []model.Path
	// Format of what is written: TLV, SenML CBOR, SenML JSON or LwM2M CBOR. Default: what the Client prefers; if it does
	// not tell, TLV, of a Bootstrap-Pack SenML CBOR.
	Format ContentFormat
	// WholeObjects writes all Instances of an Object in one message. Default: a message for each Instance.
	WholeObjects bool

	// Script, if set, has the session instead of all this; it may call [BootstrapSession.Configure] for the deletes
	// and writes. It runs on a goroutine of its own. The context ends when the Client asks anew, its connection
	// breaks, or the Server stops. An error, and a return before Bootstrap-Finish was accepted, is a failure.
	Script func(context.Context, *BootstrapSession) error
	// Manual leaves the session to whoever calls [Server.WaitBootstrap].
	Manual bool
}

// BootstrapWrite is a Bootstrap-Write to an Object, Object Instance or Resource: of one Value, or of Nodes.
type BootstrapWrite struct {
	Path model.Path
	// Value is that of the Resource at Path.
	Value model.Value
	// Nodes are values at or below Path.
	Nodes []Node
}

func (w *BootstrapWrite) nodes() []Node {
	if !w.Value.IsZero() {
		return append([]Node{{Path: w.Path, Value: w.Value}}, w.Nodes...)
	}
	return w.Nodes
}

func (b *Bootstrap) maxSessions() int {
	if b.MaxSessions <= 0 {
		return DefaultMaxBootstraps
	}
	return b.MaxSessions
}

func (b *Bootstrap) validate() error {
	for _, endpoint := range slices.Sorted(maps.Keys(b.Endpoints)) {
		c := b.Endpoints[endpoint]
		if err := c.validate(); err != nil {
			return fmt.Errorf("%w: Bootstrap.Endpoints[%q].%w", ErrConfig, endpoint, err)
		}
	}
	return nil
}

// validate names the field that is wrong.
func (c *BootstrapConfig) validate() error {
	seen := make(map[uint16]bool)
	for i := range c.Servers {
		a := &c.Servers[i]
		if err := a.check(); err != nil {
			return inField("Servers", i, err)
		}
		id := a.shortServerID(i)
		if seen[id] {
			return inField("Servers", i, fmt.Errorf("the ShortServerID %d is another server's", id))
		}
		seen[id] = true
	}
	if c.BootstrapServer != nil {
		if err := c.BootstrapServer.check(); err != nil {
			return fmt.Errorf("%s: %w", "BootstrapServer", err)
		}
	}
	for i := range c.AccessControls {
		if err := c.AccessControls[i].check(); err != nil {
			return inField("AccessControls", i, err)
		}
	}
	for i := range c.Writes {
		if err := c.Writes[i].check(); err != nil {
			return inField("Writes", i, err)
		}
	}
	switch c.Format {
	case NoContentFormat, TLV, SenMLJSON, SenMLCBOR, LwM2MCBOR:
	default:
		return fmt.Errorf("%s: %s is not among those of Bootstrap-Write: 110, 112, 11542 and 11544", "Format", c.Format)
	}
	if c.Script != nil && c.Manual {
		return fmt.Errorf("%s and Manual are both set; there can be one of them", "Script")
	}
	return nil
}

func inField(name string, i int, err error) error { return fmt.Errorf("%s[%d]: %w", name, i, err) }

func (w *BootstrapWrite) check() error {
	if depth := w.Path.Depth(); depth < 1 || depth > 3 {
		return fmt.Errorf("%s is neither an Object, an Object Instance nor a Resource", w.Path)
	}
	if !w.Value.IsZero() && w.Path.Depth() != 3 {
		return fmt.Errorf("%s has a Value, but is no Resource", w.Path)
	}
	for _, n := range w.Nodes {
		if !w.Path.Contains(n.Path) {
			return fmt.Errorf("%s is not below %s", n.Path, w.Path)
		}
	}
	return nil
}

// deletes are the paths to delete.
func (c *BootstrapConfig) deletes() []model.Path {
	if c.Delete != nil {
		return c.Delete
	}
	paths := []model.Path{model.PathOf(0), model.PathOf(1)}
	if len(c.AccessControls) > 0 {
		paths = append(paths, model.PathOf(2))
	}
	return paths
}
