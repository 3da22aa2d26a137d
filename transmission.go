package lwm2m

import (
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
)

// Transmission holds CoAP's transmission parameters (RFC 7252 §4.8) and the
// limits of messages and transfers. The zero value of each field stands for its default.
type Transmission struct {
	// AckTimeout is ACK_TIMEOUT, the least time before the first retransmission. Default: 2 s.
	AckTimeout time.Duration
	// AckRandomFactor is ACK_RANDOM_FACTOR, at least 1: the first timeout is drawn
	// between AckTimeout and AckTimeout × AckRandomFactor. The waits between attempts to register are
	// spread half as much, by 5 minutes at most. Default: 1.5.
	AckRandomFactor float64
	// MaxRetransmit is MAX_RETRANSMIT, 1 to 20; negative for none. Default: 4. With
	// the defaults a request is given up after 62 to 93 s.
	MaxRetransmit int
	// NStart is NSTART, how many requests may wait for their acknowledgement at the same time; further ones
	// queue. Default: 1.
	NStart int
	// AckDelay is how long a callback may take before the server is told that
	// its request has arrived. It should be below the server's ACK_TIMEOUT. Default: 1 s.
	AckDelay time.Duration
	// ResponseTimeout is how long to wait for the answer to a request that the server has
	// acknowledged. Default: MAX_TRANSMIT_WAIT, 93 s with the defaults above.
	ResponseTimeout time.Duration

	// MaxMessageSize is the longest datagram sent, in bytes, at least 64. Default: 1152.
	MaxMessageSize int
	// BlockSize is the largest block sent and asked for (RFC 7959), in bytes: 16
	// to 1024, a power of two. Default: 1024.
	BlockSize int
	// MaxBody is the longest body that is assembled from a server's blocks, in bytes; beyond it the answer
	// is 4.13. Default: 1 MiB.
	MaxBody int
	// MaxReport is the longest payload, in bytes, of a Send and of a notification with a history: more goes into
	// several messages. A single value may be longer. Default: 8192, as common servers take no more.
	MaxReport int
	// MaxTransfers bounds the block-wise transfers with one server at the same time, each way. Beyond it a server is
	// answered 5.03. Default: 16.
	MaxTransfers int
	// DedupEntries is how many of a server's requests are remembered, so that a repeated one
	// is answered again but not performed again. Default: 64.
	DedupEntries int
	// DedupBytes bounds the bytes of the answers that are remembered. Default: 64 KiB.
	DedupBytes int
	// MaxPending bounds the unfinished requests in each direction; beyond it a server
	// is answered 5.03. Default: 64.
	MaxPending int
}

const defaultMaxReport = 8192

func (t Transmission) maxReport() int {
	if t.MaxReport > 0 {
		return t.MaxReport
	}
	return defaultMaxReport
}

// defaultParams is shared by the clients that have no Transmission of their own.
var defaultParams = new(coap.Params)

func (t Transmission) params() *coap.Params {
	t.MaxReport = 0 // not CoAP's
	if t == (Transmission{}) {
		return defaultParams
	}
	return &coap.Params{
		AckTimeout: t.AckTimeout, AckRandomFactor: t.AckRandomFactor, MaxRetransmit: t.MaxRetransmit,
		NStart: t.NStart, AckDelay: t.AckDelay, ResponseTimeout: t.ResponseTimeout,
		MaxMessageSize: t.MaxMessageSize, BlockSize: t.BlockSize, MaxBody: t.MaxBody,
		MaxTransfers: t.MaxTransfers, DedupEntries: t.DedupEntries, DedupBytes: t.DedupBytes,
		MaxPending: t.MaxPending,
	}
}
