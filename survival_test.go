package lwm2m_test

import (
	"net/netip"

	"github.com/lwm2m-go/lwm2m/internal/coap"
)

// rawBlock is a message of a transfer that a server carries out by hand, so as to pause where it likes.
func rawBlock(code coap.Code, p string, number int, more bool, id uint16) coap.Message {
	m := coap.Message{Type: coap.Confirmable, Code: code, MessageID: id, Token: coap.MakeToken([]byte{9, byte(id)})}
	m.Options.AddPath(coap.UriPath, p)
	value := uint32(number)<<4 | 2 // blocks of 64 bytes
	if code == coap.GET {
		m.Options.AddUint(coap.Block2, value)
		return m
	}
	if more {
		value |= 8
	}
	m.Options.AddUint(coap.ContentFormat, 42)
	m.Options.AddUint(coap.Block1, value)
	m.Payload = []byte(body(64, uint64(number)))
	return m
}

// inject has the client receive a message as if the server had sent it.
func (f *fixture) inject(m coap.Message) {
	f.Helper()
	r, err := f.peer.Registration()
	must(f, err)
	datagram, err := m.Append(nil)
	must(f, err)
	from := netip.MustParseAddrPort(f.server.Addr().String())
	if !f.server.Network.Inject(from, netip.MustParseAddrPort(r.Address), datagram) {
		f.Fatal("nobody took the message")
	}
}
