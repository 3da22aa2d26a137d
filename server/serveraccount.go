package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// ServerAccount is what a Bootstrap-Server writes about one LwM2M Server: an Instance of the Security Object and one
// of the Server Object (Core 1.1.1 Appendix E.1 and E.2). Durations are in whole seconds. Optional Resources whose
// fields are zero are left out.
type ServerAccount struct {
	URI      string   // 0/x/0, such as "coaps://lwm2m.example.com"; required
	Security Security // required
	// ShortServerID is 0/x/10 and 1/x/0, 1 to 65534. Default: the account's place among the servers, from 1.
	ShortServerID uint16
	// SecurityInstance and ServerInstance are where the account goes. Default: the lowest that are free; a
	// Bootstrap-Discover tells which are.
	SecurityInstance, ServerInstance *uint16

	Lifetime              time.Duration // 1/x/1. Default: 86400 s
	DefaultMinPeriod      time.Duration // 1/x/2
	DefaultMaxPeriod      time.Duration // 1/x/3
	DisableTimeout        time.Duration // 1/x/5
	NoNotificationStoring bool          // 1/x/6 is the opposite
	Binding               string        // 1/x/7. Default: "U"
	// AllowSend lets the Client send values on its own: 1/x/23, Mute Send, is the opposite. Default: left out, which
	// since LwM2M 1.1 mutes Send.
	AllowSend bool

	// How the Client registers and tries again; since LwM2M 1.1 (Core 1.1.1 §6.2.1.1).
	PriorityOrder        *uint32       // 1/x/13
	InitialDelay         time.Duration // 1/x/14
	FailureBlock         bool          // 1/x/15
	NoBootstrapOnFailure bool          // 1/x/16 is the opposite; the default of the standard is to bootstrap
	RetryCount           *uint32       // 1/x/17
	RetryTimer           time.Duration // 1/x/18
	SequenceDelay        time.Duration // 1/x/19
	SequenceRetryCount   *uint32       // 1/x/20

	// SecurityResources and ServerResources are further Resources by their ID, or such as take the place of those
	// above.
	SecurityResources, ServerResources map[uint16]model.Value
}

// BootstrapServerAccount is what a Bootstrap-Server writes about itself, or about the Bootstrap-Server that takes its
// place: an Instance of the Security Object.
type BootstrapServerAccount struct {
	URI      string   // 0/x/0; required
	Security Security // required
	// Instance is where the account goes. Default: in the place of the one that the Client has.
	Instance       *uint16
	HoldOff        time.Duration // 0/x/11, Client Hold Off Time, in whole seconds. Default: left out
	AccountTimeout time.Duration // 0/x/12, Bootstrap-Server Account Timeout, in whole seconds. Default: left out, for ever
	// Resources are further Resources by their ID, or such as take the place of those above.
	Resources map[uint16]model.Value
}

// AccessControl is an Instance of the Access Control Object (Core 1.1.1 Appendix E.3).
type AccessControl struct {
	// Path is the Object Instance that it is about, such as /3/0; or an Object, such as /3303, for the right to create.
	Path model.Path
	// ACL are the rights by Short Server IDs; 0 stands for all servers without an entry.
	ACL map[uint16]model.Rights
	// Owner is the Short Server ID of who may change it. Default: model.MaxID, none but a Bootstrap-Server.
	Owner uint16
}

// Resources of the Server Object (Core 1.1.1 Appendix E.2).
const (
	serverID                  = 0
	serverLifetime            = 1
	serverDefaultMinPeriod    = 2
	serverDefaultMaxPeriod    = 3
	serverDisableTimeout      = 5
	serverNotificationStoring = 6
	serverBinding             = 7
	serverPriorityOrder       = 13
	serverInitialDelay        = 14
	serverFailureBlock        = 15
	serverBootstrapOnFailure  = 16
	serverRetryCount          = 17
	serverRetryTimer          = 18
	serverSequenceDelay       = 19
	serverSequenceRetryCount  = 20
	serverMuteSend            = 23
)

func (a *ServerAccount) check() error {
	for name, d := range map[string]time.Duration{
		"Lifetime": a.Lifetime, "DefaultMinPeriod": a.DefaultMinPeriod, "DefaultMaxPeriod": a.DefaultMaxPeriod,
		"DisableTimeout": a.DisableTimeout, "InitialDelay": a.InitialDelay, "RetryTimer": a.RetryTimer,
		"SequenceDelay": a.SequenceDelay,
	} {
		if err := checkSeconds(name, d); err != nil {
			return err
		}
	}
	if a.ShortServerID == model.MaxID {
		return errors.New("ShortServerID 65535 is reserved")
	}
	return checkAccount(a.URI, a.Security)
}

func (a *BootstrapServerAccount) check() error {
	return errors.Join(checkSeconds("HoldOff", a.HoldOff), checkSeconds("AccountTimeout", a.AccountTimeout),
		checkAccount(a.URI, a.Security))
}

func checkSeconds(name string, d time.Duration) error {
	if d < 0 || d%time.Second != 0 {
		return fmt.Errorf("%s is %v; want whole seconds", name, d)
	}
	return nil
}

// shortServerID is the ID of the account at a place among the servers.
func (a *ServerAccount) shortServerID(place int) uint16 {
	if a.ShortServerID != 0 {
		return a.ShortServerID
	}
	return uint16(place + 1)
}

// securityObject is the Instance of the Security Object.
func (a *ServerAccount) securityObject(ssid uint16) resources {
	r := a.Security.security()
	r.add(securityURI, model.StringValue(a.URI))
	r.add(securityBootstrap, model.BooleanValue(false))
	r.add(securityServerID, model.IntegerValue(int64(ssid)))
	return r.with(a.SecurityResources)
}

// serverObject is the Instance of the Server Object.
func (a *ServerAccount) serverObject(ssid uint16) resources {
	lifetime, binding := a.Lifetime, a.Binding
	if lifetime == 0 {
		lifetime = defaultLifetime
	}
	if binding == "" {
		binding = "U"
	}
	var r resources
	r.add(serverID, model.IntegerValue(int64(ssid)))
	r.addSeconds(serverLifetime, lifetime)
	r.addSeconds(serverDefaultMinPeriod, a.DefaultMinPeriod)
	r.addSeconds(serverDefaultMaxPeriod, a.DefaultMaxPeriod)
	r.addSeconds(serverDisableTimeout, a.DisableTimeout)
	r.add(serverNotificationStoring, model.BooleanValue(!a.NoNotificationStoring))
	r.add(serverBinding, model.StringValue(binding))
	r.addUnsigned(serverPriorityOrder, a.PriorityOrder)
	r.addUnsigned(serverInitialDelay, nonzero(a.InitialDelay))
	if a.FailureBlock {
		r.add(serverFailureBlock, model.BooleanValue(true))
	}
	if a.NoBootstrapOnFailure {
		r.add(serverBootstrapOnFailure, model.BooleanValue(false))
	}
	r.addUnsigned(serverRetryCount, a.RetryCount)
	r.addUnsigned(serverRetryTimer, nonzero(a.RetryTimer))
	r.addUnsigned(serverSequenceDelay, nonzero(a.SequenceDelay))
	r.addUnsigned(serverSequenceRetryCount, a.SequenceRetryCount)
	if a.AllowSend {
		r.add(serverMuteSend, model.BooleanValue(false))
	}
	return r.with(a.ServerResources)
}

// securityObject is the Instance of the Security Object.
func (a *BootstrapServerAccount) securityObject() resources {
	r := a.Security.security()
	r.add(securityURI, model.StringValue(a.URI))
	r.add(securityBootstrap, model.BooleanValue(true))
	r.addSeconds(securityHoldOff, a.HoldOff)
	r.addSeconds(securityAccountTimeout, a.AccountTimeout)
	return r.with(a.Resources)
}

// object is the Instance of the Access Control Object.
func (a *AccessControl) object() resources {
	instance, owner := uint16(model.MaxID), a.Owner // the reserved ID stands for the Object as a whole
	if a.Path.Depth() == 2 {
		instance = a.Path.Instance()
	}
	if owner == 0 {
		owner = model.MaxID
	}
	var r resources
	r.add(0, model.IntegerValue(int64(a.Path.Object())))
	r.add(1, model.IntegerValue(int64(instance)))
	for _, ssid := range slices.Sorted(maps.Keys(a.ACL)) {
		r.addInstance(2, ssid, model.IntegerValue(int64(a.ACL[ssid])))
	}
	r.add(3, model.IntegerValue(int64(owner)))
	return r
}

func (a *AccessControl) check() error {
	switch depth := a.Path.Depth(); {
	case depth != 1 && depth != 2:
		return fmt.Errorf("%s is neither an Object nor an Object Instance", a.Path)
	case a.Path.Object() == 0:
		return errors.New("the Security Object has no access control")
	}
	return nil
}

// addSeconds adds an Integer of seconds unless it is zero.
func (r *resources) addSeconds(id uint16, d time.Duration) {
	if d != 0 {
		r.add(id, model.IntegerValue(int64(d/time.Second)))
	}
}

// addUnsigned adds a number unless there is none.
func (r *resources) addUnsigned(id uint16, v *uint32) {
	if v != nil {
		r.add(id, model.UnsignedValue(uint64(*v)))
	}
}

// nonzero is a duration in seconds, nil if it is zero.
func nonzero(d time.Duration) *uint32 {
	if d == 0 {
		return nil
	}
	return new(uint32(min(d/time.Second, 1<<32-1)))
}

// with is r with further Resources, which take the place of those that r has.
func (r resources) with(further map[uint16]model.Value) resources {
	r = slices.DeleteFunc(r, func(n Node) bool { _, replaced := further[n.Path.Object()]; return replaced })
	for id, v := range further {
		r.add(id, v)
	}
	slices.SortFunc(r, func(a, b Node) int { return a.Path.Compare(b.Path) })
	return r
}

// at places r in an Object Instance.
func (r resources) at(instance model.Path) []Node {
	nodes := make([]Node, len(r))
	for i, n := range r {
		path := instance.Child(n.Path.Object())
		if n.Path.Depth() == 2 {
			path = path.Child(n.Path.Instance())
		}
		nodes[i] = Node{Path: path, Value: n.Value}
	}
	return nodes
}
