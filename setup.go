package lwm2m

import (
	"fmt"
	"math"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/registration"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// Resources of the Security, Server and Device Objects that the client fills or reads.
const (
	securityURI       = 0
	securityBootstrap = 1
	securityMode      = 2
	securityIdentity  = 3
	securityServerKey = 4
	securitySecret    = 5
	securitySSID      = 10
	securityHoldOff   = 11
	securityTimeout   = 12

	// Since LwM2M 1.1:
	securityMatchingType     = 13
	securitySNI              = 14
	securityCertificateUsage = 15
	securityCipherSuites     = 16
	securityOSCORE           = 17

	serverSSID           = 0
	serverLifetime       = 1
	serverMinPeriod      = 2
	serverMaxPeriod      = 3
	serverDisable        = 4
	serverDisableTimeout = 5
	serverStoring        = 6
	serverBinding        = 7
	serverUpdateTrigger  = 8
	// Since LwM2M 1.1:
	serverBootstrapTrigger   = 9
	serverAlert              = 11
	serverLastBootstrapped   = 12
	serverPriority           = 13
	serverInitialDelay       = 14
	serverFailureBlock       = 15
	serverBootstrapOnFailure = 16
	serverRetryCount         = 17
	serverRetryTimer         = 18
	serverSequenceDelay      = 19
	serverSequenceCount      = 20
	serverMuteSend           = 23
	serverNotificationMode   = 26

	deviceErrorCode = 11
	deviceBinding   = 16
)

const bindingUDP = "U"

// addAccounts completes the accounts and makes the instances of the Security Object.
func (c *Client) addAccounts(accounts []ServerAccount, load loadCredentials) error {
	taken := map[uint16]int{}
	for i, account := range accounts {
		account, err := account.complete(i, c.version, load != nil)
		if err != nil {
			return err
		}
		other, ok := taken[account.ShortServerID]
		switch {
		case ok && account.Bootstrap:
			return fmt.Errorf("lwm2m: Config.Servers[%d] and [%d] are both of a Bootstrap-Server; one is possible", other, i)
		case ok:
			return fmt.Errorf("lwm2m: Config.Servers[%d] and [%d] have the same ShortServerID %d", other, i, account.ShortServerID)
		}
		taken[account.ShortServerID] = i
		security := c.securityInstance(uint16(i), account)
		if err := c.insert(security); err != nil {
			return fmt.Errorf("lwm2m: Config.Servers[%d]: %w", i, err)
		}
		c.configure(security.node, account)
		accounts[i] = account
	}
	return nil
}

func (c *Client) securityInstance(id uint16, a ServerAccount) *Instance {
	in := NewInstance(c.definition(objectSecurity), id)
	values := append([]resourceValue{
		{securityURI, model.StringValue(a.URI)},
		{securityBootstrap, model.BooleanValue(a.Bootstrap)},
		{securityMode, model.IntegerValue(a.Security.mode())},
		{securityIdentity, model.OpaqueValue(nil)},
		{securityServerKey, model.OpaqueValue(nil)},
		{securitySecret, model.OpaqueValue(nil)},
	}, a.Security.resources()...)
	if a.Bootstrap {
		values = append(values, resourceValue{securityHoldOff, seconds(a.HoldOff)}, resourceValue{securityTimeout, seconds(a.AccountTimeout)})
	} else {
		values = append(values, resourceValue{securitySSID, model.IntegerValue(int64(a.ShortServerID))})
	}
	in.node.Grow(len(values))
	for _, v := range values {
		_ = in.Set(v.resource, v.value) // right by construction, but for what Object 0 does not have yet in LwM2M 1.0
	}
	for i, suite := range a.Security.suites() {
		_ = in.SetItem(securityCipherSuites, uint16(i), model.UnsignedValue(uint64(suite)))
	}
	return in
}

// addObjects puts the application's Objects into the tree and completes them.
func (c *Client) addObjects(objects []ObjectInstance, factories []Factory) error {
	for i, object := range objects {
		if object == nil || object.Base() == nil {
			return fmt.Errorf("lwm2m: Config.Objects[%d] is nil", i)
		}
		if id := object.Base().Object().ID; tree.IsProtected(id) && id != objectSecurity {
			return fmt.Errorf("lwm2m: Config.Objects[%d]: %v holds credentials, of a kind that is not supported", i, object.Base().Path())
		}
		err := c.checkEntry(object.Base())
		if err == nil {
			err = c.insert(object.Base())
		}
		if err != nil {
			return fmt.Errorf("lwm2m: Config.Objects[%d]: %w", i, err)
		}
	}
	for i, f := range factories {
		if f.Object == nil || tree.IsProtected(f.Object.ID) || f.Object.ID == objectServer || f.Object.ID == objectAccessControl {
			return fmt.Errorf("lwm2m: Config.Factories[%d] needs an Object that servers may create", i)
		}
		if err := c.tree.AddObject(f.Object, true); err != nil {
			return fmt.Errorf("lwm2m: Config.Factories[%d]: %w", i, err)
		}
		if c.factories == nil {
			c.factories = make(map[uint16]Factory)
		}
		c.factories[f.Object.ID] = f
	}
	return nil
}

// complete makes or completes the Objects that every client has.
func (c *Client) complete(accounts []ServerAccount) error {
	if len(accounts) == 0 {
		if err := c.completeAccounts(); err != nil {
			return err
		}
	}
	for _, account := range accounts {
		if account.Bootstrap {
			continue
		}
		if err := c.completeServer(account); err != nil {
			return err
		}
	}
	if err := c.completeDevice(); err != nil {
		return err
	}
	return c.completeAccess()
}

// completeServer finds or makes the account's instance of the Server Object and
// fills in what is missing.
func (c *Client) completeServer(account ServerAccount) error {
	in := c.serverInstance(account.ShortServerID)
	if in == nil {
		in = NewInstance(c.definitionInUse(objectServer), c.freeID(objectServer))
		if err := c.insert(in); err != nil {
			return fmt.Errorf("lwm2m: Server Object: %w", err)
		}
	}
	values := serverValues(account)
	in.node.Grow(len(values)) // two of which few accounts have, and two that are executable
	for _, v := range values {
		def, ok := in.Object().Resource(v.resource)
		if _, has := in.node.Get(v.resource); !ok || has || v.value.IsZero() {
			continue
		}
		if _, err := in.node.Set(v.resource, v.value); err != nil {
			return fmt.Errorf("lwm2m: %s: %w", def.Name, err)
		}
	}
	return c.equipServer(in.node)
}

// equipServer makes the executable Resources of an instance of the Server Object the client's, which does what
// they are for, after the callback of the application if there is one.
func (c *Client) equipServer(node *tree.Instance) error {
	resources := []uint16{serverDisable, serverUpdateTrigger}
	_, exists := node.Definition().Resource(serverBootstrapTrigger) // since LwM2M 1.1
	switch {
	case exists && c.hasBootstrapAccount():
		resources = append(resources, serverBootstrapTrigger)
	case exists && node.HooksOf(serverBootstrapTrigger) == clientHooks: // there was one
		_ = node.SetHooks(serverBootstrapTrigger, nil)
	}
	for _, resource := range resources {
		if node.HooksOf(resource) == nil {
			if err := node.SetHooks(resource, clientHooks); err != nil {
				return fmt.Errorf("lwm2m: Server Object: %w", err)
			}
		}
	}
	return nil
}

// definitionInUse is the definition that the application has chosen by instances of a core Object of its own, or
// that of the client's version.
func (c *Client) definitionInUse(object uint16) *model.Object {
	for in := range c.tree.Instances(object) {
		return in.Definition()
	}
	return c.definition(object)
}

// resourceValue is a value for a Resource of the instance at hand.
type resourceValue struct {
	resource uint16
	value    Value
}

func serverValues(a ServerAccount) [8]resourceValue {
	return [...]resourceValue{
		{serverSSID, model.IntegerValue(int64(a.ShortServerID))},
		{serverLifetime, seconds(max(a.Lifetime, 0))},
		{serverMinPeriod, optionalSeconds(a.DefaultMinPeriod)},
		{serverMaxPeriod, optionalSeconds(a.DefaultMaxPeriod)},
		{serverDisableTimeout, seconds(a.DisableTimeout)},
		{serverStoring, model.BooleanValue(true)},
		{serverBinding, model.StringValue(bindingUDP)},
		{serverMuteSend, model.BooleanValue(false)},
	}
}

func seconds(d time.Duration) Value { return model.IntegerValue(int64(d / time.Second)) }

// duration is the value of a Resource in seconds; zero for what is not a positive time. A server
// may write any number: the longest that all peers can count is 68 years.
func duration(v Value) time.Duration {
	return time.Duration(min(max(v.Int(), 0), math.MaxInt32)) * time.Second
}

// registeredLifetime is the value of Resource 1/x/1 for the registration, to which 0 means the same
// as Infinite to the application: no end, or before LwM2M 1.2 the default.
func registeredLifetime(v Value) time.Duration {
	if v.Kind() == model.Integer && v.Int() == 0 {
		return registration.Infinite
	}
	return duration(v)
}

func optionalSeconds(d time.Duration) Value {
	if d == 0 {
		return Value{}
	}
	return seconds(d)
}

// serverInstance finds the instance of the Server Object with a Short Server ID.
func (c *Client) serverInstance(ssid uint16) *Instance {
	for _, in := range c.instances {
		if in.Object().ID == objectServer && c.value(in.Path().Child(serverSSID)).Int() == int64(ssid) {
			return in
		}
	}
	return nil
}

func (c *Client) freeID(object uint16) uint16 {
	var id uint16
	for in := range c.tree.Instances(object) {
		if in.ID() == id {
			id++
		}
	}
	return id
}

// completeDevice gives the Device Object its mandatory Resources.
func (c *Client) completeDevice() error {
	i, ok := c.find(PathOf(objectDevice, 0))
	if !ok {
		if err := c.insert(NewInstance(c.definition(objectDevice), 0)); err != nil {
			return fmt.Errorf("lwm2m: Device Object: %w", err)
		}
		i, _ = c.find(PathOf(objectDevice, 0))
	}
	device := c.instances[i].node
	var err error
	if _, has := device.Get(deviceErrorCode); !has {
		_, err = device.SetItem(deviceErrorCode, 0, model.IntegerValue(0))
	}
	if _, has := device.Get(deviceBinding); !has && err == nil {
		_, err = device.Set(deviceBinding, model.StringValue(bindingUDP))
	}
	if err != nil {
		return fmt.Errorf("lwm2m: Device Object: %w", err)
	}
	return nil
}
