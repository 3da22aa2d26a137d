package coap

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/golden"
)

// epoch is when every test begins.
var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// wire is one Conn whose peer is the test. It writes down all that happens:
// "<-" comes in, "->" goes out, "--" is what the owner of the Conn sees.
type wire struct {
	*Conn
	t     *testing.T
	now   time.Time
	log   strings.Builder
	out   []Message // all that was sent, in own memory
	serve func(r *Request)
}

// newWire returns a Conn with a seeded random source. Requests are answered
// 2.05 "ok" unless serve is set.
func newWire(t *testing.T, p *Params) *wire {
	w := &wire{t: t, now: epoch}
	w.Conn = NewConn(p, w, rand.New(rand.NewPCG(1, 2)))
	w.serve = func(r *Request) { w.answer(r.Ref, Content, "ok") }
	return w
}

func (w *wire) Transmit(datagram []byte) {
	var m Message
	if err := m.Parse(bytes.Clone(datagram)); err != nil {
		w.t.Fatalf("sent %x: %v", datagram, err)
	}
	w.out = append(w.out, m)
	w.note("-> %s", describe(&m))
}

func (w *wire) ServeRequest(now time.Time, r *Request) {
	w.note("-- request %s %s%s", r.Code, r.Options.Path(UriPath), describePayload(r.Payload))
	w.serve(r)
}

func (w *wire) ObservationEnded(now time.Time, token Token, reason error) {
	w.note("-- observation %s ended: %v", token, reason)
}

func (w *wire) note(format string, args ...any) {
	fmt.Fprintf(&w.log, "%9.3f %s\n", w.now.Sub(epoch).Seconds(), fmt.Sprintf(format, args...))
}

// receive passes m to the Conn as a datagram of the peer.
func (w *wire) receive(m Message) {
	w.t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.note("<- %s", describe(&m))
	w.Receive(w.now, b)
}

// raw passes bytes that need not be a message.
func (w *wire) raw(b []byte) {
	w.note("<- %x", b)
	w.Receive(w.now, b)
}

// wait lets time pass and calls Expire exactly at each deadline.
func (w *wire) wait(d time.Duration) {
	end := w.now.Add(d)
	for range 10000 {
		next := w.Deadline()
		if next.IsZero() || next.After(end) {
			w.now = end
			return
		}
		if next.After(w.now) {
			w.now = next
		}
		w.Expire(w.now)
	}
	w.t.Fatal("Expire does not move the deadline")
}

func (w *wire) answer(ref Ref, code Code, payload string) {
	w.Respond(w.now, ref, &Response{Code: code, Payload: []byte(payload)})
}

// request starts an outgoing confirmable request that logs its results.
func (w *wire) request(name string, code Code, payload []byte, opts ...func(*Message)) Handle {
	w.t.Helper()
	var m Message
	for _, opt := range opts {
		opt(&m)
	}
	h, err := w.Do(w.now, &Outgoing{Code: code, Confirmable: true, Options: m.Options, Payload: payload, Done: w.result(name)})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *wire) result(name string) func(time.Time, Result) {
	return func(_ time.Time, r Result) {
		text := "error: "
		if r.Err != nil {
			text += r.Err.Error()
		} else {
			text = r.Code.String() + describePayload(r.Payload)
		}
		if r.Observing {
			text += ", observing"
		}
		w.note("-- %s: %s", name, text)
	}
}

// last returns the message sent last.
func (w *wire) last() *Message {
	w.t.Helper()
	if len(w.out) == 0 {
		w.t.Fatal("nothing was sent")
	}
	return &w.out[len(w.out)-1]
}

// expect fails unless the log, from the last call on, has exactly n lines that
// contain text.
func (w *wire) expect(n int, text string) {
	w.t.Helper()
	if got := strings.Count(w.log.String(), text); got != n {
		w.t.Errorf("%d times %q, want %d, in\n%s", got, text, n, w.log.String())
	}
}

// golden compares the log with testdata/name.txt.
func (w *wire) golden(name string) {
	w.t.Helper()
	golden.Compare(w.t, filepath.Join("testdata", name+".txt"), []byte(w.log.String()))
}

// describe writes a message in one line.
func describe(m *Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s mid=%04x", m.Type, m.Code, m.MessageID)
	if m.Code != Empty {
		fmt.Fprintf(&b, " token=%s", m.Token)
	}
	for _, opt := range m.Options {
		b.WriteByte(' ')
		b.WriteString(opt.ID.String())
		if s := describeValue(opt); s != "" {
			b.WriteString("=" + s)
		}
	}
	return b.String() + describePayload(m.Payload)
}

func describeValue(opt Option) string {
	switch opt.ID {
	case Block1, Block2:
		block, _ := Options{opt}.Block(opt.ID)
		more := "last"
		if block.More {
			more = "more"
		}
		return fmt.Sprintf("%d/%s/%d", block.Number, more, 16<<block.SZX)
	case UriPath, UriQuery, LocationPath:
		return string(opt.Value)
	case Observe, ContentFormat, Accept, Size1, Size2, MaxAge:
		return strconv.Itoa(int(decodeUint(opt.Value)))
	}
	return fmt.Sprintf("%x", opt.Value)
}

func describePayload(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case len(b) <= 48:
		return fmt.Sprintf(" %q", b)
	}
	return fmt.Sprintf(" [%d bytes, hash %08x]", len(b), uint32(hashBody(b)))
}

// Parts of messages.

func message(t Type, code Code, mid uint16, token string, parts ...func(*Message)) Message {
	m := Message{Type: t, Code: code, MessageID: mid, Token: MakeToken([]byte(token))}
	for _, part := range parts {
		part(&m)
	}
	return m
}

func con(code Code, mid uint16, token string, parts ...func(*Message)) Message {
	return message(Confirmable, code, mid, token, parts...)
}

func non(code Code, mid uint16, token string, parts ...func(*Message)) Message {
	return message(NonConfirmable, code, mid, token, parts...)
}

// ack is a response in the acknowledgement of the request m.
func ack(m *Message, code Code, parts ...func(*Message)) Message {
	a := Message{Type: Acknowledgement, Code: code, MessageID: m.MessageID, Token: m.Token}
	if code == Empty {
		a.Token = Token{}
	}
	for _, part := range parts {
		part(&a)
	}
	return a
}

// separate is a response to m in a confirmable message.
func separate(m *Message, mid uint16, code Code, parts ...func(*Message)) Message {
	s := ack(m, code, parts...)
	s.Type, s.MessageID = Confirmable, mid
	return s
}

func empty(t Type, mid uint16) Message { return Message{Type: t, MessageID: mid} }

func path(p string) func(*Message) {
	return func(m *Message) { m.Options.AddPath(UriPath, p) }
}

func uintOption(id OptionID, v uint32) func(*Message) {
	return func(m *Message) { m.Options.AddUint(id, v) }
}

func option(id OptionID, v string) func(*Message) {
	return func(m *Message) { m.Options.AddString(id, v) }
}

func payload(b []byte) func(*Message) {
	return func(m *Message) { m.Payload = b }
}

func text(s string) func(*Message) { return payload([]byte(s)) }

// block adds the option and cuts the payload out of body.
func block(id OptionID, number uint32, size int, body []byte) func(*Message) {
	return func(m *Message) {
		start := int(number) * size
		end := min(start+size, len(body))
		m.Options.AddBlock(id, Block{Number: number, More: end < len(body), SZX: szxOf(size)})
		m.Payload = body[start:end]
	}
}

// asks adds a Block option without a payload.
func asks(id OptionID, number uint32, more bool, size int) func(*Message) {
	return func(m *Message) { m.Options.AddBlock(id, Block{number, more, szxOf(size)}) }
}

func szxOf(size int) (szx uint8) {
	for 16<<szx < size {
		szx++
	}
	return szx
}

// numbered returns size bytes that differ from block to block.
func numbered(size int) []byte {
	b := make([]byte, 0, size+8)
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, "%06d.", i)
	}
	return b[:size]
}
