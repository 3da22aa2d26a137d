package coap

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"
	"time"
)

func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		b, _ := hex.DecodeString(v.hex)
		f.Add(b)
	}
	for _, s := range []string{"40011234ff", "490112340102030405060708ff", "40011234e0fef2", "40011234d0", "4000123400", "50217001", "40011234b133ff00"} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Message
		if err := m.Parse(b); err != nil {
			if _, ok := err.(*FormatError); !ok {
				t.Fatalf("error %T", err)
			}
			return
		}
		encoded, err := m.Append(nil)
		if err != nil {
			t.Fatalf("%s cannot be encoded: %v", describe(&m), err)
		}
		var again Message
		if err := again.Parse(encoded); err != nil {
			t.Fatalf("%x does not parse: %v", encoded, err)
		}
		if describe(&again) != describe(&m) || !bytes.Equal(again.Payload, m.Payload) {
			t.Fatalf("%s became %s", describe(&m), describe(&again))
		}
		if twice, _ := again.Append(nil); !bytes.Equal(twice, encoded) {
			t.Fatalf("encoded %x, then %x", encoded, twice)
		}
		before := len(m.Options)
		if m.Options.Check(); len(m.Options) > before {
			t.Fatal("Check adds options")
		}
	})
}

// fuzzed is the owner of a Conn that is fed with arbitrary input.
type fuzzed struct {
	t     *testing.T
	conn  *Conn
	now   time.Time
	refs  []Ref
	last  Message
	limit *Params
}

func (z *fuzzed) Transmit(b []byte) {
	var m Message
	if err := m.Parse(bytes.Clone(b)); err != nil {
		z.t.Fatalf("sent %x: %v", b, err)
	}
	if len(b) > z.limit.maxMessageSize() {
		z.t.Fatalf("sent %d bytes", len(b))
	}
	if m.Type == Confirmable {
		z.last = m
	}
}

func (z *fuzzed) ServeRequest(now time.Time, r *Request) {
	resp := &Response{Code: Content, Payload: numbered(len(r.Payload) % 300)}
	if v, ok := r.Options.Get(Observe); ok {
		resp.Options.Add(Observe, v)
	}
	if len(r.Token.String())%3 == 0 {
		z.refs = append(z.refs, r.Ref)
		return
	}
	z.conn.Respond(now, r.Ref, resp)
}

func (z *fuzzed) ObservationEnded(time.Time, Token, error) {}

func (z *fuzzed) StreamRequest(_ time.Time, r *Request) Sink {
	if r.Code == PUT {
		return z
	}
	return nil
}

func (z *fuzzed) Block(now time.Time, ref Ref, _ int64, data []byte, last bool) {
	switch {
	case last:
		z.conn.Respond(now, ref, &Response{Code: Changed})
	case len(data)%32 == 0:
		z.conn.Continue(now, ref)
	default:
		z.refs = append(z.refs, ref)
	}
}

func (z *fuzzed) Abort(time.Time, error) {}

// act does what the owner may do at any time.
func (z *fuzzed) act(b byte) {
	done := func(now time.Time, r Result) {
		if b&0x80 != 0 && r.Err == nil {
			z.conn.Cancel(now, Handle(z.conn.serial))
		}
	}
	switch b % 7 {
	case 0, 1:
		var opts Options
		if b&0x40 != 0 {
			opts.AddUint(Observe, 0)
		}
		_, _ = z.conn.Do(z.now, &Outgoing{Code: Code(1 + b>>3%7), Confirmable: b&8 != 0, Options: opts, Payload: numbered(int(b) % 100), Done: done})
	case 2:
		_ = z.conn.Notify(z.now, &Notification{Token: MakeToken([]byte{b}), Confirmable: b&8 != 0, Code: Content, Payload: numbered(int(b))})
	case 3:
		for _, ref := range z.refs {
			z.conn.Respond(z.now, ref, &Response{Code: Content, Payload: numbered(int(b))})
			z.conn.Continue(z.now, ref)
		}
		z.refs = nil
	case 4:
		_ = z.conn.Ping(z.now, func(time.Time, error) {})
	case 5:
		z.conn.Cancel(z.now, Handle(b>>3))
	case 6:
		if b>>3 == 0 {
			z.conn.Reset(z.now, ErrCanceled)
		}
	}
}

func (z *fuzzed) check() {
	c, p := z.conn, z.limit
	dedup := 0
	if c.seen != nil {
		dedup = c.seen.bytes
		if c.seen.count > p.dedupEntries() {
			z.t.Fatalf("%d Message-IDs", c.seen.count)
		}
	}
	if len(c.serving) > p.maxPending() || len(c.uploads) > p.maxTransfers() || len(c.snapshots) > p.maxTransfers() ||
		c.pending() > p.maxPending() || dedup > p.dedupBytes() || len(c.sent) > maxSentNotes {
		z.t.Fatalf("over the limits: %+v", c)
	}
	for _, u := range c.uploads {
		if len(u.body) > p.maxBody() {
			z.t.Fatalf("body of %d bytes", len(u.body))
		}
	}
	for _, e := range c.exchanges {
		if !e.observing && !e.queued && !e.waiting() && e.sending == nil {
			z.t.Fatalf("an exchange waits for nothing: %+v", e)
		}
	}
}

// FuzzReceive reads its input as a script. Each step begins with a byte: its
// two lowest bits choose between a datagram of the peer, time, an action of
// the owner, and an answer to what was sent last.
func FuzzReceive(f *testing.F) {
	var script []byte
	for _, v := range vectors {
		b, _ := hex.DecodeString(v.hex)
		script = append(script, 0, byte(len(b)))
		script = append(script, b...)
	}
	f.Add(script)
	f.Add([]byte{2, 8, 3, 3, 0x45, 0xd1, 0x0a, 8, 0xff, 'x', 1, 200, 2, 0x48, 3, 4, 0x45, 0x60, 1, 0xff, 1, 255})
	f.Add([]byte{2, 9, 2, 10, 2, 3, 2, 4, 1, 5, 1, 50, 1, 255, 1, 255, 2, 6})
	f.Fuzz(func(t *testing.T, in []byte) {
		p := &Params{BlockSize: 32, MaxBody: 200, MaxTransfers: 3, MaxPending: 4, DedupEntries: 5, DedupBytes: 300, MaxMessageSize: 256}
		z := &fuzzed{t: t, now: epoch, limit: p}
		z.conn = NewConn(p, z, rand.New(rand.NewPCG(1, 2)))
		for len(in) >= 2 {
			op, arg := in[0], in[1]
			in = in[2:]
			switch op & 3 {
			case 0, 3:
				n := min(int(arg), len(in))
				z.deliver(op, in[:n])
				in = in[n:]
			case 1:
				z.pass(time.Duration(arg) * time.Second)
			case 2:
				z.act(arg)
			}
			z.check()
		}
		z.conn.Close(z.now, nil)
		if !z.conn.Deadline().IsZero() {
			t.Fatal("a closed Conn has a deadline")
		}
	})
}

// deliver passes b as a datagram, or as what follows the token in an answer to
// the message sent last.
func (z *fuzzed) deliver(op byte, b []byte) {
	if op&3 == 3 && len(b) > 0 {
		head := Message{Type: Acknowledgement, Code: Content, MessageID: z.last.MessageID, Token: z.last.Token}
		if op&4 != 0 {
			head.Type, head.MessageID = Type(op>>3&1), uint16(op)
		}
		answer, err := head.Append(nil)
		if err != nil {
			z.t.Fatal(err)
		}
		answer[1] = b[0]
		b = append(answer, b[1:]...)
	}
	z.conn.Receive(z.now, b)
}

func (z *fuzzed) pass(d time.Duration) {
	z.now = z.now.Add(d)
	z.conn.Expire(z.now)
	if next := z.conn.Deadline(); !next.IsZero() && !next.After(z.now) {
		z.t.Fatalf("Expire leaves a deadline that is over: %+v", z.conn)
	}
}
