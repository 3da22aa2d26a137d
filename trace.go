package lwm2m

import (
	"context"
	"log/slog"
	"strings"

	"github.com/lwm2m-go/lwm2m/internal/coap"
)

// Directions of messages, as the log has them.
const (
	sent     = "->"
	received = "<-"
)

// trace logs a message at level Debug. Every message of a client passes here. Payloads are
// left out, as they may hold secrets.
func (s *connection) trace(direction string, datagram []byte) {
	if s.client.onMessage != nil {
		s.client.onMessage(s.ssid, direction == sent, datagram)
	}
	log := s.client.log
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	var m coap.Message
	if err := m.Parse(datagram); err != nil {
		log.Debug("message "+direction, "server", s.ssid, "bytes", len(datagram), "err", err)
		return
	}
	log.Debug("message "+direction, "server", s.ssid,
		"type", m.Type.String(), "code", m.Code.String(), "mid", m.MessageID, "token", m.Token.String(),
		"path", m.Options.Path(coap.UriPath), "query", queries(m.Options), "payload", len(m.Payload))
}

// queries are the Uri-Query options of a message.
func queries(options coap.Options) string {
	var all []string
	for q := range options.All(coap.UriQuery) {
		all = append(all, string(q))
	}
	return strings.Join(all, "&")
}
