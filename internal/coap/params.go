package coap

import (
	"math/bits"
	"time"
)

// Defaults of [Params] (RFC 7252 §4.8, RFC 7959).
const (
	DefaultAckTimeout      = 2 * time.Second
	DefaultAckRandomFactor = 1.5
	DefaultMaxRetransmit   = 4
	DefaultNStart          = 1
	DefaultAckDelay        = time.Second
	DefaultNonLifetime     = 145 * time.Second
	DefaultMaxMessageSize  = 1152
	DefaultBlockSize       = 1024
	DefaultMaxBody         = 1 << 20
	DefaultMaxTransfers    = 16
	DefaultDedupEntries    = 64
	DefaultDedupBytes      = 64 << 10
	DefaultMaxPending      = 64

	// maxLatency and processingDelay are constants of RFC 7252 §4.8.2.
	maxLatency      = 100 * time.Second
	processingDelay = 2 * time.Second
)

// Params are the transmission parameters and limits of a Conn. The zero value
// of each field, and a value outside its range, stands for the default. A
// Conn never writes its Params, so that many can share one.
type Params struct {
	// AckTimeout is ACK_TIMEOUT, the least time before the first
	// retransmission. Default 2 s.
	AckTimeout time.Duration
	// AckRandomFactor is ACK_RANDOM_FACTOR, at least 1: the first timeout is
	// drawn between AckTimeout and AckTimeout × AckRandomFactor. Default 1.5.
	AckRandomFactor float64
	// MaxRetransmit is MAX_RETRANSMIT, 1 to 20; negative means that nothing is
	// retransmitted. Default 4.
	MaxRetransmit int
	// NStart is NSTART: how many confirmable requests may wait for their
	// acknowledgement at once. The others queue. Responses and notifications
	// are neither counted nor held. Default 1.
	NStart int
	// AckDelay is how long a confirmable request may stay unanswered before
	// its empty acknowledgement is sent. Keep it below the peer's ACK_TIMEOUT.
	// Default 1 s.
	AckDelay time.Duration
	// ExchangeLifetime is EXCHANGE_LIFETIME: how long the Message-ID of a
	// confirmable message is remembered, and an unfinished block-wise transfer
	// kept. Default: derived from the values above, 247 s with their defaults.
	ExchangeLifetime time.Duration
	// NonLifetime is NON_LIFETIME: how long the Message-ID of a
	// non-confirmable message is remembered, in both directions. Default 145 s.
	NonLifetime time.Duration
	// ResponseTimeout is how long a request waits for its response once it is
	// acknowledged, or sent if it is non-confirmable. Default:
	// MAX_TRANSMIT_WAIT, 93 s with the default values above.
	ResponseTimeout time.Duration

	// MaxMessageSize is the longest datagram sent, in bytes, 64 or more.
	// Blocks are made smaller to fit. Default 1152.
	MaxMessageSize int
	// BlockSize is the largest block sent and asked for, in bytes: 16 to 1024,
	// rounded down to a power of two. Default 1024.
	BlockSize int
	// MaxBody is the longest body assembled from the peer's blocks, in bytes;
	// beyond it the answer is 4.13, or the request fails with ErrTooLarge.
	// Bodies that stream into a Sink are not limited. Default 1 MiB.
	MaxBody int
	// MaxTransfers is how many inbound block-wise transfers, and apart from
	// them how many outbound bodies, are kept at once. The oldest outbound body
	// gives way; an inbound transfer beyond it is answered 5.03. Default 16.
	MaxTransfers int
	// DedupEntries is how many of the peer's Message-IDs are remembered.
	// Default 64.
	DedupEntries int
	// DedupBytes bounds the bytes of answers kept for repetition. Default
	// 64 KiB.
	DedupBytes int
	// MaxPending is how many requests may be unfinished, and apart from them
	// how many of the peer's requests unanswered. Beyond it Do fails with
	// ErrTooManyPending, and the peer is answered 5.03. Default 64.
	MaxPending int

	// Understood names critical options that the owner understands beyond
	// those of RFC 7252 and RFC 7959.
	Understood []OptionID
}

func positive[T ~int | ~int64](v, fallback T) T {
	if v > 0 {
		return v
	}
	return fallback
}

func (p *Params) ackTimeout() time.Duration { return positive(p.AckTimeout, DefaultAckTimeout) }

func (p *Params) ackRandomFactor() float64 {
	if p.AckRandomFactor >= 1 && p.AckRandomFactor <= 100 {
		return p.AckRandomFactor
	}
	return DefaultAckRandomFactor
}

func (p *Params) maxRetransmit() int {
	switch {
	case p.MaxRetransmit < 0:
		return 0
	case p.MaxRetransmit == 0 || p.MaxRetransmit > 20:
		return DefaultMaxRetransmit
	}
	return p.MaxRetransmit
}

// span returns AckTimeout × (2^n − 1) × AckRandomFactor: MAX_TRANSMIT_SPAN for
// n = MaxRetransmit, MAX_TRANSMIT_WAIT for one more (RFC 7252 §4.8.2).
func (p *Params) span(n int) time.Duration {
	return time.Duration(float64(p.ackTimeout()) * float64(int(1)<<n-1) * p.ackRandomFactor())
}

func (p *Params) exchangeLifetime() time.Duration {
	return positive(p.ExchangeLifetime, p.span(p.maxRetransmit())+2*maxLatency+processingDelay)
}

func (p *Params) responseTimeout() time.Duration {
	return positive(p.ResponseTimeout, p.span(p.maxRetransmit()+1))
}

func (p *Params) nStart() int                { return positive(p.NStart, DefaultNStart) }
func (p *Params) ackDelay() time.Duration    { return positive(p.AckDelay, DefaultAckDelay) }
func (p *Params) nonLifetime() time.Duration { return positive(p.NonLifetime, DefaultNonLifetime) }
func (p *Params) maxBody() int               { return positive(p.MaxBody, DefaultMaxBody) }
func (p *Params) maxTransfers() int          { return positive(p.MaxTransfers, DefaultMaxTransfers) }
func (p *Params) dedupEntries() int          { return positive(p.DedupEntries, DefaultDedupEntries) }
func (p *Params) dedupBytes() int            { return positive(p.DedupBytes, DefaultDedupBytes) }
func (p *Params) maxPending() int            { return positive(p.MaxPending, DefaultMaxPending) }

func (p *Params) maxMessageSize() int {
	if p.MaxMessageSize >= 64 {
		return p.MaxMessageSize
	}
	return DefaultMaxMessageSize
}

// szx returns the size exponent of BlockSize: the block size is 16 << szx.
func (p *Params) szx() uint8 {
	if p.BlockSize < 16 || p.BlockSize > 1024 {
		return maxSZX
	}
	return uint8(bits.Len(uint(p.BlockSize)) - 5)
}
