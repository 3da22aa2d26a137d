package coap

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// manual makes the owner answer later; the Refs are collected.
func manual(w *wire) *[]Ref {
	refs := new([]Ref)
	w.serve = func(r *Request) { *refs = append(*refs, r.Ref) }
	return refs
}

func TestDuplicates(t *testing.T) {
	w := newWire(t, nil)
	execute := con(POST, 0x10, "a", path("3/0/4"))
	w.receive(execute)
	w.wait(2 * time.Second)
	w.receive(execute) // the acknowledgement was lost
	w.wait(244 * time.Second)
	w.receive(execute) // still within EXCHANGE_LIFETIME
	w.wait(time.Second)
	w.receive(con(POST, 0x10, "a", path("1/0/8"))) // the Message-ID is free again
	w.golden("duplicates")
	w.expect(2, "-- request")
	w.expect(4, "-> ACK 2.05 mid=0010")
}

// A peer that starts anew may use a Message-ID again before its lifetime ends.
func TestDuplicateOfOtherRequest(t *testing.T) {
	w := newWire(t, nil)
	w.receive(con(POST, 0x10, "a", path("3/0/4")))
	w.receive(con(POST, 0x10, "b", path("3/0/5")))
	w.receive(con(GET, 0x10, "a", path("3/0/5")))
	w.expect(3, "-- request")
}

func TestNonDuplicates(t *testing.T) {
	w := newWire(t, nil)
	r := non(POST, 0x10, "a", path("3/0/4"))
	w.receive(r)
	w.receive(r)
	w.wait(145*time.Second - 1)
	w.receive(r)
	w.expect(1, "-- request")
	w.expect(1, "-> NON 2.05")
	w.wait(1)
	w.receive(r)
	w.expect(2, "-- request")
}

func TestSlowAnswer(t *testing.T) {
	w := newWire(t, nil)
	refs := manual(w)
	execute := con(POST, 0x10, "a", path("3/0/4"))
	w.receive(execute)
	w.wait(500 * time.Millisecond)
	w.receive(execute) // a duplicate made by the network: silence
	w.wait(2 * time.Second)
	w.receive(execute) // our empty acknowledgement was lost
	w.wait(10 * time.Second)
	w.answer((*refs)[0], Changed, "")
	w.wait(4 * time.Second) // no acknowledgement: again
	w.receive(empty(Acknowledgement, w.last().MessageID))
	w.wait(time.Second)
	w.receive(execute)
	w.answer((*refs)[0], Changed, "") // a second answer is ignored
	w.wait(time.Hour)
	w.golden("slow_execute")
	w.expect(1, "-- request")
	w.expect(3, "-> ACK Empty mid=0010")
	w.expect(2, "-> CON 2.04")
}

func TestSlowAnswerNobodyTakes(t *testing.T) {
	w := newWire(t, nil)
	refs := manual(w)
	w.receive(con(POST, 0x10, "a"))
	w.receive(con(POST, 0x11, "b"))
	w.wait(2 * time.Second)
	w.answer((*refs)[0], Changed, "")
	w.receive(empty(Reset, w.last().MessageID))
	w.answer((*refs)[1], Changed, "")
	w.wait(time.Hour)
	w.expect(6, "-> CON 2.04")
	if !w.Deadline().IsZero() {
		t.Error("a deadline is left")
	}
}

func TestSlowNonAnswer(t *testing.T) {
	w := newWire(t, nil)
	refs := manual(w)
	w.receive(non(POST, 0x10, "a"))
	w.wait(10 * time.Second)
	w.expect(0, "->")
	w.answer((*refs)[0], Changed, "")
	w.expect(1, "-> NON 2.04")
	w.wait(time.Minute)
	w.expect(1, "->")
}

func TestMalformed(t *testing.T) {
	w := newWire(t, nil)
	w.request("kept", GET, nil)
	for _, b := range []string{
		"", "\x40", "\x40\x01\x12", // too short: silence
		"\x80\x01\x12\x34",     // version 2: silence
		"\x49\x01\x12\x34",     // CON, token of 9 bytes: RST
		"\x59\x01\x12\x34",     // NON: silence
		"\x69\x45\x12\x34",     // ACK: silence
		"\x79\x00\x12\x34",     // RST: silence
		"\x40\x01\x12\x35\xff", // CON, marker without payload: RST
		"\x50\x01\x12\x35\xff", // NON: silence
		"\x40\x21\x12\x36",     // CON, reserved class: RST
		"\x41\x00\x12\x37\x01", // CON, empty with token: RST
		"\x40\x01\x12\x38\xf1", // CON, nibble 15: RST
		"\x50\x00\x12\x39",     // empty NON: silence
		"\x60\x01\x12\x39",     // request in an ACK: silence
		"\x60\x45\x12\x39",     // response to nothing: silence
	} {
		w.raw([]byte(b))
	}
	w.receive(con(GET, 1, "a", path("3"))) // all is well
	w.golden("malformed")
	w.expect(5, "-> RST")
	w.expect(1, "-> ACK 2.05")
	w.receive(ack(&w.out[0], Content))
	w.expect(1, "-- kept: 2.05")
}

func TestRefusals(t *testing.T) {
	w := newWire(t, &Params{Understood: []OptionID{2049}})
	w.receive(con(GET, 1, "a", path("3"), option(9999, "x")))
	w.receive(non(GET, 2, "a", path("3"), option(9999, "x")))
	w.receive(con(GET, 3, "a", option(ProxyURI, "coap://other/")))
	w.receive(con(GET, 4, "a", option(ProxyScheme, "coap")))
	w.receive(con(8, 5, "a", path("3")))
	w.receive(con(31, 6, "a", path("3")))
	w.receive(con(GET, 7, "a", asks(Block2, 0, false, 2048)))
	w.receive(con(PUT, 8, "a", asks(Block1, 0, true, 2048)))
	w.receive(con(GET, 9, "a", option(Block2, "1234")))
	w.receive(con(GET, 10, "a", option(Accept, "a"), option(Accept, "b")))
	w.expect(0, "-- request")
	w.receive(con(GET, 11, "a", path("3"), option(2049, "x"), option(2050, "y")))
	w.golden("refusals")
	w.expect(1, "-- request")
	w.expect(3, "-> ACK 4.02")
	w.receive(con(8, 5, "a", path("3")))
	w.expect(3, "-> ACK 4.05")
}

func TestMessageIDSpaces(t *testing.T) {
	w := newWire(t, nil)
	w.request("read", GET, nil)
	r := *w.last()
	same := Message{Type: Confirmable, Code: GET, MessageID: r.MessageID, Token: r.Token}
	w.receive(same)
	w.expect(1, "-- request")
	w.expect(0, "-- read")
	w.receive(ack(&r, Content))
	w.expect(1, "-- read: 2.05")
}

func TestDedupBounds(t *testing.T) {
	w := newWire(t, &Params{DedupEntries: 10, DedupBytes: 1000})
	w.serve = func(r *Request) { w.answer(r.Ref, Content, strings.Repeat("x", 100)) }
	for mid := range uint16(50) {
		w.receive(con(GET, mid, "a"))
		if d := w.seen; d.count > 10 || len(d.ring) > 10 || d.bytes > 1000 {
			t.Fatalf("%d entries, %d bytes", d.count, d.bytes)
		}
	}
	w.log.Reset()
	w.receive(con(GET, 49, "a")) // answer kept
	w.expect(1, "-> ACK 2.05")
	w.receive(con(GET, 41, "a")) // answer dropped: not executed again
	w.expect(0, "-- request")
	w.expect(1, "->")
	w.receive(con(GET, 39, "a")) // forgotten
	w.expect(1, "-- request")
	w.wait(time.Hour)
	if w.seen != nil {
		t.Error("nothing was freed")
	}
}

func TestDedupRing(t *testing.T) {
	d := new(dedup)
	for i := range uint16(100) {
		m := Message{MessageID: i}
		d.add(&m, epoch.Add(time.Duration(i+1)*time.Second), 7)
		if d.find(epoch, &m) == nil || d.latest(i, 0, Token{}) == nil {
			t.Fatalf("message %d not found", i)
		}
	}
	if d.count != 7 || d.oldest().mid != 93 {
		t.Errorf("%d entries from %d", d.count, d.oldest().mid)
	}
	if left := d.expire(epoch.Add(96 * time.Second)); left != 4 || d.oldest().mid != 96 {
		t.Errorf("%d left from %d", left, d.oldest().mid)
	}
	d.answered(12345, 0, Token{}, []byte("x"), 100) // unknown: ignored
}

func TestTooManyUnanswered(t *testing.T) {
	w := newWire(t, &Params{MaxPending: 3})
	refs := manual(w)
	for mid := range uint16(5) {
		w.receive(con(GET, mid, "a"))
	}
	w.expect(3, "-- request")
	w.expect(2, "-> ACK 5.03")
	w.answer((*refs)[0], Content, "")
	w.receive(con(GET, 9, "a"))
	w.expect(4, "-- request")
}

func TestRespondRepairs(t *testing.T) {
	w := newWire(t, nil)
	long := []byte(strings.Repeat("ä", 1000))
	w.serve = func(r *Request) {
		switch r.Options.Path(UriPath) {
		case "/code":
			w.Respond(w.now, r.Ref, &Response{Code: GET})
		case "/option":
			w.Respond(w.now, r.Ref, &Response{Code: Content, Options: Options{{ETag, make([]byte, 70000)}}})
		case "/order":
			w.Respond(w.now, r.Ref, &Response{Code: Content, Options: Options{{MaxAge, []byte{1}}, {ETag, []byte{2}}}})
		case "/long":
			w.Respond(w.now, r.Ref, &Response{Code: BadRequest, Payload: long})
		}
	}
	w.receive(con(GET, 1, "a", path("code")))
	w.expect(1, "-> ACK 5.00")
	w.receive(con(GET, 2, "a", path("option")))
	w.expect(2, "-> ACK 5.00")
	w.receive(con(GET, 3, "a", path("order")))
	w.expect(1, "-> ACK 2.05 mid=0003 token=61 ETag=02 Max-Age=1")
	w.receive(con(GET, 4, "a", path("long")))
	if p := w.last().Payload; len(p) > 1024 || len(p) < 1000 || !bytes.HasSuffix(p, []byte("ä")) {
		t.Errorf("diagnostic of %d bytes", len(p))
	}
}

func TestNoResponse(t *testing.T) {
	w := newWire(t, nil)
	w.serve = func(r *Request) {
		code := Changed
		if r.Options.Path(UriPath) == "/bad" {
			code = BadRequest
		}
		w.answer(r.Ref, code, "")
	}
	w.receive(con(PUT, 1, "a", path("good"), uintOption(NoResponse, 2)))
	w.expect(1, "-> ACK Empty mid=0001")
	w.receive(con(PUT, 1, "a", path("good"), uintOption(NoResponse, 2)))
	w.expect(2, "-> ACK Empty mid=0001")
	w.receive(non(PUT, 2, "a", path("good"), uintOption(NoResponse, 26)))
	w.expect(2, "->")
	w.receive(non(PUT, 3, "a", path("bad"), uintOption(NoResponse, 2)))
	w.expect(1, "-> NON 4.00")
	w.receive(con(PUT, 4, "a", path("good"), uintOption(NoResponse, 2), block(Block1, 0, 16, numbered(20))))
	w.expect(1, "-> ACK 2.31") // the transfer needs it
}

func TestReset(t *testing.T) {
	w := newWire(t, nil)
	refs := manual(w)
	w.receive(con(GET, 1, "a"))
	w.request("read", GET, nil)
	w.request("queued", GET, nil)
	token := MakeToken([]byte("o"))
	for range 2 {
		err := w.Notify(w.now, &Notification{Token: token, Confirmable: true, Code: Content,
			Done: func(_ time.Time, err error) { w.note("-- notification: %v", err) }})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Reset(w.now, ErrTimeout)
	w.expect(1, "-- read: error: coap: no answer")
	w.expect(1, "-- queued: error: coap: no answer")
	w.expect(2, "-- notification: coap: no answer")
	w.expect(0, "ended")
	if !w.Deadline().IsZero() {
		t.Error("a deadline is left")
	}
	w.answer((*refs)[0], Content, "")
	w.expect(0, "-> ACK")
	w.receive(con(GET, 1, "a"))
	w.expect(2, "-- request")
	w.request("again", GET, nil)
	w.receive(ack(w.last(), Content))
	w.expect(1, "-- again: 2.05")
}

// expectNoMemory fails if the Conn holds more than itself.
func (w *wire) expectNoMemory() {
	w.t.Helper()
	c := w.Conn
	if c.seen != nil || c.serving != nil || c.uploads != nil || c.snapshots != nil || c.sending != nil ||
		c.exchanges != nil || c.queue != nil || c.notes != nil || c.sent != nil || c.scratch != nil {
		w.t.Errorf("an idle Conn keeps memory: %+v", c)
	}
}

func TestIdleClientIsSmall(t *testing.T) {
	w := newWire(t, nil)
	if w.Busy() {
		t.Error("busy from the start")
	}
	w.request("update", POST, nil)
	if !w.Busy() {
		t.Error("not busy with a request")
	}
	w.receive(ack(w.last(), Changed))
	if w.Busy() || !w.Deadline().IsZero() {
		t.Error("busy after the response")
	}
	w.expectNoMemory()
}

func TestBusy(t *testing.T) {
	w := newWire(t, nil)
	refs := manual(w)
	w.receive(con(GET, 1, "a"))
	w.wait(2 * time.Second)
	w.answer((*refs)[0], Content, "")
	if !w.Busy() {
		t.Error("not busy with a separate response")
	}
	w.receive(empty(Acknowledgement, w.last().MessageID))
	if w.Busy() {
		t.Error("busy with nothing")
	}
	w.request("watch", GET, nil, observe(0))
	w.receive(ack(w.last(), Empty))
	if !w.Busy() {
		t.Error("not busy with a registration")
	}
	m := separate(&w.out[len(w.out)-1], 9, Content, observe(1))
	w.receive(m)
	if w.Busy() {
		t.Error("busy with an observation")
	}
}

func TestIdleConnIsSmall(t *testing.T) {
	w := newWire(t, nil)
	w.receive(con(GET, 1, "a"))
	w.receive(non(GET, 2, "a"))
	w.request("read", GET, nil)
	w.receive(ack(w.last(), Content))
	if err := w.Notify(w.now, &Notification{Token: MakeToken([]byte("o")), Code: Content}); err != nil {
		t.Fatal(err)
	}
	w.wait(248 * time.Second)
	w.expectNoMemory()
}
