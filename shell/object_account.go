package shell

import (
	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Resources of the Security and Server Objects (Core 1.1.1 Appendix E.1 and E.2).
const (
	securityURI       = 0
	securityBootstrap = 1
	securityMode      = 2
	securityIdentity  = 3
	securityServerKey = 4
	securitySecret    = 5
	securitySSID      = 10

	serverSSID     = 0
	serverLifetime = 1
	serverBinding  = 7

	serverBootstrapTrigger = 9
)

// fillSecurity begins an account without an address. Its mode is PSK, as nobody should be without protection by accident.
func fillSecurity(in *lwm2m.Instance) (follow, error) {
	return nil, values{
		securityURI:       model.StringValue(""),
		securityBootstrap: model.BooleanValue(false),
		securityMode:      model.IntegerValue(0),
		securityIdentity:  model.OpaqueValue(nil),
		securityServerKey: model.OpaqueValue(nil),
		securitySecret:    model.OpaqueValue(nil),
	}.set(in)
}

// defaultLifetime is that of the seed of this command language, in seconds.
const defaultLifetime = 30

// fillServer begins an account with the values that embedded devices have at first.
func (d *Device) fillServer(in *lwm2m.Instance) (follow, error) {
	server := values{
		serverSSID:     model.IntegerValue(int64(in.Path().Instance()) + 1),
		serverLifetime: model.IntegerValue(defaultLifetime),
		2:              model.IntegerValue(0), // Default Minimum Period
		3:              model.IntegerValue(0), // Default Maximum Period
		5:              model.IntegerValue(86400),
		6:              model.BooleanValue(false), // Notification Storing
		serverBinding:  model.StringValue("U"),
	}
	if d.config.Client.Version.Compare(lwm2m.Version11) >= 0 {
		server[13] = model.UnsignedValue(0)    // Registration Priority Order
		server[16] = model.BooleanValue(true)  // Bootstrap on Registration Failure
		server[22] = model.StringValue("")     // Preferred Transport
		server[23] = model.BooleanValue(false) // Mute Send
	}
	return nil, server.set(in)
}

// accounts are the Short Server IDs of the servers for which there are accounts, with their URIs; 0 is the
// Bootstrap-Server.
func (d *Device) accounts() map[uint16]string {
	found := map[uint16]string{}
	for _, in := range d.Instances() {
		if in.Object().ID != objectSecurity {
			continue
		}
		ssid, _ := in.Get(securitySSID)
		uri, _ := in.Get(securityURI)
		if bootstrap, _ := in.Get(securityBootstrap); bootstrap.Bool() {
			ssid = model.IntegerValue(0)
		}
		found[uint16(ssid.Int())] = uri.Text()
	}
	return found
}

// account finds the instance of the Server Object of a server.
func (d *Device) account(ssid uint16) (*lwm2m.Instance, bool) {
	if ssid == 0 {
		return nil, false
	}
	for _, in := range d.Instances() {
		if in.Object().ID != objectServer {
			continue
		}
		if v, ok := in.Get(serverSSID); ok && v.Int() == int64(ssid) {
			return in, true
		}
	}
	return nil, false
}
