package coap

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func observe(v uint32) func(*Message) { return uintOption(Observe, v) }

// notification is what the peer sends to the observer with the token of r.
func notification(t Type, r *Message, mid uint16, v uint32, s string) Message {
	m := ack(r, Content, observe(v), text(s))
	m.Type, m.MessageID = t, mid
	return m
}

func TestObserveClient(t *testing.T) {
	w := newWire(t, nil)
	h := w.request("watch", GET, nil, observe(0), path("3303/0/5700"))
	r := *w.last()
	w.receive(ack(&r, Content, observe(10), text("20")))
	w.receive(notification(NonConfirmable, &r, 1, 11, "21"))
	w.receive(notification(Confirmable, &r, 2, 12, "22"))
	w.receive(notification(Confirmable, &r, 2, 12, "22")) // our acknowledgement was lost
	w.receive(notification(NonConfirmable, &r, 3, 11, "late"))
	w.wait(128 * time.Second)
	w.receive(notification(NonConfirmable, &r, 4, 5, "not newer"))
	w.wait(1)
	w.receive(notification(NonConfirmable, &r, 5, 5, "23")) // after 128 s anything is newer
	if w.pending() != 0 {
		t.Error("an observation counts as an unfinished request")
	}
	w.Cancel(w.now, h)
	w.receive(notification(NonConfirmable, &r, 6, 6, "24"))
	w.receive(notification(Confirmable, &r, 7, 7, "25"))
	w.golden("observe_client")
	w.expect(4, "observing")
	w.expect(2, "-> RST")
}

func TestFresher(t *testing.T) {
	for _, tt := range []struct {
		v1, v2 uint32
		after  time.Duration
		want   bool
	}{
		{1, 2, 0, true}, {2, 1, 0, false}, {5, 5, 0, false},
		{0, 1<<23 - 1, 0, true}, {0, 1 << 23, 0, false},
		{1<<24 - 1, 0, 0, true}, {1 << 23, 0, 0, false}, {1<<23 + 1, 0, 0, true},
		{2, 1, 128 * time.Second, false}, {2, 1, 128*time.Second + 1, true}, {5, 5, 129 * time.Second, true},
	} {
		if got := fresher(tt.v1, tt.v2, epoch, epoch.Add(tt.after)); got != tt.want {
			t.Errorf("%d then %d after %v: %v", tt.v1, tt.v2, tt.after, got)
		}
	}
	if ObserveSequence(1<<24-1) != 0 || ObserveSequence(7) != 8 {
		t.Error("ObserveSequence")
	}
}

func TestObserveClientEnds(t *testing.T) {
	w := newWire(t, nil)
	w.request("refused", GET, nil, observe(0), path("1"))
	w.receive(ack(w.last(), Content, text("no observation")))
	w.expect(1, `-- refused: 2.05 "no observation"`)
	w.request("large", GET, nil, observe(0), path("1"))
	w.reply(Content, block(Block2, 0, 16, numbered(20)))
	w.expect(1, "Uri-Path=1 Block2=1/last/16")
	w.expect(2, "Observe=0 Uri-Path=1") // the follow-up does not register
	w.reply(Content, block(Block2, 1, 16, numbered(20)))
	w.expect(1, `-- large: 2.05 "000000.000001.000002"`)
	w.request("missing", GET, nil, observe(0), path("2"))
	w.receive(ack(w.last(), NotFound))
	w.expect(1, "-- missing: 4.04")
	w.request("deleted", GET, nil, observe(0), path("3"))
	r := *w.last()
	w.receive(ack(&r, Content, observe(1)))
	gone := separate(&r, 9, NotFound)
	w.receive(gone)
	w.expect(1, "-- deleted: 4.04")
	w.expect(0, "4.04, observing")
	w.receive(notification(NonConfirmable, &r, 10, 2, "x"))
	w.expect(1, "-> RST Empty mid=000a")
	if len(w.exchanges) != 0 {
		t.Error("an observation is left")
	}
}

func TestObserveClientReset(t *testing.T) {
	w := newWire(t, nil)
	w.request("watch", GET, nil, observe(0))
	w.receive(ack(w.last(), Content, observe(1)))
	w.wait(time.Hour)
	w.Reset(w.now, ErrCanceled)
	w.expect(1, "-- watch: error: coap: canceled")
}

// Deregistration and renewal use the token of the observation.
func TestObserveClientToken(t *testing.T) {
	w := newWire(t, nil)
	h := w.request("watch", GET, nil, observe(0), path("3"))
	r := *w.last()
	w.receive(ack(&r, Content, observe(1)))
	do := func(name string, v uint32, h Handle) Handle {
		var opts Options
		opts.AddUint(Observe, v)
		opts.AddPath(UriPath, "3")
		h, err := w.Do(w.now, &Outgoing{Code: GET, Confirmable: true, Options: opts, Observation: h, Done: w.result(name)})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h = do("renew", 0, h)
	if w.last().Token != r.Token {
		t.Error("renewed with another token")
	}
	w.reply(Content, observe(2))
	w.receive(notification(NonConfirmable, &r, 5, 3, "new"))
	do("end", 1, h)
	if w.last().Token != r.Token {
		t.Error("ended with another token")
	}
	w.reply(Content, text("last"))
	w.expect(1, "-- watch")
	w.expect(2, "-- renew")
	w.expect(1, `-- end: 2.05 "last"`)
	if len(w.exchanges) != 0 {
		t.Error("an observation is left")
	}
	do("unknown", 1, 999)
	if w.last().Token == r.Token {
		t.Error("token used again")
	}
}

func TestObserveClientBlocks(t *testing.T) {
	w := newWire(t, nil)
	body := numbered(150)
	w.request("watch", GET, nil, observe(0), path("3"), uintOption(Accept, 112))
	r := *w.last()
	w.reply(Content, observe(1), option(ETag, "1"), block(Block2, 0, 64, body))
	w.reply(Content, option(ETag, "1"), block(Block2, 1, 64, body))
	w.reply(Content, option(ETag, "1"), block(Block2, 2, 64, body))
	w.expect(1, "-- watch: 2.05"+describePayload(body)+", observing")

	newer := bytes.ToUpper(bytes.Repeat([]byte("new"), 50))
	first := notification(NonConfirmable, &r, 20, 2, "")
	block(Block2, 0, 64, newer)(&first)
	w.receive(first)
	stale := *w.last()
	w.receive(notification(NonConfirmable, &r, 21, 3, "small")) // newer while the rest is fetched
	w.receive(ack(&stale, Content, block(Block2, 1, 64, newer)))
	first.MessageID, first.Options[0].Value = 22, []byte{4}
	w.receive(first)
	w.wait(2 * time.Minute) // the rest does not come
	w.receive(notification(NonConfirmable, &r, 23, 5, "still"))
	w.golden("observe_client_blocks")
	w.expect(1, `-- watch: 2.05 "small", observing`)
	w.expect(1, "-- watch: error: coap: no answer from the peer in time, observing")
	w.expect(1, `-- watch: 2.05 "still", observing`)
	w.expect(1, "Observe=0 Uri-Path") // only the registration has the option
}

// The rest of a notification is fetched reliably, however the observation was
// registered.
func TestObserveClientNonRegistration(t *testing.T) {
	w := newWire(t, nil)
	var opts Options
	opts.AddUint(Observe, 0)
	if _, err := w.Do(w.now, &Outgoing{Code: GET, Options: opts, Done: w.result("watch")}); err != nil {
		t.Fatal(err)
	}
	reply := notification(NonConfirmable, w.last(), 1, 1, "")
	block(Block2, 0, 16, numbered(20))(&reply)
	w.receive(reply)
	w.expect(1, "-> NON GET")
	w.expect(1, "-> CON GET")
	w.reply(Content, block(Block2, 1, 16, numbered(20)))
	w.expect(1, `-- watch: 2.05 "000000.000001.000002", observing`)
}

func TestObserveClientBadBlocks(t *testing.T) {
	w := newWire(t, &Params{MaxBody: 100})
	w.request("watch", GET, nil, observe(0), path("3"))
	w.reply(Content, observe(1), asks(Block2, 0, true, 64), text("short"))
	w.expect(1, "-- watch: error: coap: block-wise transfer failed, observing")
	if len(w.exchanges) != 1 {
		t.Errorf("%d exchanges", len(w.exchanges))
	}
}

// notify sends a notification that logs its outcome.
func (w *wire) notify(token string, t Type, seq uint32, body string) {
	w.t.Helper()
	err := w.Notify(w.now, &Notification{Token: MakeToken([]byte(token)), Confirmable: t == Confirmable, Sequence: seq,
		Code: Content, Payload: []byte(body), Done: func(_ time.Time, err error) { w.note("-- notified %q: %v", body, err) }})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestNotify(t *testing.T) {
	w := newWire(t, nil)
	w.notify("o", NonConfirmable, 1, "21")
	w.expect(1, `-- notified "21": <nil>`)
	w.notify("o", Confirmable, 2, "22")
	w.expect(0, `-- notified "22"`)
	w.wait(5 * time.Second)
	w.receive(empty(Acknowledgement, w.last().MessageID))
	w.wait(time.Minute)
	w.golden("notify")
	w.expect(2, `-> CON 2.05`)
	w.expect(1, `-- notified "22": <nil>`)
	w.expect(0, "ended")
}

func TestNotifyReset(t *testing.T) {
	w := newWire(t, nil)
	w.notify("a", Confirmable, 1, "con")
	w.receive(empty(Reset, w.last().MessageID))
	w.expect(1, `-- notified "con": coap: peer sent a reset`)
	w.notify("b", NonConfirmable, 2, "non")
	first := w.last().MessageID
	w.notify("b", NonConfirmable, 3, "again")
	w.wait(144 * time.Second)
	w.receive(empty(Reset, first))
	w.receive(empty(Reset, first)) // ended already
	w.notify("c", NonConfirmable, 4, "old")
	w.wait(145 * time.Second)
	w.receive(empty(Reset, w.last().MessageID)) // too late to be ours
	w.golden("notify_reset")
	w.expect(1, "-- observation 61 ended: coap: peer sent a reset")
	w.expect(1, "-- observation 62 ended: coap: peer sent a reset")
	w.expect(2, "ended")
}

func TestNotifyTimeout(t *testing.T) {
	w := newWire(t, nil)
	w.notify("a", Confirmable, 1, "22")
	w.wait(2 * time.Minute)
	w.expect(5, "-> CON 2.05")
	w.expect(1, `-- notified "22": coap: no answer`)
	w.expect(1, "-- observation 61 ended: coap: no answer")
}

// The newest representation takes over the attempts of the one before.
func TestNotifySuperseded(t *testing.T) {
	w := newWire(t, nil)
	w.notify("a", Confirmable, 1, "1")
	old := w.last().MessageID
	w.wait(time.Second)
	w.notify("a", NonConfirmable, 2, "2")
	w.notify("a", NonConfirmable, 3, "3")
	w.wait(2 * time.Second)
	w.expect(1, `-- notified "2": coap: superseded`)
	w.expect(1, `-- notified "1": coap: superseded`)
	w.receive(empty(Acknowledgement, old)) // of what nobody waits for any more
	w.wait(6 * time.Second)
	w.notify("a", NonConfirmable, 4, "4")
	w.receive(empty(Acknowledgement, w.last().MessageID))
	w.expect(1, `-- notified "3": <nil>`)
	w.expect(1, `-- notified "4": <nil>`)
	w.expect(1, "-> NON")
	w.notify("a", Confirmable, 5, "5")
	w.wait(45 * time.Second)
	w.notify("a", Confirmable, 6, "6")
	w.wait(time.Minute)
	w.golden("notify_superseded")
	w.expect(1, `-- notified "5": coap: no answer`)
	w.expect(1, `-- notified "6": coap: no answer`)
	w.expect(1, "ended")
}

// A Reset to the replaced notification ends the observation as well.
func TestNotifySupersededReset(t *testing.T) {
	w := newWire(t, nil)
	w.notify("a", Confirmable, 1, "1")
	old := w.last().MessageID
	w.notify("a", Confirmable, 2, "2")
	w.wait(4 * time.Second)
	w.receive(empty(Reset, old))
	w.expect(1, "ended")
	w.expect(1, `-- notified "2": coap: canceled`)
	w.wait(time.Hour)
	w.expect(2, "-> CON")
}

func TestNotifyError(t *testing.T) {
	w := newWire(t, nil)
	err := w.Notify(w.now, &Notification{Token: MakeToken([]byte("a")), Sequence: 7, Code: NotFound, Payload: []byte("deleted")})
	if err != nil {
		t.Fatal(err)
	}
	w.expect(1, `-> NON 4.04 mid=f510 token=61 "deleted"`)
	for _, n := range []Notification{{Code: GET}, {Code: Content, Options: Options{{ETag, make([]byte, 70000)}}}} {
		if err := w.Notify(w.now, &n); !errors.Is(err, ErrEncode) {
			t.Error(err)
		}
	}
	w.Close(w.now, nil)
	if err := w.Notify(w.now, &Notification{Code: Content}); err != ErrClosed {
		t.Error(err)
	}
}

// Registering again, or canceling, ends the wait for an acknowledgement.
func TestNotifyThenRegisterAgain(t *testing.T) {
	w := newWire(t, nil)
	w.notify("a", Confirmable, 1, "1")
	w.receive(con(GET, 1, "a", observe(0), path("3")))
	w.expect(1, `-- notified "1": coap: canceled`)
	w.wait(time.Hour)
	w.expect(0, "ended")
}

// The first block of a large notification is sent; the rest is asked for
// without Observe and with another token (RFC 7959 §3.4).
func TestNotifyBlocks(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	body := numbered(150)
	var key Key
	w.serve = func(r *Request) {
		key = r.Key
		w.Respond(w.now, r.Ref, &Response{Code: Content, Options: Options{{Observe, nil}}, Payload: body[:10]})
	}
	w.receive(con(GET, 1, "a", observe(0), path("3"), uintOption(Accept, 112)))
	if err := w.Notify(w.now, &Notification{Token: MakeToken([]byte("a")), Key: key, Sequence: 1, Code: Content, Payload: body}); err != nil {
		t.Fatal(err)
	}
	got := bytes.Clone(w.last().Payload)
	for n := uint32(1); n < 3; n++ {
		w.receive(con(GET, uint16(n+1), "b", path("3"), uintOption(Accept, 112), asks(Block2, n, false, 64)))
		got = append(got, w.last().Payload...)
	}
	w.golden("notify_blocks")
	w.expect(1, "-- request")
	if !bytes.Equal(got, body) {
		t.Errorf("got %q", got)
	}
	if err := w.Notify(w.now, &Notification{Token: MakeToken([]byte("a")), Code: Content, Payload: body}); err != nil {
		t.Fatal(err)
	}
	if len(w.snapshots) != 1 {
		t.Error("a body without a Key was kept")
	}
}

// A Reset of the answer to the registration ends the observation as well.
func TestObserveResponseReset(t *testing.T) {
	w := newWire(t, nil)
	refs := manual(w)
	w.receive(con(GET, 1, "a", observe(0)))
	w.receive(non(GET, 2, "b", observe(0)))
	w.wait(2 * time.Second)
	for _, ref := range *refs {
		w.Respond(w.now, ref, &Response{Code: Content, Options: Options{{Observe, nil}}})
		w.receive(empty(Reset, w.last().MessageID))
	}
	w.expect(1, "-- observation 61 ended: coap: peer sent a reset")
	w.expect(1, "-- observation 62 ended: coap: peer sent a reset")
	w.wait(time.Hour)
	w.expect(1, "-> CON")
}

// The answer to a registration may be block-wise as well.
func TestObserveResponseBlocks(t *testing.T) {
	w := newWire(t, &Params{BlockSize: 64})
	body := numbered(100)
	w.serve = func(r *Request) {
		w.Respond(w.now, r.Ref, &Response{Code: Content, Options: Options{{Observe, []byte{9}}}, Payload: body})
	}
	w.receive(con(GET, 1, "a", observe(0), path("3")))
	w.receive(con(GET, 2, "b", path("3"), asks(Block2, 1, false, 64)))
	w.expect(1, "Observe=9")
	w.expect(1, "-- request")
}
