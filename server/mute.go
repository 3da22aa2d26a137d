package server

import (
	"slices"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
)

// mute keeps a Server silent about some requests of one Client, as if they had been
// lost: what the exchange layer sends about them does not leave.
type mute struct {
	requests []muted
	message  coap.Message
}

// muteTime is EXCHANGE_LIFETIME, after which no repetition of a request comes any
// more (RFC 7252 §4.8.2).
const muteTime = 247 * time.Second

type muted struct {
	messageID uint16
	token     coap.Token
	until     time.Time
}

// silence answers a request in a way that is not heard.
func (p *peer) silence(now time.Time, req *request) {
	p.mute.forget(now)
	p.mute.requests = append(p.mute.requests, muted{req.messageID, req.token, now.Add(muteTime)})
	req.respond(now, &coap.Response{Code: coap.ServiceUnavailable})
}

func (m *mute) forget(now time.Time) {
	m.requests = slices.DeleteFunc(m.requests, func(r muted) bool { return now.After(r.until) })
}

// suppresses reports whether a datagram is about a muted request: it acknowledges
// it, or carries its token.
func (m *mute) suppresses(now time.Time, datagram []byte) bool {
	if len(m.requests) == 0 || m.message.Parse(datagram) != nil {
		return false
	}
	m.forget(now)
	return slices.ContainsFunc(m.requests, func(r muted) bool {
		isAnswer := m.message.Type == coap.Acknowledgement && m.message.MessageID == r.messageID
		return isAnswer || m.message.Code.IsResponse() && m.message.Token == r.token
	})
}
