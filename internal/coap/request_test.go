package coap

import (
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

// sentAt returns the times at which lines with text were logged, in seconds.
func sentAt(w *wire, text string) (at []string) {
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, text) {
			at = append(at, strings.Fields(line)[0])
		}
	}
	return at
}

func TestRetransmission(t *testing.T) {
	w := newWire(t, nil)
	w.request("read", GET, nil, path("3/0/0"))
	w.wait(2 * time.Minute)
	w.golden("retransmission")
	w.expect(5, "-> CON GET")
	w.expect(1, "-- read: error: coap: no answer")
	if !w.Deadline().IsZero() {
		t.Error("a deadline is left")
	}
}

func TestRetransmissionIntervals(t *testing.T) {
	for seed := range uint64(200) {
		w := newWire(t, nil)
		w.Conn = NewConn(nil, w, rand.New(rand.NewPCG(seed, 0)))
		w.request("read", GET, nil)
		first := w.Deadline().Sub(epoch)
		if first < 2*time.Second || first > 3*time.Second {
			t.Fatalf("first timeout %v", first)
		}
		total, next := first, first
		for range 4 {
			w.now = w.Deadline()
			w.Expire(w.now)
			next *= 2
			total += next
			if got := w.Deadline().Sub(epoch); got != total {
				t.Fatalf("next at %v, want %v", got, total)
			}
		}
		w.expect(0, "-- read")
		w.now = w.Deadline()
		w.Expire(w.now)
		w.expect(1, "-- read: error")
		if total != 31*first {
			t.Fatalf("gave up after %v, want 31 times %v", total, first)
		}
	}
}

// A late Expire must not fire all retransmissions at once.
func TestRetransmissionLate(t *testing.T) {
	w := newWire(t, nil)
	w.request("read", GET, nil)
	w.now = epoch.Add(time.Hour)
	w.Expire(w.now)
	w.expect(2, "-> CON GET")
	if !w.Deadline().After(w.now) {
		t.Error("next retransmission is not in the future")
	}
}

func TestRetransmissionParams(t *testing.T) {
	w := newWire(t, nil)
	_, err := w.Do(w.now, &Outgoing{Code: GET, Confirmable: true, Done: w.result("read"),
		Params: &Params{AckTimeout: time.Second, AckRandomFactor: 1, MaxRetransmit: 1}})
	if err != nil {
		t.Fatal(err)
	}
	w.wait(time.Minute)
	if got := strings.Join(sentAt(w, ""), " "); got != "0.000 1.000 3.000" {
		t.Errorf("sent and given up at %s", got)
	}
}

func TestErrTimeoutIsNetError(t *testing.T) {
	var e net.Error
	if !errors.As(ErrTimeout, &e) || !e.Timeout() {
		t.Error("ErrTimeout is not a net.Error with Timeout")
	}
}

func TestPiggybacked(t *testing.T) {
	w := newWire(t, nil)
	w.request("read", GET, nil, path("3/0/0"))
	r := w.last()
	wrongToken := ack(r, Content, text("no"))
	wrongToken.Token = MakeToken([]byte("other"))
	w.receive(wrongToken)
	wrongMID := ack(r, Content, text("no"))
	wrongMID.MessageID++
	w.receive(wrongMID)
	w.receive(con(GET, r.MessageID, "x", path("1"))) // the peer's own Message-ID is no acknowledgement
	w.wait(3 * time.Second)
	w.receive(ack(r, Content, text("Acme")))
	w.receive(ack(r, Content, text("Acme")))
	w.wait(5 * time.Minute)
	w.golden("piggybacked")
	w.expect(1, `-- read: 2.05 "Acme"`)
	w.expect(2, "-> CON GET")
}

func TestLostAck(t *testing.T) {
	w := newWire(t, nil)
	w.request("write", PUT, []byte("60"), path("1/0/1"))
	w.wait(3 * time.Second) // the peer answered, the answer was lost
	w.receive(ack(&w.out[0], Changed))
	w.wait(time.Hour)
	w.golden("lost_ack")
	w.expect(2, "-> CON PUT mid=f510 token=6cec7d07adc3ce9d")
	w.expect(1, "-- write: 2.04")
}

func TestEcho(t *testing.T) {
	w := newWire(t, nil)
	w.request("fresh", POST, []byte("x"), path("3"))
	w.receive(ack(w.last(), Unauthorized, option(Echo, "now")))
	w.receive(ack(w.last(), Changed))
	w.expect(1, `Echo=6e6f77 "x"`)
	w.expect(1, "-- fresh: 2.04")
	w.request("refused", POST, nil, path("3"))
	w.receive(ack(w.last(), Unauthorized, option(Echo, "one")))
	w.receive(ack(w.last(), Unauthorized, option(Echo, "two")))
	w.expect(1, "-- refused: 4.01")
}

func TestSeparateResponse(t *testing.T) {
	w := newWire(t, nil)
	w.request("execute", POST, nil, path("3/0/4"))
	r := w.last()
	w.receive(ack(r, Empty))
	w.wait(50 * time.Second)
	w.receive(separate(r, 0x4000, Changed))
	w.receive(separate(r, 0x4000, Changed)) // our acknowledgement was lost
	w.receive(separate(r, 0x4001, Changed)) // nobody waits for this one
	w.receive(separate(r, 0x4001, Changed))
	w.golden("separate_response")
	w.expect(1, "-- execute: 2.04")
	w.expect(1, "-> CON POST")
}

func TestSeparateBeforeAck(t *testing.T) {
	w := newWire(t, nil)
	w.request("execute", POST, nil, path("3/0/4"))
	r := w.last()
	w.receive(separate(r, 0x4000, Changed))
	w.receive(ack(r, Empty))
	w.wait(time.Minute)
	w.expect(1, "-- execute: 2.04")
	w.expect(1, "-> ACK Empty mid=4000")
	w.expect(1, "-> CON POST")
}

func TestSeparateResponseNeverComes(t *testing.T) {
	w := newWire(t, nil)
	w.request("execute", POST, nil)
	w.receive(ack(w.last(), Empty))
	w.wait(93*time.Second - 1)
	w.expect(0, "-- execute")
	w.wait(1)
	w.expect(1, "-- execute: error: coap: no answer")
}

func TestRequestReset(t *testing.T) {
	w := newWire(t, nil)
	w.request("read", GET, nil)
	w.receive(empty(Reset, w.last().MessageID))
	w.expect(1, "-- read: error: coap: peer sent a reset")
	if w.Deadline() != (time.Time{}) {
		t.Error("still busy")
	}
}

func TestNonRequest(t *testing.T) {
	w := newWire(t, nil)
	do := func(name string) *Message {
		if _, err := w.Do(w.now, &Outgoing{Code: POST, Payload: []byte("x"), Done: w.result(name)}); err != nil {
			t.Fatal(err)
		}
		return w.last()
	}
	r := do("send")
	reply := ack(r, Changed)
	reply.Type, reply.MessageID = NonConfirmable, 0x5000
	w.receive(reply)
	w.receive(reply)
	w.receive(empty(Reset, do("reset").MessageID))
	do("lost")
	w.wait(2 * time.Minute)
	w.expect(3, "-> ")
	w.expect(1, "-- send: 2.04")
	w.expect(1, "-- reset: error: coap: peer sent a reset")
	w.expect(1, "93.000 -- lost: error: coap: no answer")
}

func TestNStart(t *testing.T) {
	w := newWire(t, nil)
	w.request("first", GET, nil, path("1"))
	first := *w.last()
	w.request("second", GET, nil, path("2"))
	w.request("third", GET, nil, path("3"))
	w.receive(con(GET, 7, "peer", path("own"))) // answered meanwhile
	if err := w.Notify(w.now, &Notification{Token: MakeToken([]byte("o")), Confirmable: true, Code: Content}); err != nil {
		t.Fatal(err)
	}
	w.receive(ack(&first, Empty)) // frees the place, the response may take long
	second := *w.last()
	w.receive(ack(&second, NotFound))
	w.receive(empty(Reset, w.last().MessageID))
	w.receive(separate(&first, 0x4000, Content, text("one")))
	w.golden("nstart")
	w.expect(1, "-- third: error")
	w.expect(1, `-- first: 2.05 "one"`)

	w = newWire(t, nil)
	w.request("first", GET, nil)
	if _, err := w.Do(w.now, &Outgoing{Code: POST, Done: w.result("send")}); err != nil {
		t.Fatal(err)
	}
	w.expect(1, "-> NON POST") // not held behind the first

	w = newWire(t, &Params{NStart: 3})
	for range 5 {
		w.request("read", GET, nil)
	}
	w.expect(3, "-> CON GET")
}

func TestPing(t *testing.T) {
	w := newWire(t, nil)
	done := func(_ time.Time, err error) { w.note("-- ping: %v", err) }
	ping := func() {
		if err := w.Ping(w.now, done); err != nil {
			t.Fatal(err)
		}
	}
	ping()
	w.receive(empty(Reset, w.last().MessageID))
	w.receive(con(Empty, 0x99, ""))
	ping()
	w.wait(2 * time.Minute)
	w.golden("ping")
	w.expect(1, "-> RST Empty mid=0099")
	w.expect(1, "-- ping: <nil>")
	w.expect(1, "-- ping: coap: no answer")
	ping()
	w.Close(w.now, nil)
	w.expect(1, "-- ping: coap: connection closed")
	if err := w.Ping(w.now, done); err != ErrClosed {
		t.Error(err)
	}
}

func TestPingLimit(t *testing.T) {
	w := newWire(t, &Params{MaxPending: 2})
	for i := range 3 {
		if err := w.Ping(w.now, func(time.Time, error) {}); (err == ErrTooManyPending) != (i == 2) {
			t.Errorf("ping %d: %v", i, err)
		}
	}
}

func TestCancel(t *testing.T) {
	w := newWire(t, nil)
	h := w.request("read", GET, nil)
	r := w.last()
	w.request("next", GET, nil, path("2"))
	w.Cancel(w.now, h)
	w.Cancel(w.now, h)
	w.Cancel(w.now, 0)
	w.expect(1, "Uri-Path=2") // the next went out in its place
	w.receive(ack(r, Content))
	w.receive(separate(r, 0x4000, Content))
	w.expect(0, "-- read")
	w.expect(1, "-> RST Empty mid=4000")
}

func TestDoErrors(t *testing.T) {
	w := newWire(t, &Params{MaxPending: 2})
	done := w.result("x")
	for name, tt := range map[string]struct {
		out  Outgoing
		want error
	}{
		"response code": {Outgoing{Code: Content, Done: done}, ErrEncode},
		"no Done":       {Outgoing{Code: GET}, ErrEncode},
		"long option":   {Outgoing{Code: GET, Done: done, Options: Options{{UriPath, make([]byte, 70000)}}}, ErrEncode},
		"no room":       {Outgoing{Code: GET, Done: done, Options: Options{{2048, make([]byte, 1140)}}}, ErrEncode},
		"many blocks":   {Outgoing{Code: PUT, Done: done, Payload: make([]byte, 17<<20), Params: &Params{BlockSize: 16}}, ErrTooLarge},
	} {
		if h, err := w.Do(w.now, &tt.out); !errors.Is(err, tt.want) || h != 0 {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	for range 2 {
		w.request("ok", GET, nil)
	}
	if _, err := w.Do(w.now, &Outgoing{Code: GET, Done: done}); err != ErrTooManyPending {
		t.Errorf("third: %v", err)
	}
	w.Close(w.now, nil)
	w.expect(2, "-- ok: error: coap: connection closed")
	if _, err := w.Do(w.now, &Outgoing{Code: GET, Done: done}); err != ErrClosed {
		t.Errorf("closed: %v", err)
	}
	w.receive(con(GET, 1, "a"))
	w.expect(0, "-- request")
}

func TestResponseOptions(t *testing.T) {
	w := newWire(t, nil)
	w.request("piggybacked", GET, nil)
	w.receive(ack(w.last(), Content, option(9999, "?")))
	w.request("separate", GET, nil)
	bad := separate(w.last(), 0x4000, Content, option(9999, "?"))
	w.receive(bad)
	w.receive(bad)
	w.expect(1, "-- piggybacked: error: coap: response with an unrecognized critical option")
	w.expect(1, "-- separate: error: coap: response with an unrecognized critical option")
	w.expect(2, "-> RST Empty mid=4000")
	w.request("elective", GET, nil)
	w.receive(ack(w.last(), Content, option(10000, "?"), text("fine")))
	w.expect(1, `-- elective: 2.05 "fine"`)
}

// Options may come in any order and are the caller's again after Do.
func TestDoCopiesOptions(t *testing.T) {
	w := newWire(t, nil)
	w.request("busy", GET, nil)
	value := []byte("a")
	opts := Options{{UriQuery, value}, {UriPath, value}}
	if _, err := w.Do(w.now, &Outgoing{Code: GET, Options: opts, Confirmable: true, Done: w.result("read")}); err != nil {
		t.Fatal(err)
	}
	value[0] = 'b'
	w.receive(ack(w.last(), Content))
	if got := describe(w.last()); !strings.HasSuffix(got, "Uri-Path=a Uri-Query=a") {
		t.Error(got)
	}
}

// Done may use the Conn as it likes.
func TestDoneReenters(t *testing.T) {
	w := newWire(t, nil)
	_, err := w.Do(w.now, &Outgoing{Code: GET, Confirmable: true, Done: func(now time.Time, r Result) {
		if string(r.Payload) != "one" {
			t.Errorf("payload %q", r.Payload)
		}
		w.request("second", GET, nil)
		w.Reset(now, ErrCanceled)
		w.request("third", GET, nil)
		if string(r.Payload) != "one" {
			t.Errorf("payload %q after other calls", r.Payload)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.receive(ack(w.last(), Content, text("one")))
	w.expect(1, "-- second: error: coap: canceled")
	w.receive(ack(w.last(), Content))
	w.expect(1, "-- third: 2.05")
}

func TestTokensAndMessageIDs(t *testing.T) {
	w := newWire(t, &Params{NStart: 100, MaxPending: 100})
	tokens, mids := map[Token]bool{}, map[uint16]bool{}
	for range 100 {
		w.request("r", GET, nil)
		m := w.last()
		tokens[m.Token], mids[m.MessageID] = true, true
		if m.Token.Len() != 8 {
			t.Fatal("short token")
		}
	}
	if len(tokens) != 100 || len(mids) != 100 {
		t.Errorf("%d tokens, %d Message-IDs", len(tokens), len(mids))
	}
	// The Message-ID of an unacknowledged message is passed over.
	w.mid = w.out[0].MessageID
	w.Respond(w.now, 0, nil)
	if mid := w.nextMID(); mids[mid] {
		t.Errorf("Message-ID %04x is in use", mid)
	}
}

// constant is the worst random source.
type constant uint64

func (c constant) Uint64() uint64 { return uint64(c) }

func TestConstantSource(t *testing.T) {
	w := newWire(t, nil)
	w.Conn = NewConn(&Params{NStart: 5}, w, constant(7))
	for range 5 {
		w.request("r", GET, nil)
	}
	if w.out[3].Token == w.out[4].Token {
		t.Error("token used twice")
	}
}
