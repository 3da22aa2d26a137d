package leshan

import (
	"context"
	"encoding/hex"
	"net"
	"testing"
	"time"
)

// peer is a client of a few hand-made datagrams.
type peer struct {
	t    *testing.T
	conn net.Conn
	ep   string
	path []byte // Uri-Path options of the registration
}

// Types and codes in the first two bytes of a message (RFC 7252 §3).
const (
	con = 0x40
	non = 0x50
	ack = 0x60
	rst = 0x70

	post    = 0x02
	del     = 0x04
	created = 0x41
	deleted = 0x42
	changed = 0x44
	content = 0x45
)

func newPeer(t *testing.T, server string) *peer {
	t.Helper()
	conn, err := net.Dial("udp", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &peer{t: t, conn: conn}
}

// message is a datagram taken apart as far as these tests need it.
type message struct {
	kind, code byte
	id         [2]byte
	token      []byte
	rest       []byte // options and payload
}

func (p *peer) send(datagram []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(datagram); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) receive() message {
	p.t.Helper()
	buffer := make([]byte, 2048)
	if err := p.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	n, err := p.conn.Read(buffer)
	if err != nil {
		p.t.Fatal(err)
	}
	length := int(buffer[0] & 15)
	return message{
		kind: buffer[0] & 0xf0, code: buffer[1], id: [2]byte(buffer[2:4]),
		token: buffer[4 : 4+length], rest: buffer[4+length : n],
	}
}

// ask sends a request with token 0102 and returns the answer.
func (p *peer) ask(kind, code byte, id uint16, rest []byte) message {
	p.t.Helper()
	p.send(append([]byte{kind | 2, code, byte(id >> 8), byte(id), 1, 2}, rest...))
	return p.receive()
}

// answer waits for a request and answers it within the acknowledgement.
func (p *peer) answer(code byte, rest []byte) message {
	p.t.Helper()
	request := p.receive()
	head := []byte{ack | byte(len(request.token)), code, request.id[0], request.id[1]}
	p.send(append(append(head, request.token...), rest...))
	return request
}

// register registers with version 1.1, a lifetime of 300 s and the given links.
func (p *peer) register(ep, links string) {
	p.t.Helper()
	p.ep = ep
	answer := p.ask(con, post, 1, registerRest("lwm2m=1.1", "ep="+ep, "lt=300", links))
	if answer.code != created {
		p.t.Fatalf("Register: %x, %q", answer.code, answer.rest)
	}
	// Location-Path (8) becomes Uri-Path (11).
	p.path = append([]byte{answer.rest[0] + 3<<4}, answer.rest[1:]...)
}

func (p *peer) deregister() {
	p.t.Helper()
	if answer := p.ask(con, del, 2, p.path); answer.code != deleted {
		p.t.Fatalf("De-register: %x, %q", answer.code, answer.rest)
	}
}

// registerRest makes options and payload of a Register; the last argument is the
// payload, the others are queries.
func registerRest(arguments ...string) []byte {
	rest := []byte{0xb2, 'r', 'd', 0x11, 40}
	delta := byte(3)
	for _, query := range arguments[:len(arguments)-1] {
		if len(query) < 13 {
			rest = append(rest, delta<<4|byte(len(query)))
		} else {
			rest = append(rest, delta<<4|13, byte(len(query)-13))
		}
		rest, delta = append(rest, query...), 0
	}
	if links := arguments[len(arguments)-1]; links != "" {
		rest = append(append(rest, 0xff), links...)
	}
	return rest
}

// during performs an operation while the test plays the client.
func during(ctx context.Context, operation func(context.Context) (*Result, error), play func()) (*Result, error) {
	type outcome struct {
		result *Result
		err    error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // also if play ends the test
	done := make(chan outcome, 1)
	go func() {
		result, err := operation(ctx)
		done <- outcome{result, err}
	}()
	play()
	o := <-done
	return o.result, o.err
}

func unhex(t *testing.T, digits string) []byte {
	t.Helper()
	data, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
