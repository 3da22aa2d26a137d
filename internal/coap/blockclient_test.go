package coap

import (
	"bytes"
	"testing"
	"time"
)

// reply answers the request sent last.
func (w *wire) reply(code Code, parts ...func(*Message)) {
	w.t.Helper()
	w.receive(ack(w.last(), code, parts...))
}

// echo is the Block1 option of the request sent last, with another size.
func (w *wire) echo(size int) func(*Message) {
	b, _ := w.last().Options.Block(Block1)
	return asks(Block1, b.Number, b.More, size)
}

func TestBlock1Client(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	body := numbered(150)
	w.request("send", POST, body, path("dp"), uintOption(ContentFormat, 112))
	got := bytes.Clone(w.last().Payload)
	for range 2 {
		w.reply(Continue, w.echo(64))
		got = append(got, w.last().Payload...)
	}
	w.reply(Changed, w.echo(64))
	w.golden("block1_client")
	w.expect(1, "-- send: 2.04")
	w.expect(1, "Size1=150")
	if !bytes.Equal(got, body) {
		t.Errorf("sent %q", got)
	}
	if w.out[0].Token == w.out[1].Token {
		t.Error("token used for two blocks")
	}
}

func TestBlock1ClientSmaller(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	body := numbered(150)
	w.request("send", POST, body, path("dp"))
	got := bytes.Clone(w.last().Payload)
	w.reply(Continue, w.echo(64))
	got = append(got, w.last().Payload...)
	w.reply(Continue, w.echo(16)) // from now on smaller
	for range 2 {
		got = append(got, w.last().Payload...)
		w.reply(Continue, w.echo(16))
	}
	w.golden("block1_client_smaller")
	w.expect(1, "Uri-Path=dp Block1=8/more/16")
	w.expect(1, "-- send: error") // the last block cannot be continued
	if !bytes.Equal(got, body) {
		t.Errorf("sent %q", got)
	}
}

func TestBlock1ClientTooLarge(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	w.request("send", POST, numbered(100), path("dp"))
	w.reply(RequestEntityTooLarge, w.echo(32))
	w.expect(1, "Block1=0/more/32 Size1=100")
	w.reply(RequestEntityTooLarge, w.echo(32)) // no smaller size: final
	w.expect(1, "-- send: 4.13")

	w.request("small", POST, numbered(60), path("dp")) // not block-wise at first
	w.reply(RequestEntityTooLarge, asks(Block1, 0, false, 32))
	w.reply(Continue, w.echo(32))
	w.reply(Changed, w.echo(32))
	w.expect(1, "-- small: 2.04")
	w.request("hopeless", POST, numbered(10), path("dp"))
	w.reply(RequestEntityTooLarge, asks(Block1, 0, false, 32))
	w.reply(RequestEntityTooLarge, asks(Block1, 0, false, 32))
	w.expect(1, "-- hopeless: 4.13")
	w.request("none", POST, numbered(100), path("dp"))
	w.reply(RequestEntityTooLarge)
	w.expect(1, "-- none: 4.13")
}

func TestBlock1ClientIncomplete(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	w.request("send", POST, numbered(150), path("dp"))
	w.reply(Continue, w.echo(64))
	w.reply(RequestEntityIncomplete, w.echo(64)) // the peer lost its state
	w.expect(2, "Block1=0/more/64 Size1=150")
	w.reply(Continue, w.echo(64))
	w.reply(RequestEntityIncomplete, w.echo(64))
	w.golden("block1_client_incomplete")
	w.expect(1, "-- send: 4.08")
}

func TestBlock1ClientErrors(t *testing.T) {
	for name, answer := range map[string]func(w *wire){
		"other number": func(w *wire) { w.reply(Continue, asks(Block1, 5, true, 64)) },
		"reserved":     func(w *wire) { w.reply(Continue, asks(Block1, 0, true, 2048)) },
		"error":        func(w *wire) { w.reply(Forbidden) },
		"too small": func(w *wire) {
			w.Cancel(w.now, Handle(w.serial))
			w.request("send", POST, make([]byte, 17<<20))
			w.reply(Continue, w.echo(16))
		},
		"2.31 to a whole body": func(w *wire) {
			w.Cancel(w.now, Handle(w.serial))
			w.request("send", POST, numbered(10))
			w.reply(Continue)
		},
	} {
		w := newWire(t, &Params{BlockSize: 64})
		if name == "too small" {
			w.params = &Params{}
		}
		w.request("send", POST, numbered(150), path("dp"))
		answer(w)
		if n := len(w.exchanges); n != 0 {
			t.Errorf("%s: %d exchanges left in\n%s", name, n, w.log.String())
		}
		w.expect(1, "-- send: ")
	}
}

// A server may act on each block at once and say so by 2.04 (RFC 7959 §2.3),
// and may leave the option out of 2.31.
func TestBlock1ClientStateless(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	w.request("send", POST, numbered(150), path("dp"))
	w.reply(Changed, asks(Block1, 0, false, 64))
	w.reply(Continue)
	w.reply(Changed, asks(Block1, 2, false, 64))
	w.expect(3, "-> CON POST")
	w.expect(1, "-- send: 2.04")
	w.request("early", POST, numbered(150), path("dp"))
	w.reply(Changed)
	w.expect(1, "-- early: 2.04")
}

// Transfers let other requests pass between their blocks.
func TestBlock1ClientSharesNStart(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	w.request("send", POST, numbered(150), path("dp"))
	first := *w.last()
	w.request("update", POST, nil, path("rd"))
	w.receive(ack(&first, Continue, asks(Block1, 0, true, 64)))
	w.reply(Changed)
	w.expect(1, "-- update: 2.04")
	w.reply(Continue, w.echo(64))
	w.reply(Changed, w.echo(64))
	w.expect(1, "-- send: 2.04")
}

// While the next block waits for its turn nothing is expected: an answer to the
// block before, come late, is not taken for its own.
func TestBlock1ClientLateAnswer(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	w.request("send", POST, numbered(150), path("dp"))
	first := *w.last()
	w.request("update", POST, nil, path("rd"))
	w.receive(ack(&first, Continue, asks(Block1, 0, true, 64)))
	w.receive(separate(&first, 0x4000, Changed))
	w.expect(1, "-> RST Empty mid=4000")
	w.expect(0, "-- send")
}

func TestBlock2Client(t *testing.T) {
	w := newWire(t, nil)
	body := numbered(150)
	w.request("read", GET, nil, path("3"), uintOption(Accept, 112))
	w.reply(Content, option(ETag, "1"), uintOption(Size2, 150), block(Block2, 0, 64, body))
	w.reply(Content, option(ETag, "1"), block(Block2, 1, 64, body))
	w.reply(Content, option(ETag, "1"), block(Block2, 2, 64, body))
	w.golden("block2_client")
	w.expect(1, "-- read: 2.05"+describePayload(body))
	w.expect(3, "Accept=112")
}

func TestBlock2ClientFetch(t *testing.T) {
	w := newWire(t, nil)
	body := numbered(150)
	w.request("fetch", FETCH, []byte("query"), path("3"))
	w.reply(Content, block(Block2, 0, 64, body))
	w.reply(Content, block(Block2, 1, 64, body))
	w.reply(Content, block(Block2, 2, 64, body))
	w.expect(3, `"query"`)
	w.request("post", POST, []byte("query"), path("3"))
	w.reply(Content, block(Block2, 0, 128, body))
	w.reply(Content, block(Block2, 1, 128, body))
	w.expect(4, `"query"`) // a POST is not repeated
	w.expect(1, "-- fetch: 2.05"+describePayload(body))
	w.expect(1, "-- post: 2.05"+describePayload(body))
}

func TestBlock2ClientChanges(t *testing.T) {
	w := newWire(t, nil)
	old, body := numbered(150), bytes.ToUpper(bytes.Repeat([]byte("new"), 50))
	w.request("read", GET, nil, path("3"))
	w.reply(Content, option(ETag, "1"), block(Block2, 0, 64, old))
	w.reply(Content, option(ETag, "2"), block(Block2, 1, 64, body))
	for n := range uint32(3) {
		w.reply(Content, option(ETag, "2"), block(Block2, n, 64, body))
	}
	w.golden("block2_client_changes")
	w.expect(1, "-- read: 2.05"+describePayload(body))

	w.request("unstable", GET, nil, path("3"))
	w.reply(Content, option(ETag, "1"), block(Block2, 0, 64, old))
	w.reply(Content, option(ETag, "2"), block(Block2, 1, 64, body))
	w.reply(Content, option(ETag, "2"), block(Block2, 0, 64, body))
	w.reply(Content, block(Block2, 1, 64, body))
	w.expect(1, "-- unstable: error: coap: block-wise transfer failed")

	w.request("post", POST, nil, path("3"))
	w.reply(Content, option(ETag, "1"), block(Block2, 0, 64, old))
	w.reply(Content, option(ETag, "2"), block(Block2, 1, 64, body))
	w.expect(1, "-- post: error: coap: block-wise transfer failed")
}

func TestBlock2ClientErrors(t *testing.T) {
	body := numbered(200)
	for name, tt := range map[string]struct {
		answers []func(*Message)
		want    string
	}{
		"short block":    {[]func(*Message){func(m *Message) { asks(Block2, 0, true, 64)(m); m.Payload = body[:10] }}, "transfer failed"},
		"long block":     {[]func(*Message){func(m *Message) { asks(Block2, 0, false, 16)(m); m.Payload = body[:17] }}, "transfer failed"},
		"reserved":       {[]func(*Message){asks(Block2, 0, true, 2048)}, "transfer failed"},
		"not the first":  {[]func(*Message){block(Block2, 1, 64, body)}, "transfer failed"},
		"other block":    {[]func(*Message){block(Block2, 0, 64, body), block(Block2, 2, 64, body)}, "transfer failed"},
		"no block":       {[]func(*Message){block(Block2, 0, 64, body), text("whole")}, "transfer failed"},
		"Size2 too big":  {[]func(*Message){func(m *Message) { uintOption(Size2, 1000)(m); block(Block2, 0, 64, body)(m) }}, "too large"},
		"body too big":   {[]func(*Message){block(Block2, 0, 128, body), block(Block2, 1, 128, body)}, "too large"},
		"empty and more": {[]func(*Message){asks(Block2, 0, true, 16)}, "transfer failed"},
	} {
		w := newWire(t, &Params{MaxBody: 190})
		w.request("read", GET, nil, path("3"))
		for _, answer := range tt.answers {
			w.reply(Content, answer)
		}
		w.expect(1, tt.want)
		if len(w.exchanges) != 0 {
			t.Errorf("%s: still waiting in\n%s", name, w.log.String())
		}
	}
	w := newWire(t, nil)
	w.request("read", GET, nil, path("3"))
	w.reply(Content, block(Block2, 0, 64, body))
	w.reply(NotFound)
	w.expect(1, "-- read: 4.04")
}

func TestBlock2ClientSizes(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 32})
	body := numbered(150)
	w.request("read", GET, nil, path("3"))
	w.expect(1, "Block2=0/last/32") // early negotiation
	w.reply(Content, block(Block2, 0, 64, body))
	w.expect(1, "Block2=2/last/32")
	w.reply(Content, block(Block2, 4, 16, body)) // the peer goes lower
	for n := uint32(5); n < 10; n++ {
		w.reply(Content, block(Block2, n, 16, body))
	}
	w.expect(1, "-- read: 2.05"+describePayload(body))
}

// The caller may ask for one block only.
func TestBlock2ClientRaw(t *testing.T) {
	w := newWire(t, nil)
	w.request("one", GET, nil, path("3"), asks(Block2, 1, false, 16))
	w.reply(Content, block(Block2, 1, 16, numbered(64)))
	w.expect(1, "-- one: 2.05"+describePayload(numbered(64)[16:32]))
}

func TestBlockwiseTimesOut(t *testing.T) {
	w := newWire(t, nil)
	w.request("read", GET, nil, path("3"))
	w.reply(Content, block(Block2, 0, 64, numbered(150)))
	w.wait(2 * time.Minute)
	w.expect(6, "-> CON GET")
	w.expect(1, "-- read: error: coap: no answer")
}
