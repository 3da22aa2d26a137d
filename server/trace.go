package server

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
)

// Direction tells received messages from sent ones.
type Direction uint8

// The directions, as the Server sees them.
const (
	Incoming Direction = iota // from a Client
	Outgoing                  // to a Client
)

// String is "<-" for Incoming and "->" for Outgoing.
func (d Direction) String() string {
	if d == Incoming {
		return "<-"
	}
	return "->"
}

// TraceEvent is a message on its way, repetitions included.
type TraceEvent struct {
	Time      time.Time
	Address   string // of the Client
	Endpoint  string // of a Client that is registered or bootstrapped from there; else empty
	Direction Direction
	Size      int // of the datagram, in bytes
	Message   Message
	Err       error // why a datagram is no CoAP message; then Message is zero
}

// String is the event in one line, without the time.
func (e TraceEvent) String() string {
	who := e.Endpoint
	if who == "" {
		who = e.Address
	}
	if e.Err != nil {
		return fmt.Sprintf("%s %s %v", e.Direction, who, e.Err)
	}
	return fmt.Sprintf("%s %s %s", e.Direction, who, e.Message)
}

// Message is a CoAP message (RFC 7252 §3).
type Message struct {
	Type      string // CON, NON, ACK or RST
	Code      string // such as "GET", "2.05" or "Empty"
	MessageID uint16
	Token     string // in hexadecimal
	Path      string // Uri-Path of a request, Location-Path of a response; empty without
	Query     string // "ep=a&lt=60"; empty without
	Observe   int    // value of the Observe option, -1 without
	Format    ContentFormat
	Accept    ContentFormat
	Options   []Option // all of them
	Payload   []byte   // of bootstrap it may hold keys, which String does not print

	secret bool
}

// String is the message in one line, such as "CON [0x7d34] POST
// /rd?ep=thermo-1&lt=60 40: </1/0>,</3/0>".
func (m Message) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s [0x%04x] %s", m.Type, m.MessageID, m.Code)
	if m.Path != "" {
		b.WriteString(" " + m.Path)
	}
	if m.Query != "" {
		b.WriteString("?" + m.Query)
	}
	if m.Observe >= 0 {
		fmt.Fprintf(&b, " observe=%d", m.Observe)
	}
	if m.Accept != NoContentFormat {
		b.WriteString(" accept=" + m.Accept.String())
	}
	if len(m.Payload) == 0 {
		return b.String()
	}
	if m.Format != NoContentFormat {
		b.WriteString(" " + m.Format.String())
	}
	if m.secret {
		fmt.Fprintf(&b, ": %d bytes", len(m.Payload))
	} else if m.isText() {
		fmt.Fprintf(&b, ": %.200s", m.Payload)
	} else {
		fmt.Fprintf(&b, ": %.64x", m.Payload)
	}
	return b.String()
}

// isText reports whether the payload is for people to read.
func (m Message) isText() bool {
	switch m.Format {
	case NoContentFormat, Text, LinkFormat, SenMLJSON, JSON:
		return !slices.ContainsFunc(m.Payload, func(c byte) bool { return c < ' ' && c != '\n' || c == 0x7f })
	}
	return false
}

// trace tells Config.Trace about a datagram. It is the one place where all messages
// pass.
func (s *Server) trace(now time.Time, p *peer, direction Direction, datagram []byte) {
	if s.config.Trace == nil {
		return
	}
	e := TraceEvent{Time: now, Address: p.remote, Direction: direction, Size: len(datagram)}
	if r := p.registration(); r != nil {
		e.Endpoint = r.Endpoint
	} else if p.bootstrap != nil {
		e.Endpoint = p.bootstrap.client.Endpoint
	}
	var m coap.Message
	if e.Err = m.Parse(datagram); e.Err == nil {
		e.Message = messageOf(&m)
		// All that the Server itself tells in a 2.05 is a Bootstrap-Pack.
		e.Message.secret = isSecret(e.Message.Path) || direction == Outgoing && m.Code == coap.Content
	}
	s.guard("Trace", func() { s.config.Trace(e) })
}

// isSecret reports whether a path is in one of the Objects that hold keys: Security, OSCORE and COSE.
func isSecret(path string) bool {
	object, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return object == "0" || object == "21" || object == "23"
}

func messageOf(m *coap.Message) Message {
	out := Message{
		Type: m.Type.String(), Code: m.Code.String(), MessageID: m.MessageID, Token: m.Token.String(),
		Observe: -1,
		Format:  formatOption(m.Options, coap.ContentFormat),
		Accept:  formatOption(m.Options, coap.Accept),
		Payload: slices.Clone(m.Payload),
	}
	if v, ok := m.Options.Uint(coap.Observe); ok {
		out.Observe = int(v)
	}
	var queries []string
	for q := range m.Options.All(coap.UriQuery) {
		queries = append(queries, string(q))
	}
	out.Query = strings.Join(queries, "&")
	if m.Code.IsRequest() {
		out.Path = m.Options.Path(coap.UriPath)
	} else if m.Options.Has(coap.LocationPath) {
		out.Path = m.Options.Path(coap.LocationPath)
	}
	for _, o := range m.Options {
		out.Options = append(out.Options, Option{Number: uint16(o.ID), Value: slices.Clone(o.Value)})
	}
	return out
}
