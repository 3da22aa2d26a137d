package server_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rawPeer is the other end of the wire, without any knowledge of LwM2M: it sends what
// it is told and answers requests by a function.
type rawPeer struct {
	t      *testing.T
	net    *lwm2mtest.Network
	link   link.Link
	mid    uint16
	inbox  chan coap.Message // what answer does not deal with
	answer func(request *coap.Message) *coap.Message
}

func dial(t *testing.T, s *lwm2mtest.Server) *rawPeer {
	t.Helper()
	p := &rawPeer{t: t, net: s.Network, mid: 0x1000, inbox: make(chan coap.Message, 1000)}
	target, err := link.ParseURI(s.URI())
	if err != nil {
		t.Fatal(err)
	}
	if p.link, err = s.Network.Dial(t.Context(), target, p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.link.Close() })
	return p
}

func (p *rawPeer) Input(_ link.Link, datagram []byte) {
	var m coap.Message
	if err := m.Parse(append([]byte(nil), datagram...)); err != nil {
		p.t.Errorf("server sent a malformed datagram %x: %v", datagram, err)
		return
	}
	if m.Code.IsRequest() && p.answer != nil {
		if response := p.answer(&m); response != nil {
			if response.Type == coap.Confirmable {
				response.Type, response.MessageID = coap.Acknowledgement, m.MessageID
			}
			if response.Code != coap.Empty {
				response.Token = m.Token
			}
			p.send(response)
			return
		}
	}
	p.inbox <- m
}

func (p *rawPeer) Down(link.Link, error) {}

func (p *rawPeer) address() string { return p.link.Local().String() }

func (p *rawPeer) send(m *coap.Message) {
	p.t.Helper()
	b, err := m.Append(nil)
	if err == nil {
		err = p.link.Send(b)
	}
	if err != nil {
		p.t.Error(err) // not Fatal: the caller may be a goroutine of the server
	}
}

// receive gives the next message, or fails the test after a (virtual) minute.
func (p *rawPeer) receive() coap.Message {
	p.t.Helper()
	select {
	case m := <-p.inbox:
		return m
	case <-time.After(time.Minute):
		p.t.Fatal("the server sends nothing")
		return coap.Message{}
	}
}

// silent fails the test if something comes within d.
func (p *rawPeer) silent(d time.Duration) {
	p.t.Helper()
	time.Sleep(d) // virtual time
	synctest.Wait()
	select {
	case m := <-p.inbox:
		p.t.Fatalf("unexpected message from the server: %s", show(&m))
	default:
	}
}

// request makes a message such as request("POST /rd?ep=a&lt=60", 40, "</1/0>").
// A format below 0 is none.
func (p *rawPeer) request(line string, format int, payload string) *coap.Message {
	method, uri, _ := strings.Cut(line, " ")
	path, query, _ := strings.Cut(uri, "?")
	p.mid++
	m := &coap.Message{MessageID: p.mid, Token: coap.MakeToken([]byte{byte(p.mid >> 8), byte(p.mid)}), Payload: []byte(payload)}
	for code := coap.GET; code <= coap.IPATCH; code++ {
		if code.String() == method {
			m.Code = code
		}
	}
	m.Options.AddPath(coap.UriPath, path)
	m.Options.AddQuery(coap.UriQuery, query)
	if format >= 0 {
		m.Options.AddUint(coap.ContentFormat, uint32(format))
	}
	return m
}

// do sends a confirmable request and gives the answer, which is to come in the acknowledgement.
func (p *rawPeer) do(line string, format int, payload string) coap.Message {
	p.t.Helper()
	m := p.request(line, format, payload)
	p.send(m)
	r := p.receive()
	if r.Type != coap.Acknowledgement || r.MessageID != m.MessageID || r.Token != m.Token {
		p.t.Fatalf("%s: answered by %s", line, show(&r))
	}
	return r
}

// register registers and gives the location.
func (p *rawPeer) register(query, links string) string {
	p.t.Helper()
	r := p.do("POST /rd?"+query, 40, links)
	if r.Code != coap.Created {
		p.t.Fatalf("Register %s: %s", query, show(&r))
	}
	return r.Options.Path(coap.LocationPath)
}

// show is a message in short, without what is random: "CON GET /3/0 accept=40".
func show(m *coap.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", m.Type, m.Code)
	if m.Options.Has(coap.UriPath) {
		b.WriteString(" " + m.Options.Path(coap.UriPath))
	}
	separator := "?"
	for q := range m.Options.All(coap.UriQuery) {
		b.WriteString(separator + string(q))
		separator = "&"
	}
	for _, o := range []struct {
		id   coap.OptionID
		name string
	}{{coap.Observe, "observe"}, {coap.Accept, "accept"}, {coap.ContentFormat, "format"}} {
		if v, ok := m.Options.Uint(o.id); ok {
			fmt.Fprintf(&b, " %s=%d", o.name, v)
		}
	}
	for _, o := range m.Options {
		if o.ID >= 2048 {
			fmt.Fprintf(&b, " %d=%x", o.ID, o.Value)
		}
	}
	if len(m.Payload) > 0 {
		fmt.Fprintf(&b, " %q", m.Payload)
	}
	return b.String()
}

// response makes an answer for rawPeer.answer; a format below 0 is none.
func response(code coap.Code, format int, payload string) *coap.Message {
	m := &coap.Message{Code: code, Payload: []byte(payload)}
	if format >= 0 {
		m.Options.AddUint(coap.ContentFormat, uint32(format))
	}
	return m
}

// bubble runs f in virtual time with a server.
func bubble(t *testing.T, c server.Config, f func(t *testing.T, s *lwm2mtest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, lwm2mtest.NewServer(t, lwm2mtest.Options{Config: c, Timeout: 24 * time.Hour}))
	})
}

// counter makes identifiers, tokens and timeouts the same in each run.
type counter uint64

func (c *counter) Uint64() uint64 {
	*c += 0x9e3779b97f4a7c15
	return uint64(*c)
}

func isError(err, target error) bool { return errors.Is(err, target) }

func addrPort(t *testing.T, s string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
