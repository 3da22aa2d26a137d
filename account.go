package lwm2m

import (
	"errors"
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/link"
)

// ServerAccount is what a client knows of one LwM2M Server: an instance of the
// Security Object and one of the Server Object (Core 1.1.1 §6.1). That of a Bootstrap-Server
// is an instance of the Security Object alone.
type ServerAccount struct {
	// URI is the server's address: coaps://HOST[:PORT], or with [NoSec] coap://HOST[:PORT]. The port defaults
	// to 5684, without security 5683. Names are looked up anew for each connection.
	URI string
	// Security says how to speak with the server: [PSK], [X509], or [NoSec]. There is no default: a
	// connection without protection has to be asked for.
	Security Security
	// ShortServerID identifies the server among those of the client, 1 to 65534.
	// The zero value stands for the account's place in Config.Servers, from 1.
	ShortServerID uint16
	// Lifetime is how long the registration is valid without an Update, in whole
	// seconds, at least 1 s, or with Version12 also Infinite. Zero means 86400 s.
	// The server may change it by writing Resource 1/x/1.
	Lifetime time.Duration
	// DefaultMinPeriod and DefaultMaxPeriod are pmin and pmax of observations
	// that have none, in whole seconds (Resources 1/x/2 and 1/x/3). Zero leaves them out.
	DefaultMinPeriod, DefaultMaxPeriod time.Duration
	// DisableTimeout is how long the client stays away after the server executed
	// Disable, in whole seconds (Resource 1/x/5). Zero means 86400 s.
	DisableTimeout time.Duration
	// QueueMode is Config.QueueMode for this server alone.
	QueueMode bool

	// Bootstrap tells that this is the account of a Bootstrap-Server, which gives the client its other
	// accounts: if there are none, if servers do not accept the client, and when one of them or the
	// application asks for it; see [Client.Bootstrap]. There can be one. URI, Security, HoldOff and
	// AccountTimeout count.
	Bootstrap bool
	// HoldOff is how long the client waits before it turns to the Bootstrap-Server by itself, in whole seconds
	// (Client Hold Off Time, Resource 0/x/11). Failed attempts are repeated after that time too, at least 10 s,
	// then after twice that, and so on up to an hour. Default: none.
	HoldOff time.Duration
	// AccountTimeout is how long the account of the Bootstrap-Server is kept after a bootstrap, in whole
	// seconds (Resource 0/x/12). Default: for ever.
	AccountTimeout time.Duration
}

// Infinite is the Lifetime of a registration that does not expire. It exists since LwM2M
// 1.2, where Resource 1/x/1 and the registration have it as 0 (Core 1.2 §6.2.1).
const Infinite time.Duration = -1

const (
	defaultLifetime       = 86400 * time.Second
	defaultDisableTimeout = 86400 * time.Second
)

// complete returns the account with its defaults filled in. index is the account's place in the Config; loadedLater tells that LoadCredentials gives the secrets.
func (a ServerAccount) complete(index int, version Version, loadedLater bool) (ServerAccount, error) {
	fail := func(err error) (ServerAccount, error) {
		return a, fmt.Errorf("lwm2m: Config.Servers[%d]: %w", index, err)
	}
	switch {
	case a.Bootstrap && a.ShortServerID != 0:
		return fail(errors.New("a Bootstrap-Server has no ShortServerID"))
	case !a.Bootstrap && (a.HoldOff != 0 || a.AccountTimeout != 0):
		return fail(errors.New("HoldOff and AccountTimeout are for the account of a Bootstrap-Server"))
	case !a.Bootstrap && a.ShortServerID == 0:
		a.ShortServerID = uint16(index + 1)
	}
	if a.ShortServerID == maxID {
		return fail(errors.New("ShortServerID 65535 is reserved"))
	}
	if a.Lifetime == 0 {
		a.Lifetime = defaultLifetime
	}
	endless := a.Lifetime == Infinite
	if endless && version.Compare(Version12) < 0 {
		return fail(fmt.Errorf("an infinite Lifetime exists since LwM2M 1.2; Config.Version is %v", version))
	}
	if a.DisableTimeout == 0 {
		a.DisableTimeout = defaultDisableTimeout
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"Lifetime", a.Lifetime}, {"DisableTimeout", a.DisableTimeout},
		{"DefaultMinPeriod", a.DefaultMinPeriod}, {"DefaultMaxPeriod", a.DefaultMaxPeriod},
		{"HoldOff", a.HoldOff}, {"AccountTimeout", a.AccountTimeout},
	} {
		if (d.value < 0 || d.value%time.Second != 0) && !(d.name == "Lifetime" && endless) {
			return fail(fmt.Errorf("%s is %v; want a positive number of whole seconds", d.name, d.value))
		}
	}
	if a.Security = plain(a.Security); a.Security == nil {
		return fail(fmt.Errorf("no Security for %s; write lwm2m.NoSec{} if you want none", a.URI))
	}
	target, err := link.ParseURI(a.URI)
	if err != nil {
		return fail(err)
	}
	if err := checkSecurity(a.Security, target, loadedLater); err != nil {
		return fail(err)
	}
	return a, nil
}
