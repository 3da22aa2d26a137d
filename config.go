package lwm2m

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/model"
)

// Network opens connections to servers. The operating system's UDP is the
// default; lwm2mtest.Network is one in memory.
type Network = link.Network

// Config describes a client. Endpoint, Servers and their Security are required.
// NewClient copies it; the zero value of every other field is its default.
type Config struct {
	// Endpoint is the Endpoint Client Name, unique among the clients of a server, at most 252 bytes.
	// URNs such as urn:uuid:… or urn:dev:os:… are customary (Core 1.1.1 §6.2.1).
	Endpoint string
	// Servers are the accounts of the LwM2M Servers to register with and of the Bootstrap-Server, if there is
	// one: at least one account, unless Objects or FactoryData have some.
	Servers []ServerAccount
	// FactoryData is a Bootstrap-Pack that the client begins with, as from a Bootstrap-Server: accounts, instances of the
	// Objects 0 and 1, and values of other Objects, in SenML JSON, SenML CBOR or LwM2M CBOR (Core 1.1.1
	// §6.1.2.1). Servers may then have the account of a Bootstrap-Server only. Default: none.
	FactoryData []byte
	// Objects are the Object Instances that servers see. The instances of the Security Object
	// come from Servers, or are here instead: then those of the Server Object are here too. With Servers,
	// add an instance of the Server Object with the account's Short Server ID to have more in it. A Device Object
	// with the mandatory Resources is made if there is none.
	//
	// Instances of the Access Control Object (2) say what each of several servers may do; see oma.AccessControl. Without
	// any, all servers may do everything. With one of them the rules of Core 1.1.1 §8 are in force: what no instance is
	// for is closed to servers, also when the last instance has gone. Those for the Server Object are made by the client where they are missing: each server
	// owns its account. With one server alone, rights do not matter.
	Objects []ObjectInstance
	// Factories let servers create instances of Objects.
	Factories []Factory
	// Version is the version of LwM2M to speak: Version10, Version11 or Version12. Default: Version11,
	// as not all servers know 1.2; those that do not refuse the registration with 4.12.
	Version Version
	// MinVersion is the lowest version to fall back to, one after another, with a server that refuses a
	// higher one with 4.12. Default: Version, so that there is no other.
	MinVersion Version

	// BootstrapPack has the client ask its Bootstrap-Server for a Bootstrap-Pack, all in one answer, and only if there is
	// none for the usual bootstrap (Core 1.2 §6.1.7.8). It needs Version12.
	BootstrapPack bool

	// OnEvent is told what happens, one event at a time and in order, on a goroutine of its
	// own. It may call any method of the client but must not wait for a later event.
	OnEvent func(Event)
	// OnMessage is told of each CoAP message, as it is without DTLS: with whom it is exchanged, by the Short Server ID, 0
	// for a Bootstrap-Server; whether it is sent or received; and the bytes, which are valid during the call. They may
	// hold keys. It is called where the client speaks with servers, and so must be quick and must not call methods of
	// the client that wait. Default: none.
	OnMessage func(server uint16, sent bool, datagram []byte)
	// Logger gets what happens; each message of the protocol at level Debug. Secrets are left out.
	// Default: no log.
	Logger *slog.Logger

	// LoadCredentials is called before each connection to a server, off the goroutine that speaks with servers. It
	// may give the security to use from then on, of a kind that goes with the account's URI, for instance with a key
	// out of a vault; nil stands for that of the account. Accounts may then lack secrets. An error is a failure
	// to connect. ctx ends when connecting may take no longer. Default: none.
	LoadCredentials func(ctx context.Context, account ServerAccount) (Security, error)
	// Network opens the connections, over which DTLS runs if there is security. Default: UDP of the operating system.
	Network Network
	// Control is called for each new socket of the default Network before it is bound, as in net.Dialer.
	Control func(network, address string, c syscall.RawConn) error
	// Transmission are CoAP's parameters and limits.
	Transmission Transmission
	// UpdateMargin is how long before the end of its lifetime a registration is
	// renewed; lifetimes shorter than twice the margin are renewed at half of
	// their time. Default: 93 s, the time in which CoAP gives up a request.
	UpdateMargin time.Duration
	// UpdatePeriod is the longest time between two Updates of a registration, however long its lifetime
	// is, for instance to keep the address translation of a network alive. Default: no limit.
	UpdatePeriod time.Duration
	// MinLifetime is the shortest lifetime of a registration, in whole seconds. A server that sets
	// Resource 1/x/1 to less finds MinLifetime there. Default: no limit.
	MinLifetime time.Duration
	// MinUpdateInterval is the shortest time between two Updates of a registration; what changes
	// meanwhile goes with the next. It is shorter for lifetimes below 20 s. Default: 15 s.
	MinUpdateInterval time.Duration
	// QueueMode tells the servers that the client listens only for a while after a message in either
	// direction, AwakeTime, and then sleeps without a connection (Core 1.1.1 §6.5). It wakes to renew the registration
	// and when there is something to send, and begins with an Update: that is when servers send what they
	// have kept for it. Accounts may have it on their own, see ServerAccount.
	QueueMode bool
	// AwakeTime is how long a client in queue mode listens after the last message. Default: 93 s, the
	// time in which a server's request may be repeated (MAX_TRANSMIT_WAIT, RFC 7252 §4.8.2).
	AwakeTime time.Duration
	// MaxObservations bounds the observations of all servers together; a server that asks for one more
	// is answered 5.03. Default: 1000.
	MaxObservations int
	// MaxBacklog bounds how many notifications of an observation are stored while its server is out of
	// reach, if the server wants that (Resource 1/x/6); then the oldest give way. Default: 100.
	MaxBacklog int
	// OneWayThresholds has gt notify only when a value rises above it, and lt only when one falls below.
	// Default: both notify when a value crosses them, in either direction (Core 1.1.1 §5.1.2).
	OneWayThresholds bool
	// Store keeps the client's state over restarts: what servers have made of its accounts (Objects 0, 1, 2
	// and 21), which then stand for Servers, attributes, and histories. What a server is told to be changed, is saved. One that
	// cannot be read is an error of NewClient; changes that cannot be saved are logged, answered 5.00, and saved
	// again a minute later. See docs/state.md. Default: nothing is kept.
	Store Store
	// StayRegistered has the client end without De-register: it leaves its registrations, connections and
	// observations in the Store, and the client of the next process goes on with them by an Update, as after a pause. They
	// are used once: after a crash the client registers anew. It needs a Store. Default: the client de-registers.
	StayRegistered bool
	// ReadHistory has the answers to Read, Read-Composite and Observe in SenML carry all samples that Resources
	// keep; see [Resource.KeepHistory]. They stay. Default: the current value alone, as some servers
	// refuse an answer with several points in time.
	ReadHistory bool
}

const (
	maxEndpoint            = 255 - len("ep=") // what a Uri-Query option can hold
	defaultMaxObservations = 1000
)

// withDefaults returns the Config with its defaults filled in, or says what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Endpoint == "":
		return c, errors.New("lwm2m: Config.Endpoint is empty; servers know a client by it")
	case c.StayRegistered && c.Store == nil:
		return c, errors.New("lwm2m: Config.StayRegistered needs a Config.Store to keep the registrations in")
	case len(c.Endpoint) > maxEndpoint:
		return c, fmt.Errorf("lwm2m: Config.Endpoint has %d bytes; at most %d are possible", len(c.Endpoint), maxEndpoint)
	case !utf8.ValidString(c.Endpoint) || strings.ContainsRune(c.Endpoint, 0):
		return c, fmt.Errorf("lwm2m: Config.Endpoint %q is not valid UTF-8 text", c.Endpoint)
	case len(c.Servers) == 0 && !c.hasAccounts() && len(c.FactoryData) == 0:
		return c, errors.New("lwm2m: Config.Servers is empty; name at least one server")
	case len(c.FactoryData) > 0 && (c.hasAccounts() || slices.ContainsFunc(c.Servers, func(a ServerAccount) bool { return !a.Bootstrap })):
		return c, errors.New("lwm2m: accounts of LwM2M Servers are either in Config.FactoryData or in Servers or Objects")
	case len(c.Servers) > 0 && c.hasAccounts():
		return c, errors.New("lwm2m: accounts are either in Config.Servers or, as instances of the Security Object, in Config.Objects")
	case c.UpdateMargin < 0 || c.MinUpdateInterval < 0 || c.MaxObservations < 0 || c.MaxBacklog < 0:
		return c, errors.New("lwm2m: Config.UpdateMargin, MinUpdateInterval, MaxObservations and MaxBacklog cannot be negative")
	case c.AwakeTime < 0:
		return c, errors.New("lwm2m: Config.AwakeTime cannot be negative")
	case c.UpdatePeriod < 0 || c.MinLifetime < 0 || c.MinLifetime%time.Second != 0:
		return c, errors.New("lwm2m: Config.UpdatePeriod and MinLifetime cannot be negative, and MinLifetime has whole seconds")
	}
	if c.Version.IsZero() {
		c.Version = Version11
	}
	if c.Version != Version10 && c.Version != Version11 && c.Version != Version12 {
		return c, fmt.Errorf("lwm2m: Config.Version %v is not supported; use Version10, Version11 or Version12", c.Version)
	}
	if c.BootstrapPack && c.Version != Version12 {
		return c, fmt.Errorf("lwm2m: Config.BootstrapPack needs Version12; Config.Version is %v", c.Version)
	}
	if c.MinVersion.Compare(c.Version) > 0 {
		return c, fmt.Errorf("lwm2m: Config.MinVersion %v is above Version %v", c.MinVersion, c.Version)
	}
	if c.Network == nil {
		c.Network = &link.UDP{Control: c.Control, KeepPort: true}
	} else if c.Control != nil {
		return c, errors.New("lwm2m: Config.Control has no effect together with Config.Network")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxObservations == 0 {
		c.MaxObservations = defaultMaxObservations
	}
	return c, nil
}

// settings is what a client keeps of its Config. There may be a hundred thousand
// of them.
type settings struct {
	endpoint        string
	version         Version
	network         Network
	transmission    *coap.Params
	onMessage       func(server uint16, sent bool, datagram []byte)
	pace            *pace // nil where all is the default
	maxObservations int
	maxReport       int
	maxBacklog      int
	readHistory     bool
	bootstrapPack   bool
	oneWay          bool // of thresholds
}

func (c Config) settings() settings {
	return settings{
		endpoint: c.Endpoint, version: c.Version, network: c.Network, transmission: c.Transmission.params(), onMessage: c.OnMessage,
		pace: c.pace(), maxObservations: c.MaxObservations,
		maxReport: c.Transmission.maxReport(), readHistory: c.ReadHistory, maxBacklog: c.MaxBacklog, oneWay: c.OneWayThresholds,
		bootstrapPack: c.BootstrapPack,
	}
}

// pace is what a client keeps of its Config about registrations.
type pace struct {
	minVersion                   Version
	updateMargin, updateInterval time.Duration
	updatePeriod, minLifetime    time.Duration
	awakeTime                    time.Duration
	queueMode                    bool
}

func (c Config) pace() *pace {
	p := pace{c.MinVersion, c.UpdateMargin, c.MinUpdateInterval, c.UpdatePeriod, c.MinLifetime, c.AwakeTime, c.QueueMode}
	if p == (pace{}) {
		return nil
	}
	return &p
}

// definition finds the definition of a core Object in the version that goes with the enabler.
func (s *settings) definition(object uint16) *model.Object {
	def, _ := model.Core(s.version).Latest(object)
	return def
}
