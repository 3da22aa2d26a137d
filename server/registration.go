package server

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// Registration is what a Client told about itself when it registered and last
// updated (Core 1.1.1 §6.2). It is a copy: what happens later does not change it.
type Registration struct {
	ID        string        // last segment of the location, rd/ID
	Endpoint  string        // Endpoint Client Name, parameter ep
	Identity  Identity      // who has registered; zero without security
	Address   string        // where the last Register or Update came from, such as "192.0.2.7:5683"
	Version   model.Version // of the enabler, parameter lwm2m
	Lifetime  time.Duration // parameter lt; 0 means that the Registration does not expire (LwM2M 1.2)
	Binding   string        // parameter b, without the Q of LwM2M 1.0
	QueueMode bool          // parameter Q, or a Q in the binding of LwM2M 1.0
	SMS       string        // parameter sms, a telephone number; empty if not given

	// Inventory holds the Objects with their versions and Instances, the formats and
	// the alternate root from the links. Where the Client gave no version of an
	// Object, it is the one that belongs to the version of the enabler (Core 1.1.1
	// §7.2.2).
	Inventory model.Inventory
	// Extra holds the parameters that the standard does not know, such as
	// "name=value" or "name", in the order in which they were given.
	Extra []string

	// Query and Links are the parameters and the payload of the last Register, just
	// as they were received. Links also follows an Update that carries links.
	Query []string
	Links string

	Registered time.Time // when the Client registered
	Updated    time.Time // when the last Register or Update arrived
	Expires    time.Time // when the lifetime ends; the zero time if it never does
	Updates    int       // number of Updates since Registered
}

// Has reports whether an Object, or an Object Instance, is registered. Of longer
// paths it looks at the Object Instance; the root is always there.
func (r *Registration) Has(path model.Path) bool { return r.Inventory.Contains(path) }

// Location is the path that Update and De-register go to, such as "/rd/5a3fq7".
func (r *Registration) Location() string { return "/" + registrationPath + "/" + r.ID }

// clone returns a copy that shares nothing with r.
func (r *Registration) clone() Registration {
	c := *r
	c.Inventory = *r.Inventory.Clone()
	c.Extra, c.Query = slices.Clone(r.Extra), slices.Clone(r.Query)
	return c
}
