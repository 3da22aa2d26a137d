package server

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/model"
)

// Limits of a Server where its Config has none.
const (
	DefaultMaxRegistrations = 100_000
	DefaultMaxWaiting       = 4096
)

// Config says how a Server behaves. The zero Config is ready to use: it accepts
// LwM2M 1.0, 1.1 and 1.2 and knows the Objects of [model.Embedded].
type Config struct {
	// Logger gets what an operator may want to know: refused registrations at level
	// Info, broken datagrams at Debug, mistakes of callbacks at Error. Default:
	// nothing is logged.
	Logger *slog.Logger
	// OnEvent is called for each Event, one after another, off the goroutine that
	// runs the protocol: it may take its time and call any method of the Server. A
	// panic in it is caught and logged. Default: none. See [Server.Events] for
	// tests.
	OnEvent func(Event)
	// Definitions are the Objects by which payloads are decoded. Default:
	// [model.Embedded]. Resources that are not defined in it are decoded as far as
	// the format itself tells their type.
	Definitions *model.Registry
	// Credentials are what [Server.ListenSecure] needs. Default: none, the Server speaks without security only.
	Credentials *Credentials
	// Bootstrap makes the Server a Bootstrap-Server too. Default: it is none, Bootstrap-Requests are answered 4.04.
	Bootstrap *Bootstrap
	// Versions are the versions of the enabler that are accepted; a Register with
	// another is answered 4.12. Default: 1.0, 1.1 and 1.2.
	Versions []model.Version
	// MinLifetime and MaxLifetime bound the lifetime of Registrations; beyond them a
	// Register or Update is answered 4.00. MaxLifetime also refuses the endless
	// lifetime of LwM2M 1.2. Default: no bounds.
	MinLifetime, MaxLifetime time.Duration
	// MaxRegistrations bounds the Clients that are registered at the same time;
	// beyond it a Register is answered 5.03. Default: DefaultMaxRegistrations.
	MaxRegistrations int
	// MaxWaiting bounds what waits to be taken from one [Events] or [Observation];
	// beyond it the oldest are lost, which is told. Default: DefaultMaxWaiting.
	MaxWaiting int
	// CoAP are the transmission parameters and message limits.
	CoAP CoAP
	// Intercept, if set, is asked before each request of a Client is served, to
	// answer it otherwise or not at all: to play a server in trouble. Its context
	// ends when the Server stops. It is called off the goroutine that runs the
	// protocol, one call at a time for each address; while it takes its time, the
	// Client gets an empty acknowledgement. A panic in it is caught, logged, and
	// answered 5.00.
	Intercept func(context.Context, Intercepted) Verdict
	// Trace, if set, is called with each message that is sent or received. It is
	// called on the goroutine that runs the protocol: it must be quick and must not
	// call methods of the Server that wait.
	Trace func(TraceEvent)
	// Rand is the source of Registration IDs, tokens and the random part of
	// timeouts. Default: a ChaCha8 generator with a random seed. Another one makes a
	// test repeatable, and Registrations guessable. It is used by one goroutine at a
	// time.
	Rand interface{ Uint64() uint64 }
}

// CoAP holds the transmission parameters of RFC 7252 §4.8 and the limits of
// messages. The zero value of each field stands for its default.
type CoAP struct {
	// AckTimeout is ACK_TIMEOUT, the least time before the first retransmission.
	// Default: 2 s.
	AckTimeout time.Duration
	// MaxRetransmit is MAX_RETRANSMIT, 1 to 20; negative for none. Default: 4.
	MaxRetransmit int
	// NStart is NSTART, the number of requests that one device has to deal with at
	// the same time; further ones wait. Default: 1.
	NStart int
	// AckDelay is how long a request of a Client may stay unanswered before it is
	// acknowledged separately (RFC 7252 §5.2.2). Default: 1 s.
	AckDelay time.Duration
	// ResponseTimeout is how long to wait for the answer to a request that the
	// device has acknowledged. Default: MAX_TRANSMIT_WAIT, 93 s with the defaults
	// above.
	ResponseTimeout time.Duration
	// BlockSize is the largest block sent and asked for (RFC 7959), in bytes: 16 to
	// 1024, a power of two. Default: 1024.
	BlockSize int
	// MaxBody is the longest body that is assembled from blocks, in bytes. Default:
	// 1 MiB.
	MaxBody int
	// MaxPending bounds the operations that wait for one device; beyond it an
	// operation fails at once. Default: 64.
	MaxPending int
}

func (c *CoAP) params() *coap.Params {
	return &coap.Params{
		AckTimeout:      c.AckTimeout,
		MaxRetransmit:   c.MaxRetransmit,
		NStart:          c.NStart,
		AckDelay:        c.AckDelay,
		ResponseTimeout: c.ResponseTimeout,
		BlockSize:       c.BlockSize,
		MaxBody:         c.MaxBody,
		MaxPending:      c.MaxPending,
	}
}

// defaults returns c with its defaults filled in.
func (c Config) defaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Definitions == nil {
		c.Definitions = model.Embedded()
	}
	if len(c.Versions) == 0 {
		c.Versions = []model.Version{model.Version10, model.Version11, model.Version12}
	}
	c.Versions = slices.Clone(c.Versions)
	if c.Credentials != nil {
		own := *c.Credentials
		c.Credentials = &own
	}
	if c.Bootstrap != nil {
		own := *c.Bootstrap
		c.Bootstrap = &own
	}
	if c.MaxRegistrations <= 0 {
		c.MaxRegistrations = DefaultMaxRegistrations
	}
	if c.MaxWaiting <= 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	if c.Rand == nil {
		var seed [32]byte
		_, _ = crand.Read(seed[:]) // never fails
		c.Rand = rand.NewChaCha8(seed)
	}
	return c
}

// ErrConfig is wrapped by every error of [New].
var ErrConfig = errors.New("server: invalid configuration")

func (c *Config) validate() error {
	for _, v := range c.Versions {
		if v.Major != 1 || v.Minor > 2 {
			return fmt.Errorf("%w: Versions has %s; there are 1.0, 1.1 and 1.2", ErrConfig, v)
		}
	}
	if c.Credentials != nil {
		if err := c.Credentials.validate(); err != nil {
			return err
		}
	}
	if c.Bootstrap != nil {
		if err := c.Bootstrap.validate(); err != nil {
			return err
		}
	}
	if c.MinLifetime < 0 || c.MaxLifetime < 0 {
		return fmt.Errorf("%w: MinLifetime and MaxLifetime must not be negative", ErrConfig)
	}
	if c.MaxLifetime > 0 && c.MaxLifetime < c.MinLifetime {
		return fmt.Errorf("%w: MaxLifetime %v is less than MinLifetime %v", ErrConfig, c.MaxLifetime, c.MinLifetime)
	}
	if b := c.CoAP.BlockSize; b != 0 && (b < 16 || b > 1024 || b&(b-1) != 0) {
		return fmt.Errorf("%w: BlockSize %d is none of 16, 32, 64, 128, 256, 512 and 1024", ErrConfig, b)
	}
	return nil
}
