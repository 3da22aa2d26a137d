package lwm2m

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// account is an account of a server as the Objects 0 and 1 have it.
type account struct {
	ServerAccount
	target   link.Target
	security *tree.Instance // of the Security Object
	server   Path           // of the Server Object
}

// configured is what Config says about accounts beyond what the Objects 0 and 1 can hold: keys that never leave
// their hardware or are loaded, authorities, queue mode.
type configured struct {
	load     loadCredentials
	accounts map[*tree.Instance]ServerAccount // by instance of the Security Object
}

// configure remembers the account of an instance of the Security Object, if there is something to remember.
func (c *Client) configure(node *tree.Instance, a ServerAccount) {
	if a.Security == Security(NoSec{}) && !a.QueueMode && c.configured == nil {
		return
	}
	if c.configured == nil {
		c.configured = &configured{accounts: make(map[*tree.Instance]ServerAccount)}
	}
	c.configured.accounts[node] = a
}

// complete gives an account of an instance of the Security Object what Config says about it, and reports whether there was
// something. c may be nil.
func (c *configured) complete(a *account) bool {
	if c == nil {
		return false
	}
	known, ok := c.accounts[a.security]
	if ok {
		a.Security, a.QueueMode = known.Security, known.QueueMode
	}
	return ok
}

// loader is Config.LoadCredentials. c may be nil.
func (c *configured) loader() loadCredentials {
	if c == nil {
		return nil
	}
	return c.load
}

// accounts reads the accounts out of the Objects 0 and 1. The error joins what is wrong with those that cannot
// be used. It is called with c.mu held.
func (c *Client) accounts() (accounts []account, err error) {
	var errs []error
	for node := range c.tree.Instances(objectSecurity) {
		if value(node, securityBootstrap).Bool() {
			continue
		}
		a, err := c.readAccount(node)
		if err != nil {
			errs = append(errs, fmt.Errorf("lwm2m: account %v: %w", node.Path(), err))
			continue
		}
		accounts = append(accounts, a)
	}
	return accounts, errors.Join(errs...)
}

// hasAccounts reports whether there are instances of the Security Object among the Objects.
func (c Config) hasAccounts() bool {
	return slices.ContainsFunc(c.Objects, func(o ObjectInstance) bool {
		return o != nil && o.Base() != nil && o.Base().Object().ID == objectSecurity
	})
}

// completeAccounts completes the instances of the Server Object that belong to those of the Security Object, where
// Config.Objects has both.
func (c *Client) completeAccounts() error {
	known := map[uint16]Path{}
	for node := range c.tree.Instances(objectSecurity) {
		if value(node, securityBootstrap).Bool() {
			if _, err := c.readSecurity(node); err != nil {
				return fmt.Errorf("lwm2m: account %v: %w", node.Path(), err)
			}
			continue
		}
		a, err := c.readAccount(node)
		if err != nil {
			return fmt.Errorf("lwm2m: account %v: %w", node.Path(), err)
		}
		if other, ok := known[a.ShortServerID]; ok {
			return fmt.Errorf("lwm2m: accounts %v and %v have the same Short Server ID %d", other, node.Path(), a.ShortServerID)
		}
		known[a.ShortServerID] = node.Path()
		a.Lifetime = cmp.Or(a.Lifetime, defaultLifetime)
		if err := c.completeServer(a.ServerAccount); err != nil {
			return err
		}
	}
	return nil
}

// readAccount reads the account of an LwM2M Server.
func (c *Client) readAccount(node *tree.Instance) (a account, err error) {
	if a, err = c.readSecurity(node); err != nil {
		return a, err
	}
	ssid := value(node, securitySSID).Int()
	in := c.serverInstance(uint16(ssid))
	if ssid < 1 || ssid >= maxID || in == nil {
		return a, fmt.Errorf("no instance of the Server Object has its Short Server ID %d", ssid)
	}
	a.ShortServerID, a.server = uint16(ssid), in.Path()
	a.readServer(in.node)
	return a, nil
}

// readSecurity reads what an instance of the Security Object says of any server.
func (c *Client) readSecurity(node *tree.Instance) (a account, err error) {
	a.security = node
	a.URI = value(node, securityURI).Text()
	if a.target, err = link.ParseURI(a.URI); err != nil {
		return a, err
	}
	if !c.configured.complete(&a) {
		if a.Security, err = securityOf(node); err != nil {
			return a, err
		}
	}
	if !value(node, securityOSCORE).IsZero() {
		return a, errors.New("OSCORE is not supported")
	}
	a.Bootstrap = value(node, securityBootstrap).Bool()
	a.HoldOff, a.AccountTimeout = duration(value(node, securityHoldOff)), duration(value(node, securityTimeout))
	return a, checkSecurity(a.Security, a.target, c.configured.loader() != nil)
}

// readServer fills in what the Server Object says.
func (a *account) readServer(server *tree.Instance) {
	if lifetime := value(server, serverLifetime); !lifetime.IsZero() {
		a.Lifetime = cmp.Or(duration(lifetime), Infinite)
	}
	a.DefaultMinPeriod = duration(value(server, serverMinPeriod))
	a.DefaultMaxPeriod = duration(value(server, serverMaxPeriod))
	a.DisableTimeout = cmp.Or(duration(value(server, serverDisableTimeout)), defaultDisableTimeout)
}

// value is that of a single-instance Resource; the zero Value if it has none.
func value(node *tree.Instance, resource uint16) Value {
	content, _ := node.Get(resource)
	return content.Value()
}

// securityOf is the Security that an instance of the Security Object describes.
func securityOf(node *tree.Instance) (Security, error) {
	switch mode := value(node, securityMode).Int(); mode {
	case modeNoSec:
		return NoSec{}, nil
	case modePSK:
		return PSK{
			Identity: value(node, securityIdentity).Bytes(), Key: value(node, securitySecret).Bytes(),
			CipherSuites: cipherSuites(node),
		}, nil
	case modeCertificate:
		return certificateOf(node)
	case modeRawPublicKey:
		return nil, credentials.ErrRawPublicKey
	default:
		return nil, fmt.Errorf("security mode %d is not supported; 0, 2 and 3 are", mode)
	}
}

// certificateOf is the X509 that an instance of the Security Object describes.
func certificateOf(node *tree.Instance) (x X509, err error) {
	x.Certificate, _, err = credentials.Pair(value(node, securityIdentity).Bytes(), value(node, securitySecret).Bytes())
	if err != nil {
		return x, err
	}
	x.Pinned = value(node, securityServerKey).Bytes()
	x.ServerName = value(node, securitySNI).Text()
	x.CipherSuites = cipherSuites(node)
	if matching := value(node, securityMatchingType).Uint(); matching < uint64(len(matchingTypes)) {
		x.Matching = matchingTypes[matching]
	} else {
		return x, fmt.Errorf("matching type %d does not exist; 0 to 3 do", matching)
	}
	if usage := value(node, securityCertificateUsage); !usage.IsZero() {
		if x.Usage, err = usageOf(usage.Uint()); err != nil {
			return x, err
		}
	}
	return x, nil
}

// usageOf is the CertificateUsage with a number in Resource 0/x/15.
func usageOf(number uint64) (model.CertificateUsage, error) {
	for usage := model.DomainIssuedCertificate; usage <= model.TrustAnchorAssertion; usage++ {
		if uint64(usage.Number()) == number {
			return usage, nil
		}
	}
	return 0, fmt.Errorf("certificate usage %d does not exist; 0 to 3 do", number)
}

// cipherSuites are those of Resource 0/x/16, the best first.
func cipherSuites(node *tree.Instance) (suites []uint16) {
	content, _ := node.Get(securityCipherSuites)
	for _, item := range content.Items() {
		if n := item.Value.Uint(); n <= math.MaxUint16 {
			suites = append(suites, uint16(n))
		}
	}
	return suites
}

// reconcile makes the sessions those of the accounts that there are: those of accounts that have gone or are
// others now are let go of, without a De-register; new ones wait to be started. The error tells of
// accounts that cannot be used. The loop calls it.
func (c *Client) reconcile(now time.Time) (fresh []*session, err error) {
	c.mu.Lock()
	accounts, err := c.accounts()
	if c.configured != nil { // what has been replaced does not come back
		maps.DeleteFunc(c.configured.accounts, func(node *tree.Instance, _ ServerAccount) bool { return !c.tree.Holds(node) })
	}
	c.mu.Unlock()
	former := c.sessions
	c.sessions = nil
	for _, a := range accounts {
		i := slices.IndexFunc(former, func(s *session) bool { return s.isOf(a) })
		if i >= 0 {
			c.sessions = append(c.sessions, former[i])
			former = slices.Delete(former, i, i+1)
			continue
		}
		s := newSession(c, a)
		s.configure()
		s.restore(now)
		c.sessions = append(c.sessions, s)
		fresh = append(fresh, s)
	}
	for _, s := range former {
		s.dropObservations(now)
		s.abandon(now)
		c.forgetServer(s.ssid)
	}
	c.reconcileBootstrap(now)
	return fresh, err
}

// forgetServer drops the attributes of a server that has no account any more. The loop calls it.
func (c *Client) forgetServer(ssid uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.observed != nil && c.session(ssid) == nil {
		c.observed.RemoveServer(ssid)
		c.noteAttributes()
	}
}

// isOf reports whether the session is that of an account.
func (s *session) isOf(a account) bool { return s.account == a.security && s.server == a.server }
